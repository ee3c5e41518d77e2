"""What the router is told besides what Slurm says of jobs: data, prices, and use that is posted at its old price."""

from decimal import Decimal
from pathlib import Path

from tidegate.agents.slurm.book import Book
from tidegate.agents.slurm.data import data_of
from tidegate.agents.slurm.meters import count
from tidegate.agents.slurm.standing import Standing, World
from tidegate.agents.slurm.supply import Supply
from tidegate.envs.quantities import mean_of
from tidegate.envs.scenario import load
from tidegate.fastsim.units import DAY, HOUR

from .fake_slurm import LAB, settings_of

PRICES = """
base = "lab.toml"
name = "priced"

[[sites]]
name = "burst"
price_steps = [
  { at_day = 2, price_per_hour = 5 }, { at_day = 3, price_per_hour = 6 }, { at_day = 40, price_per_hour = 7 },
]
"""


def priced(folder: Path) -> World:
    (folder / "lab.toml").write_text(LAB.read_text())
    (folder / "priced.toml").write_text(PRICES)
    sites = [
        {"name": "committed", "partition": "committed", "price_per_hour": 1},
        {"name": "burst", "partition": "burst"},
    ]
    return World(settings_of(folder, sites=sites), load(folder / "priced.toml"))


def test_prices_are_those_of_now_and_of_the_next_week(tmp_path):
    world = priced(tmp_path)
    burst, committed = world.settings.place("burst"), world.settings.place("committed")
    price, coming = world.price(burst, 2 * DAY - 1)
    assert price == 3_990_000
    assert [(one.at_ms, one.price_per_hour) for one in coming] == [(2 * DAY, Decimal(5)), (3 * DAY, Decimal(6))]
    assert world.price(burst, 2 * DAY)[0] == 5_000_000
    assert world.price(burst, 35 * DAY) == (6_000_000, world.price(burst, 35 * DAY)[1])
    assert [one.at_ms for one in world.price(burst, 35 * DAY)[1]] == [40 * DAY]
    assert world.price(burst, 41 * DAY) == (7_000_000, ())
    assert world.price(committed, 0) == (1_000_000, ())  # the configuration's


def standing(now: int, price: int) -> Standing:
    sites = {"committed": Supply(32, 32, 1_000_000, (), 16), "burst": Supply(64, 64, price, (), 8)}
    return Standing(now, sites, [])


def test_use_is_posted_at_its_price_when_that_changes_and_forgotten_when_the_period_ends(tmp_path):
    world, book = priced(tmp_path), Book()
    for now, price in (
        (DAY, 4_000_000),
        (DAY + HOUR, 4_000_000),
        (DAY + 2 * HOUR, 5_000_000),
        (DAY + 3 * HOUR, 5_000_000),
    ):
        count(book, world.scenario, standing(now, price))
    assert book.spend == {"on_demand": 2 * 8 * 4_000_000}
    assert book.meters["burst"].used == 8 * HOUR and book.meters["burst"].delivered == 3 * 64 * HOUR
    assert book.meters["committed"].used == 3 * 16 * HOUR
    count(book, world.scenario, standing(30 * DAY + HOUR, 5_000_000))
    assert book.spend == {} and book.period_begin_ms == 30 * DAY
    assert book.meters["burst"].used == 8 * HOUR and book.meters["burst"].delivered == 64 * HOUR


def test_a_job_is_taken_to_have_what_jobs_of_its_class_and_size_have_on_average():
    """small_team: research jobs read 1, 10 or 100 GB, sft 10 or 100 and a model of its size."""
    small = load("small_team")
    classes = {cls.name: cls for cls in small.classes}
    assert data_of(small, classes["research"], 1) == {"neocloud": 33_400}
    assert data_of(small, classes["research"], 512) == {"neocloud": 33_400}  # it begins from no model
    assert data_of(small, classes["sft"], 7) == {"neocloud": 37_000 + 2_000}
    assert data_of(small, classes["sft"], 8) == {"neocloud": 37_000 + 16_000}
    assert data_of(small, classes["sft"], 1000) == {"neocloud": 37_000 + 140_000}


def test_several_homes_share_data_and_a_scenario_without_models_has_none():
    three = load("three_providers")
    cls = next(one for one in three.classes if one.name == "research")
    total = mean_of(cls.dataset_gb) * 1000
    assert data_of(three, cls, 1) == {"neocloud": round(total * 7 / 10), "tpu_cloud": round(total * 3 / 10)}
    bare = three.model_copy(update={"workload": three.workload.model_copy(update={"models": None})})
    assert data_of(bare, cls, 1) == {}
