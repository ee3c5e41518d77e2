"""`tidegate stress`: policies, unchanged, in shifted worlds."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from .bounded import read_bounds
from .first import first
from .output import print_json, print_rich
from .progress import bar, waiting

SECOND = "first-fit"  # beside the first, where none are named


def stress(
    scenario: Annotated[str, Argument(metavar="SCENARIO", help="Name of a scenario, or a .toml file.")],
    policy: Annotated[
        list[str] | None,
        Option(
            help="A rule, tuned:RULE, best-tuned, the folder of a bundle, or one of bundles by training seed; the "
            "others are compared with the first.  [default: best-tuned, or cost-greedy where none are tuned; first-fit]"
        ),
    ] = None,
    episodes: Annotated[int, Option(min=1, help="Episodes that every policy plays in every world.")] = 16,
    seed: Annotated[int, Option(min=0, help="Names the episodes.")] = 1,
    bounds: Annotated[
        list[Path] | None,
        Option(help="Show the gaps to these bounds, of tidegate bound --json: of the world as it is, or of its loads."),
    ] = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Play policies in shifted worlds: load, prices, recalls, ramps, failures, start-ups, shaken input."""
    from ...envs.scenario import load as load_scenario

    world = load_scenario(scenario)
    with waiting(json):
        from ..evaluation.policies import resolve_all
        from ..robustness.sheet import stressed
        from ..robustness.show import render, to_json

        agents, groups = resolve_all(policy or [first(world, scenario), SECOND], world, scenario)
        found = read_bounds(bounds)
    with bar(json, f"stressing on {world.name}") as progress:
        sheet = stressed(world, agents, episodes, seed, progress, groups, found)
    if json:
        print_json(to_json(sheet))
    else:
        print_rich(render(sheet))
