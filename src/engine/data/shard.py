"""Which samples each of several processes takes: together they see what one process with larger batches would."""

from dataclasses import dataclass

from torch import distributed


@dataclass(frozen=True)
class Share:
    """The part of one process: of every batch that all take together, each sample whose place is rank modulo world.

    So a batch is split as evenly as possible, and the first process always has a part of it.

    Args:
        rank: Number of this process, from 0.
        world: Number of processes.
    """

    rank: int = 0
    world: int = 1

    @classmethod
    def current(cls) -> "Share":
        """Return that of this process: everything, unless torch.distributed says otherwise."""
        if distributed.is_available() and distributed.is_initialized():
            return cls(distributed.get_rank(), distributed.get_world_size())
        return cls()

    def rows(self, start: int, stop: int) -> slice:
        """Return the rows to take of those from start up to stop; none, if there are fewer rows than processes."""
        return slice(start + self.rank, stop, self.world)

    def weight(self, size: int) -> float:
        """Return by what to multiply the mean over this part of a batch of some size.

        The average over processes, which is what becomes of gradients, is then the mean over the batch.
        """
        return len(range(self.rank, size, self.world)) * self.world / size
