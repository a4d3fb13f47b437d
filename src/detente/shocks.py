"""Shocks: the only thing that the solver sees of a policy."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from detente.errors import ShockError, nearest
from detente.world.core import Array, World, frozen, label_of

#: name → (axes, lowest and highest value allowed); arrays hold finite numbers only
SHOCK_ARRAYS: Mapping[str, tuple[str, float, float]] = {
    "tariff_new": ("sin", -1.0, np.inf),
    "cost_hat": ("sin", 0.0, np.inf),
    "link": ("sin", 0.0, np.inf),
    "link_open": ("sin", 0.0, 1.0),
    "dormant_share": ("sin", 0.0, np.inf),
    "at_once": ("sin", 0.0, np.inf),
    "opened": ("sin", 0.0, np.inf),
    "productivity_hat": ("si", 0.0, np.inf),
    "labour_hat": ("n", 0.0, np.inf),
    "transfer": ("n", -np.inf, np.inf),
    "payment": ("n", -np.inf, np.inf),
    "hired": ("in", 0.0, np.inf),
    "deficit_path": ("n", -np.inf, np.inf),
}

#: Arrays whose lowest value is itself refused, and what to write instead.
_STRICT: Mapping[str, str] = {
    "tariff_new": "a tariff of −100 % gives goods away",
    "cost_hat": "nothing ships at no cost",
    "productivity_hat": "to stop production set 'link' to 0 for the exporter",
    "labour_hat": "a country without labour has no economy to solve for",
}

#: Money that has to sum to zero does so to this share of its gross total.
_SUM_TOLERANCE = 1e-9

#: A table's column for each axis.
_COLUMNS: Mapping[str, str] = {"s": "sector", "i": "exporter", "n": "importer"}

RENT_OWNERS = ("importer", "exporter", "burnt")

DEFICIT_RULES = ("fixed", "proportional", "balanced", "balanced_as_shock", "path")


@dataclass(frozen=True)
class Cap:
    """A quantity cap on the shipments of one sector from some exporters to some importers.

    Parameters
    ----------
    sector : str
        Sector code.
    exporters, importers : tuple of str
        The links that the cap holds for, taken together.
    quantity : float
        Largest Σ F′/ĉ over those links: million USD at baseline prices; zero is a ban.
    owner : str or tuple of (str, float)
        Who gets the rent: ``importer``, ``exporter``, ``burnt`` or a country's code; or
        countries with their shares, which sum to one.
    """

    sector: str
    exporters: tuple[str, ...]
    importers: tuple[str, ...]
    quantity: float
    owner: str | tuple[tuple[str, float], ...] = "importer"

    @property
    def owner_words(self) -> str:
        """Who gets the rent, as text: ``importer`` or ``RUS 50 %, KOR 30 %, PRK 20 %``."""
        if isinstance(self.owner, str):
            return self.owner
        return ", ".join(f"{code} {100 * share:.3g} %" for code, share in self.owner)


@dataclass(frozen=True, eq=False)
class Shocks:
    """What a scenario does to a world. Every array may be None: nothing of that kind.

    Parameters
    ----------
    tariff_new : ndarray, shape (S, N, N), optional
        t′, ad valorem rates that replace the baseline's.
    cost_hat : ndarray, shape (S, N, N), optional
        d̂, iceberg trade cost over the baseline's; above one is dearer.
    link : ndarray, shape (S, N, N), optional
        m, multiplier on π: 1 leaves a link alone, 0 bans it.
    link_open : ndarray, shape (S, N, N), optional
        In [0, 1]: how far a link moves towards max(π·m, ψ).
    dormant_share : ndarray, shape (S, N, N), optional
        ψ in odds; needed where ``link_open`` is above zero.
    at_once : ndarray, shape (S, N, N), optional
        What of b (link, link_open and ψ together) is there on its first day: trade that a
        pipeline, a zone or tied aid brings. Paths read it; a year by itself does not.
    opened : ndarray, shape (S, N, N), optional
        What of b is there because law or an opening lets it, where that is not all of
        link_open·max(ψ − π·m, 0). Paths read it.
    productivity_hat : ndarray, shape (S, N), optional
        T̂[s, i]; a total factor productivity of 1.10 is T̂ = 1.10^θ.
    labour_hat : ndarray, shape (N,), optional
        L̂[n].
    transfer : ndarray, shape (N,), optional
        Million USD received; sums to zero.
    payment : ndarray, shape (N,), optional
        Million USD received for services that no flow shows (transit tolls); sums to zero.
        It moves money like a transfer, and counts as earned.
    hired : ndarray, shape (N, N), optional
        Factors of i that n pays for and that then make nothing else (building), million USD
        at baseline wages: L̂[i] falls by Σₙ hired[i, n]/wL[i], and n pays i ŵ[i]·hired[i, n].
    caps : tuple of Cap
        Quantity caps.
    deficit_rule : str
        ``fixed``, ``proportional``, ``balanced``, ``balanced_as_shock`` or ``path``.
    proportional_to : str, optional
        The country that the rule ``proportional`` is for.
    deficit_path : ndarray, shape (N,), optional
        D′, million USD, for the rule ``path``; sums to zero.
    label : str
        Printed with the result.
    notes : mapping
        JSON-able facts that travel with the result (what a measure did).
    """

    tariff_new: Array | None = None
    cost_hat: Array | None = None
    link: Array | None = None
    link_open: Array | None = None
    dormant_share: Array | None = None
    at_once: Array | None = None
    opened: Array | None = None
    productivity_hat: Array | None = None
    labour_hat: Array | None = None
    transfer: Array | None = None
    payment: Array | None = None
    hired: Array | None = None
    caps: tuple[Cap, ...] = ()
    deficit_rule: str = "fixed"
    proportional_to: str | None = None
    deficit_path: Array | None = None
    label: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in SHOCK_ARRAYS:
            value = getattr(self, key)
            if value is not None:
                object.__setattr__(self, key, _frozen(key, value))
        object.__setattr__(self, "caps", tuple(self.caps))

    @classmethod
    def from_tables(cls, world: World, *, caps: Iterable[Cap] = (), **given: Any) -> Shocks:
        """Shocks from labelled tables; cells that a table leaves out are not shocked.

        Parameters
        ----------
        world : World
            Gives the labels, their order, and the rates of tariffs left out.
        caps : iterable of Cap
            Quantity caps.
        **given
            For any array of `Shocks`: a DataFrame with the columns ``sector``,
            ``exporter``, ``importer`` (``country`` for ``productivity_hat`` in place of
            ``exporter``, and for arrays by country) and ``value``; or a Series indexed by
            those, or a mapping of country to value. Any other field of `Shocks` as it is.

        Raises
        ------
        ShockError
            An unknown label or column, a cell given twice, a value that is no number.
        """
        fields: dict[str, Any] = {}
        for key, value in given.items():
            if key in SHOCK_ARRAYS and value is not None:
                fields[key] = _from_table(world, key, value)
            elif key in cls.__dataclass_fields__:
                fields[key] = value
            else:
                valid = tuple(cls.__dataclass_fields__)
                raise ShockError(f"shocks have no '{key}'.", nearest=nearest(key, valid))
        shocks = cls(caps=tuple(caps), **fields)
        validate_shocks(world, shocks)
        return shocks

    def prepare(self, world: World) -> World:
        """The world itself: shocks assume nothing about it (a scenario may)."""
        return world

    def to_shocks(self, world: World) -> Shocks:
        """Itself, checked against the world (what ``solve`` asks of a scenario)."""
        validate_shocks(world, self)
        return self

    def arrays(self) -> dict[str, Array]:
        """The arrays that are given, by name."""
        found = {key: getattr(self, key) for key in SHOCK_ARRAYS}
        return {key: value for key, value in found.items() if value is not None}

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of everything that changes the solution."""
        digest = hashlib.sha256()
        digest.update(repr((self.deficit_rule, self.proportional_to, self.caps)).encode())
        for key, array in sorted(self.arrays().items()):
            digest.update(f"{key}{np.shape(array)}".encode())
            digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        return digest.hexdigest()


