"""`tidegate evaluate`: policies side by side, on the same episodes."""

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from ...fastsim.errors import InputError
from .bounded import bounded, load_bounds
from .command import command_line
from .output import check_target, print_json, print_rich, save
from .progress import bar, waiting
from .trace import cut

FIRST = "cost-greedy"  # what the other rules are compared with where none are tuned
DRAWN = "drawn"


def evaluate(
    scenario: Annotated[list[str], Argument(metavar="SCENARIO…", help="Names of scenarios, or .toml files.")],
    trace: Annotated[
        list[str] | None, Option(help="Take the jobs from this trace; may be repeated; 'drawn': drawn work, too.")
    ] = None,
    days: Annotated[
        str | None, Option(help="Those of each trace from this day to that only, such as 28: or 0:28.")
    ] = None,
    load: Annotated[
        list[float] | None, Option(help="Offered load; may be repeated.  [default: the scenario's, or the trace's]")
    ] = None,
    delay_factor: Annotated[
        list[float] | None, Option(help="Multiply what waiting and missed deadlines cost; may be repeated.")
    ] = None,
    policy: Annotated[
        list[str] | None,
        Option(
            help="A rule, tuned:RULE, best-tuned, chosen, the folder of a bundle, or one of bundles by training seed; "
            "the others are compared with the first.  [default: all rules, tuned where they are]"
        ),
    ] = None,
    episodes: Annotated[
        int | None,
        Option(min=1, help="Weeks (windows) that every policy plays; plays of a trace.  [default: 64; 4 of a trace]"),
    ] = None,
    seed: Annotated[int, Option(min=0, help="Names the episodes.")] = 1,
    bounds: Annotated[
        list[Path] | None,
        Option(
            help="Show the gaps to these bounds, of tidegate bound --json; may be repeated: one for each evaluation."
        ),
    ] = None,
    page_file: Annotated[Path | None, Option("--report", help="Write a page of pictures to this .html file.")] = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare policies on held-out episodes: costs, paired differences, intervals."""
    from ...envs.scenario import load as load_scenario

    worlds = [(where, load_scenario(where)) for where in dict.fromkeys(scenario)]
    check_target("--report", page_file, (".html",))
    with waiting(json):
        from ..evaluation import grid as grids
        from ..evaluation.policies import resolve_all
        from ..evaluation.report import with_groups

        if days is not None and not trace:
            cut(None, days)  # refuses
        work = [None if name == DRAWN else cut(name, days) for name in dict.fromkeys(trace or [DRAWN])]
        grid = grids.cells(worlds, work, _distinct(load) or [None], _distinct(delay_factor) or [1.0])
        resolved = {where: resolve_all(policy or _policies(world, where), world, where) for where, world in worlds}
        found = load_bounds(bounds, [cell.key(seed) for cell in grid])
        _ready(page_file, len(grid))
    with bar(json, f"evaluating on {', '.join(world.name for _, world in worlds)}") as progress:
        reports = grids.evaluated(grid, lambda cell: resolved[cell.where][0], episodes, seed, progress)
    reports = [with_groups(report, resolved[cell.where][1]) for report, cell in zip(reports, grid, strict=True)]
    reports = [bounded(report, own) for report, own in zip(reports, found, strict=True)]
    try:
        _print(reports, json)
    finally:  # for whoever has closed the pipe, too
        if page_file is not None:
            options = {
                "--trace": trace,
                "--days": days,
                "--load": load,
                "--delay-factor": delay_factor,
                "--policy": policy,
            }
            options |= {"--episodes": reports[0].episodes, "--seed": seed, "--bounds": bounds, "--report": page_file}
            command = command_line("evaluate", scenario[0], options)
            _write_page(page_file, grid[0], resolved[grid[0].where][0], reports[0], found[0], command, json)


def _distinct(values: list[float] | None) -> list[float]:
    """Each once, in order."""
    return list(dict.fromkeys(values or []))


def _policies(world: Any, where: str) -> list[str]:
    """All rules of the kernel, with tuned knobs and the best of them first where they have been tuned."""
    from ..rules.catalogue import RULES, TUNABLE
    from ..tuning.tuned import is_tuned, load_tuned

    if not is_tuned(where, world):
        return sorted(RULES, key=lambda name: name != FIRST)
    tuned = load_tuned(where, world).tuned
    others = [name for name in RULES if name != tuned.best]
    return ["best-tuned", *(f"tuned:{name}" if name in TUNABLE and name in tuned.rules else name for name in others)]


def _ready(page_file: Path | None, cells: int) -> None:
    """Find, before any work, whatever the page needs."""
    if page_file is None:
        return
    if cells > 1:
        reason, remedy = f"is for one evaluation, and these are {cells}", "give one scenario, trace, load and factor"
        raise InputError("--report", "file", page_file, reason, remedy)
    from ..page.library import plotly_js

    plotly_js()


def _write_page(path: Path, cell: Any, agents: Any, report: Any, found: Any, command: str, quiet: bool) -> None:
    from ..page.page import page

    weekly = None
    if found is not None:
        from ..bound.gaps import per_week

        weekly = per_week(report, found)
    with bar(quiet, "watching episode 0 for the page") as progress:
        content = page(cell.world, agents, report, trace=cell.trace, bounds=weekly, command=command, progress=progress)
    save("--report", path, content)


def _print(reports: Any, json: bool) -> None:
    """One evaluation whole, several as a summary."""
    from ..evaluation.record import grid_json, to_json
    from ..evaluation.summary import summary
    from ..evaluation.table import render

    if json:
        print_json(to_json(reports[0]) if len(reports) == 1 else grid_json(reports))
    else:
        print_rich(render(reports[0]) if len(reports) == 1 else summary(reports))
