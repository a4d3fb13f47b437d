"""``detente world dormant``: what the closed links of a country would carry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detente.cli.options import ListFormat, echo_csv, echo_json
from detente.errors import InputError

if TYPE_CHECKING:
    from detente.dormant import DormantShares, Geography, History
    from detente.world import World


def dormant(
    world: Annotated[
        str, typer.Argument(metavar="NAME_OR_PATH", help="A name of 'world list', or a file.")
    ],
    country: Annotated[str, typer.Argument(metavar="COUNTRY", help="Its code.")],
    geodist: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="CEPII GeoDist pairs; by default those that come with detente."
        ),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Its trade before the bans: exporter, importer, sector, value (million USD), "
            "its own home sales too.",
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="The partner that it could trade with then."),
    ] = None,
    year: Annotated[
        int, typer.Option(metavar="YEAR", help="Of the history, for the record.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="Write the world with them here."),
    ] = None,
    form: Annotated[
        ListFormat, typer.Option("--format", help="What to print.")
    ] = ListFormat.table,
) -> None:
    """Give a world the dormant shares of one country, by gravity and from its own past.

    Prints potential trade by partner. With a history also what lifting bans alone restores
    (as_before) and how far that is from a normal border, by sector.

    Example: detente world dormant world-2022 BRA -o brazil.world
    """
    from detente.dormant import dormant_shares
    from detente.world import load_world

    if (history is None) != (reference is None):
        raise InputError("--history and --reference belong together: give both, or neither.")
    loaded = load_world(world)
    loaded.country_index(country)
    past = None if history is None else _history(loaded, country, str(reference), history, year)
    shares = dormant_shares(loaded, country, history=past, geography=read_geography(geodist))
    if out is not None:
        shares.attach().save(out)
    _print(shares, form, out)


def read_geography(path: Path | None) -> Geography | None:
    """CEPII GeoDist's pairs as a geography; None for the one that comes with detente."""
    if path is None:
        return None
    from detente.dormant import Geography
    from detente.sources.cepii import read_geodist

    found = read_geodist(path, fill_missing=True)
    return Geography.from_pairs(found.table, source=f"{found.source.title}, {path.name}")


def _history(world: World, country: str, reference: str, path: Path, year: int) -> History:
    from detente.dormant import History
    from detente.sources.reading import read_table, refuse_duplicates

    keys = ["exporter", "importer", "sector"]
    columns = {key: (key,) for key in (*keys, "value")}
    table = read_table(path, columns=columns, numbers=("value",))
    refuse_duplicates(table, keys, path)
    rows = table[[*keys, "value"]].to_numpy().tolist()
    if reference not in world.countries or reference == country:
        raise InputError(f"--reference: '{reference}' is no partner in world '{world.name}'.")
    return History.from_flows(world, country, reference, rows, {"*": year} if year else {})


def _print(shares: DormantShares, form: ListFormat, out: Path | None) -> None:
    from detente.report.documents import records

    table = shares.potential().sort_values("total_normal", ascending=False).reset_index()
    if form is ListFormat.csv:
        echo_csv(table)
        return
    if form is ListFormat.json:
        document = {"record": shares.record, "potential": records(table)}
        if shares.history is not None:
            document["borders"] = records(shares.border_ratio().reset_index())
        echo_json(document)
        return
    from detente.cli.render import print_frame, print_lines

    print_lines(
        [
            f"Potential trade of {shares.country} by partner, million USD a year, at today's "
            "costs and incomes"
        ]
    )
    print_frame(table.head(15))
    if shares.history is not None:
        print_lines(["", "How far from normal its border was before the bans (1 is normal)"])
        borders = shares.border_ratio().reset_index()
        print_frame(borders[["sector", *(c for c in map(str, borders) if c.endswith("ratio"))]])
    pooled = shares.record["pooled"]
    lines = [f"Pooled estimate (none of its own): {', '.join(pooled)}."] if pooled else []
    lines.append(
        f"Estimates: {shares.estimates.source}. Geography: {shares.record['geography']}."
    )
    if out is not None:
        lines.append(f"Written: {out}")
    print_lines(["", *lines])
