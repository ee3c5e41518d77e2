"""Distillation: a student learns what its teachers say, in worlds that it meets itself, and becomes one bundle."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tidegate.agents import cli
from tidegate.agents.distillation.distil import begun, checked, distil, scorer_of
from tidegate.agents.distillation.fit import MOST, Student, labelled
from tidegate.agents.distillation.visited import APART, Offers, Visits, sampled
from tidegate.agents.evolution.beginning import weights_of
from tidegate.agents.evolution.evolve import agent_of
from tidegate.agents.evolution.genes import first_weights
from tidegate.agents.ppo.branches import mean_stake
from tidegate.agents.ppo.export import export
from tidegate.agents.ppo.stakes import MOST as MOST_STAKES
from tidegate.agents.rules import cost_greedy
from tidegate.envs.routing import RoutingBatch
from tidegate.envs.scenario import load
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import from_python
from tidegate.fastsim.network import best_action, scratch_size
from tidegate.fastsim.observe import JOB_FEATURES, layout
from tidegate.fastsim.units import HOUR
from tidegate.trained.bundle import load as load_bundle

from .toy_progress import interrupting

PAIRS = ("small_team=small_team", "spot_only_burst=mid_lab")  # of three sites and of two
SETTINGS = checked(pairs=PAIRS, variants=2, rounds=2, offers=15, steps=20, last_steps=60, rows=512, width=4)
LAYOUT = layout(3)
FRESH, PROGRESS = JOB_FEATURES.index("is_fresh"), JOB_FEATURES.index("progress")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has ended."""
    folder = tmp_path_factory.mktemp("distillation") / "run"
    distil([load("small_team"), load("spot_only_burst")], SETTINGS, folder)
    return folder


@pytest.fixture(scope="module")
def offers() -> Offers:
    """Offers of small_team under a rule."""
    settings = checked(pairs=PAIRS[:1], variants=0, offers=150)
    (found,) = Visits([load("small_team")], settings).collect([cost_greedy.agent()], 0)
    return found


def lost(student: Student, number: int = 0) -> float:
    return student.matches()[number].regret


def test_labels_say_by_how_much_an_answer_is_wrong(offers: Offers) -> None:
    weights = weights_of("small_team")
    labels = labelled(offers, scorer_of(weights, LAYOUT), [1])
    assert len(offers.observations) > 100
    assert (offers.masks.sum(1) >= 2).all()
    assert ((labels.regrets >= 0) & (labels.regrets <= MOST)).all()
    assert (labels.regrets[~labels.masks] == 0).all()
    best = labels.regrets.masked_fill(~labels.masks, np.inf).argmin(1).numpy()
    choose, knobs = from_python(best_action), agent_of(weights).knobs
    room = np.empty(scratch_size(3, 1) + 4, np.float32)
    found = [choose(row, mask, knobs, room) for row, mask in zip(offers.observations, offers.masks, strict=True)]
    assert (np.array(found) == best).mean() > 0.99  # equal costs may differ in their last bits
    assert 0.05 < labels.held.float().mean() < 0.2


def test_a_student_that_has_not_learned_weighs_as_what_it_began_with(offers: Offers) -> None:
    first = first_weights()
    student = begun(first, LAYOUT, SETTINGS)
    seen = torch.from_numpy(offers.observations)
    with torch.no_grad():
        assert torch.equal(student(seen), scorer_of(first, LAYOUT)(seen))
    assert student.score_site.abs().max() > 0  # its hidden layers are there, and can learn


def test_a_student_becomes_like_its_teacher_where_it_has_not_learned(offers: Offers) -> None:
    teacher = scorer_of(weights_of("small_team"), LAYOUT)
    student = Student(begun(first_weights(), LAYOUT, SETTINGS), 1, SETTINGS)
    student.told(labelled(offers, teacher, [1]))
    before = student.matches()[0]
    student.fit(300, lambda _: None)
    after = student.matches()[0]
    assert after.regret < 0.25 * before.regret
    assert after.agreement > before.agreement
    weights = student.scorer.weights()
    assert (weights["weigh_common"][:, 0] == 0).all()  # a factor on every part would change nothing
    assert weights["sharpness"] == first_weights()["sharpness"]


