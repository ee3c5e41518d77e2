"""Rows that a reader refused: where they are counted, and how they are listed in a file."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ...fastsim.errors import InputError
from .fields import FieldError, shown


class Rejects:
    """The rejected rows of one file, in its order; raises when there are more than allowed."""

    def __init__(self, path: Path, allowed: int, rejected: list[InputError] | None) -> None:
        if allowed < 0:
            raise InputError("max_bad_rows", "the number of rows", allowed, "is negative", "give 0 or more")
        self._path, self._allowed = path, allowed
        self.rejected = [] if rejected is None else rejected
        self._before = len(self.rejected)

    def add(self, row: int, column: int, defect: FieldError) -> None:
        """Reject one row.

        Raises:
            InputError: that row's own error when none is allowed, else one that says how many there are.
        """
        error = InputError(f"{self._path}:{row}:{column}", defect.field, defect.value, defect.reason, defect.remedy)
        self.rejected.append(error)
        count = len(self.rejected) - self._before
        if count <= self._allowed:
            return
        if self._allowed == 0:
            raise error
        reason = f"is more than the {self._allowed} allowed ({error.what}, {error.value}, {error.reason})"
        raise InputError(
            error.where, "rejected rows", count, reason, "mend the file, or allow more bad rows"
        ) from error

    def rows(self) -> tuple[InputError, ...]:
        """The rejected rows so far."""
        return tuple(self.rejected[self._before :])


def write_rejects(path: str | Path, rejected: Sequence[InputError]) -> None:
    """List rejected rows in a file, one error a line; the file is the old one or the whole new one.

    Raises:
        InputError: the file cannot be written.
    """
    target = Path(path)
    try:
        handle, written = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
                stream.writelines(f"{error}\n" for error in rejected)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(written, target)
        except BaseException:
            os.unlink(written)
            raise
    except OSError as error:
        reason = f"cannot be written ({error.strerror})"
        raise InputError(
            shown(str(path)), "file of rejected rows", shown(target.name), reason, "give another path"
        ) from error
