"""Debt relief: part of a debt is forgiven, and the rest is paid in equal parts."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from detente.errors import InputError
from detente.scenario.compose import State
from detente.scenario.dates import status
from detente.scenario.debt import (
    MOST_INSTALMENTS,
    PER_YEAR,
    KnownDebt,
    Terms,
    known_debt,
    known_debts,
    worth,
)
from detente.scenario.measure import Measure
from detente.scenario.quantities import (
    Money,
    OneCode,
    Rate,
    Share,
    amount,
    plain_number,
    refuse,
)
from detente.scenario.registry import measure
from detente.scenario.units import figure


def _known(value: Any) -> str:
    try:
        known_debt(str(value))
    except InputError as error:
        refuse(error.what, error.nearest)
    return str(value)


def _whole(value: Any) -> int:
    number = plain_number(value)
    if number is None or number != int(number) or not 1 <= number <= MOST_INSTALMENTS:
        refuse(f"{value!r} is no number of payments: a whole number, 1 to {MOST_INSTALMENTS}.")
    return int(number)


def _per_year(value: Any) -> int:
    number = plain_number(value)
    if number not in PER_YEAR:
        refuse(f"{value!r} is no number of payments a year: 1, 2, 4 or 12.")
    return int(number)


def _not_zero(value: Any) -> Any:
    """Nothing kept is said by what is forgiven."""
    words = value.split() if isinstance(value, str) else [value]
    if amount(value) == 0 or (words and plain_number(words[0]) == 0):
        refuse(f"{value!r} is not above zero: nothing kept is all forgiven.", "forgiven: 100%")
    return value


_WHOLE = r"^\s*0*(?:[1-9]\d{0,2}|1[01]\d\d|1200)\s*$"
DebtName = Annotated[
    str, BeforeValidator(_known), WithJsonSchema({"enum": sorted(known_debts())})
]
Instalments = Annotated[
    int,
    BeforeValidator(_whole),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MOST_INSTALMENTS},
                {"type": "string", "pattern": _WHOLE},
            ],
            "examples": [40],
        }
    ),
]
PerYear = Annotated[
    int,
    BeforeValidator(_per_year),
    WithJsonSchema({"enum": [*PER_YEAR, *map(str, PER_YEAR)]}),
]
Kept = Annotated[Money, BeforeValidator(_not_zero)]
_NEEDED = ("creditor", "debtor", "debt", "instalments", "per_year")


@measure("debt_relief")
class DebtRelief(Measure):
    """Part of a debt forgiven; the rest paid in equal parts, and spent by the creditor.

    Present value Σⱼ p·(1 + r)^(−j/m) and grant element (face − PV)/face as the World Bank and
    the OECD define them: :mod:`detente.scenario.debt`. What the model sees is money that
    changes hands each year. Before, the debtor paid the share ``serviced`` of the service
    due, σ·D·m/n; now it pays K·m/n, of which the creditor spends ``reinvested`` in the debtor,
    for the debtor's use, so that this part never leaves it:
    transfer[debtor] = σ·D·m/n − (1 − reinvested)·K·m/n = −transfer[creditor].
    Forgiving a debt that nobody serviced is worth nothing in this flow. Payments stop n/m
    years after ``on``; the day after the last, service before and after are both over, and the
    transfer is zero. ``until`` ends them earlier. A stock of debt is no part of the model: new
    credit that relief may open has to be stated with other measures.
    """

    use: DebtName | None = Field(
        default=None,
        description="An agreement of 'detente debt list'; other terms replace its.",
    )
    creditor: OneCode | None = Field(default=None, description="To whom it is owed.")
    debtor: OneCode | None = Field(default=None, description="Who owes it.")
    debt: Money | None = Field(
        default=None, description="All that is owed.", examples=["10.96 billion USD"]
    )
    kept: Kept | None = Field(
        default=None,
        description="What of it is still to be paid; or state 'forgiven'.",
        examples=["1.09 billion USD"],
    )
    forgiven: Share | None = Field(
        default=None, description="Share of the debt forgiven, in place of 'kept'."
    )
    instalments: Instalments | None = Field(
        default=None, description="Number of equal payments of what is kept."
    )
    per_year: PerYear | None = Field(
        default=None, description="Payments a year: 1, 2, 4 or 12."
    )
    serviced: Share | None = Field(
        default=None,
        description="Share of the service due that the debtor paid before; 0 if not stated.",
    )
    rate: Rate = Field(
        default=0.03, description="Yearly rate of the present values that the result tells."
    )
    reinvested: Share | None = Field(
        default=None,
        description="Share of the payments that the creditor spends in the debtor, for its "
        "use; 0 if not stated.",
    )

    @model_validator(mode="after")
    def _whole_deal(self) -> DebtRelief:
        if self.kept is not None and self.forgiven is not None:
            refuse("'kept' and 'forgiven' say the same thing: give one.")
        if self.use is None:
            missing = [key for key in _NEEDED if getattr(self, key) is None]
            if missing:
                refuse(f"'debt_relief' needs '{missing[0]}', or 'use', an agreement by name.")
            if self.kept is None and self.forgiven is None:
                refuse("'debt_relief' needs 'kept', an amount, or 'forgiven', a share.")
        self._own_parties()
        if self._given("creditor") == self._given("debtor"):
            refuse(f"'creditor' and 'debtor' are both {self._given('debtor')}.")
        try:
            terms = self.terms
            if self.on is not None:
                terms.day(self.on, terms.instalments)
        except InputError as error:
            refuse(error.what)
        except ValueError:
            refuse("the last payment is after the year 9999.")
        return self

    def _own_parties(self) -> None:
        """An agreement by name is between those who made it."""
        deal = self._agreement
        if deal is None:
            return
        for key in ("creditor", "debtor"):
            if getattr(self, key) not in (None, getattr(deal, key)):
                refuse(
                    f"'{self.use}' is between {deal.creditor} and {deal.debtor}: leave "
                    f"'{key}' out, or state another debt without 'use'."
                )

    @property
    def _agreement(self) -> KnownDebt | None:
        return None if self.use is None else known_debt(self.use)

    def _given(self, key: str) -> Any:
        """A field, or what the agreement named has in its place."""
        value = getattr(self, key)
        return getattr(self._agreement, key, None) if value is None else value

    @property
    def terms(self) -> Terms:
        """What is agreed, the catalogue's where this measure states nothing.

        Raises
        ------
        InputError
            More is kept than owed.
        """
        debt = self._given("debt")
        share = 1.0 - self.forgiven if self.forgiven is not None else None
        kept = self._given("kept") if share is None else share * debt
        if self.kept is None and share is None and self.debt is not None and self._agreement:
            kept = debt * self._agreement.kept / self._agreement.debt
        return Terms(
            debt,
            kept,
            self._given("instalments"),
            self._given("per_year"),
            self._given("serviced") or 0.0,
        )

    @property
    def over(self) -> date | None:
        """The day after the last payment; None without a first day."""
        if self.on is None:
            return None
        return date.fromordinal(self._last(self.on).toordinal() + 1)

    def _last(self, on: date) -> date:
        return self.terms.day(on, self.terms.instalments)

    def turns(self) -> tuple[date, ...]:
        """The day after the last payment, if it is in force so long."""
        over = self.over
        if over is None or (self.until is not None and self.until < over):
            return ()
        return (over,)

    def apply(self, state: State) -> str:
        """Pay what is due after the deal less what was paid before it."""
        creditor, debtor = self._given("creditor"), self._given("debtor")
        gives = self.countries(state.world, (creditor,), "use" if self.use else "creditor")
        owes = self.countries(state.world, (debtor,), "use" if self.use else "debtor")
        terms, back = self.terms, self._given("reinvested") or 0.0
        over = self.over
        if over is not None and state.day is not None and state.day >= over:
            return f"{debtor}→{creditor}: the last payment was on {self._last_in_words()}"
        left = terms.a_year * (1.0 - back)
        gain = terms.paid_before - left
        self._refuse_twice(state)
        state.transfer += gain * (owes.astype(float) - gives)
        self._told(state, terms, back)
        return (
            f"{debtor} pays {creditor} {figure(terms.a_year)} million USD a year "
            f"({terms.instalments} payments of {figure(terms.payment)}), of which "
            f"{figure(left)} leave it; before it paid {figure(terms.paid_before)}"
        )

    def _refuse_twice(self, state: State) -> None:
        """One agreement twice in force would be paid twice."""
        if self.use is None or status(self, state.day) != "active":
            return
        other = state.pad.setdefault("debts by name", {}).setdefault(self.use, self)
        if other is not self:
            line = other.source.place().line
            where = "" if line is None else f" (line {line})"
            self.fail("use", f"'{self.use}' is in force already{where}: it is paid once.")

    def _last_in_words(self) -> str:
        return "" if self.on is None else self._last(self.on).isoformat()

    def _told(self, state: State, terms: Terms, back: float) -> None:
        """What the deal is worth, and what of it the model does not see."""
        found, at = worth(terms, self.rate), f"at {100 * self.rate:.3g} %"
        debtor = self._given("debtor")
        state.tell(
            self,
            f"{terms.forgiven:,.6g} of {terms.debt:,.6g} million USD are forgiven; {at} what "
            f"is kept is worth {figure(found.kept)} million USD today, what is forgiven "
            f"{figure(found.forgiven)} had it been serviced in full on the same dates; grant "
            f"element {100 * found.grant_element:.1f} % (present value of what is kept against "
            f"the face value of all), at the same terms {100 * found.reduction:.1f} % at any "
            "rate",
        )
        if terms.serviced == 0 and terms.forgiven > 0:
            cost = (
                f", while what is kept costs it {figure(terms.a_year)} million USD a year "
                "if paid"
                if terms.kept
                else ""
            )
            state.tell(
                self,
                f"{debtor} is taken to have serviced none of it: in money that flows, "
                f"forgiving is then worth nothing to it{cost}",
            )
        if back:
            state.tell(
                self,
                f"{100 * back:.3g} % of what is paid is spent in {debtor} for its own use and "
                "does not leave it",
            )

    def remarks(self, state: State) -> list[str]:
        """Present values, and that unserviced debt costs nothing until it is settled."""
        return state.told_of(self)
