"""`tidegate audit`: what a router's log holds, and its decisions again."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Exit, Option

from .output import print_facts, print_json, print_table
from .progress import bar, waiting

SHOWN = 20  # differences


def replay(
    log: Annotated[Path, Argument(metavar="LOG", help="File that `tidegate serve` writes.")],
    bundle: Annotated[list[Path], Option(help="Folder of a bundle that was in service; name all.")],
    scenario: Annotated[
        str | None, Option(help="What describes the cluster: a name, or a .toml file.  [default: the bundle's]")
    ] = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Decide everything again from the log, and compare: exit code 1 where a decision comes out otherwise."""
    with waiting(json):
        from ...envs.scenario import load as load_scenario
        from ...trained.bundle import load
        from ..router.replay import replay as replayed
        from ..router.serve import baseline_of
        from .offer import scenario_of

        bundles = [load(one) for one in bundle]
        world = scenario_of(bundles[0].manifest, None) if scenario is None else load_scenario(scenario)
        where = scenario or world.name
    with bar(json, f"deciding {log.name} again") as progress:
        found = replayed(log, world, bundles, lambda name: baseline_of(name, world, where), progress)
    if json:
        differences = [one._asdict() for one in found.differences]
        print_json({"decisions": found.decisions, "states": found.states, "differences": differences})
    else:
        facts = {"decisions": found.decisions, "states": found.states, "differences": len(found.differences)}
        print_facts([(name, f"{value:,}") for name, value in facts.items()])
        if found.differences:
            print_table(("number", "job", "field", "logged", "replayed"), found.differences[:SHOWN])
    if found.differences:
        raise Exit(1)
