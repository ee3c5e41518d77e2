"""Training on branches: it finds what is known to be best, never learns from NaN, and says what it does."""

import csv
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tidegate.agents import cli
from tidegate.agents.evaluation.policies import BEST, TRAINED
from tidegate.agents.ppo import algorithm, network
from tidegate.agents.ppo import train as training
from tidegate.agents.ppo.algorithm import RoutingPPO
from tidegate.agents.ppo.branches import Branches, LabelSet
from tidegate.agents.ppo.callbacks import NonFiniteError
from tidegate.agents.ppo.clock import Clock
from tidegate.agents.ppo.evaluations import read_best
from tidegate.agents.ppo.export import export
from tidegate.agents.ppo.improve import OBJECTIVES, gain, lesson
from tidegate.agents.ppo.settings import Settings
from tidegate.agents.ppo.start import SHARPNESS, bundle_of, teacher_of, weights_of
from tidegate.agents.ppo.train import train
from tidegate.agents.ppo.vec_env import RoutingVecEnv
from tidegate.envs.scenario import load as scenario_of
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.trained.bundle import load

from .tags import documented, recorded, settings_and_metrics, steps
from .test_envs import short
from .toy_envs import ToyEnvs, ToyScenario

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="plays millions of decisions")
MODES = ("gae", "branch", "blend")
TINY = {"episodes": 8, "steps": 16, "minibatch": 128, "width": 8, "imitated": 256, "labels": 16, "critic_share": 0.3}
SEEN = {"evaluate_episodes": 2, "evaluate_updates": 2, "clairvoyant_episodes": 1, "clairvoyant_jobs": 2}
UNSEEN = {"evaluate_episodes": 0}
NEAR = {"branch_hours": 2, "branch_stretch": 0.1, "blend_hours": 1, "blend_stretch": 0.1, "value_hours": 2}
QUICK: dict[str, Any] = {**TINY, **NEAR, **UNSEEN, "updates": 3, "refreshes": 2, "label_spacing": 5.0}


def quick(out: Path, **knobs: Any) -> Path:
    given: dict[str, Any] = QUICK | knobs
    return train(short(7), None, 1, out, **given)


@pytest.fixture(scope="module", params=MODES)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run in each mode, which has its name."""
    out = tmp_path_factory.mktemp("runs") / request.param
    given: dict[str, Any] = QUICK | SEEN
    return train(short(7), None, 1, out, advantages=request.param, **given)


def test_every_tag_is_documented_and_every_documented_tag_is_there(run: Path) -> None:
    assert recorded(run) == documented(run.name)


def test_the_first_policy_and_the_last_are_evaluated_and_every_second_in_between(run: Path) -> None:
    found = steps(run)
    ends = found["time/updates"]
    assert len(ends) == 4
    assert found["eval/avoidable_cost"] == found["mix/by_class"] == [ends[0], ends[2], ends[3]]
    assert ends[3] == ends[2] + 1


def test_settings_stand_beside_what_a_run_came_to(run: Path) -> None:
    columns, values, metrics = settings_and_metrics(run)
    assert columns == values == set(Settings.model_fields)
    assert metrics == {tag for tag in documented(run.name) if tag.startswith("eval/")}


def test_every_update_has_its_row(run: Path) -> None:
    with open(run / "progress.csv") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["time/updates"]) for row in rows] == [0, 1, 2, 3]
    rates = [float(row["train/learning_rate"]) for row in rows[1:]]
    assert rates == pytest.approx([rates[0], rates[0] * 2 / 3, rates[0] / 3])


def test_a_run_in_any_mode_is_exported_and_loaded(run: Path, tmp_path: Path) -> None:
    bundle = load(export(run, tmp_path / "bundle"))
    model = RoutingPPO.load(run / "model.zip", device="cpu")
    assert model.settings.advantages == run.name
    assert model.updates == 3
    best = read_best(run)
    assert best is not None
    assert bundle.weights.keys() == model.site_policy.actor.weights().keys()
    for name, value in best.weights.items():
        np.testing.assert_array_equal(bundle.weights[name], value)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_branches_find_the_known_best_action(objective: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lab that always has room: what is paid for anyway is best. The actor begins with no idea of costs."""
    monkeypatch.setattr(network, "SHARPNESS", 0.0)
    scenario = short(7)
    idle = scenario.model_copy(update={"workload": scenario.workload.model_copy(update={"load": Decimal("0.1")})})
    knobs: dict[str, Any] = {
        **QUICK,
        "imitated": 0,
        "updates": 4,
        "labels": 128,
        "refreshes": 8,
        "label_rows": 32,
        "branch_rate": 5e-3,
        "label_kl": 1e9,
    }
    out = train(idle, None, 2, tmp_path / "run", advantages="branch", objective=objective, **knobs)
    model = RoutingPPO.load(out / "model.zip", device="cpu")
    envs = RoutingVecEnv(idle, 64, seed=9)
    seen, right = envs.reset(), list[np.ndarray]()
    for _ in range(20):
        masks = envs.env_method("action_masks")
        actions, _ = model.predict(seen, deterministic=True, action_masks=masks)
        assert masks[np.arange(64), actions].all()
        right.append(actions[masks[:, 0]] == 0)
        envs.step_async(actions)
        seen, *_ = envs.step_wait()
    assert np.concatenate(right).mean() > 0.95


