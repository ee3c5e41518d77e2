"""The words of a scenario's file: every field of the schema with its unit, its default and its meaning.

Names, types, bounds and defaults come from the pydantic models, meanings from the comments beside the fields. Where the
name says it all there is no comment, and `PLAIN` has the sentence; a field is in one of the two places.
"""

import ast
import inspect
import textwrap
from decimal import Decimal
from typing import Any, get_args

from pydantic_core import PydanticUndefined

from tidegate.envs.inherit import part_in
from tidegate.envs.quantities import Part
from tidegate.envs.scenario import Scenario

UNITS = ("days", "hours", "minutes", "seconds", "milliseconds", "dollars", "gb", "megawatts", "kilowatts", "billions")
KINDS = {
    "Dollars": "dollars",
    "Time": "time",
    "Ratio": "ratio",
    "Share": "share, 0 to 1",
    "Weight": "number > 0",
    "Whole": "integer",
    "Amount": "number",
    "Name": "name",
    "Text": "text",
    "Accelerators": "accelerators",
    "Capacity": "accelerators",
    "Day": "days",
    "Gigabits": "Gb/s",
    "Tokens": "tokens",
    "Throughput": "tokens per second",
    "Weights": "table: integer → weight",
    "Amounts": "table: GB → weight",
    "Choices": "table: name → weight",
    "Series": "list of dollars, or the path of a CSV file",
    "bool": "true or false",
}
SIGNS = {"Gt": ">", "Ge": "≥", "Le": "≤"}
IMPLIED = ("≥ 0", "≤ 1", "≤ 1000", "≤ 1000000")  # by what one writes
DERIVED = {"Provider.contract": "by kind", "Site.price_per_hour": "required without price_series"}
PLAIN = {
    "Scenario.name": "what it is called, in the command line and in results",
    "Scenario.title": "one line about it",
    "Scenario.description": "a few sentences about it",
    "Scenario.rules": "rules of the world",
    "Scenario.episodes": "how much of it one episode shows",
    "Scenario.providers": "1 to 8 providers",
    "Scenario.sites": "1 to 8 sites",
    "Scenario.workload": "how much work there is",
    "Scenario.classes": "kinds of jobs; with the services at most 16",
    "Scenario.serving": "services, cut into blocks",
    "Scenario.pipelines": "kinds of pipelines",
    "Rules.offer_interval_minutes": "waiting jobs are offered again at least so often",
    "Rules.reoffer_gap_seconds": "a job is offered at most so often, but for losses of capacity",
    "Rules.pass_size": "waiting jobs offered at one wake-up; 0: none but at arrival",
    "Rules.max_hold_hours": "after so long in hold a job must be placed",
    "Rules.dispatch": "how a site starts jobs: EASY backfilling or first come, first served",
    "Rules.kill_overruns": "a job ends when its requested walltime is over",
    "Rules.billing_period_days": "contracts settle so often",
    "PowerCut.at_day": "when",
    "PowerCut.hours": "for how long",
    "PowerCut.megawatts": "what is left",
    "PowerCut.notice_hours": "how long before it is known",
    "Provider.name": "what it is called",
    "Provider.kind": "what routers are told of it",
    "Provider.contract": "committed: take_or_pay; burst: metered; a lease is a flat fee",
    "Provider.tags": "what jobs may require, such as security or silicon",
    "Provider.floor_dollars_per_period": "a floor in money",
    "Provider.fee_dollars_per_period": "flat fee of a lease",
    "Provider.budget_dollars_per_period": "when so much is spent, nothing more starts until the period is over",
    "Provider.ends_at_day": "then its machines are gone; known from the beginning",
    "Provider.power_cuts": "hours with less power",
    "Provider.egress_dollars_per_gb": "for data that leave it",
    "Failures.per_node_day": "failures of a node in a day",
    "StartUp.median_minutes": "the usual wait for machines",
    "StartUp.p95_minutes": "one in twenty waits longer",
    "StartUp.max_minutes": "none waits longer",
    "Site.name": "what it is called",
    "Site.provider": "whose it is",
    "Site.accelerator": "what it is",
    "Site.speed": "walltimes are divided by it",
    "Site.granule": "gangs occupy multiples of it",
    "Site.cube": "large gangs occupy multiples of it; 0: none",
    "Site.cube_from": "gangs that are large",
    "Site.price_steps": "changes of the price, of metered sites only",
    "Site.billing_increment_minutes": "use is billed in multiples of it, of metered sites only",
    "Site.capacity": "on day 0",
    "Site.capacity_steps": "changes of the capacity",
    "Site.tranches": "what a contract adds",
    "Site.maintenance": "times with less",
    "Site.recalls": "what is taken back for good",
    "Site.spot": "capacity that comes and goes",
    "Site.failures": "how often nodes fail",
    "Site.start_up": "how long a request waits; without, machines are there",
    "CapacityStep.at_day": "when",
    "CapacityStep.capacity": "from then on",
    "CapacityStep.notice_days": "how long before it is known; without, from the beginning; 0: a surprise",
    "Tranche.at_day": "the contractual day",
    "Tranche.accelerators": "how many more",
    "Slips.median_days": "half of them are later",
    "Slips.p90_days": "one in ten is later",
    "Slips.notice_days": "how long before the contractual day it is told",
    "Maintenance.at_day": "when",
    "Maintenance.hours": "for how long",
    "Maintenance.capacity": "what is left; or share",
    "Maintenance.share": "what is gone, of the nominal capacity; or capacity",
    "Maintenance.notice_days": "how long before it is known; 0: a surprise",
    "Recall.at_day": "when it takes effect; or per_month",
    "Recall.per_month": "chance that notice is given in a month; or at_day",
    "Recall.from_day": "no notice before",
    "Recall.notice_days": "from the notice to its effect",
    "Recall.share": "of the nominal capacity",
    "Spot.mean_up_hours": "how long it is there",
    "Spot.mean_down_hours": "how long it is not",
    "Spot.notice_seconds": "how long before it goes it is known",
    "PriceStep.at_day": "when",
    "PriceStep.price_per_hour": "from then on",
    "Rhythm.hour_factors": "24 factors of the hours, from midnight; only their ratios count",
    "Workload.growth": "changes of the load",
    "Reference.accelerators": "how many they are",
    "Workload.requests": "what users request",
    "Requests.exact": "of the jobs request what they need",
    "Requests.up_to": "the longest request, over what is needed",
    "Growth.at_day": "when",
    "Growth.factor": "from then on, relative to day 0",
    "ClassTerms.name": "what it is called",
    "ClassTerms.priority": "0 to 7; larger is more urgent",
    "JobClass.walltime": "how long its jobs run at speed 1",
    "JobClass.early_ends": "jobs that are cancelled early",
    "JobClass.is_preemptible": "more urgent jobs may take its machines",
    "Walltime.median_hours": "half of them are shorter",
    "Walltime.p95_hours": "one in twenty is longer, were it not for the cut",
    "Walltime.max_hours": "none is longer",
    "EarlyEnds.share": "of the jobs",
    "EarlyEnds.within": "of the planned walltime",
    "Deadline.slack": "bounds, over the requested walltime",
    "Deadline.slack_hours": "bounds, in addition",
    "Clients.name": "what it is called",
    "Clients.tokens_out": "per request",
    "Serving.replicas_per_block": "replicas that come and go together",
    "Serving.decode_tokens_per_second": "the same of answers",
    "Serving.clients": "groups of clients, whose demands add up",
    "Serving.surges": "days with more demand",
    "Surge.at_day": "when",
    "Surge.days": "for how long",
    "Surge.factor": "times the demand",
    "Stage.name": "what it is called",
    "Stage.job_class": "the class of its jobs",
    "Stage.parents": "stages that must have finished",
    "Stage.most_members": "beyond it, jobs are folded",
    "Pipeline.name": "what it is called",
    "Pipeline.stages": "in an order in which parents come first",
    "Pipeline.deadline": "of the whole pipeline",
}


