"""Decisions along one future, collected for PPO: what Stable-Baselines3 does, without its loops over episodes.

In each step all episodes are judged, sampled, stepped and stored as whole arrays. An episode that is truncated gets
what the critic says of its last observation: there it was cut off, and did not end.
"""

from typing import Any, cast

import numpy as np
import torch
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.buffers import MaskableRolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from .network import Judged, SitePolicy

Stepped = tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]
LEAST = 2.0**-25  # of a uniform number, whose logarithm is taken: half of the smallest above 0


class Rollouts(MaskableRolloutBuffer):
    """MaskablePPO's buffer, whose arrays (steps, episodes, …) are allocated once and written in place."""

    def reset(self) -> None:
        """Begin anew; what is in it is written over."""
        if self.generator_ready or not hasattr(self, "observations"):
            super().reset()
            self.action_masks = self.action_masks.astype(np.bool_)
        self.pos, self.full = 0, False

    def store(self, **arrays: np.ndarray) -> None:
        """Write one step of all episodes: arrays (episodes, …), by the buffer's own names."""
        for name, array in arrays.items():
            kept = getattr(self, name)[self.pos]
            kept[...] = array.reshape(kept.shape)
        self.pos += 1
        self.full = self.pos == self.buffer_size


def collect(
    model: MaskablePPO, env: VecEnv, callback: BaseCallback, rollout_buffer: Rollouts, precision: torch.dtype
) -> bool:
    """Fill the buffer under the policy as it is; False where a callback ends the run.

    Callbacks are told the same, at the same times, as by Stable-Baselines3.
    """
    policy = cast("SitePolicy", model.policy)
    policy.set_training_mode(False)
    rollout_buffer.reset()
    callback.on_rollout_start()
    new_obs, dones = cast("np.ndarray", model._last_obs), cast("np.ndarray", model._last_episode_starts)
    while not rollout_buffer.full:
        observations, starts = new_obs, dones
        masks = np.asarray(env.env_method("action_masks"), np.bool_)
        judged = judge(policy, observations, masks, precision)
        chosen = sampled(judged.logs)
        actions, log_probs = chosen.numpy(), judged.logs.gather(0, chosen.unsqueeze(0)).numpy()
        new_obs, rewards, dones, infos = cast("Stepped", env.step(actions))
        model.num_timesteps += env.num_envs
        callback.update_locals(locals())
        if not callback.on_step():
            return False
        if dones.any():
            model._update_info_buffer(infos, dones)
            rewards = rewards + model.gamma * beyond(policy, infos, dones, precision)
        rollout_buffer.store(
            observations=observations,
            action_masks=masks,
            actions=actions,
            log_probs=log_probs,
            values=judged.values.numpy(),
            rewards=rewards,
            episode_starts=starts,
        )
        model._last_obs, model._last_episode_starts = new_obs, dones
    rollout_buffer.compute_returns_and_advantage(policy.valued(torch.from_numpy(new_obs), precision), dones)
    callback.on_rollout_end()
    return True


def sampled(logs: torch.Tensor) -> torch.Tensor:
    """An action for each column of logarithms of π: (actions, batch) → (batch,) int64, by torch's own generator.

    The one with the largest logarithm plus Gumbel noise has probability π (`multinomial` takes three times as long).
    In float32 the noise lies between −2.9 and 16.7, so that an illegal action, far below all others, is never chosen.
    """
    uniform = torch.rand(logs.shape[::-1]).clamp_(min=LEAST)
    return (logs.t().contiguous() - uniform.log_().neg_().log_()).argmax(1)


@torch.inference_mode()
def judge(policy: SitePolicy, observations: np.ndarray, masks: np.ndarray, precision: torch.dtype) -> Judged:
    """What the policy says of observations (batch, size) with masks (batch, actions)."""
    return policy.judged(torch.from_numpy(observations), torch.from_numpy(masks), precision)


def beyond(policy: SitePolicy, infos: list[dict[str, Any]], dones: np.ndarray, precision: torch.dtype) -> np.ndarray:
    """Values (episodes,) float32 of the observations at which episodes were truncated; 0 for all others."""
    found = np.zeros(len(dones), np.float32)
    cut = [episode for episode in np.flatnonzero(dones) if infos[episode].get("TimeLimit.truncated", False)]
    if cut:
        seen = np.stack([infos[episode]["terminal_observation"] for episode in cut])
        found[cut] = policy.valued(torch.from_numpy(seen), precision)
    return found
