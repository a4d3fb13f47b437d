"""From a published table to one whose identities hold exactly.

The model needs a table without stocks, without negative cells, with the same sourcing for
every use, and in which what is made is what is sold. A published table is none of that. Here
it becomes so, and every step says what it moved:

1. negative sales as inputs become zero;
2. what a cell sells is its output: where the published output differs by more than rounding,
   final sales are balanced to it (RAS), by less, the sum of sales stands;
3. where inputs cost more than the output, they are scaled down to it, and what is released
   goes to the same country's final demand;
4. what was drawn from stocks is produced instead, what went into stocks is final demand
   (:func:`detente.world.clean.remove_inventories`);
5. if external balances are given, final demand is balanced to them (RAS);
6. tariffs on inputs come out of value added, in which the source's own taxes on products
   stay (the ICIO counts import duties there); tariffs on final goods come on top of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detente.assembly.changes import Change, change, largest
from detente.errors import InputError, Place, WorldError, nearest
from detente.sources.iotable import IOTable
from detente.world.balance import balance
from detente.world.clean import remove_inventories

Array = NDArray[np.float64]

#: Published output may differ from the sum of sales by this much in all: rounding.
ROUNDING = 2e-3

#: What sums of millions of cells miss by anyway.
NOISE = 1e-9

#: More of a table may not be negative, or misfit its output, than this share.
TOLERANCE = 0.05

#: A given deficit may not be more of value added than this, and is odd if all are smaller.
LARGEST_DEFICIT, SMALLEST_DEFICIT = 2.0, 3e-4

#: A full table of more rows than this is not cleaned of stocks: five arrays of their square.
MOST_ROWS = 10_000


@dataclass(frozen=True)
class Money:
    """A table in money, every cell non-negative; N countries, S sectors, million USD.

    Attributes
    ----------
    countries, sectors : tuple of str
    intermediate, final : ndarray, shape (S, N, N)
        [s, i, n]: sales to industries and to final demand, basic prices.
    input_use : ndarray, shape (S, S, N)
        [k, s, n]: inputs of k in making s, basic prices, without tariffs.
    """

    countries: tuple[str, ...]
    sectors: tuple[str, ...]
    intermediate: Array
    final: Array
    input_use: Array

    @property
    def output(self) -> Array:
        """[s, i]: what is sold; shape (S, N)."""
        total: Array = (self.intermediate + self.final).sum(axis=2)
        return total

    @property
    def value_added(self) -> Array:
        """[s, i]: output less inputs; shape (S, N)."""
        added: Array = self.output - self.input_use.sum(axis=0)
        return added


class Deficits(dict[str, float]):
    """Imports less exports by country, million USD; knows where a file has them.

    Parameters
    ----------
    values : mapping of str to float
    file : str
        Where they stand; empty where there is no file.
    lines : mapping of str to int, optional
        Line of each.
    """

    def __init__(
        self,
        values: Mapping[str, float],
        file: str = "",
        lines: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__({str(code): float(value) for code, value in values.items()})
        self.file, self.lines = file, lines or {}

    @classmethod
    def of(cls, given: Mapping[str, float]) -> Deficits:
        """A copy of any mapping."""
        if isinstance(given, Deficits):
            return cls(given, given.file, given.lines)
        return cls(given)

    def place(self, code: str = "") -> Place | None:
        """Where one of them stands, or the file."""
        return Place(self.file, self.lines.get(code), code or None) if self.file else None


def clean_table(
    table: IOTable, tolerance: float = TOLERANCE
) -> tuple[Money, tuple[Change, ...]]:
    """Steps 1 to 4: a table without stocks and negative cells, and what that moved.

    Parameters
    ----------
    table : IOTable
    tolerance : float
        Largest share of the table that may be negative or misfit.

    Raises
    ------
    WorldError
        More than ``tolerance`` of it: how much, and where most.
    InputError
        A technology that uses more than it makes.
    """
    changes: list[Change] = []
    table = _positive_inputs(table, tolerance, changes)
    table = _at_published_output(table, tolerance, changes)
    table = _affordable(table, tolerance, changes)
    _taxes(table, changes)
    if (table.inventories < 0).any() or (table.final < 0).any():
        return _without_stocks(table, changes), tuple(changes)
    added = float(table.inventories.sum())
    if added > 0:
        what = "added to stocks: counted as final demand"
        total = float(table.final.sum()) + added
        changes.append(change("balance", "noted", what, added, total, "final demand"))
    final = table.final + table.inventories
    money = Money(table.countries, table.sectors, table.intermediate, final, table.input_use)
    return money, tuple(changes)


def refuse_numbers(table: IOTable) -> None:
    """Refuse a table with a cell that is no finite number."""
    for name in ("intermediate", "final", "inventories", "input_use", "output"):
        bad = ~np.isfinite(getattr(table, name))
        if bad.any():
            what = f"the table's '{name}' has {int(bad.sum())} cells without a number."
            raise InputError(what)


# -- steps 1 to 4 --------------------------------------------------------------------------
def _positive_inputs(table: IOTable, tolerance: float, changes: list[Change]) -> IOTable:
    """Negative sales as inputs to zero; uses made to add up to what is bought."""
    labels = (table.sectors, table.countries, table.countries)
    low = np.minimum(table.intermediate, 0.0)
    size = float(np.abs(table.intermediate).sum())
    removed = -float(low.sum())
    if removed > tolerance * size:
        raise WorldError(
            f"{removed / size:.1%} of the sales as inputs are negative, most in "
            f"{largest(low, *labels)}; the tolerance is {tolerance:.0%}."
        )
    if removed > 0:
        what = "negative sales as inputs: set to zero"
        where, cells = largest(low, *labels), int((low < 0).sum())
        changes.append(
            change(
                "balance", "clipped", what, removed, size, "inputs", cells=cells, where=where
            )
        )
    bought = np.maximum(table.intermediate, 0.0)
    use, total = np.maximum(table.input_use, 0.0), bought.sum(axis=1)
    used = use.sum(axis=1)
    gap = np.abs(total - used)
    if gap.sum() > max(tolerance, NOISE) * size:
        raise WorldError(
            f"what industries use differs from what they buy by {gap.sum() / size:.1%} in all, "
            f"most: {largest(gap, table.sectors, table.countries)}."
        )
    factor = np.divide(total, used, out=np.zeros_like(total), where=used > 0)
    idle = (used <= 0) & (total > 0)  # bought, but no industry is known to use it
    final = table.final + bought * idle[:, None, :]
    bought = bought * ~idle[:, None, :]
    if gap.sum() > NOISE * size:
        what = "inputs scaled, so that uses add up to purchases"
        where = largest(gap, table.sectors, table.countries)
        changes.append(
            change("balance", "balanced", what, float(gap.sum()), size, "inputs", where=where)
        )
    return replace(table, intermediate=bought, final=final, input_use=use * factor[:, None, :])


def _at_published_output(table: IOTable, tolerance: float, changes: list[Change]) -> IOTable:
    """Sales as published, or final sales balanced to the published output."""
    sold = (table.intermediate + table.final + table.inventories).sum(axis=2)
    miss = table.output - sold
    total = float(np.abs(table.output).sum())
    gap = float(np.abs(miss).sum())
    where = largest(miss, table.sectors, table.countries)
    if gap > max(tolerance, NOISE) * total:
        raise WorldError(
            f"sales miss the published output by {gap / max(total, 1e-300):.1%} in all, most "
            f"in {where}; the tolerance is {tolerance:.0%}. A wrong unit or a missing block?"
        )
    if gap > ROUNDING * total:
        final = _ras_to_output(table)
        moved = float(np.abs(final - table.final).sum())
        what = "final sales balanced to the published output"
        changes.append(
            change("balance", "balanced", what, moved, total, "output", where=f"most: {where}")
        )
        return replace(table, final=final)
    if gap > NOISE * total:
        what = "published output differs from sales: sales stand"
        changes.append(
            change("balance", "noted", what, gap, total, "output", where=f"most: {where}")
        )
    return table


def _ras_to_output(table: IOTable) -> Array:
    """Final sales whose rows reach the published output; each buyer's share is kept."""
    n = len(table.countries)
    low = np.minimum(table.final, 0.0)
    prior = np.maximum(table.final, 0.0)
    other = (table.intermediate + table.inventories + low).sum(axis=2)
    rows = np.maximum(table.output - other, 0.0)
    unsold = (prior.sum(axis=2) <= 0) & (rows > 0)
    prior[:, np.arange(n), np.arange(n)] += np.where(unsold, rows, 0.0)
    columns = prior.sum(axis=(0, 1))
    columns = columns * (rows.sum() / columns.sum())
    fitted = _fit(prior, rows, columns, table.sectors, table.countries)
    return fitted + low


