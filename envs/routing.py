"""The batched core of the environment: many episodes side by side, stepped in place by one kernel call.

`gymnasium.Env`, `gymnasium.vector.VectorEnv` and SB3's `VecEnv` are thin adapters over this class (single.py,
vector.py, sb3.py); they differ in how they say that an episode is over.
"""

import json
from collections.abc import Mapping

import numpy as np

from ..fastsim.agent import Agent
from ..fastsim.keyed import world_seed
from ..fastsim.layout import Layout
from ..fastsim.observe import CLOCK_FEATURES, JOB_FEATURES, SITE_FEATURES, layout
from ..fastsim.units import DAY, HOUR
from ..fastsim.worlds import Worlds
from .patient import patient
from .scenario import Scenario
from .warm import draw_pool, fill_bank

STATES_PER_EPISODE, MOST_STATES = 2, 512  # more would take as much memory as thousands of episodes


class RoutingBatch:
    """Episodes of one scenario, each waiting with an offer.

    Every array below is filled in place by `reset` and `step`; copy what must be kept. Episodes begin at different
    instants of different streams, and the first ones end after random parts of a horizon, so that a batch never sees
    one hour of the week only. An episode is never terminated: at its horizon it is truncated on an offer, whose
    observation is there to bootstrap from.
    """

    def __init__(
        self, scenario: Scenario, episodes: int, seed: int, *, streams: int | None = None, rule: Agent | None = None
    ) -> None:
        self.scenario = scenario
        self.layout: Layout = layout(len(scenario.sites))
        self.features = {"job": JOB_FEATURES, "clock": CLOCK_FEATURES, "site": SITE_FEATURES}
        self.final_observations = np.zeros(
            (episodes, self.layout.size), np.float32
        )  # rows of truncated episodes are fresh
        self.rewards = np.zeros(episodes, np.float32)
        self.truncated = np.zeros(episodes, np.bool_)
        self._before = np.zeros(episodes, np.int64)
        self._nothing = np.full(episodes, -1, np.int64)
        self._streams = min(episodes, 8) if streams is None else streams
        self._rule = rule or patient()
        self._scale = float(scenario.reward_scale)
        self.seed(seed)

    def __len__(self) -> int:
        return len(self.rewards)

    def seed(self, seed: int) -> None:
        """Draw new streams and warm starts, all named by `seed`; `reset` begins with them."""
        self._seed = seed
        self._rng = np.random.default_rng([seed, 0xE9150DE])
        self._draw(0)

    def draw_anew(self, number: int) -> None:
        """Draw streams and warm starts that no other number has, and begin all episodes anew; `seed` drew number 0."""
        self._draw(number)
        self.reset()

    def _draw(self, number: int) -> None:
        """Streams, warm starts, and worlds over them; evaluation has streams of its own."""
        self._number = number
        supply = world_seed(self._seed, number) if number else self._seed
        self._spec = self.scenario.compile(variants=self._streams, seed=supply)
        pool = draw_pool(self.scenario, self._seed, number * self._streams, self._streams)
        states = min(STATES_PER_EPISODE * len(self), MOST_STATES)
        self._bank = fill_bank(self.scenario, self._spec, pool, self._rule, states, self._seed)
        self.worlds = Worlds(self._spec, pool.jobs, len(self), slots=self._bank.worlds.batch.keys.shape[2])
        self.observations, self.masks, self.costs = self.worlds.observations, self.worlds.masks, self.worlds.costs
        self._limit = np.full(len(self), pool.days * DAY, np.int64)
        self._ends = np.zeros(len(self), np.int64)

    def reset(self) -> None:
        """Begin all episodes anew, out of phase."""
        horizon = self.scenario.episodes.horizon_days * DAY
        self._begin(np.arange(len(self)))
        if len(self) > 1:
            self._ends -= self._rng.integers(0, horizon, len(self))
        self.rewards[:] = 0.0
        self.truncated[:] = False

    def step(self, actions: np.ndarray) -> None:
        """Answer every offer and advance to the next; truncated episodes have already begun anew when this returns."""
        np.copyto(self._before, self.costs)
        self._advance(np.ascontiguousarray(actions, np.int64), None)
        np.divide(self._before - self.costs, self._scale, out=self.rewards, casting="same_kind")
        np.greater_equal(self.worlds.batch.state.now[:, 0], self._ends, out=self.truncated)
        if self.truncated.any():
            over = np.flatnonzero(self.truncated)
            self.final_observations[over] = self.observations[over]
            self._begin(over)

    def play(self, agent: Agent, hours: float) -> None:
        """Let `agent` answer all offers of so many hours, up to the end of each episode, and advance to the next one.

        The rewards and truncations are those of the last step alone.
        """
        until = self.worlds.batch.state.now[:, 0] + round(hours * HOUR)
        self.worlds.play(agent, np.minimum(until, self._ends))
        self.step(self._nothing)

    @property
    def ends(self) -> np.ndarray:
        """When each episode is over [ms], (episodes,) int64."""
        return self._ends

    @property
    def limits(self) -> np.ndarray:
        """When the jobs of each episode's stream end [ms], (episodes,) int64."""
        return self._limit

    def begin_anew(self, episodes: np.ndarray) -> None:
        """Let these episodes, (n,) int64, begin anew, as `step` does with those that are over."""
        if len(episodes):
            self._begin(episodes)

    def kept(self) -> dict[str, np.ndarray]:
        """All that the batch is, copied: what `put_back` takes, plain arrays by name."""
        names = np.array([self._seed, self._number])
        rng = np.array(json.dumps(self._rng.bit_generator.state))
        return {**self.worlds.kept(), "ends": self._ends.copy(), "draw": names, "rng": rng}

    def put_back(self, kept: Mapping[str, np.ndarray]) -> None:
        """Go on from what a batch of the same scenario and size was when it was `kept`."""
        seed, number = (int(name) for name in kept["draw"])
        if (seed, number) != (self._seed, self._number):
            self._seed = seed
            self._draw(number)
        self.worlds.put_back(kept)
        self._ends[:] = kept["ends"]
        self._rng.bit_generator.state = json.loads(str(kept["rng"]))

    def _begin(self, episodes: np.ndarray) -> None:
        """Begin these episodes from states of the bank."""
        states = self._rng.integers(0, len(self._bank.begins), len(episodes))
        self.worlds.copy_from(self._bank.worlds, states, episodes)
        self._ends[episodes] = self._bank.ends[states]
        self._advance(self._nothing, episodes)

    def _advance(self, actions: np.ndarray, episodes: np.ndarray | None) -> None:
        """One kernel call for these episodes, or all; again, without actions, if some had to wait for room."""
        while True:
            self.worlds.run(actions, self._rule, self._limit, 0, observes=True, episodes=episodes)
            if not self.worlds.make_room():
                return
            actions = self._nothing
