"""The server: uvicorn on one socket, until a signal ends it."""

import asyncio
import logging
import socket
import sys
from collections.abc import Callable

import uvicorn

from engine.serve.access import Access
from engine.serve.access_log import AccessLog
from engine.serve.api import Service, build
from engine.serve.batches import Batches
from engine.serve.connection import Connection
from engine.serve.predictor import Predictor
from engine.serve.refusal import END_SECONDS, IDLE_SECONDS, WAITING

HEAD = 2**14  # bytes of the head of a request


class Server(uvicorn.Server):
    """Calls a function when it listens, and takes what was sent before it stopped to listen."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self.ready()


def serve(predictor: Predictor, access: Access, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Answer requests until SIGTERM or Ctrl-C, and those that were taken before; the signal is raised again then."""
    # What clients send wrong is no error of the server; an exception in it is, with its traceback.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    asyncio.run(_serve(predictor, access, listening, ready))


async def _serve(predictor: Predictor, access: Access, listening: socket.socket, ready: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    # A continuation takes a while: others' answers do not wait for the next one.
    batches = Batches(predictor, loop, size=1 if predictor.kind == "text" else WAITING)
    service = Service(predictor, batches, access, AccessLog(loop))
    config = uvicorn.Config(
        build(service),
        http=type("ServedConnection", (Connection,), {"service": service}),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=END_SECONDS,
        h11_max_incomplete_event_size=HEAD,
    )
    try:
        await Server(config, ready).serve([listening])
    finally:
        service.log.flush()
        sys.stdout.flush()
