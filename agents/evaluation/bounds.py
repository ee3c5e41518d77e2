"""What no policy can beat, and what foresight attains: lines beside which costs of the same episodes are shown."""

from typing import NamedTuple

import numpy as np


class Bounds(NamedTuple):
    """Avoidable cost of some episodes of an evaluation, dollars per week; NaN: not known."""

    bound: float  # of the linear programme: no policy costs less
    clairvoyant: float  # of a policy that knows the future: attainable with foresight
    base: str  # the policy whose decisions the clairvoyant betters
    episodes: int  # how many are bounded
    rows: np.ndarray  # (rows,) bool: which rows of the report these are
