"""Branches: from one offer each legal action is played, then the policy goes on, all with the same future.

What is compared is the growth of the avoidable cost of the whole cluster from the offer until one instant, and in it
what is the job's own. Overage belongs to a contract, not to a job, and counts among the others'.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...fastsim.errors import InputError
from ...fastsim.state import EMPTY, STARTING, WAITING
from ...fastsim.units import DAY, HOUR, WEEK
from ...fastsim.worlds import FOREVER, Totals, Worlds
from ..evaluation.outcomes import fill_spent
from ..evaluation.scoring import cost
from .futures import other_worlds, true_worlds
from .offer import MOST_AHEAD_DAYS, Found

Progress = Callable[[float], Any]  # takes the share that is over


class Cost(NamedTuple):
    """A part of the avoidable cost since the offer, µ$."""

    metered: int  # burst, egress, overage
    delay: int
    penalties: int  # and write-offs

    @property
    def whole(self) -> int:
        """All of it."""
        return self.metered + self.delay + self.penalties

    def minus(self, other: "Cost") -> "Cost":
        """What this one is more than another."""
        return Cost(*(mine - its for mine, its in zip(self, other, strict=True)))


class Branch(NamedTuple):
    """What came after one action."""

    action: int
    cluster: Cost
    job: Cost  # its own part
    site: int  # where the job ran last; −1: nowhere
    waited: int  # in its life, ms
    started: int  # its last run, ms since the offer; −1: it does not run, and has not
    left: int  # ms since the offer; −1: it is still there
    outcome: int  # a kind of the log; 0: it is still there

    @property
    def others(self) -> Cost:
        """What is not the job's own."""
        return self.cluster.minus(self.job)


class Branches(NamedTuple):
    """All legal actions in the true future of the seed and in others."""

    until: int  # when the comparison ends, ms since the offer
    true: list[Branch]
    futures: list[list[Branch]]  # of each, the branches of the same actions


def branched(found: Found, hours: int | None, futures: int, progress: Progress) -> Branches:
    """Play every legal action of an offer.

    Args:
        found: The offer.
        hours: To play on; None: 7 days, and where the job is then still there (at most 28 days) until a day after it
            has left under every action.
        futures: How many others are played, besides the true one.
        progress: Takes the share that is over.

    Raises:
        InputError: the scenario ends within a day.
    """
    share = 1 / (futures + 1)
    worlds = true_worlds(found, len(_choices(found)))
    until = _play_true(found, worlds, hours, lambda done: progress(done * share))
    true, others = _read(found, worlds), []
    for number in range(futures):
        progress((number + 1) * share)
        worlds = other_worlds(found, number, until, len(_choices(found)))
        _answer(found, worlds, until)
        others.append(_read(found, worlds))
    return Branches(until - found.now, true, others)


def _choices(found: Found) -> np.ndarray:
    """The legal actions, (choices,) int64."""
    return np.flatnonzero(found.mask)


def _play_true(found: Found, worlds: Worlds, hours: int | None, progress: Progress) -> int:
    """Play the true future; returns until when, ms."""
    # Whole days: an arrival must come from within the scenario's span in every future.
    span_end = found.now + (found.scenario.span - found.now - 1) // DAY * DAY
    if span_end == found.now:
        reason = f"is offered on the last of the {found.scenario.episodes.span_days} days that the scenario spans"
        raise InputError("explain", "job", found.job, reason, "choose an earlier one")
    until = min(span_end, found.now + (WEEK if hours is None else hours * HOUR))
    last = min(span_end, found.now + MOST_AHEAD_DAYS * DAY)
    _answer(found, worlds, min(until, found.now + 1))
    for end in range(found.now + DAY, until + DAY, DAY):
        _go_on(found, worlds, min(end, until))
        progress((end - found.now) / (until - found.now + DAY))
    if hours is None and _is_there(found, worlds):
        while until < last and _is_there(found, worlds):
            until = min(until + DAY, last)
            _go_on(found, worlds, until)
        until = min(until + DAY, last)
        _go_on(found, worlds, until)
    return until


def _answer(found: Found, worlds: Worlds, until: int) -> None:
    """Answer the offer, in each world with another legal action, and play under the policy until `until` [ms]."""
    for row in range(len(worlds)):
        worlds.ask_results(row, found.job, 1)
    worlds.batch.state.open_results += 1  # so that they go on when the job has left
    actions = _choices(found).copy()
    actions[actions == found.action] = found.asked  # what is illegal becomes the same, and is counted
    _run(found, worlds, actions, until)


def _go_on(found: Found, worlds: Worlds, until: int) -> None:
    _run(found, worlds, np.full(len(worlds), -1, np.int64), until)


def _run(found: Found, worlds: Worlds, actions: np.ndarray, until: int) -> None:
    answers, ends = actions.astype(np.int64), np.full(len(worlds), until, np.int64)
    while True:
        worlds.run(answers, found.agent, ends, FOREVER)
        answers[:] = -1
        if not worlds.make_room():
            return


def _is_there(found: Found, worlds: Worlds) -> bool:
    """Whether the job is still in some of the worlds."""
    return bool((worlds.batch.results.outcome[:, 0] == 0).any())


def _read(found: Found, worlds: Worlds) -> list[Branch]:
    """What came after each action until now."""
    before = found.worlds.totals()
    return [_branch(found, worlds, row, before, action) for row, action in enumerate(_choices(found).tolist())]


def _branch(found: Found, worlds: Worlds, row: int, before: Totals, action: int) -> Branch:
    after, result = worlds.totals(row), worlds.batch.results[row, 0]
    grown = {name: getattr(after, name) - getattr(before, name) for name in Totals.__dataclass_fields__}
    metered = grown["burst"] + grown["egress"] + grown["overage"]
    cluster = Cost(metered, grown["delay"], grown["penalty"] + grown["write_off"])
    item, work, now = found.item, found.work, int(worlds.state(row).now)
    waited, spent = int(result.waited), int(result.spent)
    started = int(result.start)
    if result.outcome == 0:
        slot, waited = _present(found, worlds, row)
        out = np.zeros(1, np.int64)
        fill_spent(worlds.spec, worlds.batch, row, np.array([slot]), out)
        spent = int(out[0])
    rate = worlds.spec.rules[0].delay_rate[work.cls]
    had_waited = int(item.waited) + found.now - int(item.ready)
    delay = cost(np.array([work.gang * waited, work.gang * had_waited]), rate)
    own = Cost(spent - int(item.spent), int(delay[0] - delay[1]), int(result.penalty))
    left = now if result.outcome == 0 else int(result.finish)
    return Branch(
        action,
        cluster,
        own,
        int(result.site) if started >= 0 else -1,
        waited,
        started - found.now if started >= 0 else -1,
        left - found.now if result.outcome else -1,
        int(result.outcome),
    )


def _present(found: Found, worlds: Worlds, row: int) -> tuple[int, int]:
    """The slot of the job in a world that it has not left, and what it has waited in its life, ms."""
    live, state = worlds.batch.live[row], worlds.state(row)
    (slot,) = np.flatnonzero((live.job == found.job) & (live.status != EMPTY) & (np.arange(len(live)) < state.slots))
    item = live[slot]
    is_waiting = item.status in (WAITING, STARTING)
    return int(slot), int(item.waited) + (int(state.now) - int(item.ready) if is_waiting else 0)
