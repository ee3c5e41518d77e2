"""The robustness sheet: every policy in every shifted world; what learned ones lose without a part of what they see."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from ...envs.scenario import Scenario
from ...fastsim.agent import Player
from ..evaluation.compare import Interval, paired
from ..evaluation.evaluate import evaluate
from ..evaluation.report import Report, with_groups
from ..evaluation.seeds import between
from ..evaluation.source import Key
from .ablations import VERSIONS, Ablated, ablated, learned
from .linear import Agreement
from .shifts import Shift, shifts_of

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
    policies: tuple[str, ...]  # that are compared: in place of those that differ by their training seed, their group
    rows: tuple[Row, ...]
    ablations: tuple[Ablation, ...]
    notes: tuple[str, ...]


def stressed(
    scenario: Scenario,
    agents: Sequence[Player],
    episodes: int = EPISODES,
    seed: int = 0,
    progress: Callable[[float], object] | None = None,
    groups: Mapping[str, tuple[str, ...]] | None = None,
    bounds: Sequence[tuple[str, Any]] = (),
) -> Sheet:
    """Play every agent, unchanged, on the same episodes of every shifted world.

    Args:
        scenario: The world as it is.
        agents: The others are compared with the first.
        episodes: In every world.
        seed: Names the episodes.
        progress: Takes the share that is done.
        groups: Agents that differ by their training seed only, by the name of the group.
        bounds: Headroom of worlds that differ in nothing but the load, with the names of its files.

    Raises:
        InputError: where an evaluation does, and for bounds of none of the worlds.
    """
    shifts, groups = shifts_of(scenario, seed), groups or {}
    headroom = _placed(bounds, shifts.played, seed)
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
    compared: tuple[str, ...] = ()
    for number, shift in enumerate(shifts.played):
        players = [*agents, *(one.part for one in versions)] if number == 0 else list(agents)
        behind = len(wholes) + sum(counts[:number])

        def told(done: int, count: int, behind: int = behind, number: int = number) -> None:
            if progress is not None:
                progress((behind + done / count * counts[number]) / plays)

        played = evaluate(shift.scenario, players, episodes, seed, load=shift.load, progress=told, change=shift.change)
        report = _with_gaps(with_groups(played, groups), headroom[number])
        compared = report.contenders[: len(report.contenders) - len(players) + len(agents)]
        flips = _flips(rows[0].report, report, compared) if rows else ()
        rows.append(Row(shift.name, report, flips))
    notes = dict.fromkeys(note for row in rows if row.report.gaps or row is rows[0] for note in row.report.notes)
    told_all = (*notes, *(f"left out: {reason}" for reason in shifts.left_out))
    return Sheet(scenario.name, seed, episodes, compared, tuple(rows), _ablations(rows[0].report, versions), told_all)


def _placed(bounds: Sequence[tuple[str, Any]], played: Sequence[Shift], seed: int) -> list[Any]:
    """For each world its headroom, or None. Those whose episodes are changed have none."""
    chosen: list[Any] = [None] * len(played)
    if bounds:
        from ..bound.gaps import placed  # brings a solver, which all else does without

        numbers = [number for number, shift in enumerate(played) if shift.change is None]
        keys = [Key(1.0, played[number].scenario.digest(), None, played[number].load, seed) for number in numbers]
        for number, found in zip(numbers, placed(bounds, keys), strict=True):
            chosen[number] = found
    return chosen


def _with_gaps(report: Report, found: Any) -> Report:
    if found is None:
        return report
    from ..bound.gaps import with_gaps

    return with_gaps(report, found)


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


def _flips(usual: Report, shifted: Report, names: Sequence[str]) -> tuple[Flip, ...]:
    """Pairs of policies or groups whose order by avoidable cost is another than in the world as it is."""
    before = [float(usual.cost(name).amounts.sum()) for name in names]
    after = [float(shifted.cost(name).amounts.sum()) for name in names]
    flips = []
    for one, other in combinations(range(len(names)), 2):
        if (before[one] - before[other]) * (after[one] - after[other]) >= 0:
            continue
        better, worse = (one, other) if after[one] < after[other] else (other, one)
        good, bad = shifted.cost(names[better]), shifted.cost(names[worse])
        saved = paired(bad.amounts, good.amounts, shifted.blocks, shifted.seed, between(bad, good))
        flips.append(Flip(names[better], names[worse], saved.low > 0))
    return tuple(flips)
