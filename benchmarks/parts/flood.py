"""A client that sends questions at their times, however late answers come: latencies count from when each was due.

    python flood.py SOCKET RATE SECONDS CONNECTIONS NAME FILE

takes questions from the lines of a file, one after the other, each about a job of its own name, and prints statuses and
latencies as JSON. A question that is due while all connections wait is sent as soon as one is free,
and has been late since it was due.
"""

import asyncio
import json
import sys
import time
from collections import Counter, deque
from pathlib import Path


class Connection(asyncio.Protocol):
    """One connection: one question at a time."""

    def __init__(self, flood: "Flood") -> None:
        self.flood, self.due = flood, 0.0
        self.transport: asyncio.Transport | None = None
        self.left, self.buffer = 0, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It may ask."""
        self.transport = transport  # type: ignore[assignment]
        self.flood.free.append(self)

    def ask(self, due: float, body: bytes) -> None:
        """Send a question that was due at a time."""
        self.due = due
        assert self.transport is not None
        self.transport.write(b"POST /v1/route HTTP/1.1\r\nhost: r\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    def data_received(self, data: bytes) -> None:
        """Perhaps the rest of an answer."""
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return
        self.buffer = b""
        self.flood.answered(self, int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        """It is counted."""
        self.flood.lost += 1


class Flood:
    """All connections, and what came back."""

    def __init__(self, name: str, questions: list[str]) -> None:
        self.free, self.late = deque[Connection](), deque[float]()
        self.statuses, self.latencies, self.lost, self.sent = Counter(), list[tuple[int, float]](), 0, 0
        self.name, self.questions = name, questions

    def answered(self, connection: Connection, status: int) -> None:
        """Note it, and send what is late."""
        self.statuses[status] += 1
        self.latencies.append((status, time.perf_counter() - connection.due))
        if self.late:
            self.send(connection, self.late.popleft())
        else:
            self.free.append(connection)

    def send(self, connection: Connection, due: float) -> None:
        """One question, named in turn."""
        name = f"{self.name}{self.sent}"
        self.sent += 1
        question = self.questions[self.sent % len(self.questions)]
        connection.ask(due, question.replace("JOBNAME", name).encode())

    def due(self, at: float) -> None:
        """A question's time has come."""
        if self.free:
            self.send(self.free.popleft(), at)
        else:
            self.late.append(at)


async def main(path: str, rate: float, seconds: float, connections: int, name: str, questions: list[str]) -> None:
    flood, loop = Flood(name, questions), asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_unix_connection(lambda: Connection(flood), path)
    began, number, total = time.perf_counter() + 0.2, 0, int(rate * seconds)
    while number < total:
        now = time.perf_counter()
        while number < total and began + number / rate <= now:
            flood.due(began + number / rate)
            number += 1
        await asyncio.sleep(max(0.0, min(0.0005, began + number / rate - time.perf_counter())))
    end = time.perf_counter() + 5
    while sum(flood.statuses.values()) < total and time.perf_counter() < end:
        await asyncio.sleep(0.01)
    told = {"statuses": flood.statuses, "lost": flood.lost, "unanswered": total - sum(flood.statuses.values())}
    print(json.dumps(told | {"latencies": flood.latencies, "seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    try:
        import uvloop

        uvloop.install()
    except ModuleNotFoundError:
        pass
    socket, rate, seconds, connections, name, file = sys.argv[1:]
    asyncio.run(main(socket, float(rate), float(seconds), int(connections), name, Path(file).read_text().splitlines()))
