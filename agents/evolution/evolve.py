"""Evolve a policy: CMA-ES over its genes, on paired episodes of one scenario or of several.

Hansen and Ostermeier, "Completely Derandomized Self-Adaptation in Evolution Strategies", 2001, by the library `cmaes`.
A candidate is a policy, and its loss is what whole weeks cost under it (objective.py): no credit is assigned to single
decisions, whose consequences drown in those of all the others (docs/learning.md says by how much).

The run's folder, from which an interrupted run goes on to the same result, is the matter of folder.py.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from cmaes import CMA
from pydantic import ValidationError

from ...envs.explain import explained
from ...envs.scenario import Scenario
from ...fastsim import scorer
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError
from ...fastsim.network import pack
from ...fastsim.observe import CLOCK_FEATURES, JOB_FEATURES, SITE_FEATURES
from ...fastsim.threads import each
from ..evaluation.episodes import CHOICE, TUNING
from .beginning import begin
from .board import Board
from .folder import WEIGHTS, Evolved, Generation, begun, end, finished, keep
from .genes import GENES, Weights, express
from .objective import World, loss
from .settings import Settings
from .worlds import worlds_of

Progress = Callable[[float, str], object]  # takes the share that is done, and with what it goes on


def checked(**values: Any) -> Settings:
    """Settings, or an InputError that names the first wrong one."""
    try:
        return Settings(**values)
    except ValidationError as error:
        raise explained(error, "evolve") from None


class Evolution:
    """Asks for candidates and is told their losses. The same answers lead to the same questions."""

    def __init__(self, base: Weights, settings: Settings) -> None:
        self.base, self.generations = base, list[Generation]()
        self.settings = settings
        self._cma = CMA(np.zeros(len(GENES)), settings.step, seed=settings.seed, population_size=settings.candidates)

    def ask(self) -> tuple[np.ndarray, ...]:
        """The candidates of the next generation, each (genes,)."""
        return tuple(self._cma.ask() for _ in range(self.settings.candidates))

    def tell(self, positions: Sequence[np.ndarray], losses: Sequence[float]) -> None:
        """What the candidates that were asked for last came to."""
        self.generations.append(Generation(digest_of(positions), tuple(losses)))
        self._cma.tell([(position, one) for position, one in zip(positions, losses, strict=True)])

    def again(self, played: Generation) -> None:
        """A generation that was played before. Raises InputError where it is none of this evolution."""
        positions = self.ask()
        if digest_of(positions) != played.digest or len(played.losses) != len(positions):
            reason, remedy = "is of other candidates than this version draws", "begin anew in another folder"
            raise InputError("journal", "generation", len(self.generations) + 1, reason, remedy)
        self.tell(positions, played.losses)

    @property
    def centre(self) -> Weights:
        """Where candidates are drawn around: what the good ones have in common."""
        return express(self._cma.mean, self.base)

    @property
    def losses(self) -> tuple[float, ...]:
        """Of the last generation's candidates."""
        return self.generations[-1].losses

    @property
    def step_size(self) -> float:
        """Present standard deviation of the search, in steps of the genes."""
        return float(self._cma._sigma)  # the library shows it nowhere else

    @property
    def curve(self) -> tuple[float, ...]:
        """Median loss of each generation."""
        return tuple(median(one.losses) for one in self.generations)

    @property
    def is_done(self) -> bool:
        """As much has been played as was asked for."""
        return len(self.generations) >= self.settings.generations


def agent_of(weights: Weights, name: str = "evolved") -> Agent:
    """Weights as an agent."""
    width = weights["embed_bias"].shape[0]
    knobs = pack(weights, len(JOB_FEATURES), len(CLOCK_FEATURES), len(SITE_FEATURES), width)
    return Agent(name, scorer.choose, knobs, observes=True)


def evolve(
    scenarios: Sequence[Scenario], settings: Settings, out: Path, progress: Progress = lambda *_: None
) -> Evolved:
    """Evolve a policy for some scenarios in the folder `out`; a run that was interrupted there goes on.

    Raises InputError where a scenario cannot be played, a setting makes no sense, or the folder is of another run.
    """
    beginning = begin(settings.start, settings.width)
    base = beginning.weights
    settings = settings.model_copy(update={"width": len(base["embed_bias"])})
    evolution = Evolution(base, settings)
    for generation in begun(scenarios, settings, beginning.described, out)[: settings.generations]:
        evolution.again(generation)
    if (out / WEIGHTS).exists() and len((ended := finished(out)).curve) == settings.generations:
        return ended
    progress(0.0, "warming up")
    sets = each(lambda number: worlds_of(scenarios, settings, TUNING, number), settings.sets)
    with Board(scenarios, settings, out, evolution) as board:
        board.first(agent_of(base))
        while not evolution.is_done:
            # Candidates of one generation play the same weeks; those of the next others, so that no weeks are learned.
            worlds = sets[len(evolution.generations) % settings.sets]
            positions = evolution.ask()
            evolution.tell(positions, _losses(evolution, positions, worlds, progress))
            # Before the journal has it: what is played again after an interruption is shown again too.
            board.generation(agent_of(evolution.centre), settings.episodes * len(worlds) * len(positions))
            keep(out, evolution.generations)
        progress(settings.generations / (settings.generations + 1), "choosing on fresh episodes")
        evolved = _chosen(scenarios, settings, evolution, sets)
        board.last(agent_of(evolved.weights), evolved.fresh_loss)
    end(out, evolved)
    return evolved


def _losses(
    evolution: Evolution, positions: Sequence[np.ndarray], worlds: Sequence[World], progress: Progress
) -> list[float]:
    """Loss of each candidate, several played at a time."""
    agents = [agent_of(express(position, evolution.base)) for position in positions]
    phase, done, whole = _phase(evolution), len(evolution.generations), evolution.settings.generations + 1

    def play(number: int) -> float:
        progress((done + number / len(agents)) / whole, phase)
        return loss(worlds, agents[number])

    return each(play, len(agents))


def _phase(evolution: Evolution) -> str:
    """With what it goes on, in words."""
    curve = evolution.curve
    came = f", loss {min(curve):+.3f}" if curve and math.isfinite(min(curve)) else ""
    return f"generation {len(curve) + 1}{came}"


def _chosen(
    scenarios: Sequence[Scenario], settings: Settings, evolution: Evolution, sets: Sequence[Sequence[World]]
) -> Evolved:
    """The centre, or what it began with if that costs less on fresh episodes."""
    fresh = each(lambda number: worlds_of(scenarios, settings, CHOICE, settings.sets + number), settings.sets)
    first, last = (_mean_loss(fresh, weights) for weights in (evolution.base, evolution.centre))
    weights = evolution.centre if last < first else evolution.base
    return Evolved(weights, _mean_loss(sets, weights), min(first, last), first, evolution.curve)


def _mean_loss(sets: Sequence[Sequence[World]], weights: Weights) -> float:
    return sum(each(lambda number: loss(sets[number], agent_of(weights)), len(sets))) / len(sets)


def digest_of(positions: Sequence[np.ndarray]) -> str:
    """Names candidates to the last bit."""
    return hashlib.sha256(np.array(positions, np.float64).tobytes()).hexdigest()[:16]
