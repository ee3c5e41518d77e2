"""Choose a policy for a scenario: heats on a few episodes, a final on all, and the winner proves itself on fresh ones.

The incumbent stays unless another is cheaper on episodes that no race has seen, by a 95 % interval clear of zero, and
lets nobody wait longer there: whoever wins among many has had luck, and whoever is replaced was known.
"""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from math import isfinite, isnan
from typing import NamedTuple

import numpy as np

from ...envs.scenario import Scenario
from ...envs.traces.table import Trace
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from ...fastsim.threads import each
from ..evaluation.cohort import Chunk
from ..evaluation.compare import Interval, paired
from ..evaluation.episodes import CONFIRMATION, MOST_EPISODES, RACE, Draws
from ..evaluation.evaluate import scores_of
from ..evaluation.policies import check_names
from ..evaluation.report import resampled
from ..evaluation.scoring import COSTS
from ..evaluation.source import Source
from .chosen import Chosen, Proof, Settings, Stand, knobs_digest

EPISODES, EPISODES_OF_A_TRACE = 64, 2
FINALISTS = 8  # besides the incumbent

Progress = Callable[[float, str], object]  # takes the share that is done, and with what it goes on


class Heat(NamedTuple):
    """A round that thins out the field; few episodes tell little, and let those go on that lie a little behind."""

    share: int  # of the episodes one in so many
    stretches: int  # but so many of these at least
    dearer: float  # who costs more than the incumbent by more than that share is out,
    longer: float  # and whose waits are longer by more than that, and what may be anyway


HEATS = (Heat(16, 4, 0.5, 1.0), Heat(4, 8, 0.1, 0.25))


class Fared(NamedTuple):
    """What a policy came to on the episodes of a round."""

    costs: np.ndarray  # (rows,) avoidable, µ$
    blocks: np.ndarray  # (rows,) what is resampled
    weekly: float  # dollars
    wait: float  # 95th percentile, hours; NaN: no job


def choose(
    scenario: Scenario,
    policies: Sequence[Agent],
    settings: Settings,
    trace: Trace | None = None,
    load: float | None = None,
    progress: Progress = lambda *_: None,
) -> Chosen:
    """The policy that a scenario gets.

    Args:
        scenario: The world.
        policies: Who races; the first is the incumbent.
        settings: On how much.
        trace: Recorded jobs instead of drawn work.
        load: Offered load instead of the scenario's, or of the trace's own.
        progress: Told what is played.

    Raises:
        InputError: a name is given twice, there is no policy, a number, load or trace makes no sense, or the incumbent
            cannot be played: more waits under it than the world can hold.
    """
    if not policies:
        raise InputError("choose", "policies", 0, "there is nothing to choose from", "name at least one")
    check_names(policies)
    if settings.episodes > MOST_EPISODES:
        raise InputError("choose", "episodes", settings.episodes, f"is above {MOST_EPISODES}", "choose fewer")
    rounds = _Rounds(scenario, settings, trace, load, progress)
    incumbent = policies[0]
    winners, stands = _raced(rounds, policies, settings)
    proof, reason = None, "nobody was cheaper in the race without letting jobs wait longer"
    chosen = incumbent
    if winners:
        both = (incumbent, winners[0])
        fresh = rounds.play("confirmation", CONFIRMATION, settings.episodes, both, 0.8, 1.0)
        proof, reason = _proof(winners[0].name, fresh, settings)
        chosen = winners[0] if reason == "" else incumbent
        reason = reason or _success(proof)
    return Chosen(
        scenario=scenario.name,
        digest=scenario.digest(),
        trace=None if trace is None else trace.source,
        load=load,
        version=version("tidegate"),
        settings=settings,
        incumbent=incumbent.name,
        race=stands,
        proof=proof,
        policy=chosen.name,
        knobs_sha256=knobs_digest(chosen),
        reason=reason,
    )


def _raced(rounds: "_Rounds", policies: Sequence[Agent], settings: Settings) -> tuple[list[Agent], dict[str, Stand]]:
    """Who beat the incumbent in the final, the cheapest first; and how far each has come."""
    incumbent, racing, stands, begin = policies[0], list(policies), dict[str, Stand](), 0.0
    for number, heat in enumerate(HEATS, 1):
        if (count := rounds.episodes_of(heat)) < settings.episodes:
            fared = rounds.play(f"heat {number}", RACE, count, racing, begin, 0.25 * number)
            stands |= _stands(count, racing, fared)
            racing = [incumbent, *_best(racing, fared, heat.dearer, settings.longer_waits + heat.longer)]
            begin = 0.25 * number
    finalists = racing[: 1 + FINALISTS] if begin else racing
    fared = rounds.play("final", RACE, settings.episodes, finalists, begin, 0.8)
    stands |= _stands(settings.episodes, finalists, fared)
    return _best(finalists, fared, 0.0, settings.longer_waits), stands


