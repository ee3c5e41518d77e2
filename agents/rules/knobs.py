"""What a tunable rule says of its knobs: between which values each is searched."""

from typing import NamedTuple


class Range(NamedTuple):
    """Values that a search considers for one knob.

    It is searched on a logarithmic scale: from 1 to 2 is as far as from 10 to 20. Both ends are above 0 for that.
    """

    name: str
    low: float
    high: float
