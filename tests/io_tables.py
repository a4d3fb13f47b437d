"""Small input-output tables made by hand, as parsers give them."""

from __future__ import annotations

import numpy as np

from detente.sources.iotable import IOTable
from detente.sources.record import SourceRecord

COUNTRIES = ("CHN", "DEU", "FRA", "ROW", "USA")
SECTORS = ("A01", "C10T12", "C29", "G")
NAMES = ("China", "Germany", "France", "Rest of the world", "United States")

SOURCE = SourceRecord(
    name="made-up",
    title="A made-up table",
    vintage="1st release",
    citation="none",
    licence="CC0",
    verified=False,
    file="made-up.csv",
)


def table(seed=0, *, stocks=0.0, taxes=0.0, size=1e4, countries=COUNTRIES, sectors=SECTORS):
    """A table whose identities hold; sourcing is the same for every use.

    ``stocks``: changes in inventories, as a share of final sales, of either sign. ``taxes``:
    on products, as a share of inputs.
    """
    rng = np.random.default_rng(seed)
    s, n = len(sectors), len(countries)
    home = 1.0 + 8.0 * np.eye(n)[None]
    source = rng.lognormal(0, 0.7, (s, n, n)) * home
    source /= source.sum(axis=1, keepdims=True)
    final = rng.lognormal(0, 0.7, (s, n, n)) * home * size
    moved = rng.normal(0, stocks, (s, n, n)) * final if stocks else np.zeros((s, n, n))
    use = rng.dirichlet(np.ones(s), (n, s)).transpose(2, 1, 0) * rng.uniform(0.3, 0.6, (s, n))
    # output solves Y = inputs of everyone + final demand, on the full table
    full = np.einsum("kin,ksn->ikns", source, use).reshape(n * s, n * s)
    demand = (final + moved).sum(axis=2).T.reshape(-1)
    output = np.linalg.solve(np.eye(n * s) - full, demand).reshape(n, s).T
    input_use = use * output
    intermediate = source * input_use.sum(axis=1)[:, None, :]
    paid = taxes * input_use.sum(axis=0)
    return IOTable(
        countries=tuple(countries),
        sectors=tuple(sectors),
        intermediate=intermediate,
        final=final,
        inventories=moved,
        input_use=input_use,
        value_added=output - input_use.sum(axis=0) - paid,
        taxes=paid,
        final_taxes=taxes * final.sum(axis=(0, 1)),
        output=output,
        year=2018,
        source=SOURCE,
        country_names=NAMES if countries == COUNTRIES else tuple(countries),
        sector_names=tuple(f"Sector {c}" for c in sectors),
    )
