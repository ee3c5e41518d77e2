"""What a router is asked: which jobs of a cluster, each for the how-manieth time."""

from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from ...envs.explain import explained
from ...envs.quantities import Part, Whole
from ...envs.snapshot import Id, JobNow
from ...fastsim.errors import InputError

MOST_REQUESTS = 256  # at once


class Request(Part):
    """One job that is asked about."""

    id: Id
    attempt: Annotated[Whole, Field(ge=1, le=1 << 40)] = 1  # the same attempt has the same answer for ever
    job: JobNow | None = None  # what it is; may be left out where the last state has it

    @model_validator(mode="after")
    def _is_that_job(self) -> "Request":
        if self.job is not None and self.job.id != self.id:
            raise InputError("job.id", "id", self.job.id, f"is not {self.id}, which is asked about", "name one job")
        if self.job is not None and self.job.status in ("starting", "running", "blocked"):
            raise InputError("job.status", "status", self.job.status, "cannot be placed", "ask about jobs that wait")
        return self


class Route(Part):
    """A question: about several jobs at one instant, each of which sees what becomes of those before it."""

    cluster: Annotated[str, Field(min_length=1, max_length=64, strict=True)]
    requests: Annotated[tuple[Request, ...], Field(min_length=1, max_length=MOST_REQUESTS)]

    @model_validator(mode="after")
    def _names_each_once(self) -> "Route":
        ids = [one.id for one in self.requests]
        for index, name in enumerate(ids):
            if name in ids[:index]:
                raise InputError(f"requests[{index}].id", "id", name, "is given twice", "ask about every job once")
        return self


def parsed(content: bytes) -> Route:
    """The question in some JSON. Raises InputError."""
    try:
        return Route.model_validate_json(content)
    except ValidationError as error:
        raise explained(error, "request") from None


def written(request: Request) -> str:
    """A request as the log has it, in JSON: two that name one attempt must agree in it."""
    return request.model_dump_json(exclude_defaults=True)
