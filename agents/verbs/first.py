"""The policy that the others are compared with, where none is named."""

from typing import Any


def first(world: Any, where: str) -> str:
    """The best tuned rule, where rules have been tuned for the scenario that `where` holds; else cost-greedy."""
    from ..tuning.tuned import is_tuned

    return "best-tuned" if is_tuned(where, world) else "cost-greedy"
