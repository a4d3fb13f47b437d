"""A path in words and in tables of 80 columns."""

from __future__ import annotations

import math
from datetime import date

import pandas as pd

from detente.paths.fantext import fan_section
from detente.paths.result import PathResult, Stage
from detente.report.numbers import (
    capital,
    in_prose,
    in_table,
    listed,
    million,
    percent,
    percent_size,
    plural,
    sign,
    usd,
)
from detente.report.sections import Section, Table
from detente.scenario.dates import turning_days
from detente.scenario.opennesspath import ADJUSTMENT, words_of

#: Years that a table shows whole; a longer path is thinned.
_MOST_YEARS = 12
_MOST_PARTNERS = 5
#: A change of welfare below this is no effect.
_NO_EFFECT = 5e-9
#: Further from the baseline than at the end, by this share, is worth a word.
_FURTHER = 0.02


def sections(path: PathResult, country: str | None = None) -> list[Section]:
    """Years, phases and totals, as they are printed.

    Parameters
    ----------
    path : PathResult
    country : str, optional
        In focus; by default the most affected.
    """
    focus = country or path.focus
    found = [_years(path, focus), _partners(path, focus), _phases(path, focus), _totals(path)]
    if path.fan is not None:
        found.insert(1, fan_section(path, path.fan, focus, _name(path, focus)))
    return found


def title(path: PathResult) -> str:
    """One line that says what was done."""
    first, last = path.calendar[0], path.calendar[-1]
    return f"{path.scenario.title}: the path, {_span(path, first, last)}"


def foot(path: PathResult) -> list[str]:
    """Certificate, world, version: what vouches for the path, and what made it."""
    world = path.source_world
    version = path.provenance["version"]
    return [
        f"{path.certificate}.",
        f"world {world.name} {world.content_hash[:12]} · scenario "
        f"{path.scenario.content_hash[:12]} · detente {version}",
    ]


def _span(path: PathResult, first: int, last: int) -> str:
    words = f"{first} to {last}" if last > first else str(first)
    return words if path.stages[0].begins else f"year {words}"


def _name(path: PathResult, code: str) -> str:
    return in_prose(path.world.country_names[path.world.country_index(code)])


def shown_years(calendar: tuple[int, ...], most: int = _MOST_YEARS) -> list[int]:
    """The years that a table shows: all, or the first few, every so many, and the last."""
    if len(calendar) <= most:
        return list(calendar)
    first = 5 * most // 12
    step = math.ceil((len(calendar) - first) / (most - first - 1))
    return sorted({*calendar[:first], *calendar[first - 1 :: step], calendar[-1]})


# -- years -------------------------------------------------------------------------------------
def _years(path: PathResult, focus: str) -> Section:
    table = path.of(focus)
    deepens = bool(path.scenario.assumptions.capital)
    headers = ["Year", "Welfare", "Own earnings", "EV", "Exports", "Imports", "Deficit"]
    if deepens:
        headers.append("Capital")
    rows: list[tuple[str, ...]] = []
    rows.append(("Baseline", "", "", "", *_trade(table.iloc[0], ""), *[""] * deepens))
    shown = shown_years(path.calendar)
    for (_, row), year in zip(table.loc[shown].iterrows(), shown, strict=True):
        cells = _row(str(year), row)
        rows.append((*cells, percent(float(row["capital"]))) if deepens else cells)
    return Section(
        "path_years",
        f"{capital(_name(path, focus))} year by year",
        paragraphs=(headline(path, focus),),
        tables=(Table(tuple(headers), "l" + "r" * (len(headers) - 1), tuple(rows)),),
        notes=_notes(path),
    )


def _row(label: str, row: pd.Series) -> tuple[str, ...]:
    return (
        label,
        percent(float(row["welfare"])),
        percent(float(row["own_earnings"])),
        million(float(row["equivalent_variation"]), plus=True),
        *_trade(row, "_new"),
    )


def _trade(row: pd.Series, mark: str) -> tuple[str, str, str]:
    sold, bought = float(row[f"exports{mark}"]), float(row[f"imports{mark}"])
    return million(sold), million(bought), million(bought - sold)


def _notes(path: PathResult) -> tuple[str, ...]:
    """What the figures are, and what they leave out."""
    given = path.scenario.assumptions
    used = [s.equilibrium.shocks for s in path.stages if _used(s)]
    before = all(
        n.get("anchor") == "as_before" and not n.get("by_measure")
        for n in (s.notes.get("dormant_share", {}) for s in used)
    )
    if used and given.openness_path != ADJUSTMENT:
        pace = words_of(given.openness_path, given.adjustment_years, before)
        why = "detente openings, docs/openings.md"
    else:
        pace = words_of(ADJUSTMENT, given.adjustment_years)
        why = "detente explain adjustment_years"
    notes = [
        "Means of each year, million USD and changes from the baseline, which is the world "
        "as it is: its own growth is not modelled.",
        f"Bans and all else bind at once; {pace} ({why}).",
    ]
    if given.capital:
        whose = "every country" if "all" in given.capital else ", ".join(given.capital)
        notes.append(
            f"Capital of {whose} follows real income: {given.capital_share:.3g} of factor "
            f"income, {100 * given.depreciation:g} % used up a year."
        )
    if given.rule != "fixed":
        notes.append(_deficits(path))
    later = _later(path)
    if later:
        notes.append(f"Dates after the last year are left out: {', '.join(later)}.")
    return tuple(notes)


def _deficits(path: PathResult) -> str:
    """The deficit rule in words, where it is not that deficits stay."""
    given = path.scenario.assumptions
    if given.deficits:
        stated = listed([f"{code} {million(v)}" for code, v in given.deficits.items()])
        return (
            f"Deficits as given from the first day on, million USD: {stated}; others absorb "
            "the difference."
        )
    one = f" to {given.proportional_to}" if given.proportional_to else ""
    return f"Deficits: {given.rule.replace('_', ' ')}{one}."


