"""Bundles: the exported policy answers as the trained one did, and what is not exactly a bundle is refused."""

import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from tidegate.agents.ppo.export import export, kernel_scores, main, read_actor
from tidegate.agents.ppo.network import SitePolicy
from tidegate.agents.ppo.settings import Settings
from tidegate.agents.ppo.train import described
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED, from_python
from tidegate.fastsim.network import best_action, scratch_size
from tidegate.trained.bundle import LIMIT, Bundle, load, session
from tidegate.trained.graph import MASKED, build
from tidegate.trained.manifest import parse

from .toy_envs import FEATURES, ToyEnvs, ToyScenario

SAMPLES = 10_000 if IS_COMPILED else 30


def finished_run(folder: Path, sites: int, width: int = 16) -> Path:
    """A run as training leaves it, with random weights of the size that trained ones have."""
    torch.manual_seed(sites)
    envs = ToyEnvs(ToyScenario(sites), 1, seed=0)
    spaces = envs.observation_space, envs.action_space
    policy = SitePolicy(*spaces, lambda _: 1e-3, layout=envs.layout, width=width)
    for weight in (policy.actor.score_out, policy.actor.hold_out):
        weight.data *= 100
    saved = io.BytesIO()
    torch.save(policy.state_dict(), saved)
    folder.mkdir()
    with zipfile.ZipFile(folder / "model.zip", "w") as archive:
        archive.writestr("policy.pth", saved.getvalue())
    (folder / "settings.json").write_text(Settings(width=width).model_dump_json())
    (folder / "scenario.json").write_text(json.dumps(described(ToyScenario(sites))))
    (folder / "observation.json").write_text(json.dumps({**FEATURES, "sites": sites}))
    return folder


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


# The exported policy is the trained one.


@pytest.mark.parametrize("sites", [2, 3, 8])
def test_torch_onnx_and_the_kernel_agree(sites: int, tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run", sites)
    bundle = load(export(run, tmp_path / "bundle"))
    actor = read_actor(run, bundle.layout, Settings(width=16))
    observations, masks = drawn(bundle, SAMPLES, sites)
    by_onnx = bundle.logits(observations, masks)
    by_torch = np.where(masks, actor(torch.from_numpy(observations)).numpy(), MASKED)
    by_kernel = np.where(masks, kernel_scores(actor, bundle.layout, observations), MASKED)
    assert np.abs(by_onnx - by_torch).max() <= 1e-5
    assert np.abs(by_onnx - by_kernel).max() <= 1e-5
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
    observation = np.concatenate([np.zeros(3), np.tile([0.9, 0.1, 0.2], 3)]).astype(np.float32)
    assert bundle.decide(observation, np.array([False, True, True, False])) == 1


def test_other_numbers_of_sites_are_answered_too(bundle: Bundle) -> None:
    for sites in (1, 2, 8):
        observations, masks = drawn(bundle, 20, sites)
        assert masks[np.arange(20), bundle.decide(observations, masks)].all()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda o, m: (np.where(np.arange(12) == 4, np.nan, o), m), "NaN or infinity"),
        (lambda o, m: (np.where(np.arange(12) == 4, -np.inf, o), m), "NaN or infinity"),
        (lambda o, m: (np.full(12, 3e38, np.float32), m), "not finite"),
        (lambda o, m: (o, np.zeros(4, bool)), "every action illegal"),
        (lambda o, m: (o[:-1], m), "does not fit a mask"),
        (lambda o, m: (o, m[:-1]), "does not fit a mask"),
        (lambda o, m: (o[:3], m[:1]), "does not fit a mask"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(bundle: Bundle, spoil: Callable[..., tuple], reason: str) -> None:
    with pytest.raises(InputError, match=f"{reason}.*use the rule cost-greedy"):
        bundle.decide(*spoil(np.zeros(12, np.float32), np.ones(4, bool)))


def test_the_same_run_gives_the_same_bytes(made: Path, tmp_path: Path) -> None:
    again = export(made.parent / "run", tmp_path / "again")
    for name in ("policy.onnx", "manifest.json"):
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


# Everything else is refused. Each attack gets a copy of a sound bundle.


def graph_of(folder: Path) -> onnx.ModelProto:
    return onnx.load_from_string((folder / "policy.onnx").read_bytes())


def reseal(folder: Path, **changes: object) -> None:
    """Write a manifest whose digest fits again: the attacker knows the format."""
    fields = json.loads((folder / "manifest.json").read_bytes()) | changes
    body = {name: value for name, value in fields.items() if name != "digest"}
    text = (json.dumps(body, indent=1, sort_keys=True) + "\n").encode()
    fields["digest"] = hashlib.sha256(text).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(fields, indent=1, sort_keys=True) + "\n")


def replace_graph(folder: Path, content: bytes) -> None:
    """Put another graph there, with the hash that fits."""
    (folder / "policy.onnx").write_bytes(content)
    entry = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    reseal(folder, files={"policy.onnx": entry})