def _fit(
    prior: Array,
    rows: Array,
    columns: Array,
    sectors: tuple[str, ...],
    countries: tuple[str, ...],
) -> Array:
    """RAS of [s, i, n] to totals of suppliers (S, N) and of buyers (N,)."""
    shape = prior.shape
    labels = [f"{s}, {i}" for s in sectors for i in countries]
    found = balance(
        prior.reshape(-1, shape[2]),
        rows.reshape(-1),
        columns,
        row_labels=labels,
        column_labels=countries,
        tolerance=1e-11,
    )
    values: Array = found.values.reshape(shape)
    return values


def _affordable(table: IOTable, tolerance: float, changes: list[Change]) -> IOTable:
    """No cell whose inputs cost more than what it sells."""
    sold = (table.intermediate + table.final + table.inventories).sum(axis=2)
    factor, over = _factor(table.input_use.sum(axis=0), sold)
    if not over.any():
        return table
    _told_over(over, sold - table.input_use.sum(axis=0), table, tolerance, changes)
    moved = _moved(table.intermediate, table.input_use, factor)
    return replace(
        table,
        intermediate=table.intermediate - moved,
        final=table.final + moved,
        input_use=table.input_use * factor,
    )


def _factor(cost: Array, output: Array) -> tuple[Array, Array]:
    """What inputs are scaled by so that they cost no more than the output; the excess."""
    allowed = np.maximum(output, 0.0) * (1.0 - 1e-12)
    over = np.where(cost > allowed, cost - np.maximum(output, 0.0), 0.0)
    over = np.maximum(over, 0.0)
    tight = cost > allowed
    return np.where(tight, allowed / np.where(cost > 0, cost, 1.0), 1.0), over


