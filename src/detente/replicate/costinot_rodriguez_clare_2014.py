"""Costinot & Rodríguez-Clare (2014): the gains from trade, by formula and by autarky.

Handbook of International Economics 4, chapter 4. Three cases of their Table 4.1, all with
perfect competition: one sector; many sectors without intermediate goods; many sectors with
them. And one column of their Table 4.2: a tariff of 40 % by the United States.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.equilibrium import Equilibrium, solve_equilibrium
from detente.replicate.common import ComparedTable, Comparison, Shown, figures, shown
from detente.replicate.handbook_data import (
    AUTHORS_FILE,
    ELASTICITIES,
    HANDBOOK,
    REGIONS,
    SECTORS,
    YEAR,
    HandbookData,
    read_handbook_data,
)
from detente.shocks import Shocks
from detente.world.core import World
from detente.world.tables import world_from_arrays

Array = NDArray[np.float64]

NAME = "costinot-rodriguez-clare-2014"
CITATION = (
    "Costinot, A. and A. Rodríguez-Clare (2014), Trade Theory with Numbers: Quantifying the "
    "Consequences of Globalization, Handbook of International Economics 4: 197-261."
)

#: Largest gap between the formula and autarky as solved, in the gain as a share.
SAME = 1e-8
#: Largest difference from the handbook with the authors' own table: half of the last digit
#: (percentage points), and what their solver's stopping rule adds.
HALF_A_DIGIT = {"gains": 0.05 + 1e-3, "tariff": 0.005 + 1e-4}
#: Largest median difference with a later release of WIOD, percentage points.
MEDIAN = {"one": 0.1, "many": 0.25, "inputs": 0.25, "tariff": 0.05}

CASES = ("one", "many", "inputs")
ONE_SECTOR_ELASTICITY = 5.0
TARIFF, WHO = 0.40, "USA"

SOURCE = (
    "* the authors' own aggregated table put through the same formulas, to the digit that "
    "Table 4.1 prints; the printed page could not be read. The tariff's figures are as printed."
)
OTHER_RELEASE = (
    "The handbook used WIOD as of April 2012, which the release of 2013 revised, most of all "
    "how much transport equipment is bought at home. With the authors' own table "
    f"({AUTHORS_FILE}) in the folder, the 34 printed figures of the tariff come out to the "
    "last digit."
)

_TRANSPORT, _STD_ERROR = "Transport equipment", 1.08


def gains_by_formula(world: World) -> Array:
    """Gains from trade of every country, as a share of real income, from own shares alone.

    1 − Π over s, k of λ[k]^(β[s] ã[s,k]/ε[k]), with λ the share of spending on the own good,
    β final demand and ã the Leontief inverse (I − γ)⁻¹ (Costinot & Rodríguez-Clare 2014,
    section 3.4; without inputs ã is the identity and this is their section 3.3; with one
    sector it is Arkolakis, Costinot & Rodríguez-Clare 2012). Tariffs must be zero.

    Parameters
    ----------
    world : World
        A cell that buys and makes none at home counts as λ = 1.

    Returns
    -------
    ndarray, shape (N,)
    """
    own = np.einsum("snn->sn", world.trade_share)
    log_own = np.log(np.where(own > 0, own, 1.0)) / world.trade_elasticity[:, None]
    eye = np.eye(world.n_sectors)
    cheaper = [
        world.final_share[:, n] @ np.linalg.solve(eye - world.input_share[:, :, n].T, x)
        for n, x in enumerate(log_own.T)
    ]
    return -np.expm1(np.array(cheaper))


def gains_by_autarky(world: World, tolerance: float = 1e-12) -> tuple[Array, Equilibrium]:
    """The same gains from the equilibrium in which every international link is closed.

    Deficits end with trade, so real income is what factors earn: the gain is 1 − ŵ/P̂. A
    cell that buys and makes none at home opens its own link at today's price (ψ = 1).

    Parameters
    ----------
    world : World
    tolerance : float
        The solver's.

    Returns
    -------
    ndarray, shape (N,)
    Equilibrium
    """
    link = np.broadcast_to(np.eye(world.n_countries), world.flows.shape)
    opened = np.zeros_like(world.flows)
    for s, n in cells_without_own(world):
        opened[s, n, n] = 1.0
    shocks = Shocks(
        link=link,
        link_open=opened if opened.any() else None,
        dormant_share=opened if opened.any() else None,
        deficit_rule="balanced_as_shock",
    )
    eq = solve_equilibrium(world, shocks, tolerance=tolerance)
    prices = np.einsum("sn,sn->n", world.final_share, np.log(eq.price_hat))
    return -np.expm1(np.log(eq.wage_hat) - prices), eq


def cells_without_own(world: World) -> list[tuple[int, int]]:
    """Sector and country that buys of it but sells none of it at home."""
    own = np.einsum("snn->sn", world.flows)
    needy = (world.expenditure > 0) & (own == 0)
    return [(int(s), int(n)) for s, n in np.argwhere(needy)]


def handbook_worlds(data: HandbookData) -> dict[str, World]:
    """The three cases as worlds: own shares of all flows, final demand as it is.

    Without intermediate goods a world spends final demand with the sourcing of all flows, as
    the handbook does.

    Returns
    -------
    dict of str to World
        ``one``, ``many`` and ``inputs``.
    """
    demand = data.final.sum(axis=0)
    together = data.flows.sum(axis=0, keepdims=True)
    spent = data.flows.sum(axis=1)
    sourcing = data.flows / np.where(spent > 0, spent, 1.0)[:, None, :]
    return {
        "one": _without_inputs(
            together / together.sum(axis=1)[:, None, :] * demand,
            ("everything",),
            np.array([ONE_SECTOR_ELASTICITY]),
        ),
        "many": _without_inputs(
            sourcing * data.final[:, None, :], tuple(SECTORS), ELASTICITIES
        ),
        "inputs": world_from_arrays(
            flows=data.flows,
            input_use=data.input_use,
            final=data.final,
            value_added=data.value_added,
            trade_elasticity=ELASTICITIES,
            countries=REGIONS,
            sectors=tuple(SECTORS),
            name="inputs",
        ),
    }


def _without_inputs(flows: Array, sectors: tuple[str, ...], elasticity: Array) -> World:
    """All output is value added, and all spending final demand."""
    s, n = len(sectors), flows.shape[1]
    return world_from_arrays(
        flows=flows,
        input_use=np.zeros((s, s, n)),
        final=flows.sum(axis=1),
        value_added=flows.sum(axis=2),
        trade_elasticity=elasticity,
        countries=REGIONS,
        sectors=sectors,
        name="many" if s > 1 else "one",
    )


def tariff_by_solving(data: HandbookData) -> tuple[Array, Equilibrium]:
    """Real consumption after a tariff of 40 % by the United States on all imports, percent.

    As in the handbook's section 4: every buyer uses one basket, that of all spending, for
    inputs and final demand; deficits are taken out first; and consumption is valued at the
    price of the observed final basket.

    Returns
    -------
    ndarray, shape (N,)
    Equilibrium
    """
    spent = data.flows.sum(axis=1)
    basket = spent / spent.sum(axis=0)
    inputs = data.input_use.sum(axis=0)
    world = world_from_arrays(
        flows=data.flows,
        input_use=np.einsum("kn,sn->ksn", basket, inputs),
        final=basket * data.final.sum(axis=0),
        value_added=data.value_added,
        trade_elasticity=ELASTICITIES,
        countries=REGIONS,
        sectors=tuple(SECTORS),
        name="one basket",
    )
    tariff = np.zeros_like(data.flows)
    who = REGIONS.index(WHO)
    tariff[:, :, who] = TARIFF
    tariff[:, who, who] = 0.0
    shocks = Shocks(tariff_new=tariff, deficit_rule="balanced")
    eq = solve_equilibrium(world, shocks, tolerance=1e-11)
    eaten = data.final / data.final.sum(axis=0)
    prices = np.exp(np.einsum("sn,sn->n", eaten, np.log(eq.price_hat)))
    return 100.0 * (eq.income / eq.world.income / prices - 1.0), eq


def costinot_rodriguez_clare_2014(folder: str | Path, year: int = YEAR) -> Comparison:
    """Gains from trade by country in three cases, twice, and a tariff, beside the handbook.

    Parameters
    ----------
    folder : str or Path
        As for ``read_handbook_data``: ``wiot_2008.npz``, or the authors' table.
    year : int
        Of the data; the handbook's is 2008.

    Returns
    -------
    Comparison
        ``replication`` (percent, by region and case) and ``tariff``. It agrees where formula
        and autarky are the same to ``SAME``, and every figure meets the handbook's last digit
        (the authors' table) or every median difference ``MEDIAN`` (a later release).

    Raises
    ------
    InputError
        As for ``read_handbook_data``.
    """
    data = read_handbook_data(folder, year)
    frame: dict[str, Array] = {}
    certificates: list[str] = []
    worlds = handbook_worlds(data)
    for case, world in worlds.items():
        formula = gains_by_formula(world)
        solved, eq = gains_by_autarky(world)
        printed = _handbook(CASES.index(case), data.year)
        frame[f"{case}_handbook"] = printed
        frame[f"{case}_formula"] = 100.0 * formula
        frame[f"{case}_autarky"] = 100.0 * solved
        frame[f"{case}_difference"] = 100.0 * formula - printed
        certificates.append(f"autarky, {case}: {eq.certificate}")
    table = pd.DataFrame({"region": REGIONS, **frame})
    tariff, eq = _tariff_table(data)
    certificates.append(f"tariff: {eq.certificate}")
    notes = [_transport_note(worlds["many"]), *_imputed(worlds["inputs"])]
    return _judge(data, table, tariff, certificates, notes)


def _handbook(column: int, year: int) -> Array:
    """A column of the handbook's figures; NaN where the data are of another year."""
    found = np.array([HANDBOOK[region][column] for region in REGIONS])
    return found if year == YEAR else np.full_like(found, np.nan)


def _imputed(world: World) -> list[str]:
    """Which cells autarky lets produce, with what they spend."""
    return [
        f"{world.countries[n]} buys {world.expenditure[s, n]:,.0f} million USD of "
        f"{world.sectors[s].lower()} and makes none; in autarky it is taken to make it at "
        "the price that it pays now."
        for s, n in cells_without_own(world)
    ]


def _transport_note(world: World) -> str:
    """How much of what many sectors add rests on one elasticity, computed."""
    k = world.sectors.index(_TRANSPORT)
    higher = world.trade_elasticity.copy()
    higher[k] += _STD_ERROR
    mean = 100.0 * gains_by_formula(world).mean()
    less = 100.0 * gains_by_formula(world.with_(trade_elasticity=higher)).mean()
    return (
        f"Much rests on one elasticity: transport equipment, {world.trade_elasticity[k]:g} "
        f"with a standard error of {_STD_ERROR:g}. One standard error up, the mean gain with "
        f"many sectors and no inputs falls from {mean:.1f} % to {less:.1f} %."
    )


def _tariff_table(data: HandbookData) -> tuple[pd.DataFrame, Equilibrium]:
    computed, eq = tariff_by_solving(data)
    printed = _handbook(-1, data.year)
    columns = {"handbook": printed, "computed": computed, "difference": computed - printed}
    return pd.DataFrame({"region": REGIONS, **columns}), eq


def _judge(
    data: HandbookData,
    table: pd.DataFrame,
    tariff: pd.DataFrame,
    certificates: list[str],
    notes: list[str],
) -> Comparison:
    """Compare with the handbook as far as the data allow, and say so."""
    off = {case: table[f"{case}_difference"].abs() for case in CASES}
    off["tariff"] = tariff["difference"].abs()
    gaps = {
        case: float((table[f"{case}_formula"] - table[f"{case}_autarky"]).abs().max()) / 100.0
        for case in CASES
    }
    median = {case: float(values.median()) for case, values in off.items()}
    largest = {case: float(values.max()) for case, values in off.items()}
    met, against = _against_handbook(data, median, largest)
    agrees = max(gaps.values()) <= SAME and met
    compared = data.year == YEAR
    revised = (OTHER_RELEASE,) if compared and not data.authors else ()
    verdict = (
        f"{'replicated' if agrees else 'NOT replicated'}: formula and autarky as solved "
        f"differ by {max(gaps.values()):.0e} at most in {3 * len(table)} gains (allowed "
        f"{SAME:.0e}); {against}."
    )
    tables = (
        ComparedTable("replication", _GAINS_TITLE, table, _shown_gains(table)),
        ComparedTable("tariff", _TARIFF_TITLE, tariff, _shown_tariff(tariff)),
    )
    facts = {
        "year": data.year,
        "authors_table": data.authors,
        "largest_gap_formula_autarky": gaps,
        "median_difference": median if compared else None,
        "largest_difference": largest if compared else None,
        "certificates": certificates,
    }
    told = (*data.notes, *revised, *notes, *((SOURCE,) if compared else ()))
    return Comparison(NAME, CITATION, tables, verdict, agrees, told, facts)


def _against_handbook(
    data: HandbookData, median: dict[str, float], largest: dict[str, float]
) -> tuple[bool, str]:
    """Whether the handbook's figures are met within what the data allow, and how closely."""
    if data.year != YEAR:
        return True, f"the handbook's year is {YEAR}, so nothing is compared"
    if data.authors:
        allowed = dict.fromkeys(CASES, HALF_A_DIGIT["gains"])
        allowed["tariff"] = HALF_A_DIGIT["tariff"]
        missed = [case for case in largest if not largest[case] <= allowed[case]]
        told = f"{' and '.join(missed)} miss" if missed else "all figures meet"
        return not missed, f"{told} the handbook's last digit"
    told = ", ".join(
        f"{case} {median[case]:.2f} (allowed {MEDIAN[case]:g}; largest {largest[case]:.2f})"
        for case in median
    )
    met = all(median[case] <= MEDIAN[case] for case in median)
    return met, f"median difference from the handbook, percentage points: {told}"


_GAINS_TITLE = "Gains from trade, percent of real income: handbook*, here, difference"
_TARIFF_TITLE = "A 40 % tariff of the United States: real consumption, percent"


def _shown_gains(table: pd.DataFrame) -> Shown:
    """Three cases side by side, in 80 columns."""
    columns = [("Region", table["region"].tolist())]
    for case, header in zip(CASES, ("one sector", "many", "with inputs"), strict=True):
        columns += [
            (header, figures(table[f"{case}_handbook"], 1)),
            ("here", figures(table[f"{case}_formula"], 1)),
            ("diff.", figures(table[f"{case}_difference"], 2)),
        ]
    return shown(*columns)


def _shown_tariff(table: pd.DataFrame) -> Shown:
    return shown(
        ("Region", table["region"].tolist()),
        ("printed", figures(table["handbook"], 2)),
        ("here", figures(table["computed"], 2)),
        ("diff.", figures(table["difference"], 2)),
    )
