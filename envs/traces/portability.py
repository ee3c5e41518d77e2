"""Required tags of a trace's jobs: no trace records them, so they are drawn from the shares of the scenario's class."""

from fractions import Fraction
from itertools import accumulate

import numpy as np

from ...fastsim.jit import entry
from ...fastsim.keyed import draw, uniform
from ..scenario import Scenario
from .streams import CERTAIN, TAGS, entity


def required_tags(
    scenario: Scenario, cls: np.ndarray, job: np.ndarray, copy: np.ndarray, seed: int, episode: int
) -> np.ndarray:
    """Bit sets, shape (jobs,), int32; so is the shape of all array arguments. `job` and `copy` name the draws."""
    points = np.empty(len(job), dtype=np.int64)
    draw_points(points, job, copy, seed, episode)
    tags = np.zeros(len(job), dtype=np.int32)
    for index, job_class in enumerate(scenario.classes):
        weights = [Fraction(weight) for weight in job_class.portability.values()]
        ends = [CERTAIN * reached // sum(weights) for reached in accumulate(weights)]
        masks = np.array([scenario.tag_mask(required) for required in job_class.portability], dtype=np.int32)
        is_of_class = cls == index
        tags[is_of_class] = masks[np.searchsorted(ends, points[is_of_class], side="right")]
    return tags


@entry()
def draw_points(points: np.ndarray, job: np.ndarray, copy: np.ndarray, seed: int, episode: int) -> None:
    """Give each job a number in [0, CERTAIN)."""
    for i in range(len(points)):
        points[i] = uniform(draw(seed, TAGS, entity(copy[i], job[i]), episode), CERTAIN)
