"""What a world holds, on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.text import Text

from detente.cli.render import console, number, print_lines, rich_table
from detente.report.numbers import in_table, million, percent_size, plural
from detente.report.sections import Table
from detente.world.core import World

_ORDER = ("observed", "derived", "assumed")


def print_world(world: World, tables: Mapping[str, pd.DataFrame]) -> None:
    """Head, economies, sectors, links, and every block with its flag and source."""
    out = console()
    out.print(Text(world.name, style="bold"))
    print_lines(_head(world, tables["countries"]))
    _title("Economies, million USD a year")
    out.print(rich_table(_countries(tables["countries"])))
    _title("Sectors, million USD a year; θ is the trade elasticity")
    out.print(rich_table(_sectors(tables["sectors"])))
    if len(tables["links"]):
        _title("Links that the baseline closes")
        out.print(rich_table(_links(tables["links"])))
        if world.meta.get("provisional"):
            print_lines(["PROVISIONAL: the dormant shares ψ are a first guess, no estimate."])
    _blocks(tables["blocks"])


def _title(text: str) -> None:
    console().print(Text(f"\n{text}", style="bold"))


def _head(world: World, countries: pd.DataFrame) -> list[str]:
    meta = world.meta
    moved = world.rebase().meta.get("rebased", {}).get("expenditure", 0.0)
    lines = [
        str(meta[key]) for key in ("title", "description") if str(meta.get(key, "")).strip()
    ]
    if meta.get("vintage"):
        lines.append(f"Vintage: {_told(meta['vintage'])}")
    return [
        *dict.fromkeys(lines),
        f"{plural(world.n_countries, 'economy', 'economies')} × "
        f"{plural(world.n_sectors, 'sector')}, hash {world.content_hash[:12]}",
        f"Re-basing (solving it once without a shock) moves {percent_size(moved)} of "
        f"expenditure, most in {_moved_most(countries)}."
        if moved
        else "It is an equilibrium as it stands: re-basing moves nothing.",
    ]


def _moved_most(countries: pd.DataFrame) -> str:
    top = countries.nlargest(3, "rebase_moved").to_dict("records")
    return ", ".join(f"{r['country']} {percent_size(r['rebase_moved'])}" for r in top)


def _told(value: Any) -> str:
    """A value of the metadata in words; mappings as ``key value, key value``."""
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_told(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_told, value))
    return str(value)


def _countries(table: pd.DataFrame) -> Table:
    rows = tuple(
        (
            str(r["country"]),
            in_table(str(r["name"]), 27),
            *(
                million(float(r[key]))
                for key in ("value_added", "exports", "imports", "deficit")
            ),
        )
        for _, r in table.iterrows()
    )
    headers = ("Code", "Name", "Value added", "Exports", "Imports", "Deficit")
    return Table(headers, "llrrrr", rows)


def _sectors(table: pd.DataFrame) -> Table:
    rows = tuple(
        (
            str(r["sector"]),
            in_table(str(r["name"]), 29),
            f"{r['trade_elasticity']:.2f}",
            million(float(r["output"])),
            million(float(r["traded"])),
        )
        for _, r in table.iterrows()
    )
    return Table(("Code", "Name", "θ", "Output", "Traded"), "llrrr", rows)


def _links(table: pd.DataFrame) -> Table:
    rows = tuple(
        (str(r["kind"]), str(r["name"]), str(r["links"]), str(r["pairs"]), number(r["largest"]))
        for _, r in table.iterrows()
    )
    return Table(("Kind", "Name", "Links", "Pairs", "Largest"), "llrrr", rows)


def _blocks(table: pd.DataFrame) -> None:
    """Each block: flag and name, then source, year and licence below it."""
    if table.empty:
        print_lines(["", "The world does not say where its blocks come from."])
        return
    counts = ", ".join(f"{int((table['flag'] == flag).sum())} {flag}" for flag in _ORDER)
    _title(f"Blocks of data: {counts}")
    out = console()
    order = table.assign(rank=table["flag"].map({f: j for j, f in enumerate(_ORDER)}))
    for row in order.sort_values("rank", kind="stable").to_dict("records"):
        out.print(Text(f"{row['flag']:<9} {row['name']}"), soft_wrap=False)
        facts = [
            _told(row[key])
            for key in ("what", "source", "year", "licence", "note")
            if key in row and row[key] is not None and str(row[key]) not in ("", "nan")
        ]
        _indented("; ".join(facts))


def _indented(text: str) -> None:
    for line in textwrap.wrap(text, 68, break_on_hyphens=False):
        console().print(Text(f"{'':<10}{line}"))
