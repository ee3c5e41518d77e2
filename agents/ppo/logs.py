"""Where scalars go: TensorBoard and a table. A run that is resumed forgets what came after its checkpoint."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stable_baselines3.common.logger import CSVOutputFormat, KVWriter, Logger

from ...trained.durable import write_file
from ..board.events import Events
from .settings import Settings

STEP = "time/total_timesteps"  # column of the table


class Board(KVWriter):
    """TensorBoard's events, from step `first` on; earlier ones stay."""

    def __init__(self, folder: Path, first: int) -> None:
        self.events = Events(folder, first)

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        """Write a point: of each key a number or a Png."""
        kept = {key: value for key, value in key_values.items() if "tensorboard" not in key_excluded[key]}
        self.events.write(kept, step)

    def close(self) -> None:
        """Close the file."""
        self.events.close()


class Table(CSVOutputFormat):
    """A table that goes on behind its rows up to step `last`."""

    def __init__(self, path: Path, last: int) -> None:
        kept = rows_until(path.read_text(), last) if path.exists() else []
        write_file(path, "".join(f"{row}\n" for row in kept).encode())
        self.file = open(path, "r+")  # noqa: SIM115 (closed by `close`)
        self.keys = kept[0].split(",") if kept else []
        self.separator, self.quotechar = ",", '"'
        self.file.seek(0, 2)


def rows_until(text: str, last: int) -> list[str]:
    """The header, and the rows up to step `last`; a torn one is none."""
    header, *rows = text.split("\n")[:-1] or [""]  # what follows the last newline was not finished
    names = header.split(",")
    if STEP not in names:
        return []
    place, kept = names.index(STEP), [header]
    for row in rows:
        cells = row.split(",")
        if len(cells) == len(names) and cells[place].isdecimal() and int(cells[place]) <= last:
            kept.append(row)
    return kept


class Scribe(Logger):
    """Stable-Baselines3's logger, with the settings for the table HPARAMS of TensorBoard."""

    def __init__(self, out: Path, done: int | None) -> None:
        """Of the run in `out`; `done`: decisions of the checkpoint that it goes on from, if any."""
        path = out / "progress.csv"
        self.board = Board(out / "tensorboard", 0 if done is None else done + 1)
        table = CSVOutputFormat(str(path)) if done is None else Table(path, done)
        super().__init__(str(out), [self.board, table])

    def begin(self, settings: Settings, metrics: Sequence[str]) -> None:
        """Say what the run is made of, and which scalars tell how good it is."""
        self.board.events.describe(settings, metrics)

    def finish(self) -> None:
        """Say that the run has come to its end."""
        self.board.events.finish()
