"""What can be known of a profile before anything of it is paid for, from configs, tokenizers and
first rows alone.
"""

import logging

logging.getLogger("bitsandbytes").setLevel(
    logging.ERROR
)  # at its import it says that kernels of the hub are missing
