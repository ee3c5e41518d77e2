"""Scenarios based on others: a file that names a `base` says only what differs from it.

Tables merge key by key. Lists of named tables (sites, classes, the stages of a pipeline …) merge by name: a table of a
name that the base has changes that one, any other comes after those of the base. Everything else replaces, weights
too: `gangs = { 8 = 1 }` are all the gangs there are. A table with `remove = ["key", …]` first loses these keys of the
base's; one with a name and `remove = true` goes.

The schema says what is a table of keys and what is a value, so that nothing depends on how a value is written.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from ..fastsim.errors import InputError
from .quantities import Part

FORMATS = (".toml", ".json")
Content = dict[str, Any]
Reader = Callable[[Path, str], Any]  # of one file, by its path and its name in errors


def inherited(path: Path, where: str, schema: type[Part], folder: Path, read: Reader) -> Any:
    """The content of a scenario's file with that of its base, and of the base's base … beneath it.

    `folder` holds the scenarios that come with Tidegate. Raises InputError for a base that is unknown or leads back to
    itself, for a scenario that has its base's name, and for what cannot be removed.
    """
    return _inherited(path, where, schema, folder, read, ())


def _inherited(path: Path, where: str, schema: type[Part], folder: Path, read: Reader, above: tuple[Path, ...]) -> Any:
    """`inherited`, for a file on which those `above` are based."""
    if path.resolve() in above:
        chain = " → ".join(one.stem for one in (*above[above.index(path.resolve()) :], path))
        raise InputError(where, "base", path.stem, f"it is based on itself: {chain}", "break the circle")
    content = read(path, where)
    if not isinstance(content, dict) or "base" not in content:
        return content
    name = content["base"]
    beneath = base_path(name, path, where, folder)
    base = _inherited(beneath, str(name), schema, folder, read, (*above, path.resolve()))
    if not isinstance(base, dict):
        raise InputError(where, "base", name, "it is no table", "correct that file")
    own = {key: value for key, value in content.items() if key != "base"}
    if own.get("name", base.get("name")) == base.get("name"):
        raise InputError(f"{where}: name", "name", base.get("name"), "it is that of its base", "give it its own")
    return merged(base, own, schema, where, "")


def base_path(name: Any, path: Path, where: str, folder: Path) -> Path:
    """The file that a `base` means: a scenario that comes with Tidegate, or a path relative to the file at `path`."""
    shipped = sorted(one.stem for one in folder.glob("*.toml"))
    if name in shipped:
        return folder / f"{name}.toml"
    if not isinstance(name, str) or Path(name).suffix not in FORMATS:
        remedy = f"use one of {', '.join(shipped)}, or the path of a .toml file from this one"
        raise InputError(f"{where}: base", "base", name, "there is none of this name", remedy)
    return path.parent / name


def merged(base: Content, own: Content, schema: type[Part], where: str, key: str) -> Content:
    """A table on top of the base's; `key` is its place in the file.

    Raises InputError where `remove` names what the base does not have.
    """
    gone = own.get("remove", [])
    place = f"{where}: {key}.remove" if key else f"{where}: remove"
    if not isinstance(gone, list):
        reason = "only a named table of a list goes as a whole"
        raise InputError(place, "remove", gone, reason, "list the keys that go")
    for name in gone:
        _check_removed(name, list(base), place)
    result = {name: value for name, value in base.items() if name not in gone}
    for name, value in own.items():
        if name != "remove":
            result[name] = _on_top(result.get(name), value, _part(schema, name), where, f"{key}.{name}".lstrip("."))
    return result


def _on_top(base: Any, value: Any, part: type[Part] | None, where: str, key: str) -> Any:
    """A value on top of the base's, which is None where it has none; `part` is what it holds by the schema."""
    if part is not None and isinstance(value, dict):
        return merged(base if isinstance(base, dict) else {}, value, part, where, key)
    if part is not None and isinstance(value, list) and "name" in part.model_fields:
        return _by_name(base if isinstance(base, list) else [], value, part, where, key)
    return value


def _by_name(base: list[Any], own: list[Any], part: type[Part], where: str, key: str) -> list[Any]:
    """A list of named tables on top of the base's; tables without a name stay as they are, and are refused later."""
    result = list(base)
    for index, table in enumerate(own):
        place = f"{key}[{index}]"
        names = [one.get("name") if isinstance(one, dict) else None for one in result]
        name = table.get("name") if isinstance(table, dict) else None
        if name is None:
            result.append(table)
        elif table.get("remove") is True:
            _check_removed(name, [given for given in names if given is not None], f"{where}: {place}.remove")
            if len(table) > 2:
                reason, remedy = f"{name} goes, and the table says more of it", "remove the rest of the table"
                raise InputError(f"{where}: {place}", "keys", len(table), reason, remedy)
            del result[names.index(name)]
        elif name in names:
            result[names.index(name)] = merged(result[names.index(name)], table, part, where, place)
        else:
            result.append(merged({}, table, part, where, place))
    return result


def _check_removed(name: Any, known: list[Any], where: str) -> None:
    """Refuse to remove what is not there."""
    if name not in known:
        choices = f"use one of {', '.join(map(str, known))}" if known else "leave it out"
        raise InputError(where, "name", name, "the base has none of this name", choices)


def _part(schema: type[Part], name: str) -> type[Part] | None:
    """What a key of a table holds, if that is one or more tables of keys."""
    field = schema.model_fields.get(name)
    return None if field is None else part_in(field.annotation)


def part_in(annotation: Any) -> type[Part] | None:
    """The part of a scenario within a type: that of `Part`, `Part | None`, `tuple[Part, ...]`; else None."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    return next(filter(None, map(part_in, get_args(annotation))), None)
