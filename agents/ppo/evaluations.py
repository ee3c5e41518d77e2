"""What the policy comes to while it is trained: validation weeks that it plays from time to time, as it is deployed."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from ...envs.scenario import Scenario
from ..board.events import Png, Point
from ..board.validation import Validation
from .algorithm import agent_of
from .callbacks import Watcher
from .network import SiteScorer
from .settings import Settings

Evaluate = Callable[[SiteScorer], Point]
SPARED = 50  # times as long as an evaluation took is trained before the next, where a run ends by the clock


class Evaluations(Watcher):
    """Records what an evaluation says: of the first policy, of later ones, and of the one that the run ends with.

    In a run of so many updates they come after every few of them, so that it has the same points interrupted or not.
    """

    def __init__(self, settings: Settings, evaluate: Evaluate | None) -> None:
        super().__init__()
        self.settings, self.evaluate = settings, evaluate
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
        began = time.monotonic()
        for tag, value in self.evaluate(self.ppo.site_policy.actor).items():
            # The logger's own annotation has scalars only; each of its formats takes what it can.
            self.logger.record(tag, value, exclude="csv" if isinstance(value, Png) else None)
        now = time.monotonic()
        self.due = now + max(60 * self.settings.evaluate_minutes, SPARED * (now - began))


def validation(scenario: Any, envs: Any, settings: Settings) -> tuple[Evaluate | None, Sequence[str]]:
    """How to evaluate an actor of these environments, or None, and the tags that tell how good it is.

    Plays the best rule and, if asked for, the clairvoyant. Raises InputError where the scenario cannot be played.
    """
    if settings.evaluate_episodes == 0 or not isinstance(scenario, Scenario):
        return None, ()
    weeks = Validation([scenario], settings.evaluate_episodes, settings.clairvoyant_episodes, settings.clairvoyant_jobs)
    return lambda actor: weeks.point(agent_of(actor, envs.layout)), weeks.metrics
