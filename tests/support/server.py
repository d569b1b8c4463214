"""A server in a process of its own, and requests to it by Python's own client."""

import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        return str(self.json["detail"])


@dataclass
class Server:
    process: "subprocess.Popen[str]"
    port: int
    line: str  # the one that it prints when it listens
    rest: list[str] = field(default_factory=list)

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """Send a request on a connection of its own; a body that is no bytes is sent as JSON."""
        if body is not None and not isinstance(body, bytes):
            body, headers = json.dumps(body).encode(), {**JSON, **(headers or {})}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as client:
            client.request(method, path, body, dict(headers or {}))
            reply = client.getresponse()
            return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())

    def predict(self, body: Any, media_type: str = "application/json", **headers: str) -> Reply:
        return self.ask("POST", "/predict", body, {"Content-Type": media_type, **headers})

    def raw(self, data: bytes, timeout: float = 30) -> bytes:
        """Send bytes as they are, and return all that comes back before the server closes the connection."""
        with self.connect(timeout) as client:
            client.sendall(data)
            return b"".join(iter(lambda: client.recv(65536), b""))

    def connect(self, timeout: float = 30) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def memory(self) -> int:
        """Return the memory that the process has now, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024


@contextlib.contextmanager
def served(*words: str | Path, port: int = 0, **environment: str) -> Iterator[Server]:
    """Start `serve` with these words, and kill it in the end; standard error goes to the file stderr."""
    command = [sys.executable, "-m", "app", "serve", *map(str, words), "--port", str(port)]
    variables = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    with (
        Path("stderr").open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=variables) as process,
    ):
        try:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "")
            line = next((line for line in lines if "http://" in line), "")
            assert line, Path("stderr").read_text()
            yield Server(process, int(re.findall(r":(\d+)/", line)[0]), line)
        finally:
            process.kill()
