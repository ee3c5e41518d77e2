"""What a router sees of one offer, each value worked out by hand from docs/observation.md."""

import numpy as np
import pytest

from tidegate.agents.rules import cost_greedy
from tidegate.envs.generator import fill_paths
from tidegate.fastsim.observe import CLOCK_FEATURES, JOB_FEATURES, SITE_FEATURES
from tidegate.fastsim.spec import BURST, COMMITTED, ClassTable, ProviderTable, SiteTable, SpecTable, plain_jobs
from tidegate.fastsim.units import NEVER
from tidegate.fastsim.worlds import Worlds

H, D = 3_600_000, 86_400_000
OWNED, RENTED = 0, 1
PLAIN, STAGED, SAVED = 0, 1, 2  # classes


def s(value: float, scale: float) -> float:
    return value / (scale + abs(value))


def octaves(value: float, width: float) -> float:
    """Straight between powers of two."""
    whole = int(np.floor(np.log2(value)))
    return (whole + value / 2**whole - 1) / width


def spec(steps=((2 * H, 32, 0),), preempt_after=20 * D):
    """64 accelerators owned, which become 32 after two hours; 100 rented, of another kind, which have to be started."""
    owned = SiteTable(0, 64, 2_000_000, (1000, 1000, 1000), capacity_steps=steps, mean_gap=10 * D)
    rented = SiteTable(
        1,
        100,
        3_000_000,
        (1000, 500, 1000),
        silicon=1,
        start_up=np.full(2048, 600_000),
        usual_start_up=600_000,
        denial=300_000,
        grants=((1, 1000), (16, 400)),
    )
    providers = (
        ProviderTable(COMMITTED, floor_money=10**12, egress_rate=10_000, links=(0, 800)),
        ProviderTable(BURST, egress_rate=20_000, links=(400, 0)),
    )
    classes = (
        ClassTable(500_000, preemptible=True),
        ClassTable(1_000_000, port=1_800_000, restart=600_000),
        ClassTable(1_000_000, checkpoint=H),
    )
    return SpecTable((owned, rented), providers, classes, 28 * D, offer_interval=D, preempt_after=preempt_after).pack()


def jobs():
    """A plain job that runs all the time; and three that follow each other, the last with a deadline."""
    table = plain_jobs(4)
    table.arrival = [0, 1, 1, 1]
    table.requested = table.walltime = [10 * D, H, 2 * H, 3 * H]
    table.gang = [16, 8, 8, 8]
    table.cls = [PLAIN, STAGED, STAGED, STAGED]
    table.priority = [0, 3, 3, 3]
    table.silicon[1:] = 0
    table.member = [0, 0, 1, 2]
    table.parents = [0, 0, 1, 2]
    table.output[1:] = 100_000
    table.deadline[3], table.penalty[3] = 12 * H, 96_000_000
    fill_paths(table, np.zeros(4, np.int64))
    return table


@pytest.fixture(scope="module")
def offers() -> list[dict[str, np.ndarray]]:
    """The offers of the four jobs: all are sent to what is owned."""
    worlds = Worlds(spec(), jobs(), 1)
    worlds.begin(0)
    seen, action = [], -1
    for _ in range(4):
        worlds.run(np.array([action]), cost_greedy.agent(), np.array([NEVER]), 0, observes=True)
        vector, action = worlds.observations[0].astype(float), OWNED
        job, clock = len(JOB_FEATURES), len(CLOCK_FEATURES)
        sites = vector[job + clock :].reshape(2, len(SITE_FEATURES))
        seen.append(dict(zip(JOB_FEATURES, vector[:job], strict=True)) | dict(zip(SITE_FEATURES, sites.T, strict=True)))
    return seen


def test_descendants_and_their_longest_path_are_those_of_the_pipeline():
    table = plain_jobs(6)
    table.requested = [5, 10, 20, 30, 40, 7]
    table.member = [0, 0, 1, 2, 3, 0]
    table.parents = [0, 0, 1, 1, 0b110, 0]  # one, then two side by side, then one after both
    fill_paths(table, np.zeros(6, np.int64))
    assert table.descendants.tolist() == [0, 3, 1, 1, 0, 0]
    assert table.path.tolist() == [0, 70, 40, 40, 0, 0]


