"""An offer to show a policy: a scenario plays its warm-up under cost-greedy, and asks about the next job."""

import json
import time
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from pydantic import ValidationError

from ...envs.explain import explained
from ...envs.generator import generate
from ...envs.scenario import Scenario, load
from ...fastsim.advance import OFFERED
from ...fastsim.errors import InputError
from ...fastsim.observe import CLOCK_FEATURES, JOB_FEATURES, SITE_FEATURES
from ...fastsim.state import OFFERS, SLOT_MASK
from ...fastsim.units import DAY
from ...fastsim.worlds import Worlds
from ...trained.bundle import Bundle
from ...trained.manifest import Manifest
from ..rules import cost_greedy
from .episode import STREAM

BEYOND_DAYS = 7  # of arrivals after the warm-up, the next of which is asked about
REPEATS = 101  # decisions whose median time is told


@dataclass(frozen=True)
class Offer:
    """What a policy is asked, and about which job."""

    number: int  # the job's id
    job: Any  # a record of JOB
    now: int  # ms
    attempts: int  # earlier offers of this job
    observation: np.ndarray  # (layout.size,) float32
    mask: np.ndarray  # (sites + 1,) bool


def scenario_of(manifest: Manifest, name: str | None) -> Scenario:
    """The scenario of this name, or the one that the manifest keeps.

    Raises InputError for an unknown name, a broken scenario, or observations that are not of this version.
    """
    features = manifest.observation
    if (features.job, features.clock, features.site) != (JOB_FEATURES, CLOCK_FEATURES, SITE_FEATURES):
        reason, remedy = "names other features than this version observes", "train and export it again"
        raise InputError(f"bundle {manifest.name}", "observation", features.schema_hash[:16], reason, remedy)
    if name is not None:
        return load(name)
    try:
        return Scenario.model_validate_json(json.dumps(manifest.scenario.scenario))
    except ValidationError as error:
        raise explained(error, f"bundle {manifest.name}: scenario") from None


def next_offer(scenario: Scenario, seed: int) -> Offer:
    """The first offer after the warm-up. Raises InputError when no job comes."""
    warm_up = scenario.episodes.warm_up_days
    days = min(warm_up + BEYOND_DAYS, scenario.episodes.span_days)
    worlds = Worlds(scenario.compile(), generate(scenario, seed, STREAM, days), 1)
    worlds.begin(0)
    worlds.play(cost_greedy.agent(), warm_up * DAY)
    until, nothing = np.full(1, days * DAY), np.full(1, -1)
    while True:
        worlds.run(nothing, cost_greedy.agent(), until, 0, observes=True)
        if not worlds.make_room():
            break
    if worlds.status[0] != OFFERED:
        reason = f"none is offered within {days} days"
        raise InputError(scenario.name, "job", f"seed {seed}", reason, "choose another seed or a higher load")
    state = worlds.state()
    item = worlds.batch.live[0, int(worlds.batch.keys[0, OFFERS, state.offer]) & SLOT_MASK]
    number = int(item.job)
    return Offer(
        number, worlds.jobs[number], int(state.now), int(item.attempts), worlds.observations[0], worlds.masks[0] == 1
    )


def timed(policy: Bundle, offer: Offer) -> tuple[int, np.ndarray, float]:
    """The action, the masked logits (actions,), and the median time of one decision [µs]."""
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        policy.decide(offer.observation, offer.mask)
        times.append(time.perf_counter() - began)
    logits = policy.logits(offer.observation[None], offer.mask[None])[0]
    return policy.decide(offer.observation, offer.mask), logits, 1e6 * median(times)
