"""Learned policies without a part: blind ones read zeros, shuffled ones another decision, linear ones add up."""

import json

import numpy as np
import pytest

from tidegate.agents import cli
from tidegate.agents.evaluation import policies
from tidegate.agents.evaluation.cohort import Chunk
from tidegate.agents.evaluation.episodes import TUNING
from tidegate.agents.evaluation.policies import SCHEMA, resolve
from tidegate.agents.evaluation.source import Source
from tidegate.agents.ppo.stakes import stakes
from tidegate.agents.robustness import sheet
from tidegate.agents.robustness.ablations import VERSIONS, learned, versions
from tidegate.agents.robustness.linear import Linear, fitted, linear
from tidegate.agents.robustness.offers import Offers, met
from tidegate.agents.robustness.shifts import shifts_of
from tidegate.agents.robustness.shuffled import shuffled
from tidegate.envs.scenario import Scenario, load
from tidegate.fastsim import scorer
from tidegate.fastsim.agent import Agent
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED, from_python
from tidegate.fastsim.network import pack, scores, weight_shapes
from tidegate.fastsim.worlds import Worlds

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole windows take minutes as plain Python")
WIDTH = 8
JOB, CLOCK, SITE = (len(SCHEMA["job"]), len(SCHEMA["clock"]), len(SCHEMA["site"]))
COMMON = JOB + CLOCK
NOTHING, SITES = slice(0, 0), slice(COMMON, None)