def _moved(intermediate: Array, input_use: Array, factor: Array) -> Array:
    """Sales to industries that become final when inputs are scaled; shape (S, N, N)."""
    used = input_use.sum(axis=1)
    released = (input_use * (1.0 - factor)).sum(axis=1)
    share = np.divide(released, used, out=np.zeros_like(used), where=used > 0)
    moved: Array = intermediate * share[:, None, :]
    return moved


def _told_over(
    over: Array,
    added: Array,
    table: IOTable | Money,
    tolerance: float,
    changes: list[Change],
    why: str = "",
) -> None:
    total = float(np.maximum(added, 0.0).sum())
    amount, where = float(over.sum()), largest(over, table.sectors, table.countries)
    if amount > tolerance * total:
        raise WorldError(
            f"inputs cost more than the output{why} by {amount / max(total, 1e-300):.1%} of "
            f"value added in all, most in {where}; the tolerance is {tolerance:.0%}."
        )
    what = f"inputs above the output{why}: scaled down, the rest is final demand"
    cells = int((over > 0).sum())
    changes.append(
        change(
            "balance", "clipped", what, amount, total, "value added", cells=cells, where=where
        )
    )


def _taxes(table: IOTable, changes: list[Change]) -> None:
    """Where the source's own taxes on products go."""
    total = float(np.maximum(table.output - table.input_use.sum(axis=0), 0.0).sum())
    for amount, what in (
        (float(table.taxes.sum()), "taxes on products paid by industries: in value added"),
        (float(table.final_taxes.sum()), "taxes on products paid by final demand: left out"),
    ):
        if amount:
            changes.append(change("balance", "noted", what, amount, total, "value added"))


