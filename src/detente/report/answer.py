"""The answer in a few plain sentences, with numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from detente.outcomes.sensitivity import NORMAL_BORDER
from detente.outcomes.yearson import YEARS_ON, years_on
from detente.report.numbers import (
    NO_MONEY,
    NOISE,
    capital,
    digits,
    is_plural,
    listed,
    percent,
    percent_size,
    plural,
    share,
    usd,
)
from detente.report.view import View, row_of
from detente.scenario.opennesspath import BASE_RATE

#: Below this change of welfare everywhere the effects are called small.
SMALL = 1e-5


def answer(view: View) -> list[str]:
    """What a reader should take away, three to six sentences.

    Parameters
    ----------
    view : View

    Returns
    -------
    list of str
        Plain sentences. Where nothing changes, they say so and why.
    """
    if view.no_effect:
        return _nothing(view)
    found = []
    largest = float(view.welfare["welfare"].abs().max())
    if largest < SMALL:
        found.append(
            "The effects are small: no country's welfare changes by more than "
            f"{percent_size(max(largest, 1e-6))}."
        )
    found += [_focus(view), _others(view), *_partners(view), *_likely(view), *_range(view)]
    return found


def _nothing(view: View) -> list[str]:
    found = [
        "Nothing changes: the welfare and the trade of every country stay as they are in "
        "the baseline."
    ]
    states = [m["status"] for m in view.measures]
    if not states:
        return [*found, "The scenario has no measures."] if view.scenario else found
    idle = [
        f"{states.count(state)} {words}"
        for state, words in (("snapped back", "snapped back"), ("not yet", "not yet in force"))
        if state in states
    ]
    if "active" not in states:
        at = view.notes.get("at")
        found.append(
            f"No measure is in force on {at} ({', '.join(idle)}): --at DATE shows another day."
        )
    else:
        found.append("The measures in force move no trade here; see above what each touches.")
    return found


def moves(value: float) -> str:
    """How something changes: ``rises by 12.3 %``, ``falls by 3 %``, ``does not change``."""
    if abs(value) < NOISE:
        return "does not change"
    return f"{'rises' if value > 0 else 'falls'} by {percent_size(value)}"


def _focus(view: View) -> str:
    """Welfare of the country in focus, as consumed and from its own earnings."""
    row = row_of(view.welfare, view.country)
    consumed, own = float(row["welfare"]), float(row["own_earnings"])
    name, money = view.prose(view.country), float(row["equivalent_variation"])
    if abs(consumed) < NOISE:
        verdict = "neither gain nor lose" if is_plural(name) else "neither gains nor loses"
    else:
        verdict = _verb("gain" if consumed > 0 else "lose", name)
    worth = f" (worth {usd(money)} a year)" if abs(money) >= NO_MONEY else ""
    link = "but" if consumed * own < 0 else "and"
    its = _its(name)
    return (
        f"{capital(name)} {verdict}: {its} welfare as consumed {moves(consumed)}{worth}, "
        f"{link} what {its} own earnings buy {moves(own)}."
    )


def _verb(verb: str, name: str) -> str:
    """``gains`` for one country, ``gain`` for several under one name."""
    return verb if is_plural(name) else f"{verb}s"


def _its(name: str) -> str:
    return "their" if is_plural(name) else "its"


def _others(view: View) -> str:
    """The largest gains and losses elsewhere, in USD."""
    rest = view.welfare.drop(index=view.country)
    # where the two measures differ in sign, the change is that of fixed deficits' worth
    same = rest["welfare"] * rest["own_earnings"] > 0
    # who gives or receives money gains or loses it, whatever its own earnings do
    same |= (rest["deficit_new"] - rest["deficit"]).abs() >= NO_MONEY
    money = rest.loc[same, "equivalent_variation"]
    floor = max(NO_MONEY, 1e-3 * float(money.abs().max())) if len(money) else NO_MONEY
    gains = money[money >= floor].nlargest(2)
    losses = money[money <= -floor].nsmallest(2)
    if gains.empty and losses.empty:
        return "No other country gains or loses anything that shows."
    total = float(view.welfare["equivalent_variation"].sum())
    world = (
        f"all countries together {'gain' if total > 0 else 'lose'} {usd(total)} a year"
        if abs(total) >= NO_MONEY
        else "gains and losses of all countries cancel"
    )
    sides = [_side(view, few, verb) for few, verb in ((gains, "gain"), (losses, "lose"))]
    return f"Of the others, {'; '.join(sides)}; {world}."


def _side(view: View, money: pd.Series, verb: str) -> str:
    """``China gains most (USD 310 million, +0.002 %), then Japan (…)``; or that none does."""
    if money.empty:
        return f"none {verb}s"
    told = [
        f"{view.prose(str(code))}{f' {_verb(verb, view.prose(str(code)))} most' * (j == 0)} "
        f"({usd(float(value))}, {percent(row_of(view.welfare, str(code))['welfare'])})"
        for j, (code, value) in enumerate(money.items())
    ]
    return ", then ".join(told)


def _partners(view: View) -> list[str]:
    """Who the largest partners become, and what trade comes to."""
    table = view.partners
    before, after = float(table["total"].sum()), float(table["total_new"].sum())
    if after < NO_MONEY:
        return [f"After the change, {view.prose(view.country)} and others do not trade."]
    top = table[table["total_new"] > 0].head(3)
    first, code = top.iloc[0], str(top.index[0])
    if before > 0 and abs(after / before - 1) < 1e-6:
        change = "stays as it is"
    elif usd(before) == usd(after):
        change = f"stays at about {usd(before)}"
    else:
        moved = "grows" if after > before else "shrinks"
        change = f"{moved} from {usd(before)} to {usd(after)}"
    verb = "stay" if _traded(first) and first["rank"] == 1 else "become"
    becomes, its = _verb(verb, view.prose(code)), _its(view.prose(view.country))
    next_ones = [f"{view.prose(str(c))} ({_shift(r)})" for c, r in top.iloc[1:].iterrows()]
    more = f"; next {'comes' if len(next_ones) == 1 else 'come'} {listed(next_ones)}"
    return [
        f"{capital(its)} trade {change} a year; {view.prose(code)} {becomes} {its} "
        f"largest partner ({_shift(first, f' of {its} trade')})"
        f"{more if next_ones else ''}."
    ]


def _traded(row: pd.Series) -> bool:
    return bool(row["total"] > 0)


def _shift(row: pd.Series, of: str = "") -> str:
    """Share and rank, before and after; a partner that traded nothing had no rank."""
    after = share(float(row["share_new"]))
    if not _traded(row):
        return f"from nothing to {after}{of}"
    moved = int(row["rank"]) != int(row["rank_new"])
    told = f", rank {row['rank']} to {row['rank_new']}" if moved else ""
    before = share(float(row["share"]))
    return (
        f"{after}{of}, as before" if before == after else f"from {before} to {after}{of}{told}"
    )


def _range(view: View) -> list[str]:
    """In what range the focus country's welfare lies under other assumptions."""
    table = view.sensitivity
    if table.empty or "welfare" not in table:
        return []
    base = table.iloc[:1]
    scaled = table[table.index.str.startswith("ψ")]
    theta = table[table.index.str.startswith("θ")]
    reform = table[table.index == NORMAL_BORDER]
    later = [row for row in map(years_on, YEARS_ON) if row in table.index]
    rules = table.drop(index=[*scaled.index, *theta.index, *base.index, *reform.index, *later])
    told, its = [], _its(view.prose(view.country))
    if not scaled.empty:
        told.append(
            "if opened links carried a tenth of or ten times what is assumed, "
            f"{its} welfare would change by {_between(pd.concat([base, scaled])['welfare'])}"
        )
    if reform["welfare"].notna().any():
        told.append(
            "if what opens met a normal border, and not what was there before the bans, "
            f"by {percent(float(reform['welfare'].iloc[0]))}"
        )
    if theta["welfare"].notna().any():
        told.append(
            "with trade elasticities halved or doubled, "
            f"by {_between(pd.concat([base, theta])['welfare'])}"
        )
    if rules["welfare"].notna().any():
        told.append(
            f"under other rules for {its} trade deficit{_ratio(view)}, "
            f"by {_between(pd.concat([base, rules])['welfare'])}"
        )
    failed = int(table["welfare"].isna().sum())
    none = f" ({plural(failed, 'variant')} without a solution)" if failed else ""
    if not told:
        return []
    if scaled.empty:
        told = [told[0].replace(", by ", f", {its} welfare would change by ", 1)]
    return [f"{capital('; '.join(told))}{none}."]