def labels_of(costs: list[list[float]], weights: list[float]) -> LabelSet:
    """A label set with these costs, NaN where illegal, and nothing else in it."""
    found = np.array(costs)
    rows, actions = found.shape
    return LabelSet(
        np.zeros((rows, 4), np.float32),
        np.isfinite(found),
        found,
        np.zeros(rows, np.int64),
        np.array(weights),
        np.zeros((rows, actions), bool),
        np.zeros((rows, 0, 4), np.float32),
        np.full(rows, np.nan),
        decisions=0,
        siblings=0,
        early=0,
    )


def test_weighted_costs_are_scaled_about_the_mean_of_what_is_legal_and_bounded() -> None:
    """Row 0: ±1 about 2, weight 1. Row 1: ±1 about 5 of two legal actions, weight 3: mean size 2, so ±0.5 and ±1.5."""
    labels = labels_of([[1.0, 3.0, np.nan], [6.0, np.nan, 4.0]], [1.0, 3.0])
    taught = lesson(labels, labels.costs, Settings(advantage_limit=1.2), 0)
    assert taught.costs.tolist() == [[-0.5, 0.5, 0.0], [pytest.approx(1.2), 0.0, pytest.approx(-1.2)]]
    assert taught.capped == 0.5
    assert len(taught.learned) == len(taught.held) == 1
    before, after = torch.tensor([[1.0, 0, 0], [1, 0, 0]]), torch.tensor([[0.0, 1, 0], [0, 0, 1]])
    # $2 lost on an offer of weight 1, $2 gained on one of weight 3
    assert gain(taught, torch.tensor([0, 1]), before, after) == pytest.approx((-2 * 1 + 2 * 3) / 4)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_falls_towards_the_cheapest_legal_action(objective: str) -> None:
    """Gradients push the cheapest up, the dearest down, and the illegal one not at all."""
    scores = torch.zeros(1, 3, requires_grad=True)
    masks, costs = torch.tensor([[True, True, False]]), torch.tensor([[1.0, -1.0, 0.0]])
    new = torch.log_softmax(scores.masked_fill(~masks, -1e9), 1)
    OBJECTIVES[objective](new, new.detach(), costs, masks, 0.2).backward()
    assert scores.grad is not None
    dear, cheap, illegal = scores.grad[0].tolist()
    assert cheap < 0 < dear
    assert illegal == 0


def test_the_clipped_objective_stops_at_its_bound() -> None:
    """Where the ratio has left the bound in the direction of its advantage, nothing pulls any further."""
    old = torch.tensor([[0.5, 0.5]]).log()
    new = torch.tensor([[0.2, 0.8]]).log().requires_grad_()
    masks, costs = torch.tensor([[True, True]]), torch.tensor([[1.0, -1.0]])
    OBJECTIVES["clipped"](new, old, costs, masks, 0.2).backward()
    assert new.grad is not None
    assert new.grad.tolist() == [[0.0, 0.0]]


