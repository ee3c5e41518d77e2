"""Sections 2 to 5 of the rules in worlds worked by hand: ties, evictions, footprints, offers and dispatch."""

import pytest

from .reference.log import (
    ANNOUNCE,
    ARRIVE,
    CAPACITY,
    EVICT,
    FINISH,
    OFFER,
    POST,
    PRICE,
    START,
    WRITE_OFF,
)
from .reference.runs import duration
from .reference.simulator import Simulator, run
from .reference.state import accelerators
from .reference.toys import burst, first_site, hold, job, of_kind, site, world

MINUTE = 60_000


def starts(jobs, sites, **others):
    """{job: last start} when every job goes to site 0."""
    return run(world(jobs, sites, **others), first_site, 10_000).start


# Section 2


def test_a_gang_is_rounded_up_to_granules_and_from_cube_from_on_to_cubes():
    """Granule 4, cubes of 64 from 64 on: 5 takes 8, 63 and 64 take 64, 65 takes 128. Without cubes 65 takes 68."""
    tpu = site(512, granule=4, cube=64, cube_from=64)
    assert [accelerators(job(0, gang, 1), tpu) for gang in (1, 5, 63, 64, 65)] == [4, 8, 64, 64, 128]
    assert accelerators(job(0, 65, 1), site(512, granule=4)) == 68


def test_durations_are_divided_by_the_speed_and_rounded_up():
    """10 ms at 3000 permille are 3.33 ms, so 4; 1 ms at 2000 is half a ms, so 1; 10 ms at 300 are 33.3, so 34."""
    assert [duration(10, 3000), duration(1, 2000), duration(10, 300)] == [4, 1, 34]


def test_speed_tags_and_later_capacity_decide_what_suits():
    """Of five sites only 3 and 4 suit: 0 has no speed, 1 lacks the tag, 2 is too small, 4 grows by surprise.

    Site 4 suits (nobody is written off), but it is not legal before it has grown at 5: before, only 3 and hold are.
    """
    sites = [site(4, speed=[0]), site(4, provider=1), site(3), site(4), site(1, steps=[(5, 4, 5)])]
    asked = []

    def choose(number, attempt, legal):
        asked.append(legal)
        return 5

    jobs = [job(0, 4, 10, tags=2), job(6, 4, 10, tags=2)]
    run(world(jobs, sites, providers=[burst(tags=3), burst(tags=1)], pass_size=1, reoffer_gap=99), choose, 10)
    assert asked == [[False, False, False, True, False, True], [False, False, False, True, True, True]]


# Section 3


def test_an_instant_is_worked_off_in_the_order_of_the_rules():
    """At minute 1 everything happens at once.

    Job 0 (site 0) finishes; site 2 falls to 1, which evicts job 1; site 0 grows; site 1 and 2 announce steps; the price
    of site 2 changes, after 2 × 60,000 accelerator-ms are posted for it; the period ends, with 60,000 for site 0;
    job 2 arrives, job 3 arrives and suits nothing (gang 99 × 1 ms requested = 99 µ$ at 1 µ$ per ms, no delay cost);
    jobs 2 and 1 are offered, 2 first for its priority, and job 2 starts.
    """
    sites = [
        site(1, steps=[(MINUTE, 2, MINUTE)]),
        site(1, steps=[(2 * MINUTE, 3, MINUTE)]),
        site(2, steps=[(MINUTE, 1, MINUTE), (3 * MINUTE, 4, MINUTE)], price_steps=[(MINUTE, 5)]),
    ]
    jobs = [job(0, 1, MINUTE), job(0, 2, 2 * MINUTE), job(MINUTE, 1, 7, priority=1), job(MINUTE, 99, 1)]
    result = run(world(jobs, sites, period=MINUTE), lambda number, attempt, legal: (0, 2, 0, 0)[number], MINUTE + 1)
    assert [row[1:] for row in result.log if row[0] == MINUTE] == [
        (FINISH, 0, 0, 1),
        (CAPACITY, -1, 2, 1),
        (EVICT, 1, 2, MINUTE),
        (CAPACITY, -1, 0, 2),
        (ANNOUNCE, -1, 1, 3),
        (ANNOUNCE, -1, 2, 4),
        (POST, 0, 2, 2 * MINUTE),
        (PRICE, -1, 2, 5),
        (POST, 0, 2, MINUTE),
        (ARRIVE, 2, -1, 1),
        (ARRIVE, 3, -1, 99),
        (WRITE_OFF, 3, -1, 99),
        (POST, 0, 6, 99),
        (OFFER, 2, 0, 0),
        (OFFER, 1, 2, 2),
        (START, 2, 0, 1),
    ]


