"""What no policy can beat, and what foresight attains: lines beside which costs are shown."""

from typing import NamedTuple


class Bounds(NamedTuple):
    """Avoidable cost over the episodes of an evaluation, dollars per week; NaN: not known."""

    bound: float  # of the linear programme: no policy costs less
    clairvoyant: float  # of a policy that knows the future: attainable with foresight
