"""What the daemon has decided, in one file: whole after a crash, and no more than what Slurm cannot tell.

Slurm is the truth about where a job stands. A file that is lost costs counts of attempts, which the router answers as
before, and the use of the running contract period.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...envs.explain import explained
from ...fastsim.errors import InputError
from ...trained.durable import write_file

FORMAT = 1


class Entry(BaseModel):
    """One job. Times are seconds since 1970."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    attempts: int = 0  # answers of the router so far
    action: str = ""  # a site or "hold"; "": nothing is decided yet
    by: str = ""
    offered: float = 0  # time of the last decision
    waits: float | None = None  # since when it waits for an answer; None: it does not
    began: float = 0  # to wait: in the gate or in a site's queue
    is_done: bool = False  # Slurm knows
    refusals: int = 0  # orders after which it was not where it should be
    next_try: float = 0  # no order before


class Meter(BaseModel):
    """Use of one site in the running contract period."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    used: int = 0  # accelerator-ms since the last price
    delivered: int = 0  # accelerator-ms that were there
    running: int = 0  # accelerators since `at_ms`
    capacity: int = 0
    price: int = 0  # µ$ per accelerator-hour


class Book(BaseModel):
    """All of it."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    format: int = FORMAT
    seen: float = 0  # when the daemon last did all that was to do: it is alive
    jobs: dict[str, Entry] = Field(default_factory=dict)
    at_ms: int | None = None  # of the meters
    period_begin_ms: int = 0
    meters: dict[str, Meter] = Field(default_factory=dict)
    spend: dict[str, int] = Field(default_factory=dict)  # µ$ of each provider at earlier prices
    slot: int = -1  # of offer intervals: in which the last pass was
    standing: dict[str, list[int]] = Field(default_factory=dict)  # accelerators and running jobs at the last look


def read_book(path: Path) -> Book:
    """The file's; an empty one where there is none. Raises InputError where it is no such file."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Book()
    except OSError as error:
        raise InputError("state", "file", path, f"cannot be read: {error.strerror}", "correct the path") from None
    try:
        return Book.model_validate_json(content)
    except ValidationError as error:
        raise explained(error, str(path)) from None


def write_book(path: Path, book: Book) -> None:
    """Put it at `path`, whole or not at all."""
    write_file(path, book.model_dump_json(exclude_defaults=True).encode())


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Be the only daemon of this file; the system drops the lock when the process ends, in any way.

    Raises InputError where another one is.
    """
    lock = path.with_name(f"{path.name}.lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise InputError("state", "file", lock, f"cannot be written: {error.strerror}", "correct the path") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise InputError("state", "file", path, "another daemon has it", "stop that, or name another file") from None
    finally:
        os.close(descriptor)


def last_seen(path: Path) -> float:
    """When the daemon was last alive; 0 where its file does not say."""
    try:
        found: Any = json.loads(path.read_bytes())["seen"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return 0.0
    return float(found) if isinstance(found, int | float) else 0.0
