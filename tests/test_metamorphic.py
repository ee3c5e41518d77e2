"""Laws that tie one run to another (200 examples each; `TIDEGATE_EXAMPLES` for more).

Sites under other names, more accelerators of everything, a run in parts, cheaper prices, a site that nobody uses, jobs
counted from elsewhere: what must stay the same does, to the last row. Examples are small scenes (swarm.py); hypothesis
switches off the features that a failure does not need.
"""

import os
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.fastsim.log import OFFER, POST, REQUEST, STAGE, WRITE_OFF
from tidegate.fastsim.spec import BURST, NO, Jobs, ProviderTable, SiteTable, SpecTable
from tidegate.fastsim.units import HOUR
from tidegate.fastsim.worlds import Worlds

from .agents_at_random import renamed_agent
from .swarm import ALL, FEATURES, Scene, begun, ramp, scene

EXAMPLES = int(os.environ.get("TIDEGATE_EXAMPLES", "200"))
law = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def scenes(draw: st.DrawFn, without: tuple[str, ...] = ()) -> Scene:
    """Small scenes; smaller ones have fewer jobs and fewer features."""
    features = draw(st.sets(st.sampled_from(FEATURES))) if draw(st.booleans()) else ALL
    return scene(draw(st.integers(0, 1 << 30)), draw(st.integers(5, 60)), frozenset(features) - set(without))


def run(table: SpecTable, jobs: Jobs, drawn: Scene, actions: list[int] | None = None, first: int = 0) -> Worlds:
    """A world played to the scene's end, by an agent for which the actions have these names."""
    worlds = begun(table.pack(), jobs, drawn.seed, first=first)
    names = list(range(len(table.sites) + 1)) if actions is None else actions
    worlds.play(renamed_agent(drawn.seed, names, first), drawn.until)
    return worlds


def within_instants(log: np.ndarray) -> np.ndarray:
    """Rows in an order of their own within each instant."""
    return log[np.lexsort(log.T[::-1])]


# Sites and providers under other names


def renamed(table: SpecTable, sites: list[int], providers: list[int]) -> SpecTable:
    """The world in which site k is called sites[k], and provider k providers[k]."""
    by_site: list = [None] * len(sites)
    for old, site in enumerate(table.sites):
        by_site[sites[old]] = replace(site, provider=providers[site.provider])
    by_provider: list = [None] * len(providers)
    for old, provider in enumerate(table.providers):
        links = [0] * len(provider.links)
        for other, link in enumerate(provider.links):
            links[providers[other]] = link
        by_provider[providers[old]] = replace(provider, links=tuple(links))
    return replace(table, sites=tuple(by_site), providers=tuple(by_provider))


def rename_rows(log: np.ndarray, sites: list[int], providers: list[int]) -> np.ndarray:
    """The log in which they have their new names."""
    rows, kind = log.copy(), log[:, 1]
    new_site, new_provider = np.array([*sites, len(sites), -1]), np.array(providers)  # hold, and none
    has_site = ~np.isin(kind, (POST, STAGE))
    rows[has_site, 3] = new_site[log[has_site, 3]]
    rows[kind == STAGE, 3] = new_provider[log[kind == STAGE, 3]]
    rows[kind == OFFER, 4] = new_site[log[kind == OFFER, 4]]
    of_provider = (kind == POST) & ~np.isin(log[:, 3], BY_CLASS)
    rows[of_provider, 2] = new_provider[log[of_provider, 2]]
    return rows


BY_CLASS = (5, 6, 9)  # accounts: DELAY, WRITE_OFF, PENALTY
NUMBERED = ("failures", "denials", "partners")  # draws go by the site's number; partners ask who began first


def without_draws(drawn: Scene) -> SpecTable:
    """The scene with start-ups that always take the same time: whatever is drawn goes by the site's number.

    Where jobs are preempted nobody has a budget: what the rest of an increment spends at one site is seen at the sites
    after it.
    """
    table = drawn.table
    sites = tuple(
        replace(site, start_up=None if site.start_up is None else ramp(int(site.start_up[0]), int(site.start_up[0])))
        for site in table.sites
    )
    if table.preempt_after > 0:
        table = replace(table, providers=tuple(replace(provider, budget=NO) for provider in table.providers))
    return replace(table, sites=sites)


