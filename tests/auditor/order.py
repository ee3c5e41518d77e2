"""Time and order (rules.md, section 3): steps of an instant follow each other, and supply keeps its schedule."""

from typing import Any

import numpy as np

from tidegate.fastsim import log
from tidegate.fastsim.jit import entry, kernel
from tidegate.fastsim.spec import KNOWN, MAX_SITES, WITHDRAWN, Jobs, Spec

BROKEN = ("", "time goes back", "a step of the instant out of order", "out of order within a step", "not scheduled")
FINE, TIME, STEP, ORDER, SCHEDULE = range(len(BROKEN))
FAULTS = (
    *("capacity lost", "all capacity lost", "step announced", "promise withdrawn", "price shock", "price of nothing"),
    *("ends tied", "instant of five steps"),
)
LOST, ALL_LOST, ANNOUNCED, WITHDREW, SHOCK, FREE, TIED, FULL = range(len(FAULTS))

BEFORE, ENDS, TIMERS, FAILURES, LOSSES, GAINS, OUTCOMES, NOTICES, PRICES, SETTLEMENT = range(10)
ARRIVALS, OFFERS, DISPATCH = range(10, 13)
BURST_USE, WRITTEN_OFF, EGRESS, PENALTY = 2, 6, 8, 9  # accounts

BOOK = np.dtype(
    [
        *((name, "i8") for name in ("now", "step", "order", "steps", "ends", "capacity_steps", "notice", "price_step")),
        ("capacity", "i8", (MAX_SITES,)),
        ("faults", "i8", (len(FAULTS),)),
    ],
    align=True,
)


def new_book(spec: Spec) -> Any:
    """The book (1,) at time 0."""
    book = np.zeros(1, BOOK).view(np.recarray)
    book.capacity[0] = spec.rules[0].first_capacity
    return book


@entry()
def read(spec: Spec, jobs: Jobs, book: Any, starting: np.ndarray, rows: np.ndarray) -> tuple[int, int]:
    """Read rows (n, 5): the number of the first bad one and what is broken, or (n, FINE).

    `starting` (jobs,) int64 is kept: 1 while a job starts.
    """
    for row in range(rows.shape[0]):
        time, kind, subject, place, value = rows[row, 0], rows[row, 1], rows[row, 2], rows[row, 3], rows[row, 4]
        if time < book[0].now:
            return row, TIME
        if time > book[0].now:
            pass_time(book[0], time)
        broken = keep_order(jobs, book[0], starting, kind, subject, place, value)
        if broken == FINE and subject < 0:
            broken = keep_schedule(spec, book[0], time, kind, place, value)
        if broken != FINE:
            return row, broken
        if kind in (log.REQUEST, log.START, log.DENY, log.EVICT, log.EXPIRE):
            starting[subject] = 1 if kind == log.REQUEST else 0
    return rows.shape[0], FINE


@kernel
def pass_time(book: Any, time: int) -> None:
    """An instant is over."""
    book.faults[FULL] += 1 if book.steps >= 5 else 0
    book.faults[TIED] += 1 if book.ends >= 2 else 0
    book.now, book.step, book.order, book.steps, book.ends = time, BEFORE, -1, 0, 0


