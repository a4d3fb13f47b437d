"""Tariffs: WITS's query and bulk forms, plain files, and their way onto a table's links."""

from __future__ import annotations

import zipfile

import numpy as np
import pandas as pd
import pytest

from detente.assembly.aggregation import Groups
from detente.assembly.tariffs import aggregate_tariffs, table_tariffs
from detente.errors import InputError
from detente.sources.wits import eu_members, read_tariffs, read_wits
from io_tables import table

QUERY = (
    "Selected Nomen,Native Nomen,Reporter,Reporter Name,Product,Product Name,Partner,"
    "Partner Name,Tariff Year,Trade Year,Trade Source,DutyType,Simple Average,"
    "Weighted Average,Standard Deviation,Minimum Rate,Maximum Rate,Nbr of Total Lines,"
    "Nbr of Domestic Peaks,Nbr of International Peaks,Imports Value in 1000 USD,"
    "Binding Coverage\n"
)
MFN = (
    "NomenCode,Reporter_ISO_N,Year,ProductCode,Sum_Of_Rates,Min_Rate,Max_Rate,SimpleAverage,"
    "Nbr_NA_Lines,Nbr_Free_Lines,Nbr_AVE_Lines,Nbr_Dutiable_Lines,TotalNoOfValidLines,"
    "TotalNoOfLines,EstCode\n"
)
PREF = (
    "NomenCode,Reporter_ISO_N,Year,ProductCode,Partner,Sum_Of_Rates,Min_Rate,Max_Rate,"
    "SimpleAverage,TotalNoOfLines,Nbr_Pref_Lines,Nbr_MFN_Lines,Nbr_NA_Lines,EstCode\n"
)


def query(*rows):
    """Rows of (reporter, product, partner, year, duty, simple average, imports)."""
    lines = [
        f'HS,H5,{r},"A name, with a comma",{p},A product,{n},Another,{y},{y},CMT,{d},{s},{s},0,'
        f"{s},{s},1,0,0,{m},100\n"
        for r, p, n, y, d, s, m in rows
    ]
    return QUERY + "".join(lines)


def write(tmp_path, text, name="DataJobID-1_1_made.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


# -- the query form ------------------------------------------------------------------------
def test_a_query_is_read_in_shares_with_iso_codes_and_leading_zeros(tmp_path):
    text = query(
        ("410", "10121", "156", 2018, "AHS", 8, 1200.5),
        ("410", "010121", "000", 2018, "MFN", 8.5, 5000),
        ("918", "8703", "410", 2018, "PRF", 0, ""),
        ("918", "8703", "000", 2018, "BND", 10, ""),
        ("642", "87", "ROM", 2018, "AHS", "", 1),
    )
    found = read_wits(write(tmp_path, text))
    rows = found.table.set_index(["importer", "exporter", "product"])
    assert rows.loc[("KOR", "CHN", "010121"), "rate"] == pytest.approx(0.08)
    assert rows.loc[("KOR", "CHN", "010121"), "weight"] == pytest.approx(1.2005)
    assert rows.loc[("KOR", "WLD", "010121"), "duty"] == "MFN"
    assert rows.loc[("EUN", "KOR", "8703"), "rate"] == 0.0
    assert len(rows) == 3
    notes = " ".join(found.source.notes)
    assert "1 rows of bound rates left out" in notes
    assert "1 rows without a rate left out" in notes
    assert not found.source.verified


def test_a_zip_of_several_files_is_one_list(tmp_path):
    path = tmp_path / "wits.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.CSV", query(("410", "87", "156", 2018, "AHS", 8, 1)))
        archive.writestr("b.csv", query(("392", "87", "156", 2018, "AHS", 0, 1)))
        archive.writestr("readme.html", "no table")
    assert set(read_tariffs(path).table["importer"]) == {"KOR", "JPN"}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (query(("410", "87", "156", 2018, "ASH", 8, 1)), 2, "Did you mean 'AHS'"),
        (query(("411", "87", "156", 2018, "AHS", 8, 1)), 2, "no country"),
        (query(("410", "87", "ANDEAN", 2018, "AHS", 8, 1)), 2, "groups are not"),
        (query(("410", "Total", "156", 2018, "AHS", 8, 1)), 2, "no HS code"),
        (query(("410", "87", "156", 2018, "AHS", -8, 1)), 2, "not negative"),
        (query(("410", "87", "156", 2018, "AHS", "x", 1)), 2, "'x' is no number"),
        (query(*[("410", "87", "156", 2018, "AHS", 8, 1)] * 2), 3, "second row"),
        (query(("410", "87", "156", 2018, "AHS", 8, 1)).replace("HS,H5", "GP,H5"), 2, "'GP'"),
        (
            query(*[("410", "87", "156", y, "AHS", 8, 1) for y in (2017, 2018)]),
            None,
            "several years",
        ),
        (QUERY.replace("Tariff Year", "Tarif Year"), None, "Tariff Year"),
        (QUERY, None, "no rows"),
    ],
)
def test_a_broken_query_is_refused_with_its_line(tmp_path, text, line, says):
    with pytest.raises(InputError, match=says) as caught:
        read_wits(write(tmp_path, text))
    if line:
        assert caught.value.place.line == line


