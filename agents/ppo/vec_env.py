"""The batch as a Stable-Baselines3 `VecEnv`, for PPO and sb3-contrib's MaskablePPO."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

from ...envs.routing import RoutingBatch
from ...envs.scenario import Scenario, load
from ...fastsim.layout import Layout


class RoutingVecEnv(VecEnv):
    """Many episodes of `tidegate/Routing-v0`, stepped in place by one kernel call.

    What is returned is a copy: SB3 stores the observation and the mask of a decision only after the step that answers
    it, and the batch fills its own arrays in place. A truncated episode begins anew in the same step, with
    `TimeLimit.truncated` and `terminal_observation` in its info.
    """

    def __init__(self, scenario: Scenario | str, episodes: int, seed: int) -> None:
        self.scenario = scenario if isinstance(scenario, Scenario) else load(scenario)
        self.batch = RoutingBatch(self.scenario, episodes, seed)
        self.layout: Layout = self.batch.layout
        self.features = self.batch.features
        self._actions = np.zeros(episodes, np.int64)
        self._infos: list[dict[str, Any]] = [{} for _ in range(episodes)]
        self.render_mode = None
        super().__init__(
            episodes,
            spaces.Box(-1.0, 1.0, (self.layout.size,), np.float32),
            spaces.Discrete(self.layout.actions),
        )

    def reset(self) -> np.ndarray:
        """Begin all episodes anew, out of phase."""
        if self._seeds[0] is not None:
            self.batch.seed(self._seeds[0])
        self._reset_seeds()
        self.batch.reset()
        return self.batch.observations.copy()

    def step_async(self, actions: np.ndarray) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Answer all offers. Infos are empty but for episodes that were truncated."""
        batch = self.batch
        batch.step(self._actions)
        infos = self._infos
        if batch.truncated.any():
            infos = [{} for _ in range(self.num_envs)]
            for episode in np.flatnonzero(batch.truncated):
                infos[episode] = {
                    "TimeLimit.truncated": True,
                    "terminal_observation": batch.final_observations[episode].copy(),
                }
        return batch.observations.copy(), batch.rewards.copy(), batch.truncated.copy(), infos

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> Any:
        """`action_masks`: all masks at once, bool (episodes, actions); there is no other method."""
        if method_name != "action_masks":
            raise AttributeError(f"RoutingVecEnv has no method {method_name!r}; it has 'action_masks'")
        return self.batch.masks.astype(np.bool_)

    def has_attr(self, attr_name: str) -> bool:
        """sb3-contrib asks for `action_masks` this way."""
        return attr_name == "action_masks"

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Attributes of this object, once for each episode."""
        if attr_name == "action_masks":
            return [self.env_method] * self.num_envs
        return [getattr(self, attr_name)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Episodes have no attributes of their own."""
        raise AttributeError(
            f"RoutingVecEnv: {attr_name!r} cannot be set for single episodes; make another environment"
        )

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """No episode is wrapped."""
        return [False] * self.num_envs

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """The next `reset` draws new streams, named by `seed`."""
        self._seeds = [seed] * self.num_envs
        return self._seeds

    def close(self) -> None:
        """Nothing to close."""