def test_the_job_block_says_what_depends_on_a_job(offers):
    first, last = offers[1], offers[3]
    assert [first["descendants"], last["descendants"]] == pytest.approx([s(2, 4), 0])
    assert [first["path_days"], last["path_days"]] == pytest.approx([s(5 * H, D), 0])
    assert [offers[0]["is_preemptible"], first["is_preemptible"]] == [1, 0]
    assert [first["data"], offers[2]["data"]] == pytest.approx([0, s(100_000, 1e6)])
    assert [first["is_service"], first["progress"]] == [0, 0]


def test_a_deadline_shows_in_both_blocks(offers):
    """The last job becomes ready after 3 h: 6 h of slack, if it starts now; rented, it starts up and sets up first."""
    assert [offers[2]["deadline_slack"], offers[2]["penalty"]] == [1, 0]
    assert offers[2]["deadline_after"].tolist() == [1, 1]
    last = offers[3]
    assert last["deadline_slack"] == pytest.approx(s(6 * H, D))
    assert last["penalty"] == pytest.approx(s(96e6, 192e6), rel=1e-6)
    rented = 9 * H - 600_000 - 1_000_000 - 1_800_000 - 6 * H
    assert last["deadline_after"] == pytest.approx([s(6 * H, D), s(rented, D)])


def test_data_draw_a_job_to_where_its_parent_ran(offers):
    second = offers[2]
    assert second["data_share"].tolist() == [1, 0]
    assert second["egress_per_delay"] == pytest.approx([0, s(1e6, 192e6)], rel=1e-6)
    assert second["set_up_hours"] == pytest.approx([0, s(1_000_000 + 1_800_000, H)])  # 100 GB at 800 Mb/s, and the port
    assert offers[1]["data_share"].tolist() == [1, 1]
    assert offers[1]["set_up_hours"] == pytest.approx([0, s(1_800_000, H)])