def test_the_year_asked_for_or_each_importers_closest(tmp_path):
    rows = [("410", "87", "156", y, "AHS", y - 2000, 1) for y in (2015, 2018)]
    path = write(tmp_path, query(*rows, ("392", "87", "156", 2016, "AHS", 1, 1)))
    assert read_wits(path, year=2018).table["rate"].tolist() == [0.18]
    found = read_wits(path, year=2018, closest=True)
    assert dict(zip(found.table["importer"], found.table["year"], strict=True)) == {
        "KOR": 2018,
        "JPN": 2016,
    }
    assert any("JPN 2016" in n for n in found.source.notes)
    with pytest.raises(InputError, match="not 2019"):
        read_wits(path, year=2019)


# -- the bulk form -------------------------------------------------------------------------
def bulk(folder):
    """AVEMFN and AVEPref as WITS zips them, with a group of beneficiaries."""
    folder.mkdir()
    mfn = MFN + "".join(
        f"H5,410,2018,{p},{r},{r},{r},{r},0,0,0,1,1,1,U2\n"
        for p, r in (("870321", 8), ("870322", 8), ("010121", 40))
    )
    pref = PREF + "H5,410,2018,870321,842,0,0,0,0,1,1,0,0,U2\n"
    pref += "H5,410,2018,870321,N37,4,4,4,4,1,1,0,0,U2\n"
    pref += "H5,410,2018,870322,N37,6,6,6,6,1,1,0,0,U2\n"
    for name, text in (("AVEMFN_H5_410_2018_U2", mfn), ("AVEPref_H5_410_2018_U2", pref)):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            archive.writestr("JobID_12.CSV", text)
    (folder / "TRAINSPreferenceBenficiaries.csv").write_text(
        "RegionCode,RegionDescription,Partner\nN37,A group,842\nN37,A group,156\n"
    )
    return folder


def test_a_folder_of_bulk_files_gives_mfn_and_preferences(tmp_path):
    found = read_tariffs(bulk(tmp_path / "bulk")).table
    rows = found.set_index(["exporter", "product", "duty"])["rate"].to_dict()
    assert rows == pytest.approx(
        {
            ("WLD", "870321", "MFN"): 0.08,
            ("WLD", "870322", "MFN"): 0.08,
            ("WLD", "010121", "MFN"): 0.40,
            ("USA", "870321", "PRF"): 0.0,  # its own goes before the group's
            ("CHN", "870321", "PRF"): 0.04,
            ("USA", "870322", "PRF"): 0.06,
            ("CHN", "870322", "PRF"): 0.06,
        }
    )


def test_an_unknown_group_of_beneficiaries_is_refused_with_what_to_do(tmp_path):
    folder = bulk(tmp_path / "bulk")
    (folder / "TRAINSPreferenceBenficiaries.csv").unlink()
    with pytest.raises(InputError, match=r"TRAINSPreferenceBenficiaries\.xls"):
        read_wits(folder)


def test_a_list_of_beneficiaries_without_its_columns_is_refused(tmp_path):
    folder = bulk(tmp_path / "bulk")
    (folder / "TRAINSPreferenceBenficiaries.csv").write_text("Region,Partner\nN37,842\n")
    with pytest.raises(InputError, match="RegionCode"):
        read_wits(folder)


