"""A command line in words, as one would type it again."""

import shlex
from collections.abc import Mapping


def command_line(verb: str, argument: object, options: Mapping[str, object]) -> str:
    """`tidegate VERB ARGUMENT --option value …`; None leaves an option out, a list repeats it."""
    words = ["tidegate", verb, str(argument)]
    for option, value in options.items():
        for one in value if isinstance(value, list) else [value]:
            words += [] if one is None else [option, str(one)]
    return shlex.join(words)
