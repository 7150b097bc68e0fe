"""What can be known of a profile before anything of it is paid for.

It is read from configs, tokenizers and the first rows of data sets alone.
"""

import logging

# At its import bitsandbytes says that kernels of the hub are missing
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
