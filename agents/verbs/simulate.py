"""`tidegate simulate`: one episode under one policy."""

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from .output import check_target, print_facts, print_json, print_table, save
from .progress import bar, waiting

LEFT = ("finished", "cancelled", "killed", "expired", "written_off")
PRESENT = ("waiting", "starting", "running", "pending")
INTERRUPTIONS = (
    *(("evictions", "evictions"), ("preemptions", "preemptions"), ("failed", "failures")),
    ("missed", "missed deadlines"),
)
FARED = ("wait_p50_hours", "wait_p95_hours", "slowdown_p50", "slowdown_p95")


def simulate(
    scenario: Annotated[str, Argument(metavar="SCENARIO", help="Name of a scenario, or a .toml file.")],
    policy: Annotated[str, Option(help="A rule, tuned:RULE, best-tuned, or the folder of a bundle.")],
    seed: Annotated[int, Option(min=0, help="Names the jobs, the supply and the failures.")] = 1,
    days: Annotated[int | None, Option(min=1, help="Days of arrivals.  [default: the scenario's horizon]")] = None,
    events: Annotated[Path | None, Option(help="Write the event log to this .csv or .parquet file.")] = None,
    focus: Annotated[Path | None, Option(help="Write the bill, in FOCUS 1.2, to this .csv or .parquet file.")] = None,
    snapshot: Annotated[Path | None, Option(help="Write the cluster as it is at the end to this .json file.")] = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Play one episode, from empty sites on, and sum it up."""
    from ...envs.scenario import load as load_scenario

    world = load_scenario(scenario)
    check_target("--events", events, (".csv", ".parquet"))
    check_target("--focus", focus, (".csv", ".parquet"))
    check_target("--snapshot", snapshot, (".json",))
    with waiting(json):
        from ..evaluation.policies import resolve
        from . import episode

        agent = resolve(policy, world, scenario)
    length = world.episodes.horizon_days if days is None else days
    with bar(json, f"{world.name} under {agent.name}") as progress:
        watched = episode.watched(world, agent, seed, length, progress)
    with waiting(json, "summing up"):
        summary = {"scenario": world.name, "scenario_digest": world.digest(), "policy": agent.name}
        summary |= {"notes": [agent.note] if agent.note else []}
        summary |= {"seed": seed, "days": length, **episode.summed_up(world, watched)}
    try:
        if json:
            print_json(summary)
        else:
            _print(summary)
    finally:  # for whoever has closed the pipe, too
        with waiting(json, "writing"):
            _write(world, watched.worlds, events, focus, snapshot)


def _write(scenario: Any, worlds: Any, events: Path | None, focus: Path | None, snapshot: Path | None) -> None:
    """The files that are asked for."""
    if events is not None:
        from .events import as_csv, as_parquet

        save("--events", events, (as_csv if events.suffix == ".csv" else as_parquet)(worlds.log()))
    if focus is not None:
        from ..focus.write import exported

        save("--focus", focus, exported(scenario, worlds, focus.suffix))
    if snapshot is not None:
        from ...envs.present import taken

        save("--snapshot", snapshot, taken(worlds, scenario).model_dump_json(indent=1).encode())


def _print(summary: dict[str, Any]) -> None:
    """The summary as tables."""
    print_facts(
        [
            ("scenario", f"{summary['scenario']}, {summary['days']} days from empty sites, seed {summary['seed']}"),
            ("policy", summary["policy"]),
            *(("note", note) for note in summary["notes"]),
            ("jobs", _counts(summary, ("jobs", *LEFT))),
            ("in the world", ", ".join(f"{summary[name]:,} {name}" for name in PRESENT)),
            ("decisions", _counts(summary, ("decisions", "moves", "illegal"))),
            ("requests", _counts(summary, ("asked", "denied"))),
            ("interruptions", ", ".join(f"{summary[name]:,} {noun}" for name, noun in INTERRUPTIONS)),
            ("events", f"{summary['events']:,}, SHA-256 {summary['digest']}"),
        ]
    )
    print()
    print_table(("cost", "dollars"), ((part.replace("_", " "), f"{x:,.2f}") for part, x in summary["cost"].items()))
    print()
    rows = ((name.replace("_", " "), _number(value)) for name, value in summary["measures"].items())
    print_table(("measure", "value"), rows)
    print()
    head = ("site", "hours available", "hours used", "utilisation")
    print_table(
        head,
        (
            (name, f"{use['available_hours']:,.0f}", f"{use['used_hours']:,.0f}", _share(use["utilisation"]))
            for name, use in summary["sites"].items()
        ),
    )
    print()
    rows = (
        (name, f"{one['jobs']:,}", *(_number(one[key]) for key in FARED), _share(one["deadline_hit_rate"]))
        for name, one in summary["classes"].items()
    )
    head = ("class", "jobs", "wait p50 h", "p95 h", "slowdown p50", "p95", "deadlines met")
    print_table(head, rows)


def _counts(summary: dict[str, Any], names: tuple[str, ...]) -> str:
    first, *others = names
    return f"{summary[first]:,}: " + ", ".join(f"{summary[name]:,} {name.replace('_', ' ')}" for name in others)


def _number(value: float | None) -> str:
    """Four places for shares, fewer for larger figures."""
    if value is None:
        return "–"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.2f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
