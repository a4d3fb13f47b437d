"""What a built world says of itself: title, vintages, blocks with their flags, sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detente._version import __version__
from detente.assembly.changes import Change
from detente.sources.record import SourceRecord

if TYPE_CHECKING:
    from detente.assembly.assemble import _Parts


def called(source: SourceRecord) -> str:
    """A source's title and vintage; what the title says already is not said again."""
    parts = [p for p in source.vintage.split(", ") if p and p not in source.title]
    if parts and parts[0].isdigit():
        parts[0] += " release"
    return ", ".join([source.title, *parts])


def describe(
    parts: _Parts, changes: tuple[Change, ...], name: str, title: str
) -> dict[str, Any]:
    """JSON-able record of a built world.

    Parameters
    ----------
    parts : object
        What the stages left: ``table``, ``small``, ``groups``, ``sources()``, ``levied``,
        ``chosen``, ``balanced``.
    changes : tuple of Change
    name, title : str
    """
    source, year = parts.table.source, parts.table.year
    size = f"{len(parts.small.countries)} economies × {len(parts.small.sectors)} sectors"
    via = f", by the map '{_quoted(parts.map.file)}'" if parts.map else ""
    full = f"{len(parts.table.countries)} × {len(parts.table.sectors)}"
    return {
        "name": name,
        "title": title or f"{called(source)}, {year}{via}",
        "description": f"{size}, added up from the table's {full}{via}."
        if parts.map
        else f"{size}, as in the table.",
        "vintage": f"{called(source)}: {year}",
        "vintages": {**_vintages(parts), "year": year, "units": "million USD, current"},
        "blocks": _blocks(parts),
        "sources": [record.as_dict() for record in parts.sources()],
        "members": _members(parts),
        "elasticity_errors": _errors(parts),
        "build": {
            "by": f"detente {__version__}",
            "changes": [c.as_dict() for c in changes],
            "elasticities": _elasticities(parts),
        },
    }


def _quoted(file: str) -> str:
    return file.removeprefix("map ").strip("'").rsplit("/", 1)[-1]


def _vintages(parts: _Parts) -> dict[str, str]:
    return {r.name: r.vintage or r.file for r in parts.sources()}


def _elasticities(parts: _Parts) -> dict[str, dict[str, Any]]:
    """θ by sector with its error and flag; an error that is not known is None."""
    chosen = parts.chosen
    rows = zip(
        parts.small.sectors,
        chosen.arrays["value"],
        chosen.arrays["std_error"],
        chosen.facts["flag"],
        chosen.facts["note"],
        strict=True,
    )
    return {
        code: {
            "value": float(value),
            "std_error": float(error) if np.isfinite(error) else None,
            "flag": flag,
            "note": note,
        }
        for code, value, error, flag, note in rows
    }


def _members(parts: _Parts) -> dict[str, list[str]]:
    """Countries that each group holds, for geography; a country of its own is left out."""
    held = parts.groups[0].members(parts.table.countries)
    return {label: list(own) for label, own in held.items() if own != (label,)}


def _errors(parts: _Parts) -> dict[str, dict[str, Any]]:
    """Relative standard error of each θ and its estimate; empty unless all are known."""
    facts, arrays = parts.chosen.facts, parts.chosen.arrays
    relative = arrays["std_error"] / arrays["value"]
    if not np.isfinite(relative).all():
        return {}
    rows = zip(parts.small.sectors, relative, facts["estimate"], facts["flag"], strict=True)
    return {
        code: {"relative_error": round(float(error), 4), "estimate": estimate, "flag": flag}
        for code, error, estimate, flag in rows
    }


def _blocks(parts: _Parts) -> list[dict[str, str]]:
    """Blocks of data as ``detente world info`` prints them."""
    table, small = parts.table, parts.small
    moved = any(c["flag"] in ("balanced", "clipped") for c in parts.balanced.facts["changes"])
    levied, chosen = parts.levied.facts, parts.chosen.facts
    what = f"{len(table.countries)} countries added up to {len(small.countries)} economies, "
    what += f"{len(table.sectors)} industries to {len(small.sectors)} sectors"
    return [
        _block(
            "intermediate flows, outputs",
            "derived" if moved else "observed",
            table.source,
            table.year,
            what + ("; moved where stocks were cleared out, see build" if moved else ""),
        ),
        _block(
            "final demand, value added",
            "derived" if moved else "observed",
            table.source,
            table.year,
            "stocks cleared out and balanced; see build" if moved else "as published",
        ),
        _levied(levied),
        _thetas(chosen, small.sectors),
    ]


def _block(
    name: str, flag: str, source: SourceRecord | None, year: int | str, what: str
) -> dict[str, str]:
    if source is None:
        return {
            "block": name,
            "flag": flag,
            "source": "none",
            "year": str(year),
            "licence": "",
            "what": what,
        }
    told = {
        "block": name,
        "flag": flag,
        "source": called(source),
        "year": str(year),
        "licence": source.licence,
        "what": what,
    }
    if not source.verified:
        told["note"] = "unverified: this parser has read no original of the release"
    return told


def _levied(facts: Any) -> dict[str, str]:
    record = facts["source"]
    if record is None:
        return _block("tariffs", "assumed", None, "", "none given: zero")
    source = SourceRecord(**{**record, "notes": tuple(record["notes"])})
    years = [n.removeprefix("tariff year: ") for n in source.notes if "tariff year" in n]
    told = []
    for flag in ("imputed", "assumed"):
        cells = sum(c["cells"] for c in facts["changes"] if c["flag"] == flag)
        share = sum(c["share"] or 0.0 for c in facts["changes"] if c["flag"] == flag)
        if cells:
            told.append(f"{cells:,} links {flag} ({share:.1%} of goods imports)")
    what = ", ".join(told) or "every link in the list"
    return _block("tariffs", facts["flag"], source, years[0] if years else "", what)


def _thetas(facts: Any, sectors: tuple[str, ...]) -> dict[str, str]:
    flags = list(facts["flag"])
    counts = [(f, flags.count(f)) for f in ("observed", "pooled", "assumed") if f in flags]
    what = f"{len(sectors)} sectors: " + ", ".join(f"{n} {flag}" for flag, n in counts)
    record = facts["source"]
    if record is None:
        return _block("trade elasticities", "assumed", None, "", "one number")
    flag = "observed" if set(flags) == {"observed"} else "derived"
    source = SourceRecord(**{**record, "notes": tuple(record["notes"])})
    return _block("trade elasticities", flag, source, "", what)
