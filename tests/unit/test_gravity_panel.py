"""Tables of trade as people have them: names of columns, and everything that can be wrong."""

import gzip
import zipfile

import numpy as np
import pandas as pd
import pytest

from detente.errors import InputError
from detente.gravity.panel import SYNONYMS, filled, panel, with_covariates

# headers as the publishers have them; the figures are made up
BACI = "t,i,j,k,v,q\n2019,156,410,270112,12.5,3\n2019,410,156,270112,2.5,\n"
ITPDE = (
    "exporter_iso3,exporter_m49,importer_iso3,importer_m49,year,industry_id,industry_descr,"
    "broad_sector,trade,flag_mirror,flag_zero\n"
    "CHN,156,KOR,410,2019,1,Wheat,Agriculture,0.5,0,p\n"
    "KOR,410,CHN,156,2019,1,Wheat,Agriculture,0,0,u\n"
)
CEPII = (
    "year,country_id_o,country_id_d,iso3_o,iso3_d,iso3num_o,iso3num_d,distw_harmonic,dist,"
    "contig,comlang_off,col_dep_ever,fta_wto,tradeflow_comtrade_o,tradeflow_baci\n"
    "2019,CHN,KOR,CHN,KOR,156,410,1130,956,0,0,1,1,111,110\n"
    "2019,KOR,CHN,KOR,CHN,410,156,1130,956,0,0,1,1,136,173\n"
)
WITS = "i;j;Fij\nCHN;KOR;102551.5\nKOR;CHN;.\nKOR;JPN;3\n"
GUIDE = (
    "exporter,importer,pair_id,year,trade,dist,cntg,lang,clny,rta\n"
    "CHN,KOR,1,2006,5,956,0,0,0,0\n"
)


def write(folder, text, name="trade.csv"):
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BACI, {"exporter": "i", "importer": "j", "year": "t", "sector": "k", "trade": "v"}),
        (
            ITPDE,
            {
                "exporter": "exporter_iso3", "importer": "importer_iso3", "year": "year",
                "sector": "industry_id", "trade": "trade",
            },
        ),
        (
            CEPII,
            {
                "exporter": "iso3_o", "importer": "iso3_d", "year": "year",
                "trade": "tradeflow_baci", "distance": "distw_harmonic",
                "contiguity": "contig", "common_language": "comlang_off",
                "colony": "col_dep_ever", "rta": "fta_wto",
            },
        ),
        (WITS, {"exporter": "i", "importer": "j", "trade": "Fij"}),
        (
            GUIDE,
            {
                "exporter": "exporter", "importer": "importer", "year": "year",
                "trade": "trade", "distance": "dist", "contiguity": "cntg",
                "common_language": "lang", "colony": "clny", "rta": "rta",
            },
        ),
    ],
    ids=["BACI", "ITPD-E", "CEPII Gravity", "WITS", "Guide"],
)  # fmt: skip
def test_publishers_columns_are_found(tmp_path, text, expected):
    found = panel(write(tmp_path, text))
    assert found.read_as == expected
    assert set(expected) <= set(found.table.columns)


def test_a_choice_among_several_columns_is_told(tmp_path):
    notes = panel(write(tmp_path, CEPII)).notes
    assert "trade is read from 'tradeflow_baci'; there is also tradeflow_comtrade_o" in notes
    assert "distance is read from 'distw_harmonic'; there is also dist" in notes


def test_numeric_codes_stay_codes():
    table = pd.DataFrame({"i": [156.0, 410.0], "j": [410.0, 156.0], "v": [1.0, 2.0]})
    found = panel(table)
    assert found.table["exporter"].tolist() == ["156", "410"]


