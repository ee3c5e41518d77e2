"""How much better one could be: policies, a clairvoyant and the bound on the same episodes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...fastsim.agent import Agent, Player
from ...fastsim.units import DOLLAR
from ..evaluation.cohort import Chunk
from ..evaluation.scoring import COSTS
from ..evaluation.source import Key, Source
from .clairvoyant import LARGEST, Clairvoyant
from .instance import instance_of
from .items import items_of
from .program import program_of, slots
from .solve import Solution, solved

EPISODES = 16
TIME_LIMIT = 300.0  # s, for one episode

Progress = Callable[[float], Any]  # takes the share that is done


@dataclass(frozen=True)
class Headroom:
    """Avoidable cost of episodes [dollars each], every array of shape (episodes,)."""

    scenario: str
    digest: str
    trace: str | None
    load: float | None
    seed: int
    base: str  # the policy that the clairvoyant looks ahead with
    policies: dict[str, np.ndarray]  # by name; the base is the first
    clairvoyant: np.ndarray | None  # None: not asked for
    bound: np.ndarray
    is_solved: np.ndarray  # bool; False: the solver came to its limit, and the bound is a weak one, mostly 0
    seconds: np.ndarray  # that the solver took
    delay_factor: float = 1.0  # on what waiting and missed deadlines cost, in the digest already

    def __len__(self) -> int:
        return len(self.bound)

    @property
    def key(self) -> Key:
        """What names its episodes."""
        return Key(self.delay_factor, self.digest, self.trace, self.load, self.seed)


def headroom(
    source: Source,
    base: Agent,
    others: Sequence[Player] = (),
    episodes: int = EPISODES,
    largest: int = LARGEST,
    progress: Progress | None = None,
    time_limit: float = TIME_LIMIT,
) -> Headroom:
    """Play and bound the first episodes of a source.

    Args:
        source: Of episodes.
        base: The policy to be improved on, mostly the best tuned rule; the clairvoyant looks ahead with it.
        others: More policies, with other names.
        episodes: How many, one after the other.
        largest: The clairvoyant tries the offers of so many jobs of each week; with 0 it is left out.
        progress: Told the share that is done.
        time_limit: Of the solver, for one episode [s].
    """
    policies: tuple[Player, ...] = (base, *others)
    costs: dict[str, list[float]] = {policy.name: [] for policy in policies}
    foresight: list[float] = []
    solutions: list[Solution] = []
    for number in range(episodes):
        chunk = Chunk(source.spec, [source.episode(number)])
        for policy in policies:
            costs[policy.name].append(_cost(chunk, policy))
        _tell(progress, (number + 0.1) / episodes)
        solutions.append(bound(chunk, 0, time_limit))
        _tell(progress, (number + 0.3) / episodes)
        if largest:
            foresight.append(_cost(chunk, Clairvoyant(chunk, base, largest)))
        _tell(progress, (number + 1) / episodes)
    return Headroom(
        scenario=source.scenario.name,
        digest=source.scenario.digest(),
        trace=None if source.trace is None else source.trace.source,
        load=source.load,
        seed=source.seed,
        base=base.name,
        policies={name: np.array(own) for name, own in costs.items()},
        clairvoyant=np.array(foresight) if largest else None,
        bound=np.array([solution.bound for solution in solutions]),
        is_solved=np.array([solution.is_optimal for solution in solutions]),
        seconds=np.array([solution.seconds for solution in solutions]),
    )


def bound(chunk: Chunk, index: int, time_limit: float = TIME_LIMIT) -> Solution:
    """The clairvoyant bound of one episode of a chunk."""
    instance = instance_of(chunk, index)
    edges, fine = slots(instance)
    return solved(program_of(instance, items_of(instance, fine), edges), time_limit)


def _cost(chunk: Chunk, policy: Player) -> float:
    """Avoidable cost of a chunk's only episode under a policy [dollars]."""
    rows = chunk.play(policy)[0].rows
    return sum(int(rows[name].sum()) for name in COSTS) / DOLLAR


def _tell(progress: Progress | None, share: float) -> None:
    if progress is not None:
        progress(share)