def _without_stocks(table: IOTable, changes: list[Change]) -> Money:
    """Step 4, on the full table that proportional sourcing implies."""
    n, s = len(table.countries), len(table.sectors)
    if n * s > MOST_ROWS:
        raise InputError(
            f"the table has stocks to clear out and {n * s:,} rows; up to {MOST_ROWS:,} are "
            "solved. Aggregate it first: --aggregate MAP.yaml."
        )
    bought = table.intermediate.sum(axis=1, keepdims=True)
    source = np.divide(
        table.intermediate, bought, out=np.zeros_like(table.intermediate), where=bought > 0
    )
    full = np.einsum("kin,ksn->ikns", source, table.input_use).reshape(n * s, n * s)
    rows = (table.final.transpose(1, 0, 2), table.inventories.transpose(1, 0, 2))
    final, stocks = (np.ascontiguousarray(a).reshape(n * s, n) for a in rows)
    found = remove_inventories(
        full, final, stocks, countries=table.countries, sectors=table.sectors
    )
    totals = {str(key): float(value) for key, value in found.report.sum().items()}
    _stocks_told(totals, changes)
    inputs = found.intermediate.reshape(n, s, n, s)
    return Money(
        table.countries,
        table.sectors,
        np.ascontiguousarray(inputs.sum(axis=3).transpose(1, 0, 2)),
        np.ascontiguousarray(found.final.reshape(n, s, n).transpose(1, 0, 2)),
        np.ascontiguousarray(inputs.sum(axis=0).transpose(0, 2, 1)),
    )


def _stocks_told(report: Mapping[str, float], changes: list[Change]) -> None:
    output = float(report["output_before"])
    for key, flag, what in (
        ("drawn_from_stocks", "balanced", "drawn from stocks: produced instead"),
        ("added_to_stocks", "noted", "added to stocks: counted as final demand"),
        ("other_negative_final", "balanced", "other negative final demand: produced instead"),
    ):
        if report[key] > 0:
            changes.append(change("balance", flag, what, report[key], output, "output"))
    more = float(report["output_after"]) - output
    what = "output that this adds, by the Leontief inverse"
    changes.append(change("balance", "balanced", what, more, output, "output"))


# -- steps 5 and 6 ------------------------------------------------------------------------
def to_deficits(
    money: Money, deficits: Mapping[str, float]
) -> tuple[Money, tuple[Change, ...]]:
    """Balance final demand to given trade deficits; suppliers' final sales are kept.

    Net of tariff, a country's final demand is its value added plus its deficit (imports less
    exports). Countries that are not given keep theirs, less what must be made up so that
    deficits sum to zero, in proportion to value added.

    Raises
    ------
    InputError
        A country that is not there; deficits of all countries that do not sum to zero;
        a country that would be left without final demand.
    """
    deficits = Deficits.of(deficits)
    unknown = [c for c in deficits if c not in money.countries]
    if unknown:
        near, place = nearest(unknown[0], money.countries), deficits.place(unknown[0])
        raise InputError(f"deficits: '{unknown[0]}' is no country of the world.", place, near)
    added = money.value_added.sum(axis=0)
    changes = _in_millions(deficits, dict(zip(money.countries, added, strict=True)))
    own = money.final.sum(axis=(0, 1)) - added
    given = np.array([c in deficits for c in money.countries])
    wanted = np.array(
        [float(deficits.get(c, d)) for c, d in zip(money.countries, own, strict=True)]
    )
    over = float(wanted.sum())
    if given.all() and abs(over) > 0.01 * float(np.abs(wanted).sum()):
        what = f"the deficits sum to {over:,.0f} million USD; they must sum to zero."
        raise InputError(what, deficits.place())
    takes = added * (np.ones_like(added) if given.all() else ~given)
    wanted -= over * takes / takes.sum()
    columns = added + wanted
    if (columns <= 0).any():
        bad = money.countries[int(np.argmin(columns))]
        raise InputError(
            f"deficits: {bad} would have no final demand left: its value added is "
            f"{added[money.countries.index(bad)]:,.0f} million USD.",
            deficits.place(bad if bad in deficits else ""),
        )
    rows = money.final.sum(axis=2)
    final = _fit(
        money.final,
        rows,
        columns * (rows.sum() / columns.sum()),
        money.sectors,
        money.countries,
    )
    moved = float(np.abs(final - money.final).sum()) / 2.0
    what = "final demand balanced to the given deficits"
    where = f"most: {largest(wanted - own, money.countries)}"
    found = change(
        "balance", "balanced", what, moved, float(rows.sum()), "final demand", where=where
    )
    return replace(money, final=final), (found, *changes)