def test_an_update_ends_where_the_policy_has_moved_too_far(tmp_path: Path) -> None:
    """With a hundredth of the divergence it takes fewer refreshes, and the policy stays nearer to what it was."""
    moved = []
    for limit in (1.0, 0.01):
        out = tmp_path / str(limit)
        quick(out, advantages="branch", imitated=0, updates=2, refreshes=50, branch_rate=5e-3, label_kl=limit)
        with open(out / "progress.csv") as file:
            moved.append(list(csv.DictReader(file))[1])
    far, near = moved
    assert float(near["train/approx_kl"]) < float(far["train/approx_kl"])
    assert float(near["train/refreshes"]) < float(far["train/refreshes"])


@pytest.mark.parametrize("column", ["costs", "weights", "observations"])
def test_a_label_that_is_no_number_stops_training_before_a_weight_changes(
    column: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gather, seen = Branches.gather, {}

    def broken(*arguments: Any, **options: Any) -> LabelSet:
        labels = gather(*arguments, **options)
        assert labels is not None
        values = getattr(labels, column).copy()
        values[(2, labels.actions[2]) if column == "costs" else 2] = np.inf
        return replace(labels, **{column: values})

    def train_never(self: RoutingPPO) -> None:
        seen["trained"] = True

    monkeypatch.setattr(Branches, "gather", broken)
    monkeypatch.setattr(RoutingPPO, "train", train_never)
    kind = {"costs": "labels", "weights": "weights of labels"}.get(column, column)
    with pytest.raises(NonFiniteError, match=f"training: {kind} after .* are NaN or infinite"):
        quick(tmp_path / "run", advantages="branch")
    assert not seen
    assert not (tmp_path / "run" / "model.zip").exists()


def test_a_critic_speaks_where_branches_have_not_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What blend learns from: a branch's own cost, and what the critic says beyond it, beside the taken action's."""
    seen: list[tuple[LabelSet, np.ndarray]] = []
    real = algorithm.lesson

    def kept(labels: LabelSet, costs: np.ndarray, *rest: Any) -> Any:
        seen.append((labels, costs))
        return real(labels, costs, *rest)

    monkeypatch.setattr(algorithm, "lesson", kept)
    quick(tmp_path / "run", advantages="blend")
    (first, first_costs), (second, second_costs) = seen[:2]
    np.testing.assert_array_equal(first_costs, first.costs)  # the critic knows nothing yet
    rows = np.arange(len(second))
    added = second_costs - second.costs
    assert (added[second.merged] == 0).all()
    assert (added[rows, second.actions] == 0).all()
    is_open = second.masks & ~second.merged
    is_open[rows, second.actions] = False
    assert (added[is_open] != 0).any()
    assert np.isfinite(second_costs[second.masks]).all()


def test_the_actor_rests_while_the_critic_begins(tmp_path: Path) -> None:
    still = quick(tmp_path / "still", advantages="blend", updates=1)
    model = RoutingPPO.load(still / "model.zip", device="cpu")
    moved = quick(tmp_path / "moved", advantages="branch", updates=1)
    other = RoutingPPO.load(moved / "model.zip", device="cpu")
    begun = RoutingPPO.load(next((still / "checkpoints").glob("*.zip")), device="cpu").site_policy.actor.weights()
    for name, value in model.site_policy.actor.weights().items():
        np.testing.assert_array_equal(value, begun[name])
    assert any((value != begun[name]).any() for name, value in other.site_policy.actor.weights().items())


def test_a_bundle_is_trained_further_from_its_own_weights(run: Path, tmp_path: Path) -> None:
    bundle = export(run, tmp_path / "bundle")
    knobs = {name: value for name, value in QUICK.items() if name != "width"} | {"updates": 1, "critic_share": 0.9}
    out = train(short(7), None, 2, tmp_path / "next", start=str(bundle), **knobs)
    settings = json.loads((out / "settings.json").read_text())
    assert settings["width"] == QUICK["width"]
    first = RoutingPPO.load(out / "checkpoints" / f"{0:012d}.zip", device="cpu")
    for name, value in load(bundle).weights.items():
        np.testing.assert_array_equal(first.site_policy.actor.weights()[name], value)
    with pytest.raises(InputError, match=r"width, 9, is not that of .*, leave it out, or give 8"):
        quick(tmp_path / "other", start=str(bundle), width=9)


def test_the_rule_to_imitate_is_the_best_tuned_one_where_there_is_one() -> None:
    assert teacher_of("", scenario_of("small_team")).name == BEST
    assert teacher_of("", short()).name == "cost-greedy"  # no knobs were tuned for it
    assert teacher_of("", ToyScenario()).name == "cost-greedy"
    assert teacher_of("first-fit", short()).name == "first-fit"
    with pytest.raises(InputError, match="rolling-lp, stops to plan"):
        teacher_of("rolling-lp", short())
    with pytest.raises(InputError, match="nonesuch"):
        teacher_of("nonesuch", short())


def test_a_start_is_a_bundle_by_name_or_folder_or_else_a_rule() -> None:
    shipped = bundle_of("mid_lab")
    assert shipped is not None
    assert shipped.weights.keys() == load(TRAINED / "mid_lab").weights.keys()
    begun = weights_of(shipped)
    assert begun["sharpness"] >= SHARPNESS
    assert all((begun[name] == shipped.weights[name]).all() for name in begun if name != "sharpness")
    hidden = replace(shipped, weights=shipped.weights | {"score_out": np.ones_like(shipped.weights["score_out"])})
    assert weights_of(hidden)["sharpness"] == shipped.weights["sharpness"]
    assert bundle_of("first-fit") is None
    assert bundle_of("") is None


def test_an_environment_without_worlds_has_no_branches(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="advantages, branch, needs worlds to branch"):
        train(ToyScenario(), None, 1, tmp_path / "run", ToyEnvs, advantages="branch")
    assert not list((tmp_path / "run").iterdir())


@pytest.mark.parametrize(("option", "value"), [("--advantages", "vine"), ("--objective", "best"), ("--labels", "1")])
def test_a_wrong_choice_is_named(option: str, value: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert training.main(["small_team", option, value, "--out", str(tmp_path / "run")]) == 2
    assert f"training settings: {option[2:]}, {value}" in capsys.readouterr().err


def test_the_verb_hands_on_what_was_given_and_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With --resume the settings are the run's own: a default that is handed on would contradict them."""
    seen: dict[str, Any] = {}

    def taken(scenario: Any, minutes: Any, seed: Any, out: Path, **rest: Any) -> Path:
        seen.update(minutes=minutes, seed=seed, **rest)
        return out

    monkeypatch.setattr(training, "train", taken)
    assert cli.main(["train", "small_team", "--out", str(tmp_path), "--resume"]) == 0
    assert seen.pop("resume") is True
    assert set(seen.values()) == {None}
    given = ["--updates", "7", "--advantages", "blend", "--start", "first-fit", "--seed", "3"]
    given += ["--evaluate-episodes", "8", "--clairvoyant-episodes", "2"]
    assert cli.main(["train", "small_team", "--out", str(tmp_path), *given]) == 0
    expected = {"updates": 7, "advantages": "blend", "start": "first-fit", "seed": 3, "minutes": None, "resume": False}
    assert seen == expected | {"evaluate_episodes": 8, "clairvoyant_episodes": 2}


def test_the_verb_refuses_a_wrong_choice(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["train", "small_team", "--out", str(tmp_path / "run"), "--advantages", "vine"])
    assert "error: training settings: advantages, vine, " in capsys.readouterr().err


def test_the_last_update_is_known_beforehand() -> None:
    clock = Clock(Settings(updates=2))
    assert (clock.share(0), clock.is_ending(0)) == (0.0, False)
    clock.updates = 1
    assert (clock.share(0), clock.is_ending(0)) == (0.5, True)
    clock.updates = 2
    assert clock.share(0) == 1
