"""The check of a machine with an NVIDIA GPU: pack.py here, unpack.py and check.py there."""

import os

os.environ["HF_HUB_OFFLINE"] = (
    "1"  # read when the libraries are imported: nothing here may reach for a hub
)
