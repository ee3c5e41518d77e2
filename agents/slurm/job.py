"""What Slurm says of a job, of a node and of maintenance, in the few words that matter here."""

from typing import Literal, NamedTuple

State = Literal["pending", "starting", "running", "gone"]


class Node(NamedTuple):
    """A node, as it is now."""

    name: str
    partitions: tuple[str, ...]
    accelerators: int | None  # None: it declares none
    used: int | None
    is_there: bool  # jobs may start on it; power saving will wake it if need be
    is_busy: bool  # something runs on it


class Outage(NamedTuple):
    """Nodes that will be away, or are, for maintenance that was announced."""

    begins: int  # s since 1970
    ends: int
    nodes: frozenset[str]


class Job(NamedTuple):
    """A job, or one task of an array."""

    key: str  # what scontrol takes: 123, or 123_4
    submitted: int  # s since 1970, like all times here
    eligible: int  # 0: not yet, or held
    cluster: str  # where it is now
    home: str  # where commands about it go: the origin in a federation
    partition: str
    viable: frozenset[str]  # clusters of a federation that may run it; empty: there is none
    state: State
    is_held: bool
    is_held_by_user: bool
    is_ready: bool  # nothing that it depends on, and no later beginning, is left
    nodes: int
    accelerators: int  # 0: it asks for none by name
    limit: int | None  # s; None: none is set
    started: int  # of its run, or of the allocation that still boots
    ends: int  # latest
    deadline: int  # by which it must have ended; 0: none
    fields: dict[str, str]  # qos, account, wckey, comment, user_name
    is_array: bool
    is_mixed: bool  # part of a heterogeneous job
    is_delivered: bool  # the cluster that it was sent to knows of it, and where it shall stand

    @property
    def id(self) -> str:
        """Its name at the router: numbers come again when Slurm begins anew, and a requeued job is a new question."""
        return f"{self.key}@{self.submitted}"

    @property
    def since(self) -> int:
        """When it began to wait."""
        return max(self.submitted, self.eligible)
