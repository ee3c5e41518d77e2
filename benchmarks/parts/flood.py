"""A client that sends questions at their times, however late answers come: latencies count from when each was due.

    python flood.py SOCKET RATE SECONDS CONNECTIONS NAME FILE

takes questions from the lines of a file, one after the other, each about a job of its own name, and prints statuses and
latencies as JSON. A question that is due while all connections wait is sent as soon as one is free, and has been late
since it was due. How late the client itself was, where a connection was free, is told too.

It runs beside what it measures, on the same cores: what it sends is made before it begins, it collects no garbage, and
it sleeps until a question is due or an answer there, to some tens of microseconds (a loop of events, which counts in
milliseconds, would spin, and take a core from the router).
"""

import gc
import json
import select
import socket
import sys
import time
from collections import Counter, deque
from pathlib import Path

PATIENCE = 30.0  # s after the last question: what is due while all connections wait must still be sent
HEAD = b"POST /v1/route HTTP/1.1\r\nhost: r\r\ncontent-length: %d\r\n\r\n"


class Flood:
    """All connections, and what came back."""

    def __init__(self, path: str, connections: int, bodies: list[bytes]) -> None:
        self.bodies, self.sent = bodies, 0
        self.poller, self.sockets = select.epoll(), dict[int, socket.socket]()
        for _ in range(connections):
            found = socket.socket(socket.AF_UNIX)
            found.connect(path)
            self.sockets[found.fileno()] = found
            self.poller.register(found, select.EPOLLIN)
        self.free, self.late = deque(self.sockets), deque[float]()
        self.due_of, self.buffers = dict.fromkeys(self.sockets, 0.0), dict.fromkeys(self.sockets, b"")
        self.latencies, self.lags = list[tuple[int, float]](), list[float]()

    def play(self, rate: float) -> float:
        """Ask everything, and wait for the answers; the seconds that it took."""
        began, number, total = time.perf_counter() + 0.2, 0, len(self.bodies)
        end = began + total / rate + PATIENCE
        while len(self.latencies) < total and (now := time.perf_counter()) < end:
            while number < total and began + number / rate <= now:
                self.due(began + number / rate)
                number += 1
            until = began + number / rate if number < total else end
            ready, _, _ = select.select([self.poller], [], [], max(0.0, until - time.perf_counter()))
            for file, _ in self.poller.poll(0) if ready else ():
                self.receive(file)
        return time.perf_counter() - began

    def due(self, at: float) -> None:
        """A question's time has come."""
        if self.free:
            self.lags.append(time.perf_counter() - at)
            self.send(self.free.popleft(), at)
        else:
            self.late.append(at)

    def send(self, file: int, due: float) -> None:
        """The next question."""
        self.due_of[file] = due
        self.sockets[file].sendall(self.bodies[self.sent])
        self.sent += 1

    def receive(self, file: int) -> None:
        """Perhaps the rest of an answer; the connection then takes what is late, if anything is."""
        part = self.sockets[file].recv(65_536)
        if not part:
            self.poller.unregister(file)
            return
        found = self.buffers[file] + part
        head, _, body = found.partition(b"\r\n\r\n")
        size = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not size or len(body) < int(size):
            self.buffers[file] = found
            return
        self.buffers[file] = b""
        self.latencies.append((int(head[9:12]), time.perf_counter() - self.due_of[file]))
        if self.late:
            self.send(file, self.late.popleft())
        else:
            self.free.append(file)


def main(path: str, rate: float, seconds: float, connections: int, name: str, questions: list[str]) -> None:
    total = int(rate * seconds)
    bodies = [questions[at % len(questions)].replace("JOBNAME", f"{name}{at}").encode() for at in range(total)]
    flood = Flood(path, connections, [HEAD % len(body) + body for body in bodies])
    gc.disable()
    passed = flood.play(rate)
    statuses = Counter(status for status, _ in flood.latencies)
    told = {"statuses": statuses, "unanswered": len(bodies) - len(flood.latencies), "seconds": passed}
    print(json.dumps(told | {"latencies": flood.latencies, "lags": flood.lags}))


if __name__ == "__main__":
    path, rate, seconds, connections, name, file = sys.argv[1:]
    main(path, float(rate), float(seconds), int(connections), name, Path(file).read_text().splitlines())
