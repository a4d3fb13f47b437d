"""Bringing an original from its official address, or saying how to do it by hand."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from detente.errors import InputError, Place, nearest
from detente.sources.catalogue import Entry, SourceFile, Vintage, entry
from detente.sources.download import FetchError, Progress, Settings, download, forget
from detente.sources.files import atomic, misnamed, sha256, unwritable
from detente.sources.locking import locked

#: Environment variable that names the cache's folder.
VARIABLE = "DETENTE_CACHE"


class ByHandError(FetchError):
    """The provider wants a person: a licence, a registration, a form."""


@dataclass(frozen=True)
class Fetched:
    """A file that is there.

    Attributes
    ----------
    source, vintage, file : str
    path : Path
    bytes : int
    sha256 : str
        What the file's sum is.
    checked : bool
        Whether the catalogue knows the sum; it is the same then.
    status : str
        ``downloaded``, ``resumed``, ``copied`` from the cache, or ``there`` already.
    notes : tuple of str
    """

    source: str
    vintage: str
    file: str
    path: Path
    bytes: int
    sha256: str
    checked: bool
    status: str
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        found = {key: getattr(self, key) for key in self.__dataclass_fields__}
        return found | {"path": str(self.path), "notes": list(self.notes)}


def cache_folder() -> Path:
    """Folder of the cache: DETENTE_CACHE, else the platform's for caches of the user.

    Raises
    ------
    InputError
        There is no home folder and the variable is not set.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given).expanduser().resolve()
    try:
        home = Path.home()
    except RuntimeError:
        what = f"there is no home folder for the cache; set {VARIABLE} to a folder."
        raise InputError(what) from None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData/Local") / "detente/Cache"
    if sys.platform == "darwin":
        return home / "Library/Caches/detente"
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (xdg if xdg.is_absolute() else home / ".cache") / "detente"


def cached_path(source: Entry, vintage: Vintage, item: SourceFile) -> Path:
    """Where a file lies in the cache, or would lie."""
    release = re.sub(r"[^\w.-]+", "_", vintage.name).strip(".") or "_"
    return cache_folder() / "sources" / source.name / release / item.file


def located(name: str, vintage: str | None = None, file: str | None = None) -> Path:
    """The path of a source's file in the cache, for commands that are given its name.

    Parameters
    ----------
    name : str
        Key of the catalogue.
    vintage : str, optional
        The first where not given.
    file : str, optional
        May be left out where the vintage has one file only.

    Raises
    ------
    InputError
        An unknown name, vintage or file; or the file is not in the cache: how to get it.
    """
    source = entry(name)
    release, items = choose(source, vintage, file)
    item = items[0]
    path = cached_path(source, release, item)
    if not path.is_file():
        raise InputError(
            f"'{item.file}' is not in the cache. Get it with: {_command(source, release, item)}"
        )
    return path


def choose(
    source: Entry, vintage: str | None = None, file: str | None = None
) -> tuple[Vintage, tuple[SourceFile, ...]]:
    """A vintage and its files: the one named, all of them for ``all``, or the only one.

    Without a vintage, a file is looked for in all of them; without a file too, the vintage is
    the first.

    Raises
    ------
    InputError
        An unknown vintage or file, with the nearest; several where none is named.
    ByHandError
        The catalogue names no file of this vintage.
    """
    release = source.vintage(vintage)
    if file is not None and file.casefold() != "all":
        releases = source.vintages if vintage is None else (release,)
        every = {f.file.casefold(): (v, (f,)) for v in reversed(releases) for f in v.files}
        if file.casefold() in every:
            return every[file.casefold()]
        names = [f.file for v in releases for f in v.files]
        what = f"{source.name} has no file '{file}'; there are {', '.join(names) or 'none'}."
        raise InputError(what, nearest=nearest(file, names))
    told = f"{source.name}, vintage {release.name},"
    if not release.files:
        raise ByHandError("\n".join([f"{told} has no file to fetch.", *_prose(source)]))
    if file is None and len(release.files) > 1:
        listed = ", ".join(f.file for f in release.files)
        what = f"{told} has {len(release.files)} files: {listed}. Say --file F or --file all."
        raise InputError(what)
    return release, release.files