def _frozen(key: str, values: Any) -> Array:
    """A read-only float64 array; text and ragged lists are refused."""
    try:
        return frozen(values)
    except (TypeError, ValueError) as error:
        raise ShockError(f"'{key}' is not an array of numbers: {error}.") from None


def validate_shocks(world: World, shocks: Shocks) -> None:
    """Refuse shocks that do not fit the world.

    Parameters
    ----------
    world : World
        The baseline.
    shocks : Shocks
        What is to be solved.

    Raises
    ------
    ShockError
        A shape that does not fit; a value that is not finite or out of range; money that
        does not sum to zero; an unknown label, rule or rent owner; an opening without ψ.
    """
    for key, array in shocks.arrays().items():
        _check_array(world, key, array)
    for key in ("transfer", "payment", "deficit_path"):
        _check_sum(key, getattr(shocks, key), float(world.value_added.sum()))
    if shocks.link_open is not None and shocks.dormant_share is None and shocks.link_open.any():
        cell = np.unravel_index(int(np.argmax(shocks.link_open > 0)), shocks.link_open.shape)
        where = _where(world, "sin", cell)
        raise ShockError(
            f"'link_open' opens {where}, and no 'dormant_share' says what it would carry."
        )
    _check_deficit_rule(world, shocks)
    if shocks.hired is not None:
        _check_hired(world, shocks.hired, shocks.labour_hat)
    for cap in shocks.caps:
        _check_cap(world, cap)
    _refuse_shared_links(shocks.caps)