def test_offers_are_sampled_by_what_is_at_stake() -> None:
    """Large jobs are met more often than they come, and what an offer counts says how seldom its like is taken."""
    rule = cost_greedy.agent()
    batch = RoutingBatch(load("mid_lab"), 64, 1, streams=4)
    batch.reset()
    met = []
    for _ in range(300):
        met.append(batch.observations[(batch.masks.sum(1) > 1) & (batch.observations[:, FRESH] == 1)])
        batch.step(batch.worlds.ask(rule))
    batch.reset()
    found = sampled(batch, 3, rule, 20, 1)
    assert found.scenario == 3
    assert len(found.weights) > 10 * len(batch)
    assert (found.masks.sum(1) > 1).all()
    is_fresh = (found.observations[:, FRESH] == 1) & (found.observations[:, PROGRESS] == 0)
    stake = work(found.observations)[is_fresh] / mean_stake(batch)
    chance = np.clip(stake / MOST_STAKES, 1 / MOST_STAKES, 1)
    counts = (np.clip(stake, 1, MOST_STAKES) + 1) / chance
    assert found.weights[is_fresh] == pytest.approx(counts, rel=0.01)
    before = work(np.concatenate(met)) / mean_stake(batch)
    assert (stake > 5).mean() > 3 * (before > 5).mean()


def work(observations: np.ndarray) -> np.ndarray:
    """Gang × requested walltime, accelerator-hours: both were squashed."""
    gang, hours = (observations[:, JOB_FEATURES.index(name)].astype(np.float64) for name in ("gang", "requested_hours"))
    return 64 * gang / (1 - gang) * 4 * hours / (1 - hours)


def test_what_is_held_back_is_not_learned_from(offers: Offers) -> None:
    labels = labelled(offers, scorer_of(weights_of("small_team"), LAYOUT), [1])
    lied = labels._replace(regrets=torch.where(labels.held[:, None], MOST - labels.regrets, labels.regrets))
    students = [Student(begun(first_weights(), LAYOUT, SETTINGS), 1, SETTINGS) for _ in range(2)]
    for student, told in zip(students, (labels, lied), strict=True):
        student.told(told)
        student.fit(10, lambda _: None)
    honest, other = (student.scorer.weights() for student in students)
    assert all((honest[name] == other[name]).all() for name in honest)
    assert lost(students[0]) != lost(students[1])


def test_each_scenario_counts_alike_however_many_offers_it_has(offers: Offers) -> None:
    """Ten times the labels of one scenario do not drown those of another."""
    small = labelled(offers, scorer_of(weights_of("small_team"), LAYOUT), [1])
    other = labelled(offers._replace(scenario=1), scorer_of(weights_of("mid_lab"), LAYOUT), [2])
    regrets = []
    for copies in (1, 10):
        student = Student(begun(first_weights(), LAYOUT, SETTINGS), 2, SETTINGS)
        for _ in range(copies):
            student.told(small)
        student.told(other)
        student.fit(200, lambda _: None)
        regrets.append(lost(student, 1))
    assert regrets[1] < 2 * regrets[0]


def test_worlds_go_on_from_round_to_round() -> None:
    settings = checked(pairs=PAIRS, variants=2, offers=4)
    visits = Visits([load("small_team"), load("spot_only_burst")], settings)
    rule = cost_greedy.agent()
    first, second = visits.collect([rule, rule], 0), visits.collect([rule, rule], 1)
    assert [one.scenario for one in first] == [0, 1, 0, 1]
    assert [one.masks.shape[1] for one in first[2:]] == [4, 3]
    assert [one.sites for one in visits.layouts] == [3, 2]
    for one, other in zip(first, second, strict=True):
        assert len(one.observations) > 0
        rows = min(len(one.observations), len(other.observations))
        assert (one.observations[:rows] != other.observations[:rows]).any()