def network(seed: int = 2, width: int = WIDTH) -> Agent:
    """A policy that learned nothing: random weights."""
    rng = np.random.default_rng(seed)
    shapes = weight_shapes(JOB, CLOCK, SITE, width)
    weights = {name: rng.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    return Agent("net", scorer.choose, pack(weights, JOB, CLOCK, SITE, width), observes=True)


def weighted_sum(seed: int) -> Linear:
    """Random weights."""
    rng = np.random.default_rng(seed)
    return Linear(rng.normal(size=SITE), rng.normal(size=COMMON), 0.5)


@pytest.fixture(scope="module")
def small() -> Scenario:
    return load("small_team")


@pytest.fixture(scope="module")
def offers(small) -> Offers:
    return met(small, network(), 1, episodes=2, most=2000)


@pytest.fixture(scope="module")
def chunk(small) -> Chunk:
    """Two episodes that no offers above are from."""
    source = Source(small, 2, draws=TUNING)
    return Chunk(source.spec, [source.episode(number) for number in range(2)])


def windows(chunk: Chunk, agent: Agent) -> list[str]:
    """Hashes of the event logs of the first two days of the windows."""
    worlds, both = Worlds(chunk.spec, chunk.jobs, 2, log=True), np.arange(2)
    worlds.copy_from(chunk.begun, both, both)
    worlds.play(agent, np.array([episode.edges[0] + 2 * 86_400_000 for episode in chunk.episodes]))
    return [worlds.digest(number) for number in range(2)]


def scores_of(agent: Agent, observation: np.ndarray) -> np.ndarray:
    """The network's scores for three sites and hold."""
    out = np.zeros(4, np.float32)
    from_python(scores)(observation, agent.knobs, np.zeros(4096, np.float32), out)
    return out


def test_rules_have_no_ablations() -> None:
    agent = network()
    assert [one is agent for one in learned([resolve("first-fit"), agent])] == [True]


def test_offers_are_from_the_whole_of_every_window_and_answered_by_the_policy(small, offers) -> None:
    assert 1500 < len(offers.actions) < 2600
    assert set(offers.episode) == {0, 1}
    assert offers.masks[np.arange(len(offers.actions)), offers.actions].all()
    week = offers.observations[:, JOB + 2]  # a triangle wave, which a window of a week runs through
    assert (week.min(), week.max()) == pytest.approx((-1, 1), abs=0.05)
    agent, answers = network(), []
    for observation, mask in zip(offers.observations[:200], offers.masks, strict=False):
        answers.append(np.where(mask, scores_of(agent, observation), -np.inf).argmax())
    assert answers == offers.actions[:200].tolist()
    assert len(offers.thinned(100).actions) == 100


def test_shuffling_nothing_is_the_policy(chunk, offers) -> None:
    pool = offers.thinned(101).observations  # an odd count of odd rows: one number is padding
    assert windows(chunk, shuffled(network(), "nothing", NOTHING, pool, 1)) == windows(chunk, network())


@pytest.mark.parametrize("share", [0, 1])
def test_a_pool_of_one_observation_is_a_constant(chunk, offers, share) -> None:
    """Offer by offer, what the policy does with that block in its place; with zeros it is blind to the block."""
    agent, one = network(), offers.observations[7:8] * np.float32(share)
    constant = shuffled(agent, "site", SITES, one, 1)
    worlds, both, none = Worlds(chunk.spec, chunk.jobs, 2), np.arange(2), np.full(2, -1, np.int64)
    worlds.copy_from(chunk.begun, both, both)
    ends = np.array([episode.edges[-1] for episode in chunk.episodes])
    differ = 0
    for _ in range(100):
        worlds.run(none, agent, ends, 1, observes=True)
        told, whole = worlds.ask(constant), worlds.ask(agent)
        worlds.observations[:, SITES] = one[:, SITES]
        assert (told == worlds.ask(agent)).all()
        differ += (told != whole).sum()
    assert differ > 0


def test_shuffled_policies_do_the_same_on_any_number_of_threads(chunk, offers, monkeypatch) -> None:
    agent = shuffled(network(), "all", slice(None), offers.observations, 1)
    found = []
    for count in ("1", "2"):
        monkeypatch.setenv("TIDEGATE_THREADS", count)
        found.append(windows(chunk, agent))
    assert found[0] == found[1]
    other = shuffled(network(), "all", slice(None), offers.observations, 2)
    assert windows(chunk, other) != found[0]


def test_what_cannot_be_shuffled_is_refused(offers) -> None:
    with pytest.raises(InputError, match="has none to draw"):
        shuffled(network(), "job", NOTHING, offers.observations[:0], 1)
    with pytest.raises(InputError, match="train a narrower one"):
        shuffled(network(width=600), "job", NOTHING, offers.observations, 1)


def test_a_weighted_sum_is_carried_by_a_network_of_width_two(offers) -> None:
    score = weighted_sum(3)
    agent = linear(network(), score)
    for row in range(50):
        offer = offers.where(np.array([row]))._replace(masks=np.ones((1, 4), np.bool_))
        assert scores_of(agent, offers.observations[row]) == pytest.approx(score.scores(offer)[0], abs=1e-4)


def test_a_policy_that_is_a_weighted_sum_is_recovered(small) -> None:
    """On offers of another episode than those of the fit."""
    answered = met(small, linear(network(), weighted_sum(11)), 1, episodes=2, most=4000)
    assert len(np.unique(answered.actions)) == 4
    score = fitted(answered.where(answered.episode == 0), COMMON, SITE)
    agreed = score.agreement(answered.where(answered.episode == 1))
    assert agreed is not None
    assert agreed.frequent < 0.85  # all four actions occur
    assert agreed.alike > 0.95


def test_a_fit_is_at_the_least_loss(offers) -> None:
    """No weight, moved either way, gives the answers a higher chance."""
    score = fitted(offers, COMMON, SITE)
    weights = stakes(offers.observations).astype(np.float64)

    def loss(moved: Linear) -> float:
        found = moved.scores(offers)
        top = found.max(1, keepdims=True)
        chances = found - top - np.log(np.exp(found - top).sum(1, keepdims=True))
        ridge = 0.5e-5 * (moved.site @ moved.site + moved.common @ moved.common + moved.bias**2)
        return float(-weights @ chances[np.arange(len(chances)), offers.actions] / weights.sum() + ridge)

    for index in (0, 4, 18, 20):
        for by in (-0.2, 0.2):
            site = score.site.copy()
            site[index] += by
            assert loss(score._replace(site=site)) > loss(score)
    assert loss(score._replace(bias=score.bias + 0.2)) > loss(score) < loss(score._replace(bias=score.bias - 0.2))


def test_a_policy_has_all_its_versions(offers) -> None:
    """One episode of two is kept from the fit."""
    found = versions(network(), offers, 1)
    parts = ["blind to job", "blind to clock", "blind to site"]
    parts = [
        *(f"net, {part}" for part in parts),
        *(f"net, {part} shuffled" for part in ("job", "clock", "site", "all")),
    ]
    assert [one.part.name for one in found] == [*parts, "net, linear"]
    assert len(found) == VERSIONS
    assert [one.agreement is None for one in found] == [True] * 7 + [False]
    assert found[-1].agreement is not None
    assert found[-1].agreement.frequent < found[-1].agreement.alike <= 1


@pytest.mark.slow
def test_the_verb_tells_of_every_version(capsys, monkeypatch) -> None:
    """In two worlds, to be done sooner; rules are not ablated."""
    two = shifts_of(load("small_team"), 1)._replace(left_out=())
    monkeypatch.setattr(sheet, "shifts_of", lambda *_: two._replace(played=two.played[:2]))
    monkeypatch.setattr(policies, "resolve", lambda name, *at: network() if name == "net" else resolve(name, *at))
    asked = ["stress", "small_team", "--policy", "cost-greedy", "--policy", "net", "--episodes", "1", "--json"]
    assert cli.main(asked) == 0
    told = json.loads(capsys.readouterr().out)
    assert [len(world["policies"]) for world in told["worlds"]] == [2, 2]
    assert [one["against"] for one in told["ablations"]] == ["net"] * VERSIONS
    names = {one["policy"] for one in told["ablations"]}
    assert names > {"net, blind to job", "net, job shuffled", "net, all shuffled", "net, linear"}
    agreed = told["ablations"][-1]["agreement"]
    assert agreed["frequent"] < agreed["alike"] <= 1
    assert all(one["avoidable"]["value"] > 0 for one in told["ablations"])
