"""How a learned policy weighs the parts of the job's cost: the score of each action, taken apart.

The heads and all that is not weighed come from the kernels of network.py, so a score's parts add up to the score that
the policy has chosen by.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from ...fastsim import network
from ...fastsim.agent import Agent
from ...fastsim.jit import from_python
from ...fastsim.network import FAVOUR, HEADER, HEADS, HOLDING, LEAST, LIMIT, PATIENCE
from ...fastsim.observe import CLOCK_COUNT, FIRST_PART, JOB_COUNT, SITE_COUNT
from ...fastsim.weighing import COMMITTED, EVICTING, HOUR, MAKES_WAY, METERED, PARTS, STARTING, WAITING

COMMON = JOB_COUNT + CLOCK_COUNT
SITE_PARTS = ("metered", "committed", "waiting", "starting", "evicting")  # heads of a site's cost, in their order
HOLD_PARTS = ("metered", "committed", "holding")


class Score(NamedTuple):
    """The score of one action: hidden + favour + cost_term."""

    score: float
    hidden: float  # what hidden layers give it
    favour: float
    cost_term: float  # − sharpness × log(sum of the counted parts)
    factors: dict[str, float]  # what each part counts: e to the power of its weight
    counted: dict[str, float]  # each part times its factor, shares of all costs at all legal sites
    site: int  # whose parts they are: for hold the site that it would wait for


def is_learned(agent: Agent) -> bool:
    """Whether it is the site scorer of network.py."""
    if not agent.observes:
        return False
    from ...fastsim import scorer  # to be compiled, which rules do without

    return agent.choose is scorer.choose


def scored(agent: Agent, observation: np.ndarray, sites: int) -> list[Score]:
    """The scores of all actions, legal or not, taken apart."""
    weights = _unpacked(agent.knobs)
    total, hidden = _scores(agent.knobs, observation, sites), _scores(_blunt(agent.knobs), observation, sites)
    sharpness = float(weights["sharpness"][0])
    heads = [_heads(weights, observation, site) for site in range(sites)]
    parts = [_parts(observation, site) for site in range(sites)]
    found, calm = [], []
    for site in range(sites):
        factors = {name: math.exp(_clipped(heads[site][HEADS.index(name)])) for name in HEADS[: HOLDING + 1]}
        own = parts[site]
        waiting = own[WAITING] * (1.0 - own[MAKES_WAY])
        shares = dict(
            zip(SITE_PARTS, (own[METERED], own[COMMITTED], waiting, own[STARTING], own[EVICTING]), strict=True)
        )
        counted = {name: factors[name] * share for name, share in shares.items()}
        favour = sharpness * _clipped(heads[site][FAVOUR])
        cost_term = -sharpness * math.log(sum(counted.values()) + LEAST)
        own_factors = {name: factors[name] for name in SITE_PARTS}
        found.append(Score(float(total[site]), float(hidden[site]), favour, cost_term, own_factors, counted, site))
        patience = own[WAITING] + own[STARTING] + PATIENCE * own[HOUR]
        shares = dict(zip(HOLD_PARTS, (own[METERED], own[COMMITTED], patience), strict=True))
        counted = {name: factors[name] * share for name, share in shares.items()}
        calm.append((sum(counted.values()), site, {name: factors[name] for name in HOLD_PARTS}, counted))
    least, site, factors, counted = min(calm, key=lambda one: one[0])
    cost_term = -sharpness * math.log(least + LEAST)
    return [*found, Score(float(total[sites]), float(hidden[sites]), 0.0, cost_term, factors, counted, site)]


def _unpacked(knobs: np.ndarray) -> dict[str, np.ndarray]:
    """The weights of a network by name, from its knobs; views of them, flat."""
    job, clock, site, width = (int(size) for size in knobs[:HEADER])
    flat, at, found = knobs[HEADER:].view(np.float32), 0, {}
    for name, shape in network.weight_shapes(job, clock, site, width).items():
        found[name] = flat[at : at + math.prod(shape)]
        at += math.prod(shape)
    return found


def _blunt(knobs: np.ndarray) -> np.ndarray:
    """The same network without what it makes of the parts: its scores are those of the hidden layers."""
    blunt = knobs.copy()
    _unpacked(blunt)["sharpness"][:] = 0.0
    return blunt


def _scores(knobs: np.ndarray, observation: np.ndarray, sites: int) -> np.ndarray:
    """The scores (sites + 1,) float32, as the kernel computes them."""
    out = np.zeros(sites + 1, np.float32)
    scratch = np.zeros(network.scratch_size(sites, int(knobs[3])), np.float32)
    from_python(network.scores)(observation, knobs, scratch, out)
    return out


def _heads(weights: dict[str, np.ndarray], observation: np.ndarray, site: int) -> np.ndarray:
    """The heads (HEADS,) float32 of a site, bit for bit the kernel's."""
    out, add_rows = weights["weigh_bias"].copy(), from_python(network.add_rows)
    add_rows(out, observation[:COMMON], weights["weigh_common"])
    begin = COMMON + site * SITE_COUNT
    add_rows(out, observation[begin : begin + SITE_COUNT], weights["weigh_site"])
    return out


def _parts(observation: np.ndarray, site: int) -> list[float]:
    """The parts (PARTS) of a site, as the network reads them."""
    first = FIRST_PART + site * SITE_COUNT
    return [max(0.0, float(value)) for value in observation[first : first + PARTS]]


def _clipped(head: Any) -> float:
    return max(-LIMIT, min(float(head), LIMIT))
