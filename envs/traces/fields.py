"""The law of one field: what a number, a duration, a gang or a name may be, in whichever format it stood.

Text is converted exactly, by decimal arithmetic; a float is rounded to the nearest millisecond, half to even. `float()`
and `int()` alone would accept `1_000`, full-width digits and `nan`.
"""

import math
import re
from decimal import ROUND_HALF_EVEN, Context, Decimal

from ...fastsim.units import DAY, NEVER

LARGEST_GANG = 1 << 24
LONGEST = 5 * 365 * DAY  # ms; with the largest gang, the work of one job stays below 2^62 accelerator-ms
LATEST = NEVER  # ms; later than the present as seconds since 1970
LONGEST_NAME = 200  # characters
LONGEST_NUMBER = 40  # characters

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_NOT_FINITE = {"nan", "inf", "infinity"}
_EXACT = Context(prec=2 * LONGEST_NUMBER, rounding=ROUND_HALF_EVEN)

Number = int | float | Decimal


class FieldError(ValueError):
    """What is wrong with one field; the reader adds where it stood."""

    def __init__(self, field: str, value: object, reason: str, remedy: str) -> None:
        super().__init__(field, value, reason, remedy)
        self.field, self.value, self.reason, self.remedy = field, shown(value), reason, remedy


def shown(value: object) -> str:
    """A value as an error message quotes it: one line of ASCII, at most 43 characters."""
    text = ascii(value)
    return text if len(text) <= 43 else f"{text[:40]}..."


def number(field: str, value: object) -> Number:
    """The finite number that `value`, text or a number already, stands for.

    Raises:
        FieldError: it is missing, not a number, or not finite.
    """
    if isinstance(value, str):
        return _number_in_text(field, value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        reason = "is missing" if value is None else "is not a number"
        raise FieldError(field, value, reason, "give a number")
    if not math.isfinite(value):
        raise FieldError(field, value, "is not finite", "give a finite number")
    return value


def _number_in_text(field: str, value: str) -> Number:
    text = value.strip(" \t")
    if len(text) < 16 and text.isascii() and text.isdigit():
        return int(text)
    if not text:
        raise FieldError(field, value, "is missing", "give a number")
    if len(text) > LONGEST_NUMBER:
        raise FieldError(field, value, f"is longer than {LONGEST_NUMBER} characters", "give fewer digits")
    if not _NUMBER.fullmatch(text):
        if text.lstrip("+-").lower() in _NOT_FINITE:
            raise FieldError(field, value, "is not finite", "give a finite number")
        raise FieldError(field, value, "is not a number", "write it in ASCII digits, without separators or units")
    return Decimal(text)


def submit(field: str, value: object) -> int:
    """A submission time given in seconds, as milliseconds in [0, LATEST]."""
    seconds = number(field, value)
    if seconds < 0:
        raise FieldError(field, value, "is negative", "count from the beginning of the trace")
    return _milliseconds(field, value, seconds, LATEST)


def duration(field: str, value: object) -> int:
    """A duration given in seconds, as milliseconds in [1, LONGEST]."""
    seconds = number(field, value)
    if seconds <= 0:
        remedy = "leave out jobs that did not run; an unknown request stays empty"
        raise FieldError(field, value, "is not above 0", remedy)
    milliseconds = _milliseconds(field, value, seconds, LONGEST)
    if milliseconds < 1:
        raise FieldError(field, value, "is less than a millisecond", "give the duration in seconds")
    return milliseconds


def gang(field: str, value: object) -> int:
    """A number of accelerators in [1, LARGEST_GANG]; a fraction is rounded up to whole accelerators."""
    accelerators = number(field, value)
    if accelerators <= 0:
        raise FieldError(field, value, "is below 1", "leave out jobs without accelerators")
    if accelerators > LARGEST_GANG:
        raise FieldError(field, value, f"is above {LARGEST_GANG}", "give the number of accelerators of the job")
    return math.ceil(accelerators)


def name(field: str, value: object) -> str:
    """A name, '' for none: printable, at most LONGEST_NAME characters."""
    text = "" if value is None else str(value).strip(" \t")
    if len(text) > LONGEST_NAME:
        raise FieldError(field, value, f"is longer than {LONGEST_NAME} characters", "shorten it")
    if not text.isprintable():
        raise FieldError(field, value, "holds a character that is not printable UTF-8", "write it as plain UTF-8 text")
    return text


def job_name(field: str, value: object) -> str:
    """A job's id, which is never empty."""
    text = name(field, value)
    if not text:
        raise FieldError(field, value, "is missing", "give every job an id, or leave the column out")
    return text


def duplicate(field: str, value: str) -> FieldError:
    """The defect of a job id that an earlier row has."""
    return FieldError(field, value, "is the id of an earlier row", "give every job its own id")


def _milliseconds(field: str, value: object, seconds: Number, most: int) -> int:
    # The limit comes first: 1e308 seconds has no finite number of milliseconds.
    if seconds * 1000 > most:
        raise FieldError(field, value, f"is above {most // 1000} seconds", "give the time in seconds")
    if isinstance(seconds, Decimal):
        return int(_EXACT.multiply(seconds, Decimal(1000)).to_integral_value(ROUND_HALF_EVEN))
    return round(seconds * 1000)