def test_a_completion_makes_room_for_an_arrival_of_the_same_instant():
    """One accelerator. Job 0 runs from 0 to 10; job 1 arrives at 10 and starts then."""
    assert starts([job(0, 1, 10), job(10, 1, 10)], [site(1)]) == {0: 0, 1: 10}


def test_a_job_that_completes_when_the_capacity_falls_is_not_evicted():
    """Job 0 ends at 10, when the site falls to 0."""
    result = run(world([job(0, 1, 10)], [site(1, steps=[(10, 0, 10)])]), first_site, 20)
    assert of_kind(result.log, EVICT, FINISH) == [(10, FINISH, 0, 0, 1)]


def test_low_priority_goes_first_then_the_latest_start_then_the_largest_id():
    """Six jobs of one accelerator: 0, 1 (priority 1, from 0), 2, 3 (priority 0, from 0), 4 (0, from 1), 5 (1, from 1).

    At 5 the site falls from 6 to 1: first priority 0, of which 4 started last, then 3 and 2 by id; then 5, then 1.
    """
    jobs = [job(0, 1, 99, priority=p) for p in (1, 1, 0, 0)] + [job(1, 1, 99), job(1, 1, 99, priority=1)]
    result = run(world(jobs, [site(6, steps=[(5, 1, 5)])]), first_site, 6)
    assert [row[2] for row in of_kind(result.log, EVICT)] == [4, 3, 2, 5, 1]
    assert set(result.running) == {0}


def test_all_losses_come_before_all_gains_and_a_step_to_the_same_is_a_gain():
    """At 5: site 0 gains, site 1 stays, site 2 loses. Rows: 2, then 0, then 1."""
    sites = [site(1, steps=[(5, 2, 5)]), site(2, steps=[(5, 2, 5)]), site(3, steps=[(5, 2, 5)])]
    result = run(world([job(0, 1, 1)], sites), first_site, 6)
    assert [row[3] for row in of_kind(result.log, CAPACITY)] == [2, 0, 1]


def test_an_announcement_before_the_beginning_has_no_row():
    """Announced at −3 and at 0: known from the beginning. At 4: announced. At its own time: a surprise."""
    steps = [(10, 1, -3), (20, 2, 0), (30, 3, 4), (40, 4, 40)]
    result = run(world([job(0, 1, 1)], [site(1, steps=steps)]), first_site, 50)
    assert of_kind(result.log, ANNOUNCE) == [(4, ANNOUNCE, -1, 0, 3)]


def test_a_run_in_two_parts_is_the_whole_run_and_the_last_instant_is_left_out():
    """Until 10: job 0, which ends at 10, still runs. Going on to 11 gives what a run until 11 gives."""
    small = world([job(0, 1, 10), job(10, 1, 10)], [site(1)])
    parts = Simulator(small)
    assert set(parts.run(first_site, 10).running) == {0}
    assert parts.run(first_site, 11) == run(small, first_site, 11)


# Section 4


def test_hold_expires_and_is_then_carried_out_as_the_lowest_legal_site():
    """Held at 0 and at 10; at 20 the job has waited `max_hold`. Site 0 has no speed: site 1 is the lowest."""
    small = world([job(0, 1, 1)], [site(1, speed=[0]), site(1)], offer_interval=10, pass_size=1, max_hold=20)
    result = run(small, hold, 30)
    assert of_kind(result.log, OFFER) == [(0, OFFER, 0, 2, 2), (10, OFFER, 0, 2, 2), (20, OFFER, 0, 1, 2)]
    assert (result.illegal, result.start) == (1, {0: 20})


def test_an_illegal_site_or_number_is_carried_out_as_hold_while_hold_is_legal():
    """The job asks for site 0, which is too small until the surprise at 50, then for actions that do not exist."""
    small = world([job(0, 2, 1)], [site(1, steps=[(50, 2, 50)])], offer_interval=10, pass_size=1)
    result = run(small, lambda number, attempt, legal: (0, -1, 7)[attempt], 30)
    assert of_kind(result.log, OFFER) == [(0, OFFER, 0, 1, 0), (10, OFFER, 0, 1, -1), (20, OFFER, 0, 1, 7)]
    assert result.illegal == 3


def test_hold_stays_legal_beyond_max_hold_when_nothing_else_is():
    """No site is legal before the surprise at 50, and `max_hold` is 1."""
    small = world([job(0, 2, 1)], [site(1, steps=[(50, 2, 50)])], offer_interval=10, pass_size=1, max_hold=1)
    assert run(small, hold, 50).illegal == 0


