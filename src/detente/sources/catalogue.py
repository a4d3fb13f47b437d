"""The public datasets that detente reads: one YAML each, shipped with the package."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from detente.errors import InputError, Place, nearest
from detente.sources.files import sha256
from detente.sources.record import SourceRecord

#: Above this ``record`` leaves the checksum out unless asked: a minute at 1 GB/s is too long.
LARGEST_HASHED = 2 * 1024**3

Text = Annotated[str, Field(min_length=1)]
Address = Annotated[str, Field(pattern=r"^https?://\S+$")]
Sha256 = Annotated[str, BeforeValidator(lambda v: v or ""), Field(pattern=r"^([0-9a-f]{64})?$")]
Maybe = BeforeValidator(lambda v: None if v in ("", "null", "~") else v)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceFile(_Strict):
    """One original.

    Attributes
    ----------
    file : str
        Its name as the provider gives it, without a folder.
    url : str or None
        Official address; None where none is known or a form must be filled in.
    url_status : str
        ``seen`` in a stored source, or ``recalled`` and to be checked.
    sha256 : str
        64 hexadecimal digits, or empty where not known.
    bytes : int or None
        Size, where known.
    """

    file: Annotated[str, Field(min_length=1, pattern=r"^[^/\\]+$")]
    url: Annotated[Address | None, Maybe] = None
    url_status: Literal["seen", "recalled"] = "seen"
    sha256: Sha256 = ""
    bytes: Annotated[Annotated[int, Field(ge=0)] | None, Maybe] = None


class Vintage(_Strict):
    """One release of a source.

    Attributes
    ----------
    name : str
    years : str
        First and last year, as text.
    verified : bool
        Whether detente's parser has read a real original of this release.
    verified_with : str
        What it read.
    files : tuple of SourceFile
    """

    name: Text
    years: str = ""
    verified: bool = False
    verified_with: str = ""
    files: tuple[SourceFile, ...] = ()


class Entry(_Strict):
    """One source of the catalogue.

    Attributes
    ----------
    name, title, what, provider, page, citation, licence, units : str
    kind : str
        io-table, trade, gravity, tariffs or elasticities.
    access : str
        ``open``: can be fetched; ``registration`` or ``licence``: by hand only.
    by_hand : str
        What to do without ``detente fetch``.
    parser : str
        ``module:function``.
    tolerance : float or None
        How far the source may miss its own identities, relative.
    vintages : tuple of Vintage
        The one to prefer first.
    """

    name: Text
    title: Text
    what: Text
    kind: Literal["io-table", "trade", "gravity", "tariffs", "elasticities"]
    provider: Text
    page: Address
    citation: Text
    licence: Text
    access: Literal["open", "registration", "licence"]
    by_hand: Text
    parser: Annotated[str, Field(pattern=r"^[\w.]+:\w+$")]
    units: Text
    tolerance: Annotated[Annotated[float, Field(gt=0)] | None, Maybe] = None
    vintages: Annotated[tuple[Vintage, ...], Field(min_length=1)]

    @property
    def verified(self) -> str:
        """``verified``, ``unverified``, or ``partly``, over the vintages."""
        told = {v.verified for v in self.vintages}
        return "partly" if len(told) == 2 else "verified" if told == {True} else "unverified"

    def vintage(self, name: str | None = None) -> Vintage:
        """A vintage by its name; the first where no name is given.

        Raises
        ------
        InputError
            An unknown vintage, with the nearest.
        """
        if name is None:
            return self.vintages[0]
        names = [v.name for v in self.vintages]
        found = [v for v in self.vintages if v.name.casefold() == str(name).casefold()]
        if not found:
            raise InputError(
                f"{self.name} has no vintage '{name}'; there are {', '.join(names)}.",
                nearest=nearest(str(name), names),
            )
        return found[0]


def catalogue() -> dict[str, Entry]:
    """Every source, by name.

    Raises
    ------
    InputError
        A catalogue file that is broken: file, key and why.
    """
    return dict(_loaded(str(_folder())))


def entry(name: str) -> Entry:
    """A source by its name.

    Raises
    ------
    InputError
        An unknown name, with the nearest.
    """
    found = catalogue()
    if name not in found:
        raise InputError(
            f"there is no source '{name}'; there are {', '.join(found) or 'none'}.",
            nearest=nearest(name, found),
        )
    return found[name]


def record(
    name: str,
    vintage: str | None,
    path: str | Path,
    notes: Iterable[str] = (),
    *,
    checksum: bool | None = None,
) -> SourceRecord:
    """What a parser says of the file that it read.

    Parameters
    ----------
    name : str
        Key of the catalogue.
    vintage : str or None
        Name of a vintage; the first where None.
    path : str or Path
        The file that was read.
    notes : iterable of str
        What was dropped, merged, converted or imputed, with amounts.
    checksum : bool, optional
        Whether to hash the file; by default if it is a file of at most 2 GiB.

    Raises
    ------
    InputError
        An unknown name or vintage.
    """
    source = entry(name)
    release, path = source.vintage(vintage), Path(path)
    if checksum is None:
        checksum = path.is_file() and path.stat().st_size <= LARGEST_HASHED
    return SourceRecord(
        name=source.name,
        title=source.title,
        vintage=release.name,
        citation=source.citation,
        licence=source.licence,
        verified=release.verified,
        file=path.name,
        sha256=sha256(path) if checksum else "",
        notes=tuple(notes),
    )


def parse_entry(text: str, file: str) -> Entry:
    """One catalogue file.

    Parameters
    ----------
    text : str
        YAML; every scalar is read as text, so that a vintage ``2016.10`` stays one.
    file : str
        Its name, for messages; without its ending it must be the entry's name.

    Raises
    ------
    InputError
        Broken YAML, a key that is missing, unknown, given twice or wrong.
    """
    try:
        data = yaml.load(text, Loader=_TextLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise InputError(f"it is no valid YAML: {error.problem}.", Place(file, line)) from None
    if not isinstance(data, dict):
        raise InputError("it must be a mapping of keys.", Place(file))
    try:
        found = Entry.model_validate(data)
    except ValidationError as error:
        raise _wrong(error, file) from None
    _check_names(found, file)
    return found


class _TextLoader(yaml.BaseLoader):
    """Scalars as text, and no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [getattr(key, "value", None) for key, _ in node.value]
        for j, (key, _) in enumerate(node.value):
            if keys[j] in keys[:j]:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{keys[j]}' is given twice", key.start_mark
                )
        return super().construct_mapping(node, deep)


