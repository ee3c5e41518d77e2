"""Overlapping causes at one site, merged to one list of steps: against functions of time, instant by instant."""

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.envs.schedule import DownRun, always, delivered, least, level, stepped, steps, summed, window
from tidegate.fastsim.units import SECOND

MOST = 9  # accelerators
LAST = 24  # seconds that are looked at
HALF = SECOND // 2


@dataclass(frozen=True)
class Site:
    """Everything at one site, in seconds; and what it means, as functions of time.

    Half seconds count the instants: an even one is a whole second, where causes change, an odd one is where spot does.
    """

    first: int
    steps: list[tuple[int, int, int]]  # at, capacity, announced
    tranches: list[tuple[int, int, int, int]]  # accelerators, day, slip, notice
    windows: list[tuple[int, int, int | None, int]]  # left, begin, end, announced
    downs: list[tuple[int, int, int]]  # begin, end (each half a second later), notice

    def expected(self, now: int, at: int) -> int:
        """What is expected for the second `at`, as known at the second `now`; without spot."""
        known = [(when, capacity) for when, capacity, announced in self.steps if announced <= now and when <= at]
        ramp = max(known)[1] if known else self.first
        for accelerators, day, slip, notice in self.tranches:
            ramp += accelerators if at >= (day + slip if now >= day - notice else day) else 0
        limits = [
            left
            for left, begin, end, announced in self.windows
            if announced <= now and begin <= at and (end is None or at < end)
        ]
        return min([ramp, *limits])

    def capacity(self, half: int) -> int:
        """What there is."""
        is_down = any(2 * begin + 1 <= half < 2 * end + 1 for begin, end, _ in self.downs)
        return 0 if is_down else self.expected(half // 2, half // 2)

    def planned(self, now: int, half: int) -> int:
        """What is expected for `half` as known at `now`, spot included: the last change that is known decides."""
        for then in range(half, now, -1):
            before, after = self.expected(now // 2, (then - 1) // 2), self.expected(now // 2, then // 2)
            if before != after:
                return after
            if any(self.is_known_loss(now, then, *down) for down in self.downs):
                return 0
        return self.capacity(now)

    def is_known_loss(self, now: int, half: int, begin: int, end: int, notice: int) -> bool:
        """At `half` something is lost by this down-run, and `now` it is known: not before the run of capacity began."""
        up = max([0, *(2 * other + 1 for _, other, _ in self.downs if other < begin)])
        announced = max(up, 2 * begin + 1 - 2 * notice)
        return half == 2 * begin + 1 and announced <= now < half and self.capacity(half - 1) > 0

    def composed(self) -> tuple[int, tuple[tuple[int, ...], ...]]:
        """Capacity at the beginning, and the steps that the scenario makes of it."""
        ramp = [stepped(self.first, [(at * SECOND, n, announced * SECOND) for at, n, announced in self.steps])]
        ramp += [delivered(n, *(second * SECOND for second in terms)) for n, *terms in self.tranches]
        limits = [
            window(99, left, begin * SECOND, None if end is None else end * SECOND, announced * SECOND)
            for left, begin, end, announced in self.windows
        ]
        runs: list[DownRun] = []
        for begin, end, notice in self.downs:
            up = runs[-1].end if runs else 0
            at = begin * SECOND + HALF
            runs.append(DownRun(at, end * SECOND + HALF, max(up, at - notice * SECOND)))
        cause = least([summed(ramp), *limits])
        return level(cause[0].levels, 0), steps(cause, runs)


SECONDS = st.integers(1, LAST - 4)
NOTICES = st.sampled_from([0, 1, 2, 5, 10, 99])


@st.composite
def sites(draw: st.DrawFn) -> Site:
    """A site with up to three causes of a kind, most of them within the seconds that are looked at."""
    capacities = st.integers(0, MOST)
    at = draw(st.lists(SECONDS, max_size=3, unique=True))
    edges = sorted(draw(st.lists(SECONDS, max_size=6, unique=True)))
    windows = []
    for _ in range(draw(st.integers(0, 3))):
        begin, lasts = draw(SECONDS), draw(st.one_of(st.none(), st.integers(1, 8)))
        end = None if lasts is None else begin + lasts
        windows.append((draw(capacities), begin, end, begin - draw(NOTICES)))
    return Site(
        first=draw(capacities),
        steps=[(second, draw(capacities), second - draw(NOTICES)) for second in at],
        tranches=draw(st.lists(st.tuples(st.integers(1, 3), SECONDS, st.integers(0, 6), NOTICES), max_size=3)),
        windows=windows,
        downs=[(begin, end, draw(NOTICES)) for begin, end in zip(edges[::2], edges[1::2], strict=False)],
    )


def present(first: int, rows: tuple[tuple[int, ...], ...], now: int) -> int:
    """Rules, section 2: the capacity after the steps that have happened."""
    happened = [row for row in rows if len(row) == 3 and row[0] <= now]
    return max(happened)[1] if happened else first


def planned(first: int, rows: tuple[tuple[int, ...], ...], now: int, at: int) -> int:
    """Rules, section 5: the present capacity, and the steps and promises that are known, up to and including `at`."""
    known = []
    for when, capacity, announced, *withdrawn in rows:
        is_known = announced < when and announced <= now and (not withdrawn or now < withdrawn[0])
        if is_known and now < when <= at:
            known.append((when, capacity))
    return max(known)[1] if known else present(first, rows, now)


@given(sites())
@settings(max_examples=60, deadline=None)
def test_what_happens_and_what_is_expected_are_those_of_the_causes_at_every_instant(site):
    first, rows = site.composed()
    halves = range(2 * LAST)
    assert [present(first, rows, half * HALF) for half in halves] == [site.capacity(half) for half in halves]
    for now in halves:
        # some milliseconds on, where promises lie that share their instant with another
        expected = [planned(first, rows, now * HALF, half * HALF + HALF - 1) for half in halves[now:]]
        assert expected == [site.planned(now, half) for half in halves[now:]]


@given(sites())
@settings(max_examples=100, deadline=None)
def test_the_steps_are_ones_that_the_rules_allow(site):
    first, rows = site.composed()
    assert first >= 0
    assert [row[0] for row in rows] == sorted({row[0] for row in rows})
    for at, capacity, announced, *withdrawn in rows:
        assert at > 0 and capacity >= 0 and announced <= at
        assert not withdrawn or (0 < withdrawn[0] <= at and announced < withdrawn[0])
    levels = [first, *(row[1] for row in rows if len(row) == 3)]
    assert all(before != after for before, after in pairwise(levels))


@given(sites())
@settings(max_examples=100, deadline=None)
def test_nothing_is_withdrawn_to_be_announced_again_as_it_was(site):
    _, rows = site.composed()
    withdrawn = {(at // SECOND, capacity, until[0]) for at, capacity, _, *until in rows if until}
    assert withdrawn & {(at // SECOND, capacity, announced) for at, capacity, announced, *_ in rows} == set()


def test_a_tranche_that_slips_is_a_promise_and_a_later_step():
    ramp = summed([always(100), delivered(50, 30, 20, 5)])
    assert steps(ramp, []) == ((30, 150, 0, 25), (50, 150, 25))


def test_a_second_tranche_is_promised_less_once_the_first_has_slipped():
    """Until second 25 both are expected: 150 at 30, 200 at 40. Then the first is known to come at 50."""
    ramp = summed([always(100), delivered(50, 30, 20, 5), delivered(50, 40, 0, 5)])
    assert steps(ramp, []) == ((30, 150, 0, 25), (40, 150, 25), (41, 200, 0, 25), (50, 200, 25))


def test_what_is_lost_in_a_power_cut_comes_back_with_it():
    cut = window(100, 60, 20, 40, 10)
    ramp = stepped(100, [(30, 80, 0)])
    assert steps(least([ramp, cut]), []) == ((20, 60, 10), (30, 80, 0, 10), (40, 80, 10))


def test_spot_capacity_is_lost_with_notice_and_comes_back_as_a_surprise():
    runs = [DownRun(10_500, 20_500, 8_500), DownRun(25_500, 30_500, 25_500)]
    assert steps(always(8), runs) == ((10_500, 0, 8_500), (20_500, 8, 20_500), (25_500, 0, 25_500), (30_500, 8, 30_500))


@pytest.mark.parametrize(("notice", "rows"), [(5, ((30, 1, 25),)), (0, ((30, 1, 30),)), (40, ((30, 1, 0),))])
def test_notice_is_counted_back_from_the_step(notice, rows):
    assert steps(window(4, 1, 30, None, 30 - notice), [])[0][:3] == rows[0]
