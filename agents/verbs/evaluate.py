"""`tidegate evaluate`: policies side by side, on the same episodes."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from .output import print_json, print_rich
from .progress import bar, waiting

FIRST = "cost-greedy"  # what the other rules are compared with


def evaluate(
    scenario: Annotated[str, Argument(metavar="SCENARIO", help="Name of a scenario, or a .toml file.")],
    trace: Annotated[Path | None, Option(help="Take the jobs from this trace.")] = None,
    load: Annotated[float | None, Option(help="Offered load.  [default: the scenario's, or the trace's]")] = None,
    policy: Annotated[
        list[str] | None,
        Option(help="A rule, or the folder of a bundle; the others are compared with the first.  [default: all rules]"),
    ] = None,
    episodes: Annotated[
        int | None, Option(min=1, help="Episodes that every policy plays.  [default: 64; 4 of a trace]")
    ] = None,
    seed: Annotated[int, Option(min=0, help="Names the episodes.")] = 1,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare policies on held-out episodes: costs, paired differences, intervals."""
    from ...envs.scenario import load as load_scenario

    world = load_scenario(scenario)
    with waiting(json):
        from ...envs.traces.read import read
        from ..evaluation.evaluate import evaluate as evaluated
        from ..evaluation.policies import resolve
        from ..evaluation.record import to_json
        from ..evaluation.table import render
        from ..rules.catalogue import RULES

        agents = [resolve(name, world) for name in policy or sorted(RULES, key=lambda name: name != FIRST)]
        recorded = None if trace is None else read(trace)
    with bar(json, f"evaluating on {world.name}") as progress:
        report = evaluated(
            world, agents, episodes, seed, recorded, load, progress=lambda done, count: progress(done / count)
        )
    if json:
        print_json(to_json(report))
    else:
        print_rich(render(report))
