"""Scenarios: a world in a TOML file, checked, frozen, and compiled to the integers of rules.md.

`load("small_team")` reads one that comes with Tidegate, `load("mine.toml")` any other; `Scenario.compile()` gives what
the kernel reads. A scenario is saved as JSON beside every run (`model_dump_json`), comes back as the same one
(`load("scenario.json")`), and is named by its `digest()`.
"""

import hashlib
import json
import tomllib
from decimal import Decimal
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from ..fastsim.errors import InputError
from ..fastsim.spec import MAX_CLASSES, MAX_PROVIDERS, MAX_SITES, Spec, SpecTable
from ..fastsim.units import DAY, HOUR, MINUTE
from .bounds import Extent, prove
from .explain import explained
from .quantities import Name, Part, Text, whole
from .supply import Episodes, Provider, Rules, Site
from .work import ANY, JobClass, Workload

FOLDER = Path(__file__).parent / "scenarios"
MAX_TAGS = 31  # bits of a job's tags
LOAD_MARGIN = Decimal("0.3")  # above a scenario's load: nothing overflows up to there


class Scenario(Part):
    """A world: rules, contracts, machines, and the work that comes."""

    name: Name
    title: Text
    description: Text
    rules: Rules
    episodes: Episodes
    providers: Annotated[tuple[Provider, ...], Field(min_length=1, max_length=MAX_PROVIDERS)]
    sites: Annotated[tuple[Site, ...], Field(min_length=1, max_length=MAX_SITES)]
    workload: Workload
    classes: Annotated[tuple[JobClass, ...], Field(min_length=1, max_length=MAX_CLASSES)]

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Scenario":
        for key, parts in (("providers", self.providers), ("sites", self.sites), ("classes", self.classes)):
            given = [part.name for part in parts]
            for index, name in enumerate(given):
                if name in given[:index]:
                    raise InputError(f"{key}[{index}].name", "name", name, "given twice", "rename one")
        return self

    @model_validator(mode="after")
    def _sites_are_under_contract(self) -> "Scenario":
        providers = {provider.name: provider for provider in self.providers}
        classes = [cls.name for cls in self.classes]
        for index, site in enumerate(self.sites):
            where = f"sites[{index}]"
            if site.provider not in providers:
                choices = f"use one of {', '.join(providers)}"
                raise InputError(f"{where}.provider", "provider", site.provider, "there is none of this name", choices)
            if providers[site.provider].is_committed and site.price_steps:
                count = len(site.price_steps)
                raise InputError(
                    f"{where}.price_steps", "steps", count, "a committed site has one price", "remove them"
                )
            for cls in sorted(site.class_speed.keys() - set(classes)):
                choices = f"use some of {', '.join(classes)}"
                raise InputError(f"{where}.class_speed", "class", cls, "there is none of this name", choices)
        for index, provider in enumerate(self.providers):
            if provider.name not in {site.provider for site in self.sites}:
                reason = "it has no site"
                raise InputError(f"providers[{index}]", "provider", provider.name, reason, "give it one or remove it")
        return self

    @model_validator(mode="after")
    def _tags_are_offered(self) -> "Scenario":
        if len(self.tags) > MAX_TAGS:
            raise InputError("providers.tags", "tags", len(self.tags), f"at most {MAX_TAGS} are possible", "use fewer")
        choices = (ANY, *self.tags)
        for index, cls in enumerate(self.classes):
            for tag in sorted(cls.portability.keys() - set(choices)):
                where = f"classes[{index}].portability"
                raise InputError(where, "tag", tag, "no provider offers it", f"use {', '.join(choices)}")
        return self

    @model_validator(mode="after")
    def _has_machines(self) -> "Scenario":
        if self.reference_capacity == 0:
            remedy = "give a committed site capacity and speed"
            raise InputError("sites", "committed capacity on day 0", 0, "the load is relative to it", remedy)
        return self

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags of all providers, in the order of their bits."""
        return tuple(sorted({tag for provider in self.providers for tag in provider.tags}))

    def tag_mask(self, required: str) -> int:
        """A job's `tags` for one name of a class's portability."""
        return 0 if required == ANY else 1 << self.tags.index(required)

    @property
    def reference_capacity(self) -> Fraction:
        """Accelerators × speed of the committed sites on day 0; where none is committed, of all sites."""
        committed = {provider.name for provider in self.providers if provider.is_committed}
        sites = [site for site in self.sites if site.provider in committed] or self.sites
        return sum((site.capacity * Fraction(site.speed) for site in sites), Fraction(0))

    def jobs_per_hour(self, cls: JobClass, load: Decimal | None = None) -> Fraction:
        """Mean arrivals of a class on day 0, at `load` or the scenario's own."""
        offered = self.reference_capacity * Fraction(self.workload.load if load is None else load)
        share = Fraction(cls.share) / sum(Fraction(other.share) for other in self.classes)
        return offered * share / (cls.mean_gang * cls.mean_walltime / HOUR)

    @property
    def jobs_per_day(self) -> float:
        """Mean arrivals of all classes on day 0."""
        return float(24 * sum(self.jobs_per_hour(cls) for cls in self.classes))

    @property
    def largest_load(self) -> Decimal:
        """The highest load for which the proof against overflow holds."""
        return self.workload.load + LOAD_MARGIN

    @property
    def reward_scale(self) -> int:
        """A natural unit of cost [µ$]: an hour of the committed capacity at the dearest price of day 0."""
        return ceil(self.reference_capacity) * max(whole(site.price_per_hour, "dollars") for site in self.sites)

    @property
    def span(self) -> int:
        """No episode goes beyond this instant [ms]."""
        return self.episodes.span_days * DAY

    def digest(self) -> str:
        """SHA-256 of the canonical JSON: names this scenario in manifests."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def compile(self, first_period: int = 0) -> Spec:
        """The scenario as the kernel reads it; the contract period in which time 0 lies began at `first_period` [ms].

        Raises InputError where an integer could overflow, or for a `first_period` that is not in (−period, 0] or not in
        whole minutes.
        """
        table = self._table(first_period)
        if first_period % MINUTE or not -table.period < first_period <= 0:
            reason = f"not whole minutes in (-{table.period}, 0]"
            raise InputError(self.name, "first_period", first_period, reason, "correct it")
        prove(self.name, table, self._extent())
        return table.pack()

    def _table(self, first_period: int) -> SpecTable:
        """The scenario in the units of the rules, before any proof."""
        tag_bits = {tag: bit for bit, tag in enumerate(self.tags)}
        providers = [provider.name for provider in self.providers]
        classes = [cls.name for cls in self.classes]
        return SpecTable(
            sites=tuple(site.table(providers.index(site.provider), classes) for site in self.sites),
            providers=tuple(provider.table(tag_bits) for provider in self.providers),
            delay_rates=tuple(whole(cls.delay_cost_per_hour, "dollars") for cls in self.classes),
            first_period=first_period,
            pass_size=self.rules.pass_size,
            dispatch=self.rules.dispatch_code,
            **self.rules.times,
        )

    def _extent(self) -> Extent:
        """What the proof against overflow needs to know of the work."""
        hours = self.episodes.longest_days * 24 * self.workload.largest_growth
        jobs = [self.jobs_per_hour(cls, self.largest_load) * hours for cls in self.classes]
        accelerators = [count * cls.mean_gang for count, cls in zip(jobs, self.classes, strict=True)]
        return Extent(
            span=self.span,
            episode=self.episodes.longest_days * DAY,
            jobs=[ceil(count) for count in jobs],
            accelerators=[ceil(count) for count in accelerators],
            walltime=max(cls.walltime.longest for cls in self.classes),
        )


def names() -> list[str]:
    """The scenarios that come with Tidegate."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name_or_path: str | Path) -> Scenario:
    """A scenario that comes with Tidegate, by name, or one of a TOML or JSON file.

    Raises InputError for an unknown name, an unreadable file, or a scenario that does not hold together.
    """
    text = str(name_or_path)
    if text in names():
        return _parsed(FOLDER / f"{text}.toml", text)
    path = Path(name_or_path)
    if path.suffix not in (".toml", ".json"):
        choices = f"use one of {', '.join(names())}, or a .toml file"
        raise InputError("scenario", "name", text, "there is none of this name", choices)
    return _parsed(path, text)


def _parsed(path: Path, where: str) -> Scenario:
    """The scenario in a file, called `where` in errors."""
    try:
        content = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            return Scenario.model_validate_json(content)
        # Decimal, so that 2.65 dollars are 2,650,000 µ$ and not a float beside it
        return Scenario.model_validate(tomllib.loads(content, parse_float=Decimal))
    except ValidationError as error:
        raise explained(error, where) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(where, "TOML", path.name, f"cannot be parsed: {error}", "correct the syntax") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(where, "file", path, f"cannot be read: {reason}", "correct the path or the file") from None
