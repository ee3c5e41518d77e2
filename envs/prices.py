"""Prices that change: by steps, or hour by hour from a list or a file."""

import csv
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ..fastsim.errors import InputError
from ..fastsim.units import HOUR
from .quantities import Dollars, Part, Time, whole

COLUMNS = ["at_hour", "price"]
MOST_HOURS = 5 * 366 * 24
Series = Annotated[tuple[Dollars, ...], Field(min_length=1, max_length=MOST_HOURS)]


class PriceStep(Part):
    """The price becomes this."""

    at_day: Annotated[Time, Field(gt=0)]
    price_per_hour: Dollars

    @property
    def at(self) -> int:
        """When [ms]."""
        return whole(self.at_day, "days")


def hourly_steps(series: tuple[Decimal, ...]) -> tuple[tuple[int, int], ...]:
    """(at, µ$) of each hour in which the price is another than before; after the last hour it stays."""
    prices = [whole(price, "dollars") for price in series]
    return tuple((hour * HOUR, prices[hour]) for hour in range(1, len(prices)) if prices[hour] != prices[hour - 1])


def with_series(content: dict[str, Any], folder: Path, where: str) -> dict[str, Any]:
    """A scenario's content, each site's `price_series` that names a file replaced by what the file holds."""
    sites = content.get("sites") if isinstance(content, dict) else None
    if not isinstance(sites, list):
        return content
    filled = []
    for index, site in enumerate(sites):
        name = site.get("price_series") if isinstance(site, dict) else None
        key = f"{where}: sites[{index}].price_series"
        filled.append(site | {"price_series": read_series(folder, name, key)} if isinstance(name, str) else site)
    return content | {"sites": filled}


def read_series(folder: Path, name: str, where: str) -> list[Decimal]:
    """The prices of a CSV file with the columns at_hour (0, 1, 2 …) and price, beside a scenario's file.

    Raises InputError for a path that leads elsewhere, an unreadable file, and hours that are not all there in order.
    """
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise InputError(where, "path", name, "not below the scenario's folder", "give a relative path")
    try:
        with (folder / name).open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(where, "file", name, f"cannot be read: {reason}", "correct the path or the file") from None
    if not rows or rows[0] != COLUMNS:
        found = ",".join(rows[0]) if rows else "nothing"
        raise InputError(where, f"header of {name}", found, "it names other columns", f"write {','.join(COLUMNS)}")
    if len(rows) == 1:
        raise InputError(where, f"hours of {name}", 0, "there are none", "write at least hour 0")
    return [_price(row, hour, f"{where}: {name}, line {hour + 2}") for hour, row in enumerate(rows[1:])]


def _price(row: list[str], hour: int, where: str) -> Decimal:
    """The price of one line, which must be that of this hour."""
    if len(row) != len(COLUMNS):
        raise InputError(where, "columns", len(row), f"there are {len(COLUMNS)}", "correct the line")
    if row[0].strip() != str(hour):
        raise InputError(where, "at_hour", row[0], f"hour {hour} comes here", "write every hour once, in order")
    try:
        price = Decimal(row[1].strip())
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite() or price < 0:
        raise InputError(where, "price", row[1], "is not a price", "correct it")
    return price
