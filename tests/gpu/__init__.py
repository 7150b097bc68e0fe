"""The check of a machine with an NVIDIA GPU: pack.py here, unpack.py and check.py there."""

import os

# Nothing here may reach for a hub. The libraries read this when they are imported
os.environ["HF_HUB_OFFLINE"] = "1"
