"""The site scorer: one mathematics in torch and in the kernel, indifferent to the labels of sites."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tidegate.agents.ppo.export import kernel_scores
from tidegate.agents.ppo.network import SitePolicy, SiteScorer
from tidegate.fastsim.jit import IS_COMPILED, from_python
from tidegate.fastsim.layout import Layout
from tidegate.fastsim.network import best_action, knob_count, pack, scores, scratch_size, weight_shapes

from .toy_envs import ToyEnvs, ToyScenario

WIDTH = 16
SAMPLES = 10_000 if IS_COMPILED else 30


def shaped(sites: int) -> Layout:
    return Layout(job=5, clock=3, site=9, sites=sites)


def scorer(sites: int) -> SiteScorer:
    """A scorer with scores of the size that trained ones have."""
    torch.manual_seed(sites)
    actor = SiteScorer(shaped(sites), WIDTH).requires_grad_(False)
    actor.score_out.mul_(100)
    actor.hold_out.mul_(100)
    for weight in (actor.weighing.weigh_common, actor.weighing.weigh_site, actor.weighing.weigh_bias):
        weight.add_(torch.randn_like(weight) / 4)
    actor.weighing.sharpness.fill_(0.5)
    return actor


def observations(layout: Layout, count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (count, layout.size)).astype(np.float32)


def relabelled(observation: np.ndarray, layout: Layout, order: np.ndarray) -> np.ndarray:
    common = layout.job + layout.clock
    sites = observation[..., common:].reshape(*observation.shape[:-1], layout.sites, layout.site)[..., order, :]
    return np.concatenate([observation[..., :common], sites.reshape(*observation.shape[:-1], -1)], -1)


def knobs_of(actor: SiteScorer, layout: Layout) -> np.ndarray:
    return pack(actor.weights(), layout.job, layout.clock, layout.site, WIDTH)


def in_numpy(weights: dict[str, np.ndarray], layout: Layout, observation: np.ndarray) -> np.ndarray:
    """The formulas of fastsim/network.py, read aloud in float64."""
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    common = observation[: layout.job + layout.clock].astype(np.float64)
    sites = observation[layout.job + layout.clock :].reshape(-1, layout.site).astype(np.float64)
    embedded = np.maximum(common @ w["embed_common"] + sites @ w["embed_site"] + w["embed_bias"], 0)
    context = np.concatenate([embedded.mean(0), embedded.max(0)])
    hidden = np.maximum(embedded @ w["score_site"] + context @ w["score_context"] + w["score_bias"], 0)
    hold = np.maximum(context @ w["hold_context"] + common @ w["hold_common"] + w["hold_bias"], 0)
    cost, calm = weighed(w, common, sites)
    scores = (hidden @ w["score_out"])[:, 0] + w["sharpness"] * cost
    return np.append(scores, hold @ w["hold_out"] + w["hold_out_bias"] + w["sharpness"] * calm)


def weighed(w: dict[str, np.ndarray], common: np.ndarray, sites: np.ndarray) -> tuple[np.ndarray, float]:
    """What is made of the parts of a cost: a number for each site, and one for holding."""
    heads = np.clip(common @ w["weigh_common"] + sites @ w["weigh_site"] + w["weigh_bias"], -20, 20)
    metered, committed, waiting, starting, evicting, holding = np.exp(heads[:, :6].T)
    parts = np.maximum(sites[:, -7:], 0).T
    money = metered * parts[0] + committed * parts[1]
    cost = money + waiting * parts[2] * (1 - parts[5]) + starting * parts[3] + evicting * parts[4]
    calm = money + holding * (parts[2] + parts[3] + parts[6] / 10)
    return heads[:, 6] - np.log(cost + 1e-9), -np.log(calm.min() + 1e-9)


@pytest.mark.parametrize("sites", [1, 2, 3, 8])
def test_torch_and_the_kernel_compute_the_formulas(sites: int) -> None:
    layout, actor = shaped(sites), scorer(sites)
    seen = observations(layout, SAMPLES)
    by_torch, by_kernel = actor(torch.from_numpy(seen)).numpy(), kernel_scores(actor, layout, seen)
    by_hand = np.array([in_numpy(actor.weights(), layout, observation) for observation in seen[:300]])
    assert np.abs(by_torch - by_kernel).max() <= 1e-5
    assert np.abs(by_torch[:300] - by_hand).max() <= 1e-5
    assert np.ptp(by_hand) > 0.1


@pytest.mark.parametrize("sites", [2, 3, 8])
def test_relabelling_sites_relabels_scores(sites: int) -> None:
    layout, actor = shaped(sites), scorer(sites)
    seen = observations(layout, 200)
    order = np.random.default_rng(sites).permutation(sites)
    plain = actor(torch.from_numpy(seen)).numpy()
    moved = actor(torch.from_numpy(relabelled(seen, layout, order))).numpy()
    assert np.abs(moved[:, :-1] - plain[:, order]).max() <= 1e-5
    assert np.abs(moved[:, -1] - plain[:, -1]).max() <= 1e-5


def test_the_same_weights_fit_any_number_of_sites() -> None:
    actor = scorer(2)
    for sites in (1, 5, 8):
        layout = shaped(sites)
        seen = observations(layout, 20)
        assert np.abs(actor(torch.from_numpy(seen)).numpy() - kernel_scores(actor, layout, seen)).max() <= 1e-5


@settings(max_examples=50, deadline=None)
@given(mask=hnp.arrays(np.uint8, 4, elements=st.integers(0, 1)), seed=st.integers(0, 99))
def test_the_kernel_chooses_the_best_legal_action(mask: np.ndarray, seed: int) -> None:
    layout, actor = shaped(3), scorer(3)
    observation = observations(layout, 1, seed)[0]
    knobs, scratch, out = knobs_of(actor, layout), np.empty(scratch_size(3, WIDTH), np.float32), np.empty(4, np.float32)
    from_python(scores)(observation, knobs, scratch, out)
    expected = int(np.where(mask, out, -np.inf).argmax()) if mask.any() else -1
    assert from_python(best_action)(observation, mask, knobs, scratch) == expected


def test_the_lowest_index_wins_a_tie_and_nothing_wins_on_nan() -> None:
    layout, actor = shaped(3), scorer(3)
    knobs, scratch = knobs_of(actor, layout), np.empty(scratch_size(3, WIDTH), np.float32)
    observation = observations(layout, 1)[0]
    observation[layout.job + layout.clock :] = np.tile(observation[-layout.site :], 3)
    assert from_python(best_action)(observation, np.array([0, 1, 1, 0], np.uint8), knobs, scratch) == 1
    observation[0] = np.nan
    assert from_python(best_action)(observation, np.ones(4, np.uint8), knobs, scratch) == -1


def test_knobs_are_finite_and_as_long_as_announced() -> None:
    layout, actor = shaped(2), scorer(2)
    knobs = knobs_of(actor, layout)
    assert knobs.dtype == np.float64
    assert len(knobs) == knob_count(layout.job, layout.clock, layout.site, WIDTH)
    assert np.isfinite(knobs).all()
    assert {name: value.shape for name, value in actor.weights().items()} == weight_shapes(5, 3, 9, WIDTH)
    with pytest.raises(ValueError, match="weight score_out must have shape"):
        pack({**actor.weights(), "score_out": np.zeros(3)}, 5, 3, 9, WIDTH)


def policy(sites: int = 3) -> tuple[SitePolicy, ToyEnvs]:
    torch.manual_seed(0)
    envs = ToyEnvs(ToyScenario(sites), 512, seed=0)
    envs.reset()
    return SitePolicy(envs.observation_space, envs.action_space, lambda _: 1e-3, layout=envs.layout, width=WIDTH), envs


@pytest.mark.parametrize("deterministic", [True, False])
def test_the_policy_never_chooses_a_masked_action(deterministic: bool) -> None:
    trained, envs = policy()
    masks = np.random.default_rng(1).random((512, 4)) < 0.4
    masks[np.arange(512), np.random.default_rng(2).integers(0, 4, 512)] = True
    actions, _ = trained.predict(envs.observation, deterministic=deterministic, action_masks=masks)
    assert masks[np.arange(512), actions].all()
    if deterministic:
        logits = trained.actor(torch.from_numpy(envs.observation)).detach().numpy()
        assert (actions == np.where(masks, logits, -1e8).argmax(1)).all()


def test_an_untrained_policy_is_almost_uniform() -> None:
    trained, envs = policy()
    probabilities = torch.softmax(trained.actor(torch.from_numpy(envs.observation)), 1).detach().numpy()
    assert np.abs(probabilities - 0.25).max() < 0.03


def test_the_critic_shares_nothing_with_the_actor() -> None:
    trained, envs = policy()
    trained.predict_values(torch.from_numpy(envs.observation)).sum().backward()
    assert all(weight.grad is None for weight in trained.actor.parameters())
    relabelling = relabelled(envs.observation, envs.layout, np.array([2, 0, 1]))
    plain, moved = (trained.predict_values(torch.from_numpy(seen)) for seen in (envs.observation, relabelling))
    assert torch.allclose(plain, moved, atol=1e-5)


def test_a_policy_survives_saving(tmp_path: object) -> None:
    trained, envs = policy()
    trained.save(f"{tmp_path}/policy.pth")
    again = SitePolicy.load(f"{tmp_path}/policy.pth", device="cpu")
    seen = torch.from_numpy(envs.observation)
    assert torch.equal(again.actor(seen), trained.actor(seen))
    assert again.layout == envs.layout