def _wrong(error: ValidationError, file: str) -> InputError:
    """Our error for pydantic's first one: the key's path, why, the nearest key."""
    found = error.errors()
    # a misspelt key is an unknown and a missing one: the first says more
    first = next((e for e in found if e["type"] == "extra_forbidden"), found[0])
    path = first["loc"]
    key = ".".join(str(part) for part in path)
    if first["type"] == "extra_forbidden":
        models: Mapping[str, type[BaseModel]] = {"files": SourceFile, "vintages": Vintage}
        inside = [models[part] for part in path if isinstance(part, str) and part in models]
        fields = (inside[-1] if inside else Entry).model_fields
        return InputError(
            "there is no such key.", Place(file, key=key), nearest(str(path[-1]), fields)
        )
    if first["type"] == "missing":
        return InputError("the key is missing.", Place(file, key=key))
    options = re.findall(r"'([^']+)'", str(first.get("ctx", {}).get("expected", "")))
    near = nearest(str(first["input"]), options)
    return InputError(f"{first['msg']}; it is {first['input']!r}.", Place(file, key=key), near)


def _check_names(found: Entry, file: str) -> None:
    stem = file.rsplit("/", 1)[-1].removesuffix(".yaml")
    if found.name != stem:
        what = f"it is '{found.name}'; the file's name asks for '{stem}'."
        raise InputError(what, Place(file, key="name"))
    for key, names in (
        ("vintages", [v.name.casefold() for v in found.vintages]),
        *((f"vintages.{v.name}.files", [f.file for f in v.files]) for v in found.vintages),
    ):
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise InputError(f"'{twice[0]}' is given twice.", Place(file, key=key))
    for v in found.vintages:
        if v.verified and not v.verified_with:
            what = f"'{v.name}' is verified; say what was read."
            raise InputError(what, Place(file, key="vintages.verified_with"))


def _folder() -> Traversable:
    return files("detente.data").joinpath("sources")


@cache
def _loaded(at: str) -> dict[str, Entry]:
    """Read the folder once; ``at`` is what it is remembered by."""
    folder = _folder()
    if not folder.is_dir():
        return {}
    found = sorted(f.name for f in folder.iterdir() if f.name.endswith(".yaml"))
    entries = [
        parse_entry(folder.joinpath(name).read_text(encoding="utf-8"), name) for name in found
    ]
    return {e.name: e for e in entries}
