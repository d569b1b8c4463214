"""The fast path against the ordinary one: the same bytes in, the same answer out."""

import contextlib
import http.client
import json
import re
import statistics
import time
from collections.abc import Iterator

import pytest
from support.onnx_models import of_numbers
from support.server import Server, served

BODY = json.dumps({"x1": 3, "x2": 4}).encode()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    folder = tmp_path_factory.mktemp("servers")
    model = of_numbers(folder / "table.onnx", [[2], [-3]], ["x1", "x2"], ["price"])
    with (
        contextlib.chdir(folder),
        served("--model", model, SERVE_FAST_PATH="1") as fast,
        served("--model", model, SERVE_FAST_PATH="0") as ordinary,
    ):
        yield fast, ordinary


def request(
    *headers: str, body: bytes = BODY, length: str | None = None, line: str = "POST /predict HTTP/1.1"
) -> bytes:
    lines = [line, "Host: localhost", f"Content-Length: {length or len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


TYPE = "Content-Type: application/json"
CASES = {
    "plain": request(TYPE),
    "other order and cases": request("content-TYPE:application/json ; charset=UTF-8", "X-Empty:"),
    "a wrong row": request(TYPE, body=b'{"x1": "?", "x2": 1}'),
    "no JSON": request(TYPE, body=b"{"),
    "no type": request(),
    "another type": request("Content-Type: text/html"),
    "a header twice": request(TYPE, "Content-Type: text/csv"),
    "two lengths": request(TYPE, "Content-Length: 5"),
    "a length with a sign": request(TYPE, length="+18"),
    "a length with zeros": request(TYPE, length=f"0{len(BODY)}"),
    "no number as length": request(TYPE, length="x"),
    "chunked as well": request(TYPE, "Transfer-Encoding: chunked"),
    "a space before the colon": request(TYPE, "X : 1"),
    "a folded header": request(TYPE, "X: 1\r\n  2"),
    "a bare line feed": request(TYPE, "X: 1\nY: 2"),
    "a zero byte": request(TYPE, "X: 1\x002"),
    "no ASCII": request(TYPE, "X: \xe9"),
    "another origin": request(TYPE, "Origin: http://evil.example"),
    "two hosts": request(TYPE, "Host: localhost"),
    "an expectation": request(TYPE, "Expect: nothing"),
    "a compressed body": request(TYPE, "Content-Encoding: gzip"),
    "an older version": request(TYPE, line="POST /predict HTTP/1.0"),
    "a version to come": request(TYPE, line="POST /predict HTTP/1.9"),
    "a query": request(TYPE, line="POST /predict?x=1 HTTP/1.1"),
    "a whole address": request(TYPE, line="POST http://localhost/predict HTTP/1.1"),
    "two spaces": request(TYPE, line="POST  /predict HTTP/1.1"),
    "small letters": request(TYPE, line="post /predict HTTP/1.1"),
}


def answer(server: Server, data: bytes, size: int) -> tuple[bytes, set[bytes], bytes]:
    """Send bytes so many at a time; return the status line, headers but the date, and body."""
    with server.connect() as client:
        for start in range(0, len(data), size):
            client.sendall(data[start : start + size])
        found = b""
        while part := client.recv(65536):
            found += part
            head, gap, body = found.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            if gap and length and len(body) >= int(length[1]):
                break
    first, *headers = re.sub(rb"(?i)\r\ndate: [^\r]*", b"", head).split(b"\r\n")
    return first.strip(), {header.lower() for header in headers}, body


@pytest.mark.parametrize("case", CASES)
def test_both_paths_give_the_same_answer(case: str, servers: tuple[Server, Server]) -> None:
    data = CASES[case]
    expected = answer(servers[1], data, len(data))
    assert expected[0].startswith(b"HTTP/1.1 200" if case in ("plain", "other order and cases") else b"HTTP/1.1 ")
    assert answer(servers[0], data, len(data)) == expected
    assert answer(servers[0], data, 50) == expected


def test_no_path_waits_for_receipts(servers: tuple[Server, Server]) -> None:
    for server in servers:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port)) as client:
            seconds = []
            for _ in range(40):
                begin = time.perf_counter()
                client.request("POST", "/predict", BODY, {"Content-Type": "application/json"})
                client.getresponse().read()
                seconds.append(time.perf_counter() - begin)
            assert statistics.median(seconds) < 0.03
