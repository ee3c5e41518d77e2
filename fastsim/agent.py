"""An agent, inside the kernel and outside.

Inside it is `choose(view, observation, mask, knobs, scratch) -> action` with one signature for all, so that a compiled
world can call any of them by pointer. Outside it is the same function with its knobs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from .jit import ReferenceExample, entry, pointer, signature
from .spec import JOB, ClassTable, ProviderTable, SiteTable, SpecTable
from .state import View, World, allocate


def example() -> tuple[Any, Any, World]:
    """A spec, jobs and a batch of the types that all kernels are compiled for."""
    spec = SpecTable((SiteTable(0, 1, 1, (1000,)),), (ProviderTable(0),), (ClassTable(1),), 86_400_000).pack()
    return spec, np.zeros(1, JOB).view(np.recarray), allocate(episodes=1, slots=1, sites=1, known=0)


def _example_view() -> View:
    """A view of the types that every view has."""
    spec, jobs, batch = example()
    return View(ReferenceExample(spec), jobs, ReferenceExample(World(*(array[0] for array in batch))))


CHOOSE = signature(
    0, _example_view(), np.zeros(1, np.float32), np.zeros(1, np.uint8), np.zeros(1), np.zeros(1, np.float32)
)


def chooser(function: Callable[..., int]) -> Any:
    """Compile an agent's `choose` for the one signature; like a kernel it allocates nothing."""
    return pointer(entry(CHOOSE, counts_references=False)(function))


@dataclass(frozen=True)
class Agent:
    """A named way to choose.

    `choose(view, observation, mask, knobs, scratch)`: view: View; observation: (layout.size,) float32; mask: (actions,)
    uint8, 1 = legal; knobs: (k,) float64, the agent's own parameters; scratch: (m,) float32, to write on. Returns an
    action.
    """

    name: str
    choose: Any = field(repr=False)
    knobs: np.ndarray = field(repr=False)
    observes: bool = False  # whether it reads the observation; where no agent does, none is written
    note: str = ""  # what a reader of its figures must know, such as where its knobs come from

    @property
    def scratch(self) -> int:
        """Length of the scratch it needs, in float32 values, for up to 8 sites."""
        return 0 if not self.observes else 4096


class Directed(Protocol):
    """An agent that plays worlds itself: it stops to plan, or looks ahead."""

    @property
    def name(self) -> str:
        """As reports call it."""
        ...

    @property
    def note(self) -> str:
        """What a reader of its results must know; mostly nothing."""
        ...

    def play(self, worlds: Any, until: int | np.ndarray) -> np.ndarray:
        """Play every episode until `until` [ms] or its last result; returns why each stopped (advance.py)."""
        ...


Player = Agent | Directed