def _where(world: World, axes: str, cell: Sequence[Any]) -> str:
    return ", ".join(label_of(world, a, int(j)) for a, j in zip(axes, cell, strict=True))


def _check_array(world: World, key: str, array: Array) -> None:
    """Shape, finiteness and range; the first cell at fault is named."""
    axes, low, high = SHOCK_ARRAYS[key]
    size = {"s": world.n_sectors, "i": world.n_countries, "n": world.n_countries}
    shape = tuple(size[a] for a in axes)
    if array.shape != shape:
        raise ShockError(f"'{key}' has shape {array.shape}; the world asks for {shape}.")
    least, most = array.min(), array.max()
    strict = key in _STRICT
    if np.isfinite(least) and np.isfinite(most) and low <= least and most <= high:
        if not (strict and least <= low):
            return
        fault, why = array <= low, f"is {low:g}: {_STRICT[key]}"
    elif not (np.isfinite(least) and np.isfinite(most)):
        fault, why = ~np.isfinite(array), "is not a finite number"
    else:
        fault = (array < low) | (array > high)
        why = f"is outside {low:g} to {high:g}"
    cell = np.argwhere(fault)[0]
    more = f" ({int(fault.sum())} such cells)" if fault.sum() > 1 else ""
    value = array[tuple(cell)]
    raise ShockError(f"'{key}' of {_where(world, axes, cell)}, {value:g}, {why}{more}.")


def _check_sum(key: str, array: Array | None, factor_income: float) -> None:
    if array is None:
        return
    total, gross = float(array.sum()), float(np.abs(array).sum())
    # rounding of amounts that cancel is no imbalance
    if abs(total) > _SUM_TOLERANCE * gross + 1e-14 * factor_income:
        raise ShockError(
            f"'{key}' sums to {total:.6g} million USD over countries; it has to sum to zero, "
            "since what one country receives another pays."
        )


def _check_hired(world: World, hired: Array, labour_hat: Array | None) -> None:
    have = world.value_added if labour_hat is None else world.value_added * labour_hat
    short = hired.sum(axis=1) >= have
    if short.any():
        n = int(np.argmax(short))
        raise ShockError(
            f"'hired' takes {hired[n].sum():,.6g} million USD of factors of "
            f"{world.countries[n]}, and all that it has is {have[n]:,.6g}."
        )


def _check_deficit_rule(world: World, shocks: Shocks) -> None:
    """The rule is known, and what it needs (and nothing else) is there."""
    rule, country = shocks.deficit_rule, shocks.proportional_to
    if rule not in DEFICIT_RULES:
        raise ShockError(
            f"unknown deficit rule '{rule}'; there are {', '.join(DEFICIT_RULES)}.",
            nearest=nearest(str(rule), DEFICIT_RULES),
        )
    if rule == "proportional" and country is None:
        raise ShockError("the deficit rule 'proportional' needs 'proportional_to', a country.")
    if rule != "proportional" and country is not None:
        raise ShockError(f"'proportional_to' means nothing under the deficit rule '{rule}'.")
    if country is not None:
        _known(country, world.countries, "country", "proportional_to")
    if rule == "path" and shocks.deficit_path is None:
        raise ShockError("the deficit rule 'path' needs 'deficit_path'.")
    if rule != "path" and shocks.deficit_path is not None:
        raise ShockError(f"'deficit_path' means nothing under the deficit rule '{rule}'.")


def _known(label: str, labels: Sequence[str], kind: str, where: str) -> int:
    """Position of a label; an unknown one is refused with the nearest."""
    if label not in labels:
        raise ShockError(f"{where}: unknown {kind} '{label}'.", nearest=nearest(label, labels))
    return labels.index(label)


def _check_cap(world: World, cap: Cap) -> None:
    name = f"cap on '{cap.sector}'"
    _known(cap.sector, world.sectors, "sector", name)
    for side in ("exporters", "importers"):
        codes = getattr(cap, side)
        if isinstance(codes, str) or not codes:
            raise ShockError(f"{name}: '{side}' is a list of at least one country code.")
        for code in codes:
            _known(code, world.countries, "country", f"{name}, {side}")
        if len(set(codes)) < len(codes):
            raise ShockError(f"{name}: a country stands twice in '{side}'.")
    if not (np.isfinite(cap.quantity) and cap.quantity >= 0):
        raise ShockError(f"{name}: the quantity {cap.quantity:g} is below zero or not finite.")
    if not isinstance(cap.owner, str):
        _check_owners(world, cap.owner, name)
    elif cap.owner not in RENT_OWNERS:
        _known(cap.owner, (*RENT_OWNERS, *world.countries), "owner", name)


