"""Do the intervals hold what they say? Coverage, and comparisons of a policy with itself, on episodes of `small_team`.

4,096 episodes are played once. From them 1,000 evaluations are drawn: their intervals should hold the saving over all
4,096 in 95 % of cases; a policy compared with itself, on two sets of episodes that share none, should differ in 5 %.
"""

import numpy as np
from parts.machine import described
from parts.results import options, publish, table

from tidegate.agents.evaluation import compare
from tidegate.agents.evaluation.compare import paired
from tidegate.agents.evaluation.evaluate import evaluate
from tidegate.agents.evaluation.policies import resolve
from tidegate.envs.scenario import load

SCENARIO, EPISODES, SEED = "small_team", 4096, 7
STUDIES = 1000
SIZES = (16, 64, 128)
PAIRS = (("cost-greedy", "spill-after"), ("cost-greedy", "first-fit"), ("first-fit", "cost-greedy"))


def main() -> None:
    given = options(__doc__)
    names = sorted({name for pair in PAIRS for name in pair})
    report = evaluate(load(SCENARIO), [resolve(name) for name in names], EPISODES, SEED)
    costs = {policy.name: policy.avoidable.astype(float) for policy in report.policies}
    compare.RESAMPLES = 2000  # of each of some thousand intervals
    rows = [[str(size), *(covered(costs, pair, size) for pair in PAIRS), alike(costs, size)] for size in SIZES]
    head = ["episodes", *(f"{b} against {a}" for a, b in PAIRS), "cost-greedy against itself"]
    publish("intervals", described([]), given.repeats, [table(head, rows)], given.write)


def covered(costs: dict[str, np.ndarray], pair: tuple[str, str], size: int) -> str:
    """Per cent of intervals that hold the saving over all episodes."""
    first, other = (costs[name] for name in pair)
    truth, rng = 1 - other.sum() / first.sum(), np.random.default_rng(size)
    held = 0
    for study in range(STUDIES):
        chosen = rng.integers(0, EPISODES, size)
        found = paired(first[chosen], other[chosen], np.arange(size), study)
        held += found.low <= truth <= found.high
    return f"{100 * held / STUDIES:.1f} % covered"


def alike(costs: dict[str, np.ndarray], size: int) -> str:
    """Per cent of comparisons with itself, on disjoint episodes, that find a difference."""
    own, rng = costs["cost-greedy"], np.random.default_rng(size)
    found = 0
    for study in range(STUDIES):
        chosen = rng.permutation(EPISODES)[: 2 * size]
        interval = paired(own[chosen[:size]], own[chosen[size:]], np.arange(size), study)
        found += interval.low > 0 or interval.high < 0
    return f"{100 * found / STUDIES:.1f} % differ"


if __name__ == "__main__":
    main()