def with_graph(change: Callable[[onnx.ModelProto], None]) -> Callable[[Path], None]:
    def attack(folder: Path) -> None:
        model = graph_of(folder)
        change(model)
        replace_graph(folder, model.SerializeToString())

    return attack


def flipped_bit(folder: Path) -> None:
    content = bytearray((folder / "policy.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "policy.onnx").write_bytes(content)


def external_data(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")


def extra_loop(model: onnx.ModelProto) -> None:
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["", ""], [], body=body))


def custom_domain(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Relu", ["shared"], ["more"], domain="evil.example"))
    model.opset_import.append(helper.make_opsetid("evil.example", 1))


def hidden_function(model: onnx.ModelProto) -> None:
    opset = helper.make_opsetid("", 18)
    node = helper.make_node("Relu", ["x"], ["y"])
    model.functions.append(helper.make_function("local", "Trick", ["x"], ["y"], [node], [opset]))


def one_more_node(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Relu", ["shared"], ["more"]))


def another_attribute(model: onnx.ModelProto) -> None:
    next(node for node in model.graph.node if node.op_type == "ArgMax").attribute[-1].i = 1


def later_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 25


def nan_weight(model: onnx.ModelProto) -> None:
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == "score_site")
    values = numpy_helper.to_array(tensor).copy()
    values[0, 0] = np.nan
    tensor.CopyFrom(numpy_helper.from_array(values, "score_site"))


def other_weights(model: onnx.ModelProto) -> None:
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == "score_out")
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(-1), "score_out"))


def huge_dimensions(model: onnx.ModelProto) -> None:
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == "score_site")
    tensor.dims[:] = [2**31, 2**31]


def missing_values(model: onnx.ModelProto) -> None:
    next(tensor for tensor in model.graph.initializer if tensor.name == "score_site").raw_data = b"\0" * 8


def weight_named_twice(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(model.graph.initializer[0])


def linked(folder: Path) -> None:
    outside = folder.parent / f"{folder.name}.onnx"
    shutil.move(folder / "policy.onnx", outside)
    (folder / "policy.onnx").symlink_to(outside)


def linked_manifest(folder: Path) -> None:
    outside = folder.parent / f"{folder.name}.json"
    shutil.move(folder / "manifest.json", outside)
    (folder / "manifest.json").symlink_to(outside)


def pipe(folder: Path) -> None:
    (folder / "policy.onnx").unlink()
    os.mkfifo(folder / "policy.onnx")


def directory(folder: Path) -> None:
    (folder / "policy.onnx").unlink()
    (folder / "policy.onnx").mkdir()


def pickled(folder: Path) -> None:
    (folder / "model.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")


def pickle_instead(folder: Path) -> None:
    replace_graph(folder, b"cos\nsystem\n(S'true'\ntR.")


def bomb(folder: Path) -> None:
    os.truncate(folder / "policy.onnx", LIMIT + 1)


def manifest_bomb(folder: Path) -> None:
    os.truncate(folder / "manifest.json", LIMIT + 1)


def deep_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b'{"format":' + b"[" * 200_000)


def edited(old: str, new: str) -> Callable[[Path], None]:
    def attack(folder: Path) -> None:
        text = (folder / "manifest.json").read_text()
        assert old in text
        (folder / "manifest.json").write_text(text.replace(old, new, 1))

    return attack


def path_outside(folder: Path) -> None:
    entry = json.loads((folder / "manifest.json").read_bytes())["files"]["policy.onnx"]
    reseal(folder, files={"policy.onnx": entry, "../secret.json": entry})


def file_that_is_absent(folder: Path) -> None:
    entry = json.loads((folder / "manifest.json").read_bytes())["files"]["policy.onnx"]
    reseal(folder, files={"policy.onnx": entry, "card.md": entry})


def no_policy(folder: Path) -> None:
    (folder / "policy.onnx").unlink()
    reseal(folder, files={})


def layout_changed(change: Callable[[dict], None]) -> Callable[[Path], None]:
    def attack(folder: Path) -> None:
        observation = json.loads((folder / "manifest.json").read_bytes())["observation"]
        change(observation)
        names = json.dumps([observation[part] for part in ("job", "clock", "site")], separators=(",", ":"))
        reseal(folder, observation=observation, observation_schema=hashlib.sha256(names.encode()).hexdigest())

    return attack


def golden_changed(what: str, change: Callable[[list], None]) -> Callable[[Path], None]:
    def attack(folder: Path) -> None:
        golden = json.loads((folder / "manifest.json").read_bytes())["golden"]
        change(golden[what])
        reseal(folder, golden=golden)

    return attack


def first_logit_up(logits: list) -> None:
    row = next(row for row in logits if row[0] > -100)
    row[0] += 1e-3


def first_action_changed(actions: list) -> None:
    actions[0] = (actions[0] + 1) % 4