def test_hold_is_the_last_resort_where_there_is_no_pass():
    """With `pass_size` 0 job 0 asks for hold and is queued at site 0. Job 1 (gang 2) has no legal site, and is held."""
    result = run(world([job(0, 1, 1), job(0, 2, 1)], [site(1, steps=[(50, 2, 50)])]), hold, 1)
    assert of_kind(result.log, OFFER) == [(0, OFFER, 0, 0, 1), (0, OFFER, 1, 1, 1)]
    assert result.illegal == 1


def test_an_eviction_begins_a_new_hold():
    """`max_hold` is 10. Held at 0, queued at 10 and started, evicted at 15: hold is legal at 20 again, not at 30."""
    sites = [site(1, steps=[(15, 0, 15), (16, 1, 16)])]
    small = world([job(0, 1, 99)], sites, offer_interval=10, pass_size=1, max_hold=10)
    result = run(small, hold, 31)
    assert [row[0] for row in of_kind(result.log, START)] == [10, 30]


def test_the_pass_looks_at_the_first_waiting_jobs_in_job_order_and_leaves_fresh_ones_out():
    """Jobs 0 and 1 and, with priority, 2 are held at 0. At 10 job 3 arrives. The pass has room for two: 2 and 0.

    They are offered with the fresh job in job order: 2, 0, 3. Job 1 is beyond the pass.
    """
    jobs = [job(0, 1, 1), job(0, 1, 1), job(0, 1, 1, priority=1), job(10, 1, 1)]
    result = run(world(jobs, [site(1)], offer_interval=10, pass_size=2), hold, 11)
    assert [row[2] for row in of_kind(result.log, OFFER) if row[0] == 10] == [2, 0, 3]


def test_a_job_is_offered_again_after_the_gap_or_at_a_capacity_loss():
    """Gap 10, wake-ups at 0, 5, 10 and, a loss, at 12; the gain at 13 takes nobody. Offers at 0, 10 and 12."""
    sites = [site(3, steps=[(12, 2, 12), (13, 3, 13)])]
    result = run(world([job(0, 1, 1)], sites, offer_interval=5, pass_size=1, reoffer_gap=10), hold, 15)
    assert [row[0] for row in of_kind(result.log, OFFER)] == [0, 10, 12]


def test_an_arrival_alone_is_no_wake_up():
    """Job 0 is held at 0; at 5 only job 1 is offered."""
    result = run(world([job(0, 1, 1), job(5, 1, 1)], [site(1)], pass_size=9), hold, 6)
    assert [(row[0], row[2]) for row in of_kind(result.log, OFFER)] == [(0, 0), (5, 1)]


def test_a_head_that_moves_away_lets_the_next_one_start():
    """Site 0 has 2, of which job 0 holds 1 until 99. Job 1 (gang 2) blocks job 2 (gang 1) under FCFS.

    At 10 job 1 is offered again and goes to site 1; both sites are touched, and both jobs start.
    """
    jobs = [job(0, 1, 99), job(1, 2, 5), job(2, 1, 5)]
    small = world(jobs, [site(2), site(2)], offer_interval=10, pass_size=1)
    result = run(small, lambda number, attempt, legal: attempt if number == 1 else 0, 20)
    assert result.start == {0: 0, 1: 10, 2: 10}


# Section 5


def test_fcfs_waits_behind_a_blocked_head():
    """2 of 3 are taken until 10. Job 1 needs 2, so job 2 (1 for 5 ms) waits behind it, and starts beside it at 10."""
    assert starts([job(0, 2, 10), job(1, 2, 10), job(2, 1, 5)], [site(3)]) == {0: 0, 1: 10, 2: 10}


@pytest.mark.parametrize(("length", "start"), [(8, 2), (9, 20)])
def test_easy_backfills_a_job_that_ends_by_the_shadow_time(length, start):
    """2 of 3 are taken until 10, so that job 1 (all 3) has its shadow time at 10. Job 2 may run from 2 to 10, not 11.

    When it may not, it starts after job 1, which then runs from 10 to 20.
    """
    jobs = [job(0, 2, 10), job(1, 3, 10), job(2, 1, length)]
    assert starts(jobs, [site(3)], dispatch="easy")[2] == start


