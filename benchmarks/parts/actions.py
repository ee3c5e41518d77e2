"""Ways to answer the offers of a batch of environments."""

import numpy as np

from tidegate.envs.routing import RoutingBatch


def random_legal(batch: RoutingBatch, rng: np.random.Generator) -> np.ndarray:
    """Uniform among the legal actions of each episode."""
    return (batch.masks * (1 + rng.random(batch.masks.shape))).argmax(axis=1)
