"""Do the intervals hold what they say? Coverage, and comparisons of a policy with itself, on episodes of `small_team`.

8,192 episodes, in stretches of four, are played once. From them 1,000 evaluations are drawn, stretch by stretch: their
intervals should hold the saving over all 8,192 in 95 % of cases; a policy compared with itself, on two sets of
stretches that share none, should differ in 5 %.
"""

import numpy as np
from parts.machine import described
from parts.results import options, publish, table

from tidegate.agents.evaluation import compare
from tidegate.agents.evaluation.compare import paired
from tidegate.agents.evaluation.evaluate import evaluate
from tidegate.agents.evaluation.policies import resolve
from tidegate.envs.scenario import load

SCENARIO, EPISODES, SEED = "small_team", 8192, 7
STUDIES = 1000
SIZES = (32, 64, 128, 256)
PAIRS = (("cost-greedy", "spill-after"), ("cost-greedy", "first-fit"), ("first-fit", "cost-greedy"))


def main() -> None:
    given = options(__doc__)
    names = sorted({name for pair in PAIRS for name in pair})
    report = evaluate(load(SCENARIO), [resolve(name) for name in names], EPISODES, SEED)
    stretch = np.unique(report.blocks, return_inverse=True)[1]
    costs = {policy.name: np.bincount(stretch, policy.avoidable) for policy in report.policies}
    in_a_row = EPISODES // len(costs[names[0]])
    compare.RESAMPLES = 2000  # of each of some thousand intervals
    rows = []
    for size in SIZES:
        count = size // in_a_row
        held = [covered(costs, pair, count) for pair in PAIRS]
        rows.append([f"{size} in {count}", *held, alike(costs, count)])
    head = ["episodes in stretches", *(f"{b} against {a}" for a, b in PAIRS), "cost-greedy against itself"]
    publish("intervals", described([], "all were"), 1, [table(head, rows)], given.write)


def covered(costs: dict[str, np.ndarray], pair: tuple[str, str], size: int) -> str:
    """Per cent of intervals over `size` stretches that hold the saving over all."""
    first, other = (costs[name] for name in pair)
    truth, rng = 1 - other.sum() / first.sum(), np.random.default_rng(size)
    held = 0
    for study in range(STUDIES):
        chosen = rng.integers(0, len(first), size)
        found = paired(first[chosen], other[chosen], np.arange(size), study)
        held += found.low <= truth <= found.high
    return f"{100 * held / STUDIES:.1f} % covered"


def alike(costs: dict[str, np.ndarray], size: int) -> str:
    """Per cent of comparisons with itself, on disjoint sets of `size` stretches, that find a difference."""
    own, rng = costs["cost-greedy"], np.random.default_rng(size)
    found = 0
    for study in range(STUDIES):
        chosen = rng.permutation(len(own))[: 2 * size]
        interval = paired(own[chosen[:size]], own[chosen[size:]], np.arange(size), study)
        found += interval.low > 0 or interval.high < 0
    return f"{100 * found / STUDIES:.1f} % differ"


if __name__ == "__main__":
    main()
