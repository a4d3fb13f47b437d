"""Opening an original, plain, gzipped or a member of a zip, and writing a file all at once.

Originals come from the network and from other people's machines. Nothing here unpacks to
disk, follows an archive within an archive, or trusts a size that an archive claims.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import os
import secrets
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from detente.errors import InputError, Place, nearest

_BUFFER = 1024**2
_AGAIN = "Download it again."
_JUNK = ("__MACOSX/", ".DS_Store", "Thumbs.db")

#: Formats that are a zip inside, and that their own readers open.
_ZIP_INSIDE = {".xlsx", ".xlsm", ".xlsb", ".ods", ".npz", ".world", ".docx"}
_ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_GZIP_MARK = b"\x1f\x8b"
#: What the standard library raises on damage; a flipped bit can lead to any of them.
_DAMAGE = (
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
_OTHER = {
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a rar archive",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ\x00": "an xz file",
}


@dataclass(frozen=True)
class Limits:
    """What an archive may unpack to; counted while it is read.

    Attributes
    ----------
    unpacked : int
        Bytes in all. The largest original that detente reads has some 15 GB.
    ratio : float
        Unpacked over packed, once ``free`` bytes are unpacked. Tables of trade pack to a
        tenth or so; deflate itself ends at 1032.
    free : int
        Bytes below which the ratio does not count.
    """

    unpacked: int = 100 * 1024**3
    ratio: float = 250.0
    free: int = 128 * 1024**2


LIMITS = Limits()


@contextmanager
def opened(
    path: str | Path, member: str | None = None, *, limits: Limits = LIMITS
) -> Iterator[IO[bytes]]:
    """The bytes of an original, as a stream.

    Parameters
    ----------
    path : str or Path
        A plain file, one that ends in ``.gz``, or a zip.
    member : str, optional
        Which member of a zip, with or without its folder; may be left out where it has
        one file only.
    limits : Limits
        How much it may unpack to.

    Raises
    ------
    InputError
        No such file (with the nearest), a folder, an empty file, no permission; an archive
        that is none, is truncated or damaged, encrypted, has names that lead out of its
        folder or unpacks to too much; a member that is not there, or several where one is
        wanted. What can be found only while reading is raised from there.
    """
    path = Path(path)
    kind = _kind(path)
    if kind == "zip":
        with _archive(path) as archive:
            info = _member(archive, member, path)
            with _telling(path, info.filename):
                inner = archive.open(info)
            with inner:
                packed = min(info.compress_size, path.stat().st_size)
                yield _limited(inner, path, info.filename, packed, limits)
    elif kind == "gz":
        with gzip.open(path, "rb") as unpacked:
            yield _limited(cast(IO[bytes], unpacked), path, None, path.stat().st_size, limits)
    else:
        if member not in (None, path.name):
            raise _error(path, f"it is no zip, so it has no member '{member}'.")
        with path.open("rb") as plain:
            yield plain


def members(path: str | Path) -> tuple[str, ...]:
    """Names of the files in a zip; a plain file's own name.

    Raises
    ------
    InputError
        As for ``opened``.
    """
    path = Path(path)
    if _kind(path) != "zip":
        return (path.name,)
    with _archive(path) as archive:
        return tuple(_files(archive))


def embedded_rows(name: str) -> list[dict[str, str]]:
    """Rows of a csv that comes with the package, in ``detente/data``."""
    text = resources.files("detente.data").joinpath(name).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


def is_zip(path: str | Path) -> bool:
    """Whether it is an archive with members, as ``opened`` sees it.

    Raises
    ------
    InputError
        As for ``opened``.
    """
    return _kind(Path(path)) == "zip"


def sha256(path: str | Path) -> str:
    """SHA-256 of a file, read in pieces: 64 hexadecimal digits.

    Raises
    ------
    InputError
        No such file, a folder, no permission.
    """
    path = Path(path)
    require_file(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def misnamed(path: str | Path, name: str) -> str:
    """Why a file cannot be what its name says, by its first bytes.

    Returns
    -------
    str
        Empty where nothing speaks against it.
    """
    path = Path(path)
    if not require_file(path).st_size:
        return "it is empty"
    suffix = Path(name).suffix.casefold()
    with path.open("rb") as file:
        head = file.read(512)
    if suffix not in (".htm", ".html") and _is_page(head):
        return "it is a web page: a licence to accept, a log-in, or a notice"
    if suffix not in (".gz", ".tgz") and head[:2] == _GZIP_MARK:
        return "it is gzipped"
    return ""


def require_file(path: Path) -> os.stat_result:
    """Refuse a path that is no readable file; the answer does not depend on its size.

    Raises
    ------
    InputError
        No such file (with the nearest name in its folder), a folder, a device, no permission.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise _absent(path) from None
    except (OSError, ValueError) as error:
        raise _error(path, f"it cannot be read: {_why(error)}.") from None
    if stat.S_ISDIR(found.st_mode):
        raise _error(path, "it is a folder; a file is needed.")
    if not stat.S_ISREG(found.st_mode):
        raise _error(path, "it is no regular file.")
    if not os.access(path, os.R_OK):
        raise _error(path, "there is no permission to read it.")
    return found


