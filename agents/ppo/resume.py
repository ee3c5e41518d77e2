"""Checkpoints from which a run goes on as if it had never been interrupted.

A checkpoint is the model as Stable-Baselines3 saves it (weights, optimizer, counters), and in the same file the states
of all generators of random numbers, the time that the run has taken, and the worlds of the environment.
"""

import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...fastsim.errors import InputError
from .algorithm import RoutingPPO
from .clock import Clock

Pending = list[tuple[str, float, Any]]
RUN, WORLDS = "run.json", "worlds.npz"  # beside what Stable-Baselines3 puts into the file
REMEDY = "remove it to go on from the one before, or begin anew in another folder"


def packed(model: RoutingPPO) -> bytes:
    """The model, and all else that its run needs to go on; a `.zip` that Stable-Baselines3 can load."""
    buffer = io.BytesIO(saved(model))
    batch = getattr(model.env, "batch", None)
    with zipfile.ZipFile(buffer, "a") as archive:
        run = {"elapsed": model.clock.elapsed, "pending": pending(model), **generators()}
        archive.writestr(RUN, json.dumps(run))
        if batch is not None:
            worlds = io.BytesIO()
            np.savez_compressed(worlds, **batch.kept())
            archive.writestr(WORLDS, worlds.getvalue())
    return buffer.getvalue()


def saved(model: RoutingPPO) -> bytes:
    """The model as Stable-Baselines3 saves it."""
    buffer = io.BytesIO()
    model.save(buffer)
    return buffer.getvalue()


def pending(model: RoutingPPO) -> Pending:
    """Scalars of the last update, which are written with the next collection: name, value, where they are not."""
    logger = model.logger
    return [
        (name, value if isinstance(value, int) else float(value), logger.name_to_excluded[name])
        for name, value in logger.name_to_value.items()
    ]


def generators() -> dict[str, Any]:
    """The states of torch's, NumPy's and Python's generators, which Stable-Baselines3 draws from; plain JSON."""
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002 (rollout buffers draw from it)
    return {
        "torch": torch.get_rng_state().tolist(),
        "numpy": [kind, np.asarray(keys).tolist(), *rest],
        "python": random.getstate(),
    }


def put_back(states: dict[str, Any]) -> None:
    """Let all generators go on from `states`."""
    torch.set_rng_state(torch.tensor(states["torch"], dtype=torch.uint8))
    kind, keys, *rest = states["numpy"]
    np.random.set_state((kind, np.array(keys, np.uint32), *rest))  # noqa: NPY002
    version, inner, gauss = states["python"]
    random.setstate((version, tuple(inner), gauss))


def latest(folder: Path) -> Path | None:
    """The last checkpoint of a run, or None."""
    found = sorted(folder.glob("*.zip"))
    return found[-1] if found else None


def resumed(checkpoint: Path, envs: Any, clock: Clock) -> tuple[RoutingPPO, Pending]:
    """The model of a checkpoint and its pending scalars; its environment, clock and all generators are put back.

    Raises InputError where the file cannot be read, or the environment cannot be put back.
    """
    batch = getattr(envs, "batch", None)
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            run = json.loads(archive.read(RUN))
            worlds = dict(np.load(io.BytesIO(archive.read(WORLDS)), allow_pickle=False)) if batch is not None else {}
        model = RoutingPPO.load(checkpoint, envs, device="cpu", force_reset=False)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        reason = f"is not a checkpoint of this run ({type(error).__name__})"
        raise InputError("train", "checkpoint", checkpoint, reason, REMEDY) from error
    if batch is None:
        reason = "of an environment that cannot be put back"
        raise InputError("train", "checkpoint", checkpoint, reason, "train without --resume, in a new folder")
    batch.put_back(worlds)
    clock.begin -= run["elapsed"]
    clock.updates = model.updates
    model.clock = clock
    put_back(run)
    return model, run["pending"]
