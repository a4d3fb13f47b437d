"""The fan of a path in words and in a table of 80 columns."""

from __future__ import annotations

from detente.paths.fan import NAMES, Fan
from detente.paths.result import PathResult
from detente.report.numbers import capital, million, percent
from detente.report.sections import Section, Table

#: Years after the first that a fan's table shows, where the path has them.
_AFTER = (1, 2, 5, 10, 15, 20)


def fan_section(path: PathResult, fan: Fan, focus: str, name: str) -> Section:
    """What openings in history make of a path, for the country in focus.

    Parameters
    ----------
    path : PathResult
    fan : Fan
    focus, name : str
        Its code, and its name in a sentence.
    """
    numbers = {what: _by_year(fan, focus, what) for what in ("welfare", "trade")}
    first, last = fan.calendar[0], fan.calendar[-1]
    years = sorted({first + y for y in _AFTER if first + y <= last} | {last})
    rows = [_row(year, numbers["welfare"][year], numbers["trade"][year]) for year in years]
    end = numbers["welfare"][last]
    headers = ("Year", "Welfare", "half of draws", "9 in 10", "Trade, mn", "9 in 10")
    return Section(
        "path_fan",
        "How sure: the spread of openings in history",
        paragraphs=(
            f"{capital(name)} in {'' if path.stages[0].begins else 'year '}{last}: welfare "
            f"{percent(end['q50'])} in the middle draw, between "
            f"{percent(end['q05'])} and {percent(end['q95'])} in nine of ten.",
        ),
        tables=(Table(headers, "lrrrrr", tuple(rows)),),
        notes=(
            f"{fan.draws} draws (seed {fan.seed}{_failed(fan)}) of how far and how fast each "
            "pair opens; "
            "those of one cause go together in part. The path above takes the middle pace for "
            "every "
            f"link{_why(path, focus, end['q50'])}. What gravity, elasticities and politics "
            "leave open comes on top (docs/openings.md).",
        ),
    )


def _failed(fan: Fan) -> str:
    return f"; {fan.failed} more without a solution" if fan.failed else ""


def _why(path: PathResult, focus: str, middle: float) -> str:
    """Why the middle draw is not the path, where it lies above it."""
    own = float(path.of(focus)["welfare"].iloc[-1])
    return ", and a few that open wide carry most of the trade" if middle > own > 0 else ""


def _by_year(fan: Fan, country: str, what: str) -> dict[int, dict[str, float]]:
    """Quantiles of a country by year and name."""
    table = fan.table
    own = table[(table["country"] == country) & (table["what"] == what)]
    columns = {name: [float(v) for v in own[name]] for name in NAMES}
    return {
        year: {name: column[j] for name, column in columns.items()}
        for j, year in enumerate(fan.calendar)
    }


def _row(year: int, welfare: dict[str, float], trade: dict[str, float]) -> tuple[str, ...]:
    return (
        str(year),
        percent(welfare["q50"]),
        _range(welfare["q25"], welfare["q75"]),
        _range(welfare["q05"], welfare["q95"]),
        million(trade["q50"]),
        f"{million(trade['q05'])} … {million(trade['q95'])}",
    )


def _range(low: float, high: float) -> str:
    return f"{percent(low).removesuffix(' %')} … {percent(high)}"
