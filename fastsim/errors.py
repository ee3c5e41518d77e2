"""Errors of the user's input, in one form: `where: what, value, reason, remedy`."""


class InputError(ValueError):
    """Something the user gave is wrong: a file, an option, a name.

    The command line prints it and exits with code 2; a library caller catches it as a ValueError.
    """

    def __init__(self, where: str, what: str, value: object, reason: str, remedy: str) -> None:
        self.where, self.what, self.value, self.reason, self.remedy = where, what, value, reason, remedy
        super().__init__(f"{where}: {what}, {value}, {reason}, {remedy}")

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        """Survive the way back from a worker process."""
        return type(self), (self.where, self.what, self.value, self.reason, self.remedy)
