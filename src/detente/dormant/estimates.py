"""What distance, borders and ties do to trade, by sector, with how sure one is."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from io import StringIO
from typing import Any

import numpy as np

from detente.dormant.geography import TERMS
from detente.errors import InputError
from detente.world.core import Array, frozen

#: The row that stands in for a sector without an estimate of its own.
POOLED = "pooled"
OWN = "own"
_EMBEDDED = ("gravity_estimates.csv", "gravity_covariance.csv")
#: Sets of covariates that were estimated: how much hangs on the choice is shown with them.
ALL_TERMS, DISTANCE_AND_BORDER = "all", "distance and border"
TERM_SETS = {ALL_TERMS: TERMS, DISTANCE_AND_BORDER: ("ln_distance", "border")}


@dataclass(frozen=True, eq=False)
class Estimates:
    """Gravity coefficients by sector.

    Parameters
    ----------
    sectors : tuple of str
        S sectors, ``pooled`` among them.
    coefficient : ndarray, shape (S, K)
        In the order of :data:`~detente.dormant.geography.TERMS`: an elasticity for
        ln_distance, semi-elasticities for the rest.
    covariance : ndarray, shape (S, K, K)
        Of the coefficients, clustered by pair. Sectors are estimated one by one: between
        them no covariance is known, and draws are independent.
    n_obs : tuple of int
    flag : tuple of str
        ``own``, or ``pooled`` where the sector has no estimate of its own.
    source : str
    pair_error : float
        What gravity misses of a single pair: standard deviation of ln(actual/predicted)
        two-way trade in all goods, the sum of the sectors' predictions, over every country's
        ten largest predicted partners.
    """

    sectors: tuple[str, ...]
    coefficient: Array
    covariance: Array
    n_obs: tuple[int, ...]
    flag: tuple[str, ...]
    source: str
    pair_error: float = 0.0

    def __post_init__(self) -> None:
        s, k = len(self.sectors), len(TERMS)
        for key, shape in (("coefficient", (s, k)), ("covariance", (s, k, k))):
            array = frozen(getattr(self, key))
            if array.shape != shape or not np.isfinite(array).all():
                raise InputError(f"gravity estimates: '{key}' is not a finite {shape} array.")
            object.__setattr__(self, key, array)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of sectors, coefficients and covariances."""
        digest = hashlib.sha256("\n".join((*self.sectors, *self.flag)).encode())
        for array in (self.coefficient, self.covariance):
            digest.update(array.astype("<f8").tobytes())
        return digest.hexdigest()

    def of(self, sectors: Sequence[str]) -> Estimates:
        """The estimates of some sectors, in their order; the pooled one, flagged, elsewhere.

        Raises
        ------
        InputError
            A sector has none, and there is no pooled one.
        """
        lacking = [s for s in sectors if s not in self.sectors]
        if lacking and POOLED not in self.sectors:
            raise InputError(
                f"gravity estimates: sector '{lacking[0]}' has none, and there is no "
                f"'{POOLED}' row to stand in."
            )
        here = [self.sectors.index(s if s in self.sectors else POOLED) for s in sectors]
        return Estimates(
            tuple(sectors),
            self.coefficient[here],
            self.covariance[here],
            tuple(self.n_obs[j] for j in here),
            tuple(
                POOLED if s in lacking else self.flag[j]
                for s, j in zip(sectors, here, strict=True)
            ),
            self.source,
            self.pair_error,
        )

    def draw(self, rng: np.random.Generator) -> Array:
        """Coefficients from the estimates' normal distribution, shape (S, K).

        Sectors that share the pooled estimate share its draw; others are independent.
        """
        keys = [
            POOLED if flag == POOLED else s
            for s, flag in zip(self.sectors, self.flag, strict=True)
        ]
        distinct = list(dict.fromkeys(keys))
        normal = rng.standard_normal((len(distinct), self.coefficient.shape[1]))
        normal = normal[[distinct.index(key) for key in keys]]
        found: Array = self.coefficient + np.einsum("skl,sl->sk", self._root, normal)
        return found

    @cached_property
    def _root(self) -> Array:
        """A square root of each covariance (eigenvalues, so that a singular one is fine)."""
        values, vectors = np.linalg.eigh(self.covariance)
        root: Array = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
        return root

    # -- tables ------------------------------------------------------------------------
    def rows(self, terms: str = ALL_TERMS) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Rows of the two csv files: estimates, covariances (upper triangle)."""
        found, between = [], []
        for s, sector in enumerate(self.sectors):
            error = np.sqrt(np.diagonal(self.covariance[s]))
            for k, term in enumerate(TERMS):
                found.append(
                    {
                        "terms": terms,
                        "sector": sector,
                        "term": term,
                        "estimate": float(f"{self.coefficient[s, k]:.6g}"),
                        "std_error": float(f"{error[k]:.6g}"),
                        "n_obs": self.n_obs[s],
                        "flag": self.flag[s],
                        "pair_error": f"{self.pair_error:.4g}" if sector == POOLED else "",
                    }
                )
                between += [
                    {
                        "terms": terms,
                        "sector": sector,
                        "term_1": term,
                        "term_2": other,
                        "covariance": float(f"{self.covariance[s, k, j]:.8g}"),
                    }
                    for j, other in enumerate(TERMS)
                    if j >= k
                ]
        return found, between

    @staticmethod
    def from_rows(
        estimates: Sequence[Mapping[str, Any]],
        covariances: Sequence[Mapping[str, Any]],
        source: str,
    ) -> Estimates:
        """From the rows that :meth:`rows` writes."""
        sectors = tuple(dict.fromkeys(str(r["sector"]) for r in estimates))
        at = {s: j for j, s in enumerate(sectors)}
        term = {t: j for j, t in enumerate(TERMS)}
        coefficient = np.full((len(sectors), len(TERMS)), np.nan)
        covariance = np.full((len(sectors), len(TERMS), len(TERMS)), np.nan)
        n_obs, flag = [0] * len(sectors), [OWN] * len(sectors)
        errors = [float(r["pair_error"]) for r in estimates if r.get("pair_error")]
        for r in estimates:
            s = at[str(r["sector"])]
            coefficient[s, term[str(r["term"])]] = float(r["estimate"])
            n_obs[s], flag[s] = int(r["n_obs"]), str(r["flag"])
        for r in covariances:
            s, k, j = at[str(r["sector"])], term[str(r["term_1"])], term[str(r["term_2"])]
            covariance[s, k, j] = covariance[s, j, k] = float(r["covariance"])
        return Estimates(
            sectors,
            coefficient,
            covariance,
            tuple(n_obs),
            tuple(flag),
            source,
            errors[0] if errors else 0.0,
        )


@cache
def embedded_estimates(terms: str = ALL_TERMS) -> Estimates:
    """PPML by sector on the OECD ICIO's intermediate flows of 2022 (docs/dormant.md).

    Parameters
    ----------
    terms : str
        ``all`` covariates, or ``distance and border`` alone (the others' coefficients are
        zero), to show how far the choice matters.
    """
    rows, covariances = (
        [
            row
            for row in csv.DictReader(
                StringIO(files("detente.data").joinpath(name).read_text("utf-8"))
            )
            if row["terms"] == terms
        ]
        for name in _EMBEDDED
    )
    source = "PPML by sector, OECD ICIO 2022 intermediate flows, 80 countries; CEPII GeoDist"
    return Estimates.from_rows(rows, covariances, source)
