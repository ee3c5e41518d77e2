"""Where each job is (rules.md, sections 4 to 6 and 8): it goes only where it may go next, and takes nobody's room."""

from typing import Any

import numpy as np

from tidegate.fastsim import log
from tidegate.fastsim.jit import entry, kernel
from tidegate.fastsim.spec import MAX_SITES, NO, PRIORITIES, Jobs, Spec

BROKEN = (
    *("", "more accelerators than there are", "fewer than none", "the job is in no state for this", "a wrong number"),
    *("not at this site", "not offered when it had to be", "offered too soon", "a family that was not told"),
    *("taken away without need", "not at this time", "a deadline or an end that was passed over"),
)
FINE, TOO_MANY, TOO_FEW, STATE, NUMBER, PLACE, FORGOTTEN, TOO_SOON, FAMILY, NEEDLESS = range(10)
TIME, OVERDUE = range(10, 12)
FAULTS = (
    *("evicted while running", "evicted while starting", "failure", "failure of serving", "preempted", "denied"),
    *("granted", "killed", "cancelled by its user", "cancelled with its pipeline", "cancelled on arrival"),
    *("written off", "deadline missed", "expired in a queue", "expired while starting", "expired while held"),
    *("child ready", "action replaced", "moved", "held", "whole cubes", "job of a millisecond", "oversized job"),
    "offered",
)
EVICTED, EVICTED_STARTING, FAILED, SERVING_FAILED, PREEMPTED, DENIED, GRANTED, KILLED = range(8)
CANCELLED, CANCELLED_TOO, ORPHANED, WRITTEN, MISSED, EXPIRED, EXPIRED_STARTING = range(8, 15)
EXPIRED_HELD, TOLD, REPLACED, MOVED, HELD_BACK, CUBES, SHORTEST, OVERSIZED, OFFERED = range(15, 24)

UNBORN, DOOMED, PENDING, UNPLACED, HELD, QUEUED, STARTING, RUNNING, FINISHED, GONE = range(10)

BOOK = np.dtype(
    [
        *(
            (name, "i8")
            for name in ("now", "next_job", "unplaced", "has_loss", "is_losing", "due_ready", "due_cancel", "last_told")
        ),
        *((name, "i8", (MAX_SITES,)) for name in ("capacity", "occupied", "running")),
        ("waiting_here", "i8", (MAX_SITES, PRIORITIES)),  # jobs that are queued
        ("here", "i8", (MAX_SITES, PRIORITIES)),  # jobs that run or start
        ("faults", "i8", (len(FAULTS),)),
    ],
    align=True,
)
TRACK = np.dtype(
    [
        (name, "i8")
        for name in ("state", "site", "accelerators", "offered", "start", "requests", "missing", "has_missed")
    ],
    align=True,
)


def new_book(spec: Spec) -> Any:
    """The book (1,) at time 0."""
    book = np.zeros(1, BOOK).view(np.recarray)
    book.capacity[0] = spec.rules[0].first_capacity
    return book


def new_tracks(jobs: Jobs) -> Any:
    """What is known of each job (jobs,)."""
    return np.zeros(len(jobs), TRACK).view(np.recarray)


@entry()
def read(spec: Spec, jobs: Jobs, book: Any, tracks: Any, rows: np.ndarray) -> tuple[int, int]:
    """Read rows (n, 5): the number of the first bad one and what is broken, or (n, FINE)."""
    for row in range(rows.shape[0]):
        time, kind, subject, place, value = rows[row, 0], rows[row, 1], rows[row, 2], rows[row, 3], rows[row, 4]
        broken = FINE
        if time > book[0].now:
            broken = pass_time(book[0], time)
        if broken == FINE and kind == log.CAPACITY:
            book[0].has_loss |= 1 if value < book[0].capacity[place] else 0
            book[0].is_losing = 1
            book[0].capacity[place] = value
        elif broken == FINE and subject >= 0 and kind != log.POST:
            book[0].is_losing = 1 if kind == log.EVICT else 0
            broken = follow(spec, jobs, book[0], tracks, kind, subject, place, value)
        if broken == FINE:
            broken = count(spec, book[0])
        if broken != FINE:
            return row, broken
    return rows.shape[0], FINE