def unwritable(path: str | Path, error: OSError) -> InputError:
    """The error for a place that cannot be written to, in our words."""
    return _error(Path(path), f"it cannot be written there: {_why(error)}.")


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Write a file under a temporary name in its folder; give it its name at the end.

    Yields
    ------
    Path
        Where to write. If the block raises, it is deleted and ``path`` stays as it was.

    Raises
    ------
    InputError
        The folder does not exist, or ``path`` is a folder.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise _error(path, f"the folder '{path.parent}' does not exist. Make it first.")
    if path.is_dir():
        raise _error(path, "it is a folder; the name of a file is needed.")
    part = path.with_name(f".{path.name[:180]}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


# -- what a file is ----------------------------------------------------------------------
def _kind(path: Path) -> str:
    """``zip``, ``gz`` or ``plain``, by content; a name that says otherwise is an error."""
    if not require_file(path).st_size:
        raise _error(path, f"it is empty. {_AGAIN}")
    with path.open("rb") as file:
        head = file.read(512)
    suffix = path.suffix.casefold()
    zipped = head[:4] in _ZIP_MARKS
    if suffix == ".zip" and not zipped:
        raise _error(path, f"it is no zip: it begins with {_shown(head)} {_AGAIN}")
    if suffix == ".gz" and head[:2] != _GZIP_MARK:
        raise _error(path, f"it is not gzipped: it begins with {_shown(head)} {_AGAIN}")
    if zipped and suffix != ".zip" and suffix not in _ZIP_INSIDE:
        raise _error(path, "it is a zip under another name; give it a name that ends in .zip.")
    if head[:2] == _GZIP_MARK and suffix != ".gz":
        raise _error(path, "it is gzipped; give it a name that ends in .gz.")
    for magic, what in _OTHER.items():
        if head.startswith(magic):
            raise _error(path, f"it is {what}; unpack it, and give the file that was in it.")
    return "zip" if zipped and suffix == ".zip" else "gz" if suffix == ".gz" else "plain"


def _shown(head: bytes) -> str:
    if _is_page(head):
        return "a web page's mark: the site gave a page instead of the file."
    return f"{head.lstrip()[:8].decode('latin-1')!r}."


def _is_page(head: bytes) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:14]
    return start.lower().startswith((b"<!doctype html", b"<html"))


def _absent(path: Path) -> InputError:
    folder = path.parent
    if not folder.is_dir():
        return InputError(f"there is no file '{path}', nor a folder '{folder}'.")
    try:
        with os.scandir(folder) as found:
            names = [e.name for e in islice(found, 10_000) if e.is_file()]
    except OSError:
        names = []
    near = nearest(path.name, names)
    return InputError(f"there is no file '{path}'.", nearest=near and str(folder / near))


# -- inside a zip ------------------------------------------------------------------------
@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    with _telling(path):
        archive = zipfile.ZipFile(path)
    with archive:
        _refuse_tricks(archive, path)
        yield archive


