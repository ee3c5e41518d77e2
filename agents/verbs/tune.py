"""`tidegate tune`: the knobs of the rules that cost least on a scenario."""

import sys
from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from ...fastsim.errors import InputError
from .output import check_target, print_json, print_table
from .progress import bar, waiting

BARS = "▁▂▃▄▅▆▇█"


def tune(
    scenario: Annotated[str, Argument(metavar="SCENARIO", help="Name of a scenario, or a .toml file.")],
    rule: Annotated[
        list[str] | None, Option(help="Tune and compare only this rule; may be repeated.  [default: all rules]")
    ] = None,
    episodes: Annotated[int, Option(min=1, help="Episodes to tune on, and as many fresh ones to choose on.")] = 128,
    generations: Annotated[int, Option(min=1, help="At most so many for each rule.")] = 150,
    patience: Annotated[int, Option(min=1, help="A rule is done after so many without a gain of 0.2 %.")] = 20,
    seed: Annotated[int, Option(min=0, help="Names the episodes and the search.")] = 1,
    out: Annotated[
        Path | None, Option(help="Write to this .json file.  [default: NAME.tuned.json beside the scenario]")
    ] = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Search the knobs of the rules with CMA-ES, and choose the best rule on fresh episodes."""
    from ...envs.scenario import load
    from ..tuning.tuned import place_of

    world = load(scenario)
    path = place_of(scenario) if out is None else out
    check_target("--out", path, (".json",))
    with waiting(json):
        try:
            from ..tuning import tune as tuning
        except ModuleNotFoundError as error:
            reason, remedy = "is not installed", "pip install 'tidegate[tune]'"
            raise InputError("tune", "package", error.name, reason, remedy) from error
        settings = tuning.Settings(episodes=episodes, generations=generations, patience=patience, seed=seed)
    try:
        with bar(json, f"tuning for {world.name}") as progress:
            tuned = tuning.tune(world, settings, path, rule or (), progress)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from its journal", file=sys.stderr)
        raise
    if json:
        print_json(tuned.model_dump(mode="json"))
    else:
        _print(tuned)
        print(f"wrote {path}" + ("" if out is None else f"; to be used as --policy best-tuned@{path}"))
        if (journal := tuning.journal_of(path)).exists():
            print(f"kept {journal}: it holds rules whose tuning has not ended")


def _print(tuned: Any) -> None:
    """What each rule gained, and which is best."""
    title = f"{tuned.scenario}: dollars per week on {tuned.episodes} fresh episodes, seed {tuned.seed}"
    head = ("rule", "default cost", "tuned cost", "saved, %", "search", "flat", "generations", "evaluations")
    print_table(head, _rows(tuned), title)
    print("\nsearch: the least cost of a candidate so far, by generation")
    for name in (name for name in tuned.rules if tuned.is_flat(name) is False):
        least = f"its costs still fell after {tuned.generations} generations"
        print(f"not flat: {name}, {least}; more (--generations) may find better knobs")
    print(f"best: {tuned.best}")


def _rows(tuned: Any) -> Iterator[tuple[str, ...]]:
    from ..evaluation.table import NOTHING, money, percent

    for name, rule in tuned.rules.items():
        before, after = rule.default_fresh_cost, rule.fresh_cost
        gain = (money(after), percent(1 - after / before) if before else NOTHING) if rule.knobs else (NOTHING,) * 2
        flat = {True: "yes", False: "no", None: NOTHING}[tuned.is_flat(name)]
        course = sparkline(rule.curve) or NOTHING
        yield name, money(before), *gain, course, flat, str(len(rule.curve)), str(rule.evaluations)


def sparkline(values: Sequence[float], width: int = 12) -> str:
    """A curve in so many characters at most, from its first value to its last."""
    places = min(width, len(values))
    shown = [values[round(number * (len(values) - 1) / max(places - 1, 1))] for number in range(places)]
    finite = [value for value in shown if isfinite(value)]
    low, span = min(finite, default=0.0), max(finite, default=0.0) - min(finite, default=0.0)
    heights = [(value - low) / span if span and isfinite(value) else float(not isfinite(value)) for value in shown]
    return "".join(BARS[round(height * (len(BARS) - 1))] for height in heights)
