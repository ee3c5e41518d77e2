"""What is not exactly a bundle is refused. Each attack gets a copy of a sound one."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tidegate.agents.ppo.export import export
from tidegate.fastsim.errors import InputError
from tidegate.trained.bundle import LIMIT, load
from tidegate.trained.manifest import parse

from .toy_runs import finished_run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sound bundle for three sites."""
    folder = tmp_path_factory.mktemp("made")
    return export(finished_run(folder / "run", 3), folder / "bundle")


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
    reseal(folder, files=listed(folder) | {"policy.onnx": entry})


def listed(folder: Path) -> dict[str, object]:
    """The files that the manifest names."""
    return json.loads((folder / "manifest.json").read_bytes())["files"]


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
    reseal(folder, files=listed(folder) | {"../secret.json": listed(folder)["policy.onnx"]})


def file_that_is_absent(folder: Path) -> None:
    reseal(folder, files=listed(folder) | {"card.md": listed(folder)["policy.onnx"]})


def no_policy(folder: Path) -> None:
    (folder / "policy.onnx").unlink()
    reseal(folder, files={"CARD.md": listed(folder)["CARD.md"]})


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
