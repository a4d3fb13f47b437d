"""Tables of trade costs before and after, for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detente.world.core import Array, World

if TYPE_CHECKING:
    import pandas as pd

MEASURED = ("usd_per_tonne", "days", "ad_valorem")
COLUMNS = (
    "exporter",
    "importer",
    "sector",
    *(f"{what}_{when}" for what in MEASURED for when in ("before", "after")),
    "cost_hat",
)


@dataclass(frozen=True, eq=False)
class Means:
    """Means over each pair of economies, shape (N, N); NaN where no route is.

    Attributes
    ----------
    usd_per_tonne, days, ad_valorem : ndarray
        Freight; days; freight and time over value.
    """

    usd_per_tonne: Array
    days: Array
    ad_valorem: Array

    def where(self, at: NDArray[np.bool_], other: Means) -> Means:
        """Another's figures on some pairs."""
        return Means(*(np.where(at, getattr(other, m), getattr(self, m)) for m in MEASURED))


def change_table(
    world: World, cost_hat: Array, means: Mapping[str, tuple[Means, Means]], trade: Array
) -> pd.DataFrame:
    """Every link with a route before or after; the largest fall, weighted by trade, first."""
    import pandas as pd  # noqa: PLC0415

    parts, weights = [], []
    for sector, (before, after) in means.items():
        s = world.sector_index(sector)
        known = ~(np.isnan(before.days) & np.isnan(after.days))
        i, n = np.nonzero(known & ~np.eye(world.n_countries, dtype=bool))
        columns: dict[str, object] = {
            "exporter": np.array(world.countries)[i],
            "importer": np.array(world.countries)[n],
            "sector": sector,
        }
        for what in MEASURED:
            columns[f"{what}_before"] = getattr(before, what)[i, n]
            columns[f"{what}_after"] = getattr(after, what)[i, n]
        parts.append(pd.DataFrame(columns | {"cost_hat": cost_hat[s, i, n]}))
        weights.append(trade[s, i, n] * (1.0 - cost_hat[s, i, n]))
    if not parts:
        return pd.DataFrame(columns=pd.Index(COLUMNS))
    table = pd.concat(parts, ignore_index=True)
    order = np.lexsort((table["cost_hat"].to_numpy(), -np.concatenate(weights)))
    return table.iloc[order].reset_index(drop=True)[list(COLUMNS)]


def pair_table(table: pd.DataFrame, world: World, trade: Array) -> pd.DataFrame:
    """Means over sectors by pair: ``trade`` (million USD), days, ad valorem, ``cost_hat``."""
    names = ["days_before", "days_after", "ad_valorem_before", "ad_valorem_after", "cost_hat"]
    keys = ["exporter", "importer"]
    if table.empty:
        return table.reindex(columns=[*keys, "trade", *names])
    at = [
        [labels.index(code) for code in table[column]]
        for labels, column in (
            (world.sectors, "sector"),
            (world.countries, "exporter"),
            (world.countries, "importer"),
        )
    ]
    money = table.assign(trade=trade[tuple(at)])
    total = money.groupby(keys)["trade"].transform("sum")
    weight = np.where(total > 0, money["trade"], 1.0)
    found = money[[*keys, "trade"]].groupby(keys).sum()
    for name in names:
        known = money[name].notna()
        parts = (
            money.assign(
                top=np.where(known, money[name] * weight, 0.0),
                bottom=np.where(known, weight, 0.0),
            )
            .groupby(keys)[["top", "bottom"]]
            .sum()
        )
        found[name] = parts["top"] / parts["bottom"].where(parts["bottom"] > 0)
    fall = found["trade"] * (1.0 - found["cost_hat"])
    order = np.lexsort((found["cost_hat"].to_numpy(), -fall.to_numpy()))
    return found.iloc[order].reset_index()
