"""`serve`: an exported model behind an HTTP interface."""

import base64
import contextlib
import http.client
import io
import json
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import PRODUCT, Result, read_csv
from support.onnx_models import of_images, of_numbers, of_text
from support.server import JSON, Server, served

App = Callable[..., Result]
ROW = {"x1": 3, "x2": 4}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    of_numbers(folder / "table.onnx", [[2], [-3]], ["x1", "x2"], ["price"])
    of_images(folder / "images.onnx", ["red", "green", "blue"])
    of_text(folder / "text.onnx")
    return folder


@pytest.fixture(scope="module", params=["table"])
def server(request: pytest.FixtureRequest, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests that leave it as it is."""
    with contextlib.chdir(tmp_path_factory.mktemp("server")), served("--model", models / "table.onnx") as server:
        yield server


def png(colour: str | tuple[int, int, int] = "red", size: tuple[int, int] = (20, 12)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def bomb(width: int, height: int) -> bytes:
    """Return a PNG file of a few bytes that says it has so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


def test_rows_come_in_json_and_csv_and_are_answered_as_predict_does(
    server: Server, models: Path, app: App, folder: Path
) -> None:
    (folder / "new.csv").write_text("x2,other,x1\n4,a,3\n0.1,b,-2.5\n")
    assert app("predict", "--model", models / "table.onnx", "--input", "new.csv").exit_code == 0
    expected = [{name: float(text) for name, text in row.items()} for row in read_csv(folder / "predictions.csv")]
    rows = [ROW, {"x1": -2.5, "x2": "0.1", "other": "b"}]
    for body in ({"rows": rows}, rows, [[3, 4], [-2.5, 0.1]]):
        assert server.predict(body).json == {"predictions": expected}
    content = (folder / "new.csv").read_bytes()
    assert server.predict(content, "text/csv; charset=utf-8").json == {"predictions": expected}
    assert server.predict(ROW).json == {"predictions": expected[:1]}
    assert server.predict(ROW, "Application/JSON").json == {"predictions": expected[:1]}


def test_images_come_as_they_are_or_in_base64(models: Path) -> None:
    jpeg = io.BytesIO()
    Image.new("L", (30, 40), 200).save(jpeg, "JPEG")
    with served("--model", models / "images.onnx") as server:
        for colour in ("red", "green", "blue"):
            reply = server.predict(png(colour if colour != "green" else (0, 255, 0)), "image/png")
            [row] = reply.json["predictions"]
            assert row["predicted"] == colour
            assert list(row) == ["predicted", "p_red", "p_green", "p_blue"]
            assert sum(row[f"p_{name}"] for name in ("red", "green", "blue")) == pytest.approx(1)
        assert server.predict(jpeg.getvalue(), "image/jpeg").status == 200
        rows = [{"image": base64.b64encode(png(name)).decode()} for name in ("red", "blue")]
        assert [row["predicted"] for row in server.predict({"rows": rows}).json["predictions"]] == ["red", "blue"]
        rows[1]["image"] = "?"
        reply = server.predict({"rows": rows})
        assert (reply.status, reply.json["row"], reply.json["column"]) == (422, 2, "image")
        for wrong in (b"", b"no image", png()[:-40], bomb(100_000, 100_000), bomb(6000, 6000)):
            reply = server.predict(wrong, "image/png")
            assert (reply.status, "image" in reply.detail) == (422, True)
        assert "36,000,000" in reply.detail or "6000 x 6000" in reply.detail
        assert server.predict(ROW).status == 422
        assert server.memory() < 200e6


def test_a_prompt_is_continued(models: Path) -> None:
    with served("--model", models / "text.onnx") as server:
        body = {"prompt": "ab", "length": 4, "temperature": 0}
        [row] = server.predict(body).json["predictions"]
        assert (row["prompt"], row["continuation"]) == ("ab", "cdab")
        assert max("abcd", key=lambda letter: row[f"p_{letter}"]) == "c"
        [row] = server.predict(b"abc", "text/plain").json["predictions"]
        assert len(row["continuation"]) == 200
        assert server.predict({"rows": [body, {"prompt": "d"}]}).json["predictions"][0]["continuation"] == "cdab"
        wrong: dict[str, Any] = {"prompt": "abx", "length": -1, "temperature": "hot", "seed": True, "lenght": 3}
        for name, value in wrong.items():
            reply = server.predict({**body, name: value})
            assert (reply.status, name[:3] in reply.detail or "abx" in reply.detail or "'x'" in reply.detail) == (
                422,
                True,
            )
        assert server.predict({**body, "length": 100_000}).status == 413
        long = {**body, "length": 300}
        assert server.predict(long).status == 200
        assert server.predict([long] * 3).status == 413  # together they keep the network too long
        for temperature in (1e-320, 10**400, 1e9):
            reply = server.predict({**body, "temperature": temperature})
            assert (reply.status, "temperature" in reply.detail) == (422, True)
        assert server.predict(body).status == 200


def test_other_formats_of_images_are_not_decoded(models: Path) -> None:
    with served("--model", models / "images.onnx") as server:
        for kind in ("GIF", "BMP", "TIFF", "WEBP"):
            content = io.BytesIO()
            Image.new("L", (28, 28)).save(content, kind)
            reply = server.predict(content.getvalue(), "image/png")
            assert (reply.status, "no PNG or JPEG file" in reply.detail) == (422, True)


def test_what_is_wrong_is_named_by_row_and_column(server: Server) -> None:
    cases: list[tuple[Any, str, int | None, str | None]] = [
        ([ROW, {"x1": "abc", "x2": 1}], "row 2, column x1: 'abc' is not a finite number", 2, "x1"),
        ([{"x1": None, "x2": 1}], "row 1, column x1: None is not a finite number", 1, "x1"),
        ([{"x1": 1, "x2": 1e39}], "row 1, column x2: 1e+39 is too large", 1, "x2"),
        ([{"x1": 10**400, "x2": 1}], "is too large", 1, "x1"),
        ([{"x1": True, "x2": 1}], "row 1, column x1: True is not a finite number", 1, "x1"),
        ([{"x": 1, "x2": 1}], "row 1 has no column x1; did you mean x?", 1, None),
        ([[1]], "row 1: expected a number for each of x1, x2", 1, None),
        ([], "there are no rows", None, None),
        (7, "expected", None, None),
        (b"x1,x2\n1,2\n3,?\n", "row 2, column x2: '?' is not a finite number", 2, "x2"),
        (b"x1\n1\n", "no column x2; did you mean x1", None, None),
        (b"x1;x2\n1;2\n", "seem to be by semicolons", None, None),
        (b"\xff\xfe\x00", "cannot be read", None, None),
        (b"", "", None, None),
    ]
    for body, words, row, column in cases:
        reply = server.predict(body, "text/csv" if isinstance(body, bytes) else "application/json")
        assert reply.status == 422, body
        assert words in reply.detail, reply.detail
        assert (reply.json.get("row"), reply.json.get("column")) == (row, column), reply.json


def test_each_answer_has_headers_that_protect_and_says_no_more_than_it_must(server: Server) -> None:
    for method, path in (("GET", "/"), ("GET", "/health"), ("GET", "/nothing"), ("POST", "/predict")):
        reply = server.ask(method, path, b"{}" if method == "POST" else None)
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert "access-control-allow-origin" not in reply.headers
        assert "server" not in reply.headers


def test_it_says_what_it_serves(server: Server) -> None:
    assert server.line.startswith("by_hand/version_0: http://127.0.0.1:")
    info = server.ask("GET", "/info").json
    assert info["metadata"]["outputs"]["names"] == ["price"]
    assert len(info["digest"]) == 64
    page = server.ask("GET", "/")
    assert page.headers["content-type"].startswith("text/html")
    assert b"by_hand/version_0" in page.body


def test_wrong_methods_paths_types_and_sizes_are_refused(server: Server) -> None:
    assert server.ask("GET", "/predict").status == 405
    assert server.ask("GET", "/predict").headers["allow"] == "POST"
    assert server.ask("DELETE", "/").status == 405
    assert server.ask("GET", "/../../etc/passwd").status == 404
    assert server.predict(b"x1=3", "application/x-www-form-urlencoded").status == 415
    assert server.ask("POST", "/predict", b"{}").status == 415
    assert server.predict(b"{}", "image/png").status == 415
    assert server.predict(b"{}", "application/json", **{"Content-Encoding": "gzip"}).status == 415
    assert server.predict(b"{}", "application/json; charset=utf-16").status == 415
    large = server.predict(b" " * (10 * 2**20 + 1))
    assert (large.status, "10 MB" in large.detail) == (413, True)
    assert server.predict([[1, 2]] * 100_001).status == 413
    assert len(server.predict([[1, 2]] * 100_000).json["predictions"]) == 100_000
    endless = server.raw(head_of(99_999_999_999))
    assert endless.startswith(b"HTTP/1.1 413")
    long = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 400_000 + b"\r\n\r\n"
    both = head_of(2)[:-2] + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    for wrong in (b"hello\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", both):
        assert server.raw(wrong).startswith(b"HTTP/1.1 4")
    with contextlib.suppress(ConnectionError):  # nothing is read that comes after so much
        assert b" 200 " not in server.raw(long)


def test_a_body_in_parts_is_a_body(server: Server) -> None:
    def parts() -> Iterator[bytes]:
        yield b'{"x1": 3,'
        time.sleep(0.05)
        yield b' "x2": 4}'

    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port)) as client:
        client.request("POST", "/predict", parts(), JSON, encode_chunked=True)
        assert json.loads(client.getresponse().read())["predictions"][0]["predicted"] == -6
    length = len(json.dumps(ROW))
    one = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
    several = f"{one}\r\n{json.dumps(ROW)}" * 3 + f"{one}Connection: close\r\n\r\n{json.dumps(ROW)}"
    with server.connect() as pipelined:
        pipelined.sendall(several.encode())
        answers = b"".join(iter(lambda: pipelined.recv(65536), b""))
    assert answers.count(b"HTTP/1.1 200 OK") == 4
    assert answers.count(b'"predicted": -6.0') == 4


