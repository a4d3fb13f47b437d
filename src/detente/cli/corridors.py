"""``detente corridors``: ways by sea, rail and road, and what a project does to them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from detente.cli.options import ListFormat, echo_csv, echo_json, working
from detente.errors import InputError
from detente.report.documents import records

if TYPE_CHECKING:
    import pandas as pd

    from detente.cli.corridorsfiles import Typed
    from detente.cli.corridorsshow import Shown
    from detente.corridors.network import Network

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Ways by sea, rail and road, and what a project does to them.\n\n"
    "Example: detente corridors show trans-korean-railway",
)


class Weigh(StrEnum):
    """What the best way is the least of."""

    cost = "cost"
    time = "time"


class Which(StrEnum):
    """Which table of the network."""

    edges = "edges"
    nodes = "nodes"


class Mode(StrEnum):
    """How a line moves goods."""

    sea = "sea"
    rail = "rail"
    road = "road"


class State(StrEnum):
    """Whether a line carries anything."""

    open = "open"
    closed = "closed"


Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A name of 'corridors list', or a file (.yaml).")
]
Folder = Annotated[
    Path | None,
    typer.Option("--network", metavar="DIR", help="nodes.csv and edges.csv of your own."),
]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="PLACE", help="A pair in place of the project's own."),
]
To = Annotated[str | None, typer.Option("--to", metavar="PLACE", help="Where to; with --from.")]
Sector = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="What is shipped; by default electronics."),
]
Least = Annotated[
    Weigh, typer.Option("--weigh", help="Least cost (freight and value of time) or time.")
]
Day = Annotated[
    str | None,
    typer.Option("--at", metavar="DATE", help="The network as it was on a past day."),
]
WorldName = Annotated[
    str, typer.Option("--world", metavar="NAME_OR_PATH", help="Whose pairs of countries.")
]
Shape = Annotated[ListFormat, typer.Option("--format", help="What to print.")]
Out = Annotated[
    Path | None, typer.Option("-o", "--out", metavar="DIR", help="Write map and tables here.")
]
Origin = Annotated[str, typer.Argument(metavar="FROM", help="Code or name of a place.")]
Destination = Annotated[str, typer.Argument(metavar="TO", help="Code or name of a place.")]
Projects = Annotated[
    str | None,
    typer.Option("--with", metavar="PROJECT,…", help="As if these projects were there."),
]


@app.command("list")
def list_(form: Shape = ListFormat.table) -> None:
    """List the projects that come with detente.

    Example: detente corridors list
    """
    from detente.cli.corridorsshow import projects_table

    table = projects_table()
    if form is not ListFormat.table:
        _machine(form, table)
        return
    from detente.cli.corridorstext import print_list

    print_list(table)


@app.command()
def show(
    name: Name,
    network: Folder = None,
    start: From = None,
    end: To = None,
    sector: Sector = None,
    weigh: Least = Weigh.cost,
    at: Day = None,
    world: WorldName = "korea",
    form: Shape = ListFormat.table,
    out: Out = None,
) -> None:
    """Show a project: ways before and after, what it opens, who gains; -o draws the map.

    Per pair: the way, km, days, USD per TEU and per tonne. Then what is built, at what cost,
    by what source; and what trade costs of other countries' pairs do.

    Example: detente corridors show trans-korean-railway -o runs/tkr
    """
    from detente.cli.corridorsfiles import Typed, write

    if (start is None) != (end is None):
        raise InputError("a pair has both ends: give --from and --to.")
    if out is not None:
        from detente.report.folder import require_folder

        require_folder(out)
    pair = None if start is None or end is None else (start, end)
    typed = Typed(name, network, pair, sector)
    with working("finding ways"):
        shown = _shown(typed, weigh, at, world)
    if out is not None:
        with working("writing"):
            written = write(out, shown, typed)
        typer.echo(f"written: {written} (map.svg, tables)", err=True)
    _answer(shown, form, out is not None)


def _answer(shown: Shown, form: ListFormat, written: bool) -> None:
    """Print a project in the form asked for."""
    from detente.cli.corridorsfiles import whole
    from detente.cli.corridorsshow import ways_table
    from detente.cli.corridorstext import print_shown

    if form is ListFormat.json:
        echo_json(whole(shown))
    elif form is ListFormat.csv:
        echo_csv(ways_table(shown))
    else:
        print_shown(shown, written)


def _shown(typed: Typed, weigh: Weigh, at: str | None, world: str) -> Shown:
    """Everything that is asked of a project, worked out."""
    from detente.cli import corridorsdata as data
    from detente.cli.corridorsshow import Shown
    from detente.corridors.catalogue import load_project
    from detente.world import load_world

    before = data.network_of(typed.network, at)
    project = load_project(typed.name, before)
    after = before.with_project(project)
    goods = None if typed.sector is None else data.sector_of(typed.sector)
    if typed.pair is not None:
        origin = data.place_of(after, typed.pair[0], "--from")
        destination = data.place_of(after, typed.pair[1], "--to")
        if origin == destination:
            raise InputError(f"--from and --to are one place, {origin}.")
        asked = [(origin, destination, goods or data.SECTOR)]
    else:
        asked = [(a, b, goods or own) for a, b, own in project.show]
    ways = tuple(data.way_of(before, after, pair, _least(weigh)) for pair in asked)
    found = Shown(project, before, after, ways, _least(weigh), load_world(world), at)
    _ = found.pairs  # worked out while the sign of life is on
    return found


@app.command()
def route(
    origin: Origin,
    destination: Destination,
    sector: Sector = None,
    projects: Projects = None,
    weigh: Least = Weigh.cost,
    network: Folder = None,
    at: Day = None,
    form: Shape = ListFormat.table,
) -> None:
    """Find ways between two places: least cost, least time, and what is next.

    The next best is the best way left when one line of the best is closed; then the best
    without the sea, without rail, without roads, for each that the best uses.

    Example: detente corridors route Seoul Hamburg --sector electronics
    """
    from detente.cli import corridorsdata as data

    net = data.network_of(network, at)
    for project in data.projects_of(projects, net):
        net = net.with_project(project)
    start = data.place_of(net, origin, "FROM")
    end = data.place_of(net, destination, "TO")
    if start == end:
        raise InputError(f"FROM and TO are one place, {start}.")
    goods = data.sector_of(sector or data.SECTOR)
    found = data.choices(net, start, end, goods, _least(weigh))
    if form is not ListFormat.table:
        _machine(form, data.choices_table(net, found))
        return
    from detente.cli.corridorstext import print_choices

    names = [net.nodes[code].name for code in (start, end)]
    print_choices(net, f"{names[0]} to {names[1]}, {goods}", found)


@app.command()
def network(
    table: Annotated[Which | None, typer.Option(help="Lines or places.")] = None,
    country: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only of this country (an end there).")
    ] = None,
    mode: Annotated[Mode | None, typer.Option(help="Only these lines.")] = None,
    state: Annotated[State | None, typer.Option(help="Only these lines.")] = None,
    projects: Projects = None,
    folder: Folder = None,
    at: Day = None,
    form: Shape = ListFormat.table,
) -> None:
    """Show the network: how much of what, or its lines or places one by one.

    Example: detente corridors network --country PRK --mode rail
    """
    from detente.cli import corridorsdata as data
    from detente.cli import corridorstext as text

    net = data.network_of(folder, at)
    for project in data.projects_of(projects, net):
        net = net.with_project(project)
    filtered = any(given is not None for given in (country, mode, state))
    which = table or (Which.edges if filtered or form is not ListFormat.table else None)
    if which is Which.nodes and (mode or state):
        raise InputError("--mode and --state are of lines; places have neither.")
    if which is None:
        text.print_counts(net)
        return
    found = _network_table(net, which, country, mode, state)
    if form is not ListFormat.table:
        _machine(form, found)
    elif which is Which.nodes:
        text.print_nodes(found)
    else:
        text.print_edges(net, found)


def _network_table(
    net: Network, which: Which, country: str | None, mode: Mode | None, state: State | None
) -> pd.DataFrame:
    """Lines or places, filtered."""
    from detente.cli.corridorsnetwork import edges_of, nodes_of

    if which is Which.nodes:
        return nodes_of(net, country)
    return edges_of(net, country, mode and mode.value, state and state.value)


def _least(weigh: Weigh) -> Literal["cost", "time"]:
    return "cost" if weigh is Weigh.cost else "time"


def _machine(form: ListFormat, table: pd.DataFrame) -> None:
    if form is ListFormat.csv:
        echo_csv(table)
    else:
        echo_json(records(table))
