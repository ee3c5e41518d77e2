"""What watches a training run: the clock, the guard against non-finite numbers, checkpoints, scalars, the progress bar.

Every scalar, which `tensorboard/` and `progress.csv` get once per update, is defined in docs/tensorboard.md; what
evaluations add comes from evaluations.py.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from stable_baselines3.common.callbacks import BaseCallback

from ...fastsim.worlds import Worlds
from ...trained.durable import write_file
from .algorithm import RoutingPPO
from .branches import LabelSet
from .clock import Clock
from .logs import STEP
from .resume import packed, saved
from .settings import Settings


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


class Watcher(BaseCallback):
    """A callback that lets the run go on."""

    @property
    def ppo(self) -> RoutingPPO:
        """The model in training."""
        return cast("RoutingPPO", self.model)

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
    """Checks observations, rewards, advantages or labels, gradients and, before anything is saved, weights."""

    def _on_training_start(self) -> None:
        require_finite("observations", cast("np.ndarray", self.ppo._last_obs), self.num_timesteps)
        self.ppo.policy.optimizer.register_step_pre_hook(self._check_gradients)

    def _on_step(self) -> bool:
        if not self.ppo.uses_labels:
            require_finite("observations", self.locals["new_obs"], self.num_timesteps)
            require_finite("rewards", self.locals["rewards"], self.num_timesteps)
        return True

    def _on_rollout_end(self) -> None:
        if not self.ppo.uses_labels:
            require_finite("advantages", self.locals["rollout_buffer"].advantages, self.num_timesteps)
            return
        labels: LabelSet = self.locals["labels"]
        require_finite("observations", labels.observations, self.num_timesteps)
        require_finite("labels", labels.costs[labels.masks], self.num_timesteps)
        require_finite("weights of labels", labels.weights, self.num_timesteps)
        if labels.ends.size:
            require_finite("observations", labels.ends, self.num_timesteps)
            require_finite("tails", labels.tails, self.num_timesteps)

    def _check_gradients(self, optimizer: torch.optim.Optimizer, args: object, kwargs: object) -> None:
        """A non-finite loss shows here too: backward has run, the step has not."""
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        norms = torch.stack([torch.linalg.vector_norm(gradient) for gradient in gradients])
        require_finite("gradients", norms.numpy(), self.num_timesteps)


class CriticFirst(Watcher):
    """Keeps the actor still at first: advantages from a critic that knows nothing would undo its warm start."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        super().__init__()
        is_warm = bool(settings.imitated) and settings.advantages != "branch"  # which has no critic
        self.clock, self.share = clock, settings.critic_share if is_warm else 0.0

    def _on_rollout_end(self) -> None:
        self.ppo.site_policy.actor.requires_grad_(self.clock.share(self.num_timesteps) >= self.share)


def save(model: RoutingPPO, path: Path, pack: Callable[[RoutingPPO], bytes] = saved) -> None:
    """Write `model` to `path`, packed, whole or not at all; never with a weight that is not a number."""
    for name, weight in model.policy.named_parameters():
        require_finite(f"weights {name}", weight.detach().numpy(), model.num_timesteps)
    write_file(path, pack(model))


