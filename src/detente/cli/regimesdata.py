"""What ``detente regimes`` answers: tables of regimes and of their provisions, by day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd

from detente.errors import InputError
from detente.regimes.catalogue import load_regime, regime_names
from detente.regimes.schema import Products, Provision, Regime

#: Provisions that have HS lines.
GOODS = ("ban", "cap")


# -- regimes and dates -----------------------------------------------------------------------
def named(text: str, option: str) -> tuple[Regime, ...]:
    """Regimes, or files of them, between commas; one twice is refused."""
    names = [part.strip() for part in text.split(",") if part.strip()]
    if not names:
        raise InputError(f"{option}: it names nothing.")
    found = tuple(load_regime(name) for name in names)
    told = [regime.regime for regime in found]
    twice = [name for name in told if told.count(name) > 1]
    if twice:
        raise InputError(f"{option}: '{twice[0]}' is named twice.")
    return found


def parsed_day(text: str, option: str) -> date:
    """A day of the command line."""
    from detente.scenario.dates import parse_date

    try:
        return parse_date(text)
    except ValueError as error:  # pydantic's own is one
        context = getattr(error, "context", None) or {}
        what = context.get("what", str(error))
        raise InputError(f"{option}: {what}", nearest=context.get("nearest")) from None


def changes(regimes: Iterable[Regime]) -> tuple[date, ...]:
    """Days on which the law changes, as adopted: a provision begins, or is no more."""
    days: set[date] = set()
    for regime in regimes:
        for p in regime.provisions:
            days.add(p.first_day)
            if p.until is not None and p.until < date.max:
                days.add(p.until + timedelta(days=1))
    return tuple(sorted(days))


def law_day(regimes: Sequence[Regime], at: str | None) -> date:
    """The day asked for; by default that of the last change that the files tell of.

    Raises
    ------
    InputError
        No date, or one before any of it was law.
    """
    days = changes(regimes)
    if at is None:
        return days[-1]
    day = parsed_day(at, "--at")
    if day < days[0]:
        names = ", ".join(regime.regime for regime in regimes)
        raise InputError(
            f"--at {day}: nothing of {names} is law before {days[0]}.", nearest=str(days[0])
        )
    return day


def law_of(day: date, last: bool) -> str:
    """``Law of 2017-12-31``; ``last`` says that nobody named the day."""
    return f"Law as of its last change, {day}" if last else f"Law of {day}"


def state_of(provision: Provision, day: date) -> str:
    """``in force``, ``not yet`` or ``lapsed`` on a day, as adopted."""
    if day < provision.first_day:
        return "not yet"
    return "in force" if provision.holds_on(day) else "lapsed"


def only(regime: Regime, provisions: str | None) -> Regime:
    """The regime with some provisions alone; all of them where none is named."""
    if provisions is None:
        return regime
    names = tuple(part.strip() for part in provisions.split(",") if part.strip())
    if not names:
        raise InputError("--provision: it names nothing.")
    try:
        chosen = regime.select(names)
    except InputError as error:
        raise InputError(f"--provision: {error.what}", nearest=error.nearest) from None
    return regime.model_copy(update={"provisions": chosen})


# -- tables -------------------------------------------------------------------------------
def product_lines(provision: Provision) -> str:
    """HS lines as the file has them: ``2601; 72 without 7202; 2711 (50 %)``."""
    return "; ".join(map(_lines, provision.products))


def _lines(products: Products) -> str:
    text = ", ".join(products.hs)
    if products.except_:
        text += f" without {', '.join(products.except_)}"
    return text if products.covered == 1 else f"{text} ({100 * products.covered:g} %)"


def cap_in_words(provision: Provision) -> str:
    """``500,000 barrels a year of 4,500,000 in 2016``; empty where there is no cap."""
    cap = provision.cap
    if cap is None:
        return ""
    text = f"{cap.quantity:,.10g} {cap.unit} a year"
    if cap.reference is not None:
        when = f" in {cap.reference_year}" if cap.reference_year else " without it"
        text += f", of {cap.reference:,.10g}{when}"
    return text


def doubtful_lines(provision: Provision) -> int:
    """How many of its entries of products are unverified."""
    return sum(p.verification == "unverified" for p in provision.products)


def counts(regime: Regime) -> dict[str, int]:
    """Provisions and entries of products, and how many of each are unverified."""
    return {
        "provisions": len(regime.provisions),
        "unverified": sum(p.unverified for p in regime.provisions),
        "product_lines": sum(len(p.products) for p in regime.provisions),
        "unverified_lines": sum(map(doubtful_lines, regime.provisions)),
    }


def regimes_table() -> pd.DataFrame:
    """The regimes that come with detente, one a row."""
    rows = []
    for regime in map(load_regime, regime_names()):
        days, counted = changes([regime]), counts(regime)
        rows.append(
            {
                "name": regime.regime,
                "title": regime.title,
                "target": " ".join(regime.target),
                "senders": " ".join(regime.senders),
                "provisions": counted["provisions"],
                "unverified": counted["unverified"],
                "first": days[0].isoformat(),
                "last": days[-1].isoformat(),
            }
        )
    return pd.DataFrame(rows)


def provisions_table(regimes: Sequence[Regime], day: date) -> pd.DataFrame:
    """Every provision of some regimes, with its state on a day; plain columns."""
    rows = [
        {
            "regime": regime.regime,
            "provision": p.id,
            "instrument": p.instrument,
            "paragraph": p.paragraph,
            "adopted": p.adopted.isoformat(),
            "in_force": p.first_day.isoformat(),
            "until": p.until.isoformat() if p.until else "",
            "state": state_of(p, day),
            "replaced_by": p.replaced_by,
            "what": p.what,
            "effect": p.effect,
            "direction": p.direction or "",
            "hs": product_lines(p),
            "cap": cap_in_words(p),
            "exempt": "; ".join(p.exempt),
            "source": p.source,
            "verification": p.verification,
            "unverified_lines": doubtful_lines(p),
            "note": p.note,
        }
        for regime in regimes
        for p in regime.provisions
    ]
    return pd.DataFrame(rows)


def regime_document(regime: Regime, day: date) -> dict[str, Any]:
    """All that a file says, JSON-able, with counts and each provision's state on a day."""
    found = regime.model_dump(mode="json", by_alias=True)
    for row, p in zip(found["provisions"], regime.provisions, strict=True):
        row["state"], row["in_force"] = state_of(p, day), p.first_day.isoformat()
    return {**found, "at": day.isoformat(), "counts": counts(regime)}
