"""One year's gravity by sector, from arrays: exporter and importer effects, home sales too.

ln E[flow[s, i, n]] = Σ coefficient[s] · covariate[i, n] + exporter[s, i] + importer[s, n]:
structural gravity in a cross-section (Anderson & van Wincoop 2003, American Economic Review
93; Yotov et al. 2016, chapter 1), one Poisson regression a sector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detente.errors import InputError, nearest
from detente.gravity.irls import Array, Codes
from detente.gravity.ppml import EstimationError, Fit, ppml

#: Ways to cluster errors: unordered pair, ordered pair, exporter, importer; "none" is robust.
CLUSTERS = ("pair", "directed_pair", "exporter", "importer", "none")
#: Fewer positive flows between countries than this many per term give no estimate.
MIN_POSITIVE_PER_TERM = 20


@dataclass(frozen=True)
class SectorEstimate:
    """One sector's gravity; k terms.

    Attributes
    ----------
    sector : str
    terms : tuple of str
        In the order of the covariates given.
    coef : ndarray, shape (k,)
    covariance : ndarray, shape (k, k)
        Clustered.
    n_obs, n_positive, n_clusters : int
        Rows used, those with a positive flow between countries, clusters.
    separated, singletons : int
        Rows dropped.
    pseudo_r2 : float
    log_error_sd : float
        Root mean square of ln(flow / expected) over positive flows between countries, in
        sample: the noise of a single pair.
    flag : str
        Empty, or ``pooled: reason`` where the sector has no estimate of its own; the
        coefficients are then the pooled ones, the counts the sector's.
    """

    sector: str
    terms: tuple[str, ...]
    coef: Array
    covariance: Array
    n_obs: int
    n_positive: int
    n_clusters: int
    separated: int
    singletons: int
    pseudo_r2: float
    log_error_sd: float
    flag: str = ""

    @property
    def std_error(self) -> Array:
        """Standard errors, shape (k,)."""
        found: Array = np.sqrt(np.diag(self.covariance))
        return found


def cross_section(
    flows: Array,
    covariates: Mapping[str, Array],
    sectors: Sequence[str],
    countries: Sequence[str],
    cluster: str = "pair",
    *,
    pooled_name: str = "pooled",
) -> list[SectorEstimate]:
    """Estimate every sector, and the pooled regression that stands in where one fails.

    Parameters
    ----------
    flows : ndarray, shape (S, N, N)
        [s, i, n]: sales of i to n, domestic ones on the diagonal, any unit, not negative.
    covariates : mapping of str to ndarray, shape (N, N)
        [i, n]: ``ln_distance``, ``border`` (1 off the diagonal) and so on, finite.
    sectors, countries : sequence of str
    cluster : str
        One of ``CLUSTERS``.
    pooled_name : str
        Sector name of the last element.

    Returns
    -------
    list of SectorEstimate
        S + 1: sectors in order, then the pooled regression of all sectors stacked, with
        exporter-sector and importer-sector effects and one coefficient per covariate.

    Raises
    ------
    InputError
        Shapes that do not fit the labels, negative or missing values, an unknown cluster.
    EstimationError
        Not even the pooled regression has an estimate.
    """
    _check(flows, covariates, sectors, countries, cluster)
    layout = _Layout(flows, covariates, cluster)
    pooled = layout.pooled(pooled_name)
    found = []
    for s, sector in enumerate(sectors):
        try:
            found.append(layout.sector(s, str(sector)))
        except EstimationError as error:
            found.append(_borrowed(pooled, str(sector), layout.counts(s), str(error)))
    return [*found, pooled]


class _Layout:
    """Arrays laid out in rows: exporter-major, one row an ordered pair."""

    def __init__(self, flows: Array, covariates: Mapping[str, Array], cluster: str) -> None:
        self.flows = np.asarray(flows, dtype=float)
        n = self.flows.shape[1]
        exporter, importer = (a.ravel().astype(np.int32) for a in np.indices((n, n)))
        self.n, self.exporter, self.importer = n, exporter, importer
        self.abroad = exporter != importer
        self.terms = {k: np.asarray(v, dtype=float).ravel() for k, v in covariates.items()}
        self.clusters = _clusters(cluster, exporter, importer, n)

    def counts(self, s: int) -> tuple[int, int]:
        """Rows, and positive flows between countries."""
        flow = self.flows[s].ravel()
        return len(flow), int(((flow > 0) & self.abroad).sum())

    def sector(self, s: int, name: str) -> SectorEstimate:
        flow = self.flows[s].ravel()
        positive = self.counts(s)[1]
        need = MIN_POSITIVE_PER_TERM * len(self.terms)
        if positive < need:
            raise EstimationError(f"{positive} positive flows between countries, {need} needed")
        effects = {"exporter": self.exporter, "importer": self.importer}
        fit = ppml(flow, self.terms, effects, self.clusters)
        if fit.collinear:
            raise EstimationError(f"'{fit.collinear[0]}' cannot be told from the rest")
        return _estimate(name, fit, flow, self.abroad)

    def pooled(self, name: str) -> SectorEstimate:
        s = self.flows.shape[0]
        sector = np.repeat(np.arange(s, dtype=np.int32), self.n * self.n)

        def tiled(codes: Codes) -> Codes:
            return np.tile(codes, s)

        effects = {
            "exporter": sector * np.int32(self.n) + tiled(self.exporter),
            "importer": sector * np.int32(self.n) + tiled(self.importer),
        }
        terms = {k: np.tile(v, s) for k, v in self.terms.items()}
        # Errors of one pair hang together across sectors: the clusters are not split by sector.
        clusters = {k: tiled(v) for k, v in self.clusters.items()}
        flow = self.flows.ravel()
        fit = ppml(flow, terms, effects, clusters)
        if fit.collinear:
            raise EstimationError(
                f"'{fit.collinear[0]}' cannot be told from the other covariates and the "
                f"exporter and importer effects in any sector: leave it out."
            )
        return _estimate(name, fit, flow, np.tile(self.abroad, s))


def _estimate(name: str, fit: Fit, flow: Array, abroad: NDArray[np.bool_]) -> SectorEstimate:
    observed, foreign = flow[fit.kept], abroad[fit.kept]
    use = foreign & (observed > 0)
    error = np.log(observed[use] / fit.fitted[use])
    return SectorEstimate(
        sector=name,
        terms=fit.terms,
        coef=fit.coef,
        covariance=fit.covariance,
        n_obs=int(fit.kept.sum()),
        n_positive=int(use.sum()),
        n_clusters=fit.n_clusters,
        separated=fit.separated,
        singletons=fit.singletons,
        pseudo_r2=fit.pseudo_r2,
        log_error_sd=float(np.sqrt(np.mean(error**2))) if use.any() else float("nan"),
    )


def _borrowed(
    pooled: SectorEstimate, sector: str, counts: tuple[int, int], why: str
) -> SectorEstimate:
    return SectorEstimate(
        sector=sector,
        terms=pooled.terms,
        coef=pooled.coef,
        covariance=pooled.covariance,
        n_obs=counts[0],
        n_positive=counts[1],
        n_clusters=pooled.n_clusters,
        separated=0,
        singletons=0,
        pseudo_r2=float("nan"),
        log_error_sd=pooled.log_error_sd,
        flag=f"pooled: {why}",
    )


def _clusters(cluster: str, exporter: Codes, importer: Codes, n: int) -> dict[str, Codes]:
    size = np.int32(n)
    low, high = np.minimum(exporter, importer), np.maximum(exporter, importer)
    codes = {
        "pair": low * size + high,
        "directed_pair": exporter * size + importer,
        "exporter": exporter,
        "importer": importer,
    }
    return {cluster: codes[cluster]} if cluster in codes else {}


def _check(
    flows: Array,
    covariates: Mapping[str, Array],
    sectors: Sequence[str],
    countries: Sequence[str],
    cluster: str,
) -> None:
    n = len(countries)
    if np.shape(flows) != (len(sectors), n, n):
        raise InputError(
            f"flows have shape {np.shape(flows)}; {len(sectors)} sectors and {n} countries "
            f"ask for {(len(sectors), n, n)}."
        )
    if cluster not in CLUSTERS:
        raise InputError(
            f"cluster '{cluster}' is none of {', '.join(CLUSTERS)}.",
            nearest=nearest(cluster, CLUSTERS),
        )
    if not covariates:
        raise InputError("there is no covariate: gravity needs 'ln_distance' at least.")
    bad = ~(np.isfinite(flows) & (np.asarray(flows) >= 0))
    if bad.any():
        s, i, j = np.argwhere(bad)[0]
        raise InputError(
            f"flow of sector '{sectors[s]}' from {countries[i]} to {countries[j]} is "
            f"{flows[s, i, j]} ({int(bad.sum())} such cells); flows are numbers, 0 or more."
        )
    for name, values in covariates.items():
        if np.shape(values) != (n, n):
            raise InputError(f"covariate '{name}' has shape {np.shape(values)}, not {(n, n)}.")
        lost = np.argwhere(~np.isfinite(np.asarray(values, dtype=float)))
        if len(lost):
            pairs = ", ".join(f"{countries[i]}-{countries[j]}" for i, j in lost[:5])
            raise InputError(f"covariate '{name}' lacks {len(lost)} pairs: {pairs}.")