def _check_owners(world: World, owners: tuple[tuple[str, float], ...], name: str) -> None:
    """Countries, each once, with shares in [0, 1] that sum to one."""
    codes = [code for code, _ in owners]
    for code in codes:
        _known(code, world.countries, "country", f"{name}, owner")
    if len(set(codes)) < len(codes):
        raise ShockError(f"{name}: a country stands twice among the owners of the rent.")
    shares = np.array([share for _, share in owners], dtype=float)
    if not (np.isfinite(shares).all() and (shares >= 0).all()):
        raise ShockError(f"{name}: the rent's shares are numbers of zero or above.")
    if abs(float(shares.sum()) - 1.0) > 1e-9:
        raise ShockError(f"{name}: the rent's shares sum to {shares.sum():.6g}, not to 1.")


def _refuse_shared_links(caps: Sequence[Cap]) -> None:
    """Two mark-ups on one link would have no one value each."""
    seen: set[tuple[str, str, str]] = set()
    for cap in caps:
        links = {(cap.sector, i, n) for i in cap.exporters for n in cap.importers}
        if links & seen:
            sector, exporter, importer = min(links & seen)
            raise ShockError(
                f"cap on '{sector}': two caps hold {exporter}→{importer}; give a link one cap."
            )
        seen |= links


def _neutral(world: World, key: str) -> Array:
    """What an array holds where nothing is shocked."""
    size = {"s": world.n_sectors, "i": world.n_countries, "n": world.n_countries}
    shape = tuple(size[a] for a in SHOCK_ARRAYS[key][0])
    if key == "tariff_new":
        return world.tariff.copy()
    if key == "deficit_path":
        return world.deficit.copy()
    ones = key in ("cost_hat", "link", "productivity_hat", "labour_hat")
    return np.ones(shape) if ones else np.zeros(shape)


def _from_table(world: World, key: str, table: Any) -> Array:
    """An array of `Shocks` from a labelled table; cells left out stay neutral."""
    axes = SHOCK_ARRAYS[key][0]
    wanted = tuple("country" if axes == "n" else _COLUMNS[a] for a in axes)
    frame = _as_frame(key, table, wanted)
    repeated = frame.duplicated(list(wanted))
    if repeated.any():
        cell = ", ".join(str(frame[c][repeated].iloc[0]) for c in wanted)
        raise ShockError(f"'{key}' gives {cell} more than once.")
    positions = []
    for axis, column in zip(axes, wanted, strict=True):
        labels, kind = (
            (world.sectors, "sector") if axis == "s" else (world.countries, "country")
        )
        found = {
            code: _known(code, labels, kind, f"'{key}'") for code in frame[column].unique()
        }
        positions.append(frame[column].map(found).to_numpy(dtype=np.intp))
    array = _neutral(world, key)
    array[tuple(positions)] = _frozen(key, frame["value"].to_numpy())
    return array


def _as_frame(key: str, table: Any, wanted: tuple[str, ...]) -> pd.DataFrame:
    """A frame with exactly the columns wanted and ``value``, labels as text."""
    if isinstance(table, Mapping):
        table = pd.Series(table, dtype=object)
    if isinstance(table, pd.Series):
        if table.index.nlevels != len(wanted):
            raise ShockError(f"'{key}' needs a Series indexed by {', '.join(wanted)}.")
        named = table.index.names if None not in table.index.names else list(wanted)
        table = table.rename_axis(named).rename("value").reset_index()
    if not isinstance(table, pd.DataFrame):
        raise ShockError(
            f"'{key}' is neither a DataFrame nor a Series; pass arrays to Shocks()."
        )
    if "exporter" in wanted and "importer" not in wanted:
        table = table.rename(columns={"country": "exporter"})
    columns = (*wanted, "value")
    for column in table.columns:
        if column not in columns:
            raise ShockError(
                f"'{key}' has the columns {', '.join(columns)}; '{column}' is not one.",
                nearest=nearest(str(column), columns),
            )
    missing = [c for c in columns if c not in table.columns]
    if missing:
        raise ShockError(f"'{key}' has no column '{missing[0]}'.")
    frame: pd.DataFrame = table.copy()
    for column in wanted:
        frame[column] = frame[column].astype(str)
    return frame
