"""A trace, or some days of it, as an option names it."""

from pathlib import Path
from typing import Any

from ...fastsim.errors import InputError


def cut(path: Path | str | None, days: str | None) -> Any:
    """The trace at a path, of some days; None where there is none. Raises InputError for days of no trace."""
    from ...envs.traces import part
    from ...envs.traces.read import read

    if path is None:
        if days is not None:
            raise InputError("--days", "days", days, "are those of a trace, and none is given", "give one with --trace")
        return None
    trace = read(path)
    return trace if days is None else part.between(trace, *part.days(days))
