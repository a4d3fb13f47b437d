"""Worlds from long tables with codes, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.errors import InputError, Place, nearest
from detente.world.checks import require_within
from detente.world.core import Array, World

Table = pd.DataFrame
Numbers = Mapping[str, float] | Table | float

#: A raw table may miss its identities by this much in all (cp2015 misses one by 3.7 %).
TOLERANCE = 0.05

#: Other names under which a column is found.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "exporter": ("origin",),
    "importer": ("destination",),
    "country": ("region",),
    "rate": ("tariff",),
}


@dataclass(frozen=True)
class _Spec:
    """A table's name, key columns (which are its array's axes), value and lower bound."""

    name: str
    keys: tuple[str, ...]
    value: str = "value"
    lowest: float = 0.0


FLOWS = _Spec("flows", ("sector", "exporter", "importer"))
TARIFFS = _Spec("tariffs", FLOWS.keys, "rate", -1.0)
INPUT_USE = _Spec("input_use", ("input", "sector", "country"), lowest=-np.inf)
FINAL = _Spec("final", ("sector", "country"), lowest=-np.inf)
VALUE_ADDED = _Spec("value_added", ("sector", "country"))
ELASTICITIES = _Spec("elasticities", ("sector",))
DEFICITS = _Spec("deficits", ("country",), lowest=-np.inf)


def world_from_tables(
    *,
    flows: Table,
    input_use: Table,
    final: Table,
    value_added: Table,
    elasticities: Numbers,
    tariffs: Table | None = None,
    deficits: Numbers | None = None,
    name: str = "my world",
    countries: Sequence[str] | None = None,
    sectors: Sequence[str] | None = None,
    country_names: Mapping[str, str] | None = None,
    sector_names: Mapping[str, str] | None = None,
    tolerance: float = TOLERANCE,
    keep_negative_inputs: bool = False,
) -> World:
    """Make a world out of long tables; the order of rows never matters.

    A cell that has no row is zero, and ``meta["notes"]`` says how many there are; value
    added of a cell with output, and every elasticity, must have a row. Columns may also be
    called ``origin``, ``destination``, ``region`` and ``tariff``.

    Parameters
    ----------
    flows : DataFrame
        Columns sector, exporter, importer, value: million USD, net of tariff, domestic
        sales included.
    input_use : DataFrame
        Columns input, sector, country, value: million USD, tariff-inclusive.
    final : DataFrame
        Columns sector, country, value: million USD, tariff-inclusive. Negative cells of
        this and of ``input_use`` are set to zero and listed in ``meta["clipped"]``; more
        of them than ``tolerance`` of the table's sum is an error (see clean.py).
    value_added : DataFrame
        Columns sector, country, value: million USD.
    elasticities : mapping, DataFrame or number
        θ by sector (columns sector, value), or one for all.
    tariffs : DataFrame, optional
        Columns sector, exporter, importer, rate: ad valorem (0.10 is 10 %).
    deficits : mapping or DataFrame, optional
        D by country (columns country, value), million USD; from the flows where not given.
    name : str
        Name of the world.
    countries, sectors : sequence of str, optional
        Codes in the order of the axes; those of the flows, sorted, where not given.
    country_names, sector_names : mapping, optional
        Names for people, by code.
    tolerance : float
        Largest violation of an identity in all, Σ|left − right| / Σ|size| over its cells.
    keep_negative_inputs : bool
        Keep negative cells of ``input_use`` instead. cp2015 has one (Canada, other inputs
        of basic metals), and the figures computed from it need it: without it they move by
        up to 3e-6 percentage points.

    Returns
    -------
    World
        Calibrated, not re-based: it meets its identities within ``tolerance``.

    Raises
    ------
    InputError
        A column, row or number that is missing or wrong: table, row and label.
    WorldError
        An identity that fails by more than ``tolerance``.
    """
    n = _labels(countries, flows, ("exporter", "importer"), "countries")
    s = _labels(sectors, flows, ("sector",), "sectors")
    axes = {"sector": s, "input": s, "country": n, "exporter": n, "importer": n}
    notes: list[str] = []
    read = partial(_sparse, axes=axes, notes=notes)
    shipped = read(flows, FLOWS)
    return world_from_arrays(
        flows=shipped,
        input_use=read(input_use, INPUT_USE),
        final=read(final, FINAL),
        tariff=None if tariffs is None else read(tariffs, TARIFFS),
        deficit=None if deficits is None else _numbers(deficits, DEFICITS, axes),
        value_added=_read_value_added(value_added, axes, shipped),
        trade_elasticity=_numbers(elasticities, ELASTICITIES, axes),
        name=name,
        countries=n,
        sectors=s,
        country_names=_names(country_names, n, "country_names"),
        sector_names=_names(sector_names, s, "sector_names"),
        tolerance=tolerance,
        keep_negative_inputs=keep_negative_inputs,
        meta={"notes": notes},
    )


def world_from_arrays(
    *,
    flows: Array,
    input_use: Array,
    final: Array,
    value_added: Array,
    trade_elasticity: Array,
    countries: Sequence[str],
    sectors: Sequence[str],
    tariff: Array | None = None,
    deficit: Array | None = None,
    name: str = "my world",
    country_names: Sequence[str] = (),
    sector_names: Sequence[str] = (),
    tolerance: float = TOLERANCE,
    keep_negative_inputs: bool = False,
    meta: Mapping[str, Any] | None = None,
) -> World:
    """Calibrate a world from arrays in money (million USD); see ``world_from_tables``.

    Parameters
    ----------
    flows, tariff : ndarray, shape (S, N, N)
        F and t.
    input_use : ndarray, shape (S, S, N)
        [k, s, n]: cost of k in making s in n, tariff-inclusive.
    final, value_added : ndarray, shape (S, N)
        Final demand (tariff-inclusive) and value added by sector.
    trade_elasticity : ndarray, shape (S,)
        θ.
    deficit : ndarray, shape (N,)
        D; imports less exports where not given.

    Returns
    -------
    World
        γ and γᵛ are costs over their sum, so that they add up to one exactly; a cell
        without output or cost has γᵛ = 1. α is final demand over its sum.
    """
    labels = dict.fromkeys(("sector", "input"), sectors)
    labels |= dict.fromkeys(("country", "exporter", "importer"), countries)
    _validate(labels, flows=flows, input_use=input_use, final=final, value_added=value_added)
    record: dict[str, Any] = {"tolerance": tolerance, "clipped": [], "kept_negative": []}
    listed = record["kept_negative" if keep_negative_inputs else "clipped"]
    positive = _clip(input_use, INPUT_USE, labels, listed, tolerance)
    input_use = input_use if keep_negative_inputs else positive
    wanted = _clip(final, FINAL, labels, record["clipped"], tolerance)
    technology = _technology(input_use, value_added, flows.sum(axis=2) > 0, labels)
    imports, exports = flows.sum(axis=(0, 1)), flows.sum(axis=(0, 2))
    world = World(
        name=name,
        countries=tuple(countries),
        sectors=tuple(sectors),
        flows=flows,
        tariff=np.zeros_like(flows) if tariff is None else tariff,
        input_share=technology[0],
        value_added_share=technology[1],
        final_share=_final_share(wanted, countries),
        trade_elasticity=trade_elasticity,
        value_added=value_added.sum(axis=0),
        deficit=imports - exports if deficit is None else deficit,
        country_names=tuple(country_names),
        sector_names=tuple(sector_names),
        meta={**(meta or {}), **record},
    )
    return require_within(world, tolerance)


def world_to_tables(world: World) -> dict[str, Table]:
    """Write a world as long tables in money, from which it can be made again.

    Parameters
    ----------
    world : World
        The world. Dormant shares and coverage have no table; a cell without output loses
        its technology, since it has no costs.

    Returns
    -------
    dict of str to DataFrame
        flows, input_use, final, value_added, tariffs, elasticities, deficits: every cell
        has a row.
    """
    s, n = world.sectors, world.countries
    axes = {"sector": s, "input": s, "country": n, "exporter": n, "importer": n}
    arrays = (
        (FLOWS, world.flows),
        (INPUT_USE, world.input_share * world.output),
        (FINAL, world.final_share * world.income),
        (VALUE_ADDED, world.value_added_share * world.output),
        (TARIFFS, world.tariff),
        (ELASTICITIES, world.trade_elasticity),
        (DEFICITS, world.deficit),
    )
    return {spec.name: _long(spec, array, axes) for spec, array in arrays}


# -- reading a table ---------------------------------------------------------------------
Axes = Mapping[str, tuple[str, ...]]


def _labels(
    given: Sequence[str] | None, flows: Table, keys: tuple[str, ...], kind: str
) -> tuple[str, ...]:
    """Codes in the order given, else those of the flows table, sorted."""
    if given is not None:
        return tuple(map(str, given))
    table = _renamed(flows, FLOWS)
    found = {str(code) for key in keys for code in table[key].dropna().unique()}
    if not found:
        raise InputError(f"the table has no rows, so there are no {kind}.", Place("flows"))
    return tuple(sorted(found))


def _renamed(table: Table, spec: _Spec) -> Table:
    """Just the columns that the table needs, under their own names."""
    if not isinstance(table, pd.DataFrame):
        kind = type(table).__name__
        raise InputError(f"it must be a pandas DataFrame, not {kind}.", Place(spec.name))
    columns = {}
    for key in (*spec.keys, spec.value):
        names = [c for c in (key, *SYNONYMS.get(key, ())) if c in table.columns]
        if not names:
            listed = ", ".join((*spec.keys, spec.value))
            raise InputError(
                f"the column is missing; the table needs {listed}.",
                Place(spec.name, key=key),
                nearest(key, [str(c) for c in table.columns]),
            )
        columns[key] = table[names[0]]
    return pd.DataFrame(columns)


def _read(table: Table, spec: _Spec, axes: Axes) -> tuple[Array, NDArray[np.bool_]]:
    """Read a table as a dense array, and which of its cells have a row."""
    table = _renamed(table, spec)
    positions = [_positions(table, key, spec, axes[key]) for key in spec.keys]
    values = _values(table, spec)
    shape = tuple(len(axes[key]) for key in spec.keys)
    flat = np.ravel_multi_index(positions, shape)
    repeated = pd.Series(flat).duplicated().to_numpy()
    if repeated.any():
        first = int(np.argmax(repeated))
        raise _row_error(table, spec, first, "this cell has a row already")
    array, given = np.zeros(shape), np.zeros(shape, dtype=bool)
    array.flat[flat], given.flat[flat] = values, True
    return array, given


def _positions(table: Table, key: str, spec: _Spec, labels: tuple[str, ...]) -> Any:
    column = table[key]
    empty = column.isna().to_numpy()
    if empty.any():
        raise _row_error(table, spec, int(np.argmax(empty)), f"'{key}' is empty")
    codes = column.astype(str)
    found = pd.Index(labels).get_indexer(pd.Index(codes))
    if (found < 0).any():
        first = int(np.argmax(found < 0))
        code = codes.iloc[first]
        what = f"'{code}' is no {key} of this world"
        raise _row_error(table, spec, first, what, nearest(code, labels))
    return found


def _values(table: Table, spec: _Spec) -> Array:
    values: Array = pd.to_numeric(table[spec.value], errors="coerce").to_numpy(np.float64)
    wrong = ~np.isfinite(values)
    if wrong.any():
        first = int(np.argmax(wrong))
        what = f"'{table[spec.value].iloc[first]}' is not a finite number"
        raise _row_error(table, spec, first, what)
    low = values < spec.lowest if spec.lowest == 0.0 else values <= spec.lowest
    if low.any():
        first = int(np.argmax(low))
        what = f"{values[first]:g} is too low: a {spec.value} here must be "
        what += "zero or more" if spec.lowest == 0.0 else f"above {spec.lowest:g}"
        raise _row_error(table, spec, first, what)
    return values


def _row_error(
    table: Table, spec: _Spec, row: int, what: str, near: str | None = None
) -> InputError:
    told = ", ".join(f"{key} '{table[key].iloc[row]}'" for key in spec.keys)
    return InputError(f"row {row + 1} ({told}): {what}.", Place(f"table '{spec.name}'"), near)


def _sparse(table: Table, spec: _Spec, axes: Axes, notes: list[str]) -> Array:
    """Read a dense array; how many of its cells had no row goes into the notes."""
    array, given = _read(table, spec, axes)
    missing = int(given.size - given.sum())
    if missing:
        notes.append(f"{spec.name}: {missing} of {given.size} cells have no row: zero")
    return array


def _read_value_added(table: Table, axes: Axes, flows: Array) -> Array:
    """Read value added; a cell with output must have a row."""
    array, given = _read(table, VALUE_ADDED, axes)
    idle = flows.sum(axis=2) <= 0
    _refuse_missing(VALUE_ADDED, axes, ~given & ~idle, "the cell has output")
    return array


def _numbers(values: Numbers, spec: _Spec, axes: Axes) -> Array:
    """One number for each label, from a mapping, a table or one number for all."""
    labels = axes[spec.keys[0]]
    if isinstance(values, (int, float)):
        values = dict.fromkeys(labels, values)
    if isinstance(values, (Mapping, pd.Series)):
        pairs = list(dict(values).items())
        values = pd.DataFrame(pairs, columns=[spec.keys[0], spec.value])
    array, given = _read(values, spec, axes)
    _refuse_missing(spec, axes, ~given, "every one needs a value")
    if spec is ELASTICITIES:
        _refuse_cells(spec.name, "an elasticity must be above zero", (labels,), array <= 0)
    return array


def _names(
    names: Mapping[str, str] | None, labels: tuple[str, ...], kind: str
) -> tuple[str, ...]:
    names = names or {}
    unknown = [code for code in names if code not in labels]
    if unknown:
        near = nearest(unknown[0], labels)
        raise InputError(f"'{unknown[0]}' is not a code of this world.", Place(kind), near)
    return tuple(str(names.get(code, code)) for code in labels)


def _validate(labels: Mapping[str, Sequence[str]], **arrays: Array) -> None:
    """Refuse an array of money whose shape does not fit or that holds a NaN."""
    for spec in (FLOWS, INPUT_USE, FINAL, VALUE_ADDED):
        shape = tuple(len(labels[key]) for key in spec.keys)
        if np.shape(arrays[spec.name]) != shape:
            found = np.shape(arrays[spec.name])
            raise InputError(
                f"it has shape {found}; the labels ask for {shape}.", Place(spec.name)
            )
        codes = tuple(labels[key] for key in spec.keys)
        bad = ~np.isfinite(arrays[spec.name])
        _refuse_cells(spec.name, "it is not a finite number", codes, bad)


def _final_share(final: Array, countries: Sequence[str]) -> Array:
    """α = final demand over its sum."""
    spent = final.sum(axis=0)
    why = "its final demand is zero, so it has no shares"
    _refuse_cells("final", why, (countries,), spent <= 0)
    share: Array = final / spent
    return share


def _technology(
    input_use: Array,
    value_added: Array,
    produced: NDArray[np.bool_],
    labels: Mapping[str, Sequence[str]],
) -> tuple[Array, Array]:
    """γ and γᵛ = costs over their sum; γᵛ = 1 where there are none."""
    cost = input_use.sum(axis=0) + value_added
    idle = cost <= 0
    why = "it has output, but neither inputs nor value added"
    _refuse_cells("value_added", why, (labels["sector"], labels["country"]), idle & produced)
    safe = np.where(idle, 1.0, cost)
    return input_use / safe, np.where(idle, 1.0, value_added / safe)


def _clip(
    array: Array,
    spec: _Spec,
    labels: Mapping[str, Sequence[str]],
    clipped: list[dict[str, Any]],
    tolerance: float,
) -> Array:
    """Set negative cells to zero and list each of them with its amount."""
    cells = np.argwhere(array < 0)
    if not len(cells):
        return array
    removed, size = -array[array < 0].sum(), np.abs(array).sum()
    if removed > tolerance * size:
        _refuse_cells(
            spec.name,
            f"it is negative, and such cells are {removed / size:.2%} of the table; the "
            f"tolerance is {tolerance:.2%}. Clean the table first: detente.remove_inventories",
            tuple(labels[key] for key in spec.keys),
            array < 0,
        )
    for cell in cells:
        where = {k: labels[k][j] for k, j in zip(spec.keys, cell, strict=True)}
        clipped.append({"table": spec.name, **where, "value": float(array[tuple(cell)])})
    return np.maximum(array, 0.0)


# -- refusing ----------------------------------------------------------------------------
def _refuse_missing(spec: _Spec, axes: Axes, missing: NDArray[np.bool_], why: str) -> None:
    labels = tuple(axes[key] for key in spec.keys)
    _refuse_cells(spec.name, f"there is no row for it, and {why}", labels, missing)


def _refuse_cells(
    table: str, what: str, labels: tuple[Sequence[str], ...], bad: NDArray[np.bool_]
) -> None:
    if not bad.any():
        return
    first = np.argwhere(bad)[0]
    where = ", ".join(names[j] for names, j in zip(labels, first, strict=True))
    more = f" ({int(bad.sum())} such cells)" if bad.sum() > 1 else ""
    raise InputError(f"{where}: {what}{more}.", Place(f"table '{table}'"))


# -- writing a table ---------------------------------------------------------------------
def _long(spec: _Spec, array: Array, axes: Axes) -> Table:
    index = pd.MultiIndex.from_product([axes[key] for key in spec.keys], names=spec.keys)
    return pd.Series(array.ravel(), index=index, name=spec.value).reset_index()
