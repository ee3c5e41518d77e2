"""The robustness sheet: every policy in every shifted world; what learned ones lose without a part of what they see."""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import NamedTuple

from ...envs.scenario import Scenario
from ...fastsim.agent import Player
from ..evaluation.compare import Interval, paired
from ..evaluation.evaluate import evaluate
from ..evaluation.report import Report
from .ablations import VERSIONS, Ablated, ablated, learned
from .linear import Agreement
from .shifts import shifts_of

EPISODES = 16


class Flip(NamedTuple):
    """Two policies that change places in a shifted world."""

    better: str  # there
    worse: str
    is_certain: bool  # the interval of what the one saves against the other, there, excludes 0


class Row(NamedTuple):
    """One world."""

    name: str
    report: Report
    flips: tuple[Flip, ...]


class Ablation(NamedTuple):
    """A learned policy without a part of what it sees, in the world as it is."""

    policy: str
    against: str  # the whole policy
    cost: Interval  # avoidable, $ per week
    saved: Interval  # against the whole policy; below 0: the part is of use
    agreement: Agreement | None  # of a weighted sum with the policy


class Sheet(NamedTuple):
    """All of it; the first row is the world as it is."""

    scenario: str
    seed: int
    episodes: int
    rows: tuple[Row, ...]
    ablations: tuple[Ablation, ...]
    notes: tuple[str, ...]


def stressed(
    scenario: Scenario,
    agents: Sequence[Player],
    episodes: int = EPISODES,
    seed: int = 0,
    progress: Callable[[float], object] | None = None,
) -> Sheet:
    """Play every agent, unchanged, on the same episodes of every shifted world.

    `progress` takes the share that is done. Raises InputError where an evaluation does.
    """
    shifts = shifts_of(scenario, seed)
    wholes = learned(agents)
    usual = len(agents) + VERSIONS * len(wholes)
    counts = [usual, *(len(agents) for _ in shifts.played[1:])]  # plays of an episode in each world
    plays = len(wholes) + sum(counts)  # to make the versions of a policy takes about as long as an evaluation
    versions: list[Ablated] = []
    for number, whole in enumerate(wholes):
        versions += ablated(whole, scenario, seed)
        if progress is not None:
            progress((number + 1) / plays)
    rows: list[Row] = []
    for number, shift in enumerate(shifts.played):
        players = [*agents, *(one.part for one in versions)] if number == 0 else list(agents)
        behind = len(wholes) + sum(counts[:number])

        def told(done: int, count: int, behind: int = behind, number: int = number) -> None:
            if progress is not None:
                progress((behind + done / count * counts[number]) / plays)

        report = evaluate(shift.scenario, players, episodes, seed, load=shift.load, progress=told, change=shift.change)
        flips = _flips(rows[0].report, report, len(agents)) if rows else ()
        rows.append(Row(shift.name, report, flips))
    notes = (*rows[0].report.notes, *(f"left out: {reason}" for reason in shifts.left_out))
    return Sheet(scenario.name, seed, episodes, tuple(rows), _ablations(rows[0].report, versions), notes)


def _ablations(report: Report, versions: list[Ablated]) -> tuple[Ablation, ...]:
    """What each version costs, beside the whole policy."""
    found = {policy.name: policy.avoidable for policy in report.policies}
    return tuple(
        Ablation(
            part.name,
            whole.name,
            report.weekly(found[part.name]),
            paired(found[whole.name], found[part.name], report.blocks, report.seed),
            agreement,
        )
        for whole, part, agreement in versions
    )


def _flips(usual: Report, shifted: Report, count: int) -> tuple[Flip, ...]:
    """Pairs among the first `count` policies whose order by avoidable cost is another than in the world as it is."""
    before = [int(policy.avoidable.sum()) for policy in usual.policies[:count]]
    after = [int(policy.avoidable.sum()) for policy in shifted.policies[:count]]
    flips = []
    for one, other in combinations(range(count), 2):
        if (before[one] - before[other]) * (after[one] - after[other]) >= 0:
            continue
        better, worse = (one, other) if after[one] < after[other] else (other, one)
        good, bad = shifted.policies[better], shifted.policies[worse]
        saved = paired(bad.avoidable, good.avoidable, shifted.blocks, shifted.seed)
        flips.append(Flip(good.name, bad.name, saved.low > 0))
    return tuple(flips)
