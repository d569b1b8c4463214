"""Load for a server: clients that each send the same request again and again, in one process, over plain sockets.

python scripts/proofs/load.py --port 8000 --body FILE [--type application/json] [--clients 32] [--seconds 3]
"""

import argparse
import json
import selectors
import socket
import time
from pathlib import Path


class Client:
    """A connection that is kept alive, with one request at a time."""

    def __init__(self, port: int, request: bytes) -> None:
        self.begin = 0.0
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = request
        self.answer = b""

    def send(self) -> None:
        """Send the request."""
        self.answer, self.begin = b"", time.perf_counter()
        self.socket.sendall(self.request)

    def receive(self) -> bool:
        """Read what has come; return whether the answer is complete.

        Raises:
            SystemExit: If the server refuses the request or closes the connection.
        """
        part = self.socket.recv(65536)
        self.answer += part
        head, gap, body = self.answer.partition(b"\r\n\r\n")
        if not part or (gap and b" 200 " not in head[:20]):
            raise SystemExit(f"refused: {self.answer[:500]!r}")
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        return bool(gap) and len(body) >= int(length)


def main() -> None:
    """Print the seconds of 1,000 requests, requests per second, and the median and 99th percentile of their latency."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--body", type=Path, required=True)
    parser.add_argument("--type", default="application/json")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    body = options.body.read_bytes()
    head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{options.port}\r\nAccept: */*\r\nUser-Agent: load\r\n"
    request = f"{head}Content-Type: {options.type}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    poll = selectors.DefaultSelector()
    times: list[float] = []
    clients = [Client(options.port, request) for _ in range(options.clients)]
    for client in clients:
        poll.register(client.socket, selectors.EVENT_READ, client)
        client.send()
    begin = time.perf_counter()
    end = begin + options.seconds
    while (now := time.perf_counter()) < end:
        for key, _ in poll.select(1):
            if key.data.receive():
                times.append(time.perf_counter() - key.data.begin)
                key.data.send()
    times.sort()
    rate, middle, late = len(times) / (now - begin), times[len(times) // 2], times[len(times) * 99 // 100]
    print(json.dumps({"seconds": 1e3 / rate, "per_second": rate, "median_ms": middle * 1e3, "p99_ms": late * 1e3}))


if __name__ == "__main__":
    main()
