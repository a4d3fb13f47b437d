"""``detente gravity``: estimate a gravity equation, and see how well it predicts."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.options import echo_csv, echo_json, working
from detente.errors import InputError
from detente.report.documents import records

if TYPE_CHECKING:
    from detente.gravity import GravityResult, Holdout, Panel


class GravityFormat(StrEnum):
    """How the estimate is printed."""

    table = "table"
    json = "json"
    csv = "csv"
    latex = "latex"
    markdown = "markdown"


File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="Bilateral trade: csv (plain, gz, zip) or parquet."),
]
FormulaText = Annotated[
    str | None,
    typer.Option(
        "--formula",
        metavar="TEXT",
        help="'trade ~ ln_distance + border | exporter^year + importer^year'; by default "
        "whatever of distance, contiguity, language, colony and rta is there.",
    ),
]
Covariates = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="What pairs have in common: CEPII's Gravity, GeoDist."),
]
SectorColumn = Annotated[
    str | None, typer.Option(metavar="NAME", help="Column of sectors: one regression each.")
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column", metavar="ROLE=NAME", help="Where a column's name is not understood."
    ),
]
Cluster = Annotated[
    str, typer.Option(metavar="NAME", help="Cluster errors by: a column, pair, a^b, none.")
]
Year = Annotated[
    list[int] | None, typer.Option(metavar="YEAR", help="This year only; may be repeated.")
]
Estimator = Annotated[
    str, typer.Option(metavar="ppml|ols", help="ols takes logs, drops zeros.")
]
Pair = Annotated[
    bool, typer.Option("--pair", help="Effects of pairs, with the default formula.")
]
Zeros = Annotated[
    bool, typer.Option("--zeros", help="Pairs that are not listed trade nothing (BACI).")
]
Share = Annotated[
    float | None,
    typer.Option(metavar="SHARE", help="Hide this share of trading pairs and predict them."),
]
Seed = Annotated[int, typer.Option(metavar="N", help="Seed of that draw.")]
Shape = Annotated[GravityFormat, typer.Option("--format", help="What to print.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "-o", "--out", metavar="DIR", help="Write table, coefficients and covariance."
    ),
]


def gravity(
    file: File,
    formula: FormulaText = None,
    covariates: Covariates = None,
    column: Columns = None,
    sector_column: SectorColumn = None,
    cluster: Cluster = "pair",
    year: Year = None,
    estimator: Estimator = "ppml",
    pair: Pair = False,
    zeros: Zeros = False,
    holdout: Share = None,
    seed: Seed = 0,
    form: Shape = GravityFormat.table,
    out: Out = None,
) -> None:
    """Estimate a gravity equation by Poisson pseudo-maximum likelihood.

    Columns of BACI, ITPD-E, CEPII's Gravity and the like are found by their names.

    Example: detente gravity trade.csv --covariates dist_cepii.csv --holdout 0.1
    """
    if out is not None:
        from detente.report.folder import require_folder

        require_folder(out)
    if pair and formula is not None:
        raise InputError("--pair goes with the default formula; write '+ pair' into --formula.")
    with working("reading"):
        columns = _columns(column or [], sector_column)
        flows = _flows(file, covariates, columns, year, zeros=zeros)
    from detente.gravity.estimate import gravity as estimate
    from detente.gravity.estimate import preset

    chosen = formula or preset(flows, pair=pair)
    with working("estimating"):
        result = estimate(
            flows,
            chosen,
            cluster=None if cluster == "none" else cluster,
            sectors=sector_column is not None,
            estimator=estimator,
        )
    hidden = None
    if holdout is not None:
        from detente.gravity.holdout import holdout as hide

        with working("predicting hidden pairs"):
            hidden = hide(
                flows, chosen, share=holdout, seed=seed, sectors=sector_column is not None
            )
    if out is not None:
        _write(out, result, hidden)
    _print(result, hidden, form, file)


def _columns(given: list[str], sector_column: str | None) -> dict[str, str]:
    found = {}
    for text in given:
        role, sign, name = text.partition("=")
        if not (role and sign and name):
            raise InputError(f"--column '{text}' should be ROLE=NAME, as in trade=value_usd.")
        found[role] = name
    return {**found, **({"sector": sector_column} if sector_column else {})}


def _flows(
    file: Path,
    covariates: Path | None,
    columns: dict[str, str],
    year: list[int] | None,
    *,
    zeros: bool,
) -> Panel:
    from detente.gravity.panel import filled, panel, with_covariates

    flows = panel(file, columns=columns, years=year or None)
    if zeros:
        flows = filled(flows)
    return with_covariates(flows, covariates) if covariates else flows


def _print(
    result: GravityResult, hidden: Holdout | None, form: GravityFormat, file: Path
) -> None:
    if form is GravityFormat.json:
        echo_json({"file": str(file), **result.as_dict(), **_out_of_sample(hidden)})
    elif form is GravityFormat.csv:
        echo_csv(result.coefficients() if hidden is None else hidden.table)
    elif form is GravityFormat.table:
        typer.echo(result.table(), nl=False)
        if hidden is not None:
            from detente.cli.render import print_frame, print_lines

            print_lines(["", *_said(hidden), ""])
            print_frame(hidden.table.round(3))
    else:
        typer.echo(result.table(form.value), nl=False)


def _said(hidden: Holdout) -> list[str]:
    return [
        f"Out of sample: {hidden.hidden_pairs} of {hidden.all_pairs} trading pairs hidden "
        f"(seed {hidden.seed}), {len(hidden.flows)} positive flows predicted, "
        f"{hidden.zero_flows} zero ones and {hidden.unpredicted} without a prediction left out."
    ]


def _out_of_sample(hidden: Holdout | None) -> dict[str, Any]:
    if hidden is None:
        return {}
    return {
        "holdout": {
            "hidden_pairs": hidden.hidden_pairs,
            "all_pairs": hidden.all_pairs,
            "zero_flows": hidden.zero_flows,
            "unpredicted": hidden.unpredicted,
            "seed": hidden.seed,
            "errors": records(hidden.table),
            "prediction_error": records(hidden.prediction_error()),
        }
    }


def _write(directory: Path, result: GravityResult, hidden: Holdout | None) -> None:
    import json

    import pandas as pd

    from detente.report.folder import table_bytes, write_files

    parts = result.sectors or (result,)
    covariances = [
        r.covariance_table().rename_axis("term").reset_index().assign(sector=r.name)
        for r in (*parts, *((result,) if result.sectors else ()))
    ]

    files = {
        "table.txt": result.table().encode(),
        "table.tex": result.table("latex").encode(),
        "coefficients.csv": table_bytes(result.coefficients(), "csv"),
        "covariance.csv": table_bytes(pd.concat(covariances, ignore_index=True), "csv"),
        "estimate.json": (
            json.dumps(result.as_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        ).encode(),
    }
    if hidden is not None:
        files["holdout.csv"] = table_bytes(hidden.table, "csv")
        files["prediction_error.csv"] = table_bytes(hidden.prediction_error(), "csv")
        files["hidden_flows.csv"] = table_bytes(hidden.flows, "csv")
    write_files(directory, files)