def fetch(
    source: Entry,
    vintage: Vintage,
    item: SourceFile,
    folder: Path | None = None,
    *,
    settings: Settings | None = None,
    progress: Progress | None = None,
    waiting: Callable[[], None] | None = None,
) -> Fetched:
    """Make one original lie in the cache, or in ``folder``; fetch it if it does not.

    Parameters
    ----------
    source, vintage, item
        From the catalogue.
    folder : Path, optional
        Where to put it instead of the cache; made where it does not exist.
    settings : Settings, optional
    progress : callable, optional
        Bytes so far and bytes in all.
    waiting : callable, optional
        Called once if another process is fetching the same file; this one then waits.

    Raises
    ------
    FetchError
        No network, a refusal, another checksum; the message says what to do by hand.
    ByHandError
        Access needs a person, or the catalogue has no address.
    InputError
        ``folder`` cannot be used, or holds another file of that name.
    """
    job = _Job(source, vintage, item, folder)
    found = job.there()
    if found is not None:
        return found
    job.refuse_by_hand()
    job._make_folder()
    with locked(job.target, waiting):
        found = job.there()  # whoever held the lock may have brought it
        return found or job.bring(settings, progress)


@dataclass(frozen=True)
class _Job:
    source: Entry
    vintage: Vintage
    item: SourceFile
    folder: Path | None

    @property
    def cached(self) -> Path:
        return cached_path(self.source, self.vintage, self.item)

    @property
    def target(self) -> Path:
        return self.cached if self.folder is None else self.folder / self.item.file

    def _make_folder(self) -> None:
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            what = f"the folder cannot be made: {(error.strerror or str(error)).lower()}."
            raise InputError(what, Place(str(self.target.parent))) from None

    def _copy(self, path: Path) -> None:
        self._make_folder()
        try:
            with atomic(self.target) as part:
                shutil.copyfile(path, part)
        except OSError as error:
            raise unwritable(self.target, error) from None

    def there(self) -> Fetched | None:
        """The file, if it lies where it is wanted, or whole in the cache."""
        if self.target.is_file():
            return self._in_place()
        if self.target.exists():
            raise InputError("it is in the way; move it.", Place(str(self.target)))
        if self.folder is not None and self.cached.is_file():
            found = replace(self, folder=None)._in_place()
            if found is not None:
                self._copy(found.path)
                return replace(found, path=self.target, status="copied")
        return None

    def _in_place(self) -> Fetched | None:
        """None where it is damaged and may be replaced, which only the cache's may."""
        found = sha256(self.target)
        known, size = self.item.sha256, self.target.stat().st_size
        right = found == known if known else self._sum_when_fetched() in (None, found)
        if right and (known or self.item.bytes in (None, size)):
            notes = () if known else ("the catalogue has no checksum to compare with",)
            return self._fetched(found, "there", notes)
        if self.folder is not None:
            what = f"its sha256 is {found}, the catalogue has {known}."
            if not known:
                what = f"it has {size:,} bytes, the catalogue {self.item.bytes:,}."
            raise InputError(
                f"another file of this name is there: {what} Move it or choose another folder.",
                Place(str(self.target)),
            )
        return None

    def refuse_by_hand(self) -> None:
        """Say what to do where no program may, or can, fetch the file."""
        wrong = self.target.is_file()
        by = "checksum" if self.item.sha256 or self.item.bytes is None else "size"
        told = f" The file at {self.target} is not it: its {by} differs." if wrong else ""
        what = {
            "registration": f"{self.source.provider} wants a registration before a download.",
            "licence": f"{self.source.provider} wants its licence accepted before a download.",
        }.get(self.source.access)
        if what is None and self.item.url is None:
            what = f"the catalogue has no address for '{self.item.file}'."
        if what is not None:
            raise ByHandError(self.told(what + told))

    def bring(self, settings: Settings | None, progress: Progress | None) -> Fetched:
        """Download, compare, and only then give the file its name."""
        part = self.target.with_name(f"{self.target.name}.part")
        was = ("the file that was here was damaged or another one; it was replaced",)
        before = was if self.target.exists() else ()
        for attempt in (1, 2):
            try:
                done = download(
                    str(self.item.url),
                    part,
                    checked=bool(self.item.sha256),
                    size=self.item.bytes,
                    settings=settings,
                    progress=progress,
                )
            except FetchError as error:
                raise FetchError(self.told(str(error))) from None
            self._refuse_content(part)
            found = sha256(part)
            if not self.item.sha256 or found == self.item.sha256:
                notes = (*before, *done.notes)
                return self._keep(part, found, resumed=done.resumed, notes=notes)
            forget(part)
            if not (done.resumed and attempt == 1):  # the old part may be what was wrong
                break
        raise FetchError(
            self.told(
                f"what came from {self.item.url} has sha256 {found}; the catalogue has "
                f"{self.item.sha256}. The provider has replaced the file, or it was changed on "
                "the way; it was not kept."
            )
        )

    def _refuse_content(self, part: Path) -> None:
        """Where no sum is known, what came must at least be what its name says."""
        wrong = "" if self.item.sha256 else misnamed(part, self.item.file)
        if wrong:
            forget(part)
            what = f"what came from {self.item.url} is not the file: {wrong}. It was not kept."
            raise FetchError(self.told(what))

    def _keep(
        self, part: Path, found: str, *, resumed: bool, notes: tuple[str, ...]
    ) -> Fetched:
        part.replace(self.target)
        forget(part)
        if self.folder is None:
            with atomic(self._sidecar) as temporary:
                temporary.write_text(f"{found}  {self.item.file}\n", encoding="utf-8")
        if not self.item.sha256:
            notes = (*notes, "the catalogue has no checksum to compare with")
        return self._fetched(found, "resumed" if resumed else "downloaded", notes)

    @property
    def _sidecar(self) -> Path:
        """Beside a file in the cache: its sum when it came, as ``sha256sum -c`` reads it."""
        return self.cached.with_name(f"{self.item.file}.sha256")

    def _sum_when_fetched(self) -> str | None:
        if self.folder is not None or not self._sidecar.is_file():
            return None
        told = self._sidecar.read_text(encoding="utf-8", errors="replace")[:64]
        return told if re.fullmatch(r"[0-9a-f]{64}", told) else None

    def _fetched(self, found: str, status: str, notes: tuple[str, ...]) -> Fetched:
        return Fetched(
            source=self.source.name,
            vintage=self.vintage.name,
            file=self.item.file,
            path=self.target,
            bytes=self.target.stat().st_size,
            sha256=found,
            checked=bool(self.item.sha256),
            status=status,
            notes=notes,
        )

    def told(self, what: str) -> str:
        """What is wrong, and how to get the file by hand."""
        size = "" if self.item.bytes is None else f" ({self.item.bytes:,} bytes)"
        address = self.item.url or "none in the catalogue"
        if self.item.url and self.item.url_status == "recalled":
            address += " (not checked: see the page if it is wrong)"
        lines = {
            "Address": address,
            "File": f"{self.item.file}{size}",
            "sha256": self.item.sha256 or "not in the catalogue",
            "Put it here": str(self.target),
            "Then run": _command(self.source, self.vintage, self.item, self.folder),
        }
        facts = (f"  {key}: {text}" for key, text in lines.items())
        return "\n".join([what, *_prose(self.source), *facts])


def _prose(source: Entry) -> Iterator[str]:
    """Page, and what to do by hand and the licence at 80 columns."""
    yield f"  Page: {source.page}"
    for key, text in (("By hand", source.by_hand), ("Licence", source.licence)):
        yield textwrap.fill(
            f"{key}: {' '.join(text.split())}",
            80,
            initial_indent="  ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )


def _command(
    source: Entry, vintage: Vintage, item: SourceFile, folder: Path | None = None
) -> str:
    """The command line that fetches or checks a file."""
    command = f"detente fetch {source.name}"
    if vintage is not source.vintages[0]:
        command += f" --vintage '{vintage.name}'"
    if len(vintage.files) > 1:
        command += f" --file '{item.file}'"
    if folder is not None:
        command += f" -o '{folder}'"
    return command
