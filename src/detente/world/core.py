"""The World: a frozen, labelled, content-hashed baseline."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detente.errors import WorldError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from detente.world.checks import CheckReport

Array = NDArray[np.float64]

#: name → (axes: k, s sector; i exporter; n importer, whether a negative value is allowed)
ARRAYS: Mapping[str, tuple[str, bool]] = MappingProxyType(
    {
        "flows": ("sin", False),
        "tariff": ("sin", True),
        "input_share": ("ksi", True),
        "value_added_share": ("si", False),
        "final_share": ("sn", False),
        "trade_elasticity": ("s", False),
        "value_added": ("n", False),
        "deficit": ("n", True),
    }
)


def frozen(values: Any) -> Array:
    """A read-only C-ordered float64 array: a copy, unless nobody can write to the memory."""
    array = np.asarray(values, dtype=np.float64, order="C")
    base = array.base
    shared = array is values or base is not None
    if shared and (array.flags.writeable or (base is not None and _writeable(base))):
        array = array.copy()
    array.flags.writeable = False
    return array


def _writeable(base: Any) -> bool:
    return not isinstance(base, np.ndarray) or base.flags.writeable


def _own(array: Array) -> Array:
    """Freeze an array that was made here."""
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class World:
    """A baseline: N countries, S sectors, and every flow between them.

    Parameters
    ----------
    name : str
        Short name, printed with every result.
    countries, sectors : tuple of str
        Codes (ISO3, or a region's code; sector codes): the order of every axis.
    flows : ndarray, shape (S, N, N)
        F[s, i, n]: shipments from i to n, million USD, basic prices, net of tariff.
    tariff : ndarray, shape (S, N, N)
        t[s, i, n]: ad valorem rate (0.10 is 10 %) that n puts on imports from i.
    input_share : ndarray, shape (S, S, N)
        γ[k, s, i]: cost of k in making s in i, tariff-inclusive.
    value_added_share : ndarray, shape (S, N)
        γᵛ[s, i]: value added over output; with γ it sums to one over k.
    final_share : ndarray, shape (S, N)
        α[s, n]: shares of final demand; they sum to one over sectors.
    trade_elasticity : ndarray, shape (S,)
        θ, positive: elasticity of trade flows to trade cost.
    value_added : ndarray, shape (N,)
        Factor income wL, million USD.
    deficit : ndarray, shape (N,)
        D: imports less exports, net of tariff, million USD; sums to zero.
    dormant : mapping of str to ndarray (S, N, N)
        Dormant shares ψ in odds, one array per openness anchor.
    coverage : mapping of str to ndarray (S, N, N)
        Share of a pair's sector trade, in [0, 1], that a regime in force in the
        baseline bans.
    country_names, sector_names : tuple of str
        Names for people; the codes where none are given.
    meta : mapping
        JSON-able facts: description, tolerance, blocks with their flags, sources.

    Raises
    ------
    WorldError
        A shape that does not fit, a NaN, a forbidden sign, a repeated label.
    """

    name: str
    countries: tuple[str, ...]
    sectors: tuple[str, ...]
    flows: Array
    tariff: Array
    input_share: Array
    value_added_share: Array
    final_share: Array
    trade_elasticity: Array
    value_added: Array
    deficit: Array
    dormant: Mapping[str, Array] = field(default_factory=dict)
    coverage: Mapping[str, Array] = field(default_factory=dict)
    country_names: tuple[str, ...] = ()
    sector_names: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        fields: dict[str, Any] = {
            "countries": tuple(map(str, self.countries)),
            "sectors": tuple(map(str, self.sectors)),
            "country_names": tuple(self.country_names) or tuple(self.countries),
            "sector_names": tuple(self.sector_names) or tuple(self.sectors),
            "meta": MappingProxyType(_plain(self.meta)),
        }
        fields |= {key: frozen(getattr(self, key)) for key in ARRAYS}
        for key in ("dormant", "coverage"):
            named = {k: frozen(v) for k, v in getattr(self, key).items()}
            fields[key] = MappingProxyType(named)
        for key, value in fields.items():
            object.__setattr__(self, key, value)
        _validate(self)

    # -- sizes and labels ----------------------------------------------------------
    @property
    def n_countries(self) -> int:
        """N."""
        return len(self.countries)

    @property
    def n_sectors(self) -> int:
        """S."""
        return len(self.sectors)

    def country_index(self, code: str) -> int:
        """Position of a country on its axis; an unknown code is an error."""
        return _position(code, self.countries, "country", self.name)

    def sector_index(self, code: str) -> int:
        """Position of a sector on its axis; an unknown code is an error."""
        return _position(code, self.sectors, "sector", self.name)

    # -- derived arrays (docs/model.md's names) ------------------------------------------
    @cached_property
    def expenditure(self) -> Array:
        """X[s, n] = Σᵢ F(1+t), million USD, tariff-inclusive; shape (S, N)."""
        return _own(self._spending.sum(axis=1))

    @cached_property
    def _spending(self) -> Array:
        """F(1+t): what buyers pay on each link; shape (S, N, N)."""
        if not self.tariff.any():
            return self.flows
        spent = 1.0 + self.tariff
        spent *= self.flows
        return _own(spent)

    @cached_property
    def output(self) -> Array:
        """Y[s, i] = Σₙ F, million USD; shape (S, N)."""
        return _own(self.flows.sum(axis=2))

    @cached_property
    def trade_share(self) -> Array:
        """π[s, i, n] = F(1+t)/X; zero where n buys nothing of s; shape (S, N, N)."""
        spent = np.where(self.expenditure > 0, self.expenditure, 1.0)
        return _own(self._spending / spent[:, None, :])

    @cached_property
    def trade_share_net(self) -> Array:
        """π/(1+t), shape (S, N, N)."""
        if not self.tariff.any():
            return self.trade_share
        return _own(self.trade_share / (1.0 + self.tariff))

    @cached_property
    def input_share_by_country(self) -> Array:
        """γ as [i, s, k], shape (N, S, S): one country's block is contiguous."""
        return _own(np.ascontiguousarray(self.input_share.transpose(2, 1, 0)))

    @cached_property
    def tariff_revenue(self) -> Array:
        """R[n] = Σ tF, million USD; shape (N,)."""
        return _own(np.einsum("sin,sin->n", self.tariff, self.flows))

    @cached_property
    def income(self) -> Array:
        """I[n] = wL + R + D, million USD; shape (N,)."""
        return _own(self.value_added + self.tariff_revenue + self.deficit)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of labels, arrays and metadata: the same content, the same hash."""
        digest = hashlib.sha256()
        text = {
            "name": self.name,
            "countries": self.countries,
            "sectors": self.sectors,
            "country_names": self.country_names,
            "sector_names": self.sector_names,
            "meta": dict(self.meta),
        }
        digest.update(json.dumps(text, sort_keys=True).encode())
        for key, array in sorted(self.arrays().items()):
            digest.update(f"{key}{array.shape}".encode())
            digest.update(array.astype("<f8", copy=False).tobytes())
        return digest.hexdigest()

    def arrays(self) -> dict[str, Array]:
        """Every array by name; dormant and coverage as ``dormant/NAME``."""
        found: dict[str, Array] = {key: getattr(self, key) for key in ARRAYS}
        found |= {f"dormant/{k}": v for k, v in self.dormant.items()}
        return found | {f"coverage/{k}": v for k, v in self.coverage.items()}

    def with_(self, **changes: Any) -> World:
        """A copy with some fields replaced (cached arrays are computed anew)."""
        return replace(self, **changes)

    # -- what the package's other modules do with a world ------------------------------
    # (imported late: the core must need neither pandas nor the solver)
    @staticmethod
    def from_tables(*, flows: Any, input_use: Any, final: Any, **tables: Any) -> World:
        """A world from long tables, in any order of rows, money in million USD.

        Parameters
        ----------
        flows : DataFrame
            ``sector``, ``exporter``, ``importer``, ``value``: net of tariff, home sales too.
        input_use : DataFrame
            ``input``, ``sector``, ``country``, ``value``: tariff-inclusive cost.
        final, value_added : DataFrame
            ``sector``, ``country``, ``value``; final demand tariff-inclusive.
        elasticities : DataFrame, mapping or float
            θ by ``sector``, or one number.
        tariffs : DataFrame, optional
            ``sector``, ``exporter``, ``importer``, ``rate`` (0.10 is 10 %).
        **tables
            More in :func:`detente.world.tables.world_from_tables`: ``deficits``, ``name``,
            ``countries``, ``sectors``, ``tolerance``, names of countries and sectors.
        """
        from detente.world.tables import world_from_tables  # noqa: PLC0415

        return world_from_tables(flows=flows, input_use=input_use, final=final, **tables)

    @staticmethod
    def from_arrays(*, flows: Any, input_use: Any, final: Any, **arrays: Any) -> World:
        """A world from plain arrays of money, million USD.

        Parameters
        ----------
        flows, tariff : ndarray, shape (S, N, N)
            ``[s, i, n]``; ``tariff`` may be left out.
        input_use : ndarray, shape (S, S, N)
            ``[k, s, n]``: tariff-inclusive cost of k in making s in n.
        final, value_added : ndarray, shape (S, N)
        trade_elasticity : ndarray, shape (S,)
        countries, sectors : sequence of str
        **arrays
            More in :func:`detente.world.tables.world_from_arrays`.
        """
        from detente.world.tables import world_from_arrays  # noqa: PLC0415

        return world_from_arrays(flows=flows, input_use=input_use, final=final, **arrays)

    def check(self, tolerance: float = 1e-9) -> CheckReport:
        """Every identity, its largest violation and where (:mod:`detente.world.checks`)."""
        from detente.world.checks import check  # noqa: PLC0415

        return check(self, tolerance)

    def save(self, path: str | Path) -> Path:
        """Write one file that ``load_world`` reads (:mod:`detente.world.io`)."""
        from detente.world.io import save_world  # noqa: PLC0415

        return save_world(self, path)

    def aggregate(
        self,
        countries: Mapping[str, str] | None = None,
        sectors: Mapping[str, str] | None = None,
    ) -> World:
        """Merge countries or sectors (:func:`detente.world.aggregate.aggregate`)."""
        from detente.world.aggregate import aggregate  # noqa: PLC0415

        return aggregate(self, countries, sectors)

    def reorder(
        self, countries: Sequence[str] | None = None, sectors: Sequence[str] | None = None
    ) -> World:
        """Put the labels in another order (:func:`detente.world.aggregate.reorder`)."""
        from detente.world.aggregate import reorder  # noqa: PLC0415

        return reorder(self, countries, sectors)

    def scale(self, factor: float) -> World:
        """Multiply all money by a factor (:func:`detente.world.aggregate.scale`)."""
        from detente.world.aggregate import scale  # noqa: PLC0415

        return scale(self, factor)

    def to_tables(self) -> dict[str, pd.DataFrame]:
        """Long tables that ``from_tables`` reads (:mod:`detente.world.tables`)."""
        from detente.world.tables import world_to_tables  # noqa: PLC0415

        return world_to_tables(self)

    def rebase_report(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """What re-basing moved (:func:`detente.world.rebase.rebase_report`)."""
        from detente.world.rebase import rebase_report  # noqa: PLC0415

        return rebase_report(self)

    @cached_property
    def _rebased(self) -> dict[str, World | None]:
        return {}

    def rebase(self, deficit_rule: str = "fixed") -> World:
        """The equilibrium that these parameters imply, as a baseline.

        See :func:`detente.world.rebase.rebase`. Computed once per rule and world.
        """
        from detente.world.rebase import rebase  # noqa: PLC0415

        if deficit_rule not in self._rebased:
            found = rebase(self, deficit_rule)
            # a world that held itself would keep its arrays until a garbage collection
            self._rebased[deficit_rule] = None if found is self else found
        return self._rebased[deficit_rule] or self

    def __repr__(self) -> str:
        return (
            f"World({self.name!r}, {self.n_countries} countries × "
            f"{self.n_sectors} sectors, {self.content_hash[:12]})"
        )


def _plain(value: Any) -> Any:
    """A deep copy in JSON's own types, so that metadata hash and save as they read."""
    if isinstance(value, Mapping):
        odd = [key for key in value if not isinstance(key, str)]
        if odd:
            raise WorldError(f"'meta' has keys that are not text, such as {odd[0]!r}.")
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise WorldError(f"'meta' holds a {type(value).__name__}, which is not JSON-able.")


def _position(code: str, labels: tuple[str, ...], kind: str, world: str) -> int:
    try:
        return labels.index(code)
    except ValueError:
        raise WorldError(
            f"unknown {kind} '{code}' in world '{world}'.", nearest=nearest(code, labels)
        ) from None


def _validate(world: World) -> None:
    """Labels, shapes, finiteness and signs; identities are checks.py's business."""
    for kind, labels, names in (
        ("country", world.countries, world.country_names),
        ("sector", world.sectors, world.sector_names),
    ):
        _validate_labels(kind, labels, names)
    size = {"s": world.n_sectors, "k": world.n_sectors}
    size |= {"i": world.n_countries, "n": world.n_countries}
    for key, array in world.arrays().items():
        axes, signed = ARRAYS.get(key, ("sin", False))
        shape = tuple(size[a] for a in axes)
        if array.shape != shape:
            raise WorldError(f"'{key}' has shape {array.shape}; the labels ask for {shape}.")
        _refuse_cells(world, key, axes, ~np.isfinite(array), "is not a finite number")
        if not signed:
            _refuse_cells(world, key, axes, array < 0, "is negative")
    _refuse_cells(world, "tariff", "sin", world.tariff <= -1, "is −100 % or less")
    _refuse_cells(world, "trade_elasticity", "s", world.trade_elasticity <= 0, "is zero")


def _validate_labels(kind: str, labels: tuple[str, ...], names: tuple[str, ...]) -> None:
    if not labels:
        raise WorldError(f"a world needs at least one {kind}.")
    repeated = sorted({c for c in labels if labels.count(c) > 1})
    if repeated:
        raise WorldError(f"{kind} '{repeated[0]}' appears more than once.")
    if len(names) != len(labels):
        raise WorldError(f"{len(names)} {kind} names for {len(labels)} codes.")


def _refuse_cells(world: World, key: str, axes: str, bad: NDArray[np.bool_], why: str) -> None:
    if not bad.any():
        return
    first = np.argwhere(bad)[0]
    where = ", ".join(label_of(world, a, j) for a, j in zip(axes, first, strict=True))
    more = f" ({int(bad.sum())} such cells)" if bad.sum() > 1 else ""
    raise WorldError(f"'{key}' of {where} {why}{more}.")


def label_of(world: World, axis: str, position: int) -> str:
    """The code at a position of an axis named s, k, i or n."""
    labels: Iterable[str] = world.sectors if axis in "sk" else world.countries
    return tuple(labels)[position]