def _likely(view: View) -> list[str]:
    """What share of what opens is likely some years on, and what welfare is then."""
    table = view.sensitivity
    rows = [(y, years_on(y)) for y in YEARS_ON if years_on(y) in table.index]
    if not rows or table.loc[[row for _, row in rows], "welfare"].isna().any():
        return []
    assumed = view.notes.get("assumptions", {}).get("openness_path", BASE_RATE)
    found = table.loc[[row for _, row in rows]]
    carried = [
        f"{100 * float(row['realised']):.0f} % of it{_half(row)} after {years} years"
        for (years, _), row in zip(rows, found.to_dict("records"), strict=True)
    ]
    change = [percent(float(value)) for value in found["welfare"]]
    its = _its(view.prose(view.country))
    pace = _WHOSE.get(str(assumed), "at the pace that is stated")
    more = " (detente openings)" if str(assumed) in _WHOSE else ""
    return [
        f"That is the full potential. {capital(pace)}, opened links carry {listed(carried)}, "
        f"and {its} welfare changes by {listed(change)}{more}."
    ]


#: Whose pace an openness path is.
_WHOSE = {
    BASE_RATE: "if it goes as the middle one of openings in history went",
    "warm": "if it goes as warm openings in history went",
    "cold": "if it goes as cold openings in history went",
}


def _half(row: Mapping[Any, Any]) -> str:
    """The range of half of the draws, where the pace is history's."""
    low, high = float(row["low"]), float(row["high"])
    return "" if math.isnan(low) else f" (half of draws: {100 * low:.0f} to {100 * high:.0f} %)"


def _ratio(view: View) -> str:
    """How far imports exceed exports in the baseline, where they do by much."""
    trade = view.partners[["exports", "imports"]].sum()
    if not 0 < 2 * trade["exports"] < trade["imports"]:
        return ""
    return f" (imports are {digits(trade['imports'] / trade['exports'])} times exports)"


def _between(values: pd.Series) -> str:
    low, high = percent(float(values.min())), percent(float(values.max()))
    return f"{low}, as here" if low == high else f"{low} to {high}"
