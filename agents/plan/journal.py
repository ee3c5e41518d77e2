"""The journal of plans: every play that was made, under a name that says all it depends on.

It is a text of JSON lines, each written at once and synced, so that a kill loses no more than the plays in progress;
a line that was cut off is dropped. A play is named by the digest of its world, its work, its number, its policy's knobs
and the sources of the simulator, so that a plan takes from the journal whatever is the same, and plays the rest.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from ...fastsim.errors import InputError
from .tally import Tally

FORMAT = 1
OVERLOADED = None  # in place of a tally: more waited than the world can hold
SOURCES = ("fastsim", "envs", "agents/evaluation", "agents/rules", "agents/planning")
REMEDY = "remove it, or name another with --journal"


class Journal:
    """Tallies by their names; new ones are written down as they come."""

    def __init__(self, known: dict[str, Tally | None], file: BinaryIO | None = None) -> None:
        """`known` so far; without a `file` nothing is written."""
        self._known, self._file, self._writing = known, file, Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def __len__(self) -> int:
        return len(self._known)

    def get(self, name: str) -> Tally | None:
        """A tally; OVERLOADED where there is none to be had. Raises KeyError for a play that has not been made."""
        return self._known[name]

    def note(self, name: str, tally: Tally | None) -> None:
        """Keep what a play came to. Raises OSError where the system refuses."""
        with self._writing:
            self._known[name] = tally
            if self._file is not None:
                line = {"play": name, "tally": None if tally is None else tally.record()}
                self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
                self._file.flush()
                os.fsync(self._file.fileno())


def name_of(parts: Any) -> str:
    """The name of a play that depends on these parts."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


@lru_cache(maxsize=1)
def edition() -> str:
    """A digest of the sources that plays depend on: a play that another simulator made is none of this one."""
    digest, root = hashlib.sha256(), Path(__file__).parents[2]
    for part in SOURCES:
        for source in sorted((root / part).rglob("*.py")):
            digest.update(source.read_bytes())
    return digest.hexdigest()


@contextmanager
def opened(path: Path) -> Iterator[Journal]:
    """The journal at a path, for one plan at a time, begun where there is none.

    Raises InputError where another plan writes it, it is no journal or of another format, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "a+b")  # noqa: SIM115 closed below, with what was locked
    except OSError as error:
        raise InputError("--journal", "file", path, f"cannot be written: {error.strerror}", "name another") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            reason, remedy = "another plan writes it now", "wait until that is done, or name another with --journal"
            raise InputError("--journal", "file", path, reason, remedy) from None
        file.seek(0)
        lines = file.read().split(b"\n")
        torn = lines.pop()  # what stands behind the last line break was cut off
        if torn:
            file.truncate(file.seek(0, os.SEEK_END) - len(torn))
        if not lines:
            file.write(json.dumps({"format": FORMAT}).encode() + b"\n")
            file.flush()
        yield Journal(_read(path, lines), file)


def _read(path: Path, lines: list[bytes]) -> dict[str, Tally | None]:
    """The tallies of a journal's lines."""
    if not lines:
        return {}
    head, *others = [_parsed(path, number, line) for number, line in enumerate(lines, 1)]
    if head.get("format") != FORMAT:
        raise InputError("--journal", "format", head.get("format"), f"of {path} is not {FORMAT}", REMEDY)
    known: dict[str, Tally | None] = {}
    for number, line in enumerate(others, 2):
        try:
            known[line["play"]] = None if line["tally"] is None else Tally.read(line["tally"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InputError("--journal", "line", number, f"of {path} holds no play: {error}", REMEDY) from None
    return known


def _parsed(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise InputError("--journal", "line", number, f"of {path} is no JSON: {error}", REMEDY) from None
    if not isinstance(found, dict):
        raise InputError("--journal", "line", number, f"of {path} is no JSON object", REMEDY)
    return found
