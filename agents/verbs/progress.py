"""What is seen, on stderr, while a verb works: a spinner while kernels load, a bar while time passes."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

COMPILING = "loading; kernels are compiled once per installation, which takes about a minute"


@contextmanager
def waiting(quiet: bool, text: str = COMPILING) -> Iterator[None]:
    """A spinner on a terminal, nothing elsewhere."""
    with _console(quiet).status(text):
        yield


@contextmanager
def bar(quiet: bool, text: str) -> Iterator[Any]:
    """A bar on a terminal; what is yielded takes the share that is done, 0 to 1, and, where it helps, the phase."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    percent = TextColumn("{task.percentage:3.0f} %")
    columns = [TextColumn("{task.description}"), BarColumn(), percent, TimeElapsedColumn()]
    with Progress(*columns, console=_console(quiet), transient=True) as progress:
        task = progress.add_task(text, total=1.0)

        def tell(share: float, phase: str = "") -> None:
            progress.update(task, completed=share, description=f"{text}: {phase}" if phase else text)

        yield tell


def _console(quiet: bool) -> Any:
    from rich.console import Console

    # Where stderr is a file, Rich would still write an empty line.
    return Console(stderr=True, quiet=quiet or not sys.stderr.isatty())
