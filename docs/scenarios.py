"""Writes docs/scenarios.md from the scenarios that come with Tidegate and from the schema of their files.

    python docs/scenarios.py [--write]

Without --write, the page goes to stdout. facts.py makes the tables of a scenario, parameters.py reads its file,
vocabulary.py explains the format.
"""

import argparse
import tomllib
from pathlib import Path

from facts import calendar, facts, providers, sites, table, work
from parameters import parameters
from vocabulary import vocabulary

from tidegate.envs.scenario import FOLDER, load, names

PAGE = Path(__file__).with_suffix(".md")
HEAD = """# Scenarios

<!-- Written from the TOML files and the schema. Change those, then run: python docs/scenarios.py --write -->

A scenario is a world in one file: contracts, machines, the work that comes, and what may happen. These come with
Tidegate; any other is a TOML file, named by its path. `tidegate scenarios list` lists them,
`tidegate scenarios show mid_lab` shows one, `tidegate scenarios check mine.toml` checks your own.
"""
BASED = """## A scenario of your own

Most begin as a change of one that is there. A file that names a `base`, one of the above or the path of another file
from this one, says only what differs:

```toml
base = "mid_lab"
name = "our_lab"

[workload]
load = 1.0

[[sites]]
name = "committed"
capacity = 6_144

[[sites]]
name = "burst"
remove = ["grants", "denial_minutes"]

[[pipelines]]
name = "sweep"
remove = true
```

- Tables merge key by key: `[workload]` above keeps everything but the load.
- Lists of named tables merge by name: providers, sites, classes, services and their clients, pipelines and their
  stages. A name that the base does not have comes after those of the base.
- Everything else replaces what the base says. That goes for weights too (`gangs = { 8 = 1 }` are all the gangs there
  are) and for lists without names, such as tranches or growth.
- `remove = true` takes a named table away, `remove = ["key", …]` takes keys out of one.

A base may have a base. What results is one scenario: it is checked, proved free of overflow, named by its digest and
saved as JSON as if it had been written out.
"""
FORMAT = """## The format

Every key of a scenario's file, table by table. Amounts are decimal numbers that turn into the integers of the world
without rounding: micro-dollars, milliseconds, permille. A day counts from time 0, which is a Monday, 00:00. Weights are
relative to their sum.
"""


def main() -> None:
    """Write the page, or print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the page")
    if parser.parse_args().write:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        print(page(), end="")


def page() -> str:
    """The whole page."""
    parts = [HEAD, overview(), *(described(name) for name in ordered()), BASED, FORMAT, vocabulary()]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def base_of(name: str) -> str | None:
    """The scenario on which one is based."""
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8")).get("base")


def ordered() -> list[str]:
    """All scenarios, each one's variants after it."""
    roots = ("small_team", "mid_lab", "colossus1_gcp")
    assert {name for name in names() if base_of(name) is None} == set(roots)
    return [one for root in roots for one in (root, *(name for name in names() if base_of(name) == root))]


def overview() -> str:
    """One line for each scenario."""
    rows = [(f"[`{name}`](#{name})", based(name), load(name).title) for name in ordered()]
    return table(("scenario", "based on", "what it is"), rows)


def based(name: str) -> str:
    """Its base, as a link."""
    base = base_of(name)
    return "–" if base is None else f"`{base}`"


def described(name: str) -> str:
    """A scenario: what it is, its tables, and where its figures come from."""
    scenario, base = load(name), base_of(name)
    other = None if base is None else load(base)
    parts = [f"## {name}", f"**{scenario.title}.**", scenario.description.strip(), facts(scenario)]
    for title, show in (("Providers", providers), ("Sites", sites), ("Calendar", calendar), ("Work", work)):
        text = show(scenario)
        if text and other is not None and text == show(other):
            parts.append(f"**{title}**: as in [`{base}`](#{base}).")
        elif text:
            parts.append(f"**{title}**\n\n{text}")
    return "\n\n".join([*parts, figures(name)])


def figures(name: str) -> str:
    """Every parameter in a scenario's own file, with its value and its source."""
    rows, last = [], ""
    found = parameters(FOLDER / f"{name}.toml")
    for one in found:
        place, _, key = one.place.rpartition(".")
        if place != last:
            rows.append((f"**{place}**", "", ""))
            last = place
        rows.append((f"`{key}`", f"`{one.value}`", one.source or "–"))
    what = "Every parameter" if base_of(name) is None else "What differs from its base"
    head = f"<details><summary>{what}, with its source ({len(found)})</summary>"
    return f"{head}\n\n{table(('key', 'value', 'source'), rows)}\n\n</details>"


if __name__ == "__main__":
    main()