FOREIGN = {
    "another name": ({"Host": "evil.example"}, 421),
    "a name that begins alike": ({"Host": "localhost.evil.example:80"}, 421),
    "an address of another machine": ({"Host": "192.168.0.7"}, 421),
    "another origin": ({"Origin": "http://evil.example"}, 403),
    "another port of this machine": ({"Origin": "http://127.0.0.1:1"}, 403),
    "a file": ({"Origin": "null"}, 403),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_who_comes_from_elsewhere_is_refused(case: str, server: Server) -> None:
    headers, status = FOREIGN[case]
    for method, path, body in (("POST", "/predict", ROW), ("GET", "/", None), ("GET", "/health", None)):
        assert server.ask(method, path, body, headers).status == status
    own = {"Origin": f"http://localhost:{server.port}", "Host": f"localhost:{server.port}"}
    assert server.ask("POST", "/predict", ROW, own).status == 200


def test_a_token_is_asked_for(models: Path) -> None:
    token = "correct horse battery"
    with served("--model", models / "table.onnx", "--allow_host", "model.example", SERVE_TOKEN=token) as server:
        basic = "Basic " + base64.b64encode(f"anyone:{token}".encode()).decode()
        for path in ("/", "/info", "/openapi.json"):
            assert server.ask("GET", path).status == 401
            assert server.ask("GET", path, headers={"Authorization": f"Bearer {token}"}).status == 200
            assert server.ask("GET", path, headers={"Authorization": basic}).status == 200
        assert server.ask("GET", "/").headers["www-authenticate"].startswith("Basic")
        assert server.ask("GET", "/health").status == 200
        for wrong in ("", "Bearer", "Bearer wrong", f"Basic {token}", f"bearer {token}x", "Basic \xe9"):
            assert server.ask("POST", "/predict", ROW, {"Authorization": wrong}).status == 401
        own = {"Authorization": f"Bearer {token}", "Host": "model.example", "Origin": "https://model.example"}
        assert server.ask("POST", "/predict", ROW, own).status == 200
        assert server.ask("POST", "/predict", ROW, {**own, "Origin": "https://other.example"}).status == 403


def test_it_listens_on_this_machine_alone(server: Server) -> None:
    with socket.socket() as other:  # connects to a server that listens to more than 127.0.0.1
        assert other.connect_ex(("127.0.0.2", server.port)) != 0


WRONG = {
    "nothing": ([], "needs --run RUN or --model FILE"),
    "no file": (["--model", "nothing.onnx"], "nothing.onnx does not exist"),
    "a file for PyTorch": (["--model", "model.pt2"], "export --format onnx"),
    "no run": (["--run", "prodct"], "no run prodct"),
    "open without a token": (["--model", "x", "--host", "0.0.0.0"], "needs a token (--token "),
    "short token": (["--model", "x", "--token", "abc"], "12 characters or more"),
    "misspelt": (["--modle", "x"], "--modle"),
    "no such address": (["--model", "x", "--host", "192.0.2.1", "--token", "a" * 12], "cannot listen on port"),
    "no such port": (["--model", "x", "--port", "99999999"], "--port must be in [0, 65535]: 99999999"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_is_named(case: str, app: App) -> None:
    words, text = WRONG[case]
    result = app("serve", *words, *(["--port", "0"] if case == "no such address" else []))
    assert result.exit_code == (3 if case == "no file" else 2)
    assert text in result.err
    assert len(result.err.splitlines()) == 1


def test_a_port_that_is_taken_is_named(server: Server, models: Path, app: App) -> None:
    result = app("serve", "--model", models / "table.onnx", "--port", str(server.port))
    assert result.exit_code == 2
    assert f"cannot listen on port {server.port} of 127.0.0.1" in result.err
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize("module", ["fastapi", "uvicorn", "onnxruntime"])
def test_a_library_that_is_missing_is_named_with_the_command_that_installs_it(
    module: str, models: Path, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    result = app("serve", "--model", models / "table.onnx")
    assert result.exit_code == 2
    assert f"{module} is not installed: " in result.err
    assert "[serve]" in result.err
    assert len(result.err.splitlines()) == 1


def test_pytorch_is_not_imported(models: Path) -> None:
    code = f"""
import sys
from pathlib import Path
import engine.serve.command, engine.serve.server
from engine.exported.model import ExportedModel
from engine.serve.batches import Job
from engine.serve.predictor import Predictor
bodies = {{"table": ("text/csv", b"x1,x2\\n1,2\\n"), "images": ("image/png", {png()!r}), "text": ("text/plain", b"ab")}}
for name, (kind, body) in bodies.items():
    [answer] = Predictor(ExportedModel(Path({str(models)!r}) / f"{{name}}.onnx"))([Job(kind, body, print)])
    assert isinstance(answer, bytes), answer
print(sorted({{"torch", "lightning", "torchmetrics", "matplotlib", "rich"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it(number: signal.Signals, exit_code: int, models: Path) -> None:
    with served("--model", models / "table.onnx") as server, server.connect():  # a client that says nothing
        server.predict(ROW)
        begin = time.monotonic()
        server.process.send_signal(number)
        assert server.process.wait(10) == exit_code
        assert time.monotonic() - begin < 5
    assert len(Path("stderr").read_text().splitlines()) == 1


@pytest.mark.parametrize("fast", ["1", "0"])
def test_whatever_was_taken_before_a_signal_is_answered(fast: str, models: Path) -> None:
    clients = 16
    outcomes: list[str] = []
    with served("--model", models / "table.onnx", SERVE_FAST_PATH=fast) as server:
        begun = threading.Barrier(clients + 1)

        def work(number: int) -> None:
            client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
            client.connect()
            begun.wait()
            for _ in range(100_000):
                try:
                    client.request("POST", "/predict", json.dumps({"x1": number, "x2": 0}), JSON)
                    reply = client.getresponse()
                    assert json.loads(reply.read())["predictions"][0]["predicted"] == 2 * number
                    outcomes.append("answered")
                except ConnectionRefusedError:  # a new connection, after the end
                    return
                except (OSError, http.client.HTTPException) as error:
                    outcomes.append(repr(error))
                    return

        with ThreadPoolExecutor(clients) as pool:
            done = [pool.submit(work, number) for number in range(clients)]
            begun.wait()
            time.sleep(0.5)
            begin = time.monotonic()
            server.process.terminate()
            assert server.process.wait(10) == 143
            assert time.monotonic() - begin < 5
            for one in done:
                one.result()
    assert outcomes.count("answered") > clients
    assert set(outcomes) == {"answered"}


def head_of(length: int) -> bytes:
    lines = ["POST /predict HTTP/1.1", "Host: localhost", "Content-Type: application/json", f"Content-Length: {length}"]
    return "\r\n".join([*lines, "", ""]).encode()


def test_slow_and_leaving_clients_hold_nobody_up(server: Server) -> None:
    head = head_of(10**6)
    with contextlib.ExitStack() as stack:
        for number in range(40):
            slow = stack.enter_context(server.connect())
            slow.sendall([b"POST /pre", head, head + b" " * 200_000][number % 3])
        for number in range(40):
            leaver = server.connect()
            leaver.sendall(head + b" " * (number % 2 * 100_000))
            leaver.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # resets the connection
            leaver.close()
        begin = time.monotonic()
        for _ in range(50):
            assert server.predict(ROW).status == 200
        assert time.monotonic() - begin < 5
        assert server.predict(json.dumps([ROW] * 10_000).encode()).status == 503  # large ones are limited
    deadline = time.monotonic() + 10
    while server.predict(json.dumps([ROW] * 10_000).encode()).status == 503:
        assert time.monotonic() < deadline


@pytest.mark.slow
def test_clients_that_stop_in_the_middle_are_disconnected(server: Server) -> None:
    body = json.dumps([ROW] * 100_000).encode()
    head = head_of(len(body))
    with server.connect(60) as silent, server.connect(60) as slow, server.connect(60) as deaf:
        slow.sendall(head + b"[")
        deaf.sendall(head + body)
        assert silent.recv(1000).startswith(b"HTTP/1.1 408")
        assert slow.recv(1000).startswith(b"HTTP/1.1 408")
        time.sleep(5)
        read = b"".join(iter(lambda: deaf.recv(2**20), b""))  # what lies in buffers; the rest was thrown away
    assert 0 < len(read) < len(server.predict(body).body)


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_many_requests_at_once_are_answered_as_predict_does(
    count: int, server: Server, models: Path, app: App, folder: Path
) -> None:
    rows = np.random.default_rng(0).uniform(-10, 10, (count, 2)).astype(np.float32).tolist()
    (folder / "new.csv").write_text("x1,x2\n" + "".join(f"{x1!r},{x2!r}\n" for x1, x2 in rows))
    assert app("predict", "--model", models / "table.onnx", "--input", "new.csv").exit_code == 0
    expected = [float(row["predicted"]) for row in read_csv(folder / "predictions.csv")]
    found: list[float] = [float("nan")] * count

    def work(start: int) -> None:
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        for place in range(start, count, 32):
            body = {"x1": rows[place][0], "x2": rows[place][1]}
            client.request("POST", "/predict", json.dumps(body), JSON)
            found[place] = json.loads(client.getresponse().read())["predictions"][0]["predicted"]
        client.close()

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(work, range(32)))
    # A batch of another size may add in another order, in the last bit of 32.
    np.testing.assert_allclose(found, expected, rtol=3e-7, atol=1e-6)


def malformed(random: Random, kinds: list[str], good: dict[str, bytes]) -> tuple[str, str, bytes, dict[str, str]]:
    """Return a method, a path, a body and headers of a request with something wrong."""
    kind = random.choice(kinds)
    body = bytearray(good[kind])
    way = random.randrange(9)
    method, path, headers = "POST", "/predict", {"Content-Type": kind}
    if way == 0:
        body = body[: random.randrange(1, max(2, len(body) - 30))]
    elif way == 1:
        body = bytearray(random.randbytes(random.choice([1, 50, 5000])))
    elif way == 2:
        body = bytearray(random.choice([b"[", b'{"rows":', b'[{"a":']) * random.choice([10, 2000, 500_000]))
    elif way == 3:
        method, path = random.choice([("PUT", "/predict"), ("GET", "/predict"), ("POST", "/"), ("BREW", "/health")])
    elif way == 4:
        headers["Content-Type"] = random.choice(
            ["", "text/html", "multipart/form-data; boundary=x", "\xff", "a" * 5000]
        )
    elif way == 5:
        path = random.choice(["/predict/", "/%2e%2e/etc/passwd", "/predict%00", "//predict", "/\xe9", "/" * 9000])
    elif way == 6:
        headers["Content-Encoding"] = random.choice(["gzip", "br", "zstd"])
    elif way == 7:
        body = bytearray(bytes(body).decode("latin-1").encode(random.choice(["utf-16", "utf-16-le", "cp500"])))
    else:
        body = bytearray(bomb(random.choice([60_000, 2**31 - 1]), 60_000))
    return method, path.encode("utf-8").decode("latin-1"), bytes(body), headers


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["table", "images"])
def test_malformed_requests_are_refused_and_leave_nothing(kind: str, models: Path) -> None:
    table = {"application/json": json.dumps({"rows": [ROW] * 3}).encode(), "text/csv": b"x1,x2\n" + b"1,?\n" * 3}
    images = {"image/png": png(size=(40, 40)), "image/jpeg": png(), "application/json": b'[{"image": "AAAA"}]'}
    good = table if kind == "table" else images
    random = Random(0)
    with served("--model", models / f"{kind}.onnx") as server:
        memory = []
        for number in range(500):
            method, path, body, headers = malformed(random, list(good), good)
            reply = send(server, method, path, body, headers)
            assert reply.startswith(b"HTTP/1.1 4"), (method, path, body[:80], headers, reply[:300])
            assert b"Traceback" not in reply
            assert b"/src/engine" not in reply
            if number >= 250:
                memory.append(server.memory())
        assert server.predict(good["application/json"] if kind == "table" else png(), next(iter(good))).status == 200
        assert max(memory[-50:]) - memory[0] < 20e6
    assert Path("stderr").read_text() == ""


def send(server: Server, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Send what http.client would not."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with server.connect() as client:
        client.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.slow
def test_a_run_is_exported_when_that_is_needed(app: App, folder: Path) -> None:
    assert app("fit", "--config", PRODUCT, "--trainer.max_epochs", "4").exit_code == 0
    file = folder / "lightning_logs/product/version_0/export/model.onnx"
    with served("--run", "product") as server:
        assert server.predict(ROW).status == 200
    first = file.stat().st_mtime_ns
    with served("--run", "product"):
        assert file.stat().st_mtime_ns == first
    assert app("fit", "--run", "product", "--trainer.max_epochs", "8").exit_code == 0
    with served("--run", "product") as server:
        assert server.predict(ROW).status == 200
    assert file.stat().st_mtime_ns > first
