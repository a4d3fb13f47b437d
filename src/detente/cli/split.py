"""``detente world split``: a country out of an aggregate of a world, or added to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.options import (
    Force,
    ListFormat,
    echo_csv,
    echo_json,
    require_world_file,
    working,
)

if TYPE_CHECKING:
    import pandas as pd

    from detente.report.sections import Table
    from detente.world import World

#: How many partners and moved coefficients are printed; --format json has all.
_SHOWN = 8


def split(
    world: Annotated[
        str,
        typer.Argument(metavar="WORLD", help="A name of 'world list', or a file."),
    ],
    spec: Annotated[
        str,
        typer.Argument(metavar="SPEC", help="A YAML file, or an embedded spec (prk-2018-un)."),
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="Write the new world (.world, .npz)."),
    ] = None,
    force: Force = False,
    form: Annotated[ListFormat, typer.Option("--format", help="What to print.")] = (
        ListFormat.table
    ),
) -> None:
    """Split a country out of an aggregate, or add one that the world lacks.

    Without -o nothing is written: see first what would be moved.

    Example: detente world split world-2022 my-country.yaml -o mine.world
    """
    if out is not None:
        require_world_file(out, force)
    from detente.assembly.split import split_country
    from detente.assembly.splitrecord import split_tables
    from detente.assembly.splitspec import load_split_spec
    from detente.world import load_world

    known = load_split_spec(spec)
    with working("splitting"):
        new = split_country(load_world(world), known)
    code = known.model.country.code
    if out is not None:
        new.save(out)
    for warning in new.meta["split"][code].get("warnings", ()):
        typer.echo(f"warning: {warning}", err=True)
    tables = split_tables(new, code)
    if form is ListFormat.csv:
        echo_csv(tables["sectors"])
    elif form is ListFormat.json:
        echo_json(_document(new, code, tables, out))
    else:
        _print(new, code, tables, out)


def _document(
    new: World, code: str, tables: Mapping[str, pd.DataFrame], out: Path | None
) -> dict[str, Any]:
    from detente.report.documents import records

    return {
        "country": code,
        "world": new.name,
        "hash": new.content_hash,
        "file": None if out is None else str(out),
        "split": new.meta["split"][code],
        "tables": {key: records(table) for key, table in tables.items()},
    }


def _print(new: World, code: str, tables: Mapping[str, pd.DataFrame], out: Path | None) -> None:
    from rich.text import Text

    from detente.cli.render import console, print_lines, rich_table

    record = new.meta["split"][code]
    screen = console()
    screen.print(Text(str(new.meta.get("title", new.name)), style="bold"))
    print_lines(_head(record, code))
    print_lines(["", f"{code} by sector, million USD"])
    screen.print(rich_table(_sectors(tables["sectors"])))
    print_lines(["", f"{code}'s largest partners, million USD"])
    screen.print(rich_table(_partners(tables["partners"])))
    print_lines(["", *_moved(record, code)])
    print_lines(["", "Input coefficients that moved most"])
    screen.print(rich_table(_coefficients(record["donor"], code)))
    where = "Nothing is written: give -o FILE." if out is None else f"Written: {out}"
    print_lines(["", f"{where} World {new.name}, hash {new.content_hash[:12]}."])


def _head(record: Mapping[str, Any], code: str) -> Iterator[str]:
    from detente.report.numbers import usd

    totals = record["totals"]
    whence = record["out_of"]
    start = "added to" if whence == "none" else f"split out of {whence} in"
    year = f", {record['year']}" if record["year"] else ""
    yield f"{record['name']} ({code}){year}: {start} world {record['from_world']['name']}."
    if record["rebased_first"]:
        yield "The world was re-based first: its identities did not hold to rounding."
    names = ("value_added", "output", "final_demand", "exports", "imports")
    told = ", ".join(f"{n.replace('_', ' ')} {usd(totals[n])}" for n in names)
    yield f"In all: {told}."
    steps, miss = record["estimate"]["steps"], record["estimate"]["largest_miss"]
    yield (
        f"Every known cell and sum holds: cross-entropy, {steps} steps, largest miss "
        f"{miss:.0e} of a sum."
    )


def _sectors(frame: pd.DataFrame) -> Table:
    from detente.report.numbers import million
    from detente.report.sections import Table

    columns = ("value_added", "output", "home_sales", "exports", "imports", "final_demand")
    rows = [
        (str(r["sector"]), *(million(float(r[c])) for c in columns))
        for _, r in frame.iterrows()
    ]
    total = ("all", *(million(float(frame[c].sum())) for c in columns))
    headers = ("Sector", "Value added", "Output", "Home sales", "Exports", "Imports", "Final")
    return Table(headers, "lrrrrrr", (*rows, total), sums=1)


def _partners(frame: pd.DataFrame) -> Table:
    from detente.report.numbers import in_table, million
    from detente.report.sections import Table

    rows = tuple(
        (
            str(r["partner"]),
            in_table(str(r["name"]), 40),
            million(float(r["exports"])),
            million(float(r["imports"])),
        )
        for _, r in frame.head(_SHOWN).iterrows()
    )
    return Table(("Code", "Name", "Exports", "Imports"), "llrr", rows)


def _coefficients(donor: Mapping[str, Any], code: str) -> Table:
    from detente.report.sections import Table

    shown = tuple(
        (str(r["input"]), str(r["industry"]), f"{r['donor']:.3f}", f"{r['here']:.3f}")
        for r in donor["largest_input_coefficients"][:_SHOWN]
    )
    return Table(("Input", "In making", str(donor["name"])[:20], code), "llrr", shown)


def _moved(record: Mapping[str, Any], code: str) -> Iterator[str]:
    """What the donor, the aggregate and the partners gave up, in sentences."""
    from detente.report.numbers import million, percent, percent_size

    donor, others = record["donor"], record["others"]
    yield (
        f"Donor {donor['name']}: {percent_size(donor['share_of_inputs_reallocated'])} of "
        f"{code}'s inputs and {percent_size(donor['final_share_reallocated'])} of its final "
        "demand are elsewhere than the donor's coefficients put them."
    )
    if "left" in others:
        taken = ", ".join(
            f"{sector} {percent_size(share)}"
            for sector, share in others["largest_shares_of_output_taken"].items()
        )
        yield (
            f"What is left of {others['left']}: value added "
            f"{million(others['value_added_left'])} of {million(others['value_added_before'])} "
            f"million USD. Of its output {code} takes most in {taken}. Nobody else changes."
        )
    else:
        worst = others["largest_change_of_value_added"]
        use = percent_size(others["largest_change_of_a_use"])
        yield (
            "Partners: outputs unchanged; value added moves most in "
            f"{worst['country']} ({percent(worst['relative'])}), a use of one good by "
            f"{use} at most."
        )
    for each in record["excess_from_home_sales"]:
        yield (
            f"Excess: {each['what']} {million(each['asked'])}, {million(each['there'])} there; "
            f"{million(each['taken_from_home_sales'])} taken from the home sales of "
            f"{', '.join(each['of'])}."
        )
    for each in record.get("mirror_traps", []):
        size = each["change"] if each["action"] != "flag" else each["before"]
        yield f"Mirror data, {each['rule']}: {each['action']}, {million(size)} million USD."
    yield from record.get("customs_left_out", [])
