"""Opening an original: plain, gzipped, or a member of a zip."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from detente.errors import InputError, Place


@contextmanager
def opened(path: str | Path, member: str | None = None) -> Iterator[IO[bytes]]:
    """The bytes of an original.

    Parameters
    ----------
    path : str or Path
        A plain file, one that ends in ``.gz``, or a zip.
    member : str, optional
        Which member of a zip; may be left out where it has one only.

    Raises
    ------
    InputError
        No such file, a folder, a zip that is none, a member that is not there.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file '{path}'.")
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive, archive.open(member or archive.namelist()[0]) as f:
            yield f
    elif path.suffix == ".gz":
        with gzip.open(path, "rb") as f:
            yield f
    else:
        with path.open("rb") as f:
            yield f


def members(path: str | Path) -> tuple[str, ...]:
    """Names of a zip's members; a plain file's own name.

    Raises
    ------
    InputError
        No such file, or a zip that is none.
    """
    path = Path(path)
    if path.suffix != ".zip":
        return (path.name,)
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(archive.namelist())
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"it is no zip: {error}.", Place(str(path))) from None
