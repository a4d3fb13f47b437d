"""What a new opening is likely to do: draws of the population, and what follows from them.

Needs no numpyro: the embedded curve is read and drawn from with numpy alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import least_squares

from detente.errors import InputError
from detente.openings.observed import FLOOR, TYPICAL_SIZE, Array, Codes
from detente.openings.pace import Pace

#: Columns of a curve's draws: the parameters of detente.openings.model_numpyro.
COLUMNS = (
    "mu_warm",
    "mu_cold",
    "sigma_warm",
    "sigma_cold",
    "logit_cold",
    "cold_spread",
    "sigma_group",
    "group_half",
    "group_start",
    "size_effect",
    "mu_half",
    "sigma_half",
    "mu_start",
    "sigma_start",
    "noise",
    "noise_size",
    "noise_spread",
    "rho",
)
#: Years over which a curve is fitted to a predictive quantile.
FITTED_YEARS = np.arange(21.0)
#: New links simulated for each draw of the population.
LINKS = 50
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: Names of the paces: a quantile of all new links, or the median of a kind of them.
PACES: dict[str, tuple[str, float]] = {
    "base-rate": ("all", 0.5),
    "warm": ("warm", 0.5),
    "cold": ("cold", 0.5),
    "p05": ("all", 0.05),
    "p25": ("all", 0.25),
    "p75": ("all", 0.75),
    "p95": ("all", 0.95),
}
#: Kinds of links, and whether they are cold.
KINDS: dict[str, bool | None] = {"all": None, "warm": False, "cold": True}


@dataclass(frozen=True)
class Links:
    """New links, one column each; rows are draws.

    Attributes
    ----------
    level, half_life, start : ndarray, shape (n, links)
        As of :class:`detente.openings.pace.Pace`; half-lives in years.
    cold : ndarray of bool, shape (n, links)
        The link's level is of the cold kind.
    """

    level: Array
    half_life: Array
    start: Array
    cold: np.ndarray[Any, np.dtype[np.bool_]]

    def share(self, years: ArrayLike) -> Array:
        """Share after so many years, shape (n, links, years); zero before zero."""
        tau = np.asarray(years, dtype=np.float64)
        missing = (1.0 - self.start[..., None]) * np.exp2(
            -np.maximum(tau, 0.0) / self.half_life[..., None]
        )
        found: Array = np.where(tau < 0, 0.0, self.level[..., None] * (1.0 - missing))
        return found


@dataclass(frozen=True)
class Curve:
    """Draws of the population of openings.

    Attributes
    ----------
    draws : DataFrame, n rows
        Posterior draws of the population parameters, columns COLUMNS.
    about : dict
        ``diagnostics``, ``histories`` (their hash), ``openings``, ``groups``, ``numpyro``
        (version), ``seed``, ``sizes`` (smallest and largest potential seen, million USD),
        ``typical_size`` and ``priors``.
    pairs : DataFrame
        What each opening was: keys, and posterior medians ``level``, ``half_life``,
        ``start``, and ``cold``, its probability of being cold.
    """

    draws: pd.DataFrame
    about: Mapping[str, Any] = field(default_factory=dict)
    pairs: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __post_init__(self) -> None:
        missing = [c for c in COLUMNS if c not in self.draws]
        values = self.draws.reindex(columns=list(COLUMNS)).to_numpy(dtype=np.float64)
        if missing or not len(self.draws) or not np.isfinite(values).all():
            what = f"lack {', '.join(missing)}" if missing else "are none, or not all numbers"
            raise InputError(f"the draws of an openings curve {what}.")

    # -- new links -------------------------------------------------------------------------
    def draw(
        self,
        rng: np.random.Generator,
        n_links: int,
        groups: int | Sequence[Any] = 1,
        size: int | None = None,
        *,
        potential: ArrayLike | None = None,
    ) -> tuple[Array, Array, Array]:
        """Draw links that open.

        Parameters
        ----------
        rng : Generator
        n_links : int
        groups : int or sequence of length n_links
            1: all open for one cause and share its effect; n: dealt out to n causes in turn;
            a sequence: the cause of each.
        size : int, optional
            How many times; without it once.
        potential : array_like, optional
            What each link could carry, million USD both ways; TYPICAL_SIZE by default. Held
            within the sizes seen.

        Returns
        -------
        level, half_life, start : ndarray, shape (n_links,) or (size, n_links)

        Raises
        ------
        InputError
            A number of links, of groups or of potentials that does not fit.
        """
        n = 1 if size is None else int(size)
        if n_links < 1 or n < 1:
            raise InputError(f"{n} draws of {n_links} links: there is nothing to draw.")
        codes = _causes(groups, n_links)
        row = rng.integers(len(self.draws), size=n)
        values = self.draws[list(COLUMNS)].to_numpy(dtype=np.float64)[row]
        taken = dict(zip(COLUMNS, values.T, strict=True))
        links = new_links(taken, rng, codes, self._log_size(potential, n_links))
        if size is None:
            return links.level[0], links.half_life[0], links.start[0]
        return links.level, links.half_life, links.start

    def share(
        self,
        years: ArrayLike,
        quantiles: Sequence[float] = QUANTILES,
        noise: bool = False,
        *,
        potential: float | None = None,
        kind: str = "all",
    ) -> pd.DataFrame:
        """Predictive quantiles of the share of one new link.

        Parameters
        ----------
        years : array_like
            Since the opening.
        quantiles : sequence of float
        noise : bool
            A single year's share, with its error, rather than the curve's.
        potential : float, optional
            Million USD both ways; TYPICAL_SIZE by default.
        kind : {'all', 'warm', 'cold'}

        Returns
        -------
        DataFrame
            Index ``years``; a column for each quantile and ``mean``.
        """
        tau = np.atleast_1d(np.asarray(years, dtype=np.float64))
        if kind not in KINDS:
            raise InputError(f"'{kind}' is no kind of link: 'all', 'warm' or 'cold'.")
        links, taken, rng = self._simulated(potential)
        of_kind = KINDS[kind] is None or (links.cold[:, 0] == KINDS[kind])
        if not np.any(of_kind):
            # none by its odds: what one would be
            links, taken, rng = self._simulated(potential, KINDS[kind])
            of_kind = True
        found = links.share(tau)[:, 0, :]
        if noise:
            found = found * np.exp(self._one_year_errors(taken, rng, potential, found.shape))
        found = found[np.broadcast_to(of_kind, len(found))]
        table = pd.DataFrame(
            np.quantile(found, list(quantiles), axis=0).T,
            index=pd.Index(tau, name="years"),
            columns=list(quantiles),
        )
        # the tails of a lognormal of few draws rule its mean: the largest half per cent go
        table["mean"] = np.minimum(found, np.quantile(found, 0.995, axis=0)).mean(axis=0)
        return table

    def after(self, years: float, *, potential: float | None = None) -> pd.Series:
        """Predictive quantiles and mean of one new link's share after so many years."""
        return self.share([years], potential=potential).iloc[0]

    # -- what follows ----------------------------------------------------------------------
    @cached_property
    def paces(self) -> dict[str, Pace]:
        """Curves of three numbers for a link of typical size; names as in PACES."""
        return self.paces_of(None)

    def paces_of(self, potential: float | None) -> dict[str, Pace]:
        """Curves of three numbers for a link of this potential, million USD both ways."""
        kinds = {kind: [q for k, q in PACES.values() if k == kind] for kind in KINDS}
        paths = {
            kind: self.share(FITTED_YEARS, quantiles, potential=potential, kind=kind)
            for kind, quantiles in kinds.items()
        }
        return {name: closest(paths[k][q].to_numpy()) for name, (k, q) in PACES.items()}

    @cached_property
    def misfit(self) -> dict[str, float]:
        """Largest gap in share, over FITTED_YEARS, between a pace and what it stands for."""
        found = {}
        for name, (kind, q) in PACES.items():
            path = self.share(FITTED_YEARS, [q], kind=kind)[q].to_numpy()
            found[name] = float(np.max(np.abs(path - self.paces[name].share(FITTED_YEARS))))
        return found

    @cached_property
    def odds(self) -> dict[str, float]:
        """Probabilities, for one new link of typical size.

        Returns
        -------
        dict
            ``cold``; and of the share after 15 years: ``below_0.1``, ``below_0.25``,
            ``below_0.5``, ``above_1``.
        """
        links, _, _ = self._simulated(None)
        late = links.share([15.0])[:, 0, 0]
        found = {"cold": float(links.cold.mean())}
        found |= {f"below_{x:g}": float((late < x).mean()) for x in (0.1, 0.25, 0.5)}
        return {**found, "above_1": float((late > 1.0).mean())}

    # -- inside ----------------------------------------------------------------------------
    def _log_size(self, potential: ArrayLike | None, n_links: int) -> Array:
        """ln of potential over typical, within the sizes seen; shape (n_links,)."""
        if potential is None:
            return np.zeros(n_links)
        size = np.asarray(potential, dtype=np.float64)
        if size.shape not in ((), (1,), (n_links,)) or not (size > 0).all():
            raise InputError(
                f"the potential of {n_links} links is a positive number of million USD for "
                "each, or one for all."
            )
        least, most = self.about.get("sizes", (0.0, np.inf))
        found: Array = np.log(np.clip(size, least, most) / TYPICAL_SIZE)
        return np.broadcast_to(found, (n_links,)).astype(np.float64)

    def _simulated(
        self, potential: float | None, cold: bool | None = None
    ) -> tuple[Links, dict[str, Array], np.random.Generator]:
        """LINKS new links of each draw, always the same; shape (n · LINKS, 1)."""
        rng = np.random.default_rng([int(self.about.get("seed", 0)), 16])
        values = np.repeat(self.draws[list(COLUMNS)].to_numpy(dtype=np.float64), LINKS, axis=0)
        taken = dict(zip(COLUMNS, values.T, strict=True))
        one = np.zeros(1, dtype=np.intp)
        size = self._log_size(potential, 1)
        return new_links(taken, rng, one, size, all_cold=cold), taken, rng

    def _one_year_errors(
        self,
        taken: Mapping[str, Array],
        rng: np.random.Generator,
        potential: float | None,
        shape: tuple[int, ...],
    ) -> Array:
        """Errors of single years, independent of each other, shape (n, years)."""
        log_size = self._log_size(potential, 1)
        gap = np.zeros((1, 1), dtype=np.intp)
        return np.concatenate(
            [errors(taken, rng, log_size, gap)[:, 0, :] for _ in range(shape[1])], axis=1
        )


