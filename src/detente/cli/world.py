"""``detente world``: what a world holds, where it comes from, whether it holds together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from detente.cli.build import build
from detente.cli.dormant import dormant
from detente.cli.options import ListFormat, echo_csv, echo_json
from detente.cli.split import split
from detente.report.documents import records

if TYPE_CHECKING:
    import pandas as pd

    from detente.world import World
    from detente.world.core import Array

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Worlds: list, show, check; build one, split a country out, open its links.\n\n"
    "Example: detente world info korea",
)

app.command()(build)
app.command()(split)
app.command()(dormant)

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


def world_tables(world: World) -> dict[str, pd.DataFrame]:
    """Countries, sectors, closed links and blocks, with what re-basing moves."""
    import pandas as pd

    from detente.report.view import blocks_of

    return {
        "countries": _countries(world),
        "sectors": _sectors(world),
        "links": _links(world),
        "blocks": pd.DataFrame(blocks_of(world.meta)),
    }


def _abroad(world: World) -> Array:
    """Flows between countries, domestic ones zero."""
    flows = world.flows.copy()
    own = range(world.n_countries)
    flows[:, own, own] = 0.0
    return flows


def _countries(world: World) -> pd.DataFrame:
    import pandas as pd

    from detente.world.rebase import rebase_report

    flows = _abroad(world)
    moved, _ = rebase_report(world.rebase())
    return pd.DataFrame(
        {
            "country": world.countries,
            "name": world.country_names,
            "value_added": world.value_added,
            "exports": flows.sum(axis=(0, 2)),
            "imports": flows.sum(axis=(0, 1)),
            "deficit": world.deficit,
            "rebase_moved": moved["expenditure"].to_numpy() if len(moved) else 0.0,
        }
    )


def _sectors(world: World) -> pd.DataFrame:
    import pandas as pd

    from detente.world.rebase import rebase_report

    _, moved = rebase_report(world.rebase())
    return pd.DataFrame(
        {
            "sector": world.sectors,
            "name": world.sector_names,
            "trade_elasticity": world.trade_elasticity,
            "output": world.output.sum(axis=1),
            "traded": _abroad(world).sum(axis=(1, 2)),
            "rebase_moved": moved["expenditure"].to_numpy() if len(moved) else 0.0,
        }
    )


def _links(world: World) -> pd.DataFrame:
    """Dormant shares and bans: how many links and pairs, and the largest value."""
    import pandas as pd

    kinds = (("dormant shares", world.dormant), ("coverage of bans", world.coverage))
    rows = [
        {
            "kind": kind,
            "name": name,
            "links": int((array > 0).sum()),
            "pairs": int((array > 0).any(axis=0).sum()),
            "largest": float(array.max()),
        }
        for kind, arrays in kinds
        for name, array in arrays.items()
    ]
    return pd.DataFrame(rows, columns=["kind", "name", "links", "pairs", "largest"])
