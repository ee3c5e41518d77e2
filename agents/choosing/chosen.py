"""The file that says which policy a scenario gets, and on what evidence: NAME.chosen.json beside the scenario.

It names the scenario's digest, and that of the policy's knobs: a choice that was made for another world, or of a policy
that has changed since, is refused.
"""

import hashlib
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...envs.explain import explained
from ...envs.scenario import Scenario, path_of
from ...fastsim.agent import Agent
from ...fastsim.errors import InputError

SUFFIX = ".chosen.json"


class Part(BaseModel):
    """What all parts of the file share."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Settings(Part):
    """What a choice depends on, besides the scenario, the candidates and the version."""

    episodes: int = Field(ge=1)  # of the race, and as many fresh ones of the confirmation
    seed: int = Field(ge=0)
    longer_waits: float = Field(ge=0)  # by what share the 95th percentile of waits may grow


class Stand(Part):
    """What one policy came to in the last round of the race that it took part in."""

    episodes: int
    cost: float | None  # avoidable, dollars per week; None: more waited than the world can hold
    wait_p95_hours: float | None  # None: no job of the cohort
    saved: float | None  # share of the incumbent's cost on the same episodes


class Proof(Part):
    """The winner beside the incumbent, on the fresh episodes: shares of the incumbent's cost, a 95 % interval."""

    policy: str
    saved: float
    low: float | None  # None: too few stretches or weeks for an interval
    high: float | None
    cost: float  # dollars per week
    cost_of_incumbent: float
    wait_p95_hours: float | None
    wait_p95_hours_of_incumbent: float | None
    blocks: int  # stretches, or weeks of a trace, that were resampled


class Chosen(Part):
    """A choice."""

    format: int = Field(default=1, ge=1, le=1)
    scenario: str
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    trace: str | None  # None: drawn work
    load: float | None
    version: str  # of Tidegate
    settings: Settings
    incumbent: str
    race: dict[str, Stand]  # the incumbent first
    proof: Proof | None  # None: nobody beat the incumbent in the race
    policy: str  # the choice
    knobs_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")  # of its knobs
    reason: str  # why it is this one

    @classmethod
    def read(cls, path: Path) -> Self:
        """The file at `path`. Raises InputError where it is none."""
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise InputError("choice", "file", path, f"cannot be read: {reason}", "run tidegate choose") from None
        except ValidationError as error:
            raise explained(error, str(path)) from None

    def check(self, path: Path, scenario: Scenario, agent: Agent) -> None:
        """Refuse a choice for another world, or of a policy that is no longer what it was."""
        remedy = f"choose again: tidegate choose {scenario.name}"
        if self.digest != scenario.digest():
            reason = f"it was made for another scenario than {scenario.name} now is, {scenario.digest()[:16]}"
            raise InputError(str(path), "digest", self.digest[:16], reason, remedy)
        if (found := knobs_digest(agent)) != self.knobs_sha256:
            reason = f"are no longer those that were chosen: {found[:16]} instead of {self.knobs_sha256[:16]}"
            raise InputError(str(path), "knobs", self.policy, reason, remedy)

    @property
    def note(self) -> str:
        """What a reader of its figures must know."""
        work = "drawn work" if self.trace is None else self.trace
        at = "" if self.load is None else f" at load {self.load:g}"
        return f"chosen is {self.policy}, on {work}{at}, seed {self.settings.seed}: {self.reason}"


def place_of(name_or_path: str | Path) -> Path:
    """Where the choice for a scenario lies: beside its file."""
    return path_of(name_or_path).with_suffix(SUFFIX)


def knobs_digest(agent: Agent) -> str:
    """SHA-256 of an agent's knobs, to the last bit."""
    return hashlib.sha256(agent.knobs.tobytes()).hexdigest()
