"""The check of a machine with an NVIDIA GPU: pack.py here, unpack.py and check.py there."""
