"""The envelope of a policy: what it saw in training is familiar, and what it never saw is not."""

import json
from typing import Any

import numpy as np
import pytest

from tidegate.agents.evaluation.policies import TRAINED, shipped
from tidegate.envs.present import present, taken
from tidegate.envs.routing import RoutingBatch
from tidegate.envs.scenario import load
from tidegate.envs.snapshot import Snapshot
from tidegate.fastsim import scorer
from tidegate.fastsim.agent import Agent
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.trained.bundle import load as load_bundle
from tidegate.trained.envelope import WINDOW, Familiar, means_of, parse, rows_of

from .toy_router import at_offers, bundle, rule, scenario, step

WEEKS = 11  # names weeks that no envelope was drawn from
COUNT = 20_000 if IS_COMPILED else 200
EPISODES = 16
SPEC = scenario().compile()
MINUTE = 60_000


def reasons(observations: np.ndarray, masks: np.ndarray) -> list[str]:
    """Of each decision in a row, why it is not familiar."""
    policy = bundle()
    assert policy.envelope is not None
    familiar = Familiar(policy.envelope, policy.manifest.observation)
    return [familiar.why_not(*one) for one in zip(observations, masks, strict=True)]


@pytest.mark.skipif(not IS_COMPILED, reason="plays weeks")
def test_other_weeks_of_training_are_familiar() -> None:
    """At most one in a hundred decisions is a false alarm."""
    agent = Agent("policy", scorer.choose, bundle().knobs(), observes=True)
    batch = RoutingBatch(scenario(), EPISODES, WEEKS, streams=EPISODES, rule=rule())
    batch.reset()
    steps = []
    for _ in range(COUNT // EPISODES):
        steps.append((batch.observations.copy(), batch.masks == 1))
        batch.step(batch.worlds.ask(agent))
    observations, masks = (np.stack(part) for part in zip(*steps, strict=True))
    found = [reasons(observations[:, one], masks[:, one]) for one in range(EPISODES)]
    alarms = np.mean([reason != "" for episode in found for reason in episode])
    assert alarms <= 0.01


def prices(snapshot: dict[str, Any], factor: float) -> None:
    for site in snapshot["sites"]:
        site["price_per_hour"] = round(site["price_per_hour"] * factor, 4)


def requests(snapshot: dict[str, Any], factor: float) -> None:
    for one in snapshot["jobs"]:
        one["requested_ms"] = max(1, int(one["requested_ms"] * factor))
        one["claim_ms"] = None


def gangs(snapshot: dict[str, Any], factor: float) -> None:
    for one in snapshot["jobs"]:
        if one["status"] in ("new", "queued", "held"):
            one["gang"] = max(1, int(one["gang"] * factor))


def waits(snapshot: dict[str, Any], factor: float) -> None:
    """Times of submission in other units: who has just come seems to have waited for long."""
    for one in snapshot["jobs"]:
        one["ready_ms"] = max(0, int(snapshot["now_ms"] - (snapshot["now_ms"] - one["ready_ms"] + MINUTE) * factor))


# Mistakes in units: cents or thousandths of dollars, a node of eight, seconds, minutes and hours for milliseconds.
SHIFTS = {
    **{f"prices times {factor}": (prices, factor) for factor in (1000, 100, 8, 3, 0.5, 1 / 8, 0.01)},
    **{f"requests times {factor}": (requests, factor) for factor in (3600, 1000, 60, 1 / 60, 0.001)},
    **{f"gangs times {factor}": (gangs, factor) for factor in (64, 8)},
    **{f"waits times {factor}": (waits, factor) for factor in (60, 1000)},
}


@pytest.fixture(scope="module")
def first_offers() -> list[dict[str, Any]]:
    """A cluster at as many first offers as make a window, two apart, as snapshots."""
    worlds, told = at_offers(5), []
    fresh = bundle().manifest.observation.job.index("is_fresh")
    while len(told) < (WINDOW if IS_COMPILED else 2):
        if worlds.observations[0, fresh] == 1:
            told.append(json.loads(taken(worlds, scenario()).model_dump_json()))
        step(worlds, np.array([int(worlds.ask(rule())[0])]))
    return told


def test_what_is_told_rightly_is_familiar(first_offers: list[dict[str, Any]]) -> None:
    assert not any(reasons(*seen(first_offers)))


@pytest.mark.skipif(not IS_COMPILED, reason="looks at a window of snapshots")
@pytest.mark.parametrize("name", SHIFTS)
def test_a_planted_shift_is_found(name: str, first_offers: list[dict[str, Any]]) -> None:
    """Of mistakes in units every one has shown when a window has passed, most of them at once."""
    change, factor = SHIFTS[name]
    told = json.loads(json.dumps(first_offers))
    for snapshot in told:
        change(snapshot, factor)
    assert reasons(*seen(told))[-1] != ""


def seen(told: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """What is seen of the first offers of snapshots: observations, and masks (bool)."""
    observations, masks = [], []
    for snapshot in told:
        worlds = present(Snapshot.model_validate_json(json.dumps(snapshot)), scenario(), SPEC).worlds()
        worlds.run(np.array([-1]), rule(), np.array([snapshot["now_ms"]]), 0, observes=True)
        observations.append(worlds.observations[0].copy())
        masks.append(worlds.masks[0] == 1)
    return np.stack(observations), np.stack(masks)


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_policy_has_an_envelope_of_its_training(name: str) -> None:
    policy = load_bundle(TRAINED / name)
    assert policy.envelope is not None
    sites = {len(load(policy.manifest.scenario.name).sites)} if name != "generalist" else {2, 3, 4}
    assert set(policy.envelope.sites) >= sites


def test_what_was_never_seen_is_told_in_words() -> None:
    worlds = at_offers()
    policy = bundle()
    assert policy.envelope is not None
    seen, mask, names = worlds.observations[0].copy(), worlds.masks[0] == 1, policy.manifest.observation
    familiar = Familiar(policy.envelope, names)
    assert familiar.why_not(seen, mask) == ""
    price = policy.layout.job + policy.layout.clock + names.site.index("price")
    odd = seen.copy()
    odd[price :: policy.layout.site] = 0.99
    assert familiar.why_not(odd, mask).startswith("price is 0.99, in training ")
    assert "2 sites, in training 3" in familiar.why_not(seen[: -policy.layout.site], mask[1:])


def test_what_is_asked_about_one_by_one_is_what_is_told_of_many_at_once() -> None:
    """The kernel lays out rows, and keeps the mean of the last first offers, as NumPy does with all of them."""
    policy, rng = bundle(), np.random.default_rng(5)
    assert policy.envelope is not None
    layout, familiar = policy.layout, Familiar(policy.envelope, policy.manifest.observation)
    observations = rng.uniform(-1, 1, (3 * WINDOW, layout.size)).astype(np.float32)
    observations[:, policy.envelope.fresh] = 1
    masks = rng.random((3 * WINDOW, layout.actions)) < 0.5
    masks[7, :-1] = False
    means = means_of(observations, masks, layout)
    for at, (observation, mask) in enumerate(zip(observations, masks, strict=True)):
        familiar.why_not(observation, mask)
        rows, _ = rows_of(observation[None], mask[None], layout)
        if len(rows):
            np.testing.assert_array_equal(familiar._rows[: len(rows)], rows)
        if at + 1 >= WINDOW:
            np.testing.assert_allclose(familiar._mean[0], means[at + 1 - WINDOW : at + 1].mean(0), atol=1e-12)


def test_rows_and_means_are_of_legal_sites() -> None:
    layout = bundle().layout
    observations = np.arange(2 * layout.size, dtype=np.float32).reshape(2, -1)
    masks = np.array([[True, False, True, True], [False, False, False, True]])
    rows, whose = rows_of(observations, masks, layout)
    common = layout.job + layout.clock
    assert whose.tolist() == [0, 0]
    assert rows[:, common].tolist() == [common, common + 2 * layout.site]
    means = means_of(observations, masks, layout)
    np.testing.assert_allclose(means[0], rows.mean(0))
    np.testing.assert_allclose(means[1, common], observations[1, common + layout.site])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda one: one["each"].pop("low"), "each.low"),
        (lambda one: one["each"]["low"].pop(), "rows are not equally long"),
        (lambda one: one["means"]["factor"].pop(), "rows are not equally long"),
        (lambda one: one.update(hook="import os"), "Extra inputs"),
        (lambda one: one.update(format=2), "format"),
        (lambda one: one["each"].update(slack=-1), "slack"),
    ],
)
def test_an_envelope_that_does_not_hold_together_is_refused(change: Any, reason: str) -> None:
    content = json.loads((TRAINED / "small_team" / "envelope.json").read_text())
    change(content)
    with pytest.raises(InputError, match=reason):
        parse(json.dumps(content).encode(), bundle().layout, "bundle")


def test_an_envelope_of_other_observations_is_refused() -> None:
    content = (TRAINED / "small_team" / "envelope.json").read_bytes()
    layout = bundle().layout
    with pytest.raises(InputError, match="do not fit the observation"):
        parse(content, type(layout)(layout.job + 1, layout.clock, layout.site, layout.sites), "bundle")
    assert parse(content, layout, "bundle").rendered() == content


def test_not_a_number_is_no_envelope() -> None:
    content = (TRAINED / "small_team" / "envelope.json").read_bytes()
    with pytest.raises(InputError):
        parse(content.replace(b'"slack":0.25', b'"slack":NaN', 1), bundle().layout, "bundle")
