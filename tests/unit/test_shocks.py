"""Shocks: what fits a world, what is refused, and arrays from labelled tables."""

import numpy as np
import pandas as pd
import pytest

from detente.errors import ShockError
from detente.shocks import Cap, Shocks, validate_shocks
from small_korea import CHN, COAL, FOOD, JPN, KOR, PRK, small_korea

WORLD = small_korea()
ONES = np.ones((3, 4, 4))


def spoiled(base, cell, value):
    array = np.array(base, dtype=float)
    array[cell] = value
    return array


def cap(**changes):
    good = {"sector": "coal", "exporters": ("PRK",), "importers": ("CHN",), "quantity": 5.0}
    return (Cap(**(good | changes)),)


@pytest.mark.parametrize(
    ("fields", "fragments"),
    [
        ({"cost_hat": np.ones((3, 4))}, ["shape (3, 4)", "(3, 4, 4)"]),
        ({"productivity_hat": ONES}, ["shape"]),
        ({"transfer": np.zeros(3)}, ["shape"]),
        (
            {"cost_hat": spoiled(ONES, (0, 0, 2), np.nan)},
            ["coal, PRK, CHN", "not a finite number"],
        ),
        ({"cost_hat": spoiled(ONES, (0, 0, 2), np.inf)}, ["coal, PRK, CHN", "inf"]),
        ({"cost_hat": spoiled(ONES, (2, 3, 1), 0)}, ["food, JPN, KOR", "no cost"]),
        ({"cost_hat": spoiled(ONES, (2, 3, 1), -1)}, ["outside 0"]),
        ({"tariff_new": spoiled(ONES, (0, 1, 2), -1)}, ["−100 %"]),
        ({"link": spoiled(ONES, (1, 1, 2), -0.1)}, ["textiles, KOR, CHN", "outside 0"]),
        (
            {"link_open": spoiled(0 * ONES, (1, 1, 2), 1.1), "dormant_share": ONES},
            ["outside 0 to 1"],
        ),
        ({"link_open": spoiled(0 * ONES, (1, 1, 2), 0.5)}, ["textiles, KOR, CHN", "carry"]),
        ({"dormant_share": spoiled(ONES, (0, 1, 2), -1)}, ["outside"]),
        ({"labour_hat": [1, 0, 1, 1]}, ["KOR", "labour"]),
        ({"transfer": [1.0, 0, 0, 0]}, ["sums to 1", "million USD"]),
        ({"deficit_rule": "path", "deficit_path": [1.0, 2, 0, 0]}, ["sums to 3"]),
        ({"deficit_rule": "path"}, ["needs 'deficit_path'"]),
        ({"deficit_path": [1.0, -1, 0, 0]}, ["means nothing"]),
        ({"deficit_rule": "fixe"}, ["unknown deficit rule", "'fixed'?"]),
        ({"deficit_rule": "proportional"}, ["needs 'proportional_to'"]),
        ({"proportional_to": "PRK"}, ["means nothing"]),
        (
            {"deficit_rule": "proportional", "proportional_to": "PRC"},
            ["unknown country 'PRC'", "'PRK'?"],
        ),
        ({"caps": cap(sector="cole")}, ["unknown sector 'cole'", "'coal'?"]),
        ({"caps": cap(exporters=("PRC",))}, ["unknown country 'PRC'"]),
        ({"caps": cap(importers=())}, ["at least one"]),
        ({"caps": cap(importers="CHN")}, ["is a list"]),
        ({"caps": cap(importers=("CHN", "CHN"))}, ["twice"]),
        ({"caps": cap(quantity=-1)}, ["below zero"]),
        ({"caps": cap(quantity=np.nan)}, ["not finite"]),
        ({"caps": cap(owner="importr")}, ["unknown owner", "'importer'?"]),
    ],
)
def test_what_does_not_fit_is_refused(fields, fragments):
    with pytest.raises(ShockError) as caught:
        validate_shocks(WORLD, Shocks(**fields))
    for fragment in fragments:
        assert fragment in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"link": 0 * ONES},
        {"link_open": 0 * ONES},
        {"link_open": ONES, "dormant_share": ONES},
        {"transfer": [0.1, 0.2, -0.3, 0.0]},
        {"tariff_new": -0.5 * ONES},
        {"deficit_rule": "path", "deficit_path": [1.0, -1.0, 0, 0]},
        {"deficit_rule": "proportional", "proportional_to": "PRK"},
        {"caps": cap()},
        {"caps": cap(owner="KOR")},
        {"caps": cap(owner="burnt")},
    ],
)
def test_what_fits_passes_and_is_itself(fields):
    shocks = Shocks(**fields)
    assert shocks.to_shocks(WORLD) is shocks
    assert shocks.prepare(WORLD) is WORLD


