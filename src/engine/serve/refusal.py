"""Limits of a server, and the refusal of a request that is over them or wrong."""

from collections.abc import Mapping

BODY = 10 * 2**20  # bytes of a body at most
LARGE = 2**16  # bytes above which a body counts as large
LARGE_AT_ONCE = 8  # large bodies that are held at a time, so that they cannot fill the memory
DISCARDED = 2**26  # bytes of a body that is too large which are read all the same: few clients read an answer before
ROWS = 100_000  # of a table, in one request
IMAGES = 64  # in one request
PIXELS = 25_000_000  # of one image, known before it is decoded; photographs of phones have 12 to 24 million
PROMPTS = 16  # in one request
STEPS = 200_000  # characters that the network reads for one request: all of a prompt, again for each that it adds
WAITING = 256  # requests that wait for the network
HEAD_SECONDS = 10  # to send the headers of a request, from its first byte
BODY_SECONDS = 30  # to send its body
IDLE_SECONDS = 30  # between two requests of one connection
READ_SECONDS = 30  # to read what does not fit into the buffers of an answer
CONNECTIONS = 512  # at a time; a process may commonly open 1,024 files
LAST_SECONDS = 0.5  # after a signal, in which a request that is on its way is still taken
END_SECONDS = 4  # after a signal, in which everything that was taken is answered


class Refusal(Exception):
    """A request that is answered with a status of 400 or more.

    Args:
        status: HTTP status.
        detail: What is wrong, in one line.
        row: The row that is wrong, from 1, if one is.
        column: Its column.
        headers: More headers of the answer.
    """

    def __init__(
        self, status: int, detail: str, row: int | None = None, column: str | None = None, **headers: str
    ) -> None:
        super().__init__(detail)
        self.status = status
        fields = {"detail": detail, "row": row, "column": column}
        self.answer = {name: value for name, value in fields.items() if value is not None}
        self.headers: Mapping[str, str] = {name.replace("_", "-").lower(): value for name, value in headers.items()}


def busy(reason: str) -> Refusal:
    """Return the refusal of a request that may be sent again."""
    return Refusal(503, f"{reason}: try again in a second", Retry_After="1")
