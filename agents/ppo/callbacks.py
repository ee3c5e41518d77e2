"""What watches a training run: the clock, the guard against non-finite numbers, checkpoints, scalars, the progress bar.

Scalars, written to `tensorboard/` and `progress.csv` once per update:

    rollout/reward_mean      mean reward of a decision (scaled avoidable cost, negative)
    rollout/hold_share       share of decisions that were hold
    rollout/legal_actions    mean number of legal actions
    train/…                  SB3's losses, approx_kl, clip_fraction, clip_range, explained_variance, learning_rate,
                             n_updates
    train/entropy_weight     weight of the entropy bonus
    time/decisions           decisions so far
    time/decisions_per_s     of the last update, learning included
    time/share               share of the run that is over, which drives the schedules
    time/…                   SB3's fps, iterations, time_elapsed, total_timesteps
    eval/…                   what the caller's `evaluate` returns
"""

import io
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sb3_contrib import MaskablePPO
from stable_baselines3.common.callbacks import BaseCallback

from ...trained.durable import write_file
from .network import SitePolicy, SiteScorer
from .settings import Settings

Evaluate = Callable[[SiteScorer], Mapping[str, float]]


class NonFiniteError(FloatingPointError):
    """A NaN or an infinity turned up in training; nothing was learned from it and nothing was saved."""


def require_finite(what: str, values: np.ndarray, decisions: int) -> None:
    """Stop before a number that is none reaches a weight.

    Raises NonFiniteError.
    """
    broken = values.size - int(np.isfinite(values).sum())
    if broken:
        raise NonFiniteError(
            f"training: {what} after {decisions} decisions, {broken} of {values.size} values are NaN or infinite, "
            "lower the learning rate or look for the cause in the scenario; the checkpoints before it are sound"
        )


class Clock:
    """How much of a run is over: by wall-clock time or by decisions, whichever is further."""

    def __init__(self, settings: Settings) -> None:
        self.seconds, self.decisions = settings.minutes * 60, settings.decisions
        self.begin = time.monotonic()

    def share(self, decisions: int) -> float:
        """From 0 to 1."""
        return min(1.0, max((time.monotonic() - self.begin) / self.seconds, decisions / self.decisions))


class Watcher(BaseCallback):
    """A callback that lets the run go on."""

    @property
    def ppo(self) -> MaskablePPO:
        """The model in training."""
        return cast("MaskablePPO", self.model)

    def _on_step(self) -> bool:
        return True


class Stop(Watcher):
    """Ends the run when its clock has run out; what was collected for an unfinished update is dropped."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def _on_step(self) -> bool:
        # The decisions of this step belong to an update that may still be learned from.
        return self.clock.share(self.num_timesteps - self.training_env.num_envs) < 1


class Guard(Watcher):
    """Checks observations, rewards, advantages, gradients and, before anything is saved, weights."""

    def _on_training_start(self) -> None:
        require_finite("observations", cast("np.ndarray", self.ppo._last_obs), self.num_timesteps)
        self.ppo.policy.optimizer.register_step_pre_hook(self._check_gradients)

    def _on_step(self) -> bool:
        require_finite("observations", self.locals["new_obs"], self.num_timesteps)
        require_finite("rewards", self.locals["rewards"], self.num_timesteps)
        return True

    def _on_rollout_end(self) -> None:
        require_finite("advantages", self.locals["rollout_buffer"].advantages, self.num_timesteps)

    def _check_gradients(self, optimizer: torch.optim.Optimizer, args: object, kwargs: object) -> None:
        """A non-finite loss shows here too: backward has run, the step has not."""
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        norms = torch.stack([torch.linalg.vector_norm(gradient) for gradient in gradients])
        require_finite("gradients", norms.numpy(), self.num_timesteps)


class CriticFirst(Watcher):
    """Keeps the actor still at first: advantages from a critic that knows nothing would undo its warm start."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        super().__init__()
        self.clock, self.share = clock, settings.critic_share if settings.imitated else 0.0

    def _on_rollout_end(self) -> None:
        cast("SitePolicy", self.ppo.policy).actor.requires_grad_(self.clock.share(self.num_timesteps) >= self.share)


def save(model: MaskablePPO, path: Path) -> None:
    """Write `model` to `path`, whole or not at all; never with a weight that is not a number."""
    for name, weight in model.policy.named_parameters():
        require_finite(f"weights {name}", weight.detach().numpy(), model.num_timesteps)
    buffer = io.BytesIO()
    model.save(buffer)
    write_file(path, buffer.getvalue())


class Checkpoints(Watcher):
    """Saves `checkpoints/DECISIONS.zip` from time to time and keeps the last few."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        super().__init__()
        self.folder, self.interval, self.kept = folder, settings.checkpoint_minutes * 60, settings.checkpoints
        self.last = time.monotonic()

    def _on_rollout_start(self) -> None:
        if time.monotonic() - self.last < self.interval:
            return
        self.last = time.monotonic()
        self.folder.mkdir(exist_ok=True)
        save(self.ppo, self.folder / f"{self.num_timesteps:012d}.zip")
        for old in sorted(self.folder.glob("*.zip"))[: -self.kept]:
            old.unlink()


class Scalars(Watcher):
    """Records what the module's docstring lists, and lets the entropy bonus fall."""

    def __init__(self, clock: Clock, settings: Settings, evaluate: Evaluate | None) -> None:
        super().__init__()
        self.clock, self.settings, self.evaluate = clock, settings, evaluate
        self.evaluated = self.update_began = time.monotonic()

    def _on_rollout_end(self) -> None:
        buffer = self.locals["rollout_buffer"]
        now, share = time.monotonic(), self.clock.share(self.num_timesteps)
        self.ppo.ent_coef = self.settings.entropy * (1 - share)
        self.logger.record("rollout/reward_mean", float(buffer.rewards.mean()))
        self.logger.record("rollout/hold_share", float((buffer.actions == buffer.action_masks.shape[2] - 1).mean()))
        self.logger.record("rollout/legal_actions", float(buffer.action_masks.sum(2).mean()))
        self.logger.record("train/entropy_weight", self.ppo.ent_coef)
        self.logger.record("time/decisions", self.num_timesteps)
        self.logger.record("time/decisions_per_s", buffer.rewards.size / (now - self.update_began))
        self.logger.record("time/share", share)
        self.update_began = now
        if self.evaluate is not None and (share >= 1 or now - self.evaluated > self.settings.evaluate_minutes * 60):
            for name, value in self.evaluate(cast("SitePolicy", self.ppo.policy).actor).items():
                self.logger.record(f"eval/{name}", value)
            self.evaluated = time.monotonic()


class Bar(Watcher):
    """A progress bar on stderr."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        text, percent = TextColumn("{task.description}"), TextColumn("{task.percentage:3.0f} %")
        columns = [text, BarColumn(), percent, TimeElapsedColumn()]
        self.progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self.task = self.progress.add_task("training", total=1.0)

    def __enter__(self) -> "Bar":
        self.progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.progress.stop()

    def _on_rollout_end(self) -> None:
        values = self.logger.name_to_value
        speed, reward = values["time/decisions_per_s"], values["rollout/reward_mean"]
        text = f"{self.num_timesteps:,} decisions, {speed:,.0f}/s, reward {reward:.4f}"
        self.progress.update(self.task, completed=self.clock.share(self.num_timesteps), description=text)
