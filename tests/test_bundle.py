"""Bundles: the exported policy answers as the trained one did, and says where it comes from."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from tidegate.agents.ppo.export import export, kernel_scores, main, read_actor
from tidegate.agents.ppo.settings import Settings
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED, from_python
from tidegate.fastsim.network import best_action, scratch_size
from tidegate.fastsim.weighing import PARTS
from tidegate.trained.bundle import Bundle, agree, load, session
from tidegate.trained.graph import MASKED, build

from .toy_envs import FEATURES
from .toy_envs import layout as toy_layout
from .toy_runs import finished_run

SAMPLES = 10_000 if IS_COMPILED else 30
SIZE = toy_layout(3).size


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sound bundle for three sites."""
    folder = tmp_path_factory.mktemp("made")
    return export(finished_run(folder / "run", 3), folder / "bundle")


@pytest.fixture(scope="module")
def bundle(made: Path) -> Bundle:
    return load(made)


def drawn(bundle: Bundle, count: int, sites: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    size = bundle.layout.job + bundle.layout.clock + sites * bundle.layout.site
    masks = rng.random((count, sites + 1)) < 0.6
    masks[np.arange(count), rng.integers(0, sites + 1, count)] = True
    return rng.uniform(-1, 1, (count, size)).astype(np.float32), masks


@pytest.mark.parametrize("sites", [2, 3, 8])
def test_torch_onnx_and_the_kernel_agree(sites: int, tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run", sites)
    bundle = load(export(run, tmp_path / "bundle"))
    actor = read_actor(run, bundle.layout, Settings(width=16))
    observations, masks = drawn(bundle, SAMPLES, sites)
    by_onnx = bundle.logits(observations, masks)
    by_torch = np.where(masks, actor(torch.from_numpy(observations)).numpy(), MASKED)
    by_kernel = np.where(masks, kernel_scores(actor, bundle.layout, observations), MASKED)
    assert agree(by_torch, by_onnx)
    assert agree(by_kernel, by_onnx)
    gaps = np.diff(np.sort(by_onnx, axis=1)[:, -2:])[:, 0]
    flips = bundle.decide(observations, masks) != by_kernel.argmax(1)
    assert not (flips & (gaps > 2e-5)).any()


def test_its_knobs_drive_the_kernel(bundle: Bundle) -> None:
    observations, masks = drawn(bundle, 100)
    scratch = np.empty(scratch_size(3, 16), np.float32)
    chosen = [
        from_python(best_action)(o, m.astype(np.uint8), bundle.knobs(), scratch)
        for o, m in zip(observations, masks, strict=True)
    ]
    assert chosen == bundle.decide(observations, masks).tolist()


def test_a_masked_action_is_never_chosen(bundle: Bundle) -> None:
    observations, masks = drawn(bundle, 5000)
    assert masks[np.arange(5000), bundle.decide(observations, masks)].all()


def test_one_decision_equals_its_row_in_a_batch(bundle: Bundle) -> None:
    observations, masks = drawn(bundle, 50)
    single = [bundle.decide(o, m) for o, m in zip(observations, masks, strict=True)]
    assert single == bundle.decide(observations, masks).tolist()
    assert isinstance(single[0], int)


def test_the_lowest_index_wins_a_tie(bundle: Bundle) -> None:
    observation = np.concatenate([np.zeros(3), np.tile([0.9, 0.1, 0.2, *[0] * PARTS], 3)]).astype(np.float32)
    assert bundle.decide(observation, np.array([False, True, True, False])) == 1


def test_other_numbers_of_sites_are_answered_too(bundle: Bundle) -> None:
    for sites in (1, 2, 8):
        observations, masks = drawn(bundle, 20, sites)
        assert masks[np.arange(20), bundle.decide(observations, masks)].all()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda o, m: (np.where(np.arange(SIZE) == 4, np.nan, o), m), "NaN or infinity"),
        (lambda o, m: (np.where(np.arange(SIZE) == 4, -np.inf, o), m), "NaN or infinity"),
        (lambda o, m: (np.full(SIZE, 3e38, np.float32), m), "not finite"),
        (lambda o, m: (o, np.zeros(4, bool)), "every action illegal"),
        (lambda o, m: (o[:-1], m), "does not fit a mask"),
        (lambda o, m: (o, m[:-1]), "does not fit a mask"),
        (lambda o, m: (o[:3], m[:1]), "does not fit a mask"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(bundle: Bundle, spoil: Callable[..., tuple], reason: str) -> None:
    with pytest.raises(InputError, match=f"{reason}.*use the rule cost-greedy"):
        bundle.decide(*spoil(np.zeros(SIZE, np.float32), np.ones(4, bool)))


def test_the_same_run_gives_the_same_bytes(made: Path, tmp_path: Path) -> None:
    again = export(made.parent / "run", tmp_path / "again")
    for name in ("policy.onnx", "manifest.json", "CARD.md"):
        assert (again / name).read_bytes() == (made / name).read_bytes()


def test_a_bundle_says_where_it_comes_from(bundle: Bundle) -> None:
    manifest = bundle.manifest
    assert (manifest.name, manifest.scenario.name, manifest.fallback) == ("toy", "toy", "cost-greedy")
    assert manifest.scenario.scenario == {"sites": 3}
    assert manifest.training["seed"] == 1
    assert manifest.observation.job == FEATURES["job"]
    assert {"torch", "onnxruntime", "python"} <= manifest.versions.keys()


def test_an_older_bundle_is_never_written_over(made: Path) -> None:
    with pytest.raises(InputError, match="is there already"):
        export(made.parent / "run", made)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "name the folder of a finished training run" in capsys.readouterr().err
    run = finished_run(tmp_path / "run", 2)
    (run / "model.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match="is not the model of this run"):
        export(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_graph_needs_nothing_but_its_bytes(bundle: Bundle) -> None:
    content = build(bundle.weights, bundle.layout).SerializeToString()
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    assert [node.name for node in session(content).get_inputs()] == ["observation", "mask"]
