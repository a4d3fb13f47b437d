"""Long tables make the world that they came from, in any order, or say what is wrong."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.errors import InputError, WorldError
from detente.world.checks import check
from detente.world.tables import world_from_arrays, world_from_tables, world_to_tables
from hypothesis_profiles import examples
from worlds import random_world, worlds


@pytest.fixture
def world():
    return random_world(7, 3, 2)


@pytest.fixture
def tables(world):
    return world_to_tables(world)


def same_baseline(a, b, rtol=1e-11):
    """Equal in all that is observable; an idle cell has no technology to compare."""
    assert (a.countries, a.sectors) == (b.countries, b.sectors)
    for name in ("flows", "tariff", "final_share", "trade_elasticity", "value_added"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=rtol, atol=1e-15)
    np.testing.assert_allclose(a.deficit, b.deficit, rtol=rtol, atol=1e-9)
    used = (a.output > 0)[None]
    np.testing.assert_allclose(
        a.input_share * used, b.input_share * used, rtol=1e-9, atol=1e-14
    )


@settings(max_examples=examples(40))
@given(worlds(), st.randoms(use_true_random=False))
def test_round_trip_in_any_order_of_rows(world, random):
    tables = {
        name: table.sample(frac=1.0, random_state=random.randint(0, 2**31))
        for name, table in world_to_tables(world).items()
    }
    back = world_from_tables(**tables, name=world.name, tolerance=1e-9)
    same_baseline(world, back)
    assert check(back).passed
    assert back.meta["notes"] == []
    assert back.meta["clipped"] == []


def test_the_money_in_the_tables_adds_up(world, tables):
    """Output = inputs + value added; spending = inputs + final; R = Σ tF."""
    output = tables["flows"].groupby(["sector", "exporter"]).value.sum().to_numpy()
    inputs = tables["input_use"].groupby(["sector", "country"]).value.sum().to_numpy()
    np.testing.assert_allclose(output, inputs + tables["value_added"].value)
    merged = tables["flows"].merge(tables["tariffs"])
    revenue = (merged.value * merged.rate).groupby(merged.importer).sum()
    spent = tables["final"].groupby("country").value.sum()
    earned = tables["value_added"].groupby("country").value.sum()
    deficit = tables["deficits"].set_index("country").value
    np.testing.assert_allclose(spent, earned + revenue + deficit)


def test_rows_of_zero_can_be_left_out():
    world = random_world(12, 5, 3, zeros=0.4)
    tables = world_to_tables(world)
    for name in ("flows", "input_use", "final"):
        tables[name] = tables[name].query("value != 0")
    tables["tariffs"] = tables["tariffs"].query("rate != 0")
    back = world_from_tables(**tables)
    same_baseline(world, back)
    zeros = int((world.flows == 0).sum())
    assert f"flows: {zeros} of 75 cells have no row: zero" in back.meta["notes"]


def test_given_labels_order_the_axes(tables, world):
    back = world_from_tables(**tables, countries=["C02", "C00", "C01"], sectors=["s01", "s00"])
    assert back.countries == ("C02", "C00", "C01")
    assert back.flows[0, 1, 2] == world.flows[1, 0, 1]
    assert back.trade_elasticity[0] == world.trade_elasticity[1]


def test_names_and_other_column_names(tables):
    tables["flows"] = tables["flows"].rename(
        columns={"exporter": "origin", "importer": "destination"}
    )
    tables["final"] = tables["final"].rename(columns={"country": "region"})
    back = world_from_tables(**tables, country_names={"C01": "Korea"})
    assert back.country_names == ("C00", "Korea", "C02")
    with pytest.raises(InputError, match=r"sector_names: 's9' is not a code"):
        world_from_tables(**tables, sector_names={"s9": "x"})


@pytest.mark.parametrize("theta", [5.0, {"s00": 5, "s01": 5}, pd.Series({"s01": 5, "s00": 5})])
def test_elasticities_in_every_form(tables, theta):
    back = world_from_tables(**{**tables, "elasticities": theta})
    assert back.trade_elasticity.tolist() == [5.0, 5.0]


def test_deficits_and_tariffs_are_optional():
    world = random_world(5, 4, 2, tariffs=False)
    tables = world_to_tables(world)
    del tables["tariffs"], tables["deficits"]
    same_baseline(world, world_from_tables(**tables))


def edited(table, row, column, value):
    table = table.astype({column: object})
    table.loc[row, column] = value
    return table


BAD = [
    ("flows", 4, "value", -1.0, ["row 5", "sector 's00', exporter 'C01'", "zero or more"]),
    ("flows", 4, "value", float("nan"), ["row 5", "'nan' is not a finite number"]),
    ("flows", 4, "value", "12 bn", ["row 5", "'12 bn' is not a finite number"]),
    ("flows", 4, "value", float("inf"), ["row 5", "finite"]),
    ("flows", 4, "exporter", None, ["row 5", "'exporter' is empty"]),
    ("final", 1, "country", "C0l", ["'C0l' is no country", "Did you mean 'C0"]),
    ("input_use", 0, "input", "s07", ["'s07' is no input", "Did you mean 's0"]),
    ("value_added", 2, "value", -3, ["row 3", "zero or more"]),
    ("tariffs", 1, "rate", -1.5, ["row 2", "above -1"]),
    ("elasticities", 1, "value", 0.0, ["s01: an elasticity must be above zero"]),
    ("deficits", 0, "country", "C01", ["row 2", "has a row already"]),
    ("flows", 1, "importer", "C00", ["row 2", "importer 'C00'", "has a row already"]),
]


@pytest.mark.parametrize("case", BAD)
def test_bad_cells_name_table_row_and_label(tables, case):
    table, row, column, value, parts = case
    tables[table] = edited(tables[table], row, column, value)
    with pytest.raises(InputError) as caught:
        world_from_tables(**tables, countries=["C00", "C01", "C02"], sectors=["s00", "s01"])
    for part in (f"table '{table}'", *parts):
        assert part in str(caught.value)


def test_missing_column_gives_the_nearest(tables):
    tables["final"] = tables["final"].rename(columns={"value": "vallue"})
    with pytest.raises(InputError, match=r"final, key 'value': .*Did you mean 'vallue'\?"):
        world_from_tables(**tables)


def test_missing_rows_that_matter(tables):
    shorter = {**tables, "value_added": tables["value_added"].drop(index=3)}
    with pytest.raises(InputError, match=r"'value_added': s01, C00: there is no row"):
        world_from_tables(**shorter)
    with pytest.raises(InputError, match=r"'elasticities': s01: there is no row"):
        world_from_tables(**{**tables, "elasticities": {"s00": 4.0}})
    with pytest.raises(InputError, match="no rows"):
        world_from_tables(**{**tables, "flows": tables["flows"].iloc[:0]})
    with pytest.raises(InputError, match="must be a pandas DataFrame, not list"):
        world_from_tables(**{**tables, "final": [1, 2]})


def test_no_final_demand_is_refused(tables):
    final = tables["final"].copy()
    final.loc[final.country == "C01", "value"] = 0.0
    with pytest.raises(InputError, match=r"'final': C01: its final demand is zero"):
        world_from_tables(**{**tables, "final": final})


def test_small_negative_final_demand_is_clipped_and_reported(tables):
    small = -1e-3 * tables["final"].value.sum()
    tables["final"] = edited(tables["final"], 2, "value", small)
    back = world_from_tables(**tables, tolerance=0.5)
    assert back.final_share[0, 2] == 0.0
    (row,) = back.meta["clipped"]
    assert row == {"table": "final", "sector": "s00", "country": "C02", "value": small}


def test_large_negative_final_demand_is_refused(tables):
    tables["final"] = edited(tables["final"], 2, "value", -tables["final"].value.sum())
    with pytest.raises(InputError, match=r"'final': s00, C02: it is negative, .*remove_invent"):
        world_from_tables(**tables)


def test_an_identity_beyond_the_tolerance_is_named(tables):
    tables["value_added"] = tables["value_added"].assign(value=tables["value_added"].value * 2)
    with pytest.raises(WorldError, match=r"misses the identity '\w+.*' .* by .*%"):
        world_from_tables(**tables)


def test_an_identity_within_the_tolerance_is_kept_as_it_is(tables, world):
    """Not re-based: final demand moved by 2 % between two sectors stays moved."""
    final = tables["final"].copy()
    shift = 0.02 * final.value[0]
    final.loc[0, "value"] += shift
    final.loc[3, "value"] -= shift
    back = world_from_tables(**{**tables, "final": final})
    result = check(back, 0.05)["expenditure"]
    assert 0 < result.total < 0.05
    np.testing.assert_array_equal(back.flows, world.flows)


def test_an_idle_cell_has_value_added_only():
    world = random_world(3, 4, 3)
    flows = np.array(world.flows)
    flows[1, 2] = 0.0
    use = np.array(world.input_share * world.output)
    use[:, 1, 2] = 0.0
    added = np.array(world.value_added_share * world.output)
    added[1, 2] = 0.0
    made = world_from_arrays(
        flows=flows,
        input_use=use,
        final=world.final_share * world.income,
        value_added=added,
        trade_elasticity=world.trade_elasticity,
        countries=world.countries,
        sectors=world.sectors,
        tolerance=1.0,
    )
    assert made.value_added_share[1, 2] == 1.0
    assert not made.input_share[:, 1, 2].any()


@pytest.mark.parametrize("field", ["flows", "input_use", "final", "value_added"])
def test_arrays_of_the_wrong_shape_or_with_nan_are_refused(field):
    world = random_world(3, 4, 3)
    arrays = {
        "flows": world.flows,
        "input_use": world.input_share * world.output,
        "final": world.final_share * world.income,
        "value_added": world.value_added_share * world.output,
        "trade_elasticity": world.trade_elasticity,
        "countries": world.countries,
        "sectors": world.sectors,
        "tariff": world.tariff,
    }
    same_baseline(world, world_from_arrays(**arrays, tolerance=1e-9))
    with pytest.raises(InputError, match=f"{field}: it has shape"):
        world_from_arrays(**{**arrays, field: arrays[field][:1]})
    bad = np.array(arrays[field])
    bad.flat[-1] = np.nan
    with pytest.raises(InputError, match=rf"'{field}': s02, .*C03: it is not a finite"):
        world_from_arrays(**{**arrays, field: bad})
