"""Slurm through slurmrestd on a unix socket: the same questions and orders as through its commands, for one cluster."""

import json
from collections.abc import Sequence

from .reading import rows
from .settings import Rest
from .wire import AwayError, call

VERSION = "/slurm/v0.0.38"


class RestBackend:
    """slurmrestd, of Slurm 22.05."""

    def __init__(self, rest: Rest, seconds: float) -> None:
        self._rest, self._seconds = rest, seconds

    def jobs(self, cluster: str) -> bytes:
        """All jobs."""
        return self._call("GET", "/jobs")

    def nodes(self, cluster: str) -> bytes:
        """All nodes."""
        return self._call("GET", "/nodes")

    def reservations(self, cluster: str) -> bytes:
        """All reservations."""
        return self._call("GET", "/reservations")

    def move(self, cluster: str, keys: Sequence[str], partition: str, to: str | None) -> str:
        """One order for each job."""
        return self._orders(keys, {"partition": partition})

    def release(self, cluster: str, keys: Sequence[str]) -> str:
        """Take holds away."""
        return self._orders(keys, {"hold": False})

    def gate(self, cluster: str, name: str) -> str:
        """The state of a partition; "" if there is none."""
        found = rows(self._call("GET", "/partitions"), "partitions")
        return next((str(one.get("state") or "") for one in found if one.get("name") == name), "")

    def _orders(self, keys: Sequence[str], change: dict[str, object]) -> str:
        complaints = []
        for key in keys:
            try:
                self._call("POST", f"/job/{key}", json.dumps(change).encode())
            except _RefusedError as refusal:
                complaints.append(f"{refusal} for job {key}")
        return "; ".join(complaints)

    def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Raises AwayError, and _RefusedError where Slurm answers with errors."""
        answer = call(self._rest.socket, method, VERSION + path, body, self._headers(), self._seconds)
        if method == "GET":
            if answer.status != 200:
                raise AwayError(f"slurmrestd: status {answer.status}")
            return answer.body
        refusal = _errors(answer.body) or ("" if answer.status == 200 else f"status {answer.status}")
        if refusal:
            raise _RefusedError(refusal)
        return answer.body

    def _headers(self) -> dict[str, str]:
        """Read anew each time: tokens are renewed."""
        found = {"Content-Type": "application/json", "X-SLURM-USER-NAME": self._rest.user}
        if self._rest.token_file is not None:
            try:
                found["X-SLURM-USER-TOKEN"] = self._rest.token_file.read_text(encoding="ascii").strip()
            except (OSError, UnicodeDecodeError):
                raise AwayError(f"the token, {self._rest.token_file}, cannot be read") from None
        return found


class _RefusedError(Exception):
    """Slurm did not do what it was told."""


def _errors(body: bytes) -> str:
    """What an answer complains of.

    An update of an array's task complains without a number though it was carried out (22.05): that is left to the
    next look.
    """
    try:
        found = json.loads(body).get("errors") or []
        return ", ".join(str(one.get("error") or one.get("description")) for one in found if one.get("error_number"))
    except (ValueError, AttributeError, RecursionError):
        return "an answer that is none"
