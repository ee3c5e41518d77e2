"""What TensorBoard shows of an evolution: losses, the search, and how the centre does in validation weeks.

The step is the number of generations played. None of it flows back: the weights are the same without it.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ...envs.scenario import Scenario
from ...fastsim.agent import Agent
from .genes import GENES
from .settings import Settings

if TYPE_CHECKING:
    from ..board.events import Events
    from ..board.validation import Validation

FOLDER = "tensorboard"
FRESH = "evolution/fresh_loss"


class Searched(Protocol):
    """What is shown of a search."""

    @property
    def curve(self) -> tuple[float, ...]:
        """Median loss of each generation."""
        ...

    @property
    def centre(self) -> dict[str, np.ndarray]:
        """The weights where candidates are drawn around."""
        ...

    @property
    def losses(self) -> tuple[float, ...]:
        """Of the last generation's candidates."""
        ...

    @property
    def step_size(self) -> float:
        """Present standard deviation of the search, in steps of the genes."""
        ...


class Board:
    """Writes points of one run, from the generation on that `search` has come to."""

    def __init__(self, scenarios: Sequence[Scenario], settings: Settings, out: Path, search: Searched) -> None:
        """Without the packages that it needs it says so, once, and writes nothing."""
        self._settings, self._search, self._began = settings, search, 0.0
        self._events: Events | None = None
        self._validation: Validation | None = None
        try:
            from ..board import events, validation
        except ModuleNotFoundError as error:
            remedy = "pip install 'tidegate[train]'"
            print(f"evolve: nothing for TensorBoard, {error.name} is not installed: {remedy}", file=sys.stderr)
            return
        if settings.evaluate_episodes:
            foreseen, largest = settings.clairvoyant_episodes, settings.clairvoyant_jobs
            self._validation = validation.Validation(scenarios, settings.evaluate_episodes, foreseen, largest)
        done = len(search.curve)
        self._events = events.Events(out / FOLDER, done + 1 if done else 0)
        metrics = self._validation.metrics if self._validation is not None else ()
        self._events.describe(settings, (FRESH, *metrics))

    def __enter__(self) -> "Board":
        self._began = time.monotonic()
        return self

    def __exit__(self, *error: object) -> None:
        if self._events is not None:
            self._events.close()

    def first(self, agent: Agent) -> None:
        """What the run begins with, where it begins."""
        if not self._search.curve:
            self._write(0, {}, agent)

    def generation(self, agent: Agent, weeks: int) -> None:
        """The generation that was played last, of so many `weeks`; `agent` is the centre after it."""
        number, losses, seconds = len(self._search.curve), self._search.losses, time.monotonic() - self._began
        point = {
            "evolution/loss_least": min(losses),
            "evolution/loss_median": median(losses),
            "evolution/step_size": self._search.step_size,
            "time/generation_s": seconds,
            "time/weeks_per_s": weeks / seconds,
            **genes_of(self._search.centre),
        }
        self._write(number, point, agent if number % self._settings.evaluate_generations == 0 else None)

    def last(self, agent: Agent, fresh_loss: float) -> None:
        """What the run ends with, a step further: a run that goes on to more generations forgets it."""
        self._write(len(self._search.curve) + 1, {FRESH: fresh_loss}, agent)
        if self._events is not None:
            self._events.finish()

    def _write(self, step: int, point: dict[str, float], agent: Agent | None) -> None:
        if self._events is None:
            return
        seen = self._validation.point(agent) if agent is not None and self._validation is not None else {}
        if point or seen:
            self._events.write({**point, **seen}, step)
        self._began = time.monotonic()


def tag_of(label: str) -> str:
    """The tag of a gene."""
    return f"genes/{label.replace(' ', '_')}"


def genes_of(weights: dict[str, np.ndarray]) -> dict[str, float]:
    """The weights that evolve, by their tags."""
    return {tag_of(gene.label): float(weights[gene.name][gene.place]) for gene in GENES}
