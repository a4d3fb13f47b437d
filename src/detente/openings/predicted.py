"""What gravity expects of pairs that it has not seen, year by year, and what happened.

For every year by itself, Poisson pseudo-maximum likelihood with an effect of every exporter and
every importer (Santos Silva & Tenreyro 2006, Review of Economics and Statistics 88; Anderson &
van Wincoop 2003, American Economic Review 93) on all flows but those of the pairs left out:

    potential[i, j] = exp(Σ coefficient · term[i, j] + exporter[i] + importer[j])
    share[i, j]     = actual[i, j] / potential[i, j]

Its error is that of the expectation: coefficients *and* effects, by the delta method. How far
an ordinary pair lies from its expectation is another thing, and much larger; that is
:func:`detente.openings.measure.ordinary`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.errors import InputError, nearest
from detente.gravity.estimate import PAIR_TERMS, gravity, preset
from detente.gravity.formula import Design, Formula, design, pair_id, parse
from detente.gravity.panel import Panel, filled, panel
from detente.gravity.results import GravityResult
from detente.sources.checking import listed

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
#: Years done, years in all.
Progress = Callable[[int, int], None]

#: Directions between two sorted codes, and both together.
WAYS = ("ab", "ba")
#: Eigenvalues of the scaled information below this (of one) are the effects' constant.
_NULL = 1e-11


@dataclass(frozen=True)
class Shares:
    """Actual over potential, of every pair and year of a panel.

    Attributes
    ----------
    table : DataFrame
        One row a pair and year: ``year``; ``a`` and ``b``, sorted; ``actual_ab``,
        ``potential_ab``, ``share_ab`` (a to b) and the same with ``_ba``; ``actual``,
        ``potential`` and ``share`` of both together (sum over sum), in the panel's unit of
        money; ``error``, standard error of ln(potential); ``reported``, whether the panel
        has both flows; ``why``, the reason where there is no share, else empty.
    formula : str
    countries : tuple of str
    years : tuple of int
    left_out : tuple of tuple of str
        Pairs that the estimate has not seen.
    content_hash : str
        SHA-256 of the panel's flows and terms, whatever the order of its rows.
    """

    table: pd.DataFrame
    formula: str
    countries: tuple[str, ...]
    years: tuple[int, ...]
    left_out: tuple[tuple[str, str], ...]
    content_hash: str

    @property
    def pairs_left_out(self) -> int:
        """How many pairs the estimate has not seen."""
        return len(self.left_out)

    @cached_property
    def pairs(self) -> pd.MultiIndex:
        """All pairs that have a row, sorted."""
        keys = self.table[["a", "b"]].drop_duplicates().sort_values(["a", "b"])
        return pd.MultiIndex.from_frame(keys)

    def wide(self, column: str) -> pd.DataFrame:
        """One column as pairs × years, NaN where there is no row."""
        found = self.table.set_index(["a", "b", "year"])[column].unstack("year")
        return found.reindex(index=self.pairs, columns=list(self.years))

    def pair(self, first: str, second: str) -> pd.DataFrame:
        """The years of one pair, in order; either order of its codes.

        Raises
        ------
        InputError
            A country or a pair that the panel does not have.
        """
        a, b = sorted_pair(first, second, self.countries)
        found = self.table[(self.table["a"] == a) & (self.table["b"] == b)]
        if found.empty:
            raise InputError(f"the panel has no flow between {a} and {b}.")
        return found.sort_values("year").reset_index(drop=True)

    def at(self, first: str, second: str, year: int) -> pd.Series:
        """One pair in one year.

        Raises
        ------
        InputError
            A country or a pair that the panel does not have, a year outside it, or no
            potential to divide by.
        """
        years = self.pair(first, second)
        found = years[years["year"] == year]
        if found.empty:
            raise InputError(
                f"the panel has no {year} for {first} and {second}; its years are "
                f"{self.years[0]} to {self.years[-1]}.",
                nearest=str(min(self.years, key=lambda y: (abs(y - year), y))),
            )
        row = found.iloc[0]
        if row["why"]:
            raise InputError(
                f"{first} and {second} have no share of potential in {year}: {row['why']}."
            )
        return row


def sorted_pair(first: str, second: str, countries: Collection[str]) -> tuple[str, str]:
    """Two codes in order, if they are two countries of the panel.

    Raises
    ------
    InputError
        A code that the panel does not have, with the nearest, or the same code twice.
    """
    for code in (first, second):
        if code not in countries:
            raise InputError(
                f"there is no country '{code}' in the panel; it has "
                f"{listed(sorted(countries), 12)}.",
                nearest=nearest(code, countries),
            )
    if first == second:
        raise InputError(f"a pair needs two countries; '{first}' is given twice.")
    return (first, second) if first < second else (second, first)


def read_panel(
    data: pd.DataFrame | Panel | str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    fill: bool = False,
) -> Panel:
    """A panel of total trade over years, in which a closed link is a zero.

    Parameters
    ----------
    data, columns
        As for :func:`detente.gravity.gravity`.
    fill : bool
        Take flows that are not listed to be zero (BACI lists positive flows only); what is
        the same both ways, such as distance, they have from the other direction.

    Raises
    ------
    InputError
        No years, sectors, or flows that are missing where a zero should stand.
    """
    flows = panel(data, columns=columns)
    if "year" not in flows.table:
        raise InputError("openings need several years; the table has no column of years.")
    if "sector" in flows.table:
        raise InputError(
            "openings are measured on total trade, and the table has sectors: add them up."
        )
    if fill:
        return _both_ways(filled(flows))
    table = flows.table
    countries = {*table["exporter"], *table["importer"]}
    full = len(countries) * (len(countries) - 1) * table["year"].nunique()
    abroad = (table["exporter"] != table["importer"]).to_numpy()
    if abroad.sum() < full and not (table["trade"].to_numpy()[abroad] == 0).any():
        raise InputError(
            "the table lists positive flows only, so a closed link would be missing and not "
            "zero: fill it (fill=True, or detente.gravity.filled)."
        )
    return flows


def _both_ways(flows: Panel) -> Panel:
    """Terms of a pair that one direction lacks taken from the other, of the same year."""
    table = flows.table
    there = pd.MultiIndex.from_frame(table[["exporter", "importer", "year"]])
    back = pd.MultiIndex.from_frame(table[["importer", "exporter", "year"]])
    found = {}
    for term in ("distance", *(t for t in PAIR_TERMS if t != "border")):
        if term in table:
            own = pd.Series(flows.numbers(term), index=there)
            found[term] = np.where(own.isna(), own.reindex(back).to_numpy(), own)
    return replace(flows, table=table.assign(**found))


def openings_formula(flows: Panel) -> Formula:
    """The formula of potential: what is constant for a pair, and the border.

    ``ln_distance + contiguity + common_language + colony + border | exporter + importer``, as
    far as the table has them. Trade agreements are left out: they are part of an opening.
    """
    there = [
        t for t in PAIR_TERMS
        if t in flows.table or (t == "ln_distance" and "distance" in flows.table)
    ]  # fmt: skip
    return preset(flows, terms=there)


def realised(
    data: pd.DataFrame | Panel | str | Path,
    leave_out: Iterable[tuple[str, str]],
    *,
    formula: str | Formula | None = None,
    columns: Mapping[str, str] | None = None,
    fill: bool = False,
    progress: Progress | None = None,
) -> Shares:
    """Shares of potential of every pair and year, estimated without some pairs.

    Parameters
    ----------
    data : DataFrame, Panel, str or Path
        As for :func:`detente.gravity.gravity`, with years; million USD by custom.
    leave_out : iterable of (str, str)
        Pairs that no estimate may see, in either order; both directions go.
    formula : str or Formula, optional
        For one year; by default that of :func:`openings_formula`.
    columns : mapping of str to str, optional
        Role → column, where a role's column has a name of its own.
    fill : bool
        Take flows that are not listed to be zero.
    progress : callable, optional
        Called with years done and years in all.

    Raises
    ------
    InputError
        Bad data, or a pair that the panel does not have.
    EstimationError
        A year without an estimate.
    """
    flows = read_panel(data, columns=columns, fill=fill)
    countries = tuple(sorted({*flows.table["exporter"], *flows.table["importer"]}))
    out = tuple(sorted({sorted_pair(a, b, countries) for a, b in leave_out}))
    years = tuple(sorted(int(y) for y in flows.table["year"].unique()))
    names = {f"{a}-{b}" for a, b in out}
    parsed = parse(formula) if isinstance(formula, str) else formula
    parts = []
    for done, year in enumerate(years):
        part = panel(flows, years=year)
        chosen = openings_formula(part) if parsed is None else parsed
        hidden = np.isin(pair_id(part).astype(str), sorted(names))
        parts.append(_one_year(part, hidden, chosen))
        if progress is not None:
            progress(done + 1, len(years))
    table = pd.concat(parts, ignore_index=True).sort_values(["a", "b", "year"])
    return Shares(
        table=table.reset_index(drop=True),
        formula=str(chosen),
        countries=countries,
        years=years,
        left_out=out,
        content_hash=_hash(flows, chosen),
    )


def _one_year(part: Panel, hidden: Mask, formula: Formula) -> pd.DataFrame:
    """Estimate, predict, and set both directions of every pair beside each other."""
    # sorted rows: the last digits of sums must not depend on the order of the file
    order = np.lexsort((part.table["importer"], part.table["exporter"]))
    part, hidden = replace(part, table=part.table.iloc[order]), hidden[order]
    seen = replace(part, table=part.table[~hidden])
    result = gravity(seen, formula, cluster="pair")
    potential = result.predict(part)
    table = part.table[["exporter", "importer", "trade"]].reset_index(drop=True)
    table = table.assign(potential=potential, at=np.arange(len(table)))
    table = table[table["exporter"] != table["importer"]]
    forward = table["exporter"] < table["importer"]
    sides = {
        "ab": table[forward].rename(columns={"exporter": "a", "importer": "b"}),
        "ba": table[~forward].rename(columns={"exporter": "b", "importer": "a"}),
    }
    both = sides["ab"].merge(sides["ba"], on=["a", "b"], how="outer", suffixes=("_ab", "_ba"))
    both = both.rename(columns={f"trade_{w}": f"actual_{w}" for w in WAYS})
    used = part.table.index.get_indexer(result.rows.index)
    spread = _spread(part, used, result)
    both.insert(0, "year", int(part.table["year"].iloc[0]))
    return _with_shares(both, spread, set(result.rows["exporter"]))


def _with_shares(both: pd.DataFrame, spread: _Spread, selling: set[str]) -> pd.DataFrame:
    """Sums of both directions, shares, their error, and why there is none."""
    found = both.copy()
    for name in ("actual", "potential"):
        found[name] = found[f"{name}_ab"] + found[f"{name}_ba"]
    for way in ("_ab", "_ba", ""):
        potential = found[f"potential{way}"]
        positive = np.isfinite(potential) & (potential > 0)
        found[f"share{way}"] = found[f"actual{way}"].where(positive) / potential.where(positive)
    found["reported"] = found[["actual_ab", "actual_ba"]].notna().all(axis=1)
    usable = (np.isfinite(found["potential"]) & (found["potential"] > 0)).to_numpy()
    found["error"] = np.nan
    found.loc[usable, "error"] = spread.of(found[usable])
    found["why"] = [
        _why(a, b, reported, ok, selling)
        for a, b, reported, ok in zip(
            found["a"], found["b"], found["reported"], usable, strict=True
        )
    ]
    names = [f"{n}_{w}" for w in WAYS for n in ("actual", "potential", "share")]
    keys = ["year", "a", "b"]
    return found[[*keys, *names, "actual", "potential", "share", "error", "reported", "why"]]


def _why(a: str, b: str, reported: bool, usable: bool, selling: set[str]) -> str:
    if not reported:
        return "the panel lacks a flow"
    if usable:
        return ""
    idle = [c for c in (a, b) if c not in selling]
    if idle:
        return f"no potential, since {' and '.join(idle)} sells nothing that year"
    return "no potential: a term is missing, or a country buys nothing that year"


class _Spread:
    """Standard errors of ln(potential): the delta method with all coefficients and effects.

    With x the row of terms and dummies, μ the expectation and X all rows used,
    V = A⁻¹ (Σ_g s_g s_gᵀ) A⁻¹ · G/(G − 1), A = XᵀμX, s_g the sum over pair g of x(y − μ)
    (Liang & Zeger 1986, Biometrika 73); ln(p + q) moves by (p x_p + q x_q)/(p + q).
    """

    def __init__(self, rows: Any, used: Any, codes: Any, flow: Array, expected: Array) -> None:
        from scipy import sparse  # noqa: PLC0415  (slow to import)

        self.rows = rows
        unit = expected.mean()
        x, mu, gap = rows[used], expected / unit, (flow - expected) / unit
        information = np.asarray((x.T @ x.multiply(mu[:, None])).todense())
        scale = np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
        bread = np.linalg.pinv(
            information / np.outer(scale, scale), rcond=_NULL, hermitian=True
        )
        groups = int(codes.max()) + 1
        sums = sparse.csr_matrix((gap, (codes, np.arange(len(gap)))), shape=(groups, len(gap)))
        # half of V: its product with a row has the row's error as its length
        scores = np.asarray((sums @ x).todense()) / scale
        self.half = (bread @ scores.T) / scale[:, None] * np.sqrt(groups / (groups - 1.0))

    def of(self, pairs: pd.DataFrame) -> Array:
        """Standard errors of ln of both potentials together, shape (pairs,)."""
        total = pairs["potential"].to_numpy()
        slopes = []
        for way in WAYS:
            weight = pairs[f"potential_{way}"].to_numpy() / total
            at = pairs[f"at_{way}"].to_numpy().astype(np.intp)
            slopes.append(self.rows[at].multiply(weight[:, None]))
        moved: Array = np.asarray((slopes[0] + slopes[1]).tocsr() @ self.half)
        error: Array = np.sqrt((moved**2).sum(axis=1))
        return error


def _spread(part: Panel, used: NDArray[np.intp], result: GravityResult) -> _Spread:
    drawn = design(part, result.formula)
    rows = _dummies(part, drawn, result)
    codes = np.unique(pair_id(part)[used].astype(str), return_inverse=True)[1]
    flow, expected = (result.rows[c].to_numpy() for c in ("trade", "expected"))
    return _Spread(rows, used, codes, flow, expected)


def _dummies(part: Panel, drawn: Design, result: GravityResult) -> Any:
    """Terms and a dummy of every level used, sparse, shape (rows, columns)."""
    from scipy import sparse  # noqa: PLC0415

    n = len(part.table)
    terms = np.zeros((n, len(result.terms)))
    for k, name in enumerate(result.terms):
        terms[drawn.rows, k] = drawn.terms[name]
    blocks = [sparse.csr_matrix(terms)]
    for column in ("exporter", "importer"):
        levels = pd.Index(sorted(set(result.rows[column])))
        codes = levels.get_indexer(part.table[column])
        known = np.flatnonzero(codes >= 0)  # others have no potential, and no error
        blocks.append(
            sparse.csr_matrix(
                (np.ones(len(known)), (known, codes[known])), shape=(n, len(levels))
            )
        )
    return sparse.hstack(blocks).tocsr()


def _hash(flows: Panel, formula: Formula) -> str:
    """SHA-256 of the formula and of sorted keys, flows and terms."""
    keys = ["year", "exporter", "importer"]
    rows = flows.table.sort_values(keys)
    part = replace(flows, table=rows)
    digest = hashlib.sha256(str(formula).encode())
    hashes = pd.util.hash_pandas_object(rows[keys], index=False)
    digest.update(hashes.to_numpy().tobytes())
    drawn = design(part, replace(formula, effects=()))
    for values in (drawn.flow, *drawn.terms.values()):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