@kernel
def count(spec: Spec, book: Any) -> int:
    """Accelerators are not fewer than none, and not more than there are once a loss is through."""
    for site in range(spec.rules[0].sites):
        if book.running[site] < 0 or book.occupied[site] < book.running[site]:
            return TOO_FEW
        if book.occupied[site] > book.capacity[site] and book.is_losing == 0:
            return TOO_MANY
    return FINE


@kernel
def pass_time(book: Any, time: int) -> int:
    """An instant is over, and nothing of it is left open."""
    book.now, book.has_loss, book.is_losing = time, 0, 0
    if book.unplaced != 0:
        return FORGOTTEN
    return FINE if book.due_ready == 0 and book.due_cancel == 0 else FAMILY


@entry()
def close(spec: Spec, jobs: Jobs, book: Any, tracks: Any, now: int) -> int:
    """The log ends here, at `now` [ms]. Returns what is broken: nothing that was due before `now` may be open."""
    broken = pass_time(book[0], now)
    if broken == FINE:
        broken = count(spec, book[0])
    for job in range(book[0].next_job):
        if PENDING <= tracks[job].state <= RUNNING:
            if 0 < jobs[job].deadline < now and tracks[job].has_missed == 0:
                return OVERDUE
            if 0 < jobs[job].until < now:
                return OVERDUE
    return broken


@kernel
def follow(spec: Spec, jobs: Jobs, book: Any, tracks: Any, kind: int, job: int, place: int, value: int) -> int:
    """What happens to a job may happen to it now, and has the right place and number."""
    if kind in (log.ARRIVE, log.READY, log.MISS, log.WRITE_OFF) and place != -1:
        return PLACE
    if kind == log.ARRIVE:
        return arrives(jobs, book, tracks, job, value)
    if job >= book.next_job:
        return STATE
    if kind == log.OFFER:
        return is_offered(spec, jobs, book, tracks, job, place, value)
    if kind in (log.REQUEST, log.START):
        return gets_accelerators(spec, jobs, book, tracks, kind, job, place, value)
    if kind in (log.FINISH, log.KILL, log.DENY, log.EVICT, log.PREEMPT) or (kind == log.CANCEL and place >= 0):
        return loses_accelerators(spec, jobs, book, tracks, kind, job, place, value)
    if kind == log.EXPIRE:
        return expires(jobs, book, tracks, job, place, value)
    if kind in (log.FAIL, log.STAGE):
        book.faults[FAILED] += 1 if kind == log.FAIL else 0
        book.faults[SERVING_FAILED] += 1 if kind == log.FAIL and jobs[job].until > 0 else 0
        if tracks[job].state != RUNNING or (kind == log.FAIL and spec.rules[0].failure[place] == NO):
            return STATE
        return FINE if kind == log.STAGE or place == tracks[job].site else PLACE
    if kind == log.MISS:
        return misses(jobs, book, tracks, job, value)
    return goes_without_a_run(jobs, book, tracks, kind, job, value)


@kernel
def arrives(jobs: Jobs, book: Any, tracks: Any, job: int, gang: int) -> int:
    """The next job comes at its time; a parent that will not run dooms it."""
    work, track = jobs[job], tracks[job]
    if job != book.next_job or work.gang != gang:
        return NUMBER
    if work.arrival != book.now:
        return TIME
    if book.due_cancel != 0:
        return FAMILY
    book.next_job += 1
    book.faults[SHORTEST] += 1 if work.walltime == 1 else 0
    track.missing = work.parents
    track.state = PENDING if work.parents != 0 else UNPLACED
    for member in range(work.member):
        if (work.parents >> member) & 1 == 1 and tracks[job - work.member + member].state == GONE:
            track.state = DOOMED
    book.unplaced += 1 if track.state == UNPLACED else 0
    book.due_cancel += 1 if track.state == DOOMED else 0
    return FINE


@kernel
def footprint(spec: Spec, gang: int, site: int) -> int:
    """Accelerators of a gang at a site."""
    rules = spec.rules[0]
    unit = rules.granule[site]
    if rules.cube[site] > 0 and gang >= rules.cube_from[site]:
        unit = rules.cube[site]
    return (gang + unit - 1) // unit * unit


