"""A real HTTP server in a thread, for what calls out: it answers as `answer` says and keeps what came."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = tuple[int, Any] | tuple[int, Any, Mapping[str, str]]


@dataclass
class Remote:
    """`failures` are answered first, one a request; then `answer` decides."""

    answer: Callable[[Request], Answer] = lambda _request: (200, {})
    failures: list[Answer] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)

    def __enter__(self) -> "Remote":
        remote = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                split = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                query = {name: values[-1] for name, values in parse_qs(split.query, keep_blank_values=True).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, unquote(split.path), query, headers, body)
                status, content, *more = remote.failures.pop(0) if remote.failures else remote.answer(request)
                sent = b"" if content is None else json.dumps(content).encode()
                with remote.came:  # before the answer, so that who has read it finds its request here
                    remote.requests.append(request)
                    remote.came.notify_all()
                self.send_response(status)
                for name, value in (more[0] if more else {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def wait_for(self, count: int, seconds: float = 15) -> list[Request]:
        """Return the requests once there are `count` of them."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.requests) >= count, seconds), self.requests
            return list(self.requests)


class Dripping:
    """A receiver that sends a byte every tenth of a second and never ends."""

    def __init__(self, begin: bytes) -> None:
        self.begin = begin

    def __enter__(self) -> str:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._end = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}/"

    def __exit__(self, *_error: object) -> None:
        self._end.set()
        self._listening.close()

    def _serve(self) -> None:
        peer, _address = self._listening.accept()
        with peer, contextlib.suppress(OSError):
            peer.recv(65536)
            peer.sendall(self.begin)
            while not self._end.wait(0.1):
                peer.sendall(b"x")
