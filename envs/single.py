"""`tidegate/Routing-v0`: one episode as a Gymnasium environment."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from ..fastsim.observe import layout
from .routing import RoutingBatch
from .scenario import Scenario, load


class RoutingEnv(gymnasium.Env[np.ndarray, np.int64]):
    """Route each job of an AI lab to committed compute, to burst compute, or hold it.

    Action space: `Discrete(sites + 1)`: a site's number, or the last one: hold. Impossible actions are masked in
    `info["action_mask"]` (1 = legal); an illegal action is carried out as hold, or as the first legal one, and counted.

    Observation space: `Box(-1, 1, (size,), float32)`, blocks `[job | clock | site 0 | site 1 | …]` of ratios, whose
    names are `JOB_FEATURES`, `CLOCK_FEATURES` and `SITE_FEATURES` in fastsim/observe.py.

    Reward: minus the growth of the avoidable cost (overage, burst, delay, write-offs) since the last decision, over the
    scenario's `reward_scale`. The parts of that growth, in dollars, are in `info["cost"]`.

    Start: a running cluster, drawn; the contract's age and what has been drawn of it come with it. `reset(seed=…)`
    draws new streams of jobs; `reset()` begins elsewhere in the same ones.

    End: never terminated; truncated at the first offer after the scenario's horizon. Nothing is drained.

    Arguments: `scenario`: a name, a path to a TOML file, or a Scenario.

    Version history: v0, the first.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012

    def __init__(self, scenario: Scenario | str = "small_team", render_mode: str | None = None) -> None:
        self.scenario = scenario if isinstance(scenario, Scenario) else load(scenario)
        self.render_mode = render_mode
        self._batch: RoutingBatch | None = None
        shape = layout(len(self.scenario.sites))
        self.observation_space = spaces.Box(-1.0, 1.0, (shape.size,), np.float32)
        self.action_space = spaces.Discrete(shape.actions)
        self._parts = (0, 0, 0, 0)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode; see the class."""
        super().reset(seed=seed)
        if self._batch is None:
            self._batch = RoutingBatch(self.scenario, 1, int(self.np_random.integers(2**31)) if seed is None else seed)
        elif seed is not None:
            self._batch.seed(seed)
        self._batch.reset()
        self._parts = self._read_parts()
        return self._batch.observations[0].copy(), self._info()

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Answer the offer and advance to the next."""
        if self._batch is None:
            raise gymnasium.error.ResetNeeded("call reset() before step()")
        if self._batch.truncated[0]:
            raise gymnasium.error.ResetNeeded("the episode is over; call reset()")
        batch = self._batch
        batch.step(np.array([action], np.int64))
        over = bool(batch.truncated[0])
        observation = (batch.final_observations if over else batch.observations)[0].copy()
        info = self._info()
        return observation, float(batch.rewards[0]), False, over, info

    def action_masks(self) -> np.ndarray:
        """Legal actions of the present offer, bool (actions,), as sb3-contrib asks for them."""
        if self._batch is None:
            raise gymnasium.error.ResetNeeded("call reset() before action_masks()")
        return self._batch.masks[0].astype(np.bool_)

    def _read_parts(self) -> tuple[int, int, int, int]:
        totals = self._running.worlds.totals()
        return totals.overage, totals.burst, totals.delay, totals.write_off

    @property
    def _running(self) -> RoutingBatch:
        if self._batch is None:
            raise gymnasium.error.ResetNeeded("call reset() first")
        return self._batch

    def _info(self) -> dict[str, Any]:
        """Mask, counts, and the cost since the last decision by part."""
        parts = self._read_parts()
        growth = [(now - before) / 1e6 for now, before in zip(parts, self._parts, strict=True)]
        self._parts = parts
        state = self._running.worlds.state()
        return {
            "action_mask": self._running.masks[0].astype(np.int8),
            "cost": dict(zip(("overage", "burst", "delay", "write_off"), growth, strict=True)),
            "time_hours": int(state.now) / 3_600_000,
            "illegal": int(state.illegal),
        }
