"""What is usually written instead: gang FCFS and EASY in plain Python, driven by a heap of events or by SimPy.

Both share `Queue`; they keep no accounts, offer nothing and observe nothing. Jobs are tuples (arrival, gang, walltime,
requested), in ms; what comes back are their starts.
"""

import heapq
from bisect import bisect_left, insort
from typing import Any

import simpy

Job = tuple[int, int, int, int]
AFTER_EVENTS = 2  # SimPy's priority: behind all completions (1) and arrivals (1) of the same instant


class Queue:
    """One site: who waits, who runs, and what may start."""

    def __init__(self, capacity: int, jobs: list[Job], is_easy: bool) -> None:
        self.free, self.jobs, self.is_easy = capacity, jobs, is_easy
        self.waiting: list[int] = []
        self.ends: list[tuple[int, int]] = []  # requested end and number of each running job, ascending
        self.started = [0] * len(jobs)

    def start(self, job: int, now: int) -> None:
        """A waiting job begins to run."""
        self.free -= self.jobs[job][1]
        self.started[job] = now
        insort(self.ends, (now + self.jobs[job][3], job))

    def finish(self, job: int) -> None:
        """A running job is done."""
        self.free += self.jobs[job][1]
        del self.ends[bisect_left(self.ends, (self.started[job] + self.jobs[job][3], job))]

    def dispatch(self, now: int) -> list[int]:
        """Start what may start now; returns it."""
        begun = 0
        while begun < len(self.waiting) and self.jobs[self.waiting[begun]][1] <= self.free:
            self.start(self.waiting[begun], now)
            begun += 1
        chosen, self.waiting = self.waiting[:begun], self.waiting[begun:]
        return chosen + self.backfill(now) if self.is_easy and len(self.waiting) > 1 and self.free else chosen

    def backfill(self, now: int) -> list[int]:
        """Later jobs that leave the blocked head's reservation whole."""
        shadow, spare = self.reservation(now)
        chosen = []
        for job in self.waiting[1:]:
            _, gang, _, requested = self.jobs[job]
            if gang > self.free or (now + requested > shadow and gang > spare):
                continue
            if now + requested > shadow:
                spare -= gang
            self.start(job, now)
            chosen.append(job)
            if not self.free:
                break
        if chosen:
            gone = set(chosen)
            self.waiting = [job for job in self.waiting if job not in gone]
        return chosen

    def reservation(self, now: int) -> tuple[int, int]:
        """When the head will fit by requested ends (an overrun job counts as ending now), and what is to spare then."""
        free, need, shadow = self.free, self.jobs[self.waiting[0]][1], -1
        for end, job in self.ends:
            if shadow >= 0 and end > shadow:
                break
            free += self.jobs[job][1]
            if shadow < 0 and free >= need:
                shadow = max(end, now)
        return shadow, free - need


def by_heap(jobs: list[Job], capacity: int, is_easy: bool) -> list[int]:
    """Starts, by a loop over a heap of completions."""
    queue = Queue(capacity, jobs, is_easy)
    finishes: list[tuple[int, int]] = []
    arrived = 0
    while finishes or arrived < len(jobs):
        now = finishes[0][0] if finishes else jobs[arrived][0]
        if arrived < len(jobs):
            now = min(now, jobs[arrived][0])
        while finishes and finishes[0][0] == now:
            queue.finish(heapq.heappop(finishes)[1])
        while arrived < len(jobs) and jobs[arrived][0] == now:
            queue.waiting.append(arrived)
            arrived += 1
        for job in queue.dispatch(now):
            heapq.heappush(finishes, (now + jobs[job][2], job))
    return queue.started


def by_simpy(jobs: list[Job], capacity: int, is_easy: bool) -> list[int]:
    """Starts, by SimPy: a process that submits, a timeout for each run, one dispatch an instant behind both."""
    env, queue = simpy.Environment(), Queue(capacity, jobs, is_easy)
    pending = False

    def dispatch(_: simpy.Event) -> None:
        nonlocal pending
        pending = False
        for job in queue.dispatch(int(env.now)):
            done = env.timeout(jobs[job][2], job)
            done.callbacks.append(finish)

    def later() -> None:
        nonlocal pending
        if not pending:
            pending = True
            event = env.event()
            event._ok, event._value = True, None
            event.callbacks.append(dispatch)
            env.schedule(event, priority=AFTER_EVENTS)  # pyright: ignore[reportArgumentType]

    def finish(event: Any) -> None:
        queue.finish(event.value)
        later()

    def submit():
        for number, job in enumerate(jobs):
            if job[0] > env.now:
                yield env.timeout(job[0] - env.now)
            queue.waiting.append(number)
            later()

    env.process(submit())
    env.run()
    return queue.started
