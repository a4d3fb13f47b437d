"""Product mixes from a user's trade, and in a world's metadata."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.errors import InputError
from detente.regimes.hs import headings
from detente.regimes.mix import from_meta, mix_for, mix_from_trade, to_meta
from detente.regimes.mixtable import REST
from detente.world.aggregate import aggregate, reorder
from detente.world.catalogue import load_world
from hypothesis_profiles import examples
from mixes import sums


@pytest.fixture(scope="module")
def world():
    return load_world("korea-before")


# -- in a world's metadata -------------------------------------------------------------------
def with_mix(world, mix):
    return world.with_(meta={**world.meta, "law": {"PRK": {"mix": to_meta(mix, world)}}})


def test_a_worlds_own_mix_goes_first_and_comes_back(world, tmp_path):
    mix = mix_from_trade(world, "PRK", trade(("PRK", "CHN", "270111", 1.0)), **BACI)
    kept = with_mix(world, mix)
    kept.save(tmp_path / "w.world")
    found = mix_for(load_world(tmp_path / "w.world"), "PRK")
    assert (found.groups, found.revision) == (mix.groups, mix.revision)
    assert found.basis == mix.basis
    np.testing.assert_allclose(found.exports, mix.exports, rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(found.imports, mix.imports, rtol=1e-5, atol=1e-12)


def test_a_mix_in_the_metadata_follows_its_codes(world):
    kept = with_mix(world, mix_for(world, "PRK"))
    turned = reorder(kept, world.countries[::-1], world.sectors[::-1])
    found, mix = mix_for(turned, "PRK"), mix_for(kept, "PRK")
    names = [(g.code, turned.sectors[g.sector]) for g in found.groups]
    assert names == [(g.code, world.sectors[g.sector]) for g in mix.groups]
    np.testing.assert_array_equal(found.imports[:, ::-1], mix.imports)


def test_a_mix_of_a_world_before_it_was_aggregated_is_refused(world):
    kept = with_mix(world, mix_for(world, "PRK"))
    merged = aggregate(kept, countries={"CAN": "NAFTA", "USA": "NAFTA"})
    with pytest.raises(InputError, match=r"'NAFTA'.*aggregated"):
        mix_for(merged, "PRK")
    with pytest.raises(InputError, match="aggregated"):
        from_meta(merged, "PRK", kept.meta["law"]["PRK"]["mix"])


# -- from a user's trade ---------------------------------------------------------------------
BACI = {"revision": "HS92", "note": "BACI HS92, 2016"}


def trade(*rows, **columns):
    frame = pd.DataFrame(rows, columns=["exporter", "importer", "product", "value"])
    return frame.assign(year=2016, **columns)


#: coal and textiles, both ways, with Japan's trade that is no business of the DPRK's
MADE_UP = trade(
    ("PRK", "CHN", "270111", 90.0),
    ("PRK", "CHN", "270112", 30.0),
    ("PRK", "CHN", "620193", 8.0),
    ("PRK", "CHN", "610910", 24.0),
    ("CHN", "PRK", "520811", 5.0),
    ("HKG", "PRK", "520811", 1.0),
    ("HKG", "PRK", "540752", 2.0),
    ("RUS", "PRK", "270119", 4.0),
    ("CHN", "JPN", "270111", 999.0),
    ("CHN", "HKG", "270111", 999.0),
)


def weights(world, mix, direction, partner, sector):
    array = getattr(mix, direction)[:, world.country_index(partner)]
    s = world.sectors.index(sector)
    return {g.code: v for g, v in zip(mix.groups, array, strict=True) if g.sector == s and v}


def test_weights_are_those_worked_out_by_hand(world):
    mix = mix_from_trade(world, "PRK", MADE_UP, **BACI)
    assert weights(world, mix, "exports", "CHN", "coal") == {"270111": 0.75, "270112": 0.25}
    assert weights(world, mix, "exports", "CHN", "textiles") == {"610910": 0.75, "620193": 0.25}
    # Hong Kong is in the world's China
    assert weights(world, mix, "imports", "CHN", "textiles") == {"520811": 0.75, "540752": 0.25}
    assert weights(world, mix, "imports", "RUS", "coal") == {"270119": 1.0}
    assert mix.revision == "HS92"
    assert "HS line of 6 digits (HS92; observed)" in mix.basis["exports"]


def test_a_pair_and_sector_without_rows_takes_the_embedded_mix_and_is_counted(world):
    mix, embedded = mix_from_trade(world, "PRK", MADE_UP, **BACI), mix_for(world, "PRK")
    for sector in ("coal", "fishing", "agriculture"):
        own = weights(world, embedded, "exports", "JPN", sector)
        assert weights(world, mix, "exports", "JPN", sector) == pytest.approx(own)
    own = weights(world, embedded, "imports", "RUS", "machinery")
    assert weights(world, mix, "imports", "RUS", "machinery") == pytest.approx(own)
    goods = {g.sector for g in mix.groups}
    cells = len(goods) * (world.n_countries - 1)
    assert f"{cells - 2} of {cells} cells" in mix.basis["exports"]
    assert embedded.basis["imports"] in mix.basis["imports"]


def test_embedded_headings_of_another_revision_are_put_into_the_datas(world):
    mix = mix_from_trade(world, "PRK", MADE_UP, **BACI)
    assert {g.code for g in mix.groups if not g.code.endswith(REST) and len(g.code) == 4} <= (
        headings("HS92")
    )
    np.testing.assert_allclose(sums(mix, mix.imports)[:, 1:].max(), 1.0, rtol=1e-12)


def test_four_digits_will_do(world):
    frame = trade(("PRK", "CHN", "2701", 3.0), ("PRK", "CHN", "2702", 1.0))
    mix = mix_from_trade(world, "PRK", frame, revision="HS17", note="Comtrade")
    assert weights(world, mix, "exports", "CHN", "coal") == {"2701": 0.75, "2702": 0.25}


def test_years_are_added_up_and_named(world):
    later = trade(("PRK", "CHN", "270112", 60.0)).assign(year=2015)
    mix = mix_from_trade(world, "PRK", pd.concat([MADE_UP, later]), **BACI)
    assert weights(world, mix, "exports", "CHN", "coal") == {"270111": 0.5, "270112": 0.5}
    assert "2015, 2016 added up" in mix.basis["exports"]


@settings(max_examples=examples(15))
@given(
    seed=st.integers(0, 2**32 - 1),
    factor=st.floats(1e-6, 1e6),
    part=st.floats(0.0, 1.0),
)
def test_neither_order_nor_split_rows_nor_the_unit_matter(world, seed, factor, part):
    mix = mix_from_trade(world, "PRK", MADE_UP, **BACI)
    split = MADE_UP.assign(value=MADE_UP["value"] * part)
    rest = MADE_UP.assign(value=MADE_UP["value"] * (1.0 - part))
    frame = pd.concat([split, rest]).sample(frac=1.0, random_state=seed)
    frame["value"] *= factor
    found = mix_from_trade(world, "PRK", frame, **BACI)
    assert found.groups == mix.groups
    np.testing.assert_allclose(found.exports, mix.exports, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found.imports, mix.imports, rtol=1e-12, atol=1e-15)
    for direction in ("exports", "imports"):
        assert found.basis[direction] == mix.basis[direction]


def test_what_is_left_out_and_what_is_doubtful_is_told(world):
    frame = pd.concat(
        [
            MADE_UP,
            trade(
                ("PRK", "CUB", "270111", 7.0),
                ("PRK", "CHN", "999999", 5.0),
                ("PRK", "CHN", "870323", 3.0),
                ("PRK", "CHN", "720230", 1.0),
                ("GAB", "PRK", "270900", 100.0),
            ),
        ]
    )
    told = mix_from_trade(world, "PRK", frame, **BACI).basis["warnings"]
    assert "left out: 107.0 of trade with partners that the world does not have" in told
    assert "CUB, GAB" in told
    assert "left out: 5.0 of products that are not specified" in told
    assert "trap 'cars-and-phones' (drop): 3.0" in told
    assert "trap 'gabon-crude' (drop): 100.0" in told
    assert "trap 'china-crude': what it adds is not in the data" in told
    few = told.split("look like a selection of products in ")[1].split(":")[0]
    # one heading of iron and none of the other metals; textiles by 4 of their 14 chapters
    assert "basic-metals" in few
    assert "coal" not in few


def test_data_without_years_are_taken_and_dated_traps_are_not_looked_for(world):
    frame = MADE_UP.drop(columns="year")
    mix = mix_from_trade(world, "PRK", frame, **BACI)
    assert weights(world, mix, "exports", "CHN", "coal") == {"270111": 0.75, "270112": 0.25}
    assert "china-crude" not in mix.basis["warnings"]


REFUSED = [
    (MADE_UP.drop(columns="product"), "no column 'product'"),
    (MADE_UP.rename(columns={"value": "values"}), "Did you mean 'values'"),
    (MADE_UP.assign(product=270111), "leading zeros are lost"),
    (trade(("PRK", "CHN", "270111", -1.0)), "'-1.0' is no value of trade"),
    (trade(("PRK", "CHN", "270111", float("nan"))), "is no value of trade"),
    (trade(("PRK", "CHN", "27", 1.0)), "'27' is no HS product of four or six digits"),
    (trade(("PRK", "CHN", "TOTAL", 1.0)), "'TOTAL' is no HS product"),
    (trade(("PRK", "CHN", "2701", 1.0), ("PRK", "CHN", "270111", 1.0)), "mix products"),
    (trade(("CHN", "JPN", "270111", 1.0)), "no row of PRK"),
    (trade(("PRK", "PRK", "270111", 1.0)), "no row of PRK"),
    (
        pd.concat([MADE_UP.assign(reported_by=side) for side in ("importer", "exporter")]),
        "count twice",
    ),
]


@pytest.mark.parametrize(("frame", "message"), REFUSED, ids=[m for _, m in REFUSED])
def test_rows_that_make_no_sense_are_refused(world, frame, message):
    with pytest.raises(InputError, match=message):
        mix_from_trade(world, "PRK", frame, **BACI)


def test_products_of_another_revision_are_refused_by_its_name(world):
    frame = trade(("PRK", "CHN", "848610", 1.0))
    with pytest.raises(InputError, match=r"BACI HS92, 2016: HS 8486 is not in HS92.*HS07"):
        mix_from_trade(world, "PRK", frame, **BACI)
    with pytest.raises(InputError, match="unknown HS revision 'HS08'"):
        mix_from_trade(world, "PRK", MADE_UP, revision="HS08", note="")
