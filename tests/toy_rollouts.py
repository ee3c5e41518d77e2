"""Models in training on a toy, ours and MaskablePPO's own, to be compared."""

from typing import Any, cast

import numpy as np
import torch
from sb3_contrib import MaskablePPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger

from tidegate.agents.ppo.algorithm import RoutingPPO
from tidegate.agents.ppo.clock import Clock
from tidegate.agents.ppo.network import SitePolicy
from tidegate.agents.ppo.settings import Settings

from .toy_envs import ToyEnvs, ToyScenario

EPISODES, STEPS = 16, 48  # episodes of the toy last 20


class CutOff(ToyEnvs):
    """A toy whose episodes are truncated; where `is_forced`, one action alone is legal."""

    is_forced = False

    def _draw(self) -> np.ndarray:
        observation = super()._draw()
        if self.is_forced:
            self.mask = np.eye(self.layout.actions, dtype=bool)[
                self.rng.integers(0, self.layout.actions, self.num_envs)
            ]
        return observation

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        observation, reward, done, infos = super().step_wait()
        for episode in np.flatnonzero(done):
            last = np.full(self.layout.size, 0.1 * (1 + episode), np.float32)
            infos[episode] = {"TimeLimit.truncated": True, "terminal_observation": last}
        return observation, reward, done, infos


def model(kind: type[MaskablePPO] = RoutingPPO, precision: str = "float32", **given: Any) -> Any:
    """A model that is about to collect, with scores of the size that trained ones have."""
    is_forced = given.pop("is_forced", False)
    torch.manual_seed(0)
    envs = CutOff(ToyScenario(), EPISODES, seed=1)
    envs.is_forced = is_forced
    options: dict[str, Any] = {
        "n_steps": STEPS,
        "batch_size": 64,
        "gamma": 0.9,
        "gae_lambda": 0.8,
        "learning_rate": 1e-2,
    }
    kwargs = {"layout": envs.layout, "width": 16}
    found = kind(SitePolicy, envs, policy_kwargs=kwargs, device="cpu", seed=1, **options | given)
    found.set_logger(Logger(None, []))
    if isinstance(found, RoutingPPO):
        found.settings = Settings.model_validate({"precision": precision, "learning_rate": 1.0, "critic_rate": 1.0})
        found.clock = Clock(found.settings)
    actor = cast("SitePolicy", found.policy).actor
    with torch.no_grad():
        actor.score_out.mul_(100)
        actor.hold_out.mul_(100)
    found._setup_learn(2**30)
    return found


class Watch(BaseCallback):
    """Keeps what callbacks are told, and ends the run after some steps."""

    def __init__(self, last: int = 10**9) -> None:
        super().__init__()
        self.last, self.seen, self.events = last, [], []

    def _on_rollout_start(self) -> None:
        self.events.append("start")

    def _on_step(self) -> bool:
        told = {name: np.copy(self.locals[name]) for name in ("actions", "rewards", "dones", "new_obs")}
        self.seen.append(told | {"decisions": self.num_timesteps, "infos": len(self.locals["infos"])})
        return len(self.seen) < self.last

    def _on_rollout_end(self) -> None:
        self.events.append("end")


def collected(found: Any, watch: Watch | None = None) -> bool:
    """Let a model collect once."""
    watch = watch or Watch()
    watch.init_callback(found)
    return found.collect_rollouts(found.env, watch, found.rollout_buffer, found.n_steps, True)