def test_arrays_are_frozen_and_hashed():
    shocks = Shocks(transfer=[1, -1, 0, 0], label="a")
    with pytest.raises(ValueError, match="read-only"):
        shocks.transfer[0] = 2
    assert shocks.content_hash == Shocks(transfer=np.array([1.0, -1, 0, 0])).content_hash
    assert shocks.content_hash != Shocks(transfer=[-1, 1, 0, 0]).content_hash
    with pytest.raises(ShockError, match="not an array of numbers"):
        Shocks(transfer=["a", "b"])


LINKS = pd.DataFrame(
    {
        "sector": ["food", "coal"],
        "exporter": ["KOR", "CHN"],
        "importer": ["CHN", "JPN"],
        "value": [0.5, 0.9],
    }
)


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_a_table_sets_its_cells_in_any_order_of_rows_and_leaves_the_others(order):
    got = Shocks.from_tables(WORLD, link=LINKS.iloc[order])
    assert got.link[FOOD, KOR, CHN] == 0.5
    assert got.link[COAL, CHN, JPN] == 0.9
    assert (got.link == 1).sum() == 46


def test_cells_left_out_are_neutral_for_every_array():
    open_table = LINKS.assign(value=1.0)
    got = Shocks.from_tables(
        WORLD,
        tariff_new=LINKS,
        cost_hat=LINKS,
        link_open=open_table,
        dormant_share=open_table,
        labour_hat={"PRK": 1.1},
        productivity_hat=pd.DataFrame({"sector": ["coal"], "country": ["PRK"], "value": [2]}),
        transfer=pd.Series({"KOR": -5.0, "PRK": 5.0}),
        caps=cap(),
        label="tables",
    )
    others = np.ones((3, 4, 4), dtype=bool)
    others[FOOD, KOR, CHN] = others[COAL, CHN, JPN] = False
    assert (got.tariff_new[others] == WORLD.tariff[others]).all()
    assert got.tariff_new[FOOD, KOR, CHN] == 0.5
    assert (got.cost_hat[others] == 1).all()
    assert (got.link_open[others] == 0).all()
    assert got.labour_hat.tolist() == [1.1, 1, 1, 1]
    assert got.productivity_hat[COAL, PRK] == 2
    assert got.productivity_hat.sum() == 13
    assert got.transfer.tolist() == [5, -5, 0, 0]
    assert got.label == "tables"


def test_a_series_with_three_levels():
    series = LINKS.set_index(["sector", "exporter", "importer"])["value"]
    expected = Shocks.from_tables(WORLD, link=LINKS).link
    assert (Shocks.from_tables(WORLD, link=series).link == expected).all()
    shuffled = series.reorder_levels(["importer", "sector", "exporter"])
    assert (Shocks.from_tables(WORLD, link=shuffled).link == expected).all()


@pytest.mark.parametrize(
    ("fields", "fragments"),
    [
        ({"link": LINKS.assign(sector="cole")}, ["unknown sector 'cole'", "'coal'?"]),
        ({"link": LINKS.assign(importer="CHM")}, ["unknown country 'CHM'", "'CHN'?"]),
        ({"link": LINKS.rename(columns={"importer": "imprter"})}, ["'imprter'", "'importer'?"]),
        ({"link": LINKS.drop(columns="importer")}, ["no column 'importer'"]),
        ({"link": pd.concat([LINKS, LINKS])}, ["more than once", "food, KOR, CHN"]),
        ({"link": LINKS.assign(value=np.nan)}, ["not a finite number"]),
        ({"link": LINKS.assign(value="much")}, ["not an array of numbers"]),
        ({"link": ONES}, ["neither a DataFrame nor a Series"]),
        ({"link": pd.Series({"PRK": 1.0})}, ["indexed by sector, exporter, importer"]),
        ({"transfer": {"PRK": 1.0}}, ["sums to 1"]),
        ({"lnk": LINKS}, ["'lnk'", "'link'?"]),
    ],
)
def test_tables_that_do_not_fit_are_refused(fields, fragments):
    with pytest.raises(ShockError) as caught:
        Shocks.from_tables(WORLD, **fields)
    for fragment in fragments:
        assert fragment in str(caught.value)
