"""Event files of TensorBoard: scalars, pictures, and the settings of a run beside what it came to.

They are written with the package `tensorboard` alone, so that what learns without PyTorch has them too. Every tag is
defined in docs/tensorboard.md.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from ...trained.durable import write_file

# Protobuf makes its classes when it is imported: no checker of types knows them.
EVENT: Any = event_pb2
SUMMARY: Any = summary_pb2
TABLE: Any = api_pb2
SESSION: Any = plugin_data_pb2
RGBA = 4  # TensorBoard's number of that colour space
LENGTH, CHECKSUM = 8, 4  # bytes
OF_SETTINGS = "_hparams_/"  # how their tags begin


class Png(NamedTuple):
    """A picture."""

    width: int  # pixels
    height: int  # pixels
    content: bytes


Point = Mapping[str, float | Png]  # by tag


class Events:
    """An event file that goes on behind those in its folder, from step `first` on."""

    def __init__(self, folder: Path, first: int) -> None:
        forget(folder, first)
        self._writer = EventFileWriter(str(folder))

    def __enter__(self) -> "Events":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def write(self, point: Point, step: int) -> None:
        """Write what there is at one step."""
        self._add(SUMMARY.Summary(value=[_value(tag, value) for tag, value in point.items()]), step)

    def describe(self, settings: BaseModel, metrics: Sequence[str]) -> None:
        """The settings, for the table HPARAMS, whose other columns are the last points of the scalars `metrics`."""
        infos, start = [], SESSION.SessionStartInfo(start_time_secs=time.time())
        for name, field in type(settings).model_fields.items():
            kind = _fill(start, name, getattr(settings, name))
            infos.append(TABLE.HParamInfo(name=name, type=kind, description=field.description or ""))
        shown = [TABLE.MetricInfo(name=TABLE.MetricName(tag=tag)) for tag in metrics]
        experiment = TABLE.Experiment(hparam_infos=infos, metric_infos=shown, time_created_secs=start.start_time_secs)
        self._plug(metadata.EXPERIMENT_TAG, SESSION.HParamsPluginData(experiment=experiment))
        self._plug(metadata.SESSION_START_INFO_TAG, SESSION.HParamsPluginData(session_start_info=start))

    def finish(self) -> None:
        """Say in HPARAMS that the run has come to its end."""
        end = SESSION.SessionEndInfo(status=TABLE.Status.STATUS_SUCCESS, end_time_secs=time.time())
        self._plug(metadata.SESSION_END_INFO_TAG, SESSION.HParamsPluginData(session_end_info=end))

    def close(self) -> None:
        """Write what is left, and close the file."""
        self._writer.close()

    def _plug(self, tag: str, content: Any) -> None:
        said = metadata.create_summary_metadata(content)
        self._add(
            SUMMARY.Summary(value=[SUMMARY.Summary.Value(tag=tag, metadata=said, tensor=metadata.NULL_TENSOR)]), 0
        )

    def _add(self, summary: Any, step: int) -> None:
        self._writer.add_event(EVENT.Event(step=step, wall_time=time.time(), summary=summary))
        self._writer.flush()


def forget(folder: Path, first: int) -> None:
    """Take points from step `first` on out of a folder's event files, and what they say of settings: it is said anew.

    A session log that voids them would be simpler, but TensorBoard's fast loader passes it over.
    """
    for path in folder.glob("events.*"):
        kept = [record for record in _records(path.read_bytes()) if _is_kept(record, first)]
        if len(kept) > 1:  # more than the version of the file
            write_file(path, b"".join(kept))
        else:
            path.unlink()


def _records(content: bytes) -> Iterator[bytes]:
    """The whole records of an event file: a length, its checksum, an event, its checksum; a torn one is none."""
    begin = 0
    while length := int.from_bytes(content[begin : begin + LENGTH], "little"):
        end = begin + LENGTH + CHECKSUM + length + CHECKSUM
        if end > len(content):
            return
        yield content[begin:end]
        begin = end


def _is_kept(record: bytes, first: int) -> bool:
    event = EVENT.Event.FromString(record[LENGTH + CHECKSUM : -CHECKSUM])
    is_of_settings = any(value.tag.startswith(OF_SETTINGS) for value in event.summary.value)
    return event.step < first and not is_of_settings


def _value(tag: str, value: float | Png) -> Any:
    if not isinstance(value, Png):
        return SUMMARY.Summary.Value(tag=tag, simple_value=float(value))
    image = SUMMARY.Summary.Image(
        width=value.width, height=value.height, colorspace=RGBA, encoded_image_string=value.content
    )
    return SUMMARY.Summary.Value(tag=tag, image=image)


def _fill(start: Any, name: str, value: object) -> int:
    """Put a setting into a session's start; returns its type."""
    if isinstance(value, bool):
        start.hparams[name].bool_value = value
        return TABLE.DataType.DATA_TYPE_BOOL
    if isinstance(value, int | float):
        start.hparams[name].number_value = value
        return TABLE.DataType.DATA_TYPE_FLOAT64
    start.hparams[name].string_value = str(value)
    return TABLE.DataType.DATA_TYPE_STRING
