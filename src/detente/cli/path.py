"""``detente path``: a scenario year by year."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detente.cli.asked import (
    Country,
    File,
    Rule,
    Scale,
    Shape,
    Size,
    Tolerance,
    WorldName,
    assume,
)
from detente.cli.options import Format, echo_csv, echo_json, one_table, progress_bar
from detente.errors import InputError

if TYPE_CHECKING:
    from detente.paths import PathResult
    from detente.result import Result
    from detente.scenario import Scenario
    from detente.world import World


Years = Annotated[
    int | None,
    typer.Option("--years", metavar="N", help="Years of the path; the scenario's, else 20."),
]
Adjustment = Annotated[
    float | None,
    typer.Option(
        metavar="X",
        help="Years until 95 % of what else rises is there (8); alone, of what opens too.",
    ),
]
Pace = Annotated[
    str | None,
    typer.Option(
        metavar="PATH",
        help="How what opens comes: base-rate, immediate, warm, cold, or "
        '"{level: 60%, half_life: 4}" (base-rate).',
    ),
]
Draws = Annotated[
    int | None,
    typer.Option(metavar="N", help="Draws of the fan, with the base rate; 0 is none (60)."),
]
Seed = Annotated[int, typer.Option(metavar="N", help="Of the draws.")]
Discount = Annotated[
    str | None, typer.Option(metavar="RATE", help="A year, for the totals (3%).")
]
Capital = Annotated[
    str | None,
    typer.Option(metavar="CODE,…|all|none", help="Whose capital follows income (none)."),
]
#: Fewer draws have no tails; more are a slip of the pen.
_LEAST_DRAWS, _MOST_DRAWS = 20, 10_000
Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="DIR", help="Write tables and the chart here."),
]
TableName = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Only this table (csv: path_years)."),
]


def path(
    file: File,
    years: Years = None,
    world: WorldName = None,
    dprk_size: Size = "un",
    country: Country = None,
    openness_path: Pace = None,
    adjustment_years: Adjustment = None,
    draws: Draws = None,
    seed: Seed = 0,
    discount_rate: Discount = None,
    capital: Capital = None,
    deficit_rule: Rule = None,
    psi_scale: Scale = None,
    tolerance: Tolerance = None,
    out: Out = None,
    form: Shape = Format.table,
    table: TableName = None,
) -> None:
    """Solve a scenario year by year, phase by phase, with discounted totals.

    Bans bind at once; what relief opens comes as openings in history did (detente openings),
    with a fan of their spread. The baseline does not grow. docs/time.md, docs/openings.md.

    Example: detente path scenarios/snapback.yaml --years 10 --country PRK
    """
    if form is Format.parquet and out is None:
        raise InputError("--format parquet writes files: say where with -o DIR.")
    if out is not None:
        from detente.report.folder import require_folder

        require_folder(out)
    assumed = {
        "years": years,
        "openness_path": pace_asked(openness_path),
        "adjustment_years": adjustment_years,
        "discount_rate": discount_rate,
        "capital": _codes(capital),
        "deficit_rule": deficit_rule,
        "psi_scale": psi_scale,
    }
    scenario, chosen = _asked(file, world, dprk_size, country, assumed)
    _answer(_solved(chosen, scenario, tolerance, draws, seed), country, form, table, out)


def pace_asked(text: str | None) -> Any:
    """An openness path as a scenario holds it: a word, or numbers between braces."""
    if text is None or "{" not in text:
        return text
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise InputError(
            f"--openness-path: {text!r} cannot be read; numbers are written "
            '"{level: 60%, half_life: 4}".'
        ) from None


def _codes(text: str | None) -> Any:
    """Codes between commas, as a scenario holds them."""
    if text is None or "," not in text:
        return text
    return [part.strip() for part in text.split(",")]


def _asked(
    file: Path, world: str | None, dprk_size: str, country: str | None, assumed: dict[str, Any]
) -> tuple[Scenario, World]:
    """The scenario under the assumptions asked for, and its world; all checked."""
    from detente.cli.asked import world_of
    from detente.scenario import load_scenario
    from detente.scenario.measure import nearest_label

    scenario = load_scenario(file)
    for key, value in assumed.items():
        if value is not None:
            scenario = assume(scenario, key, value)
    chosen = world_of(scenario, file, world, dprk_size)
    if country is not None and country not in chosen.countries:
        raise InputError(
            f"--country: unknown country '{country}' in world '{chosen.name}'.",
            nearest=nearest_label(country, chosen.countries, chosen.country_names),
        )
    return scenario, chosen


def require_draws(draws: int | None, seed: int) -> None:
    """Refuse a number of draws, or a seed, that is none."""
    if draws is not None and draws != 0 and not _LEAST_DRAWS <= draws <= _MOST_DRAWS:
        raise InputError(
            f"--draws: {draws} is neither 0 (no fan) nor between {_LEAST_DRAWS} and "
            f"{_MOST_DRAWS:,}."
        )
    if seed < 0:
        raise InputError(f"--seed: {seed} is negative.")


def _solved(
    world: World,
    scenario: Scenario,
    tolerance: float | None,
    draws: int | None = None,
    seed: int = 0,
) -> PathResult:
    """Solve, with a bar on a terminal."""
    from detente.paths import solve_path, with_fan
    from detente.paths.draws import DRAWS
    from detente.paths.solve import DEFAULT_YEARS
    from detente.solver import DEFAULT_TOLERANCE

    if tolerance is not None and not 1e-13 <= tolerance <= 1e-3:
        raise InputError(f"--tolerance: {tolerance:g} is not between 1e-13 and 1e-3.")
    years = scenario.assumptions.years or DEFAULT_YEARS
    require_draws(draws, seed)
    draws = DRAWS if draws is None else draws
    with progress_bar("years", years) as advance:
        found = solve_path(
            world, scenario, tolerance=tolerance or DEFAULT_TOLERANCE, progress=advance
        )
    with progress_bar("draws", draws) as advance:
        return with_fan(found, draws=draws, seed=seed, progress=advance)


def run_path(result: Result, draws: int | None = None, seed: int = 0) -> PathResult | None:
    """The path of what ``detente run`` has solved; None for a scenario without ``years``."""
    from detente.scenario import Scenario

    scenario = result.scenario
    if not isinstance(scenario, Scenario) or scenario.assumptions.years is None:
        return None
    return _solved(result.source_world, scenario, result.certificate.tolerance, draws, seed)


def print_path(found: PathResult, country: str | None = None) -> None:
    """The path in 80 columns: headline, years, partners, phases, totals."""
    from detente.cli.render import console, print_section
    from detente.paths.text import sections

    out = console()
    for section in sections(found, country):
        print_section(out, section)


def _answer(
    found: PathResult,
    country: str | None,
    form: Format,
    table: str | None,
    out: Path | None,
) -> None:
    """Print, and write where a folder is given."""
    from detente.report.documents import records

    tables = found.tables(country)
    shown = None if table is None else one_table(tables, table)
    if out is not None:
        typer.echo(f"written: {found.save(out, country)}", err=True)
        if form in (Format.csv, Format.parquet):
            return
    if form is Format.json:
        echo_json(found.to_dict(country) if shown is None else records(shown))
    elif form is Format.csv:
        echo_csv(tables["path_years"] if shown is None else shown)
        if found.provisional:
            typer.echo("note: PROVISIONAL dormant shares ψ (see world info).", err=True)
    elif shown is not None:
        from detente.cli.render import print_frame

        print_frame(shown)
    else:
        _print(found, country)


def _print(found: PathResult, country: str | None) -> None:
    from rich.text import Text

    from detente.cli.render import console, print_lines
    from detente.paths.text import foot, title

    console().print(Text(title(found), style="bold"))
    print_path(found, country)
    console().print()
    print_lines(foot(found))
