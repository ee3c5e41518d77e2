"""`tidegate stress`: policies, unchanged, in shifted worlds."""

from typing import Annotated

from typer import Argument, Option

from .output import print_json, print_rich
from .progress import bar, waiting

DEFAULT = ("cost-greedy", "first-fit")


def stress(
    scenario: Annotated[str, Argument(metavar="SCENARIO", help="Name of a scenario, or a .toml file.")],
    policy: Annotated[
        list[str] | None,
        Option(help="A rule, or the folder of a bundle; compared with the first.  [default: cost-greedy, first-fit]"),
    ] = None,
    episodes: Annotated[int, Option(min=1, help="Episodes that every policy plays in every world.")] = 16,
    seed: Annotated[int, Option(min=0, help="Names the episodes.")] = 1,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Play policies in shifted worlds: load, prices, recalls, ramps, failures, start-ups, shaken input."""
    from ...envs.scenario import load as load_scenario

    world = load_scenario(scenario)
    with waiting(json):
        from ..evaluation.policies import resolve
        from ..robustness.sheet import stressed
        from ..robustness.show import render, to_json

        agents = [resolve(name, world) for name in policy or DEFAULT]
    with bar(json, f"stressing on {world.name}") as progress:
        sheet = stressed(world, agents, episodes, seed, progress)
    if json:
        print_json(to_json(sheet))
    else:
        print_rich(render(sheet))
