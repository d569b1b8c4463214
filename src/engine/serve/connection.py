"""Connections of uvicorn, with time-outs for slow clients, and a fast path for the plain request to predict."""

import asyncio
import os
import re
import socket
import time
from typing import Any

import h11
from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from engine.serve.api import HEADERS, Service, refuse
from engine.serve.batches import Answer, Job
from engine.serve.refusal import CONNECTIONS, HEAD_SECONDS, LARGE, LAST_SECONDS, READ_SECONDS, Refusal

FULL = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
LATE = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
# The head of a request that the fast path may take: headers of printable ASCII, one to a line.
PLAIN = re.compile(rb"POST /predict HTTP/1\.1(?:\r\n[!#-'*+.^_`|~0-9A-Za-z-]+:[ -~]*)+")
# It leaves requests with these headers to h11.
SPECIAL = {"transfer-encoding", "expect", "upgrade", "content-encoding", "trailer", "te"}
ALWAYS = b"".join(name + b": " + value + b"\r\n" for name, value in HEADERS)


def fast_path() -> bool:
    """Return whether the fast path is switched on: with SERVE_FAST_PATH=0 uvicorn and FastAPI answer everything."""
    return os.environ.get("SERVE_FAST_PATH", "1") != "0"


class Connection(H11Protocol):
    """One connection.

    h11 reads requests, FastAPI answers them. A request to predict that lies complete in what was received, and has
    nothing special about it, goes the fast path: straight to the queue. That takes a fifth of the time. Whatever it
    does not know or would refuse goes the ordinary way.
    """

    service: Service

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_fast = fast_path()
        self.began = 0.0  # when the request came that is on the fast path; 0 if there is none
        self.later = b""  # what came after it
        self.ending = False
        self._late: asyncio.TimerHandle | None = None  # for the head of a request
        self._unread: asyncio.TimerHandle | None = None  # for an answer

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to wait for a request."""
        super().connection_made(transport)
        # asyncio forgets it for a socket that was made elsewhere, and the body would wait 40 ms for its head's receipt.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.set_write_buffer_limits(0)  # so that pause_writing tells of everything that is not read
        if len(self.connections) > CONNECTIONS:
            transport.write(FULL)
            transport.close()
        self._late = self.loop.call_later(HEAD_SECONDS, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._stop_clocks()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        if self.began:
            self.later += data
            if len(self.later) > LARGE:
                self.flow.pause_reading()
            return
        if self.is_fast and self._is_idle() and self._take(data):
            return
        if self._late is None and self._is_waiting():
            self._late = self.loop.call_later(HEAD_SECONDS, self._too_late)
        super().data_received(data)
        if self._is_waiting():
            return
        self._stop_late()
        if self.ending:
            self._close_after_answer()

    def pause_writing(self) -> None:
        """Begin to wait for the client to read."""
        super().pause_writing()
        self._unread = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop to wait, for everything is read."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()

    def shutdown(self) -> None:
        """End when the request at hand is answered; one that is on its way is waited for."""
        self.ending = True
        if self.began:
            return
        if self._is_waiting():
            self.loop.call_later(LAST_SECONDS, self._last)
        else:
            self._close_after_answer()

    def _close_after_answer(self) -> None:
        self.cycle.keep_alive = False
        scope = self.cycle.scope
        scope["headers"] = [*scope["headers"], CLOSE_HEADER]  # uvicorn answers with it what came with it

    def _last(self) -> None:
        if not self.began and self._is_waiting() and not self.transport.is_closing():
            super().shutdown()

    def _is_waiting(self) -> bool:
        """Return whether there is no request with a complete head that has no answer yet."""
        return self.cycle is None or self.cycle.response_complete

    def _is_idle(self) -> bool:
        """Return whether what is received next is the beginning of a request."""
        conn = self.conn
        return conn.their_state is h11.IDLE and conn.our_state is h11.IDLE and not conn.trailing_data[0]

    def _too_late(self) -> None:
        self._late = None
        if not self.began and self._is_waiting() and not self.transport.is_closing():
            self.transport.write(LATE)
            self.transport.close()

    def _stop_late(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _stop_clocks(self) -> None:
        self._stop_late()
        if self._unread is not None:
            self._unread.cancel()

    # The fast path

    def _take(self, data: bytes) -> bool:
        """Have a request answered, and return whether it is one for the fast path."""
        head, _, body = data.partition(b"\r\n\r\n")
        if not PLAIN.fullmatch(head):
            return False
        lines = head.decode("ascii").split("\r\n")[1:]
        pairs = [line.partition(":") for line in lines]
        headers = {name.lower(): value.strip(" ") for name, _, value in pairs}
        if len(headers) < len(lines) or not SPECIAL.isdisjoint(headers):
            return False
        if headers.get("content-length") != str(len(body)) or len(body) > LARGE:
            return False
        if headers.get("connection", "keep-alive") != "keep-alive":
            return False
        service = self.service
        try:
            service.access.check("/predict", headers)
            service.batches.submit(Job(service.media_type(headers), body, self._answered))
        except Refusal:
            return False
        self._unset_keepalive_if_required()
        self._stop_late()
        self.began = time.perf_counter()
        return True

    def _answered(self, answer: Answer) -> None:
        status = 200
        more = ""
        if isinstance(answer, Refusal):
            status = answer.status
            more = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
            answer = bytes(refuse(answer).body)
        self.service.log.add("POST /predict", status, self.began)
        self.server_state.total_requests += 1
        self.began = 0.0
        if self.transport.is_closing():
            return
        defaults = [name + b": " + value + b"\r\n" for name, value in self.server_state.default_headers]
        first = b"HTTP/1.1 %d %b\r\n" % (status, STATUS_PHRASES[status])
        own = b"content-type: application/json\r\ncontent-length: %d\r\n" % len(answer)
        close = b"connection: close\r\n" if self.ending else b""
        self.transport.write(b"".join([first, *defaults, ALWAYS, own, more.encode(), close, b"\r\n", answer]))
        if self.ending:
            self.transport.close()
            return
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        later, self.later = self.later, b""
        self.flow.resume_reading()
        if later:
            self.data_received(later)
