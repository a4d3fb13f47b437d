"""One address into one file over HTTP: resumed, bounded in time, never half a file as whole.

The bytes go to ``NAME.part``; what is needed to go on later is in ``NAME.part.json``. Range
requests follow RFC 9110, sections 13.1.5 (If-Range) and 14 (range requests).
"""

from __future__ import annotations

import http.client
import json
import re
import shutil
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit

from detente._version import __version__
from detente.errors import DetenteError
from detente.sources.files import atomic

Progress = Callable[[int, int | None], None]

_AGAIN = {408, 425, 429, 500, 502, 503, 504}
_GONE = {404, 410}
_BARRED = {401, 403, 407, 451}
_CHUNK = 256 * 1024
_LONGEST_WAIT = 60.0
_LOCAL = {"localhost", "127.0.0.1", "::1"}


class FetchError(DetenteError):
    """An original could not be had from its address; the message says what to do."""


class _PassingError(Exception):
    """A failure that may be gone on the next try."""

    def __init__(self, what: str, after: float = 0.0) -> None:
        super().__init__(what)
        self.what, self.after = what, after


@dataclass(frozen=True)
class Settings:
    """How patient a download is.

    Attributes
    ----------
    timeout : float
        Seconds without a byte before a connection counts as dead.
    tries : int
        Attempts in a row that gain nothing.
    most : int
        Attempts in all.
    wait : float
        Seconds before the second attempt; doubled for each further one.
    redirects : int
        Redirects that are followed.
    slowest : float
        Bytes per second, over ``patience`` seconds, below which a connection counts as dead.
    patience : float
        Seconds.
    """

    timeout: float = 30.0
    tries: int = 4
    most: int = 100
    wait: float = 1.0
    redirects: int = 8
    slowest: float = 50.0
    patience: float = 60.0


@dataclass(frozen=True)
class Downloaded:
    """What a download did: bytes in all, whether it went on from an earlier part, notes."""

    bytes: int
    resumed: bool
    notes: tuple[str, ...] = ()