HOSTILE = {
    "wrong hash": (flipped_bit, "sha256"),
    "truncated": (lambda folder: os.truncate(folder / "policy.onnx", 100), "100 bytes, should be"),
    "empty": (lambda folder: replace_graph(folder, b""), "is not there as float32"),
    "missing policy": (lambda folder: (folder / "policy.onnx").unlink(), "is listed and not there"),
    "missing manifest": (lambda folder: (folder / "manifest.json").unlink(), "No such file"),
    "no policy listed": (no_policy, "is not listed"),
    "symbolic link": (linked, "symbolic links"),
    "linked manifest": (linked_manifest, "symbolic links"),
    "named pipe": (pipe, "is not a plain file"),
    "directory": (directory, "is not a plain file"),
    "pickle beside": (pickled, "is there and not listed"),
    "pickle instead": (pickle_instead, "ONNX model|weight"),
    "bomb": (bomb, "is larger than"),
    "manifest bomb": (manifest_bomb, "is larger than"),
    "external data": (with_graph(external_data), "lies in another file"),
    "loop": (with_graph(extra_loop), "Loop, is not one of"),
    "custom domain": (with_graph(custom_domain), "evil.example"),
    "function": (with_graph(hidden_function), "is not the site scorer"),
    "one more node": (with_graph(one_more_node), "is not the site scorer"),
    "another attribute": (with_graph(another_attribute), "is not the site scorer"),
    "later opset": (with_graph(later_opset), "is not the site scorer"),
    "later ir": (with_graph(lambda model: setattr(model, "ir_version", 99)), "is not the site scorer"),
    "weight named twice": (with_graph(weight_named_twice), "is not the site scorer"),
    "nan weight": (with_graph(nan_weight), "NaN or infinity"),
    "huge dimensions": (with_graph(huge_dimensions), "of shape"),
    "missing values": (with_graph(missing_values), "does not hold"),
    "other weights": (with_graph(other_weights), "golden vectors"),
    "manifest edited": (edited('"name": "toy"', '"name": "boy"'), "it was changed"),
    "manifest spaced": (edited('"format": 1', '"format":  1'), "it was changed"),
    "duplicate key": (edited('"format": 1,', '"format": 1,\n "format": 1,'), "stands twice"),
    "nan in the manifest": (edited('"seed": 1', '"seed": NaN'), "is not a number"),
    "unknown key": (lambda folder: reseal(folder, hook="import os"), "Extra inputs"),
    "not json": (lambda folder: (folder / "manifest.json").write_bytes(b"\x80\x04"), "manifest"),
    "deep json": (deep_manifest, "manifest"),
    "path outside": (path_outside, "should match pattern"),
    "absent file": (file_that_is_absent, "is listed and not there"),
    "later format": (lambda folder: reseal(folder, format=2), "format"),
    "other rule": (lambda folder: reseal(folder, action_rule="the smallest logit"), "action_rule"),
    "other width": (lambda folder: reseal(folder, network={"kind": "site_scorer", "width": 32}), "of shape"),
    "wrong layout": (layout_changed(lambda observation: observation["job"].append("more")), "do not fit the layout"),
    "other number of sites": (layout_changed(lambda observation: observation.update(sites=2)), "do not fit the layout"),
    "other names": (lambda folder: reseal(folder, observation_schema="0" * 64), "hash of the feature names"),
    "golden logits": (golden_changed("logits", first_logit_up), "golden vectors, 16 logits"),
    "golden actions": (golden_changed("actions", first_action_changed), "golden vectors, 16 actions"),
    "fewer golden actions": (golden_changed("actions", lambda actions: actions.pop()), "not equally many"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_bundle_is_refused(kind: str, made: Path, tmp_path: Path) -> None:
    attack, reason = HOSTILE[kind]
    folder = tmp_path / "bundle"
    shutil.copytree(made, folder)
    attack(folder)
    with pytest.raises(InputError, match=reason):
        load(folder)


def test_external_data_behind_a_hard_link_is_refused_too(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(made, folder)
    (tmp_path / "secret").write_bytes(b"secret")
    os.link(tmp_path / "secret", folder / "weights.json")
    with_graph(external_data)(folder)
    fields = json.loads((folder / "manifest.json").read_bytes())
    entry = {"sha256": hashlib.sha256(b"secret").hexdigest(), "bytes": 6}
    reseal(folder, files=fields["files"] | {"weights.json": entry})
    with pytest.raises(InputError, match="lies in another file"):
        load(folder)


def test_a_bundle_may_be_reached_through_a_link_to_its_folder(made: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(made)
    assert load(tmp_path / "current").manifest == load(made).manifest


def test_a_name_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"No such file.*name the folder that holds"):
        load(tmp_path / "nothing")


def test_every_flipped_bit_of_a_manifest_shows(made: Path) -> None:
    content = (made / "manifest.json").read_bytes()
    for position in np.random.default_rng(3).integers(0, 8 * len(content), 300):
        changed = bytearray(content)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(InputError):
            parse(bytes(changed), "manifest")


def test_the_graph_needs_nothing_but_its_bytes(bundle: Bundle) -> None:
    content = build(bundle.weights, bundle.layout).SerializeToString()
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    assert [node.name for node in session(content).get_inputs()] == ["observation", "mask"]