def _causes(groups: int | Sequence[Any], n_links: int) -> Codes:
    """The cause of each link, 0 … n−1."""
    if isinstance(groups, (int, np.integer)):
        if groups < 1:
            raise InputError(f"links open for at least one cause, not {groups}.")
        return np.arange(n_links, dtype=np.intp) % int(groups)
    if len(groups) != n_links:
        raise InputError(f"{len(groups)} causes are given for {n_links} links.")
    codes, _ = pd.factorize(np.asarray(groups, dtype=object))
    return codes.astype(np.intp)


def new_links(
    taken: Mapping[str, Array],
    rng: np.random.Generator,
    codes: Codes,
    log_size: Array,
    effects: Array | None = None,
    *,
    all_cold: bool | None = None,
) -> Links:
    """Draw links of a population.

    Parameters
    ----------
    taken : mapping of ndarray, shape (n,)
        Parameters, by the names in COLUMNS.
    rng : Generator
    codes : ndarray of int, shape (links,)
        Group of each link.
    log_size : ndarray, shape (links,)
        ln (potential / TYPICAL_SIZE).
    effects : ndarray, shape (4, n, groups), optional
        Standard scores of the groups' effects on level, odds of cold, half-life and start,
        where they are known.
    all_cold : bool, optional
        Every link is cold, or none; without it by their odds.
    """
    n, links = len(taken["mu_warm"]), len(codes)
    t = {name: np.asarray(v)[:, None] for name, v in taken.items()}
    n_groups = int(codes.max()) + 1
    drawn = rng.standard_normal((4, n, n_groups))
    of = (drawn if effects is None else effects)[:, :, codes]
    odds = t["logit_cold"] + t["cold_spread"] * of[1]
    cold = rng.random((n, links)) < 1.0 / (1.0 + np.exp(-odds))
    if all_cold is not None:
        cold = np.full((n, links), all_cold)
    mean = np.where(cold, t["mu_cold"], t["mu_warm"]) + t["size_effect"] * log_size
    spread = np.where(cold, t["sigma_cold"], t["sigma_warm"])
    z = rng.standard_normal((3, n, links))
    log_half = t["mu_half"] + t["group_half"] * of[2] + t["sigma_half"] * z[1]
    logit_start = t["mu_start"] + t["group_start"] * of[3] + t["sigma_start"] * z[2]
    return Links(
        level=np.exp(mean + t["sigma_group"] * of[0] + spread * z[0]),
        half_life=np.exp(log_half),
        start=1.0 / (1.0 + np.exp(-logit_start)),
        cold=cold,
    )


