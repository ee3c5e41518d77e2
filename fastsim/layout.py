"""Where the parts of an observation lie in its vector."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """Lengths of the blocks of one observation, `[job | clock | site 0 | site 1 | …]`, in float32 values."""

    job: int
    clock: int
    site: int
    sites: int

    @property
    def size(self) -> int:
        """Length of the whole vector."""
        return self.job + self.clock + self.sites * self.site

    @property
    def actions(self) -> int:
        """Number of actions: every site, and hold."""
        return self.sites + 1
