"""Who used what, and when: accelerator-ms by site, span and class, read off the event log.

A *span* is a part of a day: days are cut where a billing period ends and where the site's price changes, because there
its meter begins anew (rules.md, section 7).
"""

from typing import Any, NamedTuple

import numpy as np

from ...fastsim.log import CANCEL, EVICT, FINISH, KILL, PREEMPT, START
from ...fastsim.spec import Spec
from ...fastsim.units import DAY

ENDS = (FINISH, EVICT, PREEMPT, CANCEL, KILL)


class Runs(NamedTuple):
    """All runs of an episode, (runs,) each."""

    site: np.ndarray
    cls: np.ndarray
    accelerators: np.ndarray
    begin: np.ndarray  # ms
    end: np.ndarray  # ms; those that still run: now
    how: np.ndarray  # the kind of event that ended it; 0: it still runs


class SiteUse(NamedTuple):
    """Use of one site, by span and class."""

    bounds: list[int]  # (spans + 1,) ms
    meter: list[int]  # (spans,) which reading of the site's meter the span belongs to
    price: list[int]  # (spans,) µ$ per accelerator-hour
    consumed: list[list[int]]  # (spans, classes) accelerator-ms that jobs occupied
    billed: list[list[int]]  # (spans, classes) accelerator-ms that the meter counted: up to whole increments


def runs_of(rows: np.ndarray, classes: np.ndarray, now: int) -> Runs:
    """The runs in a whole log, (rows, 5); `classes` are those of the jobs, `now` is where the log ends [ms]."""
    found = rows[np.isin(rows[:, 1], (START, *ENDS))]
    found = found[np.argsort(found[:, 2], kind="stable")]
    starts = np.flatnonzero(found[:, 1] == START)
    after = np.minimum(starts + 1, len(found) - 1)
    # an end without a start before it is that of a job that waited or had only asked for machines
    has_ended = (after > starts) & (found[after, 2] == found[starts, 2])
    begun, ended = found[starts], found[after]
    return Runs(
        site=begun[:, 3],
        cls=classes[begun[:, 2]],
        accelerators=begun[:, 4],
        begin=begun[:, 0],
        end=np.where(has_ended, ended[:, 0], now),
        how=np.where(has_ended, ended[:, 1], 0),
    )


def use_of(spec: Spec, runs: Runs, site: int, now: int) -> SiteUse:
    """What was used at a site from time 0 to `now` [ms]."""
    rules = spec.rules[0]
    here = Runs(*(column[runs.site == site] for column in runs))
    ends = _period_ends(rules, now)
    steps = spec.price_steps[(spec.price_steps.site == site) & (spec.price_steps.at < now)]
    anew = np.union1d(ends, steps.at)
    bounds = np.unique(np.concatenate((np.arange(0, now, DAY), anew, [now])))
    prices = np.concatenate(([rules.first_price[site]], steps.price))
    consumed = np.zeros((len(bounds) - 1, int(rules.classes)), np.int64)
    billed = consumed.copy()
    is_metered = rules.take_or_pay[rules.provider[site]] == 0
    rests = _rests(here, int(rules.increment[site]) if is_metered else 0)
    for cls in range(int(rules.classes)):
        mine = here.cls == cls
        consumed[:, cls] = _use_between(bounds, *(column[mine] for column in (here.begin, here.end, here.accelerators)))
        billed[:, cls] = consumed[:, cls]
        np.add.at(billed[:, cls], _spans_of_ends(bounds, here.end[mine], here.how[mine]), rests[mine])
    return SiteUse(
        bounds=bounds.tolist(),
        meter=np.searchsorted(anew, bounds[:-1], side="right").tolist(),
        price=prices[np.searchsorted(steps.at, bounds[:-1], side="right")].tolist(),
        consumed=consumed.tolist(),
        billed=billed.tolist(),
    )


def _period_ends(rules: Any, now: int) -> np.ndarray:
    """Ends of billing periods before `now`; one that falls on it has not been settled."""
    return np.arange(int(rules.first_period) + int(rules.period), now, int(rules.period))


def _use_between(bounds: np.ndarray, begin: np.ndarray, end: np.ndarray, accelerators: np.ndarray) -> np.ndarray:
    """Accelerator-ms of runs in each span, (spans,).

    Sums of accelerators × time may wrap; their differences, which are what was used, are right modulo 2^64.
    """

    def since(instants: np.ndarray) -> np.ndarray:
        """Accelerators × time since these instants, at each bound."""
        order = np.argsort(instants)
        count = np.searchsorted(instants[order], bounds, side="right")
        numbers = np.concatenate(([0], np.cumsum(accelerators[order])))
        moments = np.concatenate(([0], np.cumsum(accelerators[order] * instants[order])))
        return numbers[count] * bounds - moments[count]

    return np.diff(since(begin) - since(end))


def _rests(runs: Runs, increment: int) -> np.ndarray:
    """Accelerator-ms by which each run that has ended counts on to a whole billing increment."""
    if increment == 0:
        return np.zeros(len(runs.begin), np.int64)
    ran = runs.end - runs.begin
    return np.where(runs.how == 0, 0, runs.accelerators * (-ran % increment))


def _spans_of_ends(bounds: np.ndarray, end: np.ndarray, how: np.ndarray) -> np.ndarray:
    """The span to which the end of a run belongs.

    At a bound that is the one before it: runs end before prices change and periods are settled. Only preemptions, which
    are dispatch, come after.
    """
    before = np.searchsorted(bounds, end, side="left") - 1
    after = np.searchsorted(bounds, end, side="right") - 1
    return np.minimum(np.where(how == PREEMPT, after, before), len(bounds) - 2)