@kernel
def keep_order(jobs: Jobs, book: Any, starting: np.ndarray, kind: int, subject: int, place: int, value: int) -> int:
    """Steps do not go back; nor do jobs (by id; offers in job order) and sites within a step."""
    step, order, is_strict = book.step, book.order, False
    if kind in (log.FINISH, log.KILL) or (kind == log.CANCEL and place >= 0):
        step, order, is_strict = ENDS, subject, True
        book.ends += 1
    elif kind in (log.MISS, log.EXPIRE):
        step, order, is_strict = TIMERS, subject, True
    elif kind == log.FAIL:
        step, order, is_strict = FAILURES, place, True
    elif kind == log.EVICT:
        step, order = LOSSES, place
    elif kind == log.CAPACITY:
        step, order, is_strict = LOSSES if value < book.capacity[place] else GAINS, place, True
    elif kind == log.DENY or (kind == log.START and starting[subject] == 1):
        step, order, is_strict = OUTCOMES, subject, True
    elif kind in (log.ANNOUNCE, log.WITHDRAW):
        step, order = NOTICES, place
    elif kind == log.PRICE:
        step, order, is_strict = PRICES, place, True
    elif kind == log.ARRIVE:
        step, order, is_strict = ARRIVALS, subject, True
    elif kind == log.OFFER:
        step, order, is_strict = OFFERS, ((7 - jobs[subject].priority) << 40) + subject, True
    elif kind in (log.START, log.REQUEST, log.PREEMPT):
        step, order = DISPATCH, place
    elif not stands_beside(book.step, kind, place):
        if kind != log.POST:
            return STEP
        step = PRICES if place == BURST_USE and book.step <= PRICES else SETTLEMENT
        order = book.order if step == book.step else -1
    if step < book.step:
        return STEP
    if step == book.step and (order < book.order or (is_strict and order == book.order)):
        return ORDER
    book.steps += 1 if step > book.step else 0
    book.step, book.order = step, order
    return FINE


@kernel
def stands_beside(step: int, kind: int, account: int) -> bool:
    """Rows that follow from another row stand in its step: families, data, write-offs, and what these cost."""
    if kind == log.READY:
        return step == ENDS
    if kind == log.CANCEL:
        return step in (ENDS, ARRIVALS)
    if kind == log.STAGE or (kind == log.POST and account == EGRESS):
        return step in (OUTCOMES, DISPATCH)
    if kind == log.WRITE_OFF or (kind == log.POST and account == WRITTEN_OFF):
        return step == ARRIVALS
    return kind == log.POST and account == PENALTY and step == TIMERS


@kernel
def keep_schedule(spec: Spec, book: Any, time: int, kind: int, site: int, value: int) -> int:
    """Steps, notices and prices are those of the schedules (of variant 0), each at its time."""
    if kind == log.CAPACITY:
        if not is_step(spec, time, site, value):
            return SCHEDULE
        book.capacity_steps += 1
        book.faults[LOST] += 1 if value < book.capacity[site] else 0
        book.faults[ALL_LOST] += 1 if value == 0 and book.capacity[site] > 0 else 0
        book.capacity[site] = value
        return FINE
    if kind == log.PRICE:
        step = spec.price_steps[book.price_step]
        book.price_step += 1
        book.faults[SHOCK] += 1
        book.faults[FREE] += 1 if value == 0 else 0
        return FINE if step.at == time and step.site == site and step.price == value else SCHEDULE
    while spec.notices[book.notice].kind == KNOWN:
        book.notice += 1
    notice = spec.notices[book.notice]
    book.notice += 1
    book.faults[WITHDREW if kind == log.WITHDRAW else ANNOUNCED] += 1
    is_it = notice.time == time and notice.site == site and notice.capacity == value
    return FINE if is_it and (notice.kind == WITHDRAWN) == (kind == log.WITHDRAW) else SCHEDULE


@kernel
def is_step(spec: Spec, time: int, site: int, capacity: int) -> bool:
    """Whether the schedule has this step."""
    low, high = 0, spec.capacity_steps.shape[0]
    while low < high:
        middle = (low + high) >> 1
        if spec.capacity_steps[middle].at < time:
            low = middle + 1
        else:
            high = middle
    while low < spec.capacity_steps.shape[0] and spec.capacity_steps[low].at == time:
        if spec.capacity_steps[low].site == site:
            return spec.capacity_steps[low].capacity == capacity
        low += 1
    return False


def is_complete(spec: Spec, jobs: Jobs, book: Any, arrived: int, until: int) -> bool:
    """Whether everything that was scheduled before `until` [ms] has happened."""
    happened = int((spec.capacity_steps.at < until).sum()), int((spec.price_steps.at < until).sum())
    told = int(((spec.notices.kind != KNOWN) & (spec.notices.time < until)).sum())
    read_so_far = int((spec.notices.kind[: book[0].notice] != KNOWN).sum())
    return (book[0].capacity_steps, book[0].price_step, read_so_far, arrived) == (
        *happened,
        told,
        int((jobs.arrival < until).sum()),
    )