@contextmanager
def _telling(path: Path, member: str | None = None) -> Iterator[None]:
    """Say in our words what the readers of archives make of a broken one."""
    what = f"'{member}': " if member else ""
    try:
        yield
    except NotImplementedError as error:
        what += f"it is packed in a way that is not read here ({error}): unpack it by hand."
        raise _error(path, what) from None
    except _DAMAGE as error:
        raise _error(path, f"{what}it is truncated or damaged ({error}). {_AGAIN}") from None


def _refuse_tricks(archive: zipfile.ZipFile, path: Path) -> None:
    """Names that lead elsewhere, and members that share their bytes (a kind of bomb)."""
    for info in archive.infolist():
        name = info.orig_filename.replace("\\", "/")
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or name[1:2] == ":" or "\0" in name:
            what = (
                f"its member '{info.orig_filename}' leads out of its folder; it was not read."
            )
            raise _error(path, what)
    if sum(info.compress_size for info in archive.infolist()) > path.stat().st_size:
        raise _error(path, "its members overlap, as in a zip bomb; nothing was read.")


def _files(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Members that are files, without what operating systems add."""
    return {
        info.filename: info
        for info in archive.infolist()
        if not info.is_dir() and not info.filename.startswith(_JUNK[0])
        if PurePosixPath(info.filename).name not in _JUNK
    }


def _member(archive: zipfile.ZipFile, name: str | None, path: Path) -> zipfile.ZipInfo:
    found = _files(archive)
    listed = ", ".join(islice(found, 8)) + (f" and {len(found) - 8} more" * (len(found) > 8))
    if not found:
        raise _error(path, "there is no file in the zip.")
    if name is None and len(found) > 1:
        raise _error(path, f"there are {len(found)} files in the zip ({listed}): say which.")
    wanted = next(iter(found)) if name is None else name
    same = [n for n in found if wanted in (n, PurePosixPath(n).name)]
    if wanted not in found and len(same) != 1:
        what = f"the zip has {len(same) or 'no'} file '{wanted}'; it holds {listed}."
        raise _error(path, what, nearest(wanted, found))
    info = found[wanted if wanted in found else same[0]]
    if info.flag_bits & 0x1:
        what = f"'{info.filename}' is encrypted: unpack it by hand with its password."
        raise _error(path, what)
    if stat.S_ISLNK(info.external_attr >> 16):
        raise _error(path, f"'{info.filename}' is a link to another file; it was not followed.")
    if info.filename.casefold().endswith((".zip", ".gz", ".7z", ".rar")):
        what = f"'{info.filename}' is an archive in an archive: unpack it by hand."
        raise _error(path, what)
    return info


# -- counting ----------------------------------------------------------------------------
class _Limited(io.RawIOBase):
    """An unpacking stream that stops at the limits and reports damage in our words."""

    def __init__(
        self, inner: IO[bytes], path: Path, member: str | None, packed: int, limits: Limits
    ) -> None:
        self.inner, self.path, self.member = inner, path, member
        self.packed, self.limits = max(packed, 1), limits
        self.far = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.inner.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        with _telling(self.path, self.member):
            at = self.inner.seek(offset, whence)
        self._count(at)
        return at

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        with _telling(self.path, self.member):
            data = self.inner.read(len(view))
        self._count(self.inner.tell())
        view[: len(data)] = data
        return len(data)

    def _count(self, at: int) -> None:
        self.far = max(self.far, at)
        limits, ratio = self.limits, self.far / self.packed
        if self.far > limits.unpacked:
            what = f"it unpacks to more than {limits.unpacked / 1e9:,.0f} GB"
        elif self.far > limits.free and ratio > limits.ratio:
            what = f"it unpacks to more than {limits.ratio:g} times its size"
        else:
            return
        raise self._error(f"{what}, as a zip bomb does; reading was stopped.")

    def _error(self, what: str) -> InputError:
        return _error(self.path, f"'{self.member}': {what}" if self.member else what)


def _limited(
    inner: IO[bytes], path: Path, member: str | None, packed: int, limits: Limits
) -> IO[bytes]:
    return io.BufferedReader(_Limited(inner, path, member, packed, limits), _BUFFER)


def _why(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def _error(path: Path, what: str, near: str | None = None) -> InputError:
    return InputError(what, Place(str(path)), near)
