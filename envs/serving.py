"""Demand for serving, as one writes it in a scenario's file: requests over time, what a replica does, how it is cut.

The shape is that of ServeGen (Xiang et al., 2025): the demand is the sum over groups of clients with skewed rates, each
with its own rhythm, its own tokens per request and its own burstiness. Here a group's rate is its rhythm times a Gamma
factor of mean 1 that is drawn for every slot. From it follow replicas, from these blocks (generator.py).
"""

from decimal import Decimal
from fractions import Fraction
from math import sqrt
from typing import Annotated

from pydantic import Field, model_validator

from ..fastsim.errors import InputError
from ..fastsim.units import HOUR
from .quantities import Name, Part, Ratio, Share, Time, Weight, Whole, whole
from .work import ClassTerms, Rhythm

MOST_CLIENTS = 16  # groups of one service
MOST_BLOCKS = 1 << 17  # side by side, of one service: × 2^16 × 2^28 stays below 2^62
Tokens = Annotated[Whole, Field(ge=0, le=10_000_000)]
Throughput = Annotated[Whole, Field(ge=1, le=1_000_000_000)]


class Clients(Rhythm):
    """One group of clients: a share of the requests, with a rhythm and a burstiness of its own."""

    name: Name
    requests: Weight  # share of the service's requests, relative to the other groups
    tokens_in: Tokens  # per request
    tokens_out: Tokens
    variation: Annotated[Share, Field(le=Decimal("0.5"))] = Decimal(0)  # coefficient, of the Gamma factor of a slot


class Surge(Part):
    """For some days the demand is multiplied by `factor`: a launch."""

    at_day: Time
    days: Annotated[Time, Field(gt=0)]
    factor: Annotated[Ratio, Field(gt=0, le=100)]

    @property
    def row(self) -> tuple[int, int, int]:
        """From, to [ms], and the factor [permille]."""
        begin = whole(self.at_day, "days")
        return begin, begin + whole(self.days, "days"), whole(self.factor, "permille")


class Serving(ClassTerms):
    """One service: a class whose jobs are blocks of replicas.

    Its delay cost is what a missing accelerator costs per hour (the penalty of its service level).
    """

    replica: Annotated[Whole, Field(ge=1, le=1 << 16)]  # accelerators
    replicas_per_block: Annotated[Whole, Field(ge=1, le=1 << 16)] = 1
    prefill_tokens_per_second: Throughput  # of one replica that does nothing else
    decode_tokens_per_second: Throughput
    target_utilisation: Annotated[Share, Field(gt=0)]  # of a replica, so that the service level holds
    slot_minutes: Annotated[Time, Field(ge=5, le=60)] = Decimal(15)  # how often the number of replicas is set anew
    longest_hours: Annotated[Time, Field(ge=1, le=168)] = Decimal(24)  # of a block: then another takes its place
    billions: Annotated[Whole, Field(ge=1, le=1 << 20)] = 1  # parameters of the model it serves
    clients: Annotated[tuple[Clients, ...], Field(min_length=1, max_length=MOST_CLIENTS)]
    surges: tuple[Surge, ...] = ()

    @model_validator(mode="after")
    def _fits_the_hours(self) -> "Serving":
        if HOUR % self.slot:
            reason = "an hour is not a whole number of slots"
            raise InputError("slot_minutes", "minutes", self.slot_minutes, reason, "use for example 15")
        if whole(self.longest_hours, "hours") % self.slot:
            reason = f"not a whole number of slots of {self.slot_minutes} minutes"
            raise InputError("longest_hours", "hours", self.longest_hours, reason, "correct it")
        if sum(self._work(group) for group in self.clients) == 0:
            raise InputError("clients", "tokens", 0, "no group needs a replica", "give tokens")
        return self

    @property
    def slot(self) -> int:
        """Length of a slot [ms]."""
        return whole(self.slot_minutes, "minutes")

    @property
    def longest(self) -> int:
        """Slots of the longest block."""
        return whole(self.longest_hours, "hours") // self.slot

    @property
    def gang(self) -> int:
        """Accelerators of a block."""
        return self.replica * self.replicas_per_block

    @property
    def largest_surge(self) -> Fraction:
        """The largest factor that surges ever make."""
        factors = [Fraction(surge.factor) for surge in self.surges if surge.factor > 1]
        product = Fraction(1)
        for factor in factors:
            product *= factor
        return product

    def _work(self, group: Clients) -> Fraction:
        """Seconds of one replica that a request of the group takes, times its share of the requests."""
        seconds = Fraction(group.tokens_in, self.prefill_tokens_per_second)
        seconds += Fraction(group.tokens_out, self.decode_tokens_per_second)
        return seconds * Fraction(group.requests)

    @property
    def parts(self) -> tuple[Fraction, ...]:
        """Share of each group in the replicas needed; they add up to 1."""
        work = [self._work(group) for group in self.clients]
        return tuple(part / sum(work, Fraction(0)) for part in work)

    def requests_per_second(self, accelerators: Fraction) -> Fraction:
        """Mean rate of requests that needs this many accelerators."""
        per_request = sum((self._work(group) for group in self.clients), Fraction(0))
        per_request /= sum(Fraction(group.requests) for group in self.clients)
        return accelerators / self.replica * Fraction(self.target_utilisation) / per_request

    def need(self, accelerators: Fraction) -> tuple[tuple[Fraction, ...], ...]:
        """Blocks that each group needs in each hour of the week, before rounding, for a mean of so many accelerators.

        Rounding the sum up to whole blocks adds half a block on average, which is taken off before.
        """
        mean = max(accelerators / self.gang - Fraction(1, 2), Fraction(1, 8))
        pairs = zip(self.parts, self.clients, strict=True)
        return tuple(tuple(mean * part * factor for factor in group.week) for part, group in pairs)

    def blocks_per_hour(self, accelerators: Fraction) -> float:
        """Blocks that begin in an hour, on average, a little too many: those that replace others, and those of rises.

        The rise from one slot to the next is a drift and a deviation; its positive part is at most the drift's plus
        0.4 standard deviations.
        """
        need = [[float(blocks) for blocks in row] for row in self.need(accelerators)]
        variations = [float(group.variation) for group in self.clients]
        slots, rises = HOUR // self.slot, 0.0
        for hour in range(168):
            drift = sum(row[hour] - row[hour - 1] for row in need)
            spread = sqrt(2 * sum((row[hour] * v) ** 2 for row, v in zip(need, variations, strict=True)))
            rises += max(0.0, drift) + 0.4 * slots * spread
        return rises / 168 + (float(accelerators) / self.gang + 1) * slots / self.longest
