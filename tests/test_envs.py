"""The environment: Gymnasium's and SB3's checks, masks, truncation, rewards that add up, and episodes out of phase."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import tidegate.envs.registration as registration
from tidegate.agents.ppo.vec_env import RoutingVecEnv
from tidegate.agents.rules import cost_greedy
from tidegate.envs.routing import RoutingBatch
from tidegate.envs.scenario import load
from tidegate.envs.vector import RoutingVectorEnv
from tidegate.fastsim.units import HOUR


def legal(rng, masks):
    """A random legal action for each row."""
    return np.argmax(rng.random(masks.shape) * masks, axis=1)


@pytest.fixture(scope="module")
def batch():
    return RoutingBatch(load("small_team"), 6, seed=3)


@pytest.mark.parametrize("scenario", ["colossus1_gcp", "mid_lab", "small_team"])
def test_every_scenario_passes_gymnasiums_check(scenario):
    check_env(gymnasium.make(registration.ENV_ID, scenario=scenario).unwrapped, skip_render_check=True)


def test_the_id_is_found_by_module_path():
    env = gymnasium.make("tidegate.envs.registration:tidegate/Routing-v0", scenario="small_team")
    assert env.spec is not None
    assert env.spec.id == registration.ENV_ID


def test_a_seed_names_the_episode():
    env = gymnasium.make(registration.ENV_ID, scenario="small_team")
    runs = []
    for _ in range(2):
        rows = [env.reset(seed=11)[0], *(env.step(action)[0] for action in (0, 1, 2, 0, 0, 1))]
        runs.append(np.array(rows))
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (env.reset(seed=12)[0] != runs[0][0]).any()


def test_rewards_add_up_to_the_avoidable_cost(batch):
    batch.seed(5)
    batch.reset()
    rng = np.random.default_rng(0)
    before = batch.costs.copy()
    total = np.zeros(len(batch))
    for _ in range(100):
        batch.step(legal(rng, batch.masks))
        assert not batch.truncated.any()
        total += batch.rewards
    spent = (batch.costs - before) / batch.scenario.reward_scale
    np.testing.assert_allclose(-total, spent, rtol=1e-4, atol=1e-5)
    assert (spent > 0).any()


def test_the_cost_in_info_is_the_reward():
    env = gymnasium.make(registration.ENV_ID, scenario="small_team")
    env.reset(seed=2)
    scale = load("small_team").reward_scale / 1e6
    for _ in range(50):
        _, reward, _, _, info = env.step(0)
        assert reward == pytest.approx(-sum(info["cost"].values()) / scale, abs=1e-5)


def test_an_illegal_action_is_counted_and_harmless():
    env = gymnasium.make(registration.ENV_ID, scenario="small_team")
    _, info = env.reset(seed=1)
    count, rng = 0, np.random.default_rng(0)
    for _ in range(3000):
        masked = np.flatnonzero(info["action_mask"] == 0)
        action = int(masked[0]) if len(masked) else int(rng.integers(3))
        count += len(masked) > 0
        _, _, _, _, info = env.step(action)
    assert info["illegal"] == count
    assert count > 0


def test_a_mask_is_never_empty_and_observations_stay_in_bounds(batch):
    batch.seed(9)
    batch.reset()
    rng = np.random.default_rng(1)
    for _ in range(500):
        assert batch.masks.any(axis=1).all()
        assert np.isfinite(batch.observations).all()
        assert np.abs(batch.observations).max() <= 1.0
        batch.step(legal(rng, batch.masks))


def test_episodes_begin_out_of_phase(batch):
    batch.seed(4)
    batch.reset()
    hours = batch.worlds.batch.state.now[:, 0] // HOUR
    assert len(set((hours % 168).tolist())) >= len(batch) - 1


def test_playing_on_is_stepping_as_the_agent_answers():
    one, other = (RoutingBatch(load("small_team"), 1, seed=7) for _ in range(2))
    agent, hours = cost_greedy.agent(), 5.5
    for batch in (one, other):
        batch.reset()
    until = int(other.worlds.batch.state.now[0, 0]) + hours * HOUR
    one.play(agent, hours)
    while other.worlds.batch.state.now[0, 0] < until:
        other.step(other.worlds.ask(agent))
    assert one.worlds.batch.state.now[0, 0] == other.worlds.batch.state.now[0, 0] >= until
    np.testing.assert_array_equal(one.observations, other.observations)
    np.testing.assert_array_equal(one.costs, other.costs)


def test_playing_on_ends_no_later_than_an_episode():
    batch = RoutingBatch(short(), 3, seed=7)
    batch.reset()
    before = batch.ends.copy()
    batch.play(cost_greedy.agent(), 30.0)
    assert batch.truncated.all()
    assert (batch.ends != before).all()
    assert batch.masks.any(1).all()


def short(days: int = 1):
    """small_team with a short horizon."""
    scenario = load("small_team")
    return scenario.model_copy(update={"episodes": scenario.episodes.model_copy(update={"horizon_days": days})})


def test_truncation_hands_over_the_last_observation():
    envs = RoutingVecEnv(short(), 4, seed=1)
    envs.reset()
    rng = np.random.default_rng(2)
    seen = 0
    for _ in range(1500):
        _, _, dones, infos = envs.step(legal(rng, envs.env_method("action_masks")))
        for episode in np.flatnonzero(dones):
            assert infos[episode]["TimeLimit.truncated"]
            assert infos[episode]["terminal_observation"].shape == (envs.layout.size,)
            assert (infos[episode]["terminal_observation"] != envs.batch.observations[episode]).any()
            seen += 1
        assert all(bool(info) == bool(done) for info, done in zip(infos, dones, strict=True))
    assert seen > 0


def test_the_vector_env_is_the_same_batch():
    vector, core = RoutingVectorEnv("small_team", 3, seed=8), RoutingBatch(load("small_team"), 3, seed=8)
    observation, infos = vector.reset()
    core.reset()
    np.testing.assert_array_equal(observation, core.observations)
    rng = np.random.default_rng(3)
    for _ in range(40):
        actions = legal(rng, infos["action_mask"])
        observation, reward, terminated, truncated, infos = vector.step(actions)
        core.step(actions)
        np.testing.assert_array_equal(observation, core.observations)
        np.testing.assert_array_equal(reward, core.rewards)
        assert not terminated.any()
        assert not truncated.any()


def test_gymnasium_makes_the_vector_env():
    envs = gymnasium.make_vec(registration.ENV_ID, num_envs=2, scenario="small_team")
    observation, _ = envs.reset(seed=0)
    assert envs.observation_space.contains(observation)


def test_what_sb3_is_given_outlives_the_next_step():
    envs = RoutingVecEnv(short(), 4, seed=3)
    observation, masks = envs.reset(), envs.env_method("action_masks")
    kept = observation.copy(), masks.copy()
    for _ in range(20):
        envs.step(legal(np.random.default_rng(0), envs.env_method("action_masks")))
    np.testing.assert_array_equal(observation, kept[0])
    np.testing.assert_array_equal(masks, kept[1])
    assert (envs.batch.observations != observation).any()
