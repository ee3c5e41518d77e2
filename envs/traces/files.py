"""Files that may be hostile: can it be read at all, and its lines, within limits on their length and number."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from ...fastsim.errors import InputError

MOST_BYTES = 256 << 20  # uncompressed
MOST_ROWS = 4_000_000
LONGEST_LINE = 64 << 10  # bytes
_CHUNK = 1 << 20


def check_readable(path: Path) -> None:
    """Make sure that `path` is a regular file that can be opened.

    Raises:
        InputError: it is missing, a directory, a device or a pipe, empty, or forbidden.
    """
    try:
        obstacle = _obstacle(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "is not a path"
        raise _refused(path, f"cannot be opened ({reason})", "check the path and its permissions") from error
    if obstacle:
        raise _refused(path, obstacle, "give the path of a trace file")


def _obstacle(path: Path) -> str:
    if not path.exists():
        return "does not exist"
    if not path.is_file():
        return "is not a regular file"
    with path.open("rb") as stream:
        return "" if stream.read(1) else "is empty"


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Every line of a UTF-8 text file, as (number from 1, text without its end); a name in .gz means gzip.

    Bytes that are not UTF-8 arrive as lone surrogates, so that the field they stand in can be named. A leading
    byte-order mark is dropped.

    Raises:
        InputError: the file cannot be read, or it breaks a limit.
    """
    check_readable(path)
    _measure(path)
    try:
        with _opened(path) as stream:
            yield from _lines(path, stream)
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, error) from error


def _lines(path: Path, stream: BinaryIO) -> Iterator[tuple[int, str]]:
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            reason = f"is longer than {LONGEST_LINE} bytes"
            raise InputError(f"{path}:{number}:1", "line", ascii(line[:20])[1:], reason, "give one job a line")
        text = line.decode("utf-8-sig" if number == 1 else "utf-8", "surrogateescape")
        yield number, text.removesuffix("\n").removesuffix("\r")


def _measure(path: Path) -> None:
    """Refuse a file that is too big before any of it is kept: a megabyte of gzip can hold a gigabyte."""
    total = rows = 0
    try:
        with _opened(path) as stream:
            while chunk := stream.read(_CHUNK):
                total, rows = total + len(chunk), rows + chunk.count(b"\n")
                if total > MOST_BYTES:
                    raise _refused(path, f"holds more than {MOST_BYTES >> 20} MiB", "split it")
                if rows > MOST_ROWS:
                    raise _refused(path, f"holds more than {MOST_ROWS} lines", "split it")
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, error) from error


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if _is_compressed(path) else path.open("rb")


def _is_compressed(path: Path) -> bool:
    return path.name.lower().endswith(".gz")


def _refused(path: Path, reason: str, remedy: str) -> InputError:
    return InputError(str(path), "trace", path.name, reason, remedy)


def _unreadable(path: Path, error: Exception) -> InputError:
    kind = "is not a complete gzip file" if _is_compressed(path) else "cannot be read"
    return _refused(path, f"{kind} ({type(error).__name__})", "fetch or export it again")
