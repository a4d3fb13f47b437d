"""UN Comtrade: made-up csv with today's and yesterday's columns, choices, errors."""

import zipfile

import numpy as np
import pytest

from detente.errors import InputError
from detente.sources.comtrade import read_comtrade

# the header of the website's and the API's csv, whole
NEW = [
    "typeCode",
    "freqCode",
    "refPeriodId",
    "refYear",
    "refMonth",
    "period",
    "reporterCode",
    "reporterISO",
    "reporterDesc",
    "flowCode",
    "flowDesc",
    "partnerCode",
    "partnerISO",
    "partnerDesc",
    "partner2Code",
    "partner2ISO",
    "partner2Desc",
    "classificationCode",
    "classificationSearchCode",
    "isOriginalClassification",
    "cmdCode",
    "cmdDesc",
    "aggrLevel",
    "isLeaf",
    "customsCode",
    "customsDesc",
    "mosCode",
    "motCode",
    "motDesc",
    "qtyUnitCode",
    "qtyUnitAbbr",
    "qty",
    "isQtyEstimated",
    "altQtyUnitCode",
    "altQtyUnitAbbr",
    "altQty",
    "isAltQtyEstimated",
    "netWgt",
    "isNetWgtEstimated",
    "grossWgt",
    "isGrossWgtEstimated",
    "cifvalue",
    "fobvalue",
    "primaryValue",
    "legacyEstimationFlag",
    "isReported",
    "isAggregate",
]
OLD = [
    "Classification",
    "Year",
    "Period",
    "Period Desc.",
    "Aggregate Level",
    "Is Leaf Code",
    "Trade Flow Code",
    "Trade Flow",
    "Reporter Code",
    "Reporter",
    "Reporter ISO",
    "Partner Code",
    "Partner",
    "Partner ISO",
    "Commodity Code",
    "Commodity",
    "Qty Unit Code",
    "Qty Unit",
    "Qty",
    "Netweight (kg)",
    "Trade Value (US$)",
    "Flag",
]
COAL = {
    "typeCode": "C",
    "freqCode": "A",
    "refPeriodId": "20160101",
    "refYear": "2016",
    "refMonth": "52",
    "period": "2016",
    "reporterISO": "CHN",
    "reporterDesc": "China",
    "flowCode": "M",
    "flowDesc": "Import",
    "partnerISO": "PRK",
    "partnerDesc": "Dem. People's Rep. of Korea",
    "partner2Code": "0",
    "partner2ISO": "W00",
    "classificationCode": "H4",
    "cmdCode": "270111",
    "aggrLevel": "6",
    "customsCode": "C00",
    "motCode": "0",
    "netWgt": "22481000000",
    "primaryValue": "1180950000",
}
OLD_COAL = {
    "Classification": "H4",
    "Year": "2016",
    "Period": "2016",
    "Trade Flow Code": "1",
    "Trade Flow": "Import",
    "Reporter ISO": "CHN",
    "Partner ISO": "PRK",
    "Commodity Code": "270111",
    "Commodity": "Coal; anthracite, whether or not pulverised",
    "Netweight (kg)": "22481000000",
    "Trade Value (US$)": "1180950000",
}


def text(*rows, old=False, comma=False, quoted=True, drop=()):
    header, base = (OLD, OLD_COAL) if old else (NEW, COAL)
    header = [c for c in header if c not in drop]
    lines = [",".join(header)]
    for changes in rows:
        row = {**base, **changes}
        cells = [f'"{row[c]}"' if quoted and row.get(c) else row.get(c, "") for c in header]
        lines.append(",".join(cells) + ("," if comma else ""))
    return "\n".join(lines) + "\n"


def file(folder, *rows, name="TradeData.csv", encoding="latin-1", **how):
    path = folder / name
    path.write_text(text(*rows, **how), encoding=encoding)
    return path


@pytest.mark.parametrize("comma", [False, True])
def test_todays_columns(tmp_path, comma):
    """The website puts one comma too many at the end of rows: nothing may shift."""
    path = file(
        tmp_path, {}, {"cmdCode": "030799", "netWgt": "", "primaryValue": "9"}, comma=comma
    )
    found = read_comtrade(path)
    assert found.table.to_dict("records")[1] == {
        "year": 2016,
        "exporter": "PRK",
        "importer": "CHN",
        "product": "270111",
        "value": 1180.95,
        "quantity": 22_481_000.0,
        "reported_by": "importer",
    }
    assert found.table["product"].tolist() == ["030799", "270111"]
    assert np.isnan(found.table.quantity[0])
    assert any("comma" in n for n in found.source.notes) == comma
    assert (found.source.vintage, found.source.verified) == ("current", True)


def test_yesterdays_columns(tmp_path):
    path = file(tmp_path, {}, old=True)
    found = read_comtrade(path)
    assert found.table.value.tolist() == [1180.95]
    assert found.table.exporter.tolist() == ["PRK"]
    assert (found.source.vintage, found.source.verified) == ("legacy", False)
    words = file(tmp_path, {}, old=True, drop=["Trade Flow Code"])
    assert read_comtrade(words).table.equals(found.table)


def test_in_a_zip_and_in_latin_1(tmp_path):
    with zipfile.ZipFile(tmp_path / "trade.zip", "w") as zf:
        zf.writestr(
            "TradeData.csv", text({"partnerDesc": "Corée"}, comma=True).encode("latin-1")
        )
    assert len(read_comtrade(tmp_path / "trade.zip").table) == 1


