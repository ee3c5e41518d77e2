"""Scenarios on top of others: what merges, what replaces, what goes, and what is refused."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tidegate.envs.inherit import merged, part_in
from tidegate.envs.machines import Site, Slips
from tidegate.envs.scenario import FOLDER, Scenario, base_of, load
from tidegate.fastsim.errors import InputError

HEAD = 'base = "mid_lab"\nname = "mine"\n'


def written(folder: Path, text: str, name: str = "mine.toml") -> Path:
    """A file of a scenario; without a base in it, on top of `mid_lab`."""
    path = folder / name
    path.write_text(text if text.startswith("base") else HEAD + text, encoding="utf-8")
    return path


def changed(folder: Path, text: str) -> Scenario:
    return load(written(folder, text))


def test_what_is_not_said_is_as_in_the_base(tmp_path):
    mine, base = changed(tmp_path, ""), load("mid_lab")
    assert mine.name == "mine"
    assert mine.model_copy(update={"name": "mid_lab"}) == base
    assert mine.digest() != base.digest()


def test_the_base_of_a_scenario_is_the_file_that_it_names(tmp_path):
    mine = written(tmp_path, "")
    assert base_of(mine) == FOLDER / "mid_lab.toml"
    assert base_of("mid_lab") is None
    assert base_of(written(tmp_path, 'base = "mine.toml"\nname = "yours"\n', "yours.toml")) == mine


def test_tables_merge_key_by_key(tmp_path):
    mine, base = changed(tmp_path, "[workload]\nload = 1.1\n[workload.models]\nstate_bytes = 16\n"), load("mid_lab")
    assert mine.workload.load == Decimal("1.1")
    assert mine.workload.models is not None and base.workload.models is not None
    assert mine.workload.models == base.workload.models.model_copy(update={"state_bytes": 16})
    assert mine.workload.hour_factors == base.workload.hour_factors


def test_lists_of_named_tables_merge_by_name_and_new_names_come_last(tmp_path):
    text = """
        [[sites]]
        name = "extra"
        provider = "burst"
        accelerator = "H100"
        capacity = 64
        price_per_hour = 4
        [[sites]]
        name = "committed"
        capacity = 5_000
    """
    mine, base = changed(tmp_path, text), load("mid_lab")
    assert [site.name for site in mine.sites] == ["committed", "burst", "extra"]
    assert mine.sites[0] == base.sites[0].model_copy(update={"capacity": 5_000})
    assert mine.sites[1] == base.sites[1]


def test_lists_within_named_tables_merge_too(tmp_path):
    text = """
        [[serving]]
        name = "serving"
        [[serving.clients]]
        name = "code"
        variation = 0.3
        [[pipelines]]
        name = "sweep"
        [[pipelines.stages]]
        name = "selection"
        gangs = { 4 = 1 }
    """
    mine, base = changed(tmp_path, text), load("mid_lab")
    chat, batch, code = mine.serving[0].clients
    assert (chat, batch) == base.serving[0].clients[:2]
    assert code == base.serving[0].clients[2].model_copy(update={"variation": Decimal("0.3")})
    assert mine.pipelines[2].stages[0] == base.pipelines[2].stages[0]
    assert mine.pipelines[2].stages[1].gangs == {4: 1}


def test_weights_and_lists_without_names_replace(tmp_path):
    text = """
        [[classes]]
        name = "research"
        gangs = { 2 = 1 }
        [[sites]]
        name = "burst"
        price_steps = [{ at_day = 1, price_per_hour = 5 }]
        grants = { 64 = 0.9 }
    """
    mine = changed(tmp_path, text)
    assert mine.classes[7].gangs == {2: 1}
    assert mine.sites[1].grants == {64: Decimal("0.9")}
    assert len(mine.sites[1].price_steps) == 1


def test_named_tables_and_keys_can_be_removed(tmp_path):
    text = """
        remove = ["serving"]
        [[pipelines]]
        name = "sweep"
        remove = true
        [[providers]]
        name = "neocloud"
        remove = ["floor_share"]
        floor_dollars_per_period = 1_000_000
        [[classes]]
        name = "research"
        remove = ["early_ends", "batches"]
    """
    mine = changed(tmp_path, text)
    assert mine.serving == ()
    assert [pipeline.name for pipeline in mine.pipelines] == ["model", "post_training"]
    assert mine.providers[0].floor_share is None
    assert mine.classes[7].early_ends is None and mine.classes[7].batches == {1: 1}


def test_a_base_may_have_a_base_and_paths_are_relative_to_their_file(tmp_path):
    (tmp_path / "lower").mkdir()
    written(tmp_path, "[workload]\nload = 0.8\n", "lower/first.toml")
    text = 'base = "lower/first.toml"\nname = "second"\n[episodes]\nspan_days = 364\n'
    second = load(written(tmp_path, text, "second.toml"))
    assert (second.workload.load, second.episodes.span_days) == (Decimal("0.8"), 364)
    (tmp_path / "lower" / "third.json").write_text('{"base": "../second.toml", "name": "third"}', encoding="utf-8")
    third = load(tmp_path / "lower" / "third.json")
    assert third.model_copy(update={"name": "second"}) == second


def test_a_price_series_lies_beside_the_file_that_names_it(tmp_path):
    (tmp_path / "lower").mkdir()
    (tmp_path / "lower" / "prices.csv").write_text("at_hour,price\n0,3\n1,4\n", encoding="utf-8")
    site = '[[sites]]\nname = "burst"\nremove = ["price_per_hour"]\nprice_series = "prices.csv"\n'
    written(tmp_path, site, "lower/first.toml")
    mine = load(written(tmp_path, 'base = "lower/first.toml"\nname = "second"\n'))
    assert mine.sites[1].price_series == (3, 4)


def test_what_is_saved_needs_no_base(tmp_path):
    mine = changed(tmp_path, "[workload]\nload = 1.1\n")
    saved = tmp_path / "saved.json"
    saved.write_text(mine.model_dump_json(), encoding="utf-8")
    assert "base" not in json.loads(saved.read_text(encoding="utf-8"))
    (tmp_path / "mine.toml").unlink()
    assert load(saved) == mine


@pytest.mark.parametrize(
    ("text", "where", "reason", "remedy"),
    [
        ('base = "mid_lap"\nname = "mine"', "base", "base, mid_lap, there is none of this name", "mid_lab"),
        ('base = 3\nname = "mine"', "base", "base, 3, there is none of this name", "small_team"),
        ('base = "absent.toml"\nname = "mine"', "absent.toml", "No such file", "correct the path"),
        ('base = "mid_lab"', "name", "name, mid_lab, it is that of its base", "give it its own"),
        ('base = "mine.toml"\nname = "other"', "mine.toml", "it is based on itself: mine → mine", "break the circle"),
        (
            '[[classes]]\nname = "reserch"\nremove = true',
            "classes[0].remove",
            "name, reserch, the base has none",
            "rlhf",
        ),
        (
            '[[sites]]\nname = "burst"\nremove = ["grant"]',
            "sites[0].remove",
            "name, grant, the base has none",
            "grants",
        ),
        ('[[sites]]\nname = "new"\nremove = ["grants"]', "sites[0].remove", "name, grants, the base has none", "leave"),
        ('remove = ["sides"]', "remove", "name, sides, the base has none", "sites"),
        ("remove = true", "remove", "remove, True, only a named table of a list", "list the keys"),
        ("[workload]\nremove = [[]]", "workload.remove", "name, [], the base has none", "load"),
        (
            '[[classes]]\nname = "rlhf"\nremove = true\nshare = 3',
            "classes[0]",
            "rlhf goes, and the table says",
            "the rest",
        ),
        ("[[classes]]\nshare = 3", "classes[8].name", "name, absent", "add it"),
        ("[workload]\nlod = 3", "workload.lod", "lod, 3", "spelling"),
        ("classes = 3", "classes", "classes, 3", "fits"),
        ("workload = 3", "workload", "workload, 3", "fits"),
    ],
)
def test_what_does_not_fit_its_base_is_refused_with_its_key(text, where, reason, remedy, tmp_path):
    with pytest.raises(InputError) as refused:
        load(written(tmp_path, text))
    for part in (where, reason, remedy):
        assert part in str(refused.value)


def test_a_circle_over_several_files_is_refused_with_its_members(tmp_path):
    for name, base in (("first", "second"), ("second", "third"), ("third", "second")):
        written(tmp_path, f'base = "{base}.toml"\nname = "{name}"\n', f"{name}.toml")
    with pytest.raises(InputError, match="it is based on itself: second → third → second"):
        load(tmp_path / "first.toml")


def test_a_base_that_is_no_table_is_refused(tmp_path):
    (tmp_path / "list.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(InputError, match=r"base, list\.json, it is no table"):
        load(written(tmp_path, 'base = "list.json"\nname = "mine"\n'))


def test_the_schema_says_what_holds_tables():
    found = {name: part_in(field.annotation) for name, field in Site.model_fields.items()}
    assert found["slips"] is Slips
    assert found["grants"] is None and found["capacity"] is None
    slips = {"median_days": 30, "p90_days": 120}
    table = merged({"slips": slips, "grants": {8: 1}}, {"slips": {"p90_days": 90}, "grants": {4: 1}}, Site, "x", "")
    assert table == {"slips": {"median_days": 30, "p90_days": 90}, "grants": {4: 1}}
    assert slips["p90_days"] == 120
