"""Mirror traps: each action by hand, identities of the report, wrong rules; the detector."""

import io

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from detente.errors import InputError
from detente.sources.mirror import REPORT, load_traps, mirror_report
from detente.sources.twin import suspicious
from hypothesis_profiles import examples

HEADER = (
    "rule,country,partner,product,years,direction,action,amount,formula,reason,source,"
    "verification\n"
)


def rules(folder, *rows):
    path = folder / "traps.csv"
    path.write_text(HEADER + "".join(r + ",why,where,verified\n" for r in rows))
    return path


def table(text):
    frame = pd.read_csv(io.StringIO(text), sep=r"\s+", dtype={"product": str})
    return frame.astype({"value": float})


TRADE = table(
    """
    year exporter importer product value quantity
    2014 CHN PRK 270900 0 0
    2014 SAU CHN 270900 7000 10000000
    2014 SAU KOR 270900 9000 15000000
    2014 PRK CHN 270111 1100 15000000
    2014 RUS PRK 270112 50 500000
    2014 RUS CHN 270112 100 1000000
    2014 GAB PRK 270900 70 100000
    2014 PRK BRA 870323 20 3000
    2014 CHN PRK 540710 80 9000
    2013 GAB PRK 270900 80 100000
    2013 CHN PRK 270900 500 520000
    2013 CHN PRK 540710 90 10000
    """
)


def own(frame, country="PRK"):
    return frame.loc[(frame.exporter == country) | (frame.importer == country), "value"].sum()


def test_the_rules_that_come_with_detente_are_sound():
    traps = load_traps()
    assert len({t.rule for t in traps}) == len(traps) > 8
    assert {t.country for t in traps} == {"PRK"}
    assert {t.action for t in traps} == {"drop", "flag", "impute"}


def test_they_apply_to_a_small_table():
    corrected, report = mirror_report(TRADE, "PRK")
    assert list(report.columns) == list(REPORT)
    assert not ((corrected.exporter == "GAB") & (corrected.importer == "PRK")).any()
    assert not (corrected["product"] == "870323").any()
    flags = corrected.set_index(["year", "exporter", "product", "importer"]).flag
    assert flags[2014, "RUS", "270112", "PRK"] == "rajin-coal"
    assert flags[2014, "CHN", "540710", "PRK"] == "goods-via-dandong"
    assert flags[2014, "RUS", "270112", "CHN"] == ""
    done = report[report.status.str.startswith("applied")]
    assert set(done.rule) == {"gabon-crude", "cars-and-phones", "china-crude"}
    assert (report.status == "nothing found").sum() >= 3


def test_crude_is_added_at_the_price_of_the_same_years_chinese_imports():
    corrected, report = mirror_report(TRADE, "PRK")
    (row,) = corrected[corrected.flag == "imputed:china-crude"].to_dict("records")
    assert (row["year"], row["exporter"], row["importer"]) == (2014, "CHN", "PRK")
    assert row["product"] == "270900"
    assert row["quantity"] == 525_000
    assert row["value"] == pytest.approx(525_000 * 700 / 1e6)
    told = report[(report.rule == "china-crude") & (report.year == 2014)].iloc[0]
    assert told.status == "applied; price: imports of CHN"
    assert told.price == pytest.approx(700)


def test_crude_at_the_worlds_price_or_not_at_all():
    world = TRADE[TRADE.exporter + TRADE.importer != "SAUCHN"]
    _, report = mirror_report(world, "PRK")
    told = report[(report.rule == "china-crude") & (report.year == 2014)].iloc[0]
    assert (told.status, told.price) == ("applied; price: the world's trade in the data", 600)
    alone = TRADE[(TRADE.importer == "PRK") | (TRADE.exporter == "PRK")]
    for frame in (alone, TRADE.drop(columns="quantity")):
        corrected, report = mirror_report(frame, "PRK")
        told = report[(report.rule == "china-crude") & (report.year == 2014)].iloc[0]
        assert told.status == "not applied: the data give no price"
        assert not corrected.flag.str.startswith("imputed").any()


