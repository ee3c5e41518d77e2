"""One tuning at a time writes a file: a lock beside it, which the system drops when its process ends, in any way."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...fastsim.errors import InputError
from .journal import unwritable

SUFFIX = ".lock"


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Be the only one that writes `path`. Raises InputError where another process does, or the system refuses."""
    lock = path.with_suffix(SUFFIX)
    descriptor = _locked(lock, path)
    while not _is_at(lock, descriptor):  # another tuning ended, and removed it, after it was opened here
        os.close(descriptor)
        descriptor = _locked(lock, path)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _locked(lock: Path, path: Path) -> int:
    """A descriptor of the lock's file, locked."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise unwritable(lock, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if not isinstance(error, BlockingIOError):
            raise unwritable(lock, error) from error
        reason, remedy = "another tuning writes it now", "wait until that is done, or name another file with --out"
        raise InputError("tune", "file", path, reason, remedy) from None
    return descriptor


def _is_at(lock: Path, descriptor: int) -> bool:
    """Whether what was opened is still the file of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), lock.stat())
    except FileNotFoundError:
        return False
