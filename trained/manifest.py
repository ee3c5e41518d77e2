"""The manifest of a bundle: what the policy is, where it comes from, and the hashes that hold it together.

A manifest is one JSON text in one canonical form (sorted keys, one space of indentation, ASCII) that names its own
digest, so that any changed bit shows. Whoever rewrites the digest too is found out by those who noted it before.
"""

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..fastsim.errors import InputError
from ..fastsim.layout import Layout

FORMAT = 1
ACTION_RULE = "the largest logit, the lowest index among equals; the last action is hold"
MASK_RULE = "an illegal action has logit -1e8; a mask without a legal action is refused"
REMEDY = "export the policy again, or ask whoever made the bundle"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.(onnx|json|md)$")]
Names = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=64)], ...], Field(min_length=1, max_length=256)]


class Part(BaseModel):
    """What all parts of a manifest share."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class File(Part):
    """One file of the bundle."""

    sha256: Sha256
    bytes: int = Field(ge=0)


class Observation(Part):
    """The names of the numbers of an observation, block by block, and the number of sites the policy was trained on."""

    job: Names
    clock: Names
    site: Names
    sites: int = Field(ge=1, le=8)

    @property
    def layout(self) -> Layout:
        """Lengths of the blocks."""
        return Layout(len(self.job), len(self.clock), len(self.site), self.sites)

    @property
    def schema_hash(self) -> str:
        """SHA-256 of the feature names: two policies with equal hashes read the same observation."""
        names = json.dumps([self.job, self.clock, self.site], separators=(",", ":"))
        return hashlib.sha256(names.encode()).hexdigest()


class Network(Part):
    """The network that the graph holds."""

    kind: Literal["site_scorer"] = "site_scorer"
    width: int = Field(ge=1, le=1024)


class TrainedOn(Part):
    """The scenario of the training run, whole."""

    name: str
    digest: str
    scenario: dict[str, Any]


def described(scenario: Any) -> dict[str, Any]:
    """What a run and a bundle keep of a scenario: the fields of `TrainedOn`."""
    return {"name": scenario.name, "digest": scenario.digest(), "scenario": json.loads(scenario.model_dump_json())}


class Named(Part):
    """A scenario, by its name and the digest of its content."""

    name: str
    digest: str


class Golden(Part):
    """Observations with the answers that the policy gave when it was exported."""

    observations: tuple[tuple[float, ...], ...] = Field(min_length=1, max_length=256)
    masks: tuple[tuple[bool, ...], ...]
    logits: tuple[tuple[float, ...], ...]
    actions: tuple[int, ...]


class Manifest(Part):
    """Everything that is known of a bundle."""

    format: Literal[1] = FORMAT
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")
    created: str | None = None
    files: dict[FileName, File]
    observation: Observation
    observation_schema: Sha256
    network: Network
    action_rule: Literal["the largest logit, the lowest index among equals; the last action is hold"] = ACTION_RULE
    mask_rule: Literal["an illegal action has logit -1e8; a mask without a legal action is refused"] = MASK_RULE
    scenario: TrainedOn
    others: tuple[Named, ...] = ()  # scenarios of the same training
    training: dict[str, Any]
    versions: dict[str, str]
    golden: Golden
    fallback: str = Field(min_length=1, max_length=64)
    digest: str = ""  # SHA-256 of the canonical text of everything else

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if self.observation_schema != self.observation.schema_hash:
            raise ValueError("observation_schema is not the hash of the feature names")
        layout, golden = self.observation.layout, self.golden
        if not len(golden.observations) == len(golden.masks) == len(golden.logits) == len(golden.actions):
            raise ValueError("golden vectors are not equally many")
        widths = {len(row) for row in golden.observations}, {len(row) for row in (*golden.masks, *golden.logits)}
        if widths != ({layout.size}, {layout.actions}):
            raise ValueError(f"golden vectors do not fit the layout {layout}")
        return self

    def body_digest(self) -> str:
        """SHA-256 of the canonical text without the digest."""
        return hashlib.sha256(_canonical(self.model_dump(mode="json", exclude={"digest"}))).hexdigest()

    def sealed(self) -> Self:
        """The same manifest with its digest."""
        return self.model_copy(update={"digest": self.body_digest()})

    def rendered(self) -> bytes:
        """The one canonical text of this manifest."""
        return _canonical(self.model_dump(mode="json"))


def parse(content: bytes, where: str) -> Manifest:
    """A manifest from outside.

    Raises InputError for anything but the canonical text of a sound manifest.
    """
    try:
        json.loads(content, object_pairs_hook=_unique, parse_constant=_refuse)
        manifest = Manifest.model_validate_json(content)
        rendered = manifest.rendered()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "manifest"
        raise InputError(where, place, str(first["input"])[:80], first["msg"], REMEDY) from error
    except (ValueError, RecursionError) as error:
        raise InputError(where, "manifest", f"{len(content)} bytes", str(error)[:200], REMEDY) from error
    if rendered != content or manifest.digest != manifest.body_digest():
        raise InputError(
            where, "manifest", manifest.digest[:64], "is not its digest or not its form: it was changed", REMEDY
        )
    return manifest


def _canonical(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!r} stands twice")
    return dict(pairs)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number")
