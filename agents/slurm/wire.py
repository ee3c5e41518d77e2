"""HTTP over a unix socket or a port of this machine, with one deadline for a whole exchange and a bound on its size."""

import http.client
import socket
import threading
from pathlib import Path
from typing import NamedTuple

MOST = 64 << 20  # bytes of an answer


class AwayError(Exception):
    """The other side does not answer, or says that it cannot now: nothing is known, and later may be better."""


class RefusedError(AwayError):
    """The other side answers that it will not: of several questions one may be the reason."""


class Answer(NamedTuple):
    """A status, and what came with it."""

    status: int
    body: bytes


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def call(
    place: Path | int,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    seconds: float = 5.0,
) -> Answer:
    """One exchange with a socket's path or a port of this machine. Raises AwayError."""
    made = (
        _UnixConnection(place, seconds)
        if isinstance(place, Path)
        else http.client.HTTPConnection("127.0.0.1", place, timeout=seconds)
    )
    late = threading.Event()
    alarm = threading.Timer(seconds, _cut, (made, late))  # a timeout of the socket's counts from byte to byte
    alarm.daemon = True
    alarm.start()
    try:
        made.request(method, path, body, headers or {})
        answer = made.getresponse()
        content = answer.read(MOST + 1)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = f"no answer within {seconds:g} s" if late.is_set() or isinstance(error, TimeoutError) else _told(error)
        raise AwayError(reason) from None
    finally:
        alarm.cancel()
        made.close()
    if late.is_set():
        raise AwayError(f"no answer within {seconds:g} s")
    if len(content) > MOST:
        raise AwayError(f"an answer of more than {MOST:,} bytes")
    if answer.length:
        raise AwayError("an answer that is cut short")
    return Answer(answer.status, content)


def _told(error: Exception) -> str:
    return getattr(error, "strerror", None) or f"{type(error).__name__} {error}".strip()


def _cut(made: http.client.HTTPConnection, late: threading.Event) -> None:
    """The time is over: whoever reads from the socket sees its end."""
    late.set()
    opened = made.sock
    if opened is not None:
        try:
            opened.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it had ended already
