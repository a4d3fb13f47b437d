"""``detente zones``: special economic zones that scenarios can name, and how big they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.options import ListFormat, echo_csv, echo_json
from detente.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from detente.scenario.measures.zone import Zone
    from detente.scenario.zones import KnownZone

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Special economic zones: list them, show one with its figures and their sources.\n\n"
    "Example: detente zones show kaesong --workers 44000",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A name of 'zones list'.")]
Workers = Annotated[
    str | None,
    typer.Option(metavar="PERSONS", help="Workers in place of the zone's own."),
]
Shape = Annotated[ListFormat, typer.Option("--format", help="What to print.")]


@app.command("list")
def list_(form: Shape = ListFormat.table) -> None:
    """List the zones that `zone: {use: NAME}` knows.

    Example: detente zones list
    """
    table = zones_table()
    if form is ListFormat.json:
        from detente.report.documents import records

        echo_json(records(table))
    elif form is ListFormat.csv:
        echo_csv(table)
    else:
        _print_list(table)


@app.command()
def show(name: Name, workers: Workers = None, form: Shape = ListFormat.table) -> None:
    """Show a zone: what it would trade with whom, by sector, and where the figures are from.

    Money is in million USD a year, before law, relief and the equilibrium change it.

    Example: detente zones show kaesong --workers 44000
    """
    zone = _zone(name, workers)
    table = _sectors(zone)
    if form is ListFormat.csv:
        echo_csv(table)
    elif form is ListFormat.json:
        echo_json(_document(name, zone, table))
    else:
        _print_zone(name, zone, table)


def zones_table() -> pd.DataFrame:
    """Every zone of the catalogue: name, title, partners, workers, money in million USD."""
    import pandas as pd

    from detente.scenario.zones import catalogue

    rows = []
    for name, entry in catalogue().zones.items():
        zone = _zone(name, None)
        rows.append(
            {
                "name": name,
                "title": entry.title,
                "in": entry.in_,
                "with": " ".join(entry.with_),
                "province": entry.province,
                "focus": entry.focus,
                "workers": zone.head_count,
                "sales": zone.sold,
                "inputs": zone.bought,
                "wages": zone.wage_bill,
                "investment": entry.investment,
            }
        )
    return pd.DataFrame(rows)


def _zone(name: str, workers: str | None) -> Zone:
    """A zone of the catalogue; workers that a scenario could not state are refused."""
    from detente.scenario.measures.zone import Zone
    from detente.scenario.zones import known_zone

    try:
        known_zone(name)
    except InputError as error:
        raise InputError(f"NAME: {error.what}", nearest=error.nearest) from None
    return Zone(use=name) if workers is None else _with_workers(name, workers)


def _with_workers(name: str, workers: str) -> Zone:
    import numpy as np
    from pydantic import ValidationError

    from detente.scenario.measures.zone import Zone
    from detente.world import load_world

    try:
        zone = Zone.model_validate({"use": name, "workers": workers})
        # the embedded world has the catalogue's sectors, and says how many work in them
        world = load_world("korea")
        zone.check_workers(world, np.zeros(world.n_sectors))
    except ValidationError as error:
        told: Any = error.errors()[0].get("ctx", {})
        what = told.get("what", error.errors()[0]["msg"])
        raise InputError(f"--workers: {what}", nearest=told.get("nearest")) from None
    except InputError as error:
        raise InputError(f"--workers: {error.what}", nearest=error.nearest) from None
    return zone


def _sectors(zone: Zone) -> pd.DataFrame:
    """Sales and inputs by sector, million USD a year, and workers."""
    import pandas as pd

    from detente.scenario.zones import known_zone

    entry = known_zone(str(zone.use))
    inputs, staff = entry.inputs or entry.sales, entry.staff or entry.sales
    codes = dict.fromkeys([*entry.sales, *inputs])
    return pd.DataFrame(
        {
            "sector": list(codes),
            "sales": [zone.sold * entry.sales.get(c, 0.0) for c in codes],
            "inputs": [zone.bought * inputs.get(c, 0.0) for c in codes],
            "workers": [zone.head_count * staff.get(c, 0.0) for c in codes],
        }
    )


def _document(name: str, zone: Zone, table: pd.DataFrame) -> dict[str, Any]:
    from detente.report.documents import records
    from detente.scenario.zones import catalogue, known_zone

    entry, each = known_zone(name), catalogue().per_worker
    return {
        "zone": name,
        **entry.model_dump(mode="json", by_alias=True, exclude={"figures"}),
        "workers": zone.head_count,
        "unit": "million USD a year",
        "sold": zone.sold,
        "bought": zone.bought,
        "wages": zone.wage_bill,
        "by_sector": records(table),
        "per_worker": each.model_dump(mode="json", exclude={"figures"}),
        "figures": [f.model_dump(mode="json") for f in (*entry.figures, *each.figures)],
    }


# -- on a terminal -----------------------------------------------------------------------------
def _print_list(table: pd.DataFrame) -> None:
    from detente.cli.render import console, print_lines, rich_table
    from detente.report.sections import Table

    rows = tuple(
        (
            str(row["name"]),
            str(row["province"]),
            str(row["with"]),
            f"{row['workers']:,.0f}",
            f"{row['sales']:,.0f}",
            f"{row['inputs']:,.0f}",
            f"{row['investment']:,.0f}",
        )
        for row in table.to_dict("records")
    )
    headers = ("zone", "province", "with", "workers", "sales", "inputs", "investment")
    console().print(rich_table(Table(headers, "lllrrrr", rows)))
    print_lines(
        [
            "",
            "Million USD: sales and inputs a year, investment in all. Kaesong as in 2014; the "
            "others are plans of 2013, with workers by their planned investment and Kaesong's "
            "turnover (assumed). 'detente zones show NAME' has the sources.",
        ]
    )


def _print_zone(name: str, zone: Zone, table: pd.DataFrame) -> None:
    from detente.cli.render import console, print_lines, rich_table
    from detente.report.sections import Table
    from detente.scenario.zones import known_zone

    entry = known_zone(name)
    partners = ", ".join(f"{code} {100 * s:.3g} %" for code, s in entry.with_.items())
    firms = f"; {entry.firms} firms" if entry.firms else ""
    rows = [
        (r["sector"], f"{r['sales']:,.1f}", f"{r['inputs']:,.1f}", f"{r['workers']:,.0f}")
        for r in table.to_dict("records")
    ]
    rows.append(("all", f"{zone.sold:,.1f}", f"{zone.bought:,.1f}", f"{zone.head_count:,.0f}"))
    print_lines(
        [
            f"{entry.title} ({name})",
            f"In {entry.in_}, {entry.province}, with {partners}{firms}. Focus: {entry.focus}.",
            "",
        ]
    )
    headers = ("sector", "sales", "inputs", "workers")
    console().print(rich_table(Table(headers, "lrrr", tuple(rows), sums=1)))
    print_lines(["", *_below(zone, entry), "", "Where it is from:", *_sources(name)])


def _below(zone: Zone, entry: KnownZone) -> list[str]:
    """What stands below the sectors: totals with their range, wages, law."""
    from detente.scenario.zones import catalogue

    each = catalogue().per_worker
    span = (zone.sold + zone.bought) / (each.sales + each.inputs)
    return [
        f"Million USD a year. Both ways {zone.sold + zone.bought:,.0f}; with what a worker "
        f"turned over at the least and the most {span * each.low:,.0f} to "
        f"{span * each.high:,.0f}. Wages {zone.wage_bill:,.1f}, part of the sales; "
        f"investment {entry.investment * zone.head_count / entry.workers:,.0f} in all.",
        *([f"Law: {' '.join(entry.law.split())}."] if entry.law else []),
    ]


def _sources(name: str) -> list[str]:
    """Every figure with its source and whether it was read there."""
    from detente.scenario.zones import catalogue, known_zone

    found = [
        f"- {f.what}: {' '.join(f.source.split())} ({f.verification})"
        + (f"; {f.note}" if f.note else "")
        for f in (*known_zone(name).figures, *catalogue().per_worker.figures)
    ]
    if name == "kaesong":
        return found
    return [
        "- name and province: decree of 21 November 2013 as reported (verified); all thirteen "
        "zones plan 1.59 billion USD, each 70 to 240 million (verified); this zone's amount "
        "(unverified); workers, sectors, shares, partner (assumed)",
        *found,
    ]