@law
@given(scenes(without=NUMBERED), st.randoms(use_true_random=False))
def test_names_of_sites_and_providers_mean_nothing(drawn, random):
    table = without_draws(drawn)
    sites, providers = list(range(len(table.sites))), list(range(len(table.providers)))
    random.shuffle(sites)
    random.shuffle(providers)
    jobs = drawn.jobs.copy()
    jobs.home = np.array(providers)[jobs.home]
    here = run(table, drawn.jobs, drawn)
    there = run(renamed(table, sites, providers), jobs, drawn, [*sites, len(sites)])
    expected = rename_rows(here.log(), sites, providers)
    np.testing.assert_array_equal(within_instants(there.log()), within_instants(expected))
    assert there.totals() == here.totals()


# More of everything


def exact(drawn: Scene) -> SpecTable:
    """The scene with prices, rates and ratios with which money is exactly proportional to accelerators."""

    def whole(price: int) -> int:
        return HOUR * (price // HOUR + 1)

    table = drawn.table
    return replace(
        table,
        sites=tuple(
            replace(
                site,
                price=whole(site.price),
                price_steps=tuple((at, HOUR * (price // HOUR)) for at, price in site.price_steps),
            )
            for site in table.sites
        ),
        providers=tuple(
            replace(
                provider,
                floor_share=NO if provider.floor_share == NO else 1000 * (provider.floor_share >= 800),
                floor_money=NO if provider.floor_money == NO else provider.floor_money * (table.period // 60_000),
                overage_ratio=provider.overage_ratio // 700 * 1000,
                carry=provider.carry // 1000 * 1000,
                egress_rate=provider.egress_rate * 1000,
            )
            for provider in table.providers
        ),
        classes=tuple(replace(cls, delay_rate=whole(cls.delay_rate)) for cls in table.classes),
    )


def multiplied(table: SpecTable, jobs: Jobs, times: int) -> tuple[SpecTable, Jobs]:
    """So many times the accelerators everywhere, and of the money that is not counted by accelerators."""

    def money(amount: int) -> int:
        return amount if amount == NO else amount * times

    sites = tuple(
        replace(
            site,
            capacity=site.capacity * times,
            granule=site.granule * times,
            cube=site.cube * times,
            cube_from=(site.cube_from - 1) * times + 1,
            capacity_steps=tuple((at, size * times, *known) for at, size, *known in site.capacity_steps),
            grants=tuple((size * times, chance) for size, chance in site.grants),
        )
        for site in table.sites
    )
    providers = tuple(
        replace(
            provider,
            floor_money=money(provider.floor_money),
            budget=money(provider.budget),
            egress_rate=provider.egress_rate * times,
        )
        for provider in table.providers
    )
    jobs = jobs.copy()
    jobs.gang *= times
    jobs.penalty *= times
    return replace(table, sites=sites, providers=providers), jobs


SAME_VALUE = (OFFER, REQUEST, STAGE)  # rows whose value is no number of accelerators and no money
LOSSES = (2, 11, 12)  # EVICT, FAIL, PREEMPT: ms
PRICES = (5,)


@law
@given(scenes(), st.sampled_from([2, 3, 10]))
def test_more_accelerators_of_everything_are_more_money_and_nothing_else(drawn, times):
    table = exact(drawn)
    one = run(table, drawn.jobs, drawn)
    many = run(*multiplied(table, drawn.jobs, times), drawn)
    expected = one.log().copy()
    grows = ~np.isin(expected[:, 1], (*SAME_VALUE, *LOSSES, *PRICES))
    expected[grows, 4] *= times
    np.testing.assert_array_equal(many.log(), expected)
    assert many.totals().bill == times * one.totals().bill
    assert many.totals().avoidable == times * one.totals().avoidable


# A run in parts


@law
@given(scenes(), st.lists(st.integers(0, 1000), max_size=5), st.booleans())
def test_a_run_in_parts_is_the_whole_run(drawn, parts, is_copied):
    """Each part is `permille` of the time; in between the state may move to another batch."""
    whole = run(drawn.table, drawn.jobs, drawn)
    worlds, rows = drawn.begun(), []
    agent = renamed_agent(drawn.seed, list(range(len(drawn.table.sites) + 1)))
    for part in [*sorted(parts), 1000]:
        worlds.play(agent, drawn.until * part // 1000)
        rows.append(worlds.log())
        if is_copied:
            copy = Worlds(worlds.spec, worlds.jobs, 3, slots=64, log=True)
            copy.copy_from(worlds, np.array([0]), np.array([0]))
            copy.batch.state[0].log_rows = 0
            worlds = copy
    found = np.concatenate(rows) if is_copied else rows[-1]
    np.testing.assert_array_equal(found, whole.log())
    assert worlds.totals() == whole.totals()


# Cheaper prices


@law
@given(scenes(without=("budgets",)), st.randoms(use_true_random=False))
def test_a_price_cut_never_raises_the_bill_at_the_same_actions(drawn, random):
    """Of metered use, and of use under a floor of money. (A cut of what is not used lowers a floor that is a share.)"""

    def cut(price: int) -> int:
        return price * random.choice([0, 500, 999, 1000, 1000]) // 1000

    def is_cut(site: SiteTable) -> bool:
        return drawn.table.providers[site.provider].floor_share == NO

    sites = tuple(
        replace(site, price=cut(site.price), price_steps=tuple((at, cut(price)) for at, price in site.price_steps))
        if is_cut(site)
        else site
        for site in drawn.table.sites
    )
    before = run(drawn.table, drawn.jobs, drawn)
    after = run(replace(drawn.table, sites=sites), drawn.jobs, drawn)
    costs = (WRITE_OFF, POST, 5)
    for worlds in (before, after):
        assert worlds.state().illegal == 0
    one, other = (worlds.log()[~np.isin(worlds.log()[:, 1], costs)] for worlds in (before, after))
    np.testing.assert_array_equal(one, other)
    for name in ("burst", "overage", "write_off", "avoidable", "bill"):
        assert getattr(after.totals(), name) <= getattr(before.totals(), name), name
    assert after.totals().delay == before.totals().delay


# A site that nobody uses


@law
@given(scenes(), st.booleans())
def test_a_site_that_nobody_can_use_changes_nothing(drawn, fails):
    table = drawn.table
    if len(table.sites) == 8:
        table = replace(table, sites=table.sites[:7])
    speeds = (0,) * len(table.classes)
    idle = SiteTable(len(table.providers), 1000, 0, speeds, failure=ramp(1, drawn.until // 50) if fails else None)
    providers = tuple(replace(provider, links=(*provider.links, 1)) for provider in table.providers)
    wider = replace(
        table,
        sites=(*table.sites, idle),
        providers=(*providers, ProviderTable(BURST, links=(1,) * (len(providers) + 1))),
    )
    sites = len(table.sites)
    here = run(table, drawn.jobs, drawn)
    there = run(wider, drawn.jobs, drawn, [*range(sites), sites + 1])
    expected = here.log().copy()
    for column in (3, 4):
        expected[(expected[:, 1] == OFFER) & (expected[:, column] == sites), column] = sites + 1
    np.testing.assert_array_equal(there.log(), expected)
    assert there.totals() == here.totals()


# Jobs counted from elsewhere


@law
@given(scenes(), st.integers(1, 200))
def test_jobs_may_be_counted_from_any_number(drawn, first):
    """Streams are laid one after the other in one table; a draw counts jobs from the first of its own."""
    other = scene(drawn.seed + 1, first).jobs
    both = np.concatenate([other, drawn.jobs]).view(np.recarray)
    here = run(drawn.table, drawn.jobs, drawn)
    there = run(drawn.table, both, drawn, first=len(other))
    expected = here.log().copy()
    expected[(expected[:, 2] >= 0) & (expected[:, 1] != POST), 2] += len(other)
    np.testing.assert_array_equal(there.log(), expected)
    assert there.totals() == here.totals()
