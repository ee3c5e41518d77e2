"""When a search is at its end: its costs are flat."""

from collections.abc import Sequence

GAIN = 0.002  # a cost that is lower by less than this share is no gain


def is_flat(curve: Sequence[float], patience: int) -> bool:
    """Whether the last `patience` generations have gained nothing."""
    return len(curve) > patience and not curve[-1] < (1 - GAIN) * curve[-1 - patience]