def both_sides(folder):
    """Russia's exports to the DPRK, seen by Russia alone; China's trade with Russia by both."""
    return file(
        folder,
        {"reporterISO": "RUS", "flowCode": "X", "primaryValue": "2000000"},
        {"reporterISO": "RUS", "flowCode": "X", "partnerISO": "CHN", "primaryValue": "4000000"},
        {"reporterISO": "CHN", "flowCode": "M", "partnerISO": "RUS", "primaryValue": "5000000"},
        {"reporterISO": "CHN", "flowCode": "RX", "primaryValue": "7000000"},
        {"partnerISO": "W00", "primaryValue": "9999000000"},
    )


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        (
            "importers-first",
            {("RUS", "PRK"): (2.0, "exporter"), ("RUS", "CHN"): (5.0, "importer")},
        ),
        (
            "exporters-first",
            {("RUS", "PRK"): (2.0, "exporter"), ("RUS", "CHN"): (4.0, "exporter")},
        ),
        ("importers", {("RUS", "CHN"): (5.0, "importer")}),
        ("exporters", {("RUS", "PRK"): (2.0, "exporter"), ("RUS", "CHN"): (4.0, "exporter")}),
    ],
)
def test_whose_report_is_kept(tmp_path, reports, expected):
    table = read_comtrade(both_sides(tmp_path), reports=reports).table
    found = {(r.exporter, r.importer): (r.value, r.reported_by) for r in table.itertuples()}
    assert found == expected


def test_both_reports_and_what_is_left_out(tmp_path):
    found = read_comtrade(both_sides(tmp_path), reports="both")
    assert len(found.table) == 3
    notes = " ".join(found.source.notes)
    assert "1 row of re-exports and re-imports left out" in notes
    assert "1 row with the world left out" in notes
    with pytest.raises(InputError, match="reports='mine' is unknown"):
        read_comtrade(both_sides(tmp_path), reports="mine")


def test_taiwan_and_areas_that_are_no_country(tmp_path):
    path = file(
        tmp_path, {"partnerISO": "S19"}, {"partnerISO": "A59", "primaryValue": "1000000"}
    )
    found = read_comtrade(path)
    assert set(found.table.exporter) == {"TWN", "A59"}
    notes = " ".join(found.source.notes)
    assert "S19 'Other Asia, nes' counts as TWN: 1,180.9 million" in notes.replace(
        "1,181.0", "1,180.9"
    )
    assert "no country: A59; 1.0 million USD" in notes


def test_levels_of_products_are_not_mixed(tmp_path):
    path = file(tmp_path, {}, {"cmdCode": "27"}, {"cmdCode": "2701"}, {"cmdCode": "TOTAL"})
    with pytest.raises(InputError, match=r"mixes levels of products \(total, 2, 4, 6\)"):
        read_comtrade(path)
    for level, code in ((6, "270111"), (4, "2701"), (2, "27"), ("total", "TOTAL")):
        assert read_comtrade(path, level=level).table["product"].tolist() == [code]
    with pytest.raises(InputError, match="no level '4'; there are 6"):
        read_comtrade(file(tmp_path, {}), level=4)


def test_a_lost_zero_comes_back(tmp_path):
    found = read_comtrade(file(tmp_path, {"cmdCode": "30799"}))
    assert found.table["product"].tolist() == ["030799"]
    assert any("lost zero" in n for n in found.source.notes)


def test_parts_of_a_flow_are_not_added_to_it(tmp_path):
    parts = [{"motCode": "1000", "primaryValue": "1"}, {"partner2Code": "643"}]
    found = read_comtrade(file(tmp_path, {}, *parts))
    assert found.table.value.tolist() == [1180.95]
    assert any("2 rows by customs procedure" in n for n in found.source.notes)
    with pytest.raises(InputError, match="every row is a part of a flow"):
        read_comtrade(file(tmp_path, *parts))


def test_a_weight_of_zero_is_no_weight(tmp_path):
    assert read_comtrade(file(tmp_path, {"netWgt": "0"})).table.quantity.isna().all()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({}, "a second row for year '2016', exporter 'PRK'"),
        ({"primaryValue": "many"}, "no number"),
        ({"primaryValue": "-1"}, "below 0"),
        ({"flowCode": "Z"}, "'Z' is no flow"),
        ({"reporterISO": ""}, "includeDesc=true"),
        ({"partnerISO": ""}, "includeDesc=true"),
        ({"freqCode": "M", "period": "201601"}, "monthly data"),
        ({"classificationCode": "S3"}, "'S3' is no edition of HS"),
        ({"cmdCode": "coal"}, "no HS code"),
        ({"refYear": "16th"}, "no whole number"),
    ],
)
@pytest.mark.parametrize("comma", [False, True])
def test_a_wrong_row_is_refused_with_its_line(tmp_path, changes, what, comma):
    path = file(tmp_path, {}, changes, comma=comma)
    with pytest.raises(InputError, match=what) as caught:
        read_comtrade(path)
    assert caught.value.place.line == 3
    assert caught.value.place.file == str(path)


@pytest.mark.parametrize("column", ["reporterISO", "partnerISO", "cmdCode", "primaryValue"])
def test_a_missing_column_is_named(tmp_path, column):
    with pytest.raises(InputError, match=f"no column '{column}'"):
        read_comtrade(file(tmp_path, {}, drop=[column]))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        read_comtrade(tmp_path / "TradeData.csv")
