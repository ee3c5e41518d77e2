"""The router, as its client sees it: a state is told, jobs are asked about, and every answer is checked."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .settings import Router
from .wire import Answer, AwayError, RefusedError, call

HOLD = "hold"
TOGETHER = 128  # jobs of one question


class Question(BaseModel):
    """A job that is asked about, by what the last state says of it."""

    model_config = ConfigDict(frozen=True)

    id: str
    attempt: Annotated[int, Field(ge=1)]


class Decision(BaseModel):
    """An answer. What else a router says of it is not needed here."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Annotated[str, Field(strict=True)]
    attempt: Annotated[int, Field(strict=True)]
    action: Annotated[str, Field(strict=True, max_length=64)]
    by: Annotated[str, Field(max_length=64)] = "router"
    why: Annotated[str, Field(max_length=4096)] = ""


class _Decisions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    decisions: list[Decision]


class RouterClient:
    """A router. Whatever is not a whole and valid answer in time is AwayError."""

    def __init__(self, router: Router, cluster: str, actions: Sequence[str]) -> None:
        self._router, self._cluster, self._actions = router, cluster, {*actions, HOLD}

    def tell(self, state: bytes, seconds: float) -> None:
        """Tell it how the cluster stands: a snapshot in JSON. Raises AwayError."""
        self._post("/v1/state", state, seconds)

    def ask(self, questions: Sequence[Question], seconds: float) -> list[Decision]:
        """An answer to each question, in their order. Raises AwayError."""
        body = {"cluster": self._cluster, "requests": [one.model_dump() for one in questions]}
        answer = self._post("/v1/route", json.dumps(body).encode(), seconds)
        try:
            found = _Decisions.model_validate_json(answer.body).decisions
        except ValidationError:
            raise AwayError("router: what it answers is no list of decisions") from None
        if [(one.id, one.attempt) for one in found] != [(one.id, one.attempt) for one in questions]:
            raise AwayError("router: it answers other questions than it was asked")
        strange = next((one.action for one in found if one.action not in self._actions), None)
        if strange is not None:
            raise AwayError(f"router: it answers {strange!r}, which is no site")
        return found

    def is_ready(self, seconds: float) -> bool:
        """It has a policy and a state. Raises AwayError where nobody is there."""
        return self._call("GET", "/v2/health/ready", None, seconds).status == 200

    def _post(self, path: str, body: bytes, seconds: float) -> Answer:
        answer = self._call("POST", path, body, seconds)
        if answer.status == 200:
            return answer
        is_refusal = 400 <= answer.status < 500 and answer.status != 429
        raise (RefusedError if is_refusal else AwayError)(f"router: {path}, {_complaint(answer)}")

    def _call(self, method: str, path: str, body: bytes | None, seconds: float) -> Answer:
        place = self._router.socket if self._router.socket is not None else self._router.port
        assert place is not None  # one of the two is given
        try:
            return call(place, method, path, body, self._headers(), min(seconds, self._router.timeout_seconds))
        except AwayError as error:
            raise AwayError(f"router: {error}") from None

    def _headers(self) -> dict[str, str]:
        found = {"Content-Type": "application/json"}
        if self._router.token_file is not None:
            try:
                token = self._router.token_file.read_text(encoding="ascii").strip()
            except (OSError, UnicodeDecodeError):
                raise AwayError(f"the token, {self._router.token_file}, cannot be read") from None
            found["Authorization"] = f"Bearer {token}"
        return found


def _complaint(answer: Answer) -> str:
    """What a router says of what it refuses, on one line."""
    told: Any = None
    try:
        told = json.loads(answer.body)["error"]
        return ", ".join(str(told[key]) for key in ("where", "what", "value", "reason"))[:500]
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"status {answer.status}"
