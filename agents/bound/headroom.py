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

Progress = Callable[[float, str], Any]  # takes the share that is done, and with what it goes on


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
    progress: Progress = lambda *_: None,
    time_limit: float = TIME_LIMIT,
) -> Headroom:
    """Play and bound the first episodes of a source.

    Args:
        source: Of episodes.
        base: The policy to be improved on, mostly the best tuned rule; the clairvoyant looks ahead with it.
        others: More policies, with other names.
        episodes: How many, one after the other.
        largest: The clairvoyant tries the offers of so many jobs of each week; with 0 it is left out.
        progress: Told the share that is done, while a program is solved too: the solver may then take up to its limit.
        time_limit: Of the solver, for one episode [s].
    """
    policies: tuple[Player, ...] = (base, *others)
    costs: dict[str, list[float]] = {policy.name: [] for policy in policies}
    foresight: list[float] = []
    solutions: list[Solution] = []
    played, bounded = (0.1, 0.3) if largest else (0.1, 1.0)  # shares of an episode, as measured
    for number in range(episodes):
        tell = _part(progress, number, episodes)
        tell(0, "policies")
        chunk = Chunk(source.spec, [source.episode(number)])
        for policy in policies:
            costs[policy.name].append(cost_of(chunk, policy))
        tell(played, "linear program")
        solutions.append(bound(chunk, 0, time_limit, _solving(tell, played, bounded, time_limit)))
        if largest:
            tell(bounded, "clairvoyant")
            foresight.append(cost_of(chunk, Clairvoyant(chunk, base, largest)))
    progress(1, "done")
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


def _part(progress: Progress, number: int, episodes: int) -> Progress:
    """Progress of one episode."""
    return lambda share, phase: progress((number + share) / episodes, f"episode {number + 1} of {episodes}, {phase}")


def _solving(tell: Progress, first: float, last: float, time_limit: float) -> Callable[[float], Any]:
    """Progress of a solver, by its clock; nobody knows how far it is from the optimum."""

    def told(seconds: float) -> None:
        share = min(1.0, seconds / max(time_limit, 1.0))
        tell(first + share * (last - first), f"linear program, {seconds:.0f} s of at most {time_limit:g}")

    return told


def bound(
    chunk: Chunk,
    index: int,
    time_limit: float = TIME_LIMIT,
    progress: Callable[[float], object] = lambda _: None,
) -> Solution:
    """The clairvoyant bound of one episode of a chunk; `progress` takes the seconds that the solver has taken."""
    instance = instance_of(chunk, index)
    edges, fine = slots(instance)
    return solved(program_of(instance, items_of(instance, fine), edges), time_limit, progress)


def cost_of(chunk: Chunk, policy: Player) -> float:
    """Avoidable cost of a chunk's only episode under a policy [dollars]."""
    rows = chunk.play(policy)[0].rows
    return sum(int(rows[name].sum()) for name in COSTS) / DOLLAR
