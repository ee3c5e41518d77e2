"""Evolution: genes are weights, losses are costs and waits beside a reference, and an interrupted run goes on."""

import json
import math
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tidegate.agents import cli
from tidegate.agents.evaluation.episodes import TUNING
from tidegate.agents.evaluation.policies import resolve
from tidegate.agents.evolution import beginning
from tidegate.agents.evolution import worlds as of_sets
from tidegate.agents.evolution.evolve import Evolution, agent_of, checked, evolve, finished
from tidegate.agents.evolution.genes import GENES, express, first_weights
from tidegate.agents.evolution.objective import (
    MOMENT,
    TAIL,
    WORSE,
    Fared,
    World,
    bounded,
    cut_short,
    loss,
    percentile,
)
from tidegate.agents.evolution.randomised import variant
from tidegate.agents.evolution.worlds import HOPELESS, worlds_of
from tidegate.agents.ppo.export import export
from tidegate.agents.rules import burst_only, cost_greedy
from tidegate.agents.tuning.course import Course
from tidegate.envs.routing import RoutingBatch
from tidegate.envs.scenario import Scenario, load
from tidegate.fastsim.agent import Agent
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.network import HEADS, LIMIT
from tidegate.fastsim.observe import SITE_FEATURES

from .test_envs import short
from .toy_progress import interrupting

SETTINGS = checked(generations=2, candidates=4, episodes=2, sets=2, reference="cost-greedy", evaluate_episodes=0)
SEEN = {"evaluate_episodes": 2, "evaluate_generations": 1, "clairvoyant_episodes": 1, "clairvoyant_jobs": 2}
SHOWN = SETTINGS.model_copy(update=SEEN)


@pytest.fixture(scope="module")
def small() -> Scenario:
    return load("small_team")


