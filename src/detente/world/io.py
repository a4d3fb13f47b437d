"""One world, one file: a numpy zip with a version, a content hash and no pickles."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detente.errors import InputError, Place, WorldError, nearest
from detente.sources.files import atomic
from detente.world.core import ARRAYS, World

FORMAT = "detente-world"
FORMAT_VERSION = 1

#: What a file may unpack to. 300 countries × 200 sectors with five dormant and coverage
#: arrays are 1.2 GB; above this limit a file is damage or an attack.
MAX_BYTES = 2 * 1024**3
MAX_HEADER_BYTES = 32 * 1024**2

_HEADER = "header"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date of the zip format: same world, same bytes
_REBUILD = "Build the world again, or fetch the file again."


def save_world(world: World, path: str | Path) -> Path:
    """Write a world to one npz file; the same world gives the same bytes.

    Parameters
    ----------
    world : World
        The world, with its dormant and coverage arrays and its metadata.
    path : str or Path
        Where to write. An existing file is replaced only once the new one is complete.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    WorldError
        The folder does not exist or cannot be written to, or the metadata is not JSON.
    """
    path = Path(path)
    header = _header_bytes(world, path)
    try:
        with (
            atomic(path) as part,
            zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive,
        ):
            _write_member(archive, _HEADER, np.frombuffer(header, dtype=np.uint8))
            for name, array in sorted(world.arrays().items()):
                _write_member(archive, name, array.astype("<f8", copy=False))
    except InputError as error:
        raise _error(path, error.what) from None
    except OSError as error:
        raise _error(path, f"it cannot be written ({error.strerror or error}).") from error
    return path


def load_world_file(path: str | Path) -> World:
    """Read a world that ``save_world`` wrote, and check that nobody changed it since.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    World
        The same labels, arrays, metadata and content hash.

    Raises
    ------
    WorldError
        No such file, not a zip, truncated, too large, another format version, an array
        missing or of objects, or a content that differs from the hash in the file.
    """
    path = Path(path)
    with _opened(path) as archive:
        header = _read_header(archive, path)
        names = _array_names(archive, header, path)
        arrays = {name: _read_member(archive, name, path) for name in names}
    world = _assemble(header, arrays, path)
    if world.content_hash != header["content_hash"]:
        raise _error(
            path,
            "its content differs from the hash in it "
            f"({world.content_hash[:12]} against {str(header['content_hash'])[:12]}): it was "
            f"changed by hand or damaged. {_REBUILD} To change a world, load it, use "
            "World.with_ and save it.",
        )
    return world


def read_header(path: str | Path) -> dict[str, Any]:
    """Labels, metadata, sizes and hash of a world file, without reading its arrays.

    Raises
    ------
    WorldError
        As for ``load_world_file``, arrays excepted.
    """
    path = Path(path)
    with _opened(path) as archive:
        return _read_header(archive, path)


# -- writing -----------------------------------------------------------------------------
def _header_bytes(world: World, path: Path) -> bytes:
    try:
        header = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "content_hash": world.content_hash,
            "arrays": sorted(world.arrays()),
            **{key: getattr(world, key) for key in _LABELS},
            "meta": dict(world.meta),
        }
        text = json.dumps(header, sort_keys=True, default=list, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise _error(path, f"the world's metadata is not JSON ({error}).") from None
    if text != json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False):
        raise _error(path, "the world's metadata has keys that are not text; make them text.")
    return text.encode()


def _write_member(archive: zipfile.ZipFile, name: str, array: NDArray[Any]) -> None:
    info = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    with archive.open(info, "w", force_zip64=True) as member:
        np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)


# -- reading -----------------------------------------------------------------------------
_LABELS = ("name", "countries", "sectors", "country_names", "sector_names")


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open the archive, once it exists and its declared sizes are in order."""
    if not path.is_file():
        raise _missing(path)
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(archive, path)
            yield archive
    except zipfile.BadZipFile as error:
        why = "it is truncated or damaged" if _starts_like_zip(path) else "it is not a zip"
        raise _error(path, f"{why} ({error}), so it is no world file. {_REBUILD}") from None
    except (OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise _error(path, f"it cannot be read ({error}). {_REBUILD}") from None


def _missing(path: Path) -> WorldError:
    if path.is_dir():
        return _error(path, "it is a folder, not a world file.")
    folder = path.parent
    if not folder.is_dir():
        return _error(path, f"there is no such file, nor a folder '{folder}'.")
    near = nearest(path.name, [p.name for p in folder.iterdir() if p.is_file()])
    return _error(path, "there is no such file.", near and str(folder / near))


def _starts_like_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _check_sizes(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse by the declared sizes, before a byte is unpacked."""
    declared = sum(info.file_size for info in archive.infolist())
    if declared > MAX_BYTES:
        raise _error(
            path,
            f"it would unpack to {declared / 1e9:.1f} GB; a world file may hold "
            f"{MAX_BYTES / 1e9:.1f} GB (300 countries × 200 sectors need about 1.2 GB). "
            "Aggregate the world first.",
        )
    names = archive.namelist()
    twice = sorted({n for n in names if names.count(n) > 1}) if len(names) < 1000 else names
    if twice:
        raise _error(path, f"'{twice[0]}' is in it more than once, or it has too many members.")


def _read_header(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    if f"{_HEADER}.npy" not in archive.namelist():
        raise _error(path, "it has no detente header: another program wrote it. " + _REBUILD)
    if archive.getinfo(f"{_HEADER}.npy").file_size > MAX_HEADER_BYTES:
        raise _error(path, "its header is larger than 32 MB. " + _REBUILD)
    raw = _read_member(archive, _HEADER, path, np.dtype(np.uint8))
    try:
        header = json.loads(raw.tobytes().decode())
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise _error(path, f"its header is not JSON ({error}). {_REBUILD}") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise _error(path, f"its header does not say '{FORMAT}'. {_REBUILD}")
    if header.get("version") != FORMAT_VERSION:
        raise _error(
            path,
            f"it has format version {header.get('version')}; this detente reads version "
            f"{FORMAT_VERSION}. Build the world again with this version of detente, or use "
            "the version that wrote it.",
        )
    lacking = {*_LABELS, "meta", "content_hash", "arrays"} - set(header)
    if lacking:
        raise _error(path, f"its header lacks '{min(lacking)}'. {_REBUILD}")
    return header


def _array_names(archive: zipfile.ZipFile, header: Mapping[str, Any], path: Path) -> list[str]:
    """List the arrays that header and format ask for; a missing or extra one is an error."""
    if not isinstance(header["arrays"], list):
        raise _error(path, f"the list of arrays in its header is no list. {_REBUILD}")
    asked = {str(name) for name in header["arrays"]} | set(ARRAYS)
    there = {name.removesuffix(".npy") for name in archive.namelist()} - {_HEADER}
    if asked - there:
        raise _error(path, f"the array '{min(asked - there)}' is missing. {_REBUILD}")
    if there - asked:
        raise _error(path, f"it holds '{min(there - asked)}', which it should not. {_REBUILD}")
    return sorted(asked)


def _read_member(
    archive: zipfile.ZipFile, name: str, path: Path, dtype: np.dtype[Any] | None = None
) -> NDArray[Any]:
    """One array; its own header must agree with the bytes that are there."""
    data = _inflate(archive, name, path)
    buffer = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(buffer)
        if version != (1, 0):
            raise ValueError(f"npy version {version}")
        shape, fortran, found = np.lib.format.read_array_header_1_0(buffer)
    except ValueError as error:
        raise _error(path, f"'{name}' is not a numpy array ({error}). {_REBUILD}") from None
    if found.hasobject:
        raise _error(
            path, f"'{name}' holds Python objects, which can run code; it was not read."
        )
    wanted = dtype or np.dtype("<f8")
    if found != wanted or fortran:
        raise _error(path, f"'{name}' has type {found}; a world file has {wanted}. {_REBUILD}")
    if prod(shape) * wanted.itemsize != len(data) - buffer.tell():
        raise _error(path, f"'{name}' has another size than it says. {_REBUILD}")
    return np.frombuffer(data, dtype=wanted, offset=buffer.tell()).reshape(shape)


def _inflate(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    try:
        return archive.read(f"{name}.npy")
    except zlib.error as error:
        raise _error(path, f"'{name}' is damaged ({error}). {_REBUILD}") from None


def _assemble(header: Mapping[str, Any], arrays: Mapping[str, Any], path: Path) -> World:
    fields: dict[str, Any] = {key: header[key] for key in (*_LABELS, "meta")}
    for group in ("dormant", "coverage"):
        prefix = f"{group}/"
        fields[group] = {
            k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)
        }
    try:
        return World(**fields, **{key: arrays[key] for key in ARRAYS})
    except WorldError as error:
        raise _error(path, f"{error.what} {_REBUILD}") from None
    except (TypeError, ValueError) as error:
        raise _error(path, f"its header does not describe a world ({error}).") from None


def _error(path: Path, what: str, near: str | None = None) -> WorldError:
    return WorldError(what, Place(file=str(path)), near)
