"""Where episodes come from: work that a scenario draws, or a trace that is replayed in its world."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ...envs.generator import check_load
from ...envs.names import check_name
from ...envs.scenario import Scenario
from ...envs.traces.table import Trace
from ...fastsim.spec import Spec
from ...fastsim.threads import each
from .episodes import EVALUATION, Draws, Episode, compiled, recorded, synthetic

CHUNK_EPISODES = 16  # played side by side, one a thread
CHUNK_JOBS = 4_000_000  # in one chunk: 160 B in the table and 72 B of outcomes for each
AHEAD = 4  # drawn at a time

Change = Callable[[Episode, int], Episode]  # what an episode becomes, by its number


class Key(NamedTuple):
    """What names the episodes of an evaluation, and those that bounds are of."""

    delay_factor: float
    scenario: str  # its digest, with what waiting costs multiplied
    trace: str | None
    load: float | None
    seed: int


@dataclass(frozen=True)
class Source:
    """Episodes by their numbers; every policy meets the same ones."""

    scenario: Scenario
    seed: int  # in [0, 2^63)
    trace: Trace | None = None
    load: float | None = None  # None: the scenario's own, or the trace as recorded
    draws: Draws = EVALUATION
    change: Change | None = None  # of every episode, before it is played
    windows: int | None = None  # of drawn work, in one play; None: as many as the scenario says

    def __post_init__(self) -> None:
        check_name("episodes", "seed", self.seed)

    @cached_property
    def spec(self) -> Spec:
        """The scenario with the variants of its supply that these episodes meet."""
        return compiled(self.scenario, self.seed, self.draws)

    @property
    def in_a_row(self) -> int:
        """Windows of one play."""
        return (self.windows or self.scenario.episodes.evaluation_windows) if self.trace is None else 1

    def check(self) -> None:
        """Raise InputError for a world, a load or a trace with which nothing can be played.

        Costs no play; the jobs of a trace are drawn once, since how long it lasts depends on the load.
        """
        if self.trace is None:
            check_load(self.scenario, self.load)
            _ = self.spec  # proves that its integers suffice
        else:
            self.episode(0)

    def plays(self, count: int) -> int:
        """How many plays make `count` windows, or plays of a trace."""
        return -(-count // self.in_a_row)

    def play(self, number: int, count: int) -> Episode:
        """Play `number` of those; the last stretch is cut to what is left."""
        return self.episode(number, min(self.in_a_row, count - number * self.in_a_row))

    def chunks(self, count: int, first: int = 0) -> Iterator[list[Episode]]:
        """Chunks of the plays from number `first` on that make `count` windows."""
        done = first * self.in_a_row
        return chunks(lambda number: self.play(first + number, done + count), self.plays(count))

    def episode(self, number: int, windows: int | None = None) -> Episode:
        """Stretch `number`, or the first `windows` of it. Raises InputError where a load or a trace makes no sense."""
        if self.trace is None:
            first = windows or self.windows
            drawn = synthetic(self.scenario, self.spec, self.seed, number, self.load, self.draws, first)
        else:
            drawn = recorded(self.scenario, self.spec, self.trace, self.seed, number, self.load, self.draws)
        return drawn if self.change is None else self.change(drawn, number)


def chunks(draw: Callable[[int], Episode], count: int) -> Iterator[list[Episode]]:
    """`count` of them in chunks; number `number` is drawn by `draw(number)`, some at a time, when it is needed."""
    chunk, jobs = [], 0
    for following in _drawn(draw, count):
        if chunk and (len(chunk) == CHUNK_EPISODES or jobs + len(following.jobs) > CHUNK_JOBS):
            yield chunk
            chunk, jobs = [], 0
        chunk.append(following)
        jobs += len(following.jobs)
    yield chunk


def _drawn(draw: Callable[[int], Episode], count: int) -> Iterator[Episode]:
    """All of them in order, drawn on threads."""
    for begin in range(0, count, AHEAD):
        yield from each(lambda number, begin=begin: draw(begin + number), min(AHEAD, count - begin))