def parts() -> list[type[Part]]:
    """All tables of the format, each once, in the order in which the schema first names them."""
    found: list[type[Part]] = []

    def visit(part: type[Part]) -> None:
        if part not in found:
            found.append(part)
            for field in part.model_fields.values():
                inner = part_in(field.annotation)
                if inner is not None:
                    visit(inner)

    visit(Scenario)
    return found


def owner_of(part: type[Part], name: str) -> type[Part]:
    """The class in which a field is written down."""
    return next(one for one in reversed(part.__mro__) if name in getattr(one, "__annotations__", {}))


def comments_of(part: type[Part]) -> dict[str, str]:
    """Comments beside the fields of one class, and those below that begin with ↑."""
    lines = textwrap.dedent(inspect.getsource(part)).splitlines()
    (body,) = ast.parse("\n".join(lines)).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field in body.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            said = [
                lines[row].partition("  # ")[2] for row in range(field.lineno - 1, field.end_lineno or field.lineno)
            ]
            below = lines[field.end_lineno or field.lineno : (field.end_lineno or field.lineno) + 1]
            said += [line.partition("# ↑ ")[2] for line in below]
            found[field.target.id] = " ".join(filter(None, said))
    return found


def meaning(part: type[Part], name: str) -> str:
    """What a field means. Raises KeyError where that is said nowhere, or in both places."""
    owner = owner_of(part, name)
    comment, plain = comments_of(owner)[name], PLAIN.get(f"{owner.__name__}.{name}")
    if bool(comment) == bool(plain):
        raise KeyError(f"{owner.__name__}.{name} is explained {'twice' if comment else 'nowhere'}")
    return comment or str(plain)


