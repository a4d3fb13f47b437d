"""Real originals of trade and gravity: BACI's minerals, GeoDist, WITS 2009, the HS list."""

import pandas as pd
import pytest
from test_world_sources import shared

from detente.sources import hs
from detente.sources.baci import read_baci
from detente.sources.cepii import read_geodist, read_geodist_countries
from detente.sources.mirror import mirror_report
from detente.sources.twin import suspicious

EXCERPT = ("baci_minerals", "baci_hs92_minerals_1995_2024.parquet")


@pytest.fixture(scope="module")
def baci():
    return read_baci(shared(*EXCERPT), release="202601")


@pytest.fixture(scope="module")
def distances():
    return read_geodist(shared("geodist", "dist_cepii.csv.gz"))


def wits():
    path = shared("wits2009", "WITS_Trade2009_harmonized_flows.csv.gz")
    table = pd.read_csv(path, sep=";").set_axis(["exporter", "importer", "value"], axis=1)
    return table.assign(year=2009, value=table.value / 1e3)


def own(table, country="PRK"):
    sides = (table.exporter == country) | (table.importer == country)
    return table.loc[sides, "value"].sum()


# -- BACI --------------------------------------------------------------------------------
def test_the_excerpt_is_read_whole(baci):
    """1,264,888 rows of 74 lines, 1995-2024; this is what makes HS92 V202601 verified."""
    assert len(baci.table) == 1_264_888
    assert baci.table["product"].nunique() == 74
    assert baci.table.year.min() == 1995
    assert baci.table.year.max() == 2024
    assert (baci.source.vintage, baci.source.verified) == ("HS92 V202601", True)
    frame = pd.read_parquet(shared(*EXCERPT))
    value = frame.v.astype(float).sum() / 1e3
    assert baci.table.value.sum() == pytest.approx(value, rel=1e-9)
    assert baci.table.quantity.isna().sum() == frame.q.isna().sum() == 61_682


@pytest.mark.parametrize(("year", "value"), [(2016, 1183), (2017, 409), (2018, 0)])
def test_sanctions_are_seen_in_anthracite(year, value):
    """UN 2371 banned the DPRK's coal in August 2017; million USD to China."""
    found = read_baci(
        shared(*EXCERPT), years=year, exporters="PRK", importers="CHN", products="270111"
    )
    assert found.table.value.sum() == pytest.approx(value, abs=0.5)
    assert len(found.table) == (year < 2018)


def test_sums_over_sectors_and_lines_agree(baci):
    sectors = read_baci(shared(*EXCERPT), by="sector", years=[2016, 2017])
    lines = baci.table[baci.table.year.isin([2016, 2017])]
    keys = ["year", "exporter", "importer"]
    sums = lines.assign(sector=lines["product"].map(hs.sector_of)).groupby([*keys, "sector"])
    found = sectors.table.set_index([*keys, "sector"]).value
    pd.testing.assert_series_equal(
        found.sort_index(), sums.value.sum().sort_index(), check_names=False
    )
    total = read_baci(shared(*EXCERPT), by="total", years=2016).table
    assert total.value.sum() == pytest.approx(lines[lines.year == 2016].value.sum())


# -- HS ----------------------------------------------------------------------------------
def test_every_line_of_hs_1992_has_a_sector_and_an_industry():
    codes = pd.read_csv(shared("baci_minerals", "hs92_all_products.csv.gz"), dtype=str)["code"]
    assert codes.size == 5022
    without = {c for c in codes if not hs.sector_of(c)}
    assert without == {"999999", "9999AA"}
    assert {c for c in codes if not hs.icio_of(c)} == without
    headings = {c[:4] for c in codes}
    assert len(headings) > 1200
    assert all(hs.sector_of(h) for h in headings - {"9999"})


# -- GeoDist -----------------------------------------------------------------------------
def test_geodist_is_read_whole(distances):
    table = distances.table
    assert len(table) == 224 * 224
    assert distances.source.verified
    assert set(table.exporter) == set(table.importer)
    assert table.distance.isna().sum() == 2215
    assert {"ROU", "COD", "TLS", "SRB", "PSE", "PRK"} <= set(table.exporter)
    pair = table.set_index(["exporter", "importer"])
    assert pair.distance["PRK", "CHN"] == pytest.approx(1123.936, abs=1e-3)
    assert pair.contiguity["PRK", "KOR"] == pair.contiguity["KOR", "PRK"] == 1
    wide = table.pivot(index="exporter", columns="importer", values="distance")
    assert (wide - wide.T).abs().max().max() < 0.011, "printed with seven digits"


def test_filled_distances_are_complete(distances):
    filled = read_geodist(shared("geodist", "dist_cepii.csv.gz"), fill_missing=True).table
    assert filled.distance.notna().all()
    known = distances.table.distance.notna()
    assert filled.distance[known].equals(distances.table.distance[known])


