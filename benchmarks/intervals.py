"""Do the intervals hold what they say? Coverage, and comparisons of a policy with itself, on episodes of `small_team`.

8,192 episodes, in stretches of four, are played once. From them 1,000 evaluations are drawn, stretch by stretch: their
intervals should hold the saving over all 8,192 in 95 % of cases; a policy compared with itself, on two sets of
stretches that share none, should differ in 5 %. Twelve sets of knobs, drawn at random, stand for what a training makes:
a group of seeds is drawn from them, and should hold the interquartile mean of all twelve.
"""

from dataclasses import replace

import numpy as np
from parts.machine import described
from parts.results import options, publish, table

from tidegate.agents.evaluation import compare
from tidegate.agents.evaluation.compare import NOTHING, paired
from tidegate.agents.evaluation.evaluate import evaluate
from tidegate.agents.evaluation.policies import resolve
from tidegate.agents.evaluation.seeds import middle, middle_mean
from tidegate.agents.rules import cost_greedy
from tidegate.envs.scenario import load
from tidegate.fastsim.agent import Agent

SCENARIO, EPISODES, SEED = "small_team", 8192, 7
STUDIES = 1000
SIZES = (4, 5, 6, 7, 8, 16, 32, 64)  # stretches
PAIRS = (("cost-greedy", "spill-after"), ("cost-greedy", "first-fit"), ("first-fit", "cost-greedy"))
TRAININGS, GROUPS, GROUP_SIZES = 12, (2, 3, 5, 10), (4, 8, 16, 64)
FIRST = "first-fit"  # what groups are compared with


def main() -> None:
    given = options(__doc__)
    names = sorted({name for pair in PAIRS for name in pair})
    trained = trainings()
    report = evaluate(load(SCENARIO), [*(resolve(name) for name in names), *trained], EPISODES, SEED)
    stretch = np.unique(report.blocks, return_inverse=True)[1]
    costs = {policy.name: np.bincount(stretch, policy.avoidable) for policy in report.policies}
    in_a_row = EPISODES // len(costs[names[0]])
    compare.RESAMPLES = 2000  # of each of some thousand intervals
    rows = []
    for size in SIZES:
        held = [covered(costs, pair, size) for pair in PAIRS]
        rows.append([f"{in_a_row * size} in {size}", *held, alike(costs, size)])
    head = ["episodes in stretches", *(f"{b} against {a}" for a, b in PAIRS), "cost-greedy against itself"]
    population = np.stack([costs[agent.name] for agent in trained])
    groups = []
    for size in GROUP_SIZES:
        held = [group_covered(costs[FIRST], population, seeds, size) for seeds in GROUPS]
        alone = group_covered(costs[FIRST], population, 5, size, is_narrow=True)
        groups.append([f"{in_a_row * size} in {size}", *held, alone])
    heads = ["episodes in stretches", *(f"{count} seeds" for count in GROUPS), "5 seeds, by stretches alone"]
    publish("intervals", described([], "all were"), 1, [table(head, rows), table(heads, groups)], given.write)


def trainings() -> list[Agent]:
    """Cost-greedy with knobs drawn at random: its trust in estimated waits, and a factor on it for each class."""
    rng, classes = np.random.default_rng(SEED), len(load(SCENARIO).terms)
    return [
        replace(
            cost_greedy.agent(
                cost_greedy.Knobs(wait=rng.lognormal(0, 0.5), by_class=tuple(rng.lognormal(0, 0.3, classes)))
            ),
            name=f"training {number}",
        )
        for number in range(TRAININGS)
    ]


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


def group_covered(first: np.ndarray, population: np.ndarray, seeds: int, size: int, is_narrow: bool = False) -> str:
    """Per cent of intervals over so many seeds and stretches that hold the mean of all of (trainings, stretches).

    A narrow interval leaves out what the seeds add.
    """
    truth = float(middle_mean(1 - population.sum(axis=1) / first.sum()))
    rng, held = np.random.default_rng([size, seeds]), 0
    for study in range(STUDIES):
        chosen, drawn = rng.integers(0, len(first), size), rng.integers(0, len(population), seeds)
        group = middle(population[drawn][:, chosen], study)
        spread = NOTHING if is_narrow else group.spread
        found = paired(first[chosen], group.amounts, np.arange(size), study, spread)
        held += found.low <= truth <= found.high
    return f"{100 * held / STUDIES:.1f} % covered"


if __name__ == "__main__":
    main()