def _in_millions(deficits: Deficits, added: Mapping[str, float]) -> tuple[Change, ...]:
    """Refuse deficits that must be in thousands; tell those that may be in billions."""
    for code, value in deficits.items():
        if value > LARGEST_DEFICIT * added[code]:
            what = (
                f"a deficit of {value:,.0f} million USD is more than {LARGEST_DEFICIT:g} times"
            )
            what += f" the country's value added ({added[code]:,.0f}). Another unit?"
            raise InputError(what, deficits.place(code))
    shares = [abs(v) / max(added[code], 1e-300) for code, v in deficits.items() if v]
    if not shares or max(shares) >= SMALLEST_DEFICIT:
        return ()
    what = f"given deficits are below {SMALLEST_DEFICIT:.2%} of value added: billions?"
    return (Change("balance", "noted", what, cells=len(shares)),)


def with_tariffs(
    money: Money, tariff: Array, tolerance: float = TOLERANCE
) -> tuple[dict[str, Array], tuple[Change, ...]]:
    """Step 6: the arrays of money that :func:`world_from_arrays` asks for.

    Every user of an input pays the mean tariff on what its country's industries buy of it
    (the model's sourcing is the same for every use).

    Parameters
    ----------
    money : Money
    tariff : ndarray, shape (S, N, N)
    tolerance : float
        As for :func:`clean_table`.

    Returns
    -------
    dict of str to ndarray
        ``flows``, ``input_use``, ``final``, ``value_added``, ``tariff``.
    tuple of Change
    """
    changes: list[Change] = []
    bought = money.intermediate.sum(axis=1)
    duty = (money.intermediate * tariff).sum(axis=1)
    mean = np.divide(duty, bought, out=np.zeros_like(duty), where=bought > 0)
    dear = money.input_use * (1.0 + mean[:, None, :])
    output = money.output
    factor, over = _factor(dear.sum(axis=0), output)
    if over.any():
        left = output - dear.sum(axis=0)
        _told_over(over, left, money, tolerance, changes, " once tariffs are paid")
        moved = _moved(money.intermediate, money.input_use, factor)
        money = replace(
            money,
            intermediate=money.intermediate - moved,
            final=money.final + moved,
            input_use=money.input_use * factor,
        )
        dear = dear * factor
    paid = float((dear - money.input_use).sum())
    if paid:
        what = "tariffs on inputs: taken out of value added"
        total = float(money.value_added.sum())
        changes.append(change("calibrate", "noted", what, paid, total, "value added"))
    arrays: dict[str, Array] = {
        "flows": money.intermediate + money.final,
        "input_use": dear,
        "final": (money.final * (1.0 + tariff)).sum(axis=1),
        "value_added": np.maximum(output - dear.sum(axis=0), 0.0),
        "tariff": tariff,
    }
    return arrays, tuple(changes)
