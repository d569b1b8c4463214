import asyncio
import threading
from collections.abc import Callable, Sequence

import pytest

from engine.serve.batches import Answer, Batches, Job
from engine.serve.refusal import LARGE, Refusal


def lengths(jobs: Sequence[Job]) -> list[Answer]:
    return [str(len(job.body)).encode() for job in jobs]


class Held:
    """Works at its first batch until it is released, and notes the batches."""

    def __init__(self) -> None:
        self.begun, self.release = threading.Event(), threading.Event()
        self.sizes: list[list[int]] = []

    def __call__(self, jobs: Sequence[Job]) -> list[Answer]:
        self.begun.set()
        self.release.wait(10)
        self.sizes.append([len(job.body) for job in jobs])
        return lengths(jobs)


def ask(batches: Batches, body: bytes) -> "asyncio.Future[Answer]":
    future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    batches.submit(Job("", body, future.set_result))
    return future


def test_what_comes_during_a_batch_is_the_next_one_and_large_bodies_are_alone() -> None:
    async def main() -> list[Answer]:
        batches = Batches(work, asyncio.get_running_loop())
        first = ask(batches, b"a")
        await asyncio.to_thread(work.begun.wait)
        others = [ask(batches, bytes(size)) for size in (2, LARGE + 1, 3, LARGE + 2, 4)]
        work.release.set()
        return list(await asyncio.gather(first, *others))

    work = Held()
    answers = asyncio.run(main())
    assert [int(answer) for answer in answers if isinstance(answer, bytes)] == [1, 2, LARGE + 1, 3, LARGE + 2, 4]
    assert work.sizes == [[1], [2, 3, 4], [LARGE + 1], [LARGE + 2]]


def test_more_than_may_wait_are_refused() -> None:
    async def main() -> None:
        batches = Batches(work, asyncio.get_running_loop(), capacity=3)
        waiting = [ask(batches, b"a") for _ in range(3)]
        with pytest.raises(Refusal) as refusal:
            ask(batches, b"a")
        assert (refusal.value.status, refusal.value.headers["retry-after"]) == (503, "1")
        work.release.set()
        await asyncio.gather(*waiting)
        await ask(batches, b"a")

    work = Held()
    asyncio.run(main())


def failing(times: int) -> Callable[[Sequence[Job]], Sequence[Answer]]:
    failures = iter(range(times))

    def work(jobs: Sequence[Job]) -> Sequence[Answer]:
        if next(failures, None) is not None:
            raise ZeroDivisionError("a secret")
        return lengths(jobs)

    return work


def test_an_unexpected_error_fails_its_batch_alone(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        batches = Batches(failing(1), asyncio.get_running_loop())
        failed = await ask(batches, b"a")
        assert isinstance(failed, Refusal)
        assert failed.status == 500
        assert "secret" not in str(failed)
        assert not batches.healthy
        assert await ask(batches, b"a") == b"1"
        assert batches.healthy

    asyncio.run(main())
    assert "ZeroDivisionError: a secret" in capsys.readouterr().err
