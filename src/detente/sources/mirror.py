"""Mirror data: what a country that reports nothing trades, seen through its partners.

Partners take one Korea for the other, leave things out and book transit as trade. Known traps
are rules in ``mirror_traps.csv``; each is applied or flagged, and reported with amounts.
``detente.sources.twin.suspicious`` looks for more.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from detente.errors import InputError, Place, nearest

ACTIONS = ("drop", "flag", "impute", "move")
DIRECTIONS = ("import", "export", "both")
VERIFICATIONS = ("verified", "computed", "recalled")
REPORT = (
    "rule",
    "action",
    "status",
    "year",
    "partner",
    "product",
    "rows",
    "before",
    "after",
    "change",
    "moved",
    "quantity",
    "price",
    "reason",
    "source",
    "verification",
)
_KEYS = ["year", "exporter", "importer"]

Shares = Mapping[str, float | Mapping[str, float]]


@dataclass(frozen=True)
class Trap:
    """One rule; texts as in the csv.

    Attributes
    ----------
    rule : str
        Its name.
    country : str
        Whose trade it concerns (ISO3).
    partner : str
        ISO3 codes joined by ``;``; after ``!``, all but these; ``*`` all.
    product : str
        HS prefixes joined by ``;``; after ``!``, all but these; ``*`` all.
    years : str
        ``2013-2019;2022``, or ``*``.
    direction : {"import", "export", "both"}
        Of ``country``.
    action : {"drop", "flag", "impute", "move"}
        Leave out; keep and mark; add where it is missing; book for others.
    amount : str
        ``impute``: tonnes a year. ``move``: share, 0 to 1.
    formula : str
        ``impute``: ``price: imports of CHN`` (their unit value in the same year; else the
        world's in the data). ``move``, and ``flag`` with a share from the user: the new
        ``importer=CHN`` or ``exporter=JPN``; nothing after ``=`` asks the user for it.
    reason, source : str
    verification : {"verified", "computed", "recalled"}
        Read in the source, worked out from data, or from memory.
    line : int
        Of the csv.
    """

    rule: str
    country: str
    partner: str
    product: str
    years: str
    direction: str
    action: str
    amount: str
    formula: str
    reason: str
    source: str
    verification: str
    line: int = 0

    @property
    def digits(self) -> int:
        """Digits of HS that the rule needs; 0 where it is about all products."""
        codes = self.product.removeprefix("!").split(";")
        return 0 if self.product == "*" else max(map(len, codes))

    def covers_year(self, year: int) -> bool:
        """Whether the rule is of this year."""
        if self.years == "*":
            return True
        spans = (part.partition("-") for part in self.years.split(";"))
        return any(int(a) <= year <= int(b or a) for a, _, b in spans)

    def matches(self, trade: pd.DataFrame) -> pd.Series:
        """Which rows the rule is about."""
        kept = trade["year"].map({y: self.covers_year(int(y)) for y in trade["year"].unique()})
        if self.product != "*":
            below = tuple(self.product.removeprefix("!").split(";"))
            kept &= trade["product"].str.startswith(below) ^ self.product.startswith("!")
        bought = (trade["importer"] == self.country) & self._is_partner(trade["exporter"])
        sold = (trade["exporter"] == self.country) & self._is_partner(trade["importer"])
        sides = {"import": bought, "export": sold, "both": bought | sold}
        found: pd.Series = kept.astype(bool) & sides[self.direction]
        return found

    def _is_partner(self, codes: pd.Series) -> pd.Series:
        if self.partner == "*":
            return pd.Series(True, index=codes.index)
        listed = codes.isin(self.partner.removeprefix("!").split(";"))
        return ~listed if self.partner.startswith("!") else listed


def load_traps(path: str | Path | None = None) -> tuple[Trap, ...]:
    """The rules of a csv; those that come with detente where no path is given.

    Raises
    ------
    InputError
        A column, action, direction, year, share or formula that is none: with the line.
    """
    file = "mirror_traps.csv" if path is None else str(path)
    if path is None:
        text = files("detente.data").joinpath(file).read_text(encoding="utf-8")
    elif not Path(path).is_file():
        raise InputError(f"there is no file '{path}'.")
    else:
        text = Path(path).read_text(encoding="utf-8-sig")
    reader = csv.DictReader(text.splitlines())
    wanted = [f.name for f in fields(Trap) if f.name != "line"]
    missing = [name for name in wanted if name not in (reader.fieldnames or ())]
    if missing:
        raise InputError(f"the column '{missing[0]}' is missing.", Place(file, 1))
    traps = []
    for row in reader:
        values = {name: str(row[name] or "").strip() for name in wanted}
        traps.append(Trap(**values, line=reader.line_num))
        _check(traps[-1], file)
    return tuple(traps)


def mirror_report(
    trade: pd.DataFrame,
    country: str,
    traps: Iterable[Trap] | str | Path | None = None,
    *,
    shares: Shares | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Apply the known traps to a country's trade, and say what each did.

    Parameters
    ----------
    trade : DataFrame
        ``year``, ``exporter``, ``importer``, ``value`` (million USD), and where there are
        any ``product`` (HS, as text) and ``quantity`` (tonnes). Prices of what is imputed
        come from it, so it should hold other countries' trade too.
    country : str
        ISO3.
    traps : iterable of Trap, or str or Path, optional
        The rules, or their csv; those that come with detente by default.
    shares : mapping, optional
        For rules that only flag transit: rule → share that is booked for others, as the
        rule's formula says, or rule → {country: share}.

    Returns
    -------
    corrected : DataFrame
        ``trade`` with a column ``flag``: names of rules, joined by ``;``, for rows that were
        flagged, moved or imputed.
    report : DataFrame
        A row per rule and year: ``status``, ``rows``, the country's trade ``before`` and
        ``after`` and its ``change``, what was ``moved`` (million USD; moved to another
        partner it stays the country's trade), ``quantity`` (tonnes) and ``price`` (USD per
        tonne) of what was imputed, ``reason``, ``source``, ``verification``. Rules that
        found nothing, or could not be applied, are in it too. The sum of ``change`` is the
        change of the country's trade.

    Raises
    ------
    InputError
        Missing columns, a table by sector, an unknown rule, a share that is none.
    """
    given = shares or {}
    listed = load_traps(traps) if isinstance(traps, str | Path | None) else traps
    rules = tuple(trap for trap in listed if trap.country == country)
    _check_trade(trade)
    _check_shares(given, rules)
    now = trade.reset_index(drop=True).assign(flag="")
    rows: list[dict[str, Any]] = []
    for trap in rules:
        if trap.product != "*" and "product" not in trade:
            rows.append(_line(trap, status="not applicable: the table has no products"))
            continue
        if _too_coarse(trap, now):
            status = f"not applicable: the rule is by {trap.digits} digits, products have fewer"
            rows.append(_line(trap, status=status))
            continue
        found = trap.matches(now)
        if trap.action == "impute":
            now, told = _impute(now, trap, found, trade)
        elif trap.action == "drop":
            told = _by_year(now[found], trap, 0.0)
            now = now[~found].reset_index(drop=True)
        else:
            now, told = _flag_or_move(now, trap, found, given.get(trap.rule))
        rows += told or [_line(trap, status="nothing found")]
    report = pd.DataFrame(rows, columns=pd.Index(list(REPORT)))
    return now, report.astype({"year": "Int64"})


def _too_coarse(trap: Trap, trade: pd.DataFrame) -> bool:
    """Whether chapters or totals hide what the rule is about."""
    if not trap.digits or trade.empty:
        return False
    codes = trade["product"].unique()
    return max(0 if code == "TOTAL" else len(code) for code in codes) < trap.digits


# -- actions -----------------------------------------------------------------------------
def _flag_or_move(
    now: pd.DataFrame, trap: Trap, found: pd.Series, given: float | Mapping[str, float] | None
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    side, _, target = trap.formula.partition("=")
    if trap.action == "move" and given is None:
        given = float(trap.amount)
    if given is None:
        told = _by_year(now[found], trap, 1.0)
        now.loc[found, "flag"] = _with_flag(now.loc[found, "flag"], trap.rule)
        return now, told
    moved = dict(given) if isinstance(given, Mapping) else {target: float(given)}
    leaves = (side == "importer") == (trap.direction == "import")
    told = _by_year(now[found], trap, 1.0 - sum(moved.values()) if leaves else 1.0)
    for row in told:
        row |= {"action": "move", "status": "applied"}
        row["moved"] = sum(moved.values()) * row["before"]
    return _moved(now, trap, found, side, moved), told


def _moved(
    now: pd.DataFrame, trap: Trap, found: pd.Series, side: str, moved: Mapping[str, float]
) -> pd.DataFrame:
    """Shares of the rows booked for others; rows of the same flow are summed."""
    money = [c for c in ("value", "quantity") if c in now]
    parts = [now[~found]]
    for code, share in {"": 1.0 - sum(moved.values()), **moved}.items():
        part = now[found].copy()
        part[money] = part[money] * share
        part["flag"] = _with_flag(part["flag"], trap.rule)
        parts.append(part.assign(**{side: code}) if code else part)
    whole = pd.concat([p for p in parts if len(p)], ignore_index=True)
    whole = whole[(whole["value"] > 0) | (whole["flag"] == "")]
    keys = [c for c in (*_KEYS, "product") if c in whole]
    twice = whole.duplicated(keys, keep=False).to_numpy(dtype=bool)
    if not twice.any():
        return whole.reset_index(drop=True)
    rules: dict[str, Any] = {c: "first" for c in whole.columns if c not in keys}
    rules |= {c: lambda v: v.sum(min_count=1) for c in money} | {"flag": _joined}
    summed = whole[twice].groupby(keys, sort=False, as_index=False).agg(rules)
    return pd.concat([whole[~twice], summed[list(now.columns)]], ignore_index=True)


def _impute(
    now: pd.DataFrame, trap: Trap, found: pd.Series, trade: pd.DataFrame
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Add the rule's quantity in years in which the data show none of it."""
    mass, told, added = float(trap.amount), [], []
    seen = now[found & (now["value"] > 0)]
    for year in sorted(int(y) for y in now["year"].unique() if trap.covers_year(int(y))):
        count = int((seen["year"] == year).sum())
        if count:
            value = float(seen.loc[seen["year"] == year, "value"].sum())
            status = "reported in the data: nothing added"
            told.append(_line(trap, status, year, count, value, value))
            continue
        price, basis = _price(trade, trap, year)
        if not np.isfinite(price):
            status = "not applied: the data give no price"
            told.append(_line(trap, status, year, quantity=mass))
            continue
        value = mass * price / 1e6
        status = f"applied; price: {basis}"
        told.append(_line(trap, status, year, 1, 0.0, value, quantity=mass, price=price))
        sides = {"exporter": trap.partner, "importer": trap.country}
        if trap.direction == "export":
            sides = {"exporter": trap.country, "importer": trap.partner}
        line = _line_code(trade, trap.product)
        row = {"year": year, **sides, "product": line, "value": value, "quantity": mass}
        added.append(row | {"flag": f"imputed:{trap.rule}"})
    if added:
        empty = found & now["year"].isin([row["year"] for row in added])  # rows of zero
        now = now[~empty].reset_index(drop=True)
        extra = pd.DataFrame(added).reindex(columns=now.columns)
        now = pd.concat([now, extra.astype(now.dtypes.to_dict())], ignore_index=True)
    return now, told


def _price(trade: pd.DataFrame, trap: Trap, year: int) -> tuple[float, str]:
    """USD per tonne in the same year: of the named importer's purchases, else of all."""
    if "quantity" not in trade:
        return np.nan, ""
    known = (trade["year"] == year) & (trade["quantity"] > 0) & (trade["value"] > 0)
    known &= trade["product"].str.startswith(tuple(trap.product.split(";")))
    known &= (trade["importer"] != trap.country) & (trade["exporter"] != trap.country)
    buyer = trap.formula.rpartition(" ")[2]
    for rows, basis in (
        (trade[known & (trade["importer"] == buyer)], f"imports of {buyer}"),
        (trade[known], "the world's trade in the data"),
    ):
        if len(rows):
            return 1e6 * float(rows["value"].sum()) / float(rows["quantity"].sum()), basis
    return np.nan, ""


def _line_code(trade: pd.DataFrame, prefix: str) -> str:
    """The data's own code for a prefix: 2709 is 270900 in a table of six digits."""
    there = trade["product"][trade["product"].str.startswith(prefix)]
    return str(there.mode().iloc[0]) if len(there) else prefix


# -- the report --------------------------------------------------------------------------
def _by_year(rows: pd.DataFrame, trap: Trap, kept: float) -> list[dict[str, Any]]:
    status = "applied" if kept < 1 else "flagged"
    found = []
    for year in sorted(int(y) for y in rows["year"].unique()):
        values = rows.loc[rows["year"] == year, "value"]
        total = float(values.sum())
        found.append(_line(trap, status, year, len(values), total, kept * total))
    return found


def _line(
    trap: Trap,
    status: str,
    year: int | None = None,
    rows: int = 0,
    before: float = 0.0,
    after: float = 0.0,
    quantity: float = np.nan,
    price: float = np.nan,
) -> dict[str, Any]:
    return {
        "rule": trap.rule,
        "action": trap.action,
        "status": status,
        "year": year,
        "partner": trap.partner,
        "product": trap.product,
        "rows": rows,
        "before": float(before),
        "after": float(after),
        "change": float(after - before),
        "moved": 0.0,
        "quantity": quantity,
        "price": price,
        "reason": trap.reason,
        "source": trap.source,
        "verification": trap.verification,
    }


def _with_flag(flags: pd.Series, rule: str) -> pd.Series:
    return flags.where(flags == "", flags + ";") + rule


def _joined(flags: pd.Series) -> str:
    names = [name for text in flags for name in str(text).split(";") if name]
    return ";".join(dict.fromkeys(names))


# -- checks ------------------------------------------------------------------------------
def _check_trade(trade: pd.DataFrame) -> None:
    for name in (*_KEYS, "value"):
        if name not in trade:
            near = nearest(name, map(str, trade.columns))
            raise InputError(f"the table has no column '{name}'.", nearest=near)
    if "product" not in trade and "sector" in trade:
        raise InputError(
            "the rules are by product; give the table before it is summed to sectors "
            '(by="product").'
        )
    if "product" in trade and not trade["product"].map(lambda v: isinstance(v, str)).all():
        raise InputError("'product' must be text, with its leading zeros.")


def _check_shares(shares: Shares, rules: tuple[Trap, ...]) -> None:
    known = {trap.rule: trap for trap in rules}
    for rule, given in shares.items():
        if rule not in known:
            raise InputError(
                f"there is no rule '{rule}' for this country.", nearest=nearest(rule, known)
            )
        trap = known[rule]
        side, _, target = trap.formula.partition("=")
        if trap.action not in ("flag", "move") or side not in ("exporter", "importer"):
            raise InputError(f"'{rule}' takes no share: it is no transit.")
        if not isinstance(given, Mapping) and not target:
            raise InputError(
                f"'{rule}' does not know whose the goods are: give {{country: share}}."
            )
        values = list(given.values()) if isinstance(given, Mapping) else [given]
        if not values or min(values) <= 0 or sum(values) > 1:
            raise InputError(f"the shares of '{rule}' must be above 0 and add up to 1 at most.")


def _check(trap: Trap, file: str) -> None:
    for key, options in (
        ("action", ACTIONS),
        ("direction", DIRECTIONS),
        ("verification", VERIFICATIONS),
    ):
        value = getattr(trap, key)
        if value not in options:
            raise InputError(
                f"'{value}' is none of {', '.join(options)}.",
                Place(file, trap.line, key),
                nearest(value, options),
            )
    for key, pattern in _patterns(trap).items():
        value = getattr(trap, key)
        if not re.fullmatch(pattern, value):
            raise InputError(
                f"'{value}' does not fit a rule that is to {trap.action}.",
                Place(file, trap.line, key),
            )


def _patterns(trap: Trap) -> dict[str, str]:
    """What each text of a rule must look like."""
    patterns = {
        "country": r"[A-Z]{3}",
        "partner": r"\*|!?[A-Z]{3}(;[A-Z]{3})*",
        "product": r"\*|!?\d{2,6}(;\d{2,6})*",
        "years": r"\*|\d{4}(-\d{4})?(;\d{4}(-\d{4})?)*",
        "reason": r".+",
        "source": r".+",
    }
    if trap.action == "impute":
        patterns |= {
            "partner": r"[A-Z]{3}",
            "product": r"\d{2,6}",
            "direction": "import|export",
        }
        patterns |= {"amount": r"\d+(\.\d+)?", "formula": r"price: imports of [A-Z]{3}"}
    elif trap.action == "move":
        patterns |= {"amount": r"0?\.\d+|1", "formula": r"(importer|exporter)=[A-Z]{3}"}
    elif trap.action == "flag":
        patterns |= {"formula": r"|(importer|exporter)=([A-Z]{3})?"}
    if trap.action in ("move", "flag") and trap.formula:
        patterns |= {"direction": "import|export"}  # of both, the side would be either's
    return patterns
