"""Scenarios: a world in a TOML file, checked, frozen, and compiled to the integers of rules.md.

`load("small_team")` reads one that comes with Tidegate, `load("mine.toml")` any other; a file may be based on another
one (inherit.py). `Scenario.compile()` gives what the kernel reads. A scenario is saved as JSON beside every run
(`model_dump_json`), comes back as the same one (`load("scenario.json")`), and is named by its `digest()`.
"""

import hashlib
import json
import tomllib
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from ..fastsim.errors import InputError
from ..fastsim.spec import MAX_CLASSES, MAX_PROVIDERS, MAX_SITES, ClassTable, Spec, SpecTable
from ..fastsim.units import DAY, MINUTE
from .bounds import prove
from .contracts import Episodes, Provider, Rules
from .explain import explained
from .extent import extent_of
from .inherit import base_path, inherited
from .machines import Site
from .offered import Offered, check_names, check_shares
from .pipelines import Pipeline
from .prices import with_series
from .quantities import Name, Part, Text, whole
from .serving import Serving
from .supply import check_supply, compiled, is_random
from .variants import Draws
from .work import ANY, ClassTerms, JobClass, Workload

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
    serving: tuple[Serving, ...] = ()
    pipelines: Annotated[tuple[Pipeline, ...], Field(max_length=16)] = ()

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Scenario":
        named = (("providers", self.providers), ("sites", self.sites), ("classes", self.classes))
        for key, parts in (*named, ("serving", self.serving), ("pipelines", self.pipelines)):
            given = [part.name for part in parts]
            for index, name in enumerate(given):
                if name in given[:index]:
                    raise InputError(f"{key}[{index}].name", "name", name, "given twice", "rename one")
        return self

    @model_validator(mode="after")
    def _sites_are_under_contract(self) -> "Scenario":
        check_supply(self.providers, self.sites)
        classes = [cls.name for cls in self.terms]
        for index, site in enumerate(self.sites):
            for cls in sorted(site.class_speed.keys() - set(classes)):
                where, choices = f"sites[{index}].class_speed", f"use some of {', '.join(classes)}"
                raise InputError(where, "class", cls, "there is none of this name", choices)
        return self

    @model_validator(mode="after")
    def _tags_are_offered(self) -> "Scenario":
        if len(self.tags) > MAX_TAGS:
            raise InputError("providers.tags", "tags", len(self.tags), f"at most {MAX_TAGS} are possible", "use fewer")
        tags, silicons = (ANY, *self.tags), (ANY, *self.silicons)
        for where, cls in self.located_terms:
            for tag in sorted(cls.portability.keys() - set(tags)):
                reason, remedy = "no provider offers it", f"use {', '.join(tags)}"
                raise InputError(f"{where}.portability", "tag", tag, reason, remedy)
            for silicon in sorted(cls.native.keys() - set(silicons)):
                reason, remedy = "no site has it", f"use {', '.join(silicons)}"
                raise InputError(f"{where}.native", "silicon", silicon, reason, remedy)
        return self

    @model_validator(mode="after")
    def _data_have_homes(self) -> "Scenario":
        providers = [provider.name for provider in self.providers]
        homes = self.workload.models.homes if self.workload.models else {}
        for home in sorted(homes.keys() - set(providers)):
            choices = f"use one of {', '.join(providers)}"
            raise InputError("workload.models.homes", "provider", home, "there is none of this name", choices)
        for where, cls in self.located_terms:
            if self.workload.models is None and (cls.reads_weights or set(getattr(cls, "dataset_gb", {0})) != {0}):
                raise InputError(where, "data", cls.name, "no home is known for them", "give workload.models")
        return self

    @model_validator(mode="after")
    def _has_machines(self) -> "Scenario":
        if self.reference_capacity == 0:
            remedy = "give a committed site capacity and speed"
            raise InputError("sites", "committed capacity on day 0", 0, "the load is relative to it", remedy)
        return self

    @model_validator(mode="after")
    def _work_adds_up(self) -> "Scenario":
        offered = self.offered()
        check_names(offered)
        check_shares(offered)
        return self

    @property
    def terms(self) -> tuple[ClassTerms, ...]:
        """All classes in the order of their numbers: those of jobs, then those of serving."""
        return (*self.classes, *self.serving)

    @property
    def located_terms(self) -> list[tuple[str, ClassTerms]]:
        """All classes, each with its key in the file."""
        jobs = [(f"classes[{index}]", cls) for index, cls in enumerate(self.classes)]
        return [*jobs, *((f"serving[{index}]", cls) for index, cls in enumerate(self.serving))]

    @property
    def silicons(self) -> tuple[str, ...]:
        """All kinds of silicon, in the order of their numbers."""
        return tuple(sorted({site.silicon for site in self.sites}))

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags of all providers, in the order of their bits."""
        return tuple(sorted({tag for provider in self.providers for tag in provider.tags}))

    def tag_mask(self, required: str) -> int:
        """A job's `tags` for one name of a class's portability."""
        return 0 if required == ANY else 1 << self.tags.index(required)

    @property
    def reference_capacity(self) -> Fraction:
        """Accelerators × speed that the load is relative to.

        Of the committed sites on day 0, where none is committed of all sites, unless the workload names another.
        """
        if self.workload.reference is not None:
            return Fraction(self.workload.reference.capacity)
        return sum((site.capacity * Fraction(site.speed) for site in self._reference_sites), Fraction(0))

    @property
    def reference_accelerators(self) -> int:
        """The accelerators of that capacity."""
        if self.workload.reference is not None:
            return self.workload.reference.accelerators
        return sum(site.capacity for site in self._reference_sites)

    @property
    def _reference_sites(self) -> tuple[Site, ...]:
        committed = {provider.name for provider in self.providers if provider.is_committed}
        return tuple(site for site in self.sites if site.provider in committed) or self.sites

    def offered(self, load: Decimal | None = None) -> Offered:
        """The work of day 0, at `load` or the scenario's own."""
        ratio = Fraction(self.workload.load if load is None else load)
        work, accelerators = ratio * self.reference_capacity, ratio * self.reference_accelerators
        return Offered(self.classes, self.pipelines, self.serving, work, accelerators)

    def jobs_per_hour(self, cls: ClassTerms, load: Decimal | None = None) -> Fraction:
        """Mean arrivals of a class on day 0, at `load` or the scenario's own; those of blocks a little too many."""
        return self.offered(load).jobs_per_hour(cls)

    @property
    def jobs_per_day(self) -> float:
        """Mean arrivals of all classes on day 0."""
        return float(24 * sum(self.jobs_per_hour(cls) for cls in self.terms))

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

    @property
    def is_random(self) -> bool:
        """Something in its supply is drawn: slips, recalls, spot capacity."""
        return is_random(self.providers, self.sites)

    def compile(self, first_period: int = 0, *, variants: int = 1, seed: int = 0) -> Spec:
        """The scenario as the kernel reads it; the contract period in which time 0 lies began at `first_period` [ms].

        What is random in its supply is drawn `variants` times, as variants 0, 1, 2 … of the seed; where nothing is,
        there is one variant.

        Raises InputError where an integer could overflow, for a `first_period` that is not in (−period, 0] or not in
        whole minutes, and for a seed outside [0, 2^63) or fewer than one variant.
        """
        if variants < 1 or not 0 <= seed < 1 << 63:
            what, value = ("variants", variants) if variants < 1 else ("seed", seed)
            raise InputError(self.name, what, value, "outside what can be drawn", "choose another")
        table = self._table(first_period, variants if self.is_random else 1, seed)
        if first_period % MINUTE or not -table.period < first_period <= 0:
            reason = f"not whole minutes in (-{table.period}, 0]"
            raise InputError(self.name, "first_period", first_period, reason, "correct it")
        most = prove(self.name, table, extent_of(self.episodes, self.workload, self.offered(self.largest_load)))
        return replace(table, most_present=most).pack()

    def _table(self, first_period: int, variants: int, seed: int) -> SpecTable:
        """The scenario in the units of the rules, before any proof."""
        classes = [cls.name for cls in self.terms]
        drawn = [Draws(seed, variant, self.span) for variant in range(variants)]
        supply = compiled(self.name, self.providers, self.sites, classes, self.tags, self.silicons, drawn)
        return SpecTable(
            sites=supply.sites,
            providers=supply.providers,
            classes=tuple(_class_table(cls) for cls in self.terms),
            first_period=first_period,
            pass_size=self.rules.pass_size,
            dispatch=self.rules.dispatch_code,
            backfill_depth=self.rules.backfill_depth,
            kill_overruns=self.rules.kill_overruns,
            variants=supply.variants,
            **self.rules.times,
        )


