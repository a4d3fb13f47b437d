"""A web server on this machine that misbehaves to order; no test asks any other host."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


@dataclass
class Page:
    """What an address gives.

    ``cuts`` are consumed one a request: after so many bytes of the body the connection
    closes, though Content-Length promised all of it. ``statuses`` likewise: an answer other
    than the file, before it is served. ``pause`` is waited before the answer, ``drip`` between
    pieces of ``piece`` bytes.
    """

    body: bytes = b""
    etag: str = ""
    modified: str = ""
    ranges: bool = True
    heeds_if_range: bool = True
    length: bool = True
    chunked: bool = False
    location: str = ""
    kind: str = "application/octet-stream"
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    retry_after: str = ""
    pause: float = 0.0
    drip: float = 0.0
    piece: int = 1 << 16


@dataclass(frozen=True)
class Asked:
    """One request that came."""

    path: str
    range: str
    if_range: str
    agent: str


class LocalServer:
    """``with LocalServer() as server: server.pages["/a.zip"] = Page(body)``."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[Asked] = []
        self.stopping = threading.Event()
        owner = self

        class Handler(_Handler):
            server_owner = owner

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(
            target=self.http.serve_forever, args=(0.01,), daemon=True
        )

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}{path}"

    def __enter__(self) -> LocalServer:
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopping.set()
        self.http.shutdown()
        self.http.server_close()


class _Handler(BaseHTTPRequestHandler):
    server_owner: LocalServer
    protocol_version = "HTTP/1.0"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        owner, get = self.server_owner, self.headers.get
        asked = Asked(self.path, get("Range", ""), get("If-Range", ""), get("User-Agent", ""))
        owner.asked.append(asked)
        page = owner.pages.get(self.path)
        with contextlib.suppress(ConnectionError):
            if page is None:
                self.send_error(404)
            elif page.statuses:
                self.send_response(page.statuses.pop(0))
                if page.retry_after:
                    self.send_header("Retry-After", page.retry_after)
                self.end_headers()
            elif page.location:
                self.send_response(302)
                self.send_header("Location", page.location)
                self.end_headers()
            else:
                owner.stopping.wait(page.pause)
                self._file(page, asked)

    def _file(self, page: Page, asked: Asked) -> None:
        start = self._start(page, asked)
        if start and start >= len(page.body):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(page.body)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        for name, value in self._facts(page, start):
            if value:
                self.send_header(name, value)
        self.end_headers()
        self._send(page, page.body[start:])

    def _start(self, page: Page, asked: Asked) -> int:
        wanted = re.fullmatch(r"bytes=(\d+)-", asked.range)
        if not wanted or not page.ranges:
            return 0
        same = asked.if_range in ("", page.etag, page.modified)
        return int(wanted[1]) if same or not page.heeds_if_range else 0

    @staticmethod
    def _facts(page: Page, start: int) -> Iterator[tuple[str, str]]:
        whole = len(page.body)
        yield "Content-Type", page.kind
        yield "ETag", page.etag
        yield "Last-Modified", page.modified
        yield "Content-Length", str(whole - start) if page.length and not page.chunked else ""
        yield "Transfer-Encoding", "chunked" if page.chunked else ""
        yield "Content-Range", f"bytes {start}-{whole - 1}/{whole}" if start else ""

    def _send(self, page: Page, body: bytes) -> None:
        cut = page.cuts.pop(0) if page.cuts else None
        body = body[:cut]
        for at in range(0, len(body), page.piece):
            if self.server_owner.stopping.is_set():
                return
            piece = body[at : at + page.piece]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if page.chunked else piece)
            self.wfile.flush()
            time.sleep(page.drip)
        if page.chunked and cut is None:
            self.wfile.write(b"0\r\n\r\n")