def test_easy_backfills_on_what_the_head_leaves_and_no_further():
    """2 of 4 are taken until 10. Job 1 (3) has its shadow time at 10 and leaves 1 then.

    Job 2 (1 for 50) takes that; job 3 (1 for 50) would take from the head and waits; job 4 (1 for 6) ends by 10.
    Job 3 starts when job 1 ends, at 20.
    """
    jobs = [job(0, 2, 10), job(1, 3, 10), job(2, 1, 50), job(3, 1, 50), job(4, 1, 6)]
    assert starts(jobs, [site(4)], dispatch="easy") == {0: 0, 1: 10, 2: 2, 3: 20, 4: 4}


@pytest.mark.parametrize(("depth", "start"), [(1, 20), (2, 4)])
def test_easy_looks_at_no_more_jobs_than_it_may(depth, start):
    """The schedule above, where job 4 is the second behind the head when it comes."""
    jobs = [job(0, 2, 10), job(1, 3, 10), job(2, 1, 50), job(3, 1, 50), job(4, 1, 6)]
    found = starts(jobs, [site(4)], dispatch="easy", backfill_depth=depth)
    assert found[2] == 2  # the first behind it, then and there
    assert found[4] == start


def test_priority_comes_before_arrival_in_a_queue():
    """One accelerator, taken until 10. Of jobs 1 and 2 the second is more urgent."""
    assert starts([job(0, 1, 10), job(1, 1, 10), job(2, 1, 10, priority=3)], [site(1)]) == {0: 0, 1: 20, 2: 10}


def test_an_overrun_job_counts_as_ending_now():
    """Job 0 has 3 of 4, asked for 5 ms and runs 30. At 8 job 1 (4) is blocked and its shadow time is 8, now.

    So job 2 (1 for 10), which would end after that and leaves the head 3, waits; had job 0 asked for 30, it starts.
    """
    after = [job(8, 4, 10), job(9, 1, 10)]
    assert starts([job(0, 3, 30, requested=5), *after], [site(4)], dispatch="easy") == {0: 0, 1: 30, 2: 40}
    assert starts([job(0, 3, 30), *after], [site(4)], dispatch="easy") == {0: 0, 1: 30, 2: 9}


def test_an_announced_cut_blocks_a_start_that_would_meet_it():
    """The site falls to 2 at 10 and is back at 30. 3 for 10 ms may start at 0 (ending at the cut), for 11 not."""
    sites = [site(4, steps=[(10, 2, 0), (30, 4, 0)])]
    assert starts([job(0, 3, 10)], sites) == {0: 0}
    assert starts([job(0, 3, 11)], sites) == {0: 30}


def test_a_surprise_does_not_block_and_evicts():
    """The same cut as a surprise: the job starts at 0, is evicted at 10, and starts anew at 30."""
    result = run(world([job(0, 3, 11)], [site(4, steps=[(10, 2, 10), (30, 4, 5)])]), first_site, 99)
    assert of_kind(result.log, START, EVICT, FINISH) == [
        (0, START, 0, 0, 3),
        (10, EVICT, 0, 0, 10),
        (30, START, 0, 0, 3),
        (41, FINISH, 0, 0, 3),
    ]


def test_the_head_is_promised_nothing_and_the_others_go_on_when_there_is_no_shadow_time():
    """8 accelerators from 100 to 110 only, announced; 4 before and after. The head (8 for 50) never fits by the plan.

    It is legal, since 8 are announced. Job 1 (1 for 1,000) starts behind it.
    """
    sites = [site(4, steps=[(100, 8, 0), (110, 4, 0)])]
    assert starts([job(0, 8, 50), job(1, 1, 1000)], sites, dispatch="easy") == {1: 1}


@pytest.mark.parametrize(("length", "start"), [(90, 1), (120, 1050)])
def test_the_reservation_counts_at_every_announced_step_inside_it(length, start):
    """10 until 100, when the site falls to 8. Job 0 has 8 until 50, so the head (8 for 1,000) has shadow time 50.

    Job 2 (2) leaves it whole at 50 (8 + 2 <= 10). For 90 ms it is gone by the cut; for 120 ms it meets it: 8 + 2 > 8.
    Then the head runs from 50 to 1,050 and job 2 starts after it.
    """
    jobs = [job(0, 8, 50), job(0, 8, 1000), job(1, 2, length)]
    assert starts(jobs, [site(10, steps=[(100, 8, 0)])], dispatch="easy")[2] == start


def test_a_gain_lets_the_head_start():
    """The head needs 4 of 2; 4 are announced for 10, so that it may queue, and it starts then."""
    assert starts([job(5, 4, 10)], [site(2, steps=[(10, 4, 3)])]) == {0: 10}