def _class_table(cls: ClassTerms) -> ClassTable:
    """A class's row. Blocks of serving have no checkpoints and are not preempted."""
    is_job = isinstance(cls, JobClass)
    return ClassTable(
        delay_rate=whole(cls.delay_cost_per_hour, "dollars"),
        checkpoint=whole(cls.checkpoint_minutes, "minutes") if is_job else 0,
        restart=whole(cls.restart_minutes, "minutes"),
        port=whole(cls.port_minutes, "minutes"),
        preemptible=is_job and cls.is_preemptible,
    )


def names() -> list[str]:
    """The scenarios that come with Tidegate."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name_or_path: str | Path) -> Scenario:
    """A scenario that comes with Tidegate, by name, or one of a TOML or JSON file.

    Raises InputError for an unknown name, an unreadable file, or a scenario that does not hold together.
    """
    return _parsed(path_of(name_or_path), str(name_or_path))


def path_of(name_or_path: str | Path) -> Path:
    """The file that a name or a path means, which need not be there. Raises InputError for an unknown name."""
    text = str(name_or_path)
    if text in names():
        return FOLDER / f"{text}.toml"
    path = Path(name_or_path)
    if path.suffix not in (".toml", ".json"):
        choices = f"use one of {', '.join(names())}, or a .toml file"
        raise InputError("scenario", "name", text, "there is none of this name", choices)
    return path


def base_of(name_or_path: str | Path) -> Path | None:
    """The file of the scenario that this one is based on; None where it stands alone.

    Raises InputError like `load`, of which it reads the first file only.
    """
    path, where = path_of(name_or_path), str(name_or_path)
    content = _content(path, where)
    if not isinstance(content, dict) or "base" not in content:
        return None
    return base_path(content["base"], path, where, FOLDER)


def _parsed(path: Path, where: str) -> Scenario:
    """The scenario in a file, on top of its base if it has one, called `where` in errors."""
    try:
        return Scenario.model_validate(inherited(path, where, Scenario, FOLDER, _content))
    except ValidationError as error:
        raise explained(error, where) from None


def _content(path: Path, where: str) -> Any:
    """What a file holds, called `where` in errors."""
    form, read = ("JSON", json.loads) if path.suffix == ".json" else ("TOML", tomllib.loads)
    try:
        # Decimal, so that 2.65 dollars are 2,650,000 µ$ and not a float beside it
        content = read(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(where, form, path.name, f"cannot be parsed: {error}", "correct the syntax") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(where, "file", path, f"cannot be read: {reason}", "correct the path or the file") from None
    return with_series(content, path.parent, where)
