"""Files that are the old one or the new one after a crash, never torn: write aside, fsync, rename, fsync the folder."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

ASIDE = ".tidegate-tmp"  # suffix of what is not finished; a kill may leave one behind


def write_file(path: Path, content: bytes) -> None:
    """Put `content` at `path`, whole or not at all."""
    sweep(path)
    aside = _aside(path)
    with open(aside, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)
    _sync_folder(path.parent)


def probe(path: Path) -> None:
    """Raise OSError where `write_file` could not put a file at `path`; nothing is left behind."""
    sweep(path)
    aside = _aside(path)
    aside.touch()
    aside.unlink()


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write flat files into a new folder, and give it the name `path`, which must not exist or be empty."""
    sweep(path)
    aside = _aside(path)
    aside.mkdir()
    try:
        fill(aside)
        for file in aside.iterdir():
            with open(file, "rb") as opened:
                os.fsync(opened.fileno())
        _sync_folder(aside)
        os.replace(aside, path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    _sync_folder(path.parent)


def sweep(path: Path) -> None:
    """Remove what writers of `path` that were killed left behind."""
    for orphan in path.parent.iterdir():
        writer = re.fullmatch(rf"{re.escape(path.name)}\.(\d+){re.escape(ASIDE)}", orphan.name)
        if writer is None or _is_alive(int(writer[1])):
            continue
        if orphan.is_dir():
            shutil.rmtree(orphan, ignore_errors=True)
        else:
            orphan.unlink(missing_ok=True)


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.{os.getpid()}{ASIDE}")


def _is_alive(process: int) -> bool:
    """Whether another process of that id is still writing."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