@kernel
def is_offered(spec: Spec, jobs: Jobs, book: Any, tracks: Any, job: int, action: int, asked: int) -> int:
    """A waiting job goes where the action says, which must suit it; it is not asked again too soon."""
    track, work, rules = tracks[job], jobs[job], spec.rules[0]
    if track.state not in (UNPLACED, HELD, QUEUED):
        return STATE
    if track.state != UNPLACED:
        if book.now - track.offered < rules.reoffer_gap and book.has_loss == 0:
            return TOO_SOON
        book.faults[MOVED] += 1 if action != track.site else 0
    if track.state == QUEUED:
        book.waiting_here[track.site, work.priority] -= 1
    book.unplaced -= 1 if track.state == UNPLACED else 0
    book.faults[OFFERED] += 1
    book.faults[REPLACED] += 1 if action != asked else 0
    track.offered, track.site = book.now, action
    if action == rules.sites:
        track.state = HELD
        book.faults[HELD_BACK] += 1
        return FINE
    track.state = QUEUED
    if action < 0 or action > rules.sites or rules.speed[action, work.cls] == 0:
        return PLACE
    track.accelerators = footprint(spec, work.gang, action)
    book.waiting_here[action, work.priority] += 1
    has_tags = (work.tags & ~rules.tags[rules.provider[action]]) == 0
    return FINE if has_tags and track.accelerators <= spec.variants[0].nominal[action] else PLACE


@kernel
def gets_accelerators(
    spec: Spec, jobs: Jobs, book: Any, tracks: Any, kind: int, job: int, site: int, value: int
) -> int:
    """A queued job begins to run, or makes its request; or a request is granted."""
    track, work, rules = tracks[job], jobs[job], spec.rules[0]
    has_start_up = rules.start_up[site] != NO
    if track.site != site:
        return PLACE
    if track.state != (STARTING if kind == log.START and has_start_up else QUEUED) or (
        kind == log.REQUEST and not has_start_up
    ):
        return STATE
    if value != (track.requests if kind == log.REQUEST else track.accelerators):
        return NUMBER
    if track.state == QUEUED:
        book.occupied[site] += track.accelerators
        book.waiting_here[site, work.priority] -= 1
        book.here[site, work.priority] += 1
    elif book.now <= track.start:
        return TIME
    if kind == log.REQUEST:
        track.requests += 1
        track.state = STARTING
    else:
        book.faults[GRANTED] += 1 if track.state == STARTING else 0
        book.faults[CUBES] += 1 if track.accelerators > work.gang and work.gang >= rules.cube_from[site] > 0 else 0
        book.running[site] += track.accelerators
        track.state = RUNNING
    track.start = book.now
    return FINE


@kernel
def loses_accelerators(
    spec: Spec, jobs: Jobs, book: Any, tracks: Any, kind: int, job: int, site: int, value: int
) -> int:
    """A run ends or is ended; a request is denied or dropped."""
    track, work, rules = tracks[job], jobs[job], spec.rules[0]
    was_running = track.state == RUNNING
    if track.site != site:
        return PLACE
    if kind == log.DENY and book.now != track.start + rules.denial[site]:
        return TIME
    if not (was_running and kind != log.DENY) and not (track.state == STARTING and kind in (log.DENY, log.EVICT)):
        return STATE
    if kind not in (log.EVICT, log.PREEMPT) and value != track.accelerators:
        return NUMBER
    if kind in (log.EVICT, log.PREEMPT) and not has_to_go(spec, jobs, book, tracks, kind, job):
        return NEEDLESS
    book.occupied[site] -= track.accelerators
    book.running[site] -= track.accelerators if was_running else 0
    book.here[site, work.priority] -= 1
    if kind in (log.DENY, log.EVICT):
        track.state = UNPLACED
        book.unplaced += 1
        book.faults[DENIED if kind == log.DENY else EVICTED if was_running else EVICTED_STARTING] += 1
        return FINE
    if kind == log.PREEMPT:
        track.state = QUEUED
        book.waiting_here[site, work.priority] += 1
        book.faults[PREEMPTED] += 1
        return FINE
    track.state = FINISHED if kind == log.FINISH else GONE
    return ends(jobs, book, tracks, kind, job)


