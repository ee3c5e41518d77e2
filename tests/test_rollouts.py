"""Collecting decisions: the same as MaskablePPO collects, sampled by their probabilities and never illegal."""

import numpy as np
import pytest
import torch
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.buffers import MaskableRolloutBuffer

from tidegate.agents.ppo.precision import has_bfloat16, resolved
from tidegate.agents.ppo.rollouts import sampled

from .toy_rollouts import EPISODES, STEPS, Watch, collected, model

ARRAYS = ("observations", "actions", "rewards", "episode_starts", "action_masks", "values", "log_probs")
LEARNED = ("advantages", "returns")


def test_where_one_action_is_legal_all_that_is_collected_is_what_maskable_ppo_collects() -> None:
    """Observations, rewards with what truncated ones are worth, values, GAE: nothing is left to chance."""
    ours, theirs = model(is_forced=True), model(MaskablePPO, is_forced=True)
    watches = Watch(), Watch()
    for _ in range(2):  # the second goes on where the first ended, in the same arrays
        assert collected(ours, watches[0])
        assert collected(theirs, watches[1])
        for name in (*ARRAYS, *LEARNED):
            found, expected = (getattr(one.rollout_buffer, name) for one in (ours, theirs))
            assert found.shape == expected.shape, name
            assert np.abs(found.astype(float) - expected).max() <= 1e-5, name
    assert ours.num_timesteps == theirs.num_timesteps == 2 * STEPS * EPISODES
    assert watches[0].events == watches[1].events == ["start", "end"] * 2
    for found, expected in zip(watches[0].seen, watches[1].seen, strict=True):
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[name], expected[name]) for name in found)


def test_advantages_are_those_of_stable_baselines3() -> None:
    ours = model()
    collected(ours)
    buffer = ours.rollout_buffer
    theirs = MaskableRolloutBuffer(STEPS, ours.observation_space, ours.action_space, "cpu", 0.8, 0.9, EPISODES)
    for step in range(STEPS):
        theirs.add(
            buffer.observations[step],
            buffer.actions[step],
            buffer.rewards[step],
            buffer.episode_starts[step],
            torch.from_numpy(buffer.values[step]),
            torch.from_numpy(buffer.log_probs[step]),
            action_masks=buffer.action_masks[step],
        )
    last = ours.policy.predict_values(torch.from_numpy(ours._last_obs)).detach()
    theirs.compute_returns_and_advantage(last, ours._last_episode_starts)
    assert np.abs(buffer.advantages - theirs.advantages).max() <= 1e-6
    assert np.abs(buffer.returns - theirs.returns).max() <= 1e-6
    assert np.ptp(buffer.advantages) > 1


def test_a_truncated_episode_gets_what_the_critic_says_of_its_last_observation() -> None:
    ours, watch = model(), Watch()
    collected(ours, watch)
    cut = np.stack([told["dones"] for told in watch.seen])
    more = ours.rollout_buffer.rewards - np.stack([told["rewards"] for told in watch.seen])
    assert cut.sum() > EPISODES
    assert not more[~cut].any()
    last = np.repeat((0.1 * (1 + np.arange(EPISODES))).astype(np.float32)[:, None], ours.env.layout.size, 1)
    with torch.no_grad():
        expected = 0.9 * ours.policy.predict_values(torch.from_numpy(last)).numpy()[:, 0]
    assert np.abs(more - np.where(cut, expected, 0)).max() <= 1e-6
    assert np.abs(more[cut]).min() > 1e-3


def test_probabilities_are_those_of_the_policy() -> None:
    ours = model()
    collected(ours)
    buffer = ours.rollout_buffer
    flat = [array.reshape(STEPS * EPISODES, -1) for array in (buffer.observations, buffer.actions, buffer.action_masks)]
    observations, actions, masks = (torch.from_numpy(array) for array in flat)
    with torch.no_grad():
        values, logs, _ = ours.policy.evaluate_actions(observations, actions.flatten(), masks)
    assert np.abs(buffer.log_probs.ravel() - logs.numpy()).max() <= 1e-5
    assert np.abs(buffer.values.ravel() - values.numpy().ravel()).max() <= 1e-5
    assert masks.gather(1, actions).all()
    assert np.ptp(buffer.log_probs) > 1


def test_actions_are_sampled_as_often_as_they_are_probable() -> None:
    torch.manual_seed(3)
    shares, count = torch.tensor([0.6, 0.0, 0.3, 0.0999, 0.0001]), 400_000
    logs = shares.log().clamp(min=-1e8).unsqueeze(1).expand(-1, count)
    found = torch.bincount(sampled(logs), minlength=5) / count
    assert found[1] == 0
    assert ((found - shares).abs() <= 5 * (shares * (1 - shares) / count).sqrt()).all()


@pytest.mark.parametrize("drawn", [0.0, 1 - 2.0**-24])
def test_no_noise_is_loud_enough_for_an_illegal_action(drawn: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """All numbers that a uniform generator can draw lie between; the legal actions get the others."""
    logs = torch.tensor([[-1e8, -40.0, -1e8, 0.0]]).t()
    for unlucky in range(4):
        noise = torch.full((1, 4), 1 - 2.0**-24 if drawn == 0.0 else 0.0)
        noise[0, unlucky] = drawn
        monkeypatch.setattr(torch, "rand", lambda *_, noise=noise: noise.clone())
        assert int(sampled(logs)) in (1, 3)


def test_a_callback_ends_collecting() -> None:
    ours, watch = model(), Watch(last=5)
    assert not collected(ours, watch)
    assert watch.events == ["start"]
    assert ours.num_timesteps == 5 * EPISODES


def test_precision_follows_the_processor_unless_it_is_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert resolved("auto") == ("bfloat16" if has_bfloat16() else "float32")
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    assert resolved("auto") == "float32"
    assert capsys.readouterr().err == ""
    assert resolved("bfloat16") == "bfloat16"
    assert "this processor has no bfloat16 instructions" in capsys.readouterr().err
