"""The option --bounds: reports with the gaps that their policies close."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...fastsim.errors import InputError


def read_bounds(paths: Sequence[Path] | None) -> list[tuple[str, Any]]:
    """What the files hold, with their names. Raises InputError for one that holds no bounds."""
    if not paths:
        return []
    try:
        from ..bound.record import load_headroom
    except ModuleNotFoundError as error:
        reason, remedy = "is not installed", "pip install 'tidegate[bound]'"
        raise InputError("--bounds", "package", error.name, reason, remedy) from error
    return [(str(path), load_headroom(path)) for path in paths]


def load_bounds(paths: Sequence[Path] | None, keys: Sequence[Any]) -> list[Any]:
    """For each evaluation, by the key of its episodes, its bounds, or None: read, and matched, before any work."""
    if not paths:
        return [None] * len(keys)
    found = read_bounds(paths)
    from ..bound.gaps import placed

    return placed(found, keys)


def bounded(report: Any, found: Any) -> Any:
    """The report with its gaps, where there are bounds."""
    if found is None:
        return report
    from ..bound.gaps import with_gaps

    return with_gaps(report, found)