@pytest.mark.parametrize("kind", ["csv", "gz", "zip", "parquet"])
def test_every_container_gives_the_same(tmp_path, kind):
    path = tmp_path / f"trade.csv.{kind}"
    if kind == "gz":
        path.write_bytes(gzip.compress(CEPII.encode()))
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("trade.csv", CEPII)
    elif kind == "parquet":
        path = tmp_path / "trade.parquet"
        pd.read_csv(write(tmp_path, CEPII)).to_parquet(path)
    else:
        path = write(tmp_path, CEPII)
    found = panel(path).table
    assert found["trade"].tolist() == [110.0, 173.0]
    assert found["exporter"].tolist() == ["CHN", "KOR"]


def test_flows_without_a_figure_are_counted_not_taken_for_zero(tmp_path):
    found = panel(write(tmp_path, WITS))
    assert found.missing_trade == 1
    assert found.notes == ("1 row without trade left out: not zero",)
    assert found.table["trade"].tolist() == [102551.5, 3.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("exporter,importer,trad\nCHN,KOR,1\n", "no column for the trade.*Did you mean 'trad'"),
        ("exporter,trade\nCHN,1\n", "no column for the importer"),
        (GUIDE + "CHN,KOR,1,2006,7,956,0,0,0,0\n",
         "line 3: there is a second row for year 2006, exporter CHN, importer KOR; the first "
         "is on line 2"),
        (GUIDE + "KOR,CHN,1,2006,-7,956,0,0,0,0\n", "line 3, key 'trade': .*is -7: 1 flow is"),
        (GUIDE + "KOR,CHN,1,2006,abc,956,0,0,0,0\n", "line 3, key 'trade': 'abc' is no number"),
        (GUIDE + "KOR,CHN,1,200x,7,956,0,0,0,0\n", "line 3, key 'year': '200x' is no number"),
        (GUIDE + "KOR,CHN,1,2006.5,7,956,0,0,0,0\n", "line 3, key 'year': '2006.5' is no year"),
        (GUIDE + ",CHN,1,2006,7,956,0,0,0,0\n", "line 3, key 'exporter': .* is missing"),
        ("i,j,v,unit\nCHN,KOR,1,thousand USD\nKOR,CHN,2,USD\n",
         "line 3, key 'unit': trade comes in several units: USD, thousand USD"),
        ("i,j,v\nCHN,410,1\nKOR,156,2\n", "no code in common"),
        ("i,j,v\nCHN,KOR,\n", "trade is missing in every row"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=f"(?s){message}") as caught:
        panel(path)
    assert str(path) in str(caught.value)


def test_a_year_in_another_unit_is_noticed():
    """Thousand USD until 2000 and USD after: the median flow jumps a thousandfold."""
    rows = [
        {"exporter": a, "importer": b, "year": y, "trade": v * (1000.0 if y > 2000 else 1.0)}
        for y in (1999, 2000, 2001)
        for a, b, v in (("CHN", "KOR", 5.0), ("KOR", "CHN", 7.0), ("JPN", "KOR", 3.0))
    ]
    with pytest.raises(InputError, match="median flow of 2001 is 1,000 times the year before"):
        panel(pd.DataFrame(rows))


def test_columns_can_be_named_and_wrong_names_get_the_nearest():
    table = pd.DataFrame({"who": ["A", "B"], "whom": ["B", "A"], "usd": [1.0, 2.0]})
    found = panel(table, columns={"exporter": "who", "importer": "whom", "trade": "usd"})
    assert found.table["trade"].tolist() == [1.0, 2.0]
    with pytest.raises(InputError, match=r"no column 'uds'.*Did you mean 'usd'"):
        panel(table, columns={"exporter": "who", "importer": "whom", "trade": "uds"})
    with pytest.raises(InputError, match=r"'expoter' is no role.*Did you mean 'exporter'"):
        panel(table, columns={"expoter": "who"})


def test_years_are_chosen_and_a_year_that_is_not_there_is_refused(tmp_path):
    path = write(tmp_path, GUIDE + "KOR,CHN,1,2002,7,956,0,0,0,0\n")
    assert panel(path, years=2002).table["exporter"].tolist() == ["KOR"]
    with pytest.raises(InputError, match="no row for 1999; there are the years 2002, 2006"):
        panel(path, years=1999)


def test_a_diagonal_that_is_not_domestic_sales_is_left_out():
    """A few re-imports on the diagonal would make a border of the wrong sign."""
    codes = ["A", "B", "C", "D", "E"]
    rows = [(a, b, 0.0 if a == b else 10.0) for a in codes for b in codes]
    rows[0] = ("A", "A", 0.1)
    found = panel(pd.DataFrame(rows, columns=["exporter", "importer", "trade"]))
    assert len(found.table) == 20
    assert "positive for 1 of 5 countries only" in found.notes[0]
    real = [(a, b, 100.0 if a == b else 10.0) for a in codes for b in codes]
    assert len(panel(pd.DataFrame(real, columns=["exporter", "importer", "trade"])).table) == 25


# -- covariates and zeros ----------------------------------------------------------------
GEODIST = (
    "iso_o,iso_d,contig,comlang_off,colony,dist,distw\n"
    "CHN,KOR,0,0,0,956,1130.5\nKOR,CHN,0,0,0,956,1130.5\n"
    "ROM,KOR,0,0,0,8000,.\nKOR,ROM,0,0,0,8000,7900\n"
)


def test_covariates_join_and_pairs_without_are_listed(tmp_path):
    flows = panel(
        pd.DataFrame(
            [
                ("CHN", "KOR", 1.0),
                ("KOR", "CHN", 2.0),
                ("ROU", "KOR", 3.0),
                ("KOR", "XYZ", 4.0),
            ],
            columns=["exporter", "importer", "trade"],
        )
    )
    found = with_covariates(flows, write(tmp_path, GEODIST, "dist_cepii.csv"))
    assert found.notes == ("1 pair without covariates: KOR-XYZ",)
    # ROM and ROU are the same country; '.' is CEPII's missing value
    distance = found.numbers("distance")
    np.testing.assert_array_equal(distance, [1130.5, 1130.5, np.nan, np.nan])
    assert found.table["exporter"].tolist() == ["CHN", "KOR", "ROU", "KOR"]
    assert found.table["trade"].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_covariates_of_other_codes_are_refused(tmp_path):
    flows = panel(
        pd.DataFrame([("156", "410", 1.0), ("410", "156", 2.0)], columns=["i", "j", "v"])
    )
    with pytest.raises(InputError, match=r"no pair in common.*One code list"):
        with_covariates(flows, write(tmp_path, GEODIST))


def test_a_pair_twice_in_the_covariates_is_refused(tmp_path):
    flows = panel(pd.DataFrame([("CHN", "KOR", 1.0)], columns=["i", "j", "v"]))
    text = GEODIST + "CHN,KOR,0,0,0,957,1131\n"
    with pytest.raises(InputError, match="CHN-KOR twice"):
        with_covariates(flows, write(tmp_path, text))


def test_filled_makes_a_row_of_every_pair_and_year_and_no_domestic_one():
    rows = [("A", "B", 2000, 1.0, 7.0), ("B", "C", 2001, 2.0, 8.0)]
    flows = panel(pd.DataFrame(rows, columns=["exporter", "importer", "year", "trade", "dist"]))
    found = filled(flows)
    assert len(found.table) == 2 * 3 * 2  # years × ordered pairs
    assert found.table["trade"].sum() == 3.0
    assert (found.table["exporter"] != found.table["importer"]).all()
    again = found.table[(found.table["exporter"] == "A") & (found.table["importer"] == "B")]
    assert again["distance"].tolist() == [7.0, 7.0]
    assert "10 flows not listed taken to be zero" in found.notes


def test_no_two_roles_share_a_spelling():
    every = [s for spellings in SYNONYMS.values() for s in spellings]
    assert len(every) == len(set(every))
    assert all(s == s.casefold() for s in every)
