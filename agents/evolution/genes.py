"""Which weights of a policy evolve, and how far a step goes.

A gene is one number of the network's `weigh_common`, `weigh_site` or `weigh_bias` (fastsim/network.py): how much one
part of a cost counts, or how that depends on a feature. The other weights stay what they were: nought at first. There
are few genes because a generation takes time, and because few numbers learn little by heart.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ...fastsim.network import HEADS, weight_shapes
from ...fastsim.observe import CLOCK_FEATURES, JOB_FEATURES, SITE_FEATURES

Weights = dict[str, np.ndarray]

COMMON_FEATURES = (*JOB_FEATURES, *CLOCK_FEATURES)
WIDTH = 1  # of the hidden layers, which do nothing in a policy that has only evolved
SHARPNESS = 1.0  # a choice is the same at any; scores are then logarithms of costs, which float32 rounds by 1e-6
BIASES = {"committed": 2.0, "waiting": 1.0, "starting": 1.0, "evicting": 1.0, "holding": 1.0}
FIRST = {"committed": -4.0, "holding": 1.5}
# On what the weights of COMMON_HEADS depend, and the steps: some tenths of a standard deviation become some tenths of
# the logarithm of a weight.
COMMON_HEADS = ("committed", "waiting", "holding")
COMMON = {
    "accelerator_octaves": 3.0,
    "hours_octaves": 3.0,
    "rate_octaves": 3.0,
    "waited_octaves": 3.0,
    "is_preemptible": 1.0,
    "is_service": 1.0,
    "deadline_slack": 1.0,
    "descendants": 2.0,
    "waiting_share": 2.0,
    "day_phase": 0.7,
    "week_quarter": 0.7,
}
SITE = {
    ("metered", "failures"): 2.0,
    ("metered", "grant_chance"): 1.0,
    ("metered", "price_change"): 2.0,
    ("committed", "drawn_share"): 2.0,
    ("committed", "capacity_28d"): 2.0,
    ("committed", "days_of_queue"): 2.0,
    ("waiting", "is_committed"): 1.0,
    ("waiting", "queued_share"): 2.0,
    ("holding", "footprint_share"): 2.0,
    ("favour", "is_here"): 0.1,
    ("favour", "capacity_change"): 1.0,
}


class Gene(NamedTuple):
    """One weight."""

    name: str  # of the weight: weigh_common, weigh_site or weigh_bias
    place: tuple[int, ...]  # in it
    step: float  # one unit of the search
    label: str  # for people


def _genes() -> Iterator[Gene]:
    for head, step in BIASES.items():
        yield Gene("weigh_bias", (HEADS.index(head),), step, head)
    for head in COMMON_HEADS:
        for feature, step in COMMON.items():
            place = (COMMON_FEATURES.index(feature), HEADS.index(head))
            yield Gene("weigh_common", place, step, f"{head} by {feature}")
    for (head, feature), step in SITE.items():
        yield Gene("weigh_site", (SITE_FEATURES.index(feature), HEADS.index(head)), step, f"{head} by {feature}")


GENES = tuple(_genes())


def first_weights(width: int = WIDTH) -> Weights:
    """The network before anything is learned: cost-greedy, which distrusts waits when it holds."""
    shapes = weight_shapes(len(JOB_FEATURES), len(CLOCK_FEATURES), len(SITE_FEATURES), width)
    weights = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    for head, value in FIRST.items():
        weights["weigh_bias"][HEADS.index(head)] = value
    weights["sharpness"][0] = SHARPNESS
    return weights


def express(position: np.ndarray, base: Weights) -> Weights:
    """The weights at a `position` (genes,) of the search around `base`."""
    weights = {name: array.copy() for name, array in base.items()}
    for gene, value in zip(GENES, position, strict=True):
        weights[gene.name][gene.place] += np.float32(gene.step * value)
    return weights
