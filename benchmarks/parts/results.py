"""Tables of figures: printed, and on request written into RESULTS.md, each benchmark into its own section."""

import argparse
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "RESULTS.md"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; columns after the first are set to the right."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def options(doc: str | None) -> argparse.Namespace:
    """`--write` and `--repeats`."""
    return parser(doc).parse_args()


def parser(doc: str | None) -> argparse.ArgumentParser:
    """The same, for a benchmark that adds options of its own."""
    found = argparse.ArgumentParser(description=doc)
    found.add_argument("--write", action="store_true", help="put the figures into benchmarks/RESULTS.md")
    found.add_argument("--repeats", type=int, default=5, help="measurements of which the median is given (default 5)")
    return found


def publish(name: str, machine: str, repeats: int, tables: Sequence[str], write: bool) -> None:
    """Print the figures; with `write`, replace what stands between the markers of section `name`."""
    day = datetime.now(UTC).date().isoformat()
    measured = "One run" if repeats == 1 else f"Medians of {repeats}"
    head = f"`python benchmarks/{name}.py --write`, {day}. {machine} {measured}."
    text = "\n\n".join([head, *tables])
    print(text)
    if write:
        RESULTS.write_text(replaced(RESULTS.read_text(encoding="utf-8"), name, text), encoding="utf-8")


def replaced(document: str, name: str, text: str) -> str:
    """The document with another text in section `name`."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(document):
        raise ValueError(f"RESULTS.md: section {name} has no markers; put {begin} and {end} back")
    return pattern.sub(lambda _: f"{begin}\n{text}\n{end}", document)
