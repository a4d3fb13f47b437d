"""``detente world``: what a world holds, where it comes from, whether it holds together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.options import ListFormat, echo_csv, echo_json, records

if TYPE_CHECKING:
    import pandas as pd

    from detente.world import World

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Worlds: list them, show what one holds, check its identities.\n\n"
    "Example: detente world info korea",
)

Name = Annotated[
    str, typer.Argument(metavar="NAME_OR_PATH", help="A name of 'world list', or a file.")
]
Size = Annotated[str, typer.Option(metavar="un|bok", help="Estimate of the DPRK's economy.")]
Shape = Annotated[ListFormat, typer.Option("--format", help="What to print.")]


@app.command("list")
def list_(form: Shape = ListFormat.table) -> None:
    """List the worlds that come with detente.

    Example: detente world list
    """
    from detente.world import list_worlds

    table = list_worlds()
    if form is not ListFormat.table:
        _machine(form, table)
        return
    from detente.cli.render import print_lines

    if table.empty:
        print_lines(["This installation has no embedded worlds; commands take a file's path."])
    for row in table.to_dict("records"):
        size = f"{row['countries']} economies × {row['sectors']} sectors"
        print_lines([f"{row['name']} ({size}, {row['hash']})", row["title"], ""])


@app.command()
def check(
    name: Name,
    dprk_size: Size = "un",
    tolerance: Annotated[
        float | None,
        typer.Option(metavar="X", help="Largest violation; by default the world's own."),
    ] = None,
    form: Shape = ListFormat.table,
) -> None:
    """Check every identity of a world; the exit status is 1 where one fails.

    Example: detente world check korea
    """
    from detente.world import load_world
    from detente.world.checks import TOLERANCE

    world = load_world(name, dprk_size)
    own = world.meta.get("tolerance")
    allowed = tolerance or (float(own) if isinstance(own, int | float) else TOLERANCE)
    report = world.check(allowed)
    table = report.table()
    if form is not ListFormat.table:
        _machine(form, table)
    else:
        from detente.cli.render import print_checks

        print_checks(world.name, table, allowed)
    if not report.passed:
        raise typer.Exit(1)


@app.command()
def info(name: Name, dprk_size: Size = "un", form: Shape = ListFormat.table) -> None:
    """Show what a world holds: economies, sectors, sources, flags, what re-basing moved.

    Example: detente world info korea
    """
    from detente.world import load_world

    world = load_world(name, dprk_size)
    tables = world_tables(world)
    if form is ListFormat.csv:
        echo_csv(tables["countries"])
    elif form is ListFormat.json:
        facts = {
            "name": world.name,
            "hash": world.content_hash,
            "meta": dict(world.meta),
            "tables": {key: records(table) for key, table in tables.items()},
        }
        echo_json(facts)
    else:
        from detente.cli.worldtext import print_world

        print_world(world, tables)


def _machine(form: ListFormat, table: pd.DataFrame) -> None:
    if form is ListFormat.json:
        echo_json(records(table))
    else:
        echo_csv(table)


def world_tables(world: World) -> dict[str, Any]:
    """Countries, sectors, blocks, dormant shares, coverage, and what re-basing moves."""
    import numpy as np
    import pandas as pd

    from detente.report.view import blocks_of
    from detente.world.rebase import rebase_report

    n = range(world.n_countries)
    flows = world.flows.copy()
    flows[:, n, n] = 0.0
    exports, imports = flows.sum(axis=(0, 2)), flows.sum(axis=(0, 1))
    by_country, by_sector = rebase_report(world.rebase())
    countries = pd.DataFrame(
        {
            "country": world.countries,
            "name": world.country_names,
            "value_added": world.value_added,
            "exports": exports,
            "imports": imports,
            "deficit": world.deficit,
            "rebase_moved": by_country["expenditure"].to_numpy() if len(by_country) else 0.0,
        }
    )
    sectors = pd.DataFrame(
        {
            "sector": world.sectors,
            "name": world.sector_names,
            "trade_elasticity": world.trade_elasticity,
            "output": world.output.sum(axis=1),
            "traded": flows.sum(axis=(1, 2)),
            "rebase_moved": by_sector["expenditure"].to_numpy() if len(by_sector) else 0.0,
        }
    )
    links = {
        **{("dormant shares", k): v for k, v in world.dormant.items()},
        **{("bans in force", k): v for k, v in world.coverage.items()},
    }
    arrays = pd.DataFrame(
        [
            {
                "kind": kind,
                "name": key,
                "links": int((array > 0).sum()),
                "pairs": int((array > 0).any(axis=0).sum()),
                "largest": float(np.max(array, initial=0.0)),
            }
            for (kind, key), array in links.items()
        ],
        columns=["kind", "name", "links", "pairs", "largest"],
    )
    return {
        "countries": countries,
        "sectors": sectors,
        "links": arrays,
        "blocks": pd.DataFrame(blocks_of(world.meta)),
    }
