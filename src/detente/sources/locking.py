"""One writer at a time, across threads and processes."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from detente.errors import InputError, Place
from detente.sources.files import unwritable

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_POLL = 0.1
_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS}


@contextmanager
def locked(target: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the right to write ``target``; wait for whoever else holds it.

    The lock belongs to an open file beside the target, so that a process that dies lets go
    of it; the file goes when the last holder is done.

    Parameters
    ----------
    target : Path
        What is going to be written; its folder must exist.
    waiting : callable, optional
        Called once if somebody else holds the lock.

    Raises
    ------
    InputError
        The folder cannot be written to, or its file system has no locks.
    """
    path = target.with_name(f".{target.name}.lock")
    while True:
        handle = _opened(path, target)
        try:
            while not _taken(handle, path):
                if waiting is not None:
                    waiting()
                    waiting = None
                time.sleep(_POLL)
            if _still(path, handle):
                break
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows deletes no open file; an empty lock stays there
            path.unlink(missing_ok=True)
        os.close(handle)


def _opened(path: Path, target: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise unwritable(target, error) from None


def _still(path: Path, handle: int) -> bool:
    """Whether the file that is locked still has that name: its holder may have deleted it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _taken(handle: int, path: Path) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            return False
        what = "the file system has no locks; choose another folder with -o DIR"
        raise InputError(f"{what} or DETENTE_CACHE.", Place(str(path.parent))) from None
    return True
