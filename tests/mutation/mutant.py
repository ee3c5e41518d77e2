"""A mistake in one place of one source file of the kernel."""

import ast
from dataclasses import dataclass

from tidegate.fastsim.errors import InputError


@dataclass(frozen=True)
class Mutant:
    """What the rules would be if the mistake were right, and the text that makes it so."""

    name: str  # a sentence
    file: str  # in fastsim/
    old: str  # occurs once in that file
    new: str

    def planted(self, source: str) -> str:
        """The source with the mistake in it.

        Raises InputError when the old text is not there exactly once, or what comes out is no Python.
        """
        where, times = f"fastsim/{self.file}", source.count(self.old)
        if times != 1:
            reason = f"occurs {times} times, not once"
            raise InputError(where, "text that a mutant replaces", repr(self.old), reason, f"mend “{self.name}”")
        planted = source.replace(self.old, self.new)
        try:
            ast.parse(planted)
        except SyntaxError as error:
            reason = f"is no Python there: {error.msg}"
            raise InputError(where, "text of a mutant", repr(self.new), reason, f"mend “{self.name}”") from error
        return planted