def errors(
    taken: Mapping[str, Array], rng: np.random.Generator, log_size: Array, gap: Codes
) -> Array:
    """Draw errors of ln share.

    Parameters
    ----------
    taken, rng, log_size
        As of :func:`new_links`.
    gap : ndarray of int, shape (links, years)
        Years since the year before; 0: the first.

    Returns
    -------
    ndarray, shape (n, links, years)
    """
    n, (links, years) = len(taken["noise"]), gap.shape
    t = {name: np.asarray(v)[:, None] for name, v in taken.items()}
    spread = t["noise_spread"] * rng.standard_normal((n, links))
    scale = np.exp(np.log(t["noise"]) + t["noise_size"] * log_size + spread)
    fresh = rng.standard_t(4, size=(n, links, years))
    found, last = np.empty((n, links, years)), np.zeros((n, links))
    for k in range(years):
        memory = np.where(gap[:, k] > 0, t["rho"] ** np.maximum(gap[:, k], 1), 0.0)
        last = memory * last + scale * np.sqrt(1.0 - memory**2) * fresh[:, :, k]
        found[:, :, k] = last
    return found


def closest(path: ArrayLike, years: ArrayLike = FITTED_YEARS) -> Pace:
    """The curve of three numbers that is closest to a path of shares, by least squares.

    Parameters
    ----------
    path, years : array_like, shape (n,)
    """
    share, tau = np.asarray(path, dtype=np.float64), np.asarray(years, dtype=np.float64)
    top = max(float(share.max()), FLOOR)

    def gaps(at: Array) -> Array:
        found: Array = Pace(at[0] * top, at[1], at[2]).share(tau) / top - share / top
        return found

    tries = [
        least_squares(gaps, (1.0, h, s), bounds=([0.0, 0.05, 0.0], [5.0, 60.0, 1.0]))
        for h in (1.0, 5.0, 15.0)
        for s in (0.1, 0.7)
    ]
    best = min(tries, key=lambda found: float(found.cost)).x
    return Pace(level=float(best[0] * top), half_life=float(best[1]), start=float(best[2]))