def written_type(part: type[Part], name: str) -> str:
    """A field's annotation, as it is written down."""
    owner = owner_of(part, name)
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    assert isinstance(body, ast.ClassDef)
    fields = [field for field in body.body if isinstance(field, ast.AnnAssign)]
    return next(ast.unparse(field.annotation) for field in fields if ast.unparse(field.target) == name)


def unit(part: type[Part], name: str) -> str:
    """What one writes: a unit, the choices, or the kind of table."""
    annotation = part.model_fields[name].annotation
    inner = part_in(annotation)
    if inner is not None:
        is_list = "tuple" in written_type(part, name)
        return f"{'list of ' if is_list else ''}[{inner.__name__}](#{inner.__name__.lower()})"
    text = written_type(part, name)
    if "Literal[" in text and "Weight" not in text:
        return " or ".join(f"`{choice}`" for choice in get_args(annotation))
    words = text.replace("[", " ").replace("]", " ").replace(",", " ").split()
    if "dict" in words:
        return "table: " + " → ".join(_kind(word) for word in words if word in KINDS or word == "int")
    kind = unit_of(part, name)
    if "tuple" in words:
        return f"two of {kind}" if words.count("Ratio") + words.count("Time") == 2 else f"list of {kind}"
    return kind + _bounds(part, name)


def unit_of(part: type[Part], name: str) -> str:
    """The unit of one value."""
    words = written_type(part, name).replace("[", " ").replace("]", " ").replace(",", " ").split()
    kind = next(_kind(word) for word in words if word in KINDS)
    return _time(name) if kind == "time" else kind


def _kind(word: str) -> str:
    """A type's name in words."""
    return KINDS.get(word, "integer")


def _time(name: str) -> str:
    """The unit that a field's name ends with."""
    return next(word for word in reversed(name.split("_")) if word.rstrip("s") + "s" in UNITS).rstrip("s") + "s"


def _bounds(part: type[Part], name: str) -> str:
    """Bounds that the field sets for itself, beyond those of its type."""
    if not written_type(part, name).startswith("Annotated"):
        return ""
    shown = []
    for one in part.model_fields[name].metadata:
        sign = SIGNS.get(type(one).__name__)
        value = getattr(one, type(one).__name__.lower(), None)
        if sign is not None and f"{sign} {value}" not in IMPLIED:
            shown.append(f"{sign} {value}")
    return "".join(f", {bound}" for bound in shown if bound != "> 0" or "number" not in unit_of(part, name))


def default(part: type[Part], name: str) -> str:
    """What holds where the field is left out."""
    field = part.model_fields[name]
    if f"{part.__name__}.{name}" in DERIVED:
        return DERIVED[f"{part.__name__}.{name}"]
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined or value in ((), {}):
        return "–"
    return shown(value)


def shown(value: Any) -> str:
    """A value as one writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {shown(one)}" for key, one in value.items())
    return ", ".join(map(shown, value)) if isinstance(value, tuple) else str(value)


def stale() -> set[str]:
    """Entries of `PLAIN` that no field has."""
    fields = {f"{owner_of(part, name).__name__}.{name}" for part in parts() for name in part.model_fields}
    return PLAIN.keys() - fields


def vocabulary() -> str:
    """All tables of the format, in Markdown."""
    return "\n\n".join(_section(part) for part in parts())


def _section(part: type[Part]) -> str:
    """One table of the format."""
    said = inspect.cleandoc(part.__doc__ or "")
    rows = [
        f"| `{name}` | {unit(part, name)} | {default(part, name)} | {meaning(part, name)} |"
        for name in part.model_fields
    ]
    head = ["| key | what one writes | default | meaning |", "|---|---|---|---|"]
    return "\n".join([f"### {part.__name__}", "", said, "", *head, *rows])
