"""The machine that a stage runs on: its devices, its clock and its memory allocator."""
