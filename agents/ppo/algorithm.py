"""PPO over many episodes at once, that can also learn from branches of the future; schedules follow a run's clock.

`advantages` of the settings says what actions are judged by:

    gae     rewards along one future and a critic: what MaskablePPO learns, in less time (rollouts.py, proximal.py)
    branch  label sets (branches.py): every legal action's cost, played out from the same state with the same future
    blend   shorter branches, and what a critic says of the state at their end

It is an algorithm of Stable-Baselines3: `learn`, `predict`, `save`, `load`, callbacks and logger are its own.
"""

import time
from typing import Any, cast

import numpy as np
import torch
from sb3_contrib import MaskablePPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import explained_variance
from stable_baselines3.common.vec_env import VecEnv

from ...fastsim import scorer
from ...fastsim.agent import Agent
from ...fastsim.layout import Layout
from ...fastsim.network import pack
from .branches import Branches, LabelSet, reach_of
from .clock import Clock
from .improve import fit_critic, improve, lesson, values
from .network import SitePolicy, SiteScorer
from .precision import resolved
from .proximal import Decisions, Terms, learn
from .rollouts import Rollouts, collect
from .settings import Settings


def agent_of(actor: SiteScorer, layout: Layout, name: str = "policy") -> Agent:
    """The actor as the kernel plays it: the action of highest score."""
    knobs = pack(actor.weights(), layout.job, layout.clock, layout.site, len(actor.embed_bias))
    return Agent(name, scorer.choose, knobs, observes=True)


class RoutingPPO(MaskablePPO):
    """PPO with the advantages that its settings name."""

    settings = Settings()
    clock: Clock
    labels: LabelSet  # of the present update
    updates = 0  # finished
    tail_scale: tuple[float, float] | None = None  # mean and standard deviation [$] of the first tails

    @property
    def site_policy(self) -> SitePolicy:
        """The policy as what it is."""
        return cast("SitePolicy", self.policy)

    @property
    def precision(self) -> torch.dtype:
        """The type in which hidden layers compute while it plays and learns."""
        return getattr(torch, resolved(self.settings.precision))

    @property
    def uses_labels(self) -> bool:
        """Whether it learns from label sets."""
        return self.settings.advantages != "gae"

    def _setup_model(self) -> None:
        self.rollout_buffer_class = Rollouts
        super()._setup_model()

    def collect_rollouts(
        self,
        env: VecEnv,
        callback: BaseCallback,
        rollout_buffer: RolloutBuffer,
        n_rollout_steps: int,
        use_masking: bool = True,
    ) -> bool:
        """Decisions for the rollout buffer, or a label set; False where a callback ends the run."""
        if not self.uses_labels:
            return collect(self, env, callback, cast("Rollouts", rollout_buffer), self.precision)
        callback.on_rollout_start()
        labels = self._gather(cast("Any", env).batch, callback)
        if labels is None:
            return False
        self.labels = labels
        self.num_timesteps += labels.decisions
        callback.update_locals({"labels": labels})
        callback.on_rollout_end()
        return True

    def _gather(self, batch: Any, callback: BaseCallback) -> LabelSet | None:
        """The label set of this update under the present policy; None where a callback ends the run."""
        if not callback.on_step():
            return None
        if self.updates and self.updates % self.settings.redraw == 0:
            batch.draw_anew(self.updates // self.settings.redraw)
        began = time.process_time()
        agent = agent_of(self.site_policy.actor, batch.layout)
        reach = reach_of(batch, self.settings, self.updates)
        labels = Branches(batch).gather(agent, agent, reach, self.settings.labels, callback.on_step)
        if labels is not None:
            self.logger.record("branch/ms_per_label", 1000 * (time.process_time() - began) / len(labels))
        return labels

    def train(self) -> None:
        """One update on what was collected."""
        if self.uses_labels:
            self._learn_from_labels()
        else:
            self._learn_from_rollouts()
        self.updates += 1
        self.clock.updates = self.updates

    def _learn_from_rollouts(self) -> None:
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        began, rollouts = time.process_time(), cast("Rollouts", self.rollout_buffer)
        clip = float(cast("Any", self.clip_range)(self._current_progress_remaining))
        terms = Terms(clip, self.ent_coef, self.vf_coef, self.max_grad_norm, self.precision)
        decisions = Decisions.of(rollouts)
        minibatch = cast("int", self.batch_size)
        for name, value in learn(self.site_policy, decisions, self.n_epochs, minibatch, terms).items():
            self.logger.record(f"train/{name}", value)
        self._n_updates += self.n_epochs
        explained = explained_variance(rollouts.values.flatten(), rollouts.returns.flatten())
        self.logger.record("train/explained_variance", float(explained))
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/clip_range", clip)
        self._record_speed(len(decisions.actions) * self.n_epochs, began)

    def _record_speed(self, samples: int, began: float) -> None:
        seconds = time.process_time() - began
        self.logger.record("time/gradient_samples_per_cpu_s", samples / max(seconds, 1e-9))

    def _learn_from_labels(self) -> None:
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        began = time.process_time()
        costs = self._valued() if self.settings.advantages == "blend" else self.labels.costs
        taught = lesson(self.labels, costs, self.settings, self.updates)
        self.logger.record("branch/capped_share", taught.capped)
        if next(self.site_policy.actor.parameters()).requires_grad:
            found = improve(self.site_policy, taught, self.settings, self.ent_coef, self.updates)
            for name, value in found.items():
                self.logger.record(name, value)
            refreshes = int(found["train/refreshes"])
            self._n_updates += refreshes
            self._record_speed(len(taught.learned) * refreshes, began)
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/clip_range", self.settings.branch_clip)

    def _valued(self) -> np.ndarray:
        """Costs (rows, actions) [$] with what the critic says of every branch's end; then the critic learns the tails.

        It says it before it has seen these tails: a critic that remembered them would favour the actions taken.
        """
        labels, rows = self.labels, np.arange(len(self.labels))
        is_first = self.tail_scale is None
        mean, deviation = self.tail_scale or (float(labels.tails.mean()), float(labels.tails.std()) or 1.0)
        self.tail_scale = mean, deviation
        targets, seen = (labels.tails - mean) / deviation, labels.ends[rows, labels.actions]
        predicted = np.zeros(labels.masks.shape) if is_first else values(self.site_policy, labels.ends)
        taken = predicted[rows, labels.actions]
        explained = explained_variance(taken, targets)
        error = fit_critic(self.site_policy, seen, targets, self.settings, self.updates)
        self.logger.record("train/value_loss", error)
        self.logger.record("train/explained_variance", float(explained))
        beyond = np.where(labels.merged, taken[:, None], predicted)
        return labels.costs + deviation * (beyond - taken[:, None])

    def _update_current_progress_remaining(self, num_timesteps: int, total_timesteps: int) -> None:
        self._current_progress_remaining = 1 - self.clock.share(num_timesteps)

    def _update_learning_rate(self, optimizers: Any) -> None:
        """The critic's step size is in fixed proportion to the actor's."""
        super()._update_learning_rate(optimizers)
        factor = self.settings.critic_rate / first_rate(self.settings)
        optimizers.param_groups[1]["lr"] = optimizers.param_groups[0]["lr"] * factor

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "clock", "labels"]


def first_rate(settings: Settings) -> float:
    """The actor's step size at the beginning."""
    return settings.learning_rate if settings.advantages == "gae" else settings.branch_rate