def test_a_round_reaches_days_on() -> None:
    """What builds up over days is seen, not only what comes soon after a warm start."""
    visits = Visits([load("small_team")], checked(pairs=PAIRS[:1], variants=0, offers=40))
    (batch,) = visits.batches
    now = batch.worlds.batch.state.now[:, 0]
    before, ends = now.copy(), batch.ends.copy()
    visits.collect([cost_greedy.agent()], 0)
    goes_on = batch.ends == ends
    assert goes_on.sum() > len(batch) // 2
    assert (now - before)[goes_on].min() >= 40 * APART * HOUR


def test_the_same_run_gives_the_same_weights(run: Path, tmp_path: Path) -> None:
    distil([load("small_team"), load("spot_only_burst")], SETTINGS, tmp_path / "again")
    with np.load(run / "weights.npz") as one, np.load(tmp_path / "again" / "weights.npz") as other:
        assert all((one[name] == other[name]).all() for name in one.files)
    assert (run / "result.json").read_bytes() == (tmp_path / "again" / "result.json").read_bytes()


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        distil([load("small_team"), load("spot_only_burst")], SETTINGS, tmp_path / "run", interrupting(20))
    assert list(tmp_path.iterdir()) == []


def test_a_run_becomes_a_bundle_that_says_how_it_was_made(run: Path, tmp_path: Path) -> None:
    bundle = export(run, tmp_path / "bundle", name="both")
    card = (bundle / "CARD.md").read_text()
    assert "`tidegate distil small_team=small_team spot_only_burst=mid_lab --variants 2 --rounds 2" in card
    result = json.loads((run / "result.json").read_text())
    for one in result:
        assert f"| {one['scenario']} | {one['teacher']} | {100 * one['agreement']:.1f} |" in card
        assert 0.5 < one["agreement"] <= 1
    found = load_bundle(bundle)
    assert found.manifest.network.width == 4
    with np.load(run / "weights.npz") as weights:
        assert all((found.weights[name] == weights[name]).all() for name in weights.files)


def test_what_was_distilled_can_teach_and_evolve(run: Path, tmp_path: Path) -> None:
    settings = checked(pairs=(f"small_team={run}",), variants=0, rounds=1, offers=6, last_steps=5, start=str(run))
    distil([load("small_team")], settings, tmp_path / "next")
    first, last = json.loads((tmp_path / "next" / "recipes.json").read_text())
    assert first.startswith("tidegate distil small_team=small_team spot_only_burst=mid_lab")
    assert last.startswith(f"tidegate distil small_team={run}")
    assert (weights_of(str(run))["embed_site"] != 0).any()


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["small_team", "--out", "x"], "pair, small_team, is not a scenario and its teacher"),
        (["nowhere=mid_lab", "--out", "x"], "nowhere"),
        (["small_team=nowhere", "--out", "x"], "nowhere"),
        (["small_team=mid_lab", "--out", "x", "--start", "nowhere"], "nowhere"),
        (["small_team=mid_lab", "--out", "."], "is there already"),
        (
            ["small_team=mid_lab", "--out", "x", "--offers", "1", "--variants", "0", "--seed", "4"],
            "leave too few to judge by",
        ),
    ],
)
def test_what_cannot_be_distilled_is_refused(
    argv: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").touch()
    with pytest.raises(SystemExit) as end:
        cli.main(["distil", *argv])
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert reason in told
    assert [one.name for one in tmp_path.iterdir()] == ["mine"]


def test_a_knob_that_makes_no_sense_is_named() -> None:
    with pytest.raises(InputError, match="rate"):
        checked(pairs=PAIRS, rate=0)
    with pytest.raises(InputError, match="pairs"):
        checked(pairs=())


def test_the_verb_says_how_alike_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--variants", "0", "--rounds", "1", "--offers", "8", "--last-steps", "5"]
    assert cli.main(["distil", PAIRS[0], *options, "--out", str(tmp_path / "run")]) == 0
    told = capsys.readouterr().out
    assert "small_team=small_team: " in told
    assert f"wrote {tmp_path / 'run'}" in told
