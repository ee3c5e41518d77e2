"""A batched environment with a known best action, to prove that training learns and that exports agree."""

from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

from tidegate.fastsim.layout import Layout
from tidegate.fastsim.observe import SITE_FEATURES
from tidegate.fastsim.weighing import PARTS

OWN = ("merit", "noise", "other")
FEATURES = {"job": ("urgent", "size"), "clock": ("hour",), "site": (*OWN, *SITE_FEATURES[-PARTS:])}


def layout(sites: int) -> Layout:
    """Layout of a toy observation."""
    return Layout(len(FEATURES["job"]), len(FEATURES["clock"]), len(FEATURES["site"]), sites)


class ToyScenario:
    """As much of a scenario as training records."""

    name = "toy"

    def __init__(self, sites: int = 3) -> None:
        self.sites = sites

    def digest(self) -> str:
        return "0" * 64

    def model_dump_json(self) -> str:
        return f'{{"sites": {self.sites}}}'


class ToyEnvs(VecEnv):
    """Best is the legal site with the largest merit, or hold when urgent < −0.5; reward 0 for the best, −1 for others.

    Episodes last 20 decisions, out of phase. Sites are illegal with probability 1/4; hold is always legal.
    """

    features = FEATURES
    length = 20

    def __init__(self, scenario: ToyScenario, episodes: int, seed: int) -> None:
        self.layout = layout(scenario.sites)
        self.rng = np.random.default_rng(seed)
        self.age = self.rng.integers(0, self.length, episodes)
        self.illegal = 0
        observations = spaces.Box(-1, 1, (self.layout.size,), np.float32)
        super().__init__(episodes, observations, spaces.Discrete(self.layout.actions))

    def _draw(self) -> np.ndarray:
        self.observation = self.rng.uniform(-1, 1, (self.num_envs, self.layout.size)).astype(np.float32)
        blocks = self.observation[:, 3:].reshape(self.num_envs, -1, len(FEATURES["site"]))
        blocks[..., len(OWN) :] = 0  # all cost the same
        self.mask = np.ones((self.num_envs, self.layout.actions), bool)
        self.mask[:, :-1] = self.rng.random((self.num_envs, self.layout.sites)) > 0.25
        return self.observation

    def best(self) -> np.ndarray:
        """The best action of every episode now."""
        merit = np.where(self.mask[:, :-1], self.observation[:, 3 :: len(FEATURES["site"])], -2)
        hold = (self.observation[:, 0] < -0.5) | ~self.mask[:, :-1].any(1)
        return np.where(hold, self.layout.sites, merit.argmax(1))

    def reset(self) -> np.ndarray:
        return self._draw()

    def step_async(self, actions: np.ndarray) -> None:
        self.actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        self.illegal += int((~self.mask[np.arange(self.num_envs), self.actions]).sum())
        reward = -(self.actions != self.best()).astype(np.float32)
        self.age = (self.age + 1) % self.length
        return self._draw(), reward, self.age == 0, [{} for _ in range(self.num_envs)]

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> Any:
        assert method_name == "action_masks"
        return self.mask

    def has_attr(self, attr_name: str) -> bool:
        return attr_name == "action_masks"

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        setattr(self, attr_name, value)

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs

    def close(self) -> None:
        pass
