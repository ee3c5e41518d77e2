"""The command: plant each mistake, look whether a test sees it, and say how many did.

Exit codes: 0 when enough were seen, 1 when not, 2 when the input is wrong or a mutant no longer fits the kernel.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tidegate.agents.verbs.output import check_target, save
from tidegate.fastsim.errors import InputError

from .catalogue import MUTANTS
from .mutant import Mutant
from .report import ENOUGH, as_json, share, show
from .sandbox import ROOT, Sandbox, Verdict


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--only", action="append", metavar="TEXT", help="mutants whose name or file holds this text")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every verdict to this file")
    given = parser.parse_args(argv)
    try:
        check_target("--json", given.json, [".json"])
        verdicts = judged(chosen(given.only))
        show(verdicts)
        if given.json is not None:
            save("--json", given.json, json.dumps(as_json(verdicts), indent=2).encode())
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0 if share(verdicts) >= ENOUGH else 1


def chosen(texts: Sequence[str] | None) -> list[Mutant]:
    """The mutants that are meant, all of which fit the kernel. Raises InputError."""
    for mutant in MUTANTS:
        mutant.planted((ROOT / "fastsim" / mutant.file).read_text(encoding="utf-8"))
    found = [m for m in MUTANTS if texts is None or any(text == m.file or text in m.name for text in texts)]
    if not found:
        value = " or ".join(texts or ())
        raise InputError("--only", "text", value, "is in no mutant's name", "see the names in tests/mutation/")
    return found


def judged(mutants: Sequence[Mutant]) -> list[Verdict]:
    """Each mutant's verdict; then every check that killed one must pass without it."""
    columns = [BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}")]
    console = Console(stderr=True, quiet=not sys.stderr.isatty())
    verdicts = []
    with (
        tempfile.TemporaryDirectory(prefix="tidegate-mutants-") as folder,
        Progress(*columns, console=console, transient=True) as progress,
    ):
        sandbox = Sandbox(Path(folder))
        task = progress.add_task("", total=len(mutants))
        for mutant in mutants:
            progress.update(task, description=mutant.name)
            verdicts.append(sandbox.judge(mutant))
            progress.advance(task)
        progress.update(task, description="the kernel without mistakes")
        sandbox.confirm(sorted({verdict.check for verdict in verdicts if verdict.is_killed}))
    return verdicts


if __name__ == "__main__":
    sys.exit(main())
