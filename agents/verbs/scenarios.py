"""`tidegate scenarios`: what there is, what one holds, and whether a new one holds together."""

from typing import Annotated, Any

from typer import Argument, Option

from .output import print_facts, print_json, print_table


def listing(json: Annotated[bool, Option("--json", help="Print JSON.")] = False) -> None:
    """List the scenarios that come with Tidegate."""
    from ...envs.scenario import load, names

    found = [load(name) for name in names()]
    if json:
        print_json([{"name": one.name, "title": one.title, "digest": one.digest()} for one in found])
    else:
        print_table(("scenario", "title"), ((one.name, one.title) for one in found))


def show(name: Annotated[str, Argument(metavar="NAME", help="Name of a scenario, or a .toml file.")]) -> None:
    """Show what a scenario holds."""
    from ...envs.scenario import load

    scenario = load(name)
    print(f"{scenario.title}\n\n{scenario.description.strip()}\n")
    print_facts(_facts(scenario))
    print()
    head = ("site", "provider", "contract", "accelerator", "capacity", "$/hour", "granule", "steps")
    contracts = {one.name: f"{one.kind}, {one.contract.replace('_', '-')}" for one in scenario.providers}
    print_table(
        head,
        (
            (
                site.name,
                site.provider,
                contracts[site.provider],
                site.accelerator,
                f"{site.capacity:,}",
                f"{site.price_per_hour:.2f}",
                site.granule,
                len(site.capacity_steps)
                + len(site.tranches)
                + len(site.maintenance)
                + len(site.recalls)
                + len(site.prices),
            )
            for site in scenario.sites
        ),
    )
    print()
    head = ("class", "priority", "share", "delay $/hour", "gangs", "median h", "p95 h", "jobs/day")
    print_table(
        head,
        (
            (
                cls.name,
                cls.priority,
                cls.share,
                cls.delay_cost_per_hour,
                f"{min(cls.gangs)}–{max(cls.gangs)}",
                cls.walltime.median_hours,
                cls.walltime.p95_hours,
                f"{float(24 * scenario.jobs_per_hour(cls)):.1f}",
            )
            for cls in scenario.classes
        ),
    )


def check(file: Annotated[str, Argument(metavar="FILE", help="A .toml file, or the name of a scenario.")]) -> None:
    """Check that a scenario holds together and that no integer can overflow in it."""
    from ...envs.demand import work_of
    from ...envs.scenario import load

    scenario = load(file)
    scenario.compile()
    work_of(scenario)
    print(f"{scenario.name} holds together: digest {scenario.digest()}")


def _facts(scenario: Any) -> list[tuple[str, object]]:
    """The scenario in a few lines."""
    episodes = scenario.episodes
    return [
        ("load", scenario.workload.load),
        ("jobs per day", f"{scenario.jobs_per_day:,.0f}"),
        ("dispatch", scenario.rules.dispatch),
        ("horizon", f"{episodes.horizon_days} days, evaluated on {episodes.evaluation_days}"),
        ("digest", scenario.digest()),
    ]