class Checkpoints(Watcher):
    """Saves `checkpoints/DECISIONS.zip` from time to time, and after every few updates where they are counted."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        super().__init__()
        self.folder, self.settings = folder, settings
        self.last = time.monotonic()

    def _on_rollout_start(self) -> None:
        is_counted = self.settings.updates > 0 and self.ppo.updates % self.settings.checkpoint_updates == 0
        if not is_counted and time.monotonic() - self.last < self.settings.checkpoint_minutes * 60:
            return
        self.last = time.monotonic()
        self.folder.mkdir(exist_ok=True)
        save(self.ppo, self.folder / f"{self.ppo.num_timesteps:012d}.zip", packed)
        for old in sorted(self.folder.glob("*.zip"))[: -self.settings.checkpoints]:
            old.unlink()


class Scalars(Watcher):
    """Records what docs/tensorboard.md lists, and lets the entropy bonus fall.

    A point is written between a collection and the learning from it; the last one, with what was learned from the last
    collection, when training ends. Its step is one further, so that a checkpoint of the same decisions forgets it.
    """

    def __init__(self, clock: Clock, settings: Settings) -> None:
        super().__init__()
        self.clock, self.settings = clock, settings
        self.update_began = time.monotonic()
        self.decisions_before = 0

    def _on_training_start(self) -> None:
        self.decisions_before = self.ppo.num_timesteps

    def _on_rollout_end(self) -> None:
        seen = of_labels(self.ppo.labels) if self.ppo.uses_labels else of_rollout(self.locals["rollout_buffer"])
        batch = getattr(self.training_env, "batch", None)
        clusters = of_clusters(batch.worlds) if batch is not None else {}
        for name, value in {**seen, **clusters}.items():
            self.logger.record(name, value)
        now, decisions = time.monotonic(), self.ppo.num_timesteps
        self.logger.record("time/decisions_per_s", (decisions - self.decisions_before) / (now - self.update_began))
        self.update_began, self.decisions_before = now, decisions
        self._record_progress()

    def _on_training_end(self) -> None:
        step = self.decisions_before + 1
        self._record_progress()
        self.logger.record(STEP, step, exclude="tensorboard")
        self.logger.dump(step)

    def _record_progress(self) -> None:
        share = self.clock.share(self.decisions_before)
        self.ppo.ent_coef = self.settings.entropy * (1 - share)
        self.logger.record("train/entropy_weight", self.ppo.ent_coef)
        self.logger.record("time/decisions", self.decisions_before)
        self.logger.record("time/updates", self.ppo.updates)
        self.logger.record("time/share", share)


def of_rollout(buffer: Any) -> dict[str, float]:
    """Scalars of decisions along one future."""
    return {
        "rollout/reward_mean": float(buffer.rewards.mean()),
        "rollout/hold_share": float((buffer.actions == buffer.action_masks.shape[2] - 1).mean()),
        "rollout/legal_actions": float(buffer.action_masks.sum(2).mean()),
    }


def of_labels(labels: LabelSet) -> dict[str, float]:
    """Scalars of a label set; means over all offers weigh what was sampled by how seldom it is."""
    weights = labels.weights / labels.weights.sum()
    taken, least = labels.costs[np.arange(len(labels)), labels.actions], np.nanmin(labels.costs, axis=1)
    return {
        "rollout/hold_share": float(weights @ (labels.actions == labels.masks.shape[1] - 1)),
        "rollout/legal_actions": float(weights @ labels.masks.sum(1)),
        "branch/labels": len(labels),
        "branch/effective_labels": float(1 / (weights @ weights)),
        "branch/siblings": labels.siblings,
        "branch/early_share": labels.early / labels.siblings,
        "branch/best_share": float((taken <= least).mean()),
        "branch/regret": float(weights @ (taken - least)),
    }


def of_clusters(worlds: Worlds) -> dict[str, float]:
    """Scalars of what the episodes look like now."""
    state, rules = worlds.batch.state[:, 0], worlds.spec.rules[0]
    sites = int(rules.sites)
    is_committed = rules.take_or_pay[rules.provider[:sites]] == 1
    capacity, occupied = state.capacity[:, :sites], state.occupied[:, :sites]
    committed = capacity[:, is_committed].sum()
    return {
        "cluster/committed_use": float(occupied[:, is_committed].sum() / max(committed, 1)),
        "cluster/metered_accelerators": float(occupied[:, ~is_committed].sum(1).mean()),
        "cluster/waiting_jobs": float(state.waiting.mean()),
    }


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
        speed, reward, regret = (
            values.get(name) for name in ("time/decisions_per_s", "rollout/reward_mean", "branch/regret")
        )
        found = f"reward {reward:.4f}" if regret is None else f"regret ${regret:,.2f} an offer"
        text = f"{self.ppo.num_timesteps:,} decisions, {speed:,.0f}/s, {found}"
        self.progress.update(self.task, completed=self.clock.share(self.ppo.num_timesteps), description=text)