def _later(path: PathResult) -> list[str]:
    if path.stages[0].begins is None:
        return []
    end = date(path.calendar[-1], 12, 31)
    return [day.isoformat() for day in turning_days(path.scenario.measures) if day > end]


# -- partners ----------------------------------------------------------------------------------
def _partners(path: PathResult, focus: str) -> Section:
    """Trade with the partners that are largest in any year shown."""
    table = path.partners(focus)
    years = shown_years(path.calendar, 6)
    wide = table.pivot(index="partner", columns="year", values="trade_new")
    names = table.drop_duplicates("partner").set_index("partner")
    most = pd.concat([wide, names["trade"]], axis=1).max(axis=1)
    top = [str(code) for code in most.nlargest(_MOST_PARTNERS).index]
    rows = [
        (
            in_table(str(names["name"][code]), 21),
            million(float(names["trade"][code])),
            *(million(float(wide[year][code])) for year in years),
        )
        for code in top
    ]
    rest = wide.drop(index=top)
    if len(rest):
        others = names["trade"].drop(index=top)
        rows.append(
            (
                f"{len(rest)} others",
                million(float(others.sum())),
                *(million(float(rest[year].sum())) for year in years),
            )
        )
    headers = ("Partner", "Baseline", *(str(year) for year in years))
    return Section(
        "path_partners",
        "Trade with its largest partners, million USD a year",
        tables=(Table(headers, "l" + "r" * (len(headers) - 1), tuple(rows)),),
    )


# -- phases ------------------------------------------------------------------------------------
def _phases(path: PathResult, focus: str) -> Section:
    table = path.phases_of(focus)
    rows, notes = [], []
    for j, row in enumerate(table.to_dict("records"), start=1):
        begins = str(row["from"]) or "the start"
        rows.append(
            (
                f"{j}",
                begins,
                str(row["to"]) or "open",
                percent(float(row["welfare"])),
                percent(float(row["own_earnings"])),
                million(float(row["trade_new"])),
                str(row["partners"]),
            )
        )
        notes.append(f"{j}: {row['in_force'] or 'nothing beside the law of the baseline'}.")
    headers = ("", "From", "To", "Welfare", "Earnings", "Trade", "Partners")
    pace = path.scenario.assumptions.pace
    short = pace is not None and pace.level != 1 and any(_used(s) for s in path.stages)
    if short:
        notes.append(
            "What opens ends at another level than its potential here; all of that: detente "
            "run, or openness_path: immediate."
        )
    return Section(
        "path_phases",
        _PHASES_SHORT if short else _PHASES,
        tables=(Table(headers, "lllrrrl", tuple(rows)),),
        notes=tuple(notes),
    )


_PHASES = "Phases, each as if it lasted until all has adjusted"
_PHASES_SHORT = "Phases, each as if it lasted until all has gone as far as it goes"


def _used(stage: Stage) -> bool:
    """Whether anything opens in a phase."""
    return bool(stage.equilibrium.shocks.notes.get("dormant_share", {}).get("used"))


# -- totals ------------------------------------------------------------------------------------
def _totals(path: PathResult, most: int = 6) -> Section:
    table = path.totals.set_index("country")
    order = table["discounted"].abs().nlargest(most).index
    chosen = [str(c) for c in order if abs(float(table["share_of_income"][c])) > _NO_EFFECT]
    rows = [
        (
            in_table(str(table["name"][code]), 24),
            million(float(table["undiscounted"][code]), plus=True),
            million(float(table["discounted"][code]), plus=True),
            percent(float(table["share_of_income"][code])),
        )
        for code in chosen
    ]
    rate = path.scenario.assumptions.discount_rate
    count = plural(len(path.calendar), "year")
    if not rows:
        return Section("path_totals", "Totals", (f"Nothing changes in {count}.",))
    whole = float(table["discounted"].sum())
    headers = ("Country", "Sum", f"At {100 * rate:g} % a year", "Of income")
    return Section(
        "path_totals",
        f"Equivalent variation over {count}, million USD",
        tables=(Table(headers, "lrrr", tuple(rows)),),
        notes=(
            f"All countries together, discounted to the first year: {sign(whole)}{usd(whole)}.",
        ),
    )


def headline(path: PathResult, country: str | None = None) -> str:
    """The answer in one or two sentences."""
    focus = country or path.focus
    name = _name(path, focus)
    table = path.of(focus)
    last = int(path.calendar[-1])
    end = float(table["welfare"].loc[last])
    total = float(path.totals.set_index("country")["discounted"][focus])
    if abs(end) < _NO_EFFECT and abs(total) < 0.005:
        return f"Nothing changes for {name}."
    when = f"in {last}" if path.stages[0].begins else f"in year {last}"
    _, year, most = max(
        (abs(float(v)), y, float(v))
        for y, v in zip(path.calendar, table["welfare"], strict=True)
    )
    text = f"The real income of {name} is {_against(end)} {when}"
    if abs(most - end) > _FURTHER * abs(most):
        text += f", and {_against(most)} in {year}, when it is furthest away"
    rate = path.scenario.assumptions.discount_rate
    return (
        f"{text}. Over {plural(len(path.calendar), 'year')} that comes to "
        f"{'a gain' if total > 0 else 'a loss'} of {usd(total)}, at {100 * rate:g} % a year."
    )


def _against(change: float) -> str:
    """``3.59 % above the baseline``."""
    if abs(change) < _NO_EFFECT:
        return "that of the baseline"
    return f"{percent_size(change)} {'above' if change > 0 else 'below'} the baseline"
