"""What the parts of one random world have in common."""

from dataclasses import dataclass
from random import Random

FEATURES = (
    "promises",
    "failures",
    "start-ups",
    "increments",
    "leases",  # carry, arrears, contracts that end, flat leases, kinds that are not what the contract is
    "data",
    "checkpoints",
    "silicon",
    "preemption",
    "kills",
    "cancellations",
    "deadlines",
    "blocks",
    "pipelines",
)


@dataclass(frozen=True)
class Taste:
    """Times are mostly multiples of `tick`; steps of several sites fall together at `moments`."""

    tick: int  # ms
    span: int  # ticks in which the jobs arrive
    moments: list[int]  # ms
    is_even: bool  # one speed, one price, and many steps that are mostly known: more ties, more backfilling
    is_tidy: bool  # all times are multiples of the tick: events of all kinds fall together
    features: frozenset[str]

    def has(self, feature: str) -> bool:
        """Whether a feature is switched on."""
        return feature in self.features

    def ticks(self, rng: Random, least: int, most: int) -> int:
        """Some ticks [ms], or now and then a time between them."""
        whole = self.tick * rng.randint(least, most)
        return (
            whole if self.is_tidy or rng.random() < 0.9 else max(self.tick * least, whole - rng.randint(0, self.tick))
        )

    def part(self, share: int) -> int:
        """A part of a tick [ms]; in a tidy world the whole of it."""
        return self.tick if self.is_tidy else self.tick // share

    def size(self, rng: Random) -> int:
        """Data [MB]; the unit takes a tick over a link of 8 Mb/s."""
        unit = self.tick // 1000
        return rng.choice([0, unit, unit, 2 * unit, 0 if self.is_tidy else rng.randint(1, 3 * unit)])