def download(
    url: str,
    part: Path,
    *,
    checked: bool,
    size: int | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Downloaded:
    """Bring an address into ``part``, going on from what is there where that is safe.

    Parameters
    ----------
    url : str
        http or https.
    part : Path
        Where the bytes go; kept, with ``part.json`` beside it, if the download fails.
    checked : bool
        Whether a checksum will be compared afterwards: a part is gone on with then even if
        the server gives neither ETag nor date.
    size : int, optional
        Bytes that the file must have.
    settings : Settings, optional
    progress : callable, optional
        Called with bytes so far and bytes in all (None where the server does not say).

    Raises
    ------
    FetchError
        Refused, missing, moved, too slow, out of space or not reachable, after retries.
    """
    settings = settings or Settings()
    job = _Job(url, part, checked, size, settings, progress or (lambda done, total: None))
    idle = 0
    for _ in range(settings.most):
        before = _size(part)
        try:
            return job.attempt()
        except _PassingError as error:
            idle = 1 if _size(part) > before else idle + 1
            if idle >= settings.tries:
                raise FetchError(f"{error.what} ({idle} tries).") from None
            pause = max(settings.wait * 2 ** (idle - 1), error.after)
            time.sleep(min(pause, _LONGEST_WAIT))
    raise FetchError(f"the connection broke {settings.most} times; what came is kept.")


def forget(part: Path) -> None:
    """Delete a part and what was noted of it."""
    for path in (part, _notes_of(part)):
        path.unlink(missing_ok=True)


# -- one attempt -------------------------------------------------------------------------
@dataclass(frozen=True)
class _Version:
    """Which version of which address a part belongs to."""

    url: str
    etag: str = ""
    modified: str = ""

    @property
    def validator(self) -> str:
        """What If-Range may hold: a strong ETag, else a date."""
        strong = self.etag if self.etag and not self.etag.startswith("W/") else ""
        return strong or self.modified


@dataclass
class _Job:
    url: str
    part: Path
    checked: bool
    size: int | None
    settings: Settings
    progress: Progress
    resumed: bool = False
    notes: tuple[str, ...] = ()

    def attempt(self) -> Downloaded:
        """One connection; adds to the part what it brings."""
        version = _read_version(self.part)
        start = self._start(version)
        request = urllib.request.Request(
            _ascii(self.url), headers=self._headers(version, start)
        )
        opener = urllib.request.build_opener(_Redirects(self.settings.redirects))
        with _telling(self.url):
            try:
                response = opener.open(request, timeout=self.settings.timeout)
            except urllib.error.HTTPError as error:
                with error:
                    done = self._refused(error, start)
                return done
        with response:
            return self._receive(response, version, start)

    def _start(self, version: _Version | None) -> int:
        """Byte from which to go on; zero where the part cannot be trusted."""
        safe = version is not None and version.url == self.url
        if not safe or not (self.checked or (version and version.validator)):
            forget(self.part)
        return _size(self.part)

    def _headers(self, version: _Version | None, start: int) -> dict[str, str]:
        headers = {"User-Agent": f"detente/{__version__}", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
            if version and version.validator:
                headers["If-Range"] = version.validator
        return headers

    def _refused(self, error: urllib.error.HTTPError, start: int) -> Downloaded:
        code = error.code
        if code == 416 and start:
            whole = re.fullmatch(r"bytes \*/(\d+)", error.headers.get("Content-Range", ""))
            if whole and int(whole[1]) == start and self.size in (None, start):
                return Downloaded(start, True, self.notes)
            forget(self.part)
            raise _PassingError("the part that was here does not fit the file")
        if code in _AGAIN:
            raise _PassingError(f"{_host(self.url)} answers {code}", _after(error.headers))
        told = f"the address {self.url} answers {code}"
        if code in _GONE:
            raise FetchError(f"{told}: the file is not there (any more).")
        if code in _BARRED:
            raise FetchError(f"{told}: it is not open to everyone.")
        raise FetchError(f"{told} ({error.reason}).")

    def _receive(self, response: Any, version: _Version | None, start: int) -> Downloaded:
        headers: Message = response.headers
        self._refuse_page(headers)
        self._refuse_packed(headers)
        if response.status == 206:
            if not _continues(headers, version, start):
                forget(self.part)
                raise _PassingError("the server sent another part than was asked for")
        elif response.status != 200:
            raise FetchError(f"the address {self.url} answers {response.status}.")
        elif start:
            self.notes = ("the server began anew: the file changed, or it cannot resume",)
            start = 0
        self.resumed = start > 0
        length = headers.get("Content-Length", "")
        total = start + int(length) if length.isdigit() else None
        self._refuse_size(total, start)
        with self.part.open("ab" if start else "wb") as out:
            if not start:
                etag, modified = headers.get("ETag", ""), headers.get("Last-Modified", "")
                _write_version(self.part, _Version(self.url, etag, modified))
            done = self._copy(response, out, start, total)
        if total is not None and done < total:
            raise _PassingError(f"the connection ended after {done:,} of {total:,} bytes")
        if total is None and not (self.checked or self.size or _chunked(headers)):
            told = "the server did not say how long the file is: it may have been cut short"
            self.notes = (*self.notes, told)
        return Downloaded(done, self.resumed, self.notes)

    def _copy(self, response: Any, out: IO[bytes], done: int, total: int | None) -> int:
        mark, since = done, time.monotonic()
        self.progress(done, total)
        while True:
            with _telling(self.url):
                data = response.read1(_CHUNK)
            if not data:
                return done
            self._write(out, data)
            done += len(data)
            self.progress(done, total)
            if self.size is not None and done > self.size:
                forget(self.part)
                raise FetchError(f"the file has more than the {self.size:,} bytes it should.")
            if (now := time.monotonic()) - since > self.settings.patience:
                if done - mark < self.settings.slowest * (now - since):
                    raise _PassingError(f"{_host(self.url)} is too slow: {done:,} bytes so far")
                mark, since = done, now

    def _write(self, out: IO[bytes], data: bytes) -> None:
        try:
            out.write(data)
        except OSError as error:
            where, why = self.part.parent, error.strerror or error
            raise FetchError(
                f"'{where}' cannot be written to: {why}. The part is kept."
            ) from None

    def _refuse_page(self, headers: Message) -> None:
        """A page where a file was asked for: a licence to accept, a log-in, a notice."""
        if headers.get_content_type() == "text/html" and "html" not in self.part.name:
            raise FetchError(
                f"the address {self.url} answers with a web page instead of the file: a "
                "licence to accept, a log-in, or a notice that it has moved."
            )

    def _refuse_packed(self, headers: Message) -> None:
        """Bytes that were packed on the way are not the file; a .gz may be labelled so."""
        packed = headers.get("Content-Encoding", "identity").casefold()
        if packed not in ("", "identity") and not re.search(
            r"\.t?gz(\.part)?$", self.part.name
        ):
            raise FetchError(
                f"the address {self.url} sends the file packed ({packed}), though it was asked "
                "not to."
            )

    def _refuse_size(self, total: int | None, start: int) -> None:
        if total is None:
            return
        if self.size is not None and total != self.size:
            forget(self.part)
            raise FetchError(
                f"the file at {self.url} has {total:,} bytes; the catalogue says "
                f"{self.size:,}: the provider has replaced it, or this is something else."
            )
        free = shutil.disk_usage(self.part.parent).free
        if free < total - start:
            raise FetchError(
                f"the file needs {(total - start) / 1e9:,.1f} GB in '{self.part.parent}'; "
                f"{free / 1e9:,.1f} GB are free. Choose another folder with -o DIR or the "
                "environment variable DETENTE_CACHE."
            )


def _chunked(headers: Message) -> bool:
    """Whether the body says itself where it ends."""
    encoding: str = headers.get("Transfer-Encoding", "")
    return "chunked" in encoding.casefold()


def _continues(headers: Message, version: _Version | None, start: int) -> bool:
    """Whether a 206 goes on where the part ends, in the same version of the file."""
    span = re.match(r"bytes (\d+)-", headers.get("Content-Range", ""))
    if not span or int(span[1]) != start or version is None:
        return False
    now = {"etag": headers.get("ETag", ""), "modified": headers.get("Last-Modified", "")}
    return not any(
        value and getattr(version, key) not in ("", value) for key, value in now.items()
    )


# -- redirects and errors of the network -------------------------------------------------
class _Redirects(urllib.request.HTTPRedirectHandler):
    """A limited number, and none from https to http but on this machine."""

    max_repeats = max_redirections = 1000  # the number is limited here, with a message

    def __init__(self, most: int) -> None:
        self.most, self.count = most, 0

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: Any,
        code: int,
        msg: str,
        headers: Any,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Follow, or say why not."""
        self.count += 1
        if self.count > self.most:
            told = f"{req.full_url} was redirected more than {self.most} times"
            raise FetchError(f"{told}: the site redirects in a circle.")
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if new.scheme not in ("http", "https"):
            raise FetchError(
                f"{req.full_url} is redirected to {newurl}, which is no web address."
            )
        if old.scheme == "https" and new.scheme == "http" and new.hostname not in _LOCAL:
            raise FetchError(
                f"{req.full_url} is redirected to {newurl}, from https to http, where anybody "
                "on the way could change the file; it was not followed."
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextmanager
def _telling(url: str) -> Iterator[None]:
    """Errors of the network in our words; those that may pass are told apart."""
    host = _host(url)
    try:
        yield
    except urllib.error.HTTPError:
        raise
    except urllib.error.URLError as error:
        _raise(error.reason if isinstance(error.reason, Exception) else error, host)
    except (OSError, http.client.HTTPException) as error:
        _raise(error, host)
    except ValueError as error:
        raise FetchError(f"the address {url} cannot be used: {error}.") from None


def _raise(error: Exception, host: str) -> None:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message or "it does not verify"
        raise FetchError(f"the certificate of {host} cannot be trusted: {why}.") from None
    if isinstance(error, TimeoutError):
        raise _PassingError(f"{host} does not answer in time") from None
    if isinstance(error, http.client.HTTPException):
        raise _PassingError(
            f"the connection to {host} broke ({type(error).__name__})"
        ) from None
    why = getattr(error, "strerror", None) or str(error)
    raise _PassingError(f"{host} cannot be reached: {why}; is there a network?") from None


def _after(headers: Message) -> float:
    text = headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0


def _host(url: str) -> str:
    return urlsplit(url).hostname or url


def _ascii(url: str) -> str:
    return quote(url, safe="%/:=&?~#+!$,;'@()*[]")


# -- what is noted of a part -------------------------------------------------------------
def _notes_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _read_version(part: Path) -> _Version | None:
    with suppress(OSError, ValueError, TypeError):
        noted = json.loads(_notes_of(part).read_text(encoding="utf-8"))
        return _Version(**{str(k): str(v) for k, v in noted.items()})
    return None


def _write_version(part: Path, version: _Version) -> None:
    with atomic(_notes_of(part)) as temporary:
        temporary.write_text(json.dumps(asdict(version)), encoding="utf-8")
