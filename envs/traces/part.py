"""A part of a trace: the jobs that were submitted on some of its days, as a trace of its own."""

from dataclasses import replace

import numpy as np

from ...fastsim.errors import InputError
from ...fastsim.units import DAY
from .table import UNKNOWN, Trace


def between(trace: Trace, first: int, last: int | None) -> Trace:
    """The jobs submitted on the days from `first` up to, and without, `last`; None: to the end.

    Days are counted from the trace's first submission, times from the part's. Users and kinds keep their numbers.
    Raises InputError where the days are none, or hold no job.
    """
    end = trace.span_ms // DAY + 1 if last is None else last
    told = f"{first}:{'' if last is None else last}"
    if not 0 <= first < end:
        raise InputError("trace", "days", told, "name no time", "give the first day, a colon, and a later one: 0:28")
    is_in = (trace.submit_ms >= first * DAY) & (trace.submit_ms < end * DAY)
    if not is_in.any():
        reason = f"hold none of the jobs of {trace.source}, which spans {trace.span_ms / DAY:.1f} days"
        raise InputError("trace", "days", told, reason, "give others")
    began = int(trace.submit_ms[is_in][0])
    columns = {name: column[is_in] for name, column in vars(trace).items() if isinstance(column, np.ndarray)}
    columns["submit_ms"] = columns["submit_ms"] - began
    for column in columns.values():
        column.setflags(write=False)
    unix = UNKNOWN if trace.began_unix_s == UNKNOWN else trace.began_unix_s + began // 1000
    return replace(trace, source=f"{trace.source}, days {told}", began_unix_s=unix, **columns)


def days(text: str) -> tuple[int, int | None]:
    """The two numbers of `0:28` or `28:`. Raises InputError for anything else."""
    first, colon, last = text.partition(":")
    if not colon or not first.isdecimal() or not (last == "" or last.isdecimal()):
        raise InputError("--days", "days", text, "are not two numbers", "give the first day, a colon, and a later one")
    return int(first), int(last) if last else None
