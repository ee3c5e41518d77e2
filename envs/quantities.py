"""Quantities as a scenario writes them (dollars, hours, days, shares), and their exact way into integers.

They are decimal numbers with so few places that the conversion to micro-dollars, milliseconds and permille is exact.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

from ..fastsim.units import DAY, DOLLAR, HOUR, MINUTE, SECOND

# In JSON a number; 15 digits survive the way through a float.
_as_number = PlainSerializer(float, return_type=float, when_used="json")

Whole = Annotated[int, Field(strict=True)]
Dollars = Annotated[Decimal, Field(ge=0, decimal_places=6, max_digits=15), _as_number]
Time = Annotated[
    Decimal, Field(ge=0, decimal_places=5, max_digits=12), _as_number
]  # days, hours, minutes or seconds, as the name says
Ratio = Annotated[Decimal, Field(ge=0, le=1000, decimal_places=3, max_digits=7), _as_number]
Gigabits = Annotated[Decimal, Field(gt=0, le=1_000_000, decimal_places=3, max_digits=10), _as_number]  # per second
Share = Annotated[Decimal, Field(ge=0, le=1, decimal_places=3, max_digits=5), _as_number]
Amount = Annotated[Decimal, Field(ge=0, decimal_places=3, max_digits=15), _as_number]
Weight = Annotated[Decimal, Field(gt=0, le=1_000_000, decimal_places=6, max_digits=13), _as_number]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40, strict=True)]
Text = Annotated[str, StringConstraints(min_length=1, strict=True)]

TIMES = {"days": DAY, "hours": HOUR, "minutes": MINUTE, "seconds": SECOND}  # ms
UNITS = TIMES | {"dollars": DOLLAR, "permille": 1000, "gigabits": 1000}  # µ$, permille, Mb


def whole(amount: Decimal, unit: str) -> int:
    """`amount` of a unit (see UNITS) in the integers of the world: µ$, ms, permille or Mb."""
    product = Fraction(amount) * UNITS[unit]
    if product.denominator != 1:
        raise ValueError(f"{amount} {unit} is not a whole number of the world's units; write it with fewer places")
    return int(product)


def mean_of(weights: dict[int, Decimal]) -> Fraction:
    """Mean of the keys, weighted."""
    total = sum(Fraction(weight) for weight in weights.values())
    return sum((value * Fraction(weight) for value, weight in weights.items()), Fraction(0)) / total


class Part(BaseModel):
    """A part of a scenario: frozen, and closed to unknown keys.

    A check that fails raises InputError, whose `where` is the key within the part.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
