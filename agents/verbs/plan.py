"""`tidegate plan`: how much to commit to."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from ...fastsim.errors import InputError
from .command import command_line
from .first import first
from .output import check_target, print_json, print_rich, save
from .progress import bar, waiting
from .trace import cut

SECOND = "first-fit"  # beside the first, where none are named
PLANNING = "_planning"  # behind the name of a scenario: its coarser one, for whole spans
PLAYS, PLAYS_OF_A_SPAN, PLAYS_OF_A_TRACE = 16, 5, 4
FOLDER = Path("runs/plan")


def plan(
    scenario: Annotated[str, Argument(metavar="SCENARIO", help="Name of a scenario, or a .toml file.")],
    trace: Annotated[Path | None, Option(help="Take the jobs from this trace.")] = None,
    days: Annotated[str | None, Option(help="Those of the trace from this day to that only, such as 0:90.")] = None,
    load: Annotated[
        float | None, Option(help="Offered load, of the commitment as is.  [default: the scenario's, or the trace's]")
    ] = None,
    commit: Annotated[
        str, Option(help="Levels of the commitment: FIRST:LAST:COUNT, or a list with commas.")
    ] = "0.5:1.5:11",
    burst: Annotated[str, Option(help="Whether there is burst: on, off, or both.")] = "on,off",
    policy: Annotated[
        list[str] | None,
        Option(
            help="A rule, tuned:RULE, best-tuned, or the folder of a bundle; may be repeated.  "
            "[default: best-tuned, or cost-greedy where none are tuned; first-fit]"
        ),
    ] = None,
    plays: Annotated[
        int | None,
        Option(min=1, help="From different begins, of each point.  [default: 16; 5 of a whole span; 4 of a trace]"),
    ] = None,
    whole: Annotated[bool, Option("--whole", help="Play the scenario's whole span, from day 0 on.")] = False,
    seed: Annotated[int, Option(min=0, help="Names the plays.")] = 1,
    page_file: Annotated[Path | None, Option("--report", help="Write a page of pictures to this .html file.")] = None,
    focus: Annotated[
        Path | None, Option(help="Write the bill of a point, in FOCUS 1.2, to this .csv or .parquet file.")
    ] = None,
    point: Annotated[
        str | None, Option(help="Whose bill: LEVEL,on or LEVEL,off, and ,POLICY.  [default: the chosen point]")
    ] = None,
    focus_days: Annotated[
        int | None, Option(min=1, help="Days of that bill.  [default: a billing period, or the horizon if longer]")
    ] = None,
    journal: Annotated[
        Path | None, Option(help="Keep every play in this .jsonl file.  [default: runs/plan/NAME.jsonl]")
    ] = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what every size of the commitment costs, with and without burst, and which is the cheapest."""
    from ...envs.scenario import load as load_scenario
    from ..plan.levels import bursts_of, levels_of
    from .billed import bill_of

    levels, bursts = levels_of(commit), bursts_of(burst)
    if whole and trace is not None:
        raise InputError("--whole", "trace", trace, "is played as a whole anyway", "leave one of the two out")
    where = _where(scenario, whole)
    world = load_scenario(where)
    if point is not None and focus is None:
        raise InputError("--point", "point", point, "is that of a bill, and none is written", "give --focus")
    if journal is not None and journal.suffix != ".jsonl":
        raise InputError("--journal", "file", journal, "has an unknown ending", "use .jsonl")
    check_target("--report", page_file, (".html",))
    check_target("--focus", focus, (".csv", ".parquet"))
    with waiting(json):
        from ..plan import journal as journals
        from ..plan.plan import Planner
        from ..plan.record import to_json
        from ..plan.show import render
        from ..plan.sweep import Players, Sweep, whole_span

        if page_file is not None:
            from ..page.library import plotly_js

            plotly_js()  # refuses, where it is not installed, before any work
        work = cut(trace, days)
        players = Players(world, where, policy or [first(world, where), SECOND])
        played = whole_span(world) if whole else world
        billed = None if focus is None else bill_of(world, where, point, focus_days)
    count = plays or (PLAYS_OF_A_SPAN if whole else PLAYS if work is None else PLAYS_OF_A_TRACE)
    path = journal or FOLDER / f"{world.name}.jsonl"
    with journals.opened(path) as kept, bar(json, f"planning for {world.name}") as progress:
        sweep = Sweep(kept, seed, count, work)
        planner = Planner(played, players, sweep, load, progress)
        if where != scenario:
            planner.notes.append(f"{scenario} is planned in {where}, which is coarser: its jobs are other ones")
        found = planner.plan(levels, bursts)
    try:
        if json:
            print_json(to_json(found))
        else:
            print_rich(render(found))
    finally:  # for whoever has closed the pipe, too
        if page_file is not None:
            from ..plan.page import page

            options = {"--trace": trace, "--days": days, "--load": load, "--commit": commit, "--burst": burst}
            options |= {"--policy": policy, "--plays": count, "--seed": seed, "--report": page_file}
            line = command_line("plan", scenario, options) + (" --whole" if whole else "")
            save("--report", page_file, page(found, line))
        if focus is not None and billed is not None:
            with bar(json, "playing the episode of the bill") as progress:
                content = billed.written(found.chosen.setting, found.chosen.policy, seed, focus.suffix, progress)
            save("--focus", focus, content)


def _where(scenario: str, whole: bool) -> str:
    """The scenario to play: for a whole span the coarser one that is made for plans, where there is one."""
    from ...envs.scenario import names

    return f"{scenario}{PLANNING}" if whole and f"{scenario}{PLANNING}" in names() else scenario