def test_what_is_reported_is_not_added_to():
    trade = TRADE.assign(value=TRADE.value.where(TRADE.value > 0, 400.0))
    corrected, report = mirror_report(trade, "PRK")
    told = report[(report.rule == "china-crude") & (report.year == 2014)].iloc[0]
    assert (told.status, told.change) == ("reported in the data: nothing added", 0)
    assert not corrected.flag.str.startswith("imputed").any()


def test_changes_add_up_and_the_input_is_left_alone():
    before = TRADE.copy()
    for shares in ({}, {"rajin-coal": 0.9}, {"goods-via-dandong": {"JPN": 0.2, "KOR": 0.1}}):
        corrected, report = mirror_report(TRADE, "PRK", shares=shares)
        assert own(corrected) - own(TRADE) == pytest.approx(report.change.sum())
        keys = ["year", "exporter", "importer", "product"]
        assert not corrected.duplicated(keys).any()
    pd.testing.assert_frame_equal(TRADE, before)


def test_transit_moves_only_by_the_share_that_the_user_gives():
    kept, _ = mirror_report(TRADE, "PRK")
    moved, report = mirror_report(TRADE, "PRK", shares={"rajin-coal": 0.9})

    def coal(frame, importer):
        rows = (frame.exporter == "RUS") & (frame.importer == importer)
        return frame.loc[rows, ["value", "quantity"]].sum().tolist()

    assert coal(kept, "PRK") == [50, 500_000]
    assert coal(moved, "PRK") == pytest.approx([5, 50_000])
    assert coal(moved, "CHN") == pytest.approx([145, 1_450_000])
    assert moved.value.sum() == pytest.approx(kept.value.sum())
    (told,) = report[(report.rule == "rajin-coal")].to_dict("records")
    assert (told["action"], told["before"], told["after"]) == ("move", 50, pytest.approx(5))
    assert told["moved"] == pytest.approx(45)
    whole, _ = mirror_report(TRADE, "PRK", shares={"rajin-coal": 1.0})
    assert coal(whole, "PRK") == [0, 0]
    goods = {"goods-via-dandong": {"JPN": 0.25}}
    third, report = mirror_report(TRADE, "PRK", shares=goods)
    told = report[report.rule == "goods-via-dandong"]
    assert (told.change.sum(), told.moved.sum()) == (0, 42.5), "still the DPRK's imports"
    rows = (third.exporter == "JPN") & (third.importer == "PRK")
    assert third.loc[rows].set_index("year").value.to_dict() == {2014: 20, 2013: 22.5}


@settings(max_examples=examples(40), deadline=None)
@given(st.floats(0.01, 1.0), st.floats(0.1, 500), st.floats(0.1, 500))
def test_moving_keeps_the_worlds_trade(share, coal, cloth):
    trade = TRADE.copy()
    trade.loc[trade["product"] == "270112", "value"] = coal
    trade.loc[trade["product"] == "540710", "value"] = cloth
    shares = {"rajin-coal": share}
    moved, report = mirror_report(trade, "PRK", shares=shares)
    kept, plain = mirror_report(trade, "PRK")
    assert moved.value.sum() == pytest.approx(kept.value.sum())
    assert report.change.sum() - plain.change.sum() == pytest.approx(-share * coal)


def test_a_rule_of_ones_own(tmp_path):
    path = rules(
        tmp_path,
        "iron,PRK,CHN,!27,2014,import,move,0.5,exporter=JPN",
        "none,PRK,*,0101,2014,both,drop,,",
        "other,KOR,*,27,*,both,drop,,",
    )
    corrected, report = mirror_report(TRADE, "PRK", path)
    assert corrected.loc[corrected.exporter == "JPN", "value"].tolist() == [40]
    assert report.status.tolist() == ["applied", "nothing found"]
    again, _ = mirror_report(TRADE, "PRK", load_traps(path))
    pd.testing.assert_frame_equal(again, corrected)


