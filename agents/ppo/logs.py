"""Where scalars go: TensorBoard and a table. A run that is resumed forgets what came after its checkpoint."""

from pathlib import Path

from stable_baselines3.common.logger import CSVOutputFormat, KVWriter, TensorBoardOutputFormat
from torch.utils.tensorboard.writer import SummaryWriter

from ...trained.durable import write_file

STEP = "time/total_timesteps"  # column of the table


class Board(TensorBoardOutputFormat):
    """TensorBoard's events, from step `first` on; earlier ones stay."""

    def __init__(self, folder: Path, first: int) -> None:
        self.writer = SummaryWriter(log_dir=str(folder), purge_step=first)
        self._is_closed = False


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


def formats(out: Path, done: int | None) -> list[KVWriter]:
    """Where the scalars of the run in `out` go; `done`: decisions of the checkpoint that it goes on from, if any."""
    board, table = out / "tensorboard", out / "progress.csv"
    if done is None:
        return [Board(board, 0), CSVOutputFormat(str(table))]
    return [Board(board, done + 1), Table(table, done)]
