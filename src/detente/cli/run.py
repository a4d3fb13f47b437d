"""``detente run``: solve a scenario and print the answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.asked import (
    Country,
    Day,
    File,
    Rule,
    Scale,
    Shape,
    Size,
    Tolerance,
    WorldName,
    assume,
    world_of,
)
from detente.cli.options import (
    Format,
    echo_csv,
    echo_json,
    one_table,
    working,
    write_tables,
)
from detente.cli.path import Draws, Pace, Seed, pace_asked, require_draws, run_path
from detente.errors import InputError
from detente.report.documents import document, records

if TYPE_CHECKING:
    from detente.paths import PathResult
    from detente.report.view import View
    from detente.result import Result


Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="DIR", help="Write a run's folder, or tables, here."),
]
TableName = Annotated[
    str | None, typer.Option(metavar="NAME", help="Only this table (csv: welfare).")
]

Years = Annotated[
    int | None,
    typer.Option("--years", metavar="N", help="Also the path, year by year, over N years."),
]


def run(
    file: File,
    world: WorldName = None,
    dprk_size: Size = "un",
    at: Day = None,
    country: Country = None,
    deficit_rule: Rule = None,
    psi_scale: Scale = None,
    years: Years = None,
    openness_path: Pace = None,
    draws: Draws = None,
    seed: Seed = 0,
    tolerance: Tolerance = None,
    out: Out = None,
    form: Shape = Format.table,
    table: TableName = None,
) -> None:
    """Solve a scenario and print who gains and loses.

    With -o DIR also write a folder with a report, tables, charts and run.json; with
    --format csv or parquet, write the tables there instead.

    Example: detente run scenarios/korea-opens.yaml -o out
    """
    if form is Format.parquet and out is None:
        raise InputError("--format parquet writes files: say where with -o DIR.")
    require_draws(draws, seed)
    if out is not None:
        from detente.report.folder import require_folder

        require_folder(out)
    with working("solving"):
        result = _solve(
            file,
            world_name=world,
            dprk_size=dprk_size,
            at=at,
            country=country,
            tolerance=tolerance,
            assumed={
                "deficit_rule": deficit_rule,
                "psi_scale": psi_scale,
                "years": years,
                "openness_path": pace_asked(openness_path),
            },
        )
    _answer(result, run_path(result, draws, seed), country, form, table, out)


def _solve(
    file: Path,
    *,
    world_name: str | None,
    dprk_size: str,
    at: str | None,
    country: str | None,
    tolerance: float | None,
    assumed: dict[str, Any],
) -> Result:
    """Load, check what was asked before any work, and solve."""
    if tolerance is not None and not 1e-13 <= tolerance <= 1e-3:
        raise InputError(f"--tolerance: {tolerance:g} is not between 1e-13 and 1e-3.")
    from detente.result import solve
    from detente.scenario import load_scenario
    from detente.scenario.measure import nearest_label
    from detente.solver import DEFAULT_TOLERANCE

    scenario = load_scenario(file)
    changes = {key: value for key, value in assumed.items() if value is not None}
    for key, value in changes.items():
        scenario = assume(scenario, key, value)
    chosen = world_of(scenario, file, world_name, dprk_size)
    given = {"--country": country}
    if assumed["deficit_rule"] is not None:
        given["--deficit-rule"] = scenario.assumptions.proportional_to
    for option, code in given.items():
        if code is not None and code not in chosen.countries:
            raise InputError(
                f"{option}: unknown country '{code}' in world '{chosen.name}'; it has "
                f"{', '.join(chosen.countries)}.",
                nearest=nearest_label(code, chosen.countries, chosen.country_names),
            )
    return solve(chosen, scenario, at=at, tolerance=tolerance or DEFAULT_TOLERANCE)


def _answer(
    result: Result,
    path: PathResult | None,
    country: str | None,
    form: Format,
    table: str | None,
    out: Path | None,
) -> None:
    """Print, and write where a folder is given."""
    from detente.paths.text import sections as path_sections

    extra = {} if path is None else dict(path.tables(country))
    if form in (Format.csv, Format.parquet):
        tables = result.tables(country) | extra
        if out is None:
            echo_csv(one_table(tables, table or "welfare"))
            if result.provisional:
                typer.echo("note: PROVISIONAL dormant shares ψ (see world info).", err=True)
        else:
            chosen = tables if table is None else {table: one_table(tables, table)}
            write_tables(out, chosen, form.value)
        return
    from detente.report.view import View

    view = View.of(result, country)
    if path is not None:
        told = {k: v for k, v in path.provenance.items() if k in ("settings", "openings")}
        view = replace(
            view,
            more=tuple(path_sections(path, country)),
            provenance={**view.provenance, "path": told},
        )
    shown = None if table is None else one_table({**view.tables, **extra}, table)
    if out is not None:
        _write(out, view, result, path, country)
    if form is Format.json:
        whole: Any = document(view.provenance, view.tables) if shown is None else records(shown)
        if shown is None and path is not None:
            whole["path"] = path.to_dict(country)
        echo_json(whole)
        return
    from detente.cli.render import print_frame, print_report

    if shown is None:
        print_report(view)
    else:
        print_frame(shown)


def _write(
    out: Path, view: View, result: Result, path: PathResult | None, country: str | None
) -> None:
    """The run's folder, with the path's files where there is one."""
    from detente.paths.folder import fan_options, path_files
    from detente.report.folder import write_run

    earlier = out.is_dir() and any(out.iterdir())
    more = {} if path is None else path_files(path, country)
    options = [] if path is None else fan_options(path)
    write_run(out, view, {**result.files, **more}, options)
    if earlier:
        typer.echo(f"note: an earlier run in {out} was replaced.", err=True)