def test_totals_take_only_the_rules_that_need_no_product():
    totals = TRADE.groupby(["year", "exporter", "importer"], as_index=False)["value"].sum()
    totals = pd.concat([totals, totals.assign(year=2009)])
    corrected, report = mirror_report(totals, "PRK")
    assert own(corrected) == pytest.approx(own(totals))
    skipped = report.status == "not applicable: the table has no products"
    assert skipped.sum() == len(report) - skipped.eq(False).sum() > 5
    assert "china-2009" in set(report[report.status == "flagged"].rule)


@pytest.mark.parametrize(
    ("row", "what", "key"),
    [
        ("a,PRK,CHN,27,*,import,dorp,,", "none of drop, flag", "action"),
        ("a,PRK,CHN,27,*,imports,drop,,", "none of import", "direction"),
        ("a,PRK,China,27,*,import,drop,,", "does not fit", "partner"),
        ("a,PRK,CHN,coal,*,import,drop,,", "does not fit", "product"),
        ("a,PRK,CHN,27,2013 to 2014,import,drop,,", "does not fit", "years"),
        ("a,North,CHN,27,*,import,drop,,", "does not fit", "country"),
        ("a,PRK,*,27,*,import,impute,5,price: imports of CHN", "does not fit", "partner"),
        ("a,PRK,CHN,27,*,import,impute,much,price: imports of CHN", "does not fit", "amount"),
        ("a,PRK,CHN,27,*,import,impute,5,Brent", "does not fit", "formula"),
        ("a,PRK,CHN,27,*,import,move,2,importer=KOR", "does not fit", "amount"),
        ("a,PRK,CHN,27,*,import,move,0.5,importer=", "does not fit", "formula"),
        ("a,PRK,CHN,27,*,both,flag,,importer=KOR", "does not fit", "direction"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_line(tmp_path, row, what, key):
    path = rules(tmp_path, "fine,PRK,CHN,27,*,import,drop,,", row)
    with pytest.raises(InputError, match=what) as caught:
        load_traps(path)
    assert (caught.value.place.line, caught.value.place.key) == (3, key)


def test_wrong_tables_and_shares_are_refused(tmp_path):
    with pytest.raises(InputError, match="no column 'importer'"):
        mirror_report(TRADE.rename(columns={"importer": "imported"}), "PRK")
    with pytest.raises(InputError, match="before it is summed to sectors"):
        mirror_report(TRADE.rename(columns={"product": "sector"}), "PRK")
    with pytest.raises(InputError, match="must be text"):
        mirror_report(TRADE.assign(product=TRADE["product"].astype(int)), "PRK")
    with pytest.raises(InputError, match="no file"):
        load_traps(tmp_path / "none.csv")
    (tmp_path / "short.csv").write_text("rule,country\na,PRK\n")
    with pytest.raises(InputError, match="'partner' is missing"):
        load_traps(tmp_path / "short.csv")
    for shares, what in (
        ({"rajin": 0.5}, "no rule 'rajin'"),
        ({"gabon-crude": 0.5}, "takes no share"),
        ({"goods-via-dandong": 0.5}, "whose the goods are"),
        ({"rajin-coal": 1.5}, "add up to 1"),
        ({"rajin-coal": {}}, "above 0"),
        ({"goods-via-dandong": {"JPN": 0.8, "KOR": 0.3}}, "add up to 1"),
    ):
        with pytest.raises(InputError, match=what):
            mirror_report(TRADE, "PRK", shares=shares)


# -- the detector ------------------------------------------------------------------------
def panel(years=10):
    """A steady partner, a mislabelled cargo every fifth year, and the twin's trade."""
    rows = []
    for k in range(years):
        rows += [
            (2010 + k, "CHN", "PRK", "2709", 100.0, 200_000.0),
            (2010 + k, "PRK", "CHN", "2701", 150.0, 2_000_000.0),
            (2010 + k, "CHN", "KOR", "2709", 110.0, 200_000.0),
            (2010 + k, "GAB", "KOR", "2709", 900.0, 1_500_000.0),
            (2010 + k, "JPN", "PRK", "8429", 5.0, 500.0),
        ]
        if k % 5 == 2:
            rows.append((2010 + k, "GAB", "PRK", "2709", 80.0, 130_000.0))
    names = ["year", "exporter", "importer", "product", "value", "quantity"]
    return pd.DataFrame(rows, columns=names)


def test_the_mislabelled_cargo_comes_first():
    found = suspicious(panel(), "PRK")
    first = found.iloc[0]
    assert (first.direction, first.partner, first["product"]) == ("import", "GAB", "2709")
    assert (first["first"], first["last"], first.years) == (2012, 2017, 2)
    assert (first.value, first.twin_value) == (160, 1800)
    assert first.twin_fit == pytest.approx(1800 / 1960)
    assert (first.one_sided, first.irregular) == (1, 1)
    assert first.score == pytest.approx(first.twin_fit)
    china = found[(found.partner == "CHN") & (found["product"] == "2709")].iloc[0]
    assert china.irregular == 0
    assert china.one_sided == pytest.approx(100 / 250)
    assert found[found.partner == "JPN"].score.tolist() == [0], "the twin buys none of it"


def test_an_impossible_unit_value_is_evidence_by_itself():
    trade = panel()
    trade.loc[trade.exporter == "JPN", "quantity"] = 5e6
    trade.loc[len(trade)] = (2010, "JPN", "KOR", "8429", 500.0, 50_000.0)
    trade.loc[len(trade)] = (2010, "JPN", "CHN", "8429", 500.0, 50_000.0)
    found = suspicious(trade, "PRK", established=["CHN"])
    row = found[found.partner == "JPN"].iloc[0]
    assert row.unit_gap == pytest.approx(0.1), "one year of ten in which there are others"
    assert row.score == pytest.approx(0.1 * row.twin_fit)
    assert "CHN" not in set(found.partner)


def test_scores_do_not_depend_on_the_unit_of_money():
    small, large = (
        suspicious(panel(), "PRK"),
        suspicious(panel().assign(value=lambda t: t.value * 1e3), "PRK"),
    )
    np.testing.assert_allclose(small.score, large.score)
    np.testing.assert_allclose(small.suspect * 1e3, large.suspect)


@settings(max_examples=examples(30), deadline=None)
@given(st.lists(st.floats(0.01, 1e4), min_size=30, max_size=30))
def test_scores_lie_between_0_and_1(values):
    trade = panel(6)
    trade = trade.assign(value=(values * 2)[: len(trade)])
    found = suspicious(trade, "PRK")
    evidence = found[["score", "twin_fit", "one_sided", "irregular", "unit_gap"]]
    assert evidence.min().min() >= 0
    assert evidence.max().max() <= 1 + 1e-12
    assert (found.suspect <= found.value + 1e-9).all()
    assert found.suspect.is_monotonic_decreasing


def test_totals_copies_and_distance():
    totals = table(
        """
        year exporter importer value
        2009 CHN PRK 1800
        2009 PRK CHN 800
        2009 QAT PRK 118
        2009 PRK QAT 118
        2009 CHN KOR 47000
        2009 QAT KOR 8000
        2009 KOR QAT 1300
        2009 KOR CHN 70000
        """
    )
    plain = suspicious(totals, "PRK")
    assert plain.partner[0] == "CHN", "size alone cannot tell them apart"
    assert plain.set_index(["direction", "partner"]).same_both_ways.to_dict() == {
        ("import", "CHN"): False,
        ("export", "CHN"): False,
        ("import", "QAT"): True,
        ("export", "QAT"): True,
    }
    far = pd.DataFrame(
        {"exporter": "PRK", "importer": ["CHN", "QAT"], "distance": [800.0, 7000.0]}
    )
    judged = suspicious(totals, "PRK", distance=far)
    assert judged.partner[:2].tolist() == ["QAT", "QAT"]
    assert judged[judged.partner == "CHN"].score.tolist() == [0, 0]


def test_a_country_that_is_not_there_is_named():
    with pytest.raises(InputError, match="'PKR' is not in the table") as caught:
        suspicious(panel(), "PKR")
    assert caught.value.nearest == "PRK"
    with pytest.raises(InputError, match="no column 'value'"):
        suspicious(panel().drop(columns="value"), "PRK")
