"""HTTP in which an answer leaves in one piece.

Uvicorn writes head and body one after the other, and each of the two would go at once: whoever waits for the answer is
woken for a head without a body, and takes a core for it that the router may need.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD = b"HTTP/1."


class Protocol(HttpToolsProtocol):
    """Uvicorn's protocol, over a transport that holds heads back."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A client has come."""
        super().connection_made(cast(asyncio.Transport, Whole(transport, self.loop)))


class Whole:
    """A transport: a head waits for the body, which is written before the loop does anything else, if there is one."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop, self._head = transport, loop, b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, part: bytes) -> None:
        """Write it, with what waits; a head waits."""
        if part.startswith(HEAD) and not self._head:
            self._head = part
            self._loop.call_soon(self._flush)
        else:
            head, self._head = self._head, b""
            self._transport.write(head + part)

    def close(self) -> None:
        """Close when all is written."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            self.write(b"")
