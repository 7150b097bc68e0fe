"""Results with just what figures show, for the tests of figures."""

import itertools

from stages.core.cells import Cell
from stages.core.grid import ALL
from stages.core.report.results import Result, TrainingCost
from stages.core.statistics.measures import Estimate
from tests.synthetic import measured

ARMS = ("raw", "light", "strong", "truncated_light", "answer_only", "untrained")
COST = TrainingCost(
    examples=1,
    passes=1.0,
    steps=1,
    tokens=1,
    total_tokens=2,
    flops=12,
    packed=True,
    each_seconds=(1.0,),
    peak_memory_gb=1.0,
    devices=("cpu (2 threads)",),
    relative_tokens=0.5,
    relative_flops=0.6,
    relative_seconds=Estimate(0.25),
)
ACCURACIES_AND_TOKENS = ((0.7, 300), (0.6, 110), (0.5, 60), (0.3, 100), (0.1, 12), (0.2, 180))


def result(
    target: str, accuracy: float, tokens: float, *, student: str = "small", method: str = "full"
) -> Result:
    """The result of an arm."""
    estimate = Estimate(accuracy, max(0, accuracy - 0.1), min(1, accuracy + 0.1))
    ratios = dict.fromkeys(("retention", "output", "efficiency"), estimate)
    measure = measured(40, estimate, tokens, **ratios)
    scopes = {(ALL, ALL): measure}
    if target == "untrained":
        return Result(Cell.untrained(student), None, scopes)
    return Result(Cell("solver", target, student, method, ""), COST, scopes)


def grid_results(students: int, methods: int) -> list[Result]:
    """The results of every arm of a small grid."""
    shapes = dict(zip(ARMS, ACCURACIES_AND_TOKENS, strict=True))
    results = []
    for student, method, arm in itertools.product(range(students), range(methods), ARMS[:-1]):
        accuracy, tokens = shapes[arm]
        results.append(result(arm, accuracy, tokens, student=f"s{student}", method=f"m{method}"))
    accuracy, tokens = shapes["untrained"]
    for student in range(students):
        results.append(result("untrained", accuracy, tokens, student=f"s{student}"))
    return results
