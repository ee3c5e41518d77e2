"""A search for the knobs of one rule: CMA-ES in the cube of their ranges, each on a logarithmic scale from 0 to 1."""

import hashlib
from collections.abc import Sequence

import numpy as np
from cmaes import CMA

from ...fastsim.errors import InputError
from ..rules.knobs import Range

STEP = 0.2  # first standard deviation: of a range of a factor of 400, a factor of 3.3
DIGITS = 4  # of a knob; what is played is what is written down

Position = tuple[float, ...]  # in the cube, a number a knob


class Search:
    """Asks for generations of candidates and is told what they cost. The same answers lead to the same questions."""

    def __init__(self, rule: str, space: Sequence[Range], start: Sequence[float], seed: int) -> None:
        """Begin around `start`, values of the knobs within their ranges."""
        self._low = np.log([one.low for one in space])
        self._span = np.log([one.high for one in space]) - self._low
        cube = np.tile([0.0, 1.0], (len(space), 1))
        name = hashlib.sha256(f"{rule} {seed}".encode()).digest()
        self._cma = CMA((np.log(start) - self._low) / self._span, STEP, cube, seed=int.from_bytes(name[:4], "big"))

    @property
    def candidates(self) -> int:
        """How many there are in a generation."""
        return self._cma.population_size

    @property
    def centre(self) -> Position:
        """Where candidates are drawn around: after many generations, what the good ones have in common."""
        return tuple(self._cma.mean.tolist())

    def ask(self) -> tuple[Position, ...]:
        """The next generation."""
        return tuple(tuple(self._cma.ask().tolist()) for _ in range(self.candidates))

    def tell(self, positions: Sequence[Position], costs: Sequence[float]) -> None:
        """What the generation that was asked for last has cost; only the order of the costs matters."""
        self._cma.tell([(np.array(position), cost) for position, cost in zip(positions, costs, strict=True)])

    def again(self, positions: Sequence[Position], costs: Sequence[float]) -> None:
        """A generation that was played before. Raises InputError where it is none of this search."""
        drawn = self.ask()
        if [len(one) for one in positions] != [len(one) for one in drawn]:
            reason, remedy = f"are not {len(drawn)} of {len(drawn[0])} knobs", "remove the journal"
            raise InputError("journal", "candidates", len(positions), reason, remedy)
        self.tell(positions, costs)

    def values(self, position: Position) -> tuple[float, ...]:
        """The knobs at a position, rounded."""
        return tuple(float(f"{value:.{DIGITS}g}") for value in np.exp(self._low + self._span * np.array(position)))
