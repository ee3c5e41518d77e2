"""What a site's capacity is, and what is known of it: overlapping causes, merged to one list (rules.md, section 2).

A *cause* (a ramp, a maintenance window, a recall) is a list of outlooks: what everyone expects from some instant on,
each valid until the next. Where causes overlap, a site has the least that any of them allows, and what is expected of
it is the least that is expected of any of them. Then:

- a change that happens and was expected is a step, announced when this value of it was first expected without a break;
- a change that happens and was not expected is a surprise;
- a change that was expected, and then no longer, is a promise, withdrawn at that instant; a change that comes with
  another value than was first announced is therefore a promise and a step.

*Spot* capacity lies over all that: in its down-runs there is nothing. Its losses are known a short notice ahead, its
gains are surprises. What was announced of the other causes stays announced: a loss says nothing of how long it lasts.

At most one step of a site falls on an instant. So causes change at whole seconds, promises that share their instant
with another one lie some milliseconds later, and spot capacity comes and goes half a second off.
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import NamedTuple

from ..fastsim.units import NEVER, SECOND

HALF = SECOND // 2
Levels = tuple[tuple[int, int], ...]  # (from when [ms], accelerators), ascending, the first from 0
Rows = tuple[tuple[int, ...], ...]  # of SiteTable.capacity_steps


class Outlook(NamedTuple):
    """What is expected from `since` on."""

    since: int  # ms
    levels: Levels


Cause = tuple[Outlook, ...]  # ascending; the first since 0


class DownRun(NamedTuple):
    """A time without spot capacity."""

    begin: int  # ms
    end: int  # ms
    announced: int  # ms


def always(value: int) -> Cause:
    """A cause that never changes."""
    return (Outlook(0, ((0, value),)),)


def stepped(first: int, given: list[tuple[int, int, int]]) -> Cause:
    """A capacity that changes by steps (at, capacity, announced)."""
    outlooks = []
    for since in sorted({0, *(max(0, announced) for _, _, announced in given)}):
        known = sorted((at, capacity) for at, capacity, announced in given if announced <= since)
        outlooks.append(Outlook(since, ((0, first), *known)))
    return tuple(outlooks)


def delivered(accelerators: int, day: int, slip: int, notice: int) -> Cause:
    """A tranche promised for `day`, which comes `slip` ms later; that, and when, is told `notice` ms before the day."""
    promised = Outlook(0, ((0, 0), (day, accelerators)))
    late = ((0, 0), (day + slip, accelerators))
    if slip == 0:
        return (promised,)
    return (Outlook(0, late),) if day <= notice else (promised, Outlook(day - notice, late))


def window(nominal: int, left: int, begin: int, end: int | None, announced: int) -> Cause:
    """At most `left` from `begin` to `end` (None: for good), else `nominal`; known from `announced` on."""
    usual = ((0, nominal),)
    ahead = (*usual, (begin, left), *([] if end is None else [(end, nominal)]))
    return (Outlook(0, ahead),) if announced <= 0 else (Outlook(0, usual), Outlook(announced, ahead))


def level(levels: Levels, at: int) -> int:
    """The value at an instant >= 0."""
    return levels[bisect_right(levels, (at, NEVER)) - 1][1]


def without_repeats(levels: list[tuple[int, int]]) -> Levels:
    """The same function of time, changes only."""
    return (levels[0], *(later for earlier, later in pairwise(levels) if earlier[1] != later[1]))


def least(causes: list[Cause]) -> Cause:
    """At every instant the least that any cause allows, or is expected to allow."""
    outlooks = []
    for since, valid in _valid(causes):
        times = sorted({at for levels in valid for at, _ in levels})
        outlooks.append(Outlook(since, without_repeats([(at, min(level(one, at) for one in valid)) for at in times])))
    return tuple(outlooks)


def summed(causes: list[Cause]) -> Cause:
    """At every instant the sum of the causes, known or expected."""
    outlooks = []
    for since, valid in _valid(causes):
        changes = [(0, sum(levels[0][1] for levels in valid))]
        changes += sorted((at, value - before) for levels in valid for (_, before), (at, value) in pairwise(levels))
        totals = accumulate(change for _, change in changes)
        last = dict(zip([at for at, _ in changes], totals, strict=True))  # of several at one instant
        outlooks.append(Outlook(since, without_repeats(list(last.items()))))
    return tuple(outlooks)


def _valid(causes: list[Cause]) -> Iterator[tuple[int, list[Levels]]]:
    """Each instant at which an outlook begins, and what is then expected of each cause."""
    for since in sorted({outlook.since for cause in causes for outlook in cause}):
        yield since, [max(outlook for outlook in cause if outlook.since <= since).levels for cause in causes]


def actual(cause: Cause) -> Levels:
    """What happens: at each instant the value of the outlook of that instant."""
    levels = [(0, level(cause[0].levels, 0))]
    for outlook, until in zip(cause, [*(later.since for later in cause[1:]), NEVER], strict=True):
        levels.append((outlook.since, level(outlook.levels, outlook.since)))
        levels += [(at, value) for at, value in outlook.levels if outlook.since < at < until]
    return without_repeats(levels)


def expected(cause: Cause) -> dict[int, list[tuple[int, int, int]]]:
    """For each instant of a change that was ever expected: (from, until, value) of each time that it was."""
    found: dict[int, list[tuple[int, int, int]]] = {}
    for outlook, until in zip(cause, [*(later.since for later in cause[1:]), NEVER], strict=True):
        for at, value in outlook.levels:
            if at <= outlook.since:
                continue
            times = found.setdefault(at, [])
            begin = outlook.since
            if times and times[-1][1:] == (begin, value):
                begin = times.pop()[0]
            times.append((begin, min(at, until), value))
    return found


def interrupted(levels: Levels, runs: list[DownRun]) -> Levels:
    """The same, but nothing in the down-runs."""
    edges = [(0, False), *((at, is_down) for run in runs for at, is_down in ((run.begin, True), (run.end, False)))]
    cut: list[tuple[int, int]] = []
    place = 0
    for (begin, is_down), end in zip(edges, [*(at for at, _ in edges[1:]), NEVER], strict=True):
        while place + 1 < len(levels) and levels[place + 1][0] <= begin:
            place += 1
        cut.append((begin, 0 if is_down else levels[place][1]))
        inside = place + 1
        while inside < len(levels) and levels[inside][0] < end:
            cut.append((levels[inside][0], 0 if is_down else levels[inside][1]))
            inside += 1
    return without_repeats(cut)


def steps(cause: Cause, runs: list[DownRun]) -> Rows:
    """Steps and promises of a site: (at, capacity, announced) and (at, capacity, announced, withdrawn), by `at`."""
    happening = dict(interrupted(actual(cause), runs)[1:])
    notices = {run.begin: run.announced for run in runs}
    rows: dict[int, tuple[int, ...]] = {}
    for at, times in expected(cause).items():
        later = at + (at in happening)  # where a promise has an instant to itself
        for begin, until, value in times:
            if until == at and happening.get(at) == value:
                rows[at] = (at, value, begin)
            else:
                rows[later] = (later, value, begin, until)
                later += 1
    for at, value in happening.items():
        rows.setdefault(at, (at, value, notices.get(at, at)))
    return tuple(rows[at] for at in sorted(rows))
