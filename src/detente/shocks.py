"""Shocks: the only thing that the solver sees of a policy."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detente.errors import ShockError
from detente.world.core import Array, World

#: name → (axes, lowest and highest value allowed)
SHOCK_ARRAYS: Mapping[str, tuple[str, float, float]] = {
    "tariff_new": ("sin", -1.0, np.inf),
    "cost_hat": ("sin", 0.0, np.inf),
    "link": ("sin", 0.0, np.inf),
    "link_open": ("sin", 0.0, 1.0),
    "dormant_share": ("sin", 0.0, np.inf),
    "productivity_hat": ("si", 0.0, np.inf),
    "labour_hat": ("n", 0.0, np.inf),
    "transfer": ("n", -np.inf, np.inf),
    "deficit_path": ("n", -np.inf, np.inf),
}

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
        Largest Σ F′/ĉ over those links: million USD at baseline prices.
    owner : str
        Who gets the rent: ``importer``, ``exporter``, ``burnt`` or a country's code.
    """

    sector: str
    exporters: tuple[str, ...]
    importers: tuple[str, ...]
    quantity: float
    owner: str = "importer"


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
    productivity_hat : ndarray, shape (S, N), optional
        T̂[s, i]; a total factor productivity of 1.10 is T̂ = 1.10^θ.
    labour_hat : ndarray, shape (N,), optional
        L̂[n].
    transfer : ndarray, shape (N,), optional
        Million USD received; sums to zero.
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
    productivity_hat: Array | None = None
    labour_hat: Array | None = None
    transfer: Array | None = None
    caps: tuple[Cap, ...] = ()
    deficit_rule: str = "fixed"
    proportional_to: str | None = None
    deficit_path: Array | None = None
    label: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)

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
