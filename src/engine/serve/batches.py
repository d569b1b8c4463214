"""The queue of requests that wait for the network, and the thread that takes them as batches."""

import contextlib
import queue
import sys
import threading
import traceback
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.serve.refusal import LARGE, WAITING, Refusal, busy

Answer = bytes | Refusal


@dataclass(frozen=True)
class Job:
    """A request that waits.

    Args:
        media_type: What its body is.
        body: Its body.
        done: Called with the answer, in the thread of the event loop.
    """

    media_type: str
    body: bytes
    done: Callable[[Answer], None]


class Batches:
    """One thread that answers requests: those that come while it is at work are its next batch.

    It never waits for more to come. With one client that would only be slower; with many they come while it works.
    Large ones are answered alone, each after a batch of others.

    Args:
        work: Returns the answers to a batch, in its order.
        loop: The event loop that requests come from.
        size: Requests in a batch at most.
        capacity: Requests that may wait.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Job]], Sequence[Answer]],
        loop: AbstractEventLoop,
        size: int = WAITING,
        capacity: int = WAITING,
    ) -> None:
        self.work = work
        self.loop = loop
        self.size = size
        self.capacity = capacity
        self.waiting = 0
        self.healthy = True  # whether the last batch was worked at without an unexpected error
        self._queue: queue.SimpleQueue[Job] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="inference", daemon=True).start()

    def submit(self, job: Job) -> None:
        """Have a request answered; called in the thread of the event loop.

        Raises:
            Refusal: If too many are waiting.
        """
        if self.waiting >= self.capacity:
            raise busy(f"{self.waiting} requests are waiting")
        self.waiting += 1
        self._queue.put(job)

    def _run(self) -> None:
        large: deque[Job] = deque()
        while True:
            small: list[Job] = []
            try:
                while len(small) < self.size:
                    job = self._queue.get(block=not small and not large)
                    (large if len(job.body) > LARGE else small).append(job)
            except queue.Empty:
                pass
            for batch in (small, [large.popleft()] if large else []):
                if batch:
                    answers = self._answers(batch)
                    with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody waits any more
                        self.loop.call_soon_threadsafe(self._deliver, batch, answers)

    def _answers(self, batch: Sequence[Job]) -> Sequence[Answer]:
        try:
            answers = self.work(batch)
        except Exception:  # a bug, or too little memory: these requests fail, the next may not
            traceback.print_exc(file=sys.stderr)
            self.healthy = False
            return [Refusal(500, "the prediction failed; the server has printed why")] * len(batch)
        self.healthy = True
        return answers

    def _deliver(self, batch: Sequence[Job], answers: Sequence[Answer]) -> None:
        self.waiting -= len(batch)
        for job, answer in zip(batch, answers, strict=True):
            job.done(answer)
