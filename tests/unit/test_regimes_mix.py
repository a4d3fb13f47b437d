"""Product mixes: what the embedded ones say, and the concordance that they rest on."""

import csv
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from detente.errors import InputError
from detente.regimes import load_regime, regime_names
from detente.regimes.hs import headings
from detente.regimes.mix import mix_for
from detente.regimes.mixtable import REST, WHOLE, positions
from detente.sources.hs import REVISIONS, icio_of, prefixes, sector_of
from detente.world.aggregate import aggregate
from detente.world.catalogue import load_world
from mixes import sums
from small_korea import JPN, KOR, small_korea


def rows():
    text = files("detente.data").joinpath("product_mix.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


TABLE = pd.DataFrame(rows()).astype({"share": float})
GOODS = TABLE[TABLE["lines"] != WHOLE]
#: exports of the DPRK in 2016 by partners' reports, million USD (FACTS.md, B)
TOTAL = 2890.3


@pytest.fixture(scope="module")
def world():
    return load_world("korea-before")


# -- the table -----------------------------------------------------------------------------
def test_shares_of_every_exporter_add_up_to_one():
    total = GOODS.groupby("exporter")["share"].sum()
    np.testing.assert_allclose(total, 1.0, atol=2e-5)  # six digits each
    assert not GOODS.duplicated(["exporter", "lines", "icio"]).any()
    assert (TABLE["share"] > 0).all()
    assert len(TABLE) <= 8100


def test_everyone_in_a_world_has_a_row_and_the_weights_are_of_all():
    groups = {r["economy"] for r in csv.DictReader(open_text("economies.csv"))}
    weight = TABLE[TABLE["lines"] == WHOLE].set_index("exporter")["share"]
    assert set(weight.index) == (groups - {"TWN"}) | {"PRK", "IRN"}  # Taiwan reports none
    assert weight.drop(["PRK", "IRN"]).sum() == pytest.approx(1.0, abs=2e-5)
    assert weight["PRK"] < 1e-3 < weight["IRN"]


def open_text(name):
    return files("detente.data").joinpath(name).read_text(encoding="utf-8").splitlines()


def test_lines_are_headings_or_rests_of_chapters_with_their_own_industry():
    for lines, icio in GOODS[["lines", "icio"]].drop_duplicates().itertuples(index=False):
        if lines.endswith(REST):
            made = {icio_of(h) for h in headings("HS07") if h[:2] == lines[:2]}
            assert icio in made
        else:
            assert lines in headings("HS07")
            assert icio == icio_of(lines)


@pytest.mark.parametrize("name", regime_names())
def test_a_heading_that_a_regime_names_stands_alone(name):
    """Else its coverage could not be told: tools.build_worlds.product_mix is to be run."""
    regime = load_regime(name)
    alone = {x for x in GOODS["lines"] if not x.endswith(REST)}
    rest = {x[:2] for x in GOODS["lines"] if x.endswith(REST)}
    for provision in regime.provisions:
        for products in provision.products:
            for line in (*products.lines(), *products.spared()):
                if len(line) >= 4 and line[:4] in headings("HS07"):
                    assert line[:4] in alone or line[:2] not in rest


# -- the DPRK's exports, by figures that were worked out apart from this (FACTS.md, B) -------
@pytest.mark.parametrize(
    ("lines", "million"),
    [
        (("2701",), 1190.7),
        (tuple(map(str, range(50, 64))), 588.7),
        (("03",), 196.8),
        (("2601", "72"), 148.9),
    ],
)
def test_products_with_a_sourced_value_have_it(lines, million):
    prk = GOODS[GOODS["exporter"] == "PRK"]
    found = prk[prk["lines"].str.startswith(lines)]["share"].sum() * TOTAL
    assert found == pytest.approx(million, abs=0.1)


def test_what_is_unspecified_raises_all_other_products_alike():
    """90.3 of 2,890.3 is unspecified; it is spread, with the cars and phones of the ROK."""
    prk = GOODS[GOODS["exporter"] == "PRK"]
    printed = {("07", "08", "12"): 68.9, ("25",): 38.9, ("44",): 19.3, ("89",): 27.4}
    factor = [
        prk[prk["lines"].str.startswith(lines)]["share"].sum() * TOTAL / million
        for lines, million in printed.items()
    ]
    np.testing.assert_allclose(factor, np.mean(factor), rtol=2e-3)  # 0.05 in 19.3
    assert 1.1 < np.mean(factor) < 1.2
    assert not prk["lines"].isin(["2709", "2711", "8703", "8517", "8525"]).any()


# -- the embedded mix ------------------------------------------------------------------------
def test_weights_add_up_to_one_in_every_sector_that_is_traded(world):
    mix = mix_for(world, "PRK")
    prk = world.country_index("PRK")
    others = np.arange(world.n_countries) != prk
    traded = {world.sectors[s] for s in np.flatnonzero(sums(mix, mix.exports)[:, 1] > 0)}
    goods = {r["sector"] for r in csv.DictReader(open_text("hs_sector.csv"))} - {""}
    assert traded == goods - {"oil-gas"}  # it extracts none
    for array in (mix.exports, mix.imports):
        assert (array[:, prk] == 0).all()
        found = sums(mix, array)[:, others]
        np.testing.assert_allclose(found[found > 0], 1.0, rtol=1e-12)
    assert mix.revision == "HS07"


def test_exports_are_the_targets_to_all_and_imports_the_partners(world):
    mix = mix_for(world, "PRK")
    at = {(g.code, world.sectors[g.sector]): j for j, g in enumerate(mix.groups)}
    coal = at["2701", "coal"]
    assert np.ptp(mix.exports[:, 1:], axis=1).max() == 0
    assert mix.exports[coal, 1] > 0.999
    for code in ("CHN", "RUS", "IND"):
        own = GOODS[(GOODS["exporter"] == code) & (GOODS["icio"] == "B05")]
        expected = own.set_index("lines")["share"] / own["share"].sum()
        n = world.country_index(code)
        assert mix.imports[coal, n] == pytest.approx(expected["2701"], rel=1e-9)
    assert "applied to every partner (assumed)" in mix.basis["exports"]
    assert "assumed" in mix.basis["imports"]


def test_taiwan_reports_none_and_takes_the_mix_of_all(world):
    mix = mix_for(world, "PRK")
    assert "TWN as all exporters together" in mix.basis["imports"]
    weight = TABLE[TABLE["lines"] == WHOLE].set_index("exporter")["share"]
    apart = ["PRK", "IRN"]
    coal = GOODS[(GOODS["icio"] == "B05") & ~GOODS["exporter"].isin(apart)]
    value = (coal["share"] * coal["exporter"].map(weight)).groupby(coal["lines"]).sum()
    j = next(j for j, g in enumerate(mix.groups) if g.code == "2701")
    expected = value["2701"] / value.sum()
    assert mix.imports[j, world.country_index("TWN")] == pytest.approx(expected, rel=1e-9)


def relabelled(
    countries=("PRK", "KOR", "CHN", "JPN"), sectors=("coal", "textiles", "food"), **meta
):
    return small_korea(
        countries=countries,
        country_names=countries,
        sectors=sectors,
        coverage={},
        dormant={},
        meta=meta,
    )


def test_sectors_may_be_industries_of_the_icio():
    by_sector = mix_for(relabelled(), "PRK")
    by_industry = mix_for(relabelled(sectors=("B05", "C13T15", "C10T12")), "PRK")
    assert by_industry.groups == by_sector.groups
    np.testing.assert_array_equal(by_industry.imports, by_sector.imports)
    older = mix_for(relabelled(sectors=("B05_06", "C13T15", "C24")), "PRK")
    codes = {g.code for g in older.groups if g.sector == 0}
    assert codes == {"2701", "2702", "2709", "2711", "2714"}


def test_other_sectors_are_refused_with_what_to_do():
    with pytest.raises(InputError, match="cannot be placed in the sector 'Coal & co'"):
        mix_for(relabelled(sectors=("Coal & co", "textiles", "food")), "PRK")
    with pytest.raises(InputError, match="Did you mean 'textiles'"):
        mix_for(relabelled(sectors=("coal", "textile", "food")), "PRK")
    with pytest.raises(InputError, match="share the industry B05"):
        mix_for(relabelled(sectors=("coal", "B05", "food")), "PRK")


def test_a_sector_of_another_name_is_no_matter_where_all_goods_have_a_place(world):
    merged = {"trade": "services", "transport": "services", "other-services": "services"}
    coarse = aggregate(world, sectors=merged)
    assert mix_for(coarse, "PRK").exports.shape == mix_for(world, "PRK").exports.shape
    with pytest.raises(InputError, match="'heavy'"):
        mix_for(aggregate(world, sectors={"machinery": "heavy", "vehicles": "heavy"}), "PRK")


def test_a_finer_country_takes_its_groups_mix_and_an_unknown_one_that_of_all():
    world = relabelled(("PRK", "DEU", "CHN", "VEN"))
    mix = mix_for(world, "PRK")
    group = mix_for(relabelled(("PRK", "EU27", "CHN", "TWN")), "PRK")
    np.testing.assert_array_equal(mix.imports, group.imports)
    assert "DEU as EU27" in mix.basis["imports"]
    assert "VEN as all exporters together" in mix.basis["imports"]


def test_a_merged_country_is_the_sum_of_its_members():
    world = relabelled(("PRK", "KOJ", "CHN", "USA"), members={"KOJ": ["KOR", "JPN"]})
    apart = mix_for(relabelled(("PRK", "KOR", "CHN", "JPN")), "PRK")
    mix = mix_for(world, "PRK")
    # sales of a sector weigh the two: the mean lies between
    both = apart.imports[:, [KOR, JPN]]
    assert mix.groups == apart.groups
    assert (mix.imports[:, 1] >= both.min(axis=1) - 1e-12).all()
    assert (mix.imports[:, 1] <= both.max(axis=1) + 1e-12).all()
    assert "KOJ as JPN+KOR" in mix.basis["imports"]


def test_iran_has_a_row_of_its_own():
    mix = mix_for(
        relabelled(("IRN", "KOR", "CHN", "JPN"), ("oil-gas", "coal", "petroleum")), "IRN"
    )
    crude = {g.code: mix.exports[j, 1] for j, g in enumerate(mix.groups)}["2709"]
    assert 0.85 < crude < 0.9  # the rest is gas, 2711
    assert "UN Comtrade, IRN, 2017" in mix.basis["exports"]


def test_an_unknown_target_is_refused(world):
    with pytest.raises(InputError, match="PRX"):
        mix_for(world, "PRX")


# -- the concordance is complete ------------------------------------------------------------
@pytest.mark.parametrize("revision", REVISIONS)
def test_every_heading_of_every_revision_has_one_industry_and_its_sector(revision):
    group = {r["icio_code"]: r["sector"] for r in csv.DictReader(open_text("sectors.csv"))}
    found = {h: icio_of(h) for h in headings(revision)}
    assert {h[:2] for h, icio in found.items() if not icio} <= {"77", "98", "99"}
    for heading, icio in found.items():
        assert sector_of(heading) == (group[icio] if icio else "")
    # ISIC's sections A to C without the services to mines, with electricity and town gas
    goods = {code for code in group if code[0] in "ABC"} - {"B09"}
    assert set(found.values()) - {""} == goods | {"D"}


def test_no_line_stands_twice_and_industries_fall_into_one_sector():
    lines = [r["hs"] for r in csv.DictReader(open_text("hs_sector.csv"))]
    assert len(lines) == len(set(lines))
    sectors = tuple(
        dict.fromkeys(r["sector"] for r in csv.DictReader(open_text("sectors.csv")))
    )
    place = positions(sectors)
    assert set(place) == {i for i in prefixes("icio").values() if i}


#: what the OECD's own key from HS to ISIC (BTDIxE) says of most six-digit lines of a heading
OECD = {
    "0102": "A01",
    "0203": "C10T12",
    "0307": "A03",
    "0702": "A01",
    "1001": "A01",
    "1101": "C10T12",
    "1701": "C10T12",
    "2204": "C10T12",
    "2402": "C10T12",
    "2504": "B08",
    "2601": "B07",
    "2603": "B07",
    "2701": "B05",
    "2709": "B06",
    "2710": "C19",
    "2716": "D",
    "2836": "C20",
    "3004": "C21",
    "3102": "C20",
    "3901": "C20",
    "3920": "C22",
    "4011": "C22",
    "4403": "A02",
    "4407": "C16",
    "4703": "C17_18",
    "4802": "C17_18",
    "5205": "C13T15",
    "6110": "C13T15",
    "6403": "C13T15",
    "6907": "C23",
    "7108": "C24B",
    "7208": "C24A",
    "7304": "C24A",
    "7308": "C25",
    "7403": "C24B",
    "7601": "C24B",
    "7801": "C24B",
    "8207": "C25",
    "8429": "C28",
    "8471": "C26",
    "8501": "C27",
    "8517": "C26",
    "8542": "C26",
    "8602": "C302T309",
    "8703": "C29",
    "8802": "C302T309",
    "8901": "C301",
    "9018": "C31T33",
    "9401": "C31T33",
    "9503": "C31T33",
}


@pytest.mark.parametrize(("heading", "industry"), OECD.items())
def test_the_concordance_says_what_the_oecds_key_says(heading, industry):
    """Where they differ is in docs/hs.md, with the reasons."""
    assert icio_of(heading) == industry
