"""Reading a trace, whatever its format; the ending of its name says which."""

from pathlib import Path

from ...fastsim.errors import InputError
from .delimited import read_delimited
from .parquet import read_parquet
from .swf import read_swf
from .table import Trace

READERS = {
    ".parquet": read_parquet,
    ".csv": read_delimited,
    ".csv.gz": read_delimited,
    ".swf": read_swf,
    ".swf.gz": read_swf,
}


def read(path: str | Path, max_bad_rows: int = 0, rejects: list[InputError] | None = None) -> Trace:
    """Read the trace at `path`, strictly: the first bad row ends it.

    Args:
        path: A file that ends in one of `READERS`.
        max_bad_rows: Leave out up to so many bad rows; they are listed in `Trace.rejected`.
        rejects: Takes each rejected row as it is found, for a caller who wants them even when there are too many.

    Raises:
        InputError: the file is unusable or has too many bad rows.
    """
    file = Path(path)
    name = file.name.lower()
    for ending, reader in READERS.items():
        if name.endswith(ending):
            return reader(file, max_bad_rows, rejects)
    raise InputError(str(file), "trace", file.name, "has an unknown ending", f"the choices are {', '.join(READERS)}")