@kernel
def has_to_go(spec: Spec, jobs: Jobs, book: Any, tracks: Any, kind: int, job: int) -> bool:
    """An eviction or a preemption has a reason: too little capacity, or a more urgent job that waits here."""
    track, work, rules = tracks[job], jobs[job], spec.rules[0]
    less_urgent_here, more_urgent_waiting = 0, 0
    for priority in range(PRIORITIES):
        less_urgent_here += book.here[track.site, priority] if priority < work.priority else 0
        more_urgent_waiting += book.waiting_here[track.site, priority] if priority > work.priority else 0
    if kind == log.EVICT:
        return book.occupied[track.site] > book.capacity[track.site] and less_urgent_here == 0
    has_run = rules.preempt_after > 0 and book.now - track.start >= rules.preempt_after
    return has_run and rules.preemptible[work.cls] == 1 and more_urgent_waiting > 0


@kernel
def ends(jobs: Jobs, book: Any, tracks: Any, kind: int, job: int) -> int:
    """A run is over for good; its children are to be told."""
    work = jobs[job]
    if 0 < work.deadline < book.now and tracks[job].has_missed == 0:
        return OVERDUE
    if book.due_ready != 0 or book.due_cancel != 0:
        return FAMILY
    book.faults[KILLED] += 1 if kind == log.KILL else 0
    book.faults[CANCELLED] += 1 if kind == log.CANCEL else 0
    book.last_told = job
    gone = 1 << work.member
    child = job + 1
    while child < jobs.shape[0] and jobs[child].member == work.member + child - job:
        its = tracks[child]
        if kind == log.FINISH and its.state == PENDING and its.missing & gone != 0:
            its.missing &= ~gone
            book.due_ready += 1 if its.missing == 0 else 0
        elif kind != log.FINISH and jobs[child].parents & gone != 0:
            gone |= 1 << jobs[child].member
            book.due_cancel += 1 if its.state == PENDING else 0
            its.state = DOOMED if its.state == PENDING else its.state
        child += 1
    return FINE


@kernel
def expires(jobs: Jobs, book: Any, tracks: Any, job: int, place: int, value: int) -> int:
    """A block's time is over while it does not run."""
    track, work = tracks[job], jobs[job]
    if book.now != work.until:
        return TIME
    if track.state not in (HELD, QUEUED, STARTING):
        return STATE
    book.faults[EXPIRED_HELD if track.state == HELD else EXPIRED if track.state == QUEUED else EXPIRED_STARTING] += 1
    if track.state == STARTING:
        book.occupied[track.site] -= track.accelerators
        book.here[track.site, work.priority] -= 1
    elif track.state == QUEUED:
        book.waiting_here[track.site, work.priority] -= 1
    is_right = place == (-1 if track.state == HELD else track.site) and value == 0
    track.state = GONE
    return FINE if is_right else PLACE


@kernel
def misses(jobs: Jobs, book: Any, tracks: Any, job: int, value: int) -> int:
    """A deadline passes, once, while the job is in the world."""
    track, work = tracks[job], jobs[job]
    if track.state < PENDING or track.state > RUNNING or track.has_missed == 1:
        return STATE
    track.has_missed = 1
    book.faults[MISSED] += 1
    if value != work.penalty:
        return NUMBER
    return FINE if book.now == work.deadline else TIME


@kernel
def goes_without_a_run(jobs: Jobs, book: Any, tracks: Any, kind: int, job: int, value: int) -> int:
    """READY, and the ways out of the world of jobs that have never run: CANCEL and WRITE_OFF."""
    track, work = tracks[job], jobs[job]
    if kind == log.READY:
        if track.state != PENDING or track.missing != 0 or job <= book.last_told:
            return FAMILY
        track.state = UNPLACED
        book.due_ready -= 1
        book.unplaced += 1
        book.last_told = job
        book.faults[TOLD] += 1
        return FINE if value == work.gang else NUMBER
    if kind == log.CANCEL:
        if track.state != DOOMED or value != 0:
            return STATE
        if 0 < work.deadline < book.now and track.has_missed == 0:
            return OVERDUE
        book.due_cancel -= 1
        book.faults[ORPHANED if work.arrival == book.now and job == book.next_job - 1 else CANCELLED_TOO] += 1
    else:
        if kind != log.WRITE_OFF or job != book.next_job - 1 or track.state not in (UNPLACED, PENDING):
            return STATE
        book.unplaced -= 1 if track.state == UNPLACED else 0
        book.faults[WRITTEN] += 1
        book.faults[OVERSIZED] += 1 if work.gang >= 1_000_000 else 0
    track.state = GONE
    return FINE