@pytest.fixture(scope="module")
def run(small: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has ended."""
    folder = tmp_path_factory.mktemp("evolution") / "run"
    evolve([small], SETTINGS, folder)
    return folder


def test_genes_are_different_weights_of_the_network() -> None:
    assert len({(gene.name, gene.place) for gene in GENES}) == len(GENES)
    base = first_weights()
    position = np.arange(1.0, len(GENES) + 1)
    moved = express(position, base)
    changes = sum(int((moved[name] != base[name]).sum()) for name in base)
    assert changes == len(GENES)
    for gene, value in zip(GENES, position, strict=True):
        assert moved[gene.name][gene.place] == pytest.approx(base[gene.name][gene.place] + gene.step * value)
    nowhere = express(np.zeros(len(GENES)), base)
    assert all((nowhere[name] == base[name]).all() for name in base)


def test_the_page_says_how_many_weights_evolve() -> None:
    page = Path(__file__).parents[1] / "docs" / "learning.md"
    assert f"searches the {len(GENES)} weights" in page.read_text(encoding="utf-8")


def test_without_what_rules_do_not_know_the_network_is_cost_greedy() -> None:
    """Where it counts no committed use, never holds, and no run has to make way, what is left is the rule."""
    weights = first_weights()
    weights["weigh_bias"][HEADS.index("committed")] = -LIMIT
    weights["weigh_bias"][HEADS.index("holding")] = LIMIT
    agent, rule = agent_of(weights), cost_greedy.agent(cost_greedy.Knobs(stay=0.0))
    batch, rng = RoutingBatch(short(), 64, seed=3), np.random.default_rng(4)
    batch.reset()
    alike = offers = kinds = 0
    for _ in range(200):
        ours, theirs = batch.worlds.ask(agent).copy(), batch.worlds.ask(rule).copy()
        sites = batch.observations[:, batch.layout.job + batch.layout.clock :].reshape(64, -1, batch.layout.site)
        chosen = batch.masks[:, :-1].any(1) & ~(sites[..., SITE_FEATURES.index("makes_way")] > 0).any(1)
        alike += int((ours == theirs)[chosen].sum())
        offers += int(chosen.sum())
        kinds |= int(np.bitwise_or.reduce(1 << theirs[chosen]))
        random = np.argmax(rng.random(batch.masks.shape) * batch.masks, axis=1)
        batch.step(np.where(rng.random(len(batch)) < 0.1, random, theirs))
    assert kinds == 0b111
    assert offers > 6000
    assert alike / offers > 0.999  # sites that cost the same to the seventh digit


def test_a_policy_beside_itself_loses_nothing(small: Scenario) -> None:
    world = World(small, cost_greedy.agent(), 1, TUNING, 0, 2)
    assert loss([world, world], cost_greedy.agent()) == 0
    assert loss([world], burst_only.agent()) > 0
    fared = world.fare(burst_only.agent())
    plain = WORSE * math.log(fared.cost / world.reference.cost)
    plain += max(0, math.log(max(fared.wait, MOMENT) / max(world.reference.wait, MOMENT)))
    assert plain > 1
    assert loss([world], burst_only.agent()) == pytest.approx(2 - math.exp(1 - plain))


def test_longer_waits_are_a_loss_and_shorter_ones_no_gain(small: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    world, agent = World(small, cost_greedy.agent(), 1, TUNING, 0, 1), cost_greedy.agent()
    cost, wait = world.reference[:2]
    losses = []
    for factor in (0.5, 1, 1.2):
        world.reference = Fared(cost, 8 * MOMENT)
        monkeypatch.setattr(world, "fare", lambda agent, factor=factor: Fared(cost, 8 * MOMENT * factor))
        losses.append(world.loss(agent))
    assert losses == [0, 0, pytest.approx(math.log(1.2))]
    world.waits = 0.5
    assert world.loss(agent) == pytest.approx(0.5 * math.log(1.2))
    monkeypatch.setattr(world, "fare", lambda agent: Fared(math.inf, math.inf))
    assert world.loss(agent) == math.inf
    assert wait >= 0


def test_the_percentile_is_that_of_sorted_waits() -> None:
    waits = np.random.default_rng(1).permutation(1000)
    assert percentile(waits) == 950
    assert percentile(waits[:0]) == 0


def test_what_comes_out_costs_no_more_than_what_it_began_with(run: Path) -> None:
    evolved = finished(run)
    assert evolved.fresh_loss <= evolved.first_fresh_loss
    assert len(evolved.curve) == SETTINGS.generations
    assert [len(one["losses"]) for one in json.loads((run / "journal.json").read_text())] == [4, 4]


@pytest.mark.parametrize("stop", [1, 3, 5, 9])
def test_an_interrupted_run_goes_on_to_the_same_weights(small: Scenario, run: Path, tmp_path: Path, stop: int) -> None:
    """It is interrupted before one of its eight candidates, or at the choice of what is written."""
    with pytest.raises(KeyboardInterrupt):
        evolve([small], SETTINGS, tmp_path / "run", interrupting(stop))
    assert not (tmp_path / "run" / "weights.npz").exists()
    evolve([small], SETTINGS, tmp_path / "run")
    for name in ("journal.json", "result.json", "weights.npz"):
        assert (tmp_path / "run" / name).read_bytes() == (run / name).read_bytes()


def test_a_run_goes_on_to_more_generations_and_back(small: Scenario, run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    evolve([small], SETTINGS.model_copy(update={"generations": 1}), folder)
    assert len(finished(folder).curve) == 1
    evolve([small], SETTINGS, folder)
    for name in ("settings.json", "journal.json", "result.json", "weights.npz"):
        assert (folder / name).read_bytes() == (run / name).read_bytes()
    evolve([small], SETTINGS.model_copy(update={"generations": 1}), folder)
    assert len(finished(folder).curve) == 1


def test_a_folder_of_another_run_is_refused(small: Scenario, run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"settings\.json.*is of another run"):
        evolve([small], SETTINGS.model_copy(update={"seed": 2}), run)
    with pytest.raises(InputError, match=r"scenario\.json.*is of another run"):
        evolve([short()], SETTINGS, run)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"settings\.json.*cannot be read as JSON"):
        evolve([small], SETTINGS, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_journal_of_other_candidates_is_refused() -> None:
    one = Evolution(first_weights(), SETTINGS)
    one.tell(one.ask(), [1.0, 2.0, 3.0, math.inf])
    again = Evolution(first_weights(), SETTINGS)
    again.again(one.generations[0])
    assert (again.ask()[0] == one.ask()[0]).all()
    with pytest.raises(InputError, match="other candidates than this version draws"):
        Evolution(first_weights(), SETTINGS).again(one.generations[0]._replace(digest="0"))


def test_a_run_becomes_a_bundle_that_plays_as_it_did(small: Scenario, run: Path, tmp_path: Path) -> None:
    bundle = export(run, tmp_path / "bundle")
    world, agent = World(small, cost_greedy.agent(), 9, TUNING, 0, 2), resolve(str(bundle))
    assert isinstance(agent, Agent)
    assert (agent.knobs == agent_of(finished(run).weights).knobs).all()
    assert world.loss(agent) == world.loss(agent_of(finished(run).weights))
    card = (bundle / "CARD.md").read_text()
    for part in ("tidegate evolve small_team --generations 2", "## Limits", "- small_team (digest"):
        assert part in card


def test_a_bundle_is_where_another_evolution_begins(small: Scenario, run: Path, tmp_path: Path) -> None:
    bundle = export(run, tmp_path / "bundle")
    settings = SETTINGS.model_copy(update={"start": str(bundle), "generations": 1, "seed": 5})
    evolved = evolve([small], settings, tmp_path / "next")
    from_run = evolve([small], settings.model_copy(update={"start": str(run)}), tmp_path / "from_run")
    assert all((evolved.weights[name] == value).all() for name, value in from_run.weights.items())
    base = beginning.weights_of(str(bundle))
    assert all((base[name] == value).all() for name, value in finished(run).weights.items())
    assert set(beginning.weights_of("mid_lab")) == set(base)
    card = (export(tmp_path / "next", tmp_path / "after") / "CARD.md").read_text()
    first, second = (line for line in card.splitlines() if "tidegate evolve" in line)
    assert first.startswith("1. `tidegate evolve small_team --generations 2")
    assert second.startswith("2. `tidegate evolve small_team")
    assert f"--start {bundle}" in second


def test_a_run_does_not_go_on_from_other_weights_than_it_began_with(small: Scenario, run: Path, tmp_path: Path) -> None:
    bundle, folder = tmp_path / "bundle", tmp_path / "next"
    export(run, bundle)
    settings = SETTINGS.model_copy(update={"start": str(bundle), "generations": 1})
    evolve([small], settings, folder)
    evolve([small], SETTINGS.model_copy(update={"generations": 1, "seed": 6}), tmp_path / "other")
    shutil.rmtree(bundle)
    export(tmp_path / "other", bundle)
    with pytest.raises(InputError, match=r"start\.json, is of another run"):
        evolve([small], settings, folder)
    (tmp_path / "other" / "observation.json").write_text("{}")
    with pytest.raises(InputError, match=r"observation\.json, are not those of this version"):
        beginning.begin(str(tmp_path / "other"), 1)


def test_a_run_may_begin_from_the_mean_of_bundles(small: Scenario, tmp_path: Path) -> None:
    mid, team = (beginning.weights_of(name) for name in ("mid_lab", "small_team"))
    mean = beginning.mean_of(["mid_lab", "small_team"])
    assert all(np.allclose(mean[part], (mid[part] + team[part]) / 2) for part in mean)
    assert all((beginning.mean_of(["mid_lab"])[part] == mid[part]).all() for part in mid)
    evolve([small], SETTINGS.model_copy(update={"generations": 1, "episodes": 1, "width": 2}), tmp_path / "run")
    wide = export(tmp_path / "run", tmp_path / "wide")
    with pytest.raises(InputError, match="is of another width than mid_lab"):
        beginning.mean_of(["mid_lab", str(wide)])
    again = SETTINGS.model_copy(update={"generations": 1, "episodes": 1, "start": str(wide)})
    evolve([small], again, tmp_path / "again")
    manifest = json.loads((export(tmp_path / "again", tmp_path / "as_wide") / "manifest.json").read_text())
    assert manifest["network"]["width"] == 2


def test_a_world_that_goes_wrong_does_not_outweigh_the_others() -> None:
    grid = np.linspace(-1, 12, 200)
    found = [bounded(one) for one in grid]
    assert np.all(np.diff(found) > 0)
    assert max(found) < 2
    assert found[: int((grid <= 1).sum())] == grid[grid <= 1].tolist()


def test_what_is_next_to_nothing_beside_the_bill_counts_as_little(
    small: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = cost_greedy.agent()
    world = World(small, agent, 9, TUNING, 0, 1)
    assert world.reference.floors == pytest.approx(256 * 2.5 * 168)  # accelerators, dollars, hours of a week
    world.reference = Fared(0.0, 0.0, 1e6)
    for cost, expected in ((500.0, 0.0), (1_000.0, 0.0), (1_200.0, WORSE * math.log(1.2))):
        monkeypatch.setattr(world, "fare", lambda agent, cost=cost: Fared(cost, 0.0))
        assert world.loss(agent) == pytest.approx(expected)


def test_two_scenarios_with_different_sites_evolve_together(small: Scenario, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"generations": 1, "sets": 1, "episodes": 1})
    evolve([small, load("spot_only_burst")], settings, tmp_path / "run")
    bundle = export(tmp_path / "run", tmp_path / "bundle", name="both")
    assert "- spot_only_burst (digest" in (bundle / "CARD.md").read_text()
    assert [one["name"] for one in json.loads((bundle / "manifest.json").read_text())["others"]] == ["spot_only_burst"]


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["nowhere", "--out", "x"], "nowhere"),
        (["small_team", "--out", "x", "--step", "0"], "step"),
        (["small_team", "--out", "x", "--reference", "rolling-lp"], "stops to plan"),
        (["small_team", "--out", "x", "--start", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_evolve_is_refused(
    argv: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        cli.main(["evolve", *argv])
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert reason in told


def test_the_verb_says_what_it_came_to(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--generations", "2", "--candidates", "4", "--episodes", "2", "--sets", "2"]
    assert cli.main(["evolve", "small_team", *options, "--reference", "cost-greedy", "--out", str(run)]) == 0
    assert "weights.npz after 2 generations" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["small_team", "mid_lab", "three_providers"])
def test_variants_are_other_worlds_that_can_be_played(name: str) -> None:
    base = load(name)
    found = [variant(base, 1, number) for number in range(12)]
    assert len({one.digest() for one in (*found, base)}) == 13
    assert variant(base, 1, 3).digest() == found[3].digest()
    assert variant(base, 2, 3).digest() != found[3].digest()
    assert len({len(one.sites) for one in found}) > 1
    assert all(2 <= len(one.sites) <= 4 for one in found)
    assert all(len(one.classes) == len(base.classes) for one in found)
    loads = [float(one.workload.load) for one in found]
    assert 0.6 <= min(loads) < 0.8 < 1.0 < max(loads) <= 1.2
    assert {bool(one.workload.growth) for one in found} == {False, True}
    gangs = [one.classes[0].mean_gang for one in (base, *found)]
    assert min(gangs) * 3 < gangs[0] == max(gangs)
    walltimes = [one.classes[0].walltime.median_hours for one in (base, *found)]
    assert min(walltimes) < walltimes[0] < max(walltimes)


def test_a_set_of_variants_holds_other_worlds_than_the_next(small: Scenario, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"generations": 1, "episodes": 1, "variants": 2})
    evolved = evolve([small, load("spot_only_burst")], settings, tmp_path / "run")
    assert math.isfinite(evolved.fresh_loss)
    sets = [worlds_of([small], settings, TUNING, number) for number in (0, 1)]
    assert len({world.scenario.digest() for world in (*sets[0], *sets[1])}) == 4


def test_how_much_waits_count_is_a_setting(small: Scenario) -> None:
    settings = SETTINGS.model_copy(update={"episodes": 1, "sets": 1, "waits": 0.25})
    assert [world.waits for world in worlds_of([small], settings, TUNING, 0)] == [0.25]
    variants = settings.model_copy(update={"variants": 1})
    assert [world.waits for world in worlds_of([small], variants, TUNING, 0)] == [0.25]


def test_a_variant_is_told_beside_the_rule_that_was_tuned_for_its_base(small: Scenario) -> None:
    settings = SETTINGS.model_copy(update={"episodes": 1, "variants": 1, "reference": "best-tuned"})
    (found,) = worlds_of([small], settings, TUNING, 0)
    assert found.scenario.digest() != small.digest()
    rule = resolve("best-tuned", small)
    assert isinstance(rule, Agent)
    assert found.fare(rule) == found.reference


def test_a_variant_in_which_too_much_waits_is_drawn_anew(small: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that cannot be held, then one that can and is hopeless."""
    tried: list[Scenario] = []

    def world(scenario: Scenario, *rest: object) -> SimpleNamespace:
        tried.append(scenario)
        if len(tried) == 1:
            raise InputError("simulator", "accelerators", 1, "wait", "wait")
        wait = HOPELESS + 1 if len(tried) == 2 else HOPELESS
        return SimpleNamespace(scenario=scenario, reference=Fared(1.0, wait))

    monkeypatch.setattr(of_sets, "_world", world)
    settings = SETTINGS.model_copy(update={"variants": 1})
    (found,) = worlds_of([small], settings, TUNING, 0)
    assert found.scenario is tried[2]
    assert len({one.name for one in tried}) == 3
    monkeypatch.setattr(of_sets, "AGAIN", 2)
    tried.clear()
    with pytest.raises(InputError, match="leaves more waiting than makes sense"):
        worlds_of([small], settings, TUNING, 0)


def test_a_stretch_that_is_cut_short_ends_soon_after_its_windows(small: Scenario) -> None:
    whole = Course(small, 1, TUNING, 0, 2)
    short_one = Course(small, 1, TUNING, 0, 2, cut_short)
    last = [chunk.episodes[0].edges[-1] for chunk in short_one.chunks]
    assert [chunk.episodes[0].deadline for chunk in short_one.chunks] == [edge + TAIL for edge in last]
    assert all(chunk.episodes[0].deadline > edge + TAIL for chunk, edge in zip(whole.chunks, last, strict=True))
