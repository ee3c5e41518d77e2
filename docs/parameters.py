"""What the file of a scenario says, line by line: each key with its value and the comment that names its source."""

import re
from pathlib import Path
from typing import NamedTuple

HEADER = re.compile(r"\[{1,2}([a-z_.]+)\]{1,2}$")
KEY = re.compile(r"([a-z_]+) = (.+)$")
WORDS = ("name", "title", "description", "base")  # said elsewhere, or in the place of a key


class Parameter(NamedTuple):
    """One key of a file."""

    place: str  # tables by name: sites.committed.capacity
    value: str  # as it is written
    source: str  # the comment, of all its lines


def parameters(file: Path) -> list[Parameter]:
    """All keys of a TOML file but names, titles and descriptions, in its order."""
    text = re.sub(r'^description = """.*?"""$', "", file.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    found: list[Parameter] = []
    place: list[str] = []  # the table's keys, each but the last with the name of its entry
    names: dict[str, str] = {}
    for line in _joined(text.splitlines()):
        written, source = _parted(line)
        header, key = HEADER.fullmatch(written), KEY.fullmatch(written)
        if header:
            place = header[1].split(".")
            names.pop(header[1], None)
        elif key and key[1] == "name" and place:
            names[".".join(place)] = key[2].strip('"')
        elif key and key[1] not in WORDS:
            found.append(Parameter(".".join([*_named(place, names), key[1]]), key[2], source))
    return found


def _named(place: list[str], names: dict[str, str]) -> list[str]:
    """A table's keys, each followed by the name of the entry that is meant."""
    path = []
    for depth, key in enumerate(place, 1):
        path += [key, *filter(None, [names.get(".".join(place[:depth]))])]
    return path


def _parted(line: str) -> tuple[str, str]:
    """What is said, and the comment; a string may hold a #."""
    for found in re.finditer(r"\s*#\s*", line):
        if line[: found.start()].count('"') % 2 == 0:
            return line[: found.start()].strip(), line[found.end() :].strip()
    return line.strip(), ""


def _joined(lines: list[str]) -> list[str]:
    """Lists over several lines in one: their values, then their comments."""
    result: list[str] = []
    waiting: list[tuple[str, str]] = []
    for line in lines:
        part = _parted(line)
        if waiting or part[0].endswith("= ["):
            waiting.append(part)
            if part[0] == "]":
                comments = "; ".join(comment for _, comment in waiting if comment)
                result.append(" ".join(written for written, _ in waiting) + f"  # {comments}")
                waiting = []
        else:
            result.append(line)
    return result