def test_what_has_to_be_started_takes_time_and_may_be_denied(offers):
    chance = (1000 - 600 * 7 // 15) / 1000  # eight accelerators, between one and sixteen
    assert offers[1]["grant_chance"] == pytest.approx([1, chance])
    assert offers[1]["start_up_hours"] == pytest.approx([0, s(600_000 + 300_000 * (1 - chance) / chance, H)])


def test_steps_failures_and_who_would_yield(offers):
    first, second, last = offers[1:]
    assert first["lowest_capacity"].tolist() == [1, 1]  # it would be done after an hour
    assert second["lowest_capacity"].tolist() == [0.5, 1]
    assert [second["capacity_28d"][OWNED], last["capacity_28d"][OWNED]] == pytest.approx([s(-32, 64), 0])
    assert second["failures"] == pytest.approx([s(8 / 64 * 2 * H, 10 * D), 0])
    assert [offers[0]["yielding_share"][OWNED], first["yielding_share"][OWNED]] == [0, 0.25]
    assert last["yielding_share"][OWNED] == 0.5
    assert second["partner"].tolist() == [0, 0]


def test_logarithms_are_straight_between_powers_of_two(offers):
    first, last = offers[1], offers[3]
    assert first["accelerator_octaves"] == pytest.approx(3 / 16, rel=1e-6)
    assert [first["hours_octaves"], last["hours_octaves"]] == pytest.approx([0, octaves(3, 12)], rel=1e-6)
    assert [offers[0]["rate_octaves"], first["rate_octaves"]] == pytest.approx([-1 / 8, 0], rel=1e-6)
    assert first["waited_octaves"] == 0
    assert offers[0]["hours_octaves"] == pytest.approx(octaves(240, 12), rel=1e-6)


def test_what_a_job_would_cost_is_told_part_by_part(offers):
    """Eight accelerators for two hours where they are owned, four where they are rented, after staging and the port."""
    second, hour = offers[2], 8e6
    chance = (1000 - 600 * 7 // 15) / 1000
    metered = 3e6 * 8 * (1_000_000 + 1_800_000 + 4 * H) / H + 1e6
    committed = 2e6 * 8 * 2
    starting = hour * (600_000 + 300_000 * (1 - chance) / chance) / H
    total = metered + committed + starting
    assert second["metered_cost"] == pytest.approx([0, metered / total], rel=1e-6)
    assert second["committed_cost"] == pytest.approx([committed / total, 0], rel=1e-6)
    assert second["starting_cost"] == pytest.approx([0, starting / total], rel=1e-6)
    assert second["delay_hour"] == pytest.approx([hour / total] * 2, rel=1e-6)
    for name in ("waiting_cost", "evicting_cost", "makes_way"):
        assert second[name].tolist() == [0, 0]


def test_who_would_make_way_and_what_would_be_lost():
    """A run of all that is owned, an hour and a half after its begin; what is saved every hour is not lost."""
    for cls, lost in ((PLAIN, 1.5), (SAVED, 0.5)):
        table = plain_jobs(3)
        table.arrival, table.requested, table.walltime = [0, H // 2, 3 * H // 2], [10 * D, H, H], [10 * D, H, H]
        table.gang, table.cls, table.priority = [64, 8, 8], [cls, STAGED, STAGED], [0, 3, 3]
        terms = spec((), preempt_after=H)
        terms.rules[0].preemptible[SAVED] = 1
        early, late = (sites for _, sites in seen_of(table, 3, terms=terms)[1:])
        assert early["makes_way"].tolist() == [0, 0]  # it has not run long enough
        assert early["waiting_cost"][OWNED] > 0.5
        assert early["evicting_cost"].tolist() == [0, 0]
        assert late["makes_way"].tolist() == [1, 0]
        share = late["evicting_cost"][OWNED] / late["committed_cost"][OWNED]
        assert share == pytest.approx(3e6 * 64 * lost / (2e6 * 8), rel=1e-5)


def test_an_illegal_site_costs_nothing_and_waits_for_ever():
    table = plain_jobs(1)
    table.gang = [80]  # more than is owned
    ((_, sites),) = seen_of(table, 1)
    assert sites["is_legal"].tolist() == [0, 1]
    assert sites["waiting_cost"].tolist() == [1, 0]
    parts = ("metered_cost", "committed_cost", "starting_cost", "evicting_cost", "makes_way")
    assert [sites[name][OWNED] for name in parts] == [0] * 5
    assert sites["metered_cost"][RENTED] + sites["starting_cost"][RENTED] == pytest.approx(1, rel=1e-6)


def seen_of(table, count, steps=(), terms=None):
    """The job block, by name, and the site block of each of `count` offers, all sent to what is owned."""
    worlds = Worlds(spec(steps) if terms is None else terms, table, 1)
    worlds.begin(0)
    action, blocks = -1, []
    for _ in range(count):
        worlds.run(np.array([action]), cost_greedy.agent(), np.array([NEVER]), 0, observes=True)
        vector, action = worlds.observations[0].astype(float), OWNED
        sites = vector[len(JOB_FEATURES) + len(CLOCK_FEATURES) :].reshape(2, len(SITE_FEATURES))
        blocks.append((dict(zip(JOB_FEATURES, vector, strict=False)), dict(zip(SITE_FEATURES, sites.T, strict=True))))
    return blocks


def test_a_partner_that_runs_is_seen_where_it_runs():
    """Two side by side: the first is offered before the other runs; the second, a moment later, after it."""
    table = plain_jobs(2)
    table.arrival, table.requested, table.walltime, table.gang = 0, H, H, 8
    table.cls, table.member, table.partner = STAGED, [0, 1], [1, 0]
    table.parents, table.tags = 0, 0
    first = seen_of(table, 1)[0][1]
    assert first["partner"].tolist() == [0, 0]
    table.arrival = [0, 1]
    assert seen_of(table, 2)[1][1]["partner"].tolist() == [1, -1]


def test_a_block_of_serving_and_what_a_checkpoint_saved_are_seen():
    """After two hours of ten a cut takes all that is owned: half of the work is done by then, and saved each hour."""
    table = plain_jobs(1)
    table.requested, table.walltime, table.gang, table.cls = 4 * H, 4 * H, 8, SAVED
    before, after = seen_of(table, 2, steps=((2 * H, 0, 2 * H), (3 * H, 64, 0)))
    assert [before[0]["progress"], after[0]["progress"]] == pytest.approx([0, 0.5])
    table.until = 4 * H
    assert seen_of(table, 1)[0][0]["is_service"] == 1


def test_cost_greedy_pays_for_start_ups_and_data_where_waiting_costs_more():
    """With all that is owned taken for ten days, a job that waits at a dollar an hour goes to what is rented."""
    table = jobs()
    table.gang[0] = 64
    worlds = Worlds(spec(steps=()), table, 1, results=4)
    worlds.begin(0)
    worlds.ask_results(0, 0, 4)
    worlds.play(cost_greedy.agent(), 20 * D)
    assert worlds.batch.results[0].site.tolist()[1:] == [RENTED] * 3
