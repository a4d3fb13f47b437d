"""Real tables load, and their published imperfections are found and mended."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from detente.errors import WorldError
from detente.world.checks import check
from detente.world.clean import remove_inventories
from detente.world.core import ARRAYS
from detente.world.tables import world_from_arrays, world_from_tables

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("DETENTE_SHARED_DATA", ROOT / ".." / "shared" / "data"))


def shared(*parts: str) -> Path:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the shared data are not here: {'/'.join(parts)}")
    return path


@pytest.fixture(scope="module")
def cp2015():
    folder = shared("cp2015")

    def read(name, *money):
        table = pd.read_csv(folder / f"{name}.csv.gz")
        return table.assign(**{c: table[c] / 1e6 for c in money})

    trade = read("trade", "value")
    return {
        "flows": trade,
        "tariffs": trade[["sector", "exporter", "importer"]].assign(rate=trade.tariff_bln),
        "input_use": read("intermediate_consumption", "value"),
        "final": read("final_consumption", "value"),
        "value_added": read("value_added", "value"),
        "elasticities": read("theta"),
    }


def test_caliendo_parro_loads_with_the_misfit_that_is_known_of_it(cp2015):
    """X misses inputs + final demand by 3.7 % in all; 26 cells have no own sales."""
    world = world_from_tables(**cp2015, name="cp2015")
    assert (world.n_countries, world.n_sectors) == (31, 40)
    assert world.meta["notes"] == []
    report = check(world)
    assert report["no own sales"].violation == 26
    assert report["expenditure"].total == pytest.approx(0.037, abs=0.001)
    assert report["world deficit"].passed
    inputs = cp2015["input_use"].groupby("input").value.sum()
    demand = inputs + cp2015["final"].groupby("sector").value.sum()
    spent = pd.Series(world.expenditure.sum(axis=1), world.sectors)
    np.testing.assert_allclose(spent.sum(), demand.sum(), rtol=1e-7)


def test_caliendo_parro_is_refused_below_its_misfit(cp2015):
    with pytest.raises(WorldError, match="'expenditure'"):
        world_from_tables(**cp2015, tolerance=0.03)


def test_caliendo_parro_has_one_negative_input(cp2015):
    """Canada's other inputs of basic metals: set to zero and listed, or kept on demand."""
    (row,) = world_from_tables(**cp2015).meta["clipped"]
    cell = ("Other", "Basic metals", "Canada")
    assert (row["input"], row["sector"], row["country"]) == cell
    assert row["value"] == pytest.approx(-9.48885, abs=1e-5)  # million USD
    if not ARRAYS["input_share"][1]:
        pytest.skip("World takes no negative input shares")
    world = world_from_tables(**cp2015, keep_negative_inputs=True)
    found = check(world)["negative inputs"]
    assert (found.violation, found.where) == (1, ", ".join(cell))
    assert (world.meta["clipped"], world.meta["kept_negative"]) == ([], [row])


def test_caliendo_parro_deficits_are_those_of_its_flows(cp2015):
    world = world_from_tables(**cp2015)
    given = pd.read_csv(shared("cp2015", "deficit.csv.gz")).set_index("region").D / 1e6
    np.testing.assert_allclose(world.deficit, given[list(world.countries)], atol=1e-6)


@pytest.fixture(scope="module")
def wiod():
    with np.load(shared("wiod2013", "wiot_2008.npz"), allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def test_wiod_2008_without_inventories_is_exact(wiod):
    """244 negative final cells go; all identities hold and nothing is negative."""
    countries, sectors = wiod["countries"].tolist(), wiod["industries"].tolist()
    final = wiod["final"].reshape(len(wiod["final"]), len(countries), 5).astype(float)
    assert (final < 0).sum() == 244
    clean = remove_inventories(
        wiod["intermediate"].astype(float),
        final[:, :, :4].sum(axis=2),
        final[:, :, 4],
        countries=countries,
        sectors=sectors,
        output=wiod["output"].astype(float),
    )
    world = world_from_arrays(
        **clean.arrays(),
        trade_elasticity=np.full(len(sectors), 5.0),
        countries=countries,
        sectors=sectors,
        tolerance=1e-9,
    )
    assert check(world).require().passed
    assert world.meta["clipped"] == []
    assert min(clean.final.min(), clean.intermediate.min(), clean.value_added.min()) >= 0
    drawn = clean.report.drawn_from_stocks.sum()
    assert drawn == -np.minimum(final[:, :, 4], 0).sum()
    grown = clean.report.output_after.sum() - clean.report.output_before.sum()
    assert drawn < grown < 4 * drawn
