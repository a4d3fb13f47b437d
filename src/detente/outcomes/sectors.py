"""What each country makes, before and after."""

from __future__ import annotations

import numpy as np
import pandas as pd

from detente.equilibrium import Equilibrium
from detente.world.core import Array, World


def sectors(eq: Equilibrium) -> pd.DataFrame:
    """Output, value added, exports and imports by country and sector.

    Returns
    -------
    DataFrame
        Index (country, sector). ``output``, ``value_added``, ``exports``, ``imports`` and
        the same with ``_new``, million USD, net of tariff; ``volume``: Ŷ/ĉ − 1, the change
        of real output (NaN where the sector did not exist).
    """
    world = eq.world
    before, after = _flows_by_sector(world.flows), _flows_by_sector(eq.flows)
    gamma = world.value_added_share
    with np.errstate(divide="ignore", invalid="ignore"):
        volume = np.where(world.output > 0, eq.output / world.output / eq.cost_hat - 1, np.nan)
    columns = {
        "output": world.output,
        "output_new": eq.output,
        "volume": volume,
        "value_added": gamma * world.output,
        "value_added_new": gamma * eq.output,
        "exports": before[0],
        "exports_new": after[0],
        "imports": before[1],
        "imports_new": after[1],
    }
    return pd.DataFrame(
        {key: value.T.ravel() for key, value in columns.items()}, index=_axis(world)
    )


def _flows_by_sector(flows: Array) -> tuple[Array, Array]:
    """Exports and imports, each (S, N), domestic flows left out."""
    own = np.einsum("snn->sn", flows)
    return flows.sum(axis=2) - own, flows.sum(axis=1) - own


def _axis(world: World) -> pd.MultiIndex:
    return pd.MultiIndex.from_product(
        [world.countries, world.sectors], names=["country", "sector"]
    )