# -- plain files ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("importer,exporter,sector,rate\nCHN,USA,A01,10\nCHN,DEU,A01,5\n", "look like percent"),
        ("importer,exporter,sector,rate\nCHN,USA,A01,-0.1\n", "zero or more"),
        ("importer,exporter,sector,rate\nCHN,USA,A01,\n", "no rate"),
        ("importer,exporter,rate\nCHN,USA,0.1\n", "'product' or 'sector'"),
        (
            "importer,exporter,sector,rate\nCHN,USA,A01,0.1\nCHN,USA,A01,0.2\n",
            "second row",
        ),
        (
            "importer,exporter,sector,rate,year\nCHN,USA,A01,0.1,2017\nCHN,DEU,A01,0.2,2018\n",
            "several years",
        ),
        ("importer,exporter,sector,rat\nCHN,USA,A01,0.1\n", "Did you mean 'rat'"),
    ],
)
def test_a_broken_plain_file_is_refused(tmp_path, text, says):
    with pytest.raises(InputError, match=says):
        read_tariffs(write(tmp_path, text, "t.csv"))


def test_what_is_no_file_or_no_zip_is_refused(tmp_path):
    with pytest.raises(InputError, match="no file or folder"):
        read_tariffs(tmp_path / "nowhere.csv")
    with pytest.raises(InputError, match="zip"):
        read_tariffs(write(tmp_path, "not a zip", "t.zip"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no csv"):
        read_tariffs(tmp_path / "empty")


def test_members_of_the_union_by_year():
    assert (len(eu_members(1990)), len(eu_members(2010)), len(eu_members(2018))) == (12, 27, 28)
    assert "GBR" not in eu_members(2022)


# -- onto a table --------------------------------------------------------------------------
def sourced(tmp_path, text, **keys):
    return read_tariffs(write(tmp_path, text, "t.csv"), **keys)


def test_products_are_weighed_by_imports_within_a_sector(tmp_path):
    """8703 and 8708 are both motor vehicles (C29): (0.10·3 + 0.02·1)/4 = 0.08."""
    text = "importer,exporter,product,rate,weight\n"
    text += "USA,CHN,8703,0.10,3\nUSA,CHN,8708,0.02,1\nUSA,DEU,8703,0.10,\nUSA,DEU,8708,0.02,\n"
    t = table()
    found = table_tariffs(sourced(tmp_path, text), t)
    s, n = t.sectors.index("C29"), t.countries.index("USA")
    assert found.rate[s, t.countries.index("CHN"), n] == pytest.approx(0.08)
    assert found.rate[s, t.countries.index("DEU"), n] == pytest.approx(0.06)
    assert any("simple" in c.what for c in found.changes)


def test_preferences_replace_their_mfn_lines_only(tmp_path):
    """Two lines at 8 %, one with a preference of 4 %: the pair pays 6 % on average."""
    rows = "importer,exporter,product,rate,duty\nUSA,WLD,8703,0.08,MFN\nUSA,WLD,8708,0.08,MFN\n"
    t = table()
    found = table_tariffs(sourced(tmp_path, rows + "USA,CHN,8703,0.04,PRF\n"), t)
    s, n = t.sectors.index("C29"), t.countries.index("USA")
    assert found.rate[s, t.countries.index("CHN"), n] == pytest.approx(0.06)
    assert found.rate[s, t.countries.index("DEU"), n] == pytest.approx(0.08)


def test_missing_pairs_pay_mfn_and_the_imports_are_told(tmp_path):
    text = "importer,exporter,sector,rate\nUSA,CHN,C29,0.25\nUSA,WLD,C29,0.02\n"
    t = table()
    found = table_tariffs(sourced(tmp_path, text), t)
    s, n = t.sectors.index("C29"), t.countries.index("USA")
    want = {"CHN": 0.25, "DEU": 0.02, "FRA": 0.02, "ROW": 0.02, "USA": 0.0}
    assert dict(zip(t.countries, found.rate[s, :, n], strict=True)) == pytest.approx(want)
    (mfn,) = (c for c in found.changes if "MFN rate" in c.what and c.flag == "imputed")
    others = [t.countries.index(c) for c in ("DEU", "FRA", "ROW")]
    assert mfn.amount == pytest.approx((t.intermediate + t.final)[s, others, n].sum())
    assert mfn.cells == 3
    none = next(c for c in found.changes if c.flag == "assumed")
    # C29 elsewhere and the two other goods, less Germany and France, a customs union
    assert none.cells == 4 * 4 + 5 * 4 * 2 - 2 * 3
    assert found.rate[t.sectors.index("G")].sum() == 0.0


def test_without_mfn_the_mean_over_partners_stands_in(tmp_path):
    text = "importer,exporter,sector,rate\nUSA,CHN,C29,0.25\nUSA,DEU,C29,0.05\n"
    t = table()
    found = table_tariffs(sourced(tmp_path, text), t)
    s, n = t.sectors.index("C29"), t.countries.index("USA")
    assert found.rate[s, t.countries.index("FRA"), n] == pytest.approx(0.15)


def test_the_union_is_one_importer_without_tariffs_inside(tmp_path):
    """918 stands for its members; a member's own row goes first; inside nothing is paid."""
    text = query(
        ("918", "87", "156", 2018, "AHS", 10, ""),
        ("918", "87", "000", 2018, "MFN", 10, ""),
        ("276", "87", "156", 2018, "AHS", 7, ""),
    )
    t = table()
    found = table_tariffs(read_wits(write(tmp_path, text)), t)
    s, at = t.sectors.index("C29"), t.countries.index
    assert found.rate[s, at("CHN"), at("FRA")] == pytest.approx(0.10)
    assert found.rate[s, at("CHN"), at("DEU")] == pytest.approx(0.07)
    assert found.rate[s, at("FRA"), at("DEU")] == found.rate[s, at("DEU"), at("FRA")] == 0.0
    assert found.rate[s, at("USA"), at("FRA")] == pytest.approx(0.10)


def test_countries_that_the_table_lacks_are_its_rest_of_the_world(tmp_path):
    text = query(
        ("036", "87", "156", 2018, "AHS", 4, ""), ("554", "87", "156", 2018, "AHS", 8, "")
    )
    t = table()
    found = table_tariffs(read_wits(write(tmp_path, text)), t)
    s, at = t.sectors.index("C29"), t.countries.index
    assert found.rate[s, at("CHN"), at("ROW")] == pytest.approx(0.06)
    (told,) = (c for c in found.changes if "rest of the world" in c.what)
    assert (told.cells, told.where) == (2, "AUS, NZL")


def test_an_unknown_code_in_a_plain_file_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(InputError, match=r"'C92'.*Did you mean 'C29'"):
        table_tariffs(
            sourced(tmp_path, "importer,exporter,sector,rate\nUSA,CHN,C92,0.2\n"), table()
        )
    with pytest.raises(InputError, match=r"'XUSA'.*Did you mean 'USA'"):
        table_tariffs(
            sourced(tmp_path, "importer,exporter,sector,rate\nXUSA,CHN,C29,0.2\n"), table()
        )


def test_products_need_a_concordance(tmp_path):
    t = table(sectors=("a", "b", "c", "d"))
    text = "importer,exporter,product,rate\nUSA,CHN,87,0.2\n"
    with pytest.raises(InputError, match="no known concordance"):
        table_tariffs(sourced(tmp_path, text), t)


def test_groups_keep_the_revenue_and_members_of_a_group_share_its_rate(tmp_path):
    """Trade-weighted means: Σ tF is the same before and after adding up."""
    t = table()
    groups = (
        Groups(
            ("EU", "CHN", "ROW", "USA"), ("EU", "CHN", "ROW", "USA"), np.array([1, 0, 0, 2, 3])
        ),
        Groups(("goods", "G"), ("goods", "G"), np.array([0, 0, 0, 1])),
    )
    text = "importer,exporter,sector,rate\nUSA,WLD,C29,0.02\nEU,WLD,goods,0.1\nCHN,EU,A01,0.3\n"
    found = table_tariffs(sourced(tmp_path, text), t, groups)
    at = t.countries.index
    assert found.rate[1, at("USA"), at("FRA")] == pytest.approx(0.1)
    assert found.rate[0, at("DEU"), at("CHN")] == pytest.approx(0.3)
    flows = t.intermediate + t.final
    g, h = groups[0].indicator, groups[1].indicator
    small = np.tensordot(h, g @ flows @ g.T, axes=1)
    rate = aggregate_tariffs(found.rate, t, groups)
    assert (rate * small).sum() == pytest.approx((found.rate * flows).sum(), rel=1e-12)


def test_no_tariffs_are_zero_and_flagged():
    found = table_tariffs(None, table())
    assert found.flag == "assumed"
    assert not found.rate.any()


def test_frames_that_are_made_by_hand_work_too():
    from detente.sources.record import Sourced
    from io_tables import SOURCE

    frame = pd.DataFrame(
        {"importer": ["USA"], "exporter": ["CHN"], "sector": ["C29"], "rate": [0.25]}
    )
    found = table_tariffs(Sourced(frame, SOURCE), table())
    assert found.rate.max() == 0.25
