"""The job that is offered, in the field's words."""

from typing import Any

from ...fastsim.state import UNPLACED
from ...fastsim.units import DOLLAR, HOUR
from .offer import Found

GB = 1000  # MB


def told(found: Found) -> dict[str, Any]:
    """What is known of a job: hours, dollars, GB; None where there is none."""
    item, work, scenario = found.item, found.work, found.scenario
    cls = scenario.terms[int(work.cls)]
    rate = int(found.worlds.spec.rules[0].delay_rate[work.cls])
    return {
        "number": found.job,
        "class": cls.name,
        "offer": int(item.attempts) + 1,
        "place": _place(found),
        "gang": int(work.gang),
        "requested_hours": int(work.requested) / HOUR,
        "saved_share": 1 - int(item.claim) / max(int(work.requested), 1),
        "arrived_hours_ago": (found.now - int(work.arrival)) / HOUR,
        "waited_hours": (int(item.waited) + found.now - int(item.ready)) / HOUR,
        "delay_per_hour": rate * int(work.gang) / DOLLAR,
        "priority": int(work.priority),
        "is_preemptible": bool(found.worlds.spec.rules[0].preemptible[work.cls]),
        "deadline_in_hours": (int(work.deadline) - found.now) / HOUR if work.deadline else None,
        "penalty": int(work.penalty) / DOLLAR if work.deadline else None,
        "serves_for_hours": (int(work.until) - found.now) / HOUR if work.until else None,
        "silicon": scenario.silicons[int(work.silicon)] if work.silicon >= 0 else None,
        "tags": [tag for bit, tag in enumerate(scenario.tags) if int(work.tags) >> bit & 1],
        "data_gb": _data(found),
        "pipeline": _pipeline(found),
    }


def _place(found: Found) -> str:
    """Where it is now."""
    site, sites = int(found.item.site), found.scenario.sites
    if site == UNPLACED:
        return "unplaced"
    return "held" if site == len(sites) else f"queued at {sites[site].name}"


def _data(found: Found) -> dict[str, float]:
    """Its data by the provider at which they lie, GB."""
    stored = found.item.stored.tolist()
    return {
        provider.name: stored[number] / GB
        for number, provider in enumerate(found.scenario.providers)
        if stored[number] > 0
    }


def _pipeline(found: Found) -> dict[str, Any] | None:
    """Its place in its pipeline; None for a job that stands alone."""
    jobs, work = found.worlds.jobs, found.work
    first = found.job - int(work.member)
    last = first + 1
    while last < len(jobs) and jobs[last].member == last - first:
        last += 1
    if last - first == 1:
        return None
    partner = first + int(work.partner) if work.partner >= 0 else None
    return {
        "first_job": first,
        "jobs": last - first,
        "place": int(work.member) + 1,
        "parents": [first + bit for bit in range(last - first) if int(work.parents) >> bit & 1],
        "partner": partner,
        "descendants": int(work.descendants),
        "path_hours": int(work.path) / HOUR,
    }


def words(job: dict[str, Any]) -> list[tuple[str, str]]:
    """The same as names and values to print."""
    kind = f"{job['class']}, offer {job['offer']}, {job['place']}"
    facts = [
        ("job", f"{job['number']}: {kind}"),
        ("gang", f"{_accelerators(job)}, priority {job['priority']}, {_preemptible(job)}"),
        ("requested walltime", f"{job['requested_hours']:,.2f} h{_saved(job)}"),
        ("waited so far", f"{job['waited_hours']:,.2f} h, at ${job['delay_per_hour']:,.2f} for an hour of delay"),
    ]
    if job["deadline_in_hours"] is not None:
        facts.append(("deadline", f"in {job['deadline_in_hours']:,.2f} h; missed, it costs ${job['penalty']:,.2f}"))
    if job["serves_for_hours"] is not None:
        facts.append(("block of serving", f"until {job['serves_for_hours']:,.2f} h from now"))
    needs = [*job["tags"], *([f"made for {job['silicon']}"] if job["silicon"] else [])]
    if needs:
        facts.append(("needs", ", ".join(needs)))
    data = ", ".join(f"{amount:,.1f} GB at {provider}" for provider, amount in job["data_gb"].items())
    facts.append(("data", data or "none"))
    if job["pipeline"] is not None:
        facts.append(("pipeline", _pipeline_words(job["pipeline"])))
    return facts


def _accelerators(job: dict[str, Any]) -> str:
    return f"{job['gang']:,} accelerator{'s' if job['gang'] > 1 else ''}"


def _preemptible(job: dict[str, Any]) -> str:
    return "may be preempted" if job["is_preemptible"] else "is not preempted"


def _saved(job: dict[str, Any]) -> str:
    return f", {job['saved_share']:.0%} of it done" if job["saved_share"] > 0 else ""


def _pipeline_words(pipeline: dict[str, Any]) -> str:
    """Place, and who waits for it."""
    text = f"job {pipeline['place']} of {pipeline['jobs']} from {pipeline['first_job']} on"
    if pipeline["parents"]:
        text += f", after {', '.join(str(parent) for parent in pipeline['parents'][:4])}"
        text += " …" if len(pipeline["parents"]) > 4 else ""
    if pipeline["partner"] is not None:
        text += f", partner of {pipeline['partner']}"
    if pipeline["descendants"]:
        who = "1 job waits" if pipeline["descendants"] == 1 else f"{pipeline['descendants']} jobs wait"
        text += f"; {who} for it, {pipeline['path_hours']:,.1f} h on the longest path"
    return text
