"""What a client is told where it gets no decision: a status, and `where: what, value, reason, remedy`."""

from ...fastsim.errors import InputError
from .cluster import BusyJobError, FullError, UnknownJobError

BAD_REQUEST, UNAUTHORIZED, NOT_FOUND, CONFLICT, TOO_LARGE, TOO_MANY, UNAVAILABLE = 400, 401, 404, 409, 413, 429, 503
STATUSES = (BAD_REQUEST, UNAUTHORIZED, NOT_FOUND, CONFLICT, TOO_LARGE, TOO_MANY, UNAVAILABLE)
STATUS_OF = {UnknownJobError: NOT_FOUND, BusyJobError: CONFLICT, FullError: UNAVAILABLE}


class Refusal(Exception):  # noqa: N818
    """An answer that is no decision."""

    def __init__(self, status: int, error: InputError) -> None:
        self.status, self.error = status, error
        super().__init__(str(error))

    @property
    def body(self) -> dict[str, dict[str, str]]:
        """As JSON."""
        error = self.error
        names = ("where", "what", "value", "reason", "remedy")
        return {"error": {name: str(getattr(error, name))[:400] for name in names}}


def refused(error: InputError) -> Refusal:
    """The refusal of bad input."""
    return Refusal(STATUS_OF.get(type(error), BAD_REQUEST), error)


def refusal(status: int, where: str, what: str, value: object, reason: str, remedy: str) -> Refusal:
    """A refusal in one line."""
    return Refusal(status, InputError(where, what, value, reason, remedy))
