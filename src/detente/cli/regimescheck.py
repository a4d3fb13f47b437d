"""``detente regimes check``: every mistake in a file of law, and what its goods cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from detente.errors import InputError, Place, nearest
from detente.regimes.catalogue import mistake_of, regime_names
from detente.regimes.coverage import line_mask
from detente.regimes.hs import REVISIONS, expand, refuse_unknown_lines
from detente.regimes.schema import Regime
from detente.sources.files import embedded_rows
from detente.sources.yamlfile import Lines, parse_yaml, text_of

Keys = tuple[str | int, ...]


@dataclass(frozen=True)
class Checked:
    """A file, what is wrong with it, what is doubtful, and the regime if nothing is wrong."""

    file: str
    mistakes: tuple[InputError, ...]
    warnings: tuple[InputError, ...] = ()
    regime: Regime | None = None


def check_file(path: Path) -> Checked:
    """Read a file of law and list every mistake, in the order of its lines.

    Raises
    ------
    InputError
        No such file.
    """
    text, file = text_of(path), str(path)
    try:
        data, lines = parse_yaml(text, file, raw=True)
    except InputError as error:
        return Checked(file, (error,))
    if not isinstance(data, Mapping):
        what = "a regime is a mapping of keys to values."
        return Checked(file, (InputError(what, Place(file, 1)),))
    mistakes = [*_of_references(data, lines), *_of_lines(data, lines)]
    whole, regime = _of_schema(data, lines, bool(mistakes))
    mistakes = sorted([*mistakes, *whole], key=_line)
    if mistakes or regime is None:
        return Checked(file, tuple(mistakes))
    return Checked(file, (), tuple(_warnings(regime, lines)), regime)


def _line(error: InputError) -> int:
    return (error.place.line or 0) if error.place else 0


# -- mistakes ------------------------------------------------------------------------------
def _of_schema(
    data: Mapping[str, Any], lines: Lines, told: bool
) -> tuple[list[InputError], Regime | None]:
    try:
        return [], Regime.model_validate(data)
    except ValidationError as error:
        details = error.errors()
    # a list is short of what is wrong in it; the file as a whole is told at its own lines
    inside = {d["loc"][:1] for d in details if d["type"] != "too_short"}
    details = [d for d in details if d["type"] != "too_short" or d["loc"][:1] not in inside]
    details = [d for d in details if d["loc"] or not told]
    return [mistake_of(d, lines) for d in details], None


def _of_references(data: Mapping[str, Any], lines: Lines) -> Iterator[InputError]:
    """Ids that stand twice, sources and provisions that are named and not there."""
    revision = data.get("hs_revision")
    if isinstance(revision, str) and revision not in REVISIONS:
        what = f"unknown HS revision '{revision}'; there are {', '.join(REVISIONS)}."
        yield InputError(what, lines.place("hs_revision"), nearest(revision, REVISIONS))
    given = data.get("sources")
    sources = list(given) if isinstance(given, Mapping) else None
    provisions = _mappings(data.get("provisions"))
    ids = [str(p["id"]) for _, p in provisions if "id" in p]
    for j, p in provisions:
        own, at = str(p.get("id", "")), ("provisions", j)
        if own and own in [str(q.get("id")) for k, q in provisions if k < j]:
            yield InputError(f"the provision '{own}' stands twice.", lines.place(*at, "id"))
        source, later = p.get("source"), p.get("replaced_by")
        if isinstance(source, str) and sources is not None and source not in sources:
            what = f"the source '{source}' is not among 'sources'."
            yield InputError(what, lines.place(*at, "source"), nearest(source, sources))
        if isinstance(later, str) and later and later not in ids:
            what = f"it is replaced by '{later}', which is no provision of the file."
            yield InputError(what, lines.place(*at, "replaced_by"), nearest(later, ids))


def _of_lines(data: Mapping[str, Any], lines: Lines) -> Iterator[InputError]:
    """HS lines that are none, or not of the file's revision."""
    revision = data.get("hs_revision")
    for j, p in _mappings(data.get("provisions")):
        for k, products in _mappings(p.get("products")):
            for key in ("hs", "except"):
                at: Keys = ("provisions", j, "products", k, key)
                for code in _codes(products.get(key)):
                    error = _wrong_line(code, revision, str(p.get("id", f"provision {j + 1}")))
                    if error is not None:
                        yield InputError(error.what, lines.place(*at), error.nearest)


def _wrong_line(code: str, revision: Any, where: str) -> InputError | None:
    try:
        for line in expand((code,)):
            if revision in REVISIONS:
                refuse_unknown_lines(line, revision, where)
    except InputError as error:
        return error
    return None


def _codes(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


def _mappings(value: Any) -> list[tuple[int, Mapping[str, Any]]]:
    """Mappings in a list, with their position; anything else is the schema's business."""
    listed = value if isinstance(value, list) else []
    return [(j, each) for j, each in enumerate(listed) if isinstance(each, Mapping)]


# -- warnings ------------------------------------------------------------------------------
def _warnings(regime: Regime, lines: Lines) -> Iterator[InputError]:
    if regime.regime in regime_names():
        yield InputError(
            f"detente brings a regime '{regime.regime}' too: a scenario that names it without "
            "a path takes that one.",
            lines.place("regime"),
        )
    for key, codes in (("target", regime.target), ("senders", regime.senders)):
        for code in codes:
            if code not in _countries() and code != "all":
                yield InputError(
                    f"'{code}' is no ISO3 code: it counts only in a world with a country of "
                    "that code.",
                    lines.place(key),
                    nearest(code, _countries()),
                )
    groups, given_in = _embedded_groups(regime.target)
    for j, provision in enumerate(regime.provisions):
        for k, products in enumerate(provision.products):
            for key, named in (("hs", products.lines()), ("except", products.spared())):
                for line in named:
                    try:
                        line_mask([line], groups, regime.hs_revision, given_in, provision.id)
                    except InputError as error:
                        at = ("provisions", j, "products", k, key)
                        yield InputError(error.what, lines.place(*at))


@cache
def _countries() -> tuple[str, ...]:
    return tuple(row["iso3"] for row in embedded_rows("country_numbers.csv"))


@cache
def _embedded_groups(targets: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Product groups of the embedded mix of a target, or of any country where it has none."""
    from detente.cli.regimespair import BEFORE, OTHERS
    from detente.regimes.mix import mix_for
    from detente.world import load_world

    world = load_world(next((BEFORE[code] for code in targets if code in BEFORE), OTHERS))
    target = next((code for code in targets if code in world.countries), world.countries[0])
    mix = mix_for(world, target)
    return tuple(group.code for group in mix.groups), mix.revision
