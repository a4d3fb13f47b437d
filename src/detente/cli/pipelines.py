"""``detente pipelines``: what a gas or power link costs, who gains, who could hurt whom."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detente.cli.options import ListFormat, echo_csv, echo_json

if TYPE_CHECKING:
    from detente.cli.pipelinesdata import Asked

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Gas and power links through transit lands: list the cases, show one.\n\n"
    "Example: detente pipelines show kogas-2018 --transit-fee 5%",
)

#: A case of one's own in the folder that -o writes.
_OWN = "pipeline.yaml"

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A name of 'pipelines list', or a file (.yaml).")
]
Fee = Annotated[
    str | None, typer.Option(metavar="FEE", help="'2 USD/1000m3/100km', or '5%' of the worth.")
]
Alternative = Annotated[
    str | None, typer.Option(metavar="PRICE", help="What the buyer pays else: '9 USD/mmbtu'.")
]
Supply = Annotated[
    str | None, typer.Option(metavar="PRICE", help="What supply costs: '150 USD/1000m3'.")
]
Contract = Annotated[
    str | None,
    typer.Option(metavar="PRICE", help="'8 USD/mmbtu', or '85%' of the alternative."),
]
Size = Annotated[
    str | None, typer.Option(metavar="CAPACITY", help="'10 bcm/year', '7.5 Mt/year', '2 GW'.")
]
Capital = Annotated[
    str | None,
    typer.Option(metavar="AMOUNT", help="Building it in all: '4.2 billion USD'; not scaled."),
]
Split = Annotated[
    str | None,
    typer.Option(metavar="CODE=WEIGHT,…", help="A bargain's weights: 'RUS=1,PRK=1,KOR=1'."),
]
Closed = Annotated[
    str | None, typer.Option(metavar="DAYS", help="Days that a transit land closes it.")
]
Shape = Annotated[ListFormat, typer.Option("--format", help="What to print.")]
Sources = Annotated[bool, typer.Option("--sources", help="Tell where every value is from.")]
Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="DIR", help="Write tables and a chart here."),
]


@app.command("list")
def list_(form: Shape = ListFormat.table) -> None:
    """List the cases that come with detente.

    Example: detente pipelines list
    """
    from detente.cli.pipelinesdata import cases_table

    table = cases_table()
    if form is ListFormat.csv:
        echo_csv(table)
    elif form is ListFormat.json:
        from detente.report.documents import records

        echo_json(records(table))
    else:
        from detente.cli.pipelinestext import print_list

        print_list(table)


@app.command()
def show(
    name: Name,
    capacity: Size = None,
    capex: Capital = None,
    transit_fee: Fee = None,
    alternative_price: Alternative = None,
    supply_cost: Supply = None,
    price: Contract = None,
    split: Split = None,
    interrupted: Closed = None,
    sources: Sources = False,
    form: Shape = ListFormat.table,
    out: Out = None,
) -> None:
    """Show a link: parties' gains, what each could live with, an interruption, the sums.

    Options replace the case's values; capital follows another --capacity, to the power 0.7,
    unless --capex states it. --interrupted is how long a transit land closes it; the year
    above it is one without closing.

    Example: detente pipelines show kogas-2018 --alternative-price "6 USD/mmbtu"
    """
    stated = {
        "capacity": capacity,
        "capex": capex,
        "transit_fee": transit_fee,
        "alternative_price": alternative_price,
        "supply_cost": supply_cost,
        "price": price,
        "split": split,
        "interrupted": interrupted,
    }
    found = _asked(name, stated, out)
    if out is not None:
        written = _write(found, name, stated, out)
        typer.echo(f"written: {written} (tables, gains.svg)", err=True)
    _answer(found, form, sources)


def _asked(name: str, stated: Mapping[str, str | None], out: Path | None) -> Asked:
    """The case with what is stated; a folder that cannot be written to is refused first."""
    from detente.cli.pipelinesdata import asked
    from detente.corridors.pipelinecase import load_case

    if out is not None:
        from detente.report.folder import require_folder

        require_folder(out)
    return asked(load_case(name), stated)


def _answer(found: Asked, form: ListFormat, sources: bool) -> None:
    if form is ListFormat.json:
        from detente.cli.pipelinesdata import document

        echo_json(document(found))
    elif form is ListFormat.csv:
        from detente.cli.pipelinesdata import parties_table

        echo_csv(parties_table(found))
    else:
        from detente.cli.pipelinestext import print_case

        print_case(found, sources)


def _write(found: Asked, name: str, stated: Mapping[str, str | None], out: Path) -> Path:
    """Tables, the whole answer, the chart and a case of one's own; whole or not at all."""
    import json
    import shlex

    from detente._version import __version__
    from detente.cli.pipelineschart import chart
    from detente.cli.pipelinesdata import document, parties_table, prices_table
    from detente.corridors.pipelinecase import SUFFIXES
    from detente.report.folder import table_bytes, write_files

    own = name.endswith(SUFFIXES)
    again = ["detente", "pipelines", "show", _OWN if own else name]
    for key, text in stated.items():
        again += [] if text is None else [f"--{key.replace('_', '-')}", text]
    facts = {
        "what": "pipeline",
        "version": __version__,
        "pipeline": {"name": found.case.pipeline, "title": found.case.title},
        "changed": list(found.stated),
        "run_again": shlex.join(again),
    }
    text = json.dumps(document(found), indent=2, ensure_ascii=False, allow_nan=False)
    return write_files(
        out,
        {
            **({_OWN: Path(name).read_bytes()} if own else {}),
            "parties.csv": table_bytes(parties_table(found), "csv"),
            "prices.csv": table_bytes(prices_table(found), "csv"),
            "pipeline.json": (text + "\n").encode(),
            "gains.svg": chart(found).encode(),
        },
        facts,
    )
