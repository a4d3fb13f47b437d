"""Debt relief: what is kept and paid, what it is worth, and what changes hands each year.

With D the debt, K what of it is kept, n equal payments, m of them a year, and r a yearly rate:

- a payment is K/n, the first one m-th of a year after the agreement, the last n/m years after;
- present value of what is kept: PV = Σⱼ (K/n)·(1 + r)^(−j/m), j = 1 … n;
- grant element of the deal: (D − PV)/D, and of the kept part alone (K − PV)/K: face value less
  the present value of the service, over the face value (World Bank, IDA, "Grant element
  calculations"; OECD, glossary of statistical terms, "grant element");
- reduction in present value at the same terms: (D − K)/D at any rate. The grant element sets
  the present value of the new debt against the face value of the old, as is customary, so that
  it counts discounting as a gift; with old and new service on the same dates it drops out;
- present value of what is forgiven: that of D − K on the same dates. It is what the creditor
  gives up if the debt would have been serviced in full;
- what changes hands: before, the debtor paid the share σ of the service due, σ·D·m/n a year;
  after, K·m/n. The debtor's gain is the difference. Forgiving what nobody serviced is worth
  nothing in money that flows, and the kept part, if paid, costs the debtor.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from detente.errors import InputError, nearest
from detente.sources.yamlfile import parse_yaml
from detente.world.core import Array

#: Payments a year that have a day of the month each.
PER_YEAR = (1, 2, 4, 12)
#: More payments than this are taken for a mistake.
MOST_INSTALMENTS = 1200


@dataclass(frozen=True)
class Terms:
    """What was agreed about a debt.

    Parameters
    ----------
    debt : float
        D, million USD.
    kept : float
        K, million USD: what is still to be paid, zero to D.
    instalments : int
        n, equal payments of the kept part.
    per_year : int
        m, payments a year: 1, 2, 4 or 12.
    serviced : float
        σ, share of the service due that the debtor paid before, 0 to 1.

    Raises
    ------
    InputError
        A value out of its range.
    """

    debt: float
    kept: float
    instalments: int
    per_year: int
    serviced: float = 0.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.debt) and self.debt > 0):
            raise InputError(f"a debt of {self.debt:g} million USD is none.")
        if not 0 <= self.kept <= self.debt:
            raise InputError(
                f"{self.kept:,.6g} million USD are kept of a debt of {self.debt:,.6g}: what is "
                "kept is zero to all of it."
            )
        if not 1 <= self.instalments <= MOST_INSTALMENTS:
            raise InputError(f"{self.instalments} payments: 1 to {MOST_INSTALMENTS}.")
        if self.per_year not in PER_YEAR:
            raise InputError(f"{self.per_year} payments a year: 1, 2, 4 or 12.")
        if not 0 <= self.serviced <= 1:
            raise InputError(f"a share serviced of {self.serviced:g}: 0 to 1.")

    @property
    def forgiven(self) -> float:
        """D − K, million USD."""
        return self.debt - self.kept

    @property
    def payment(self) -> float:
        """K/n, million USD."""
        return self.kept / self.instalments

    @property
    def a_year(self) -> float:
        """K·m/n, million USD a year."""
        return self.payment * self.per_year

    @property
    def years(self) -> float:
        """n/m: years until the last payment."""
        return self.instalments / self.per_year

    @property
    def due_before(self) -> float:
        """D·m/n: service due a year before, on the same dates, million USD."""
        return self.debt * self.per_year / self.instalments

    @property
    def paid_before(self) -> float:
        """σ·D·m/n: what the debtor paid a year before, million USD."""
        return self.serviced * self.due_before

    def day(self, signed: date, number: int) -> date:
        """The day of the payment with a number, from 1; the agreement's own day has 0."""
        months = signed.month - 1 + number * (12 // self.per_year)
        year, month = signed.year + months // 12, months % 12 + 1
        return date(year, month, min(signed.day, calendar.monthrange(year, month)[1]))


def present_value(payments: Array, per_year: int, rate: float) -> float:
    """Σⱼ pⱼ·(1 + r)^(−j/m), the first payment one m-th of a year from now.

    Parameters
    ----------
    payments : ndarray, shape (n,)
        In the order of their days.
    per_year : int
        m.
    rate : float
        r, a year.
    """
    j = np.arange(1, len(payments) + 1)
    return float((payments * (1.0 + rate) ** (-j / per_year)).sum())


def schedule(terms: Terms, signed: date | None = None) -> pd.DataFrame:
    """Every payment of the kept part.

    Parameters
    ----------
    terms : Terms
    signed : date, optional
        Day of the agreement; without it the days are blank.

    Returns
    -------
    DataFrame
        ``number``, ``day`` (ISO), ``years`` from the agreement, ``payment`` and
        ``outstanding`` after it, million USD.
    """
    number = np.arange(1, terms.instalments + 1)
    return pd.DataFrame(
        {
            "number": number,
            "day": [terms.day(signed, int(j)).isoformat() if signed else "" for j in number],
            "years": number / terms.per_year,
            "payment": np.full(number.size, terms.payment),
            "outstanding": terms.kept * (1.0 - number / terms.instalments),
        }
    )


@dataclass(frozen=True)
class Worth:
    """What a deal is worth at one rate, million USD unless it says otherwise.

    Attributes
    ----------
    rate : float
        A year.
    kept : float
        Present value of the kept part's payments.
    forgiven : float
        Present value of what is forgiven, had it been due on the same dates.
    gain : float
        The debtor's, in money that flows: present value of what it paid before on those
        dates, less ``kept``.
    grant_element : float
        (D − kept)/D, a share.
    grant_element_kept : float
        (K − kept)/K, a share; nan where nothing is kept.
    reduction : float
        forgiven/(kept + forgiven), a share: of the present value of the old debt's service on
        the same dates; (D − K)/D at any rate.
    """

    rate: float
    kept: float
    forgiven: float
    gain: float
    grant_element: float
    grant_element_kept: float
    reduction: float


def worth(terms: Terms, rate: float) -> Worth:
    """Present values and grant elements of a deal (module docstring).

    Raises
    ------
    InputError
        A rate of −100 % or less, or one that is no number.
    """
    if not (np.isfinite(rate) and rate > -1):
        raise InputError(f"a rate of {rate:g} discounts nothing: above −1.")
    one = present_value(
        np.full(terms.instalments, 1.0 / terms.instalments), terms.per_year, rate
    )
    kept = terms.kept * one
    return Worth(
        rate=rate,
        kept=kept,
        forgiven=terms.forgiven * one,
        gain=terms.serviced * terms.debt * one - kept,
        grant_element=(terms.debt - kept) / terms.debt,
        grant_element_kept=(terms.kept - kept) / terms.kept if terms.kept else float("nan"),
        reduction=terms.forgiven * one / (terms.debt * one),
    )


# -- the catalogue ---------------------------------------------------------------------------
class Figure(BaseModel):
    """A fact, where it was found, and whether it was read there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    what: str
    source: str
    verification: str
    note: str = ""


class KnownDebt(BaseModel):
    """An agreement of the catalogue; amounts in million USD, shares as such."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    creditor: str
    debtor: str
    debt: float
    kept: float
    instalments: int
    per_year: int
    signed: date
    serviced: float = 0.0
    reinvested: float = 0.0
    note: str = ""
    figures: tuple[Figure, ...] = ()

    @property
    def terms(self) -> Terms:
        """What was agreed."""
        return Terms(self.debt, self.kept, self.instalments, self.per_year, self.serviced)


@cache
def known_debts() -> Mapping[str, KnownDebt]:
    """The agreements that come with detente, by name."""
    text = (files("detente") / "data" / "debts.yaml").read_text(encoding="utf-8")
    data: Any
    data, _ = parse_yaml(text, "debts.yaml")
    return {name: KnownDebt.model_validate(entry) for name, entry in data["debts"].items()}


def known_debt(name: str) -> KnownDebt:
    """One agreement by its name.

    Raises
    ------
    InputError
        There is none of that name; the nearest is told.
    """
    debts = known_debts()
    if name not in debts:
        raise InputError(
            f"there is no debt '{name}'; there are {', '.join(debts)}.",
            nearest=nearest(name, debts),
        )
    return debts[name]
