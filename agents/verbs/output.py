"""What verbs print and write: JSON, tables, and files that are whole or not there."""

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from ...fastsim.errors import InputError

WIDTH = 120  # columns, where there is no terminal


def print_json(content: Any) -> None:
    """One JSON text on stdout, at once: files may be written after it."""
    print(json.dumps(content, indent=2, allow_nan=False), flush=True)


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """A table on stdout; columns of numbers are set to the right."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="", box=box.SIMPLE_HEAD, show_edge=False)
    cells = [[str(cell) for cell in row] for row in rows]
    for index, name in enumerate(head):
        is_number = all(row[index][:1].isdigit() or row[index][:1] in "-–" for row in cells)
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in cells:
        table.add_row(*row)
    print_rich(table)


def print_rich(content: Any) -> None:
    """What Rich renders, as text, through print: a pipe that closes is then an error like any other."""
    from rich.console import Console

    text = StringIO()
    width = shutil.get_terminal_size((WIDTH, 24)).columns
    is_terminal = sys.stdout.isatty()  # colours for people only
    Console(file=text, width=width, force_terminal=is_terminal, markup=False, highlight=False).print(content)
    print("\n".join(line.rstrip() for line in text.getvalue().splitlines()), flush=True)


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Names and values, one pair a line."""
    pairs = [(name, str(value)) for name, value in facts]
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        print(f"{name:<{width}}  {value}")


def check_target(option: str, path: Path | None, endings: Sequence[str]) -> None:
    """Make sure, before any work, that `path` can be written and ends in one of `endings`.

    An older file is replaced, later. Raises InputError, with the option's name.
    """
    from ...trained.durable import probe

    if path is None:
        return
    if path.suffix not in endings:
        raise InputError(option, "file", path, "has an unknown ending", f"use {' or '.join(endings)}")
    if not path.parent.is_dir():
        raise InputError(option, "file", path, "lies in a folder that does not exist", f"make {path.parent}")
    if path.exists() and not path.is_file():
        raise InputError(option, "file", path, "is not a regular file", "name another")
    try:
        probe(path)
    except OSError as error:
        raise _unwritable(option, path, error) from error


def save(option: str, path: Path, content: bytes) -> None:
    """Put `content` at `path`, whole or not at all. Raises InputError when the system refuses."""
    from ...trained.durable import write_file

    try:
        write_file(path, content)
    except OSError as error:
        raise _unwritable(option, path, error) from error


def _unwritable(option: str, path: Path, error: OSError) -> InputError:
    reason, remedy = f"cannot be written: {error.strerror}", f"name another place with {option}"
    return InputError(option, "file", path, reason, remedy)
