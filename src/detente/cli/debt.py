"""``detente debt``: debt agreements that scenarios can name, and what they are worth."""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.options import ListFormat, echo_csv, echo_json
from detente.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from detente.report.sections import Table
    from detente.scenario.debt import Terms, Worth

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Debt relief: agreements, payments, present values and grant elements.\n\n"
    "Example: detente debt show russia-2012 --rate 3%",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A name of 'debt list'.")]
Rates = Annotated[
    str, typer.Option("--rate", metavar="RATE,…", help="Yearly rates of present values.")
]
Shape = Annotated[ListFormat, typer.Option("--format", help="What to print.")]


@app.command("list")
def list_(form: Shape = ListFormat.table) -> None:
    """List the agreements that `debt_relief: {use: NAME}` knows.

    Example: detente debt list
    """
    import pandas as pd

    from detente.scenario.debt import known_debts

    rows = [
        {
            "name": name,
            "title": d.title,
            "creditor": d.creditor,
            "debtor": d.debtor,
            "debt": d.debt,
            "kept": d.kept,
            "instalments": d.instalments,
            "per_year": d.per_year,
            "signed": d.signed.isoformat(),
        }
        for name, d in known_debts().items()
    ]
    if form is ListFormat.json:
        echo_json(rows)
        return
    if form is ListFormat.csv:
        echo_csv(pd.DataFrame(rows))
        return
    from detente.cli.render import print_lines

    for row in rows:
        print_lines(
            [
                f"{row['name']}: {row['title']}",
                f"  {row['debtor']} owed {row['creditor']} {row['debt']:,.6g} million USD; "
                f"{row['kept']:,.6g} kept, in {row['instalments']} payments, "
                f"{row['per_year']} a year",
            ]
        )


@app.command()
def show(name: Name, rate: Rates = "3%,5%,9%,10%", form: Shape = ListFormat.table) -> None:
    """Show an agreement: payments, present values, grant elements, sources.

    The grant element is the face value less the present value of what is paid, over the face
    value; 'less' is what the present value falls by on the same dates, at any rate. csv is the
    schedule of payments.

    Example: detente debt show russia-2012 --rate 3%,5%
    """
    from detente.scenario.debt import known_debt, schedule, worth

    try:
        deal = known_debt(name)
    except InputError as error:
        raise InputError(f"NAME: {error.what}", nearest=error.nearest) from None
    found = [worth(deal.terms, r) for r in _rates(rate)]
    plan = schedule(deal.terms, deal.signed)
    if form is ListFormat.csv:
        echo_csv(plan)
    elif form is ListFormat.json:
        echo_json(_document(name, plan, found))
    else:
        _print(name, deal.terms, deal.signed, found)


def _rates(text: str) -> list[float]:
    """Rates between commas, each 3% or 0.03."""
    from pydantic import TypeAdapter, ValidationError

    from detente.scenario.quantities import Rate

    found: list[float] = []
    for part in text.split(","):
        try:
            found.append(TypeAdapter(Rate).validate_python(part.strip()))
        except ValidationError as error:
            context: Any = error.errors()[0].get("ctx", {})
            raise InputError(
                f"--rate: {context.get('what', error.errors()[0]['msg'])}",
                nearest=context.get("nearest"),
            ) from None
    return found


def _document(name: str, plan: pd.DataFrame, found: list[Worth]) -> dict[str, Any]:
    from detente.report.documents import records
    from detente.scenario.debt import known_debt

    deal = known_debt(name)
    terms = deal.terms
    return {
        "debt": name,
        **deal.model_dump(mode="json", exclude={"debt"}),
        "unit": "million USD",
        "owed": terms.debt,
        "forgiven": terms.forgiven,
        "payment": terms.payment,
        "a_year": terms.a_year,
        "worth": [
            {k: v if math.isfinite(v) else None for k, v in vars(w).items()} for w in found
        ],
        "schedule": records(plan),
    }


def _print(name: str, terms: Terms, signed: date, found: list[Worth]) -> None:
    from detente.cli.render import console, print_lines, rich_table
    from detente.scenario.debt import known_debt

    deal = known_debt(name)
    first, last = terms.day(signed, 1), terms.day(signed, terms.instalments)
    print_lines(
        [
            f"{deal.title} ({name})",
            f"{deal.debtor} owed {deal.creditor} {terms.debt:,.6g} million USD; "
            f"{terms.forgiven:,.6g} are forgiven and {terms.kept:,.6g} kept, paid in "
            f"{terms.instalments} parts of {terms.payment:,.6g}, {terms.per_year} a year "
            f"({terms.a_year:,.6g} a year), from {first} to {last}, counted from the day of "
            "the agreement.",
            "",
        ]
    )
    console().print(rich_table(_worths(terms, found)))
    print_lines(
        [
            "",
            "Present values in million USD: of what is kept; of what is forgiven, had it been "
            "serviced in full on the same dates; and the debtor's gain in money that flows, "
            f"with {100 * terms.serviced:.3g} % of the service paid before. Less: by what "
            "share the present value of the service falls, old and new on the same dates; the "
            "grant element sets what is kept against the face value of all.",
            "Rates: 3 % is detente's own, as for a path's totals; 5 % is the IMF's and the "
            "World Bank's; 9 % the OECD's since 2014 for low incomes (7 and 6 % for middle "
            "ones), 10 % until then.",
            " ".join(deal.note.split()),
            "",
            "Where it is from:",
            *(
                f"- {f.what}: {f.source} ({f.verification})" + (f"; {f.note}" if f.note else "")
                for f in deal.figures
            ),
        ]
    )


def _worths(terms: Terms, found: list[Worth]) -> Table:
    """Present values and grant elements by rate."""
    from detente.report.sections import Table

    rows = tuple(
        (
            f"{100 * w.rate:.4g} %",
            f"{w.kept:,.1f}",
            f"{w.forgiven:,.1f}",
            f"{w.gain:,.1f}".replace("-", "−"),
            f"{100 * w.grant_element:.1f} %",
            f"{100 * w.grant_element_kept:.1f} %" if terms.kept else "–",
            f"{100 * w.reduction:.1f} %",
        )
        for w in found
    )
    headers = ("rate", "kept", "forgiven", "debtor's gain", "grant element", "of kept", "less")
    return Table(headers, "lrrrrrr", rows)
