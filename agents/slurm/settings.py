"""The configuration of `tidegate slurm`: one TOML file, checked and frozen.

Nothing here needs NumPy: the watchdog reads the same file, and has to start where little else works.
"""

import tomllib
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ...envs.explain import explained
from ...fastsim.errors import InputError

HOME = "local"  # the cluster of sites that name none
Slurm = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=64)]  # a name within Slurm
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]  # a name within a scenario
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
By = Literal["qos", "account", "wckey", "comment", "user_name"]


class Table(BaseModel):
    """A table of the file: frozen, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Router(Table):
    """Where `tidegate serve` listens: a unix socket, or a port of this machine with a token."""

    socket: Path | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None  # on 127.0.0.1
    token_file: Path | None = None  # of the port
    timeout_seconds: Seconds = 5.0  # for a whole answer

    @model_validator(mode="after")
    def _is_one_place(self) -> "Router":
        if (self.socket is None) == (self.port is None):
            value = "absent" if self.socket is None else "given twice"
            raise InputError("socket", "address", value, "a router is at one place", "give a socket or a port")
        return self


class Rest(Table):
    """slurmrestd, the other way to speak with Slurm."""

    socket: Path
    user: str = "root"
    token_file: Path | None = None  # holds a JSON web token; none: the socket's peer is who asks (rest_auth/local)


class Gate(Table):
    """The partition in which jobs wait for the router. Its state is DOWN: Slurm starts nothing there."""

    partition: Slurm = "gate"
    marker: Annotated[str, Field(min_length=1, max_length=64)] = (
        "tidegate"  # a job that is held is the router's, too, where its comment has this word
    )


class Cluster(Table):
    """A cluster of its own, with its own slurmctld."""

    conf: Path | None = None  # its slurm.conf; none: that of the machine


class Place(Table):
    """Where a site of the scenario is in Slurm."""

    name: Name
    partition: Slurm
    cluster: Slurm = HOME
    accelerators_per_node: Annotated[int, Field(ge=1, le=1024)] | None = None  # where nodes declare none
    price_per_hour: Annotated[Decimal, Field(ge=0, decimal_places=6, max_digits=15)] | None = None  # scenario's if none


class ClassRule(Table):
    """How a job's class is found: a field of the job, and a table of its values."""

    by: By = "qos"
    default: Name  # of jobs whose value is not in the table
    table: dict[str, Name] = Field(default_factory=dict)


class PriorityRule(Table):
    """How a job's priority is found; that of its class where the table does not say."""

    by: By = "qos"
    table: dict[str, Annotated[int, Field(ge=0, le=7)]] = Field(default_factory=dict)


class TagRule(Table):
    """How it is found what a job's provider must have; nothing where the table does not say."""

    by: By = "account"
    table: dict[str, tuple[Name, ...]] = Field(default_factory=dict)


class Settings(Table):
    """All of the file."""

    scenario: str  # what describes the cluster: a name, or a file, seen from this one
    cluster: Annotated[str, Field(min_length=1, max_length=64)] | None = None  # its name at the router
    origin: datetime  # the scenario's time 0: a Monday, 00:00, with its offset from UTC
    default_site: Name  # where jobs go when nobody answers
    watchdog_seconds: Seconds = 30.0  # no job waits longer for an answer
    poll_seconds: Seconds = 2.0  # between two looks
    command_seconds: Seconds = 10.0  # after which a command of Slurm counts as failed
    state: Path  # file in which the daemon keeps what it has decided
    gres: Slurm = "gpu"  # the generic resource that is an accelerator
    router: Router
    rest: Rest | None = None  # speak with slurmrestd instead of squeue, sinfo and scontrol
    gate: Gate = Gate()
    clusters: dict[Slurm, Cluster] = Field(default_factory=lambda: {HOME: Cluster()})
    sites: Annotated[tuple[Place, ...], Field(min_length=1, max_length=8)]
    job_class: ClassRule
    priority: PriorityRule = PriorityRule()
    tags: TagRule = TagRule()

    @model_validator(mode="after")
    def _begins_on_a_monday(self) -> "Settings":
        at = self.origin
        if at.tzinfo is None or at.weekday() or (at.hour, at.minute, at.second, at.microsecond) != (0, 0, 0, 0):
            reason, remedy = "not a Monday, 00:00, with an offset", "write it like 2026-11-30T00:00:00+01:00"
            raise InputError("origin", "time", at.isoformat(), reason, remedy)
        return self

    @model_validator(mode="after")
    def _names_its_sites_once(self) -> "Settings":
        names = [site.name for site in self.sites]
        places = [(site.cluster, site.partition) for site in self.sites]
        for index, site in enumerate(self.sites):
            where = f"sites[{index}]"
            if site.name in names[:index]:
                raise InputError(f"{where}.name", "name", site.name, "given twice", "name every site once")
            if places[index] in places[:index]:
                raise InputError(f"{where}.partition", "partition", site.partition, "given twice", "one for each site")
            if site.partition == self.gate.partition:
                remedy = "give the gate a partition of its own"
                raise InputError(f"{where}.partition", "partition", site.partition, "is the gate's", remedy)
            if site.cluster not in self.clusters:
                choices = f"use one of {', '.join(self.clusters)}"
                raise InputError(f"{where}.cluster", "cluster", site.cluster, "there is none of this name", choices)
        if self.default_site not in names:
            choices = f"use one of {', '.join(names)}"
            raise InputError("default_site", "site", self.default_site, "there is none of this name", choices)
        return self

    @model_validator(mode="after")
    def _speaks_with_one_rest(self) -> "Settings":
        if self.rest is not None and len(self.clusters) > 1:
            remedy = "leave `rest` out: only scontrol moves jobs between clusters"
            raise InputError("rest", "clusters", len(self.clusters), "slurmrestd speaks for one", remedy)
        return self

    @property
    def default(self) -> Place:
        """The default site."""
        return self.place(self.default_site)

    @property
    def home(self) -> str:
        """The cluster of the default site: jobs wait in its gate."""
        return self.default.cluster

    @property
    def is_federation(self) -> bool:
        """Sites are of several clusters."""
        return len(self.clusters) > 1

    def place(self, site: str) -> Place:
        """Where a site is."""
        return next(place for place in self.sites if place.name == site)


def read_settings(path: Path) -> Settings:
    """The configuration in a file. Raises InputError where it cannot be read, or does not hold together."""
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(str(path), "TOML", path.name, f"cannot be parsed: {error}", "correct the syntax") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(str(path), "file", path, f"cannot be read: {reason}", "correct the path or the file") from None
    try:
        return _beside(path, Settings.model_validate(content))
    except ValidationError as error:
        raise explained(error, str(path)) from None


def _beside(path: Path, settings: Settings) -> Settings:
    """A scenario's file is sought beside this one; its name stays as it is."""
    if not settings.scenario.endswith((".toml", ".json")):
        return settings
    return settings.model_copy(update={"scenario": str(path.parent / settings.scenario)})
