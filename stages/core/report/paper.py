"""The paper's own figures. They are shown for reference where a profile asks for them, and are
never mixed with ours.

Compress-Distill: Reasoning Trace Compression for Efficient Knowledge Distillation (arXiv
2606.05988): what its abstract and its published summary give. Most are ranges over its teachers,
compressors, students and methods; "up to" gives a maximum and no range.
"""

from collections.abc import Mapping
from dataclasses import dataclass

SOURCE = "arXiv 2606.05988"
NAME = f"the paper's range ({SOURCE})"
MAXIMUM = "the paper's maximum"
QWEN, GPT_OSS = "Qwen3.5-397B-A17B", "gpt-oss-120B"
LLAMA, MINISTRAL = "Llama-3.3-70B-Instruct", "Ministral-3-14B-Instruct-2512"
TRACES = 283_000  # about as many are kept of each teacher
# Mean ratios of compressed to raw characters, by teacher and compressor. The paper does not say
# whether they are over traces or over sets.
RHO_MEANS = {
    (QWEN, LLAMA): 0.142,
    (QWEN, MINISTRAL): 0.086,
    (GPT_OSS, LLAMA): 0.210,
    (GPT_OSS, MINISTRAL): 0.147,
}
# Ranges over all compressed traces and their students, as fractions of what raw ones have
RHO = (min(RHO_MEANS.values()), max(RHO_MEANS.values()))
TRAINING_TOKENS = (0.12, 0.30)
TRAINING_SECONDS = (1 / 7.6, 1 / 2.0)  # "2.0-7.6 times faster"
OUTPUT = (1 / 19, 1 / 3)  # "outputs 3-19 times shorter"
# Maxima of students of compressed traces beside those of raw ones
RETENTION = 0.96  # "up to 96%"
EFFICIENCY = 18.0  # "up to 18 times"


@dataclass(frozen=True)
class SetFigures:
    """What the paper gives of its Qwen teacher on one question set: accuracy and mean characters of
    raw traces.
    """

    name: str
    accuracy: float
    chars: int


# By our name of the set
SETS: Mapping[str, SetFigures] = {
    "multiarith": SetFigures("MultiArith", 0.990, 1750),
    "gpqa_diamond": SetFigures("GPQA Diamond", 0.682, 18734),
}
# What the paper says of the numbers of a table, as a note below it, by the table's file name
NOTES: Mapping[str, str] = {
    "2_traces": (
        f'Rows that begin with "paper:" are from {SOURCE}, which kept about {TRACES:,} traces of '
        "each teacher."
    ),
    "3_compression": (
        f'Rows that begin with "paper:" are means from {SOURCE}: over traces or over sets is '
        "unknown."
    ),
    "4_accuracy": (
        f"The paper ({SOURCE}): raw is the most accurate at every scale and for both teachers, "
        f"then traces compressed by {LLAMA}, then by {MINISTRAL}; answer only is the least."
    ),
    "5_lengths": (
        f"The paper ({SOURCE}): students of compressed traces write 3 to 19 times less than raw's."
    ),
    "6_cost": (
        f"The paper ({SOURCE}): training on compressed traces is 2.0 to 7.6 times faster than on "
        "raw ones."
    ),
    "6b_amounts": (
        f"The paper ({SOURCE}): compressed traces have 0.12 to 0.30 of raw's training tokens."
    ),
    "7_truncation": (
        f"The paper ({SOURCE}): compression is mostly higher than truncation or level with it, "
        "above all for small students."
    ),
    "8_retention_efficiency": (
        f"The paper ({SOURCE}): retention of compressed traces up to {RETENTION:.0%}, outputs 3 "
        f"to 19 times shorter, efficiency up to {EFFICIENCY:.0f} times raw's."
    ),
}
