"""Regimes by name or file, read strictly."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from detente.errors import InputError, Place, nearest
from detente.regimes.hs import refuse_unknown_lines
from detente.regimes.schema import LawSource, Products, Provision, Quantity, Regime
from detente.sources.yamlfile import Lines, parse_yaml, text_of

SUFFIXES = (".yaml", ".yml")


@cache
def regime_names() -> tuple[str, ...]:
    """The regimes that come with detente, in alphabetical order."""
    folder = files("detente") / "data" / "regimes"
    found = (f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))
    return tuple(sorted(found))


def load_regime(name: str | Path, beside: Path | None = None) -> Regime:
    """A regime by the name that scenarios use, or from a file of one's own.

    Parameters
    ----------
    name : str or Path
        ``unsc-dprk``, or the path of a YAML file.
    beside : Path, optional
        Folder that a path counts from: the scenario's.

    Raises
    ------
    InputError
        No such regime (with the nearest); a file with a mistake: file, line, key.
    """
    text = str(name)
    if text.endswith(SUFFIXES):
        path = Path(text)
        if beside is not None and not path.is_absolute():
            near = beside / path
            path = near if near.is_file() or not path.is_file() else path
        return _read(text_of(path), str(path))
    return _embedded(text)


@cache
def _embedded(name: str) -> Regime:
    names = regime_names()
    if name not in names:
        raise InputError(
            f"there is no regime '{name}'; there are {', '.join(names)}, or give the path of "
            "a file of your own (.yaml).",
            nearest=nearest(name, names),
        )
    path = files("detente") / "data" / "regimes" / f"{name}.yaml"
    regime = _read(path.read_text(encoding="utf-8"), f"{name}.yaml")
    if regime.regime != name:
        raise InputError(f"the file {name}.yaml calls itself '{regime.regime}'.")
    return regime


def _read(text: str, file: str) -> Regime:
    # every scalar stays the text that it is: the codes 03 and NO are no numbers, no words
    data, lines = parse_yaml(text, file, raw=True)
    if not isinstance(data, dict):
        raise InputError("a regime is a mapping of keys to values.", Place(file, 1))
    try:
        regime = Regime.model_validate(data)
    except ValidationError as error:
        raise _friendly(error, lines) from None
    _check_lines(regime, lines)
    return regime


def _check_lines(regime: Regime, lines: Lines) -> None:
    """Refuse HS lines that the regime's revision does not have, at their line."""
    for j, provision in enumerate(regime.provisions):
        for k, products in enumerate(provision.products):
            for key in ("hs", "except"):
                at = ("provisions", j, "products", k, key)
                try:
                    listed = products.lines() if key == "hs" else products.spared()
                    for line in listed:
                        refuse_unknown_lines(line, regime.hs_revision, provision.id)
                except InputError as error:
                    raise InputError(error.what, lines.place(*at), error.nearest) from None


def _friendly(error: ValidationError, lines: Lines) -> InputError:
    """The first mistake in the file's order, unknown keys before the missing ones."""
    details = error.errors()
    # a list whose every item is wrong counts as empty too: the items say more
    fuller = [d for d in details if d["type"] != "too_short" or not _has_below(d, details)]
    unknown = [d for d in details if d["type"] == "extra_forbidden"]
    found = [mistake_of(d, lines) for d in unknown or fuller]

    def line(e: InputError) -> float:
        known = e.place.line if e.place else None
        return float("inf") if known is None else known

    return min(found, key=line)


def _has_below(detail: Any, details: Sequence[Any]) -> bool:
    at = tuple(detail["loc"])
    return any(len(d["loc"]) > len(at) and tuple(d["loc"][: len(at)]) == at for d in details)


def mistake_of(detail: Any, lines: Lines) -> InputError:
    """One of pydantic's details as an error for people, at its line."""
    keys = tuple(detail["loc"])
    place = lines.place(*keys)
    if detail["type"] == "extra_forbidden":
        valid = _fields(keys)
        return InputError(
            f"unknown key '{keys[-1]}'; there are {', '.join(valid)}.",
            place,
            nearest(str(keys[-1]), valid),
        )
    if detail["type"] == "missing":
        return InputError(f"'{keys[-1]}' is missing.", place)
    what = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "string_pattern_mismatch":
        what = f"{detail['input']!r} is no name: small letters, digits and hyphens"
    elif detail["type"] == "string_too_short":
        what = f"'{keys[-1]}' is empty"
    return InputError(what.rstrip(".") + ".", place)


def _fields(keys: tuple[Any, ...]) -> list[str]:
    """Valid keys where an unknown one stands."""
    models: dict[int | str, Any] = {"products": Products, "cap": Quantity}
    owner: Any = Regime
    if keys[0] == "sources":
        owner = LawSource
    elif keys[0] == "provisions":
        named = [k for k in keys[:-1] if k in models]
        owner = models[named[-1]] if named else Provision
    return [f.alias or name for name, f in owner.model_fields.items()]
