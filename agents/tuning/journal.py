"""The journal of a tuning: every generation that was played, so that an interrupted tuning goes on where it stopped.

It is a JSON text, written anew after each generation, whole or not at all. It belongs to one scenario, one version and
one set of settings.
"""

import math
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError, model_validator

from ...envs.explain import explained
from ...fastsim.errors import InputError
from ...trained.durable import write_file
from .flat import is_flat

# JSON has no infinity, which is what a candidate costs under which more waits than a world can hold.
Cost = Annotated[
    float,
    Field(ge=0),  # which NaN is not
    BeforeValidator(lambda value: math.inf if value is None else value),
    PlainSerializer(lambda value: value if math.isfinite(value) else None, when_used="json"),
]


class Part(BaseModel):
    """What all parts of the files of tuning share."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Settings(Part):
    """What a tuning depends on, besides the scenario and the version."""

    episodes: int = Field(ge=1)  # that knobs are fitted to; as many fresh ones decide which rule is best
    generations: int = Field(ge=1)  # at most, for each rule
    patience: int = Field(ge=1)  # generations without a gain after which a rule is done
    seed: int = Field(ge=0)


class Generation(Part):
    """Candidates in the cube of the ranges, and what each has cost."""

    positions: Annotated[tuple[tuple[Annotated[float, Field(ge=0, le=1)], ...], ...], Field(min_length=1)]
    costs: tuple[Cost, ...]  # dollars per week

    @model_validator(mode="after")
    def _all_have_costs(self) -> Self:
        if len(self.costs) != len(self.positions):
            reason, remedy = f"belong to {len(self.positions)} candidates", "remove the journal"
            raise InputError("costs", "numbers", len(self.costs), reason, remedy)
        return self


class Record(Part):
    """What is known of one rule."""

    default: Cost  # with its default knobs
    generations: tuple[Generation, ...] = ()
    centre: Cost | None = None  # with the knobs that the search ended around; None: it has not ended

    @property
    def curve(self) -> tuple[float, ...]:
        """Least cost of all candidates so far, after each generation; the default is none of them."""
        return tuple(accumulate((min(one.costs) for one in self.generations), min))

    @property
    def middle(self) -> tuple[float, ...]:
        """Least median cost of a generation so far, after each: luck with one candidate does not move it."""
        return tuple(accumulate((median(one.costs) for one in self.generations), min))

    def is_flat(self, patience: int) -> bool:
        """Neither the least nor the middle cost has fallen in the last `patience` generations.

        Costs are rugged: a lucky candidate of the first generation may be the least for long while the search improves.
        """
        return all(is_flat(curve, patience) for curve in (self.curve, self.middle))

    @property
    def evaluations(self) -> int:
        """How many knobs were played, besides the default ones."""
        return sum(len(one.costs) for one in self.generations) + (self.centre is not None)

    @property
    def best(self) -> tuple[float, ...]:
        """The first position of least cost."""
        pairs = [pair for one in self.generations for pair in zip(one.costs, one.positions, strict=True)]
        return min(pairs, key=lambda pair: pair[0])[1]


class Journal(Part):
    """A tuning so far."""

    format: Literal[1] = 1
    scenario: str
    digest: str
    version: str  # of Tidegate
    settings: Settings
    rules: dict[str, Record] = {}

    def noting(self, rule: str, record: Record) -> "Journal":
        """The same with a later record of one rule."""
        return self.model_copy(update={"rules": {**self.rules, rule: record}})

    def write(self, path: Path) -> None:
        """Put it there, whole or not at all. Raises InputError where the system refuses."""
        save(path, self.model_dump_json(indent=1))


def save(path: Path, text: str) -> None:
    """Put a file of tuning in its place, whole or not at all. Raises InputError where the system refuses."""
    try:
        write_file(path, text.encode() + b"\n")
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> InputError:
    """What is told where the system refuses to write a file of tuning."""
    reason, remedy = f"cannot be written: {error.strerror}", "name another place with --out"
    return InputError("tune", "file", path, reason, remedy)


def read_text(path: Path) -> str:
    """A file of tuning as text. Raises InputError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError("tune", "file", path, f"cannot be read: {reason}", "correct or remove it") from None


def continued(path: Path, fresh: Journal) -> Journal:
    """The journal at `path`, or `fresh` where there is none.

    Raises InputError for one that is broken, or that belongs to another scenario, version or settings than `fresh`.
    """
    if not path.exists():
        return fresh
    try:
        found = Journal.model_validate_json(read_text(path))
    except ValidationError as error:
        told = explained(error, str(path))
        raise InputError(told.where, told.what, told.value, told.reason, "remove the journal") from None
    remedy = "remove the journal, or go on with what it was begun with"
    for what in ("scenario", "digest", "version"):
        _compare(path, what, getattr(found, what), getattr(fresh, what), remedy)
    for what in Settings.model_fields:
        _compare(path, what, getattr(found.settings, what), getattr(fresh.settings, what), remedy)
    return found


def _compare(path: Path, what: str, found: object, wanted: object, remedy: str) -> None:
    if found != wanted:
        raise InputError(str(path), what, found, f"the journal is of another tuning than {wanted}", remedy)
