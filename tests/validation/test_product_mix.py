"""The embedded product mixes against the originals, and real mirror trade by pair."""

import pandas as pd
import pytest
from test_world_sources import ROOT, SHARED, shared

from detente.regimes.hs import headings
from detente.regimes.mix import mix_for, mix_from_trade
from detente.sources.baci import read_baci
from detente.sources.files import embedded_rows
from detente.sources.hs import sector_of
from detente.sources.mirror import mirror_report
from detente.world.catalogue import load_world


@pytest.fixture(scope="module")
def world():
    return load_world("korea-before")


def weights(world, mix, direction, partner, sector):
    array = getattr(mix, direction)[:, world.country_index(partner)]
    s = world.sectors.index(sector)
    found = {g.code: v for g, v in zip(mix.groups, array, strict=True) if g.sector == s and v}
    return pd.Series(found, dtype=float)


def test_the_table_is_what_the_originals_give(monkeypatch):
    shared("dprk_trade")
    monkeypatch.syspath_prepend(str(ROOT))
    from tools.build_worlds import product_mix

    assert product_mix.table(SHARED, product_mix.all_regimes()) == embedded_rows(
        "product_mix.csv"
    )


def test_the_headings_are_those_of_hs_2007():
    """Whatever the original is called: all headings of 2007 are there, and no others."""
    frame = pd.read_parquet(shared("dprk_trade", "world_exports_hs4_2017.parquet"))
    assert set(frame["hs4"]) - {"9999"} == headings("HS07")
    assert set(frame["hs4"]) - {"9999"} != headings("HS92")


@pytest.mark.parametrize(
    ("partner", "sector", "lines"),
    [
        ("IND", "petroleum", ("2710",)),
        ("RUS", "basic-metals", ("72",)),
        ("RUS", "oil-gas", ("2711",)),
        ("JPN", "vehicles", ("86", "87", "88")),
        ("ASX", "textiles", tuple(map(str, range(50, 64)))),
    ],
)
def test_a_partners_share_of_lines_is_that_of_its_exports(world, partner, sector, lines):
    frame = pd.read_parquet(shared("dprk_trade", "world_exports_hs4_2017.parquet"))
    members = world.meta["members"].get(partner, [partner])
    own = frame[frame["iso3"].isin(members) & frame["hs4"].map(sector_of).eq(sector)]
    expected = own.loc[own["hs4"].str.startswith(lines), "usd"].sum() / own["usd"].sum()
    found = weights(world, mix_for(world, "PRK"), "imports", partner, sector)
    assert found[found.index.str.startswith(lines)].sum() == pytest.approx(expected, rel=1e-5)


def test_what_a_source_says_of_a_pair_goes_before_the_exporters_own_mix(world):
    """Of oil China sends crude, and of its products refined oil: nothing else is on record."""
    mix = mix_for(world, "PRK")
    for sector, line in (("oil-gas", "2709"), ("petroleum", "2710")):
        found = weights(world, mix, "imports", "CHN", sector)
        assert found[found > 0].to_dict() == {line: 1.0}
    # and of what passes through Hong Kong no gold, pearls or diamonds
    for sector, line in (
        ("basic-metals", "7108"),
        ("fishing", "7101"),
        ("other-mining", "7102"),
    ):
        found = weights(world, mix, "imports", "CHN", sector)
        assert found.get(line, 0.0) == 0.0
        assert found.sum() == pytest.approx(1.0)


# -- by pair, from BACI's minerals -----------------------------------------------------------
@pytest.fixture(scope="module")
def minerals(world):
    path = shared("baci_minerals", "baci_hs92_minerals_1995_2024.parquet")
    table = read_baci(path, years=[2016], release="202601").table
    corrected, report = mirror_report(table, "PRK")
    mix = mix_from_trade(world, "PRK", corrected, revision="HS92", note="BACI HS92, 2016")
    return corrected, report, mix


def test_nearly_all_coal_that_china_bought_in_2016_is_hard_coal(world, minerals):
    """Heading 2701, nearly all anthracite (270111): 1,183 million USD; lignite hardly any."""
    table, _, mix = minerals
    coal = weights(world, mix, "exports", "CHN", "coal")
    assert coal[coal.index.str.startswith("2701")].sum() > 0.9999
    assert coal["270111"] > 0.999
    pair = table[(table["exporter"] == "PRK") & (table["importer"] == "CHN")]
    value = pair[pair["product"].str.startswith("2701")]["value"].sum()
    assert value == pytest.approx(1183, abs=2)


def test_a_pairs_ores_are_shares_of_its_rows(world, minerals):
    table, _, mix = minerals
    chinese = [*world.meta["members"]["CHN"]]
    pair = table[(table["exporter"] == "PRK") & table["importer"].isin(chinese)]
    ores = pair[pair["product"].str[:2].eq("26")].groupby("product")["value"].sum()
    ores = ores[ores.index.map(sector_of) == "metal-ores"]
    found = weights(world, mix, "exports", "CHN", "metal-ores")
    pd.testing.assert_series_equal(
        found.sort_index(), (ores / ores.sum()).sort_index(), check_names=False
    )


def test_traps_that_are_mended_are_no_longer_warned_about(world, minerals):
    _, report, mix = minerals
    assert report[report["rule"].eq("gabon-crude")]["before"].sum() > 0
    assert "gabon-crude" not in mix.basis["warnings"]
    assert "china-crude" not in mix.basis["warnings"]  # imputed by the report
    assert "rajin-coal" in mix.basis["warnings"]  # flagged only: transit stays in the data
    assert "look like a selection of products in" in mix.basis["warnings"]
    raw = mix_from_trade(
        world,
        "PRK",
        read_baci(
            shared("baci_minerals", "baci_hs92_minerals_1995_2024.parquet"),
            years=[2016],
            either="PRK",
            release="202601",
        ).table,
        revision="HS92",
        note="BACI HS92, 2016",
    )
    assert "trap 'gabon-crude' (drop)" in raw.basis["warnings"]
    assert "trap 'china-crude': what it adds is not in the data" in raw.basis["warnings"]
