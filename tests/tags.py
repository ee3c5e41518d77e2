"""Tags of TensorBoard: those that a run has written, and those that the page says it has."""

import re
from pathlib import Path
from typing import Any

DOCUMENT = Path(__file__).parents[1] / "docs" / "tensorboard.md"
GENE = "genes/LABEL"  # stands for all of them on the page
KINDS = ("scalars", "images", "tensors")


def documented(mode: str) -> set[str]:
    """Tags that the page says a mode has: gae, branch, blend or evolution."""
    rows = re.findall(r"^\| `([a-z0-9_]+/\w+)` \| ([a-z, ]+) \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    every = {mode} if mode == "evolution" else {mode, "all"}
    return {tag for tag, modes in rows if every & set(modes.split(", "))}


def events(run: Path) -> Any:
    """What is in a run's event files, as TensorBoard reads them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(run / "tensorboard"), {"scalars": 0, "images": 0, "tensors": 0})
    found.Reload()
    return found


def recorded(run: Path) -> set[str]:
    """Tags of a run's scalars, pictures and settings."""
    tags = events(run).Tags()
    found = {tag for kind in KINDS for tag in tags[kind]}
    return {GENE if tag.startswith("genes/") else tag for tag in found}


def steps(run: Path) -> dict[str, list[int]]:
    """Where each of its scalars and pictures has points."""
    found = events(run)
    scalars = {tag: [point.step for point in found.Scalars(tag)] for tag in found.Tags()["scalars"]}
    return scalars | {tag: [point.step for point in found.Images(tag)] for tag in found.Tags()["images"]}


def settings_and_metrics(run: Path) -> tuple[set[str], set[str], set[str]]:
    """What HPARAMS shows of a run: settings that are columns, those that have values, and scalars."""
    from tensorboard.plugins.hparams import metadata

    said = events(run).summary_metadata
    content = {tag: said[tag].plugin_data.content for tag in (metadata.EXPERIMENT_TAG, metadata.SESSION_START_INFO_TAG)}
    experiment = metadata.parse_experiment_plugin_data(content[metadata.EXPERIMENT_TAG])
    start = metadata.parse_session_start_info_plugin_data(content[metadata.SESSION_START_INFO_TAG])
    columns = {info.name for info in experiment.hparam_infos}
    return columns, set(start.hparams), {info.name.tag for info in experiment.metric_infos}
