"""A policy by its name: a rule, or a bundle that is evaluated like one."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tidegate.agents.evaluation import evaluate, policies
from tidegate.agents.evaluation.policies import resolve
from tidegate.agents.rules.catalogue import RULES
from tidegate.envs.scenario import load
from tidegate.fastsim.errors import InputError
from tidegate.fastsim.jit import IS_COMPILED
from tidegate.fastsim.layout import Layout

from .toy_envs import ToyScenario

pytestmark = pytest.mark.skipif(not IS_COMPILED, reason="whole evaluations take minutes as plain Python")


def test_every_rule_resolves_to_its_name() -> None:
    for name in RULES:
        assert resolve(name).name == name


def test_an_unknown_policy_is_refused_with_the_choices() -> None:
    with pytest.raises(InputError, match="cost-greedy"):
        resolve("cost-greddy")


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        resolve(str(tmp_path))


def learned(folder: Path, features: dict[str, tuple[str, ...]], width: int = 16) -> Path:
    """A bundle with random weights that reads `features` of two sites."""
    torch = pytest.importorskip("torch")
    from gymnasium import spaces

    from tidegate.agents.ppo.export import export
    from tidegate.agents.ppo.network import SitePolicy
    from tidegate.agents.ppo.settings import Settings
    from tidegate.trained.manifest import described

    torch.manual_seed(0)
    layout = Layout(len(features["job"]), len(features["clock"]), len(features["site"]), 2)
    box, actions = spaces.Box(-1, 1, (layout.size,), np.float32), spaces.Discrete(layout.actions)
    policy = SitePolicy(box, actions, lambda _: 1e-3, layout=layout, width=width)
    saved = io.BytesIO()
    torch.save(policy.state_dict(), saved)
    run = folder / "run"
    run.mkdir()
    with zipfile.ZipFile(run / "model.zip", "w") as archive:
        archive.writestr("policy.pth", saved.getvalue())
    (run / "settings.json").write_text(Settings(width=width).model_dump_json())
    (run / "scenario.json").write_text(json.dumps(described(ToyScenario(2))))
    (run / "observation.json").write_text(json.dumps({**features, "sites": 2}))
    return export(run, folder / "bundle")


def test_a_bundle_is_evaluated_like_a_rule(tmp_path: Path) -> None:
    name = str(learned(tmp_path, policies.SCHEMA))
    report = evaluate.evaluate(load("small_team"), [RULES["cost-greedy"](), resolve(name)], episodes=1)
    assert report.comparisons[0].policy == name
    assert report.policies[1].total("illegal") == 0 < report.policies[1].total("decisions")


def test_a_bundle_that_reads_something_else_is_refused(tmp_path: Path) -> None:
    folder = learned(tmp_path, {**policies.SCHEMA, "clock": ("hour",)})
    with pytest.raises(InputError, match="clock features"):
        resolve(str(folder))


def test_a_bundle_too_wide_for_the_kernel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = learned(tmp_path, policies.SCHEMA)
    monkeypatch.setattr(policies, "scratch_size", lambda sites, width: 4097)
    with pytest.raises(InputError, match="network width"):
        resolve(str(folder))
