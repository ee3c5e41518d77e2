"""A run as training leaves it, small and untrained, to be exported."""

import io
import json
import zipfile
from pathlib import Path

import torch

from tidegate.agents.ppo.network import SitePolicy
from tidegate.agents.ppo.settings import Settings
from tidegate.trained.manifest import described

from .toy_envs import FEATURES, ToyEnvs, ToyScenario


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
