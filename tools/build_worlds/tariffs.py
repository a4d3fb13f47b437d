"""Bilateral tariffs: the shape of MFN rates, scaled to the applied level.

No table with bilateral tariffs of 2018-2022 is at hand (all rows are ``assumed``), so an
importer's rate on a good is κ·m: m its simple mean MFN rate on agricultural or on other
goods, κ the one number that makes duties over goods imports equal its applied,
trade-weighted level. Unscaled MFN rates would overstate revenue several times. A partner
in an agreement that the table names pays nothing; services pay nothing; so do flows
inside an economy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tools.build_worlds.economies import Grouping, is_goods, read_table, sectors

Array = NDArray[np.float64]

#: WTO agricultural products; fish is outside them. Processed fish goes with food.
AGRICULTURAL = frozenset({"agriculture", "food"})
_KINDS = ("level", "mfn-agricultural", "mfn-other")
_Pair = tuple[str, str]


@dataclass(frozen=True)
class TariffSchedule:
    """What each importer charges, before a partner is named.

    Attributes
    ----------
    shape : mapping of str to (float, float)
        Importer to MFN rate on agricultural and on other goods (0.10 is 10 %).
    level : mapping of str to float
        Importer to applied trade-weighted mean on all goods.
    scale : mapping of str to float
        Importer to κ; empty until :func:`fit` has seen the flows.
    free : mapping of (str, str) to str
        Ordered pair to ``all`` or ``other``: what an agreement frees.
    pairs : mapping of (str, str) to float
        Rates on goods stated for one pair; exporter ``*`` stands for all.
    """

    shape: Mapping[str, tuple[float, float]]
    level: Mapping[str, float]
    scale: Mapping[str, float]
    free: Mapping[_Pair, str]
    pairs: Mapping[_Pair, float]


def read_schedule(weights: Mapping[str, float], grouping: Grouping) -> TariffSchedule:
    """Schedule from tariff_level.csv, groups by their members' goods imports.

    Parameters
    ----------
    weights : mapping of str to float
        ICIO code to goods imports, any unit.
    grouping : Grouping
        The economies.

    Returns
    -------
    TariffSchedule
        With no scale yet.

    Raises
    ------
    ValueError
        An economy with no row and no member with a row.
    """
    rows = read_table("tariff_level.csv")
    value = {
        kind: {r["importer"]: float(r["value"]) / 100 for r in rows if r["kind"] == kind}
        for kind in _KINDS
    }
    found = {
        code: [_of_economy(code, value[kind], weights, grouping) for kind in _KINDS]
        for code in grouping.codes
    }
    free: dict[_Pair, str] = {}
    for row in rows:
        if row["kind"].startswith("agreement-"):
            pair = (row["importer"], row["exporter"])
            covers = row["kind"].removeprefix("agreement-")
            free |= {pair: covers, pair[::-1]: covers}
    pairs = {
        (r["importer"], r["exporter"]): float(r["value"]) / 100
        for r in rows
        if r["kind"] == "pair"
    }
    shape = {code: (agricultural, other) for code, (_, agricultural, other) in found.items()}
    level = {code: values[0] for code, values in found.items()}
    return TariffSchedule(shape, level, {}, free, pairs)


def _of_economy(
    code: str,
    value: Mapping[str, float],
    weights: Mapping[str, float],
    grouping: Grouping,
) -> float:
    """Mean over the members that have a row, by goods imports; else the group's own row."""
    members = [m for m in grouping.members(code) if m in value]
    if members:
        size = [weights[m] for m in members]
        return float(np.average([value[m] for m in members], weights=size))
    if code not in value:
        raise ValueError(f"tariff_level.csv has no row for {code} nor for a member of it")
    return value[code]


def tariff_rates(
    schedule: TariffSchedule,
    importer: str,
    exporter: str,
    sector_codes: Sequence[str],
) -> Array:
    """Rates t[s] that an importer charges one exporter.

    The DPRK as exporter meets each importer's MFN-like rate (no partner owes it MFN: it
    is no WTO member), the US column 2, and nothing in the ROK; as importer its stated
    rate.

    Parameters
    ----------
    schedule : TariffSchedule
        With its scale; importers without one charge the unscaled shape.
    importer, exporter : str
        Economy codes; ``PRK`` is allowed.
    sector_codes : sequence of str
        Codes of sectors.csv, S of them.

    Returns
    -------
    ndarray, shape (S,)
        Ad valorem rates, 0.10 for 10 %.

    Raises
    ------
    ValueError
        An importer without a schedule.
    """
    rates = np.zeros(len(sector_codes))
    if importer == exporter:
        return rates
    grouping = sectors()
    covers = schedule.free.get((importer, exporter))
    stated = schedule.pairs.get((importer, exporter), schedule.pairs.get((importer, "*")))
    if stated is None and importer not in schedule.shape:
        raise ValueError(f"tariff_level.csv says nothing about the importer {importer}")
    for position, sector in enumerate(sector_codes):
        agricultural = sector in AGRICULTURAL
        freed = covers == "all" or (covers == "other" and not agricultural)
        if freed or not is_goods(grouping, sector):
            continue
        if stated is not None:
            rates[position] = stated
        else:
            shape = schedule.shape[importer][0 if agricultural else 1]
            rates[position] = shape * schedule.scale.get(importer, 1.0)
    return rates


def fit(
    schedule: TariffSchedule,
    flows: Array,
    codes: Sequence[str],
    sector_codes: Sequence[str],
) -> tuple[Array, TariffSchedule]:
    """Scale every importer's shape to its level.

    Parameters
    ----------
    schedule : TariffSchedule
        Without scale.
    flows : ndarray, shape (S, N, N)
        F[s, i, n], million USD, net of tariff.
    codes : sequence of str
        N economies.
    sector_codes : sequence of str
        S sectors.

    Returns
    -------
    ndarray, shape (S, N, N)
        t[s, i, n].
    TariffSchedule
        The same schedule with its scale κ.
    """
    shape = np.array(
        [[tariff_rates(schedule, n, i, sector_codes) for n in codes] for i in codes]
    ).transpose(2, 0, 1)
    grouping = sectors()
    goods = np.array([is_goods(grouping, s) for s in sector_codes])
    foreign = flows * ~np.eye(len(codes), dtype=bool)[None]
    imports = foreign[goods].sum(axis=(0, 1))
    duties = (shape * foreign).sum(axis=(0, 1))
    wanted = np.array([schedule.level[n] for n in codes]) * imports
    kappa = np.divide(wanted, duties, out=np.ones_like(wanted), where=duties > 0)
    scaled = TariffSchedule(
        schedule.shape,
        schedule.level,
        {code: float(k) for code, k in zip(codes, kappa, strict=True)},
        schedule.free,
        schedule.pairs,
    )
    return shape * kappa[None, None, :], scaled