class _Rounds:
    """Plays policies on the episodes of a round, all on the same ones."""

    def __init__(
        self, scenario: Scenario, settings: Settings, trace: Trace | None, load: float | None, progress: Progress
    ) -> None:
        self.scenario, self.settings, self.trace, self.load, self.progress = scenario, settings, trace, load, progress
        source = self._source(RACE)
        source.check()
        self._in_a_row = source.in_a_row

    def episodes_of(self, heat: Heat) -> int:
        """How many episodes a heat is run on."""
        return max(self.settings.episodes // heat.share, heat.stretches * self._in_a_row)

    def play(
        self, phase: str, draws: Draws, count: int, policies: Sequence[Agent], begin: float, end: float
    ) -> list[Fared | None]:
        """What each policy came to on the first `count` episodes; None: more waits than the world can hold.

        Raises InputError where that is so of the first one, the incumbent.
        """
        self.progress(begin, f"{phase}, warming up")
        source, done = self._source(draws), 0
        chunks = [Chunk(source.spec, episodes) for episodes in source.chunks(count)]

        def fared(number: int) -> Fared | None:
            nonlocal done
            found = self._fared(source, chunks, policies[number])
            done += 1
            self.progress(begin + (end - begin) * done / len(policies), f"{phase}, {policies[number].name}")
            return found

        found = each(fared, len(policies))
        if found[0] is None:
            reason = f"lets more wait than the integers of {self.scenario.name} can hold"
            raise InputError("choose", "incumbent", policies[0].name, reason, "name another first")
        return found

    def _fared(self, source: Source, chunks: Sequence[Chunk], policy: Agent) -> Fared | None:
        try:
            played = [one for chunk in chunks for one in chunk.play(policy)]
        except InputError as error:
            if error.where != "simulator":
                raise
            return None
        (scores,) = scores_of(self.scenario, source.spec, [policy], [played], source.in_a_row)
        blocks = resampled(scores.rows, self.trace is not None)
        weekly = sum(scores.per_week(name) for name in COSTS)
        return Fared(scores.avoidable, blocks, weekly, scores.measures["wait_p95_hours"])

    def _source(self, draws: Draws) -> Source:
        return Source(self.scenario, self.settings.seed, self.trace, self.load, draws)


def _best(policies: Sequence[Agent], fared: Sequence[Fared | None], dearer: float, longer: float) -> list[Agent]:
    """Those whose cost and waits lie above the first one's by no more than these shares; the cheapest first."""
    first = fared[0]
    assert first is not None
    able = [
        (one.weekly, number)
        for number, one in enumerate(fared[1:], 1)
        if one is not None and one.weekly < first.weekly * (1 + dearer) and is_as_quick(one.wait, first.wait, longer)
    ]
    return [policies[number] for _, number in sorted(able)]


def is_as_quick(wait: float, other: float, longer: float) -> bool:
    """Whether a 95th percentile of waits is longer than another by no more than a share of that."""
    return isnan(wait) or wait <= other * (1 + longer)


def _stands(episodes: int, policies: Sequence[Agent], fared: Sequence[Fared | None]) -> dict[str, Stand]:
    """What is written of a round."""
    first = fared[0]
    assert first is not None
    return {
        policy.name: Stand(
            episodes=episodes,
            cost=None if one is None else one.weekly,
            wait_p95_hours=None if one is None else number(one.wait),
            saved=None if one is None or not first.weekly else 1 - one.weekly / first.weekly,
        )
        for policy, one in zip(policies, fared, strict=True)
    }


def _proof(name: str, fresh: Sequence[Fared | None], settings: Settings) -> tuple[Proof | None, str]:
    """The winner beside the incumbent on fresh episodes; and why it is not chosen, or nothing."""
    incumbent, winner = fresh
    assert incumbent is not None
    if winner is None:
        return None, f"{name} won the race, but let more wait on fresh episodes than the world can hold"
    saved = paired(incumbent.costs, winner.costs, incumbent.blocks, settings.seed)
    proof = Proof(
        policy=name,
        saved=saved.value,
        low=number(saved.low),
        high=number(saved.high),
        cost=winner.weekly,
        cost_of_incumbent=incumbent.weekly,
        wait_p95_hours=number(winner.wait),
        wait_p95_hours_of_incumbent=number(incumbent.wait),
        blocks=len(np.unique(incumbent.blocks)),
    )
    return proof, _doubt(name, proof, saved, is_as_quick(winner.wait, incumbent.wait, settings.longer_waits))


def _doubt(name: str, proof: Proof, saved: Interval, is_quick: bool) -> str:
    """Why the winner of the race is not chosen, or nothing."""
    came = f"{name} won the race, but on fresh episodes"
    if not isfinite(saved.low):
        return f"{name} won the race, but {proof.blocks} stretches or weeks prove nothing"
    if saved.low <= 0:
        return f"{came} what it saves, {_interval(saved)}, is not certain"
    if not is_quick:
        return f"{came} the 95th percentile of waits is {proof.wait_p95_hours:.2f} h, not {_wait(proof)}"
    return ""


def _success(proof: Proof | None) -> str:
    assert proof is not None and proof.low is not None and proof.high is not None
    own = "–" if proof.wait_p95_hours is None else f"{proof.wait_p95_hours:.2f}"
    saved = _interval(Interval(proof.saved, proof.low, proof.high))
    return f"it saves {saved} of what is avoidable, with p95 waits of {own} h instead of {_wait(proof)}"


def _wait(proof: Proof) -> str:
    other = proof.wait_p95_hours_of_incumbent
    return "none" if other is None else f"{other:.2f} h"


def _interval(saved: Interval) -> str:
    value, low, high = (f"{100 * fraction:.1f}" for fraction in saved)
    return f"{value} % [{low}, {high}]"


def number(value: float) -> float | None:
    """A number, or None for what JSON cannot hold."""
    return float(value) if isfinite(value) else None
