"""Whole amounts divided without loss."""

from collections.abc import Sequence


def apportioned(amount: int, weights: Sequence[int]) -> list[int]:
    """Parts of `amount`, in proportion to `weights`, that add up to it: largest remainder, the first of equals.

    All are non-negative. No part exceeds its weight where the amount does not exceed their sum. Raises ValueError where
    there is something to divide and nothing to divide it by.
    """
    total = sum(weights)
    if total == 0:
        if amount:
            raise ValueError(f"{amount} cannot be divided: all weights are 0")
        return [0] * len(weights)
    parts = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: -(amount * weights[index] % total))
    for index in by_remainder[: amount - sum(parts)]:
        parts[index] += 1
    return parts


def taken_in_order(amount: int, groups: Sequence[Sequence[int]]) -> list[list[int]]:
    """Parts of `amount` taken from the groups in their order, as much as each holds; within one in proportion.

    The amount does not exceed what they hold together.
    """
    parts = []
    for group in groups:
        taken = min(amount, sum(group))
        parts.append(apportioned(taken, group))
        amount -= taken
    return parts
