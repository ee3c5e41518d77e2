"""The tables that describe a scenario: what an episode is, contracts, machines, what happens when, and the work."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

from tidegate.envs.contracts import Provider
from tidegate.envs.machines import Site
from tidegate.envs.pipelines import Pipeline
from tidegate.envs.scenario import Scenario
from tidegate.envs.serving import Serving
from tidegate.envs.work import Deadline, JobClass, Walltime

NONE = "–"
Event = tuple[Decimal, str]  # day, what


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def plain(amount: Decimal | int | float) -> str:
    """A number without needless zeros."""
    return f"{Decimal(str(amount)).normalize():,f}"


def percent(part: Decimal) -> str:
    """A share in per cent, exactly."""
    return f"{plain(part * 100)} %"


def rounded(part: Decimal | Fraction | float, places: int = 0) -> str:
    """A share in per cent, with so many places."""
    return f"{100 * float(part):.{places}f} %"


def facts(scenario: Scenario) -> str:
    """What an episode is, and how the world works."""
    rules, episodes, work = scenario.rules, scenario.episodes, scenario.workload
    offered = scenario.offered()
    in_pipelines = rounded(sum(offered.part(Fraction(one.share)) for one in scenario.pipelines))
    services = rounded(sum(offered.part(Fraction(one.share)) for one in scenario.serving))
    most = f"at most {plain(float(work.largest_growth))} times as much later" if work.growth else "the same throughout"
    supply = "supply is drawn, in variants" if scenario.is_random else "one supply"
    holding = f"held for {plain(rules.max_hold_hours)} h at most"
    preempted = f"preemption after {plain(rules.preemption_hours)} h" if rules.preemption_hours else "no preemption"
    rows = [
        ("load", f"{plain(work.load)} of what the committed sites can do on day 0, {most}"),
        ("jobs", f"{scenario.jobs_per_day:,.0f} a day on day 0, blocks of serving included"),
        ("work", f"{services} serving, {in_pipelines} in pipelines"),
        ("offers", f"at least every {plain(rules.offer_interval_minutes)} minutes, {holding}"),
        ("dispatch", f"{rules.dispatch.upper()}, {preempted}"),
        ("contracts", f"settle every {plain(rules.billing_period_days)} days"),
        ("training episode", f"{episodes.horizon_days} days"),
        ("evaluated episode", f"{episodes.evaluation_days} days, after {episodes.warm_up_days} of warm-up"),
        ("span", f"{episodes.span_days} days; {supply}"),
    ]
    return table(("", ""), rows)


def providers(scenario: Scenario) -> str:
    """Contracts, tags, power, and what data cost."""
    head = ("provider", "kind", "contract", "tags", "power", "links, Gb/s", "egress, $/GB")
    rows = [
        (
            f"`{one.name}`",
            one.kind,
            f"{one.contract.replace('_', '-')}{_terms(one)}",
            ", ".join(one.tags) or NONE,
            NONE if one.power_cap_megawatts is None else f"{plain(one.power_cap_megawatts)} MW",
            ", ".join(f"{name} {plain(speed)}" for name, speed in one.links.items()) or NONE,
            plain(one.egress_dollars_per_gb),
        )
        for one in scenario.providers
    ]
    return table(head, rows)


def _terms(provider: Provider) -> str:
    """The terms of a contract, after its name."""
    told = []
    if provider.floor_share is not None:
        told.append(f"floor {percent(provider.floor_share)} of what is delivered")
    if provider.floor_dollars_per_period is not None:
        told.append(f"floor {plain(provider.floor_dollars_per_period)} $ a period")
    if provider.contract == "take_or_pay":
        told.append(f"overage {plain(provider.overage_ratio or Decimal(1))} ×")
        told.append(f"{percent(provider.carry_forward)} carried forward" if provider.carry_forward else "")
        told.append("in arrears" if provider.in_arrears else "")
    if provider.fee_dollars_per_period is not None:
        told.append(f"{plain(provider.fee_dollars_per_period)} $ a period, sunk")
    if provider.budget_dollars_per_period is not None:
        told.append(f"budget {plain(provider.budget_dollars_per_period)} $ a period")
    return "".join(f", {one}" for one in told if one)


def sites(scenario: Scenario) -> str:
    """Machines: how many, at what price and speed, how they start and fail."""
    head = (
        "site",
        "provider",
        "accelerator",
        "day 0",
        "at most",
        "$/h",
        "speed",
        "gangs in",
        "starts in",
        "a failure every",
    )
    rows = [
        (
            f"`{one.name}`",
            one.provider,
            f"{one.accelerator} ({one.silicon})",
            f"{one.capacity:,}",
            f"{one.nominal:,}",
            _price(one),
            plain(one.speed) + ("" if not one.class_speed else f", {_speeds(one)}"),
            f"{one.granule}" + (f", from {one.cube_from} on {one.cube}" if one.cube else ""),
            _start(one),
            _failure(one),
        )
        for one in scenario.sites
    ]
    return table(head, rows)


def _price(site: Site) -> str:
    """The price, and how finely it is billed."""
    changes = f", {len(site.prices)} changes" if site.prices else ""
    increment = site.billing_increment_minutes
    return f"{site.price_per_hour:.2f}{changes}" + (f", by {plain(increment)} min" if increment else "")


def _speeds(site: Site) -> str:
    """Classes that are faster or slower."""
    return ", ".join(f"{name} {plain(speed)}" for name, speed in site.class_speed.items())


def _start(site: Site) -> str:
    """The wait for machines, and the chance of a grant."""
    if site.start_up is None:
        return "at once"
    start = f"{plain(site.start_up.median_minutes)} min (p95 {plain(site.start_up.p95_minutes)})"
    grants = ", ".join(f"{percent(site.grants[size])} up to {size:,}" for size in sorted(site.grants))
    return start + (f"; granted {grants}" if grants else "")


def _failure(site: Site) -> str:
    """Mean time between failures anywhere at the site, all of it used."""
    if site.failures is None or site.nominal == 0:
        return NONE
    minutes = site.failures.gap(site.nominal) / 60_000
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"


def calendar(scenario: Scenario) -> str:
    """What happens on stated days, in their order, then what is drawn."""
    events = sorted((*_of_providers(scenario), *_of_sites(scenario), *_of_work(scenario)), key=lambda event: event[0])
    told = table(("day", "what"), [(plain(day), what) for day, what in events]) if events else ""
    drawn = "\n".join(f"- {line}" for line in _drawn(scenario))
    return "\n\n".join(filter(None, (told, f"Drawn, another way in each variant:\n\n{drawn}" if drawn else "")))


def _of_providers(scenario: Scenario) -> Iterator[Event]:
    """Power cuts, recalls and ends of contracts."""
    for one in scenario.providers:
        for cut in one.power_cuts:
            notice = plain(cut.notice_hours)
            yield (
                cut.at_day,
                f"`{one.name}`: {plain(cut.megawatts)} MW for {plain(cut.hours)} h, told {notice} h before",
            )
        for recall in one.recalls:
            if recall.at_day is not None:
                notice = plain(recall.notice_days)
                yield recall.at_day, f"`{one.name}` takes back {percent(recall.share)}, told {notice} days before"
        if one.ends_at_day is not None:
            yield one.ends_at_day, f"the contract with `{one.name}` ends"


def _of_sites(scenario: Scenario) -> Iterator[Event]:
    """Ramps, maintenance, recalls and steps."""
    for one in scenario.sites:
        for tranche in one.tranches:
            late = " or later" if one.slips else ""
            yield tranche.at_day, f"`{one.name}`: {tranche.accelerators:,} more{late}"
        for step in one.capacity_steps:
            yield step.at_day, f"`{one.name}`: {step.capacity:,} accelerators"
        for price in one.price_steps:
            yield price.at_day, f"`{one.name}`: {price.price_per_hour:.2f} $/h"
        for window in one.maintenance:
            left = f"{percent(window.share)} fewer" if window.share is not None else f"{window.capacity:,} left"
            notice = f"told {plain(window.notice_days)} days before" if window.notice_days else "without notice"
            yield window.at_day, f"`{one.name}`: {left} for {plain(window.hours)} h, {notice}"
        for recall in one.recalls:
            if recall.at_day is not None:
                notice = plain(recall.notice_days)
                yield recall.at_day, f"`{one.name}`: {percent(recall.share)} taken back, told {notice} days before"


def _of_work(scenario: Scenario) -> Iterator[Event]:
    """Growth and surges."""
    for step in scenario.workload.growth:
        yield step.at_day, f"work: {plain(step.factor)} times that of day 0"
    for service in scenario.serving:
        for surge in service.surges:
            yield (
                surge.at_day,
                f"`{service.name}`: {plain(surge.factor)} times as many requests for {plain(surge.days)} days",
            )


def _drawn(scenario: Scenario) -> Iterator[str]:
    """What is drawn of the supply."""
    for one in (*scenario.providers, *scenario.sites):
        for recall in one.recalls:
            if recall.per_month is not None:
                start = f" from day {plain(recall.from_day)} on" if recall.from_day else ""
                chance = f"with a chance of {percent(recall.per_month)} a month{start}"
                notice = f"told {plain(recall.notice_days)} days before"
                yield f"`{one.name}` takes back {percent(recall.share)}, {chance}, {notice}"
    for site in scenario.sites:
        if site.slips is not None:
            late = f"{plain(site.slips.median_days)} days in the median, {plain(site.slips.p90_days)} one time in ten"
            notice = f"told {plain(site.slips.notice_days)} days before their days"
            yield f"tranches of `{site.name}` are late: {late}; {notice}"
        if site.spot is not None:
            spot = site.spot
            runs = f"there for {plain(spot.mean_up_hours)} h, gone for {plain(spot.mean_down_hours)} h on average"
            yield f"`{site.name}` comes and goes: {runs}; told {plain(spot.notice_seconds)} s before"


def work(scenario: Scenario) -> str:
    """Classes, services and pipelines."""
    parts = [classes(scenario)]
    parts += [services(scenario)] if scenario.serving else []
    parts += [pipelines(scenario)] if scenario.pipelines else []
    return "\n\n".join(parts)


def classes(scenario: Scenario) -> str:
    """Kinds of jobs."""
    head = (
        "class",
        "priority",
        "share",
        "accelerators",
        "hours: median, p95, at most",
        "delay, $/h",
        "deadlines",
        "requires",
        "checkpoints",
        "a day",
    )
    total = sum(one.share for one in scenario.terms)
    rows = [
        (
            f"`{one.name}`",
            str(one.priority),
            rounded(one.share / total, 1),
            f"{min(one.gangs):,} to {max(one.gangs):,}" if len(one.gangs) > 1 else f"{min(one.gangs):,}",
            _hours(one.walltime),
            plain(one.delay_cost_per_hour),
            _deadline(one.deadline),
            _required(one),
            _checkpoints(one),
            f"{float(24 * scenario.jobs_per_hour(one)):,.1f}",
        )
        for one in scenario.classes
    ]
    return table(head, rows)


def _hours(walltime: Walltime) -> str:
    """Median, 95th percentile before the cut, and the cut."""
    return ", ".join(map(plain, (walltime.median_hours, walltime.p95_hours, walltime.max_hours)))


def _deadline(deadline: Deadline | None) -> str:
    """Which part of the jobs has one, and what a miss costs."""
    return NONE if deadline is None else f"{percent(deadline.share)}, {plain(deadline.penalty_per_hour)} $/h"


def _required(terms: JobClass | Serving) -> str:
    """Tags, and what they are written for."""
    total = sum(terms.portability.values())
    tags = {tag: weight for tag, weight in terms.portability.items() if tag != "any"}
    return ", ".join(f"{tag} {rounded(weight / total)}" for tag, weight in tags.items()) or NONE


def _checkpoints(cls: JobClass) -> str:
    """How often, and whether more urgent work takes its place."""
    every = f"{plain(cls.checkpoint_minutes)} min" if cls.checkpoint_minutes else NONE
    return f"{every}, preemptible" if cls.is_preemptible else every


def services(scenario: Scenario) -> str:
    """Services, and the blocks they are cut into."""
    head = (
        "service",
        "share",
        "mean accelerators",
        "requests/s",
        "block",
        "set anew every",
        "delay, $/h",
        "requires",
        "clients",
    )
    offered = scenario.offered()
    total = sum(one.share for one in scenario.terms)
    rows = [
        (
            f"`{one.name}`",
            rounded(one.share / total, 1),
            f"{float(offered.served(one)):,.0f}",
            f"{float(one.requests_per_second(offered.served(one))):,.0f}",
            f"{one.replicas_per_block} × {one.replica}",
            f"{plain(one.slot_minutes)} min",
            plain(one.delay_cost_per_hour),
            _required(one),
            ", ".join(group.name for group in one.clients),
        )
        for one in scenario.serving
    ]
    return table(head, rows)


def pipelines(scenario: Scenario) -> str:
    """Pipelines and their stages; a stage is named after its parents."""
    offered = scenario.offered()
    total = sum(one.share for one in scenario.terms)
    rows = [
        (
            f"`{one.name}`",
            rounded(one.share / total, 1),
            f"{float(168 * offered.pipelines_per_hour(one)):,.1f}",
            _deadline(one.deadline),
            _stages(one),
        )
        for one in scenario.pipelines
    ]
    return table(("pipeline", "share", "a week", "deadlines", "stages"), rows)


def _stages(pipeline: Pipeline) -> str:
    """Stages in their order; those beside each other have the same parents."""
    steps: dict[tuple[str, ...], list[str]] = {}
    for stage in pipeline.stages:
        most = f" × {max(stage.count)}" if max(stage.count) > 1 else ""
        steps.setdefault(tuple(sorted(stage.parents)), []).append(f"{stage.name}{most}")
    return " → ".join(" + ".join(names) for names in steps.values())
