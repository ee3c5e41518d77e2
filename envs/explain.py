"""From pydantic's validation errors to the one form in which Tidegate reports bad input."""

from typing import Any

from pydantic import ValidationError

from ..fastsim.errors import InputError

REMEDIES = {
    "missing": "add it",
    "extra_forbidden": "correct its spelling or remove it",
    "json_invalid": "correct the syntax",
}


def key_path(location: tuple[int | str, ...]) -> str:
    """`sites[1].capacity` for ("sites", 1, "capacity")."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _shown(value: Any) -> str:
    """A value on one short line."""
    text = repr(value) if not isinstance(value, dict | list | tuple) else f"{len(value)} entries"
    return text if len(text) <= 60 else f"{text[:57]}…"


def explained(error: ValidationError, where: str) -> InputError:
    """The first error of a validation, as `where: key path: what, value, reason, remedy`."""
    first = error.errors(include_url=False)[0]
    location, kind = first["loc"], first["type"]
    path = key_path(location)
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InputError):
        inner = f"{path}.{cause.where}" if path else cause.where
        return InputError(f"{where}: {inner}", cause.what, cause.value, cause.reason, cause.remedy)
    others = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    what = str(location[-1]) if location else "JSON" if kind == "json_invalid" else "scenario"
    value = "absent" if kind == "missing" else _shown(first["input"])
    reason = first["msg"][:1].lower() + first["msg"][1:] + others
    place, remedy = f"{where}: {path}" if path else where, REMEDIES.get(kind, "give a value that fits")
    return InputError(place, what, value, reason, remedy)
