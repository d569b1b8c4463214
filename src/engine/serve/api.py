"""The paths of the server, as an application of FastAPI."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.serve.access import Access
from engine.serve.access_log import AccessLog
from engine.serve.batches import Answer, Batches, Job
from engine.serve.openapi import describe
from engine.serve.page import POLICY, page
from engine.serve.predictor import JSON, Predictor
from engine.serve.refusal import BODY, BODY_SECONDS, DISCARDED, LARGE, LARGE_AT_ONCE, Refusal, busy

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PATHS = ("/", "/health", "/info", "/openapi.json", "/predict")
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


@dataclass
class Service:
    """What answers requests, however they come in."""

    predictor: Predictor
    batches: Batches
    access: Access
    log: AccessLog
    large: int = 0  # bodies that are being read or wait

    def media_type(self, headers: Mapping[str, str]) -> str:
        """Return the media type of a body.

        Raises:
            Refusal: If the model takes no such bodies.
        """
        media_type, _, parameters = headers.get("content-type", "").lower().partition(";")
        encoding = parameters.partition("charset=")[2].strip(' "')
        known = self.predictor.media_types
        if media_type.strip() not in known:
            given = f"Content-Type {media_type!r:.100}" if media_type else "a body without Content-Type"
            raise Refusal(415, f"{given} is not one of {', '.join(known)}", accept_post=", ".join(known))
        if encoding not in ("", "utf-8", "utf8", "us-ascii") or "content-encoding" in headers:
            raise Refusal(415, "a body must be in UTF-8 and not compressed")
        return media_type.strip()

    async def predict(self, media_type: str, body: bytes) -> bytes:
        """Return the answer to a request.

        Raises:
            Refusal: If it has none.
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def done(found: Answer) -> None:
            if not answer.done():  # cancelled when the server ends
                answer.set_result(found)

        self.batches.submit(Job(media_type, body, done))
        found = await answer
        if isinstance(found, Refusal):
            raise found
        return found


def build(service: Service) -> ASGIApp:
    """Return the application."""
    predictor = service.predictor
    metadata = predictor.model.metadata
    title, version = str(metadata.get("title", "model")), str(metadata.get("commit") or "0")[:12]
    description = describe(title, version, predictor)
    answers = {
        "/": HTMLResponse(page(metadata), headers={"content-security-policy": POLICY}),
        "/info": JSONResponse({"digest": predictor.model.digest, "metadata": metadata}),
    }

    async def get(request: Request) -> Response:
        return answers[request.url.path]

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok"}) if service.batches.healthy else JSONResponse({"status": "failing"}, 503)

    async def refused(request: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, Refusal)
        return refuse(refusal)

    api = FastAPI(
        title=title,
        version=version,
        docs_url=None,  # these pages load their scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={Refusal: refused},
        routes=[
            *(Route(path, get, methods=["GET"]) for path in answers),
            Route("/health", health, methods=["GET"]),
            Route("/predict", Predict(service), methods=["POST"]),
        ],
    )
    api.openapi = lambda: description  # type: ignore[method-assign]  # the way that FastAPI documents
    return Guard(service, api)


def refuse(refusal: Refusal) -> Response:
    """Return the answer to a request that is refused."""
    return JSONResponse(refusal.answer, refusal.status, headers=dict(refusal.headers))


class Guard:
    """Checks who asks, adds headers to answers, and notes them in the access log."""

    def __init__(self, service: Service, api: ASGIApp) -> None:
        self.service = service
        self.api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        began, status = time.perf_counter(), 0
        scope["wanted"] = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = with_defaults(message["headers"])
            await send(message)

        path, method = scope["path"], scope["method"]
        try:
            if {"transfer-encoding", "content-length"} <= scope["wanted"].keys():  # a proxy may take the other one
                raise Refusal(400, "Transfer-Encoding and Content-Length exclude each other", connection="close")
            self.service.access.check(path, scope["wanted"])
            await self.api(scope, receive, send_with_headers)
        except Refusal as refusal:
            await refuse(refusal)(scope, receive, send_with_headers)
        what = f"{method if method in METHODS else '?'} {path if path in PATHS else '/...'}"
        self.service.log.add(what, status, began)


class Predict:
    """POST /predict, without what FastAPI does for functions: it takes longer than most predictions."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        media_type = self.service.media_type(scope["wanted"])
        body = Body(self.service)
        try:
            answer = await self.service.predict(media_type, await body.read(scope["wanted"], receive))
            length = (b"content-length", b"%d" % len(answer))
            start = {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", JSON.encode()), length],
            }
            await send(start)
            await send({"type": "http.response.body", "body": answer, "more_body": True})
            await send({"type": "http.response.body"})  # waits until a large answer has been read
        except ConnectionError:  # the client has left
            pass
        finally:
            body.release()


class Body:
    """The body of a request, which is held until it is released."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.large = False

    def release(self) -> None:
        """Make room for another large body."""
        self.service.large -= self.large
        self.large = False

    async def read(self, headers: Mapping[str, str], receive: Receive) -> bytes:
        """Return the body.

        Raises:
            Refusal: If it is too large, comes too slowly, or too many are large.
            ConnectionError: If the client has left.
        """
        length = int(headers.get("content-length", 0))
        if length > DISCARDED or (length > BODY and "expect" in headers):
            raise self._too_large(connection="close")
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self._parts(receive)
        except TimeoutError as error:
            raise Refusal(408, f"the body did not come in {BODY_SECONDS} seconds", connection="close") from error

    async def _parts(self, receive: Receive) -> bytes:
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionError
            part, more = message.get("body", b""), message.get("more_body", False)
            size += len(part)
            if size > DISCARDED:
                raise self._too_large(connection="close")
            if size > BODY:  # read on: most clients look for an answer when they have sent everything
                parts.clear()
                continue
            parts.append(part)
            if size > LARGE and not self.large:
                if self.service.large >= LARGE_AT_ONCE:
                    raise busy(f"{LARGE_AT_ONCE} large requests are at work")
                self.service.large += 1
                self.large = True
        if size > BODY:
            raise self._too_large()
        return b"".join(parts)

    @staticmethod
    def _too_large(connection: str = "keep-alive") -> Refusal:
        detail = f"the body is larger than {BODY // 2**20} MB: send several requests"
        return Refusal(413, detail, connection=connection)


def with_defaults(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer with those that every answer has."""
    given = list(headers)
    names = {name for name, _ in given}
    return given + [header for header in HEADERS if header[0] not in names]
