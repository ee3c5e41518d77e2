"""PPO's gradient phase: the steps of MaskablePPO, whatever the chunks, and near to them in bfloat16."""

from typing import Any

import pytest
import torch
from sb3_contrib import MaskablePPO

from tidegate.agents.ppo import proximal
from tidegate.agents.ppo.proximal import SCALARS, Decisions, Terms, add_gradient, sums

from .toy_rollouts import EPISODES, STEPS, collected, model

ROWS = EPISODES * STEPS


def weights(found: Any) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in found.policy.parameters()])


def gradient(found: Any, precision: torch.dtype = torch.float32) -> torch.Tensor:
    """That of one minibatch, of all decisions but a few."""
    terms = Terms(0.2, 0.01, 0.5, 0.5, precision)
    found.policy.optimizer.zero_grad()
    add_gradient(found.policy, Decisions.of(found.rollout_buffer), torch.arange(ROWS - 5), terms)
    return torch.cat([weight.grad.flatten() for weight in found.policy.parameters()])


@pytest.mark.parametrize("entropy", [0.0, 0.05])
def test_its_steps_are_those_of_maskable_ppo(entropy: float) -> None:
    """Every minibatch holds all decisions, so that their order is nothing: weights and scalars are the same."""
    options = {"batch_size": ROWS, "n_epochs": 4, "ent_coef": entropy, "clip_range": 0.1}
    ours, theirs = model(**options), model(MaskablePPO, **options)
    collected(ours)
    collected(theirs)
    for name in ("observations", "actions", "values", "log_probs", "advantages", "returns", "action_masks"):
        setattr(theirs.rollout_buffer, name, getattr(ours.rollout_buffer, name).copy())
    before = weights(ours)
    assert torch.equal(before, weights(theirs))
    ours.train()
    theirs.train()
    moved = (weights(theirs) - before).abs().max()
    assert (weights(ours) - weights(theirs)).abs().max() <= 0.02 * moved
    told = ours.logger.name_to_value
    for name, value in theirs.logger.name_to_value.items():
        assert told[name] == pytest.approx(value, rel=2e-3, abs=2e-5), name
    assert told["train/clip_fraction"] > 0
    assert told["time/gradient_samples_per_cpu_s"] > 0


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_nothing_has_changed_before_the_first_step(precision: str) -> None:
    """The policy that played is the one that learns, so every ratio is 1, also where it is rounded."""
    found = model(precision=precision)
    collected(found)
    decisions = Decisions.of(found.rollout_buffer)
    with torch.no_grad():
        told = sums(found.policy, decisions, Terms(0.01, 0.0, 0.5, 0.5, getattr(torch, precision)))
    scalars = dict(zip(SCALARS, (told / ROWS).tolist(), strict=True))
    assert abs(scalars["approx_kl"]) <= 1e-6
    assert scalars["clip_fraction"] == 0


def test_a_gradient_is_the_same_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    found = model()
    collected(found)
    whole = gradient(found)
    monkeypatch.setattr(proximal, "CHUNK", 100)
    chunked = gradient(found)
    assert whole.abs().max() > 0.01
    assert (chunked - whole).abs().max() <= 1e-5 * whole.abs().max()


def test_a_rounded_gradient_points_the_same_way() -> None:
    found = model()
    collected(found)
    exact, rounded = gradient(found), gradient(found, torch.bfloat16)
    assert torch.cosine_similarity(exact, rounded, 0) > 0.99
    assert not torch.equal(exact, rounded)


def test_a_still_actor_stays_and_its_critic_learns() -> None:
    found = model()
    collected(found)
    actor, value = (torch.nn.utils.parameters_to_vector(part.parameters()) for part in parts(found))
    found.policy.actor.requires_grad_(False)
    found.train()
    still, learned = (torch.nn.utils.parameters_to_vector(part.parameters()) for part in parts(found))
    assert torch.equal(actor, still)
    assert not torch.equal(value, learned)


def parts(found: Any) -> tuple[Any, Any]:
    return found.policy.actor, found.policy.mlp_extractor.critic
