"""``detente world dormant``: what the closed links of a country would carry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.options import Force, ListFormat, echo_csv, echo_json, require_world_file
from detente.errors import InputError, Place, nearest

if TYPE_CHECKING:
    from detente.dormant import DormantShares, Geography, History
    from detente.world import World


World_ = Annotated[
    str, typer.Argument(metavar="NAME_OR_PATH", help="A name of 'world list', or a file.")
]
Country = Annotated[str, typer.Argument(metavar="COUNTRY", help="Its code.")]
Geodist = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="CEPII GeoDist pairs; by default those that come with detente."
    ),
]
Past = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Its trade before the bans: exporter, importer, sector, value (million USD), "
        "its own home sales too.",
    ),
]
Reference = Annotated[
    str | None, typer.Option(metavar="CODE", help="The partner that it could trade with then.")
]
Year = Annotated[int, typer.Option(metavar="YEAR", help="Of the history, for the record.")]
Sectors = Annotated[
    str | None,
    typer.Option(
        metavar="CODE,…",
        help="Sectors that have links; by default those with an estimate of their own.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="FILE", help="Write the world with them here."),
]
Shape = Annotated[ListFormat, typer.Option("--format", help="What to print.")]


def dormant(
    world: World_,
    country: Country,
    geodist: Geodist = None,
    history: Past = None,
    reference: Reference = None,
    year: Year = 0,
    sectors: Sectors = None,
    out: Out = None,
    force: Force = False,
    form: Shape = ListFormat.table,
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
    if year and history is None:
        raise InputError("--year is that of the history: give --history too.")
    if year and not 1000 <= year <= 9999:
        raise InputError(f"--year: {year} is no year.")
    if out is not None:
        require_world_file(out, force)
    loaded = load_world(world)
    loaded.country_index(country)
    past = None if history is None else _history(loaded, country, str(reference), history, year)
    chosen = None if sectors is None else _sectors(loaded, sectors)
    shares = dormant_shares(
        loaded, country, history=past, geography=read_geography(geodist), traded=chosen
    )
    if out is not None:
        shares.attach().save(out)
    _print(shares, form, out)


def _sectors(world: World, text: str) -> list[str]:
    found = [code.strip() for code in text.split(",") if code.strip()]
    for code in found:
        if code not in world.sectors:
            raise InputError(
                f"--sectors: world '{world.name}' has no sector '{code}'.",
                nearest=nearest(code, world.sectors),
            )
    return found


def read_geography(path: Path | None) -> Geography | None:
    """CEPII GeoDist's pairs as a geography; None for the one that comes with detente.

    Sizes, which divide a group among its members, are those of the embedded geography; a
    member that it lacks counts as the smallest of its group.
    """
    if path is None:
        return None
    from detente.dormant import Geography, embedded_geography
    from detente.sources.cepii import read_geodist

    found = read_geodist(path, fill_missing=True)
    pairs = Geography.from_pairs(found.table, source=f"{found.source.title}, {path.name}")
    return pairs.sized_like(embedded_geography())


_KEYS = ("exporter", "importer", "sector")


def _history(world: World, country: str, reference: str, path: Path, year: int) -> History:
    from detente.dormant import History

    others = [code for code in world.countries if code != country]
    if reference not in others:
        what = f"--reference: '{reference}' is no partner in world '{world.name}'."
        raise InputError(what, nearest=nearest(reference, others))
    rows = _history_rows(world, path)
    found = History.from_flows(world, country, reference, rows, {"*": year} if year else {})
    r = world.country_index(reference)
    if not (found.sales[:, r].any() or found.purchases[:, r].any()):
        what = f"there is no trade with the reference partner {reference}."
        raise InputError(what, Place(str(path)))
    if found.purchases.any() and not found.home.any():
        raise InputError(
            f"{country}'s own home sales are missing (exporter and importer {country}): "
            "without them nothing says how much its imports were.",
            Place(str(path)),
        )
    return found


def _history_rows(world: World, path: Path) -> list[list[Any]]:
    """Rows of a history file; what is wrong in one is told with its line and column."""
    from detente.sources.reading import read_table, refuse_duplicates

    columns = {key: (key,) for key in (*_KEYS, "value")}
    table = read_table(path, columns=columns, numbers=("value",))
    refuse_duplicates(table, list(_KEYS), path)
    labels = {"sector": world.sectors}
    for line, row in table.iterrows():
        for key in _KEYS:
            known = labels.get(key, world.countries)
            if row[key] not in known:
                raise InputError(
                    f"'{row[key]}' is not in world '{world.name}'.",
                    Place(str(path), int(str(line)), key),
                    nearest(row[key], known),
                )
        if not row["value"] >= 0:
            place = Place(str(path), int(str(line)), "value")
            raise InputError(f"{row['value']} is no trade: zero or more.", place)
    rows: list[list[Any]] = table[[*_KEYS, "value"]].to_numpy().tolist()
    return rows


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
    lost = shares.record["without_geography"]
    if lost:
        lines.append(f"No place for {', '.join(lost)}: left out of gravity.")
    lines.append(
        f"Estimates: {shares.estimates.source}. Geography: {shares.record['geography']}."
    )
    if out is not None:
        lines.append(f"Written: {out}")
    print_lines(["", *lines])
