"""What the policy comes to while it is trained: validation weeks that it plays from time to time, as it is deployed.

The weights that cost least there are kept in the run's `best.npz`: learning may undo what a warm start knew. A run that
is resumed plays the same evaluations again, so that it keeps the same ones.
"""

import io
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...envs.scenario import Scenario
from ...fastsim.errors import InputError
from ...trained.durable import write_file
from ..board.events import Png, Point
from ..board.validation import AVOIDABLE, Validation
from .algorithm import agent_of
from .callbacks import Watcher
from .network import SiteScorer
from .settings import Settings

Evaluate = Callable[[SiteScorer], Point]
SPARED = 50  # times as long as an evaluation took is trained before the next, where a run ends by the clock
BEST = "best.npz"
COST, DECISIONS = "validation_cost", "decisions"  # beside the weights in it


class Best(NamedTuple):
    """The weights of the evaluation that cost least."""

    cost: float  # avoidable, dollars a week
    decisions: int  # after which they were evaluated
    weights: Mapping[str, np.ndarray]


def read_best(run: Path) -> Best | None:
    """What a run kept; None where it played no evaluations. Raises InputError where the file cannot be read."""
    path = run / BEST
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
        return Best(float(found.pop(COST)), int(found.pop(DECISIONS)), found)
    except (OSError, ValueError, KeyError, EOFError) as error:
        reason, remedy = f"holds no weights ({type(error).__name__})", "remove it to take those the run ended with"
        raise InputError("train", "file", path, reason, remedy) from error


class Evaluations(Watcher):
    """Records what an evaluation says: of the first policy, of later ones, and of the one that the run ends with.

    In a run of so many updates they come after every few of them, so that it has the same points interrupted or not.
    """

    def __init__(self, settings: Settings, evaluate: Evaluate | None, run: Path) -> None:
        super().__init__()
        self.settings, self.evaluate, self.run = settings, evaluate, run
        best = read_best(run)
        self.least = math.inf if best is None else best.cost
        self.due = 0.0  # monotonic seconds

    def _on_rollout_end(self) -> None:
        if self.settings.updates:
            is_due = self.ppo.updates % self.settings.evaluate_updates == 0
        else:
            is_due = time.monotonic() >= self.due
        if is_due:
            self._record()

    def _on_training_end(self) -> None:
        self._record()

    def _record(self) -> None:
        if self.evaluate is None:
            return
        began, point = time.monotonic(), self.evaluate(self.ppo.site_policy.actor)
        cost = point.get(AVOIDABLE, math.inf)
        if isinstance(cost, float) and cost < self.least:
            self._keep(cost)
        for tag, value in point.items():
            # The logger's own annotation has scalars only; each of its formats takes what it can.
            self.logger.record(tag, value, exclude="csv" if isinstance(value, Png) else None)
        now = time.monotonic()
        self.due = now + max(60 * self.settings.evaluate_minutes, SPARED * (now - began))

    def _keep(self, cost: float) -> None:
        """Write the present weights, whole or not at all."""
        buffer, weights = io.BytesIO(), self.ppo.site_policy.actor.weights()
        np.savez(buffer, **weights, **{COST: np.float64(cost), DECISIONS: np.int64(self.ppo.num_timesteps)})
        write_file(self.run / BEST, buffer.getvalue())
        self.least = cost


def validation(scenario: Any, envs: Any, settings: Settings) -> tuple[Evaluate | None, Sequence[str]]:
    """How to evaluate an actor of these environments, or None, and the tags that tell how good it is.

    Plays the best rule and, if asked for, the clairvoyant. Raises InputError where the scenario cannot be played.
    """
    if settings.evaluate_episodes == 0 or not isinstance(scenario, Scenario):
        return None, ()
    weeks = Validation([scenario], settings.evaluate_episodes, settings.clairvoyant_episodes, settings.clairvoyant_jobs)
    return lambda actor: weeks.point(agent_of(actor, envs.layout)), weeks.metrics