def test_countries_of_geodist():
    table = read_geodist_countries(shared("geodist", "geo_cepii.csv.gz")).table
    assert table.country.nunique() == 225
    capital = table[(table.country == "PRK") & (table.capital == 1)].iloc[0]
    assert (capital.city, capital.latitude) == ("Pyongyang", 39.0)


# -- mirror traps ------------------------------------------------------------------------
def rank(found, partner, product):
    rows = (found.partner == partner) & (found["product"] == product)
    return int(found.index[rows & (found.direction == "import")][0]) + 1


def test_the_detector_finds_gabons_crude_and_papua_new_guineas_gas(baci):
    """No list of cases: 1995-2024 and 2013-2024; ranks by USD that fit the ROK better."""
    whole = suspicious(baci.table, "PRK", established=["CHN", "RUS"])
    assert rank(whole, "GAB", "2709") == 1
    assert rank(whole, "PNG", "2711") <= 5
    recent = suspicious(baci.table[baci.table.year >= 2013], "PRK")
    assert [rank(recent, "GAB", "2709"), rank(recent, "PNG", "2711")] == [1, 2]
    top = recent.head(4)
    assert set(top.partner) == {"GAB", "PNG"}
    coal = recent[(recent.partner == "CHN") & (recent["product"] == "2701")]
    assert coal[coal.direction == "export"].score.max() < 0.01, "the DPRK's own trade"


def test_distance_puts_the_pipelines_crude_behind_all_of_them(baci, distances):
    """China sold crude by pipeline until 2013; it is large, near and steady."""
    found = suspicious(baci.table, "PRK", distance=distances.table)
    assert [rank(found, "GAB", "2709"), rank(found, "PNG", "2711")] == [1, 2]
    assert rank(found, "CHN", "2709") > 5


def test_what_comes_out_of_totals_of_2009(distances):
    """Totals of one year hold little evidence: the ROK trades with all large partners.

    Qatar and Brazil stand out by any account; Germany does by size alone, third among the
    DPRK's customers once China is set aside, and not at all for its size and distance.
    """
    trade = wits()
    plain = suspicious(trade, "PRK", established=["CHN", "RUS"])
    exports = plain[plain.direction == "export"]
    assert exports.partner[:3].tolist() == ["QAT", "BRA", "DEU"]
    assert set(plain.partner[:4]) == {"QAT", "BRA"}
    judged = suspicious(trade, "PRK", distance=distances.table)
    assert set(judged.partner[:4]) == {"QAT", "BRA"}
    assert judged[judged.partner == "DEU"].score.max() == 0
    assert judged[judged.partner == "CHN"].score.max() == 0
    copied = judged[judged.same_both_ways].partner
    assert {"QAT", "SAU"} <= set(copied), "one figure in both directions, to the dollar"


def test_the_rules_on_the_real_excerpt(baci):
    corrected, report = mirror_report(baci.table, "PRK")
    assert own(corrected) - own(baci.table) == pytest.approx(report.change.sum())
    by_rule = report.groupby("rule").change.sum()
    assert by_rule["gabon-crude"] == pytest.approx(-1442.7, abs=0.1)
    assert by_rule["png-to-rok"] == pytest.approx(-1542.0, abs=0.1)
    crude = report[report.rule == "china-crude"].set_index("year")
    assert (crude.status == "applied; price: imports of CHN").all()
    assert crude.index.tolist() == list(range(2014, 2025))
    assert (crude.quantity == 525_000).all()
    # Brent averaged some 99, 52, 44 USD a barrel; 7.33 barrels a tonne
    for year, brent in ((2014, 99), (2015, 52), (2016, 44)):
        assert crude.price[year] == pytest.approx(brent * 7.33, rel=0.05)
    coal = report[report.rule == "rajin-coal"].set_index("year").before
    assert coal.to_dict() == pytest.approx(
        {2014: 14.1, 2015: 45.8, 2016: 54.6, 2017: 53.6}, abs=0.1
    )
    assert corrected[corrected.flag == ""].value.sum() < corrected.value.sum()


def test_gabons_crude_is_larger_than_it_was_thought(baci):
    """66-352 million USD a year in 2013-19 and 2022, not 73-188 (and 17 in 2023)."""
    rows = (baci.table.exporter == "GAB") & (baci.table.importer == "PRK")
    crude = baci.table[rows & (baci.table["product"] == "270900")].set_index("year").value
    recent = crude.loc[2013:2022]
    assert recent.index.tolist() == [*range(2013, 2020), 2022]
    assert recent.min() == pytest.approx(66.0, abs=0.1)
    assert recent.max() == pytest.approx(352.3, abs=0.1)
    assert crude[2023] == pytest.approx(17.5, abs=0.1)
