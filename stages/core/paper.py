"""The paper's own figures, drawn as reference ranges where a profile asks for them, never mixed with ours.

Compress-Distill: Reasoning Trace Compression for Efficient Knowledge Distillation (arXiv 2606.05988): what its abstract
and its published summary give. They are ranges over its teachers, compressors, students and methods; "up to" gives a
maximum and no range.
"""

NAME = "the paper's range (arXiv 2606.05988)"
MAXIMUM = "the paper's maximum"
RHO = (0.086, 0.210)  # means of compressed / raw characters, over teachers and compressors
TRAINING_TOKENS = (0.12, 0.30)  # of compressed traces, of raw's
TRAINING_SECONDS = (1 / 7.6, 1 / 2.0)  # "2.0-7.6 times faster"
OUTPUT = (1 / 19, 1 / 3)  # "outputs 3-19 times shorter"
RETENTION = 0.96  # "up to 96%"
EFFICIENCY = 18.0  # "up to 18 times"
