"""The batch as a `gymnasium.vector.VectorEnv`, with same-step resets."""

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from .routing import RoutingBatch
from .scenario import Scenario, load


class RoutingVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """Many episodes of `tidegate/Routing-v0`, stepped in place by one kernel call.

    Spaces, reward and end are RoutingEnv's. An episode that is truncated begins anew in the same step; its last
    observation is then in `infos["final_obs"]`, with `infos["_final_obs"]` saying where. Masks are in
    `infos["action_mask"]`. Arrays that are returned are copies when `copies` is set, else the batch's own, which the
    next step overwrites.
    """

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}  # noqa: RUF012

    def __init__(
        self, scenario: Scenario | str = "small_team", num_envs: int = 1, seed: int = 0, *, copies: bool = True
    ) -> None:
        self.scenario = scenario if isinstance(scenario, Scenario) else load(scenario)
        self.num_envs = num_envs
        self.batch = RoutingBatch(self.scenario, num_envs, seed)
        self.single_observation_space = spaces.Box(-1.0, 1.0, (self.batch.layout.size,), np.float32)
        self.single_action_space = spaces.Discrete(self.batch.layout.actions)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._copies = copies
        self._first = True

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin all episodes anew, out of phase; one seed names the whole batch."""
        number = seed[0] if isinstance(seed, list) else seed
        super().reset(seed=number)
        if number is not None:
            self.batch.seed(number)
        self.batch.reset()
        return self._given(self.batch.observations), self._masks()

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Answer all offers."""
        batch = self.batch
        batch.step(actions)
        infos = self._masks()
        if batch.truncated.any():
            infos["final_obs"] = batch.final_observations.copy()
            infos["_final_obs"] = batch.truncated.copy()
        terminated = np.zeros(self.num_envs, np.bool_)
        return (
            self._given(batch.observations),
            self._given(batch.rewards),
            terminated,
            self._given(batch.truncated),
            infos,
        )

    def _given(self, array: np.ndarray) -> np.ndarray:
        return array.copy() if self._copies else array

    def _masks(self) -> dict[str, Any]:
        return {"action_mask": self._given(self.batch.masks), "_action_mask": np.ones(self.num_envs, np.bool_)}
