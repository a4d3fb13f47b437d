"""CEPII Gravity and GeoDist: made-up files in the exact format, units, old codes, errors."""

import io
import zipfile

import numpy as np
import pandas as pd
import pytest

from detente.errors import InputError
from detente.sources.cepii import read_geodist, read_geodist_countries, read_gravity

# the header of Gravity_V202211.csv, whole
GRAVITY = [
    "year",
    "country_id_o",
    "country_id_d",
    "iso3_o",
    "iso3_d",
    "iso3num_o",
    "iso3num_d",
    "country_exists_o",
    "country_exists_d",
    "gmt_offset_2020_o",
    "gmt_offset_2020_d",
    "distw_harmonic",
    "distw_arithmetic",
    "distw_harmonic_jh",
    "distw_arithmetic_jh",
    "dist",
    "main_city_source_o",
    "main_city_source_d",
    "distcap",
    "contig",
    "diplo_disagreement",
    "scaled_sci_2021",
    "comlang_off",
    "comlang_ethno",
    "comcol",
    "col45",
    "legal_old_o",
    "legal_old_d",
    "legal_new_o",
    "legal_new_d",
    "comleg_pretrans",
    "comleg_posttrans",
    "transition_legalchange",
    "comrelig",
    "heg_o",
    "heg_d",
    "col_dep_ever",
    "col_dep",
    "col_dep_end_year",
    "col_dep_end_conflict",
    "empire",
    "sibling_ever",
    "sibling",
    "sever_year",
    "sib_conflict",
    "pop_o",
    "pop_d",
    "gdp_o",
    "gdp_d",
    "gdpcap_o",
    "gdpcap_d",
    "pop_source_o",
    "pop_source_d",
    "gdp_source_o",
    "gdp_source_d",
    "gdp_ppp_o",
    "gdp_ppp_d",
    "gdpcap_ppp_o",
    "gdpcap_ppp_d",
    "pop_pwt_o",
    "pop_pwt_d",
    "gdp_ppp_pwt_o",
    "gdp_ppp_pwt_d",
    "gatt_o",
    "gatt_d",
    "wto_o",
    "wto_d",
    "eu_o",
    "eu_d",
    "fta_wto",
    "fta_wto_raw",
    "rta_coverage",
    "rta_type",
    "entry_cost_o",
    "entry_cost_d",
    "entry_proc_o",
    "entry_proc_d",
    "entry_time_o",
    "entry_time_d",
    "entry_tp_o",
    "entry_tp_d",
    "tradeflow_comtrade_o",
    "tradeflow_comtrade_d",
    "tradeflow_baci",
    "manuf_tradeflow_baci",
    "tradeflow_imf_o",
    "tradeflow_imf_d",
]
KOREAS = {
    "year": 2018,
    "country_id_o": "PRK",
    "country_id_d": "KOR",
    "iso3_o": "PRK",
    "iso3_d": "KOR",
    "country_exists_o": 1,
    "country_exists_d": 1,
    "distw_harmonic": 227,
    "dist": 194,
    "distcap": 194,
    "contig": 1,
    "comlang_off": 1,
    "comlang_ethno": 1,
    "comcol": 1,
    "comrelig": 0.036,
    "col_dep_ever": 0,
    "pop_o": 25549.604,
    "pop_d": 51606.633,
    "gdp_d": 1.7246e9,
    "wto_o": 0,
    "wto_d": 1,
    "eu_o": 0,
    "eu_d": 0,
    "fta_wto": 0,
    "tradeflow_baci": 1234.5,
}


def gravity_text(*rows):
    lines = [",".join(GRAVITY)]
    for changes in rows:
        row = {**KOREAS, **changes}
        lines.append(",".join(str(row.get(c, "")) for c in GRAVITY))
    return "\n".join(lines) + "\n"


def gravity_file(folder, *rows, zipped=False):
    text = gravity_text(*rows)
    path = folder / "Gravity_V202211.csv"
    path.write_text(text)
    if zipped:
        path = folder / "Gravity_csv_V202211.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zf:
            zf.writestr("Countries_V202211.csv", "iso3,country\nPRK,North Korea\n")
            zf.writestr("Gravity_V202211.csv", text)
    return path


@pytest.mark.parametrize("zipped", [False, True])
def test_gravity_gives_standard_columns_and_units(tmp_path, zipped):
    path = gravity_file(tmp_path, {}, {"year": 2019, "fta_wto": 1}, zipped=zipped)
    found = read_gravity(path)
    row = found.table.iloc[0]
    assert (row.year, row.exporter, row.importer, row.distance) == (2018, "PRK", "KOR", 227)
    assert (row.contiguity, row.common_language, row.colony, row.rta) == (1, 1, 0, 0)
    assert row.gdp_importer == pytest.approx(1.7246e6), "million USD"
    assert row.population_importer == pytest.approx(51_606_633), "persons"
    assert row.trade_baci == pytest.approx(1.2345)
    assert np.isnan(row.gdp_exporter)
    assert found.table.rta.tolist() == [0, 1]
    assert found.table.contiguity.dtype == np.int64
    assert (found.source.vintage, found.source.verified) == ("V202211", False)
    assert "gdp_exporter is missing in 2 of 2 rows" in found.source.notes


def test_gravity_years_countries_and_distance_are_chosen(tmp_path):
    path = gravity_file(
        tmp_path, {}, {"year": 2019}, {"iso3_d": "CHN", "contig": 1}, {"iso3_o": "CHN"}
    )
    found = read_gravity(path, years=2018, exporters=["PRK"], distance="distcap")
    assert found.table.importer.tolist() == ["CHN", "KOR"]
    assert found.table.distance.tolist() == [194, 194]
    for options, what in (
        ({"years": [2018, 1990]}, "there is no 1990; the years are 2018 to 2019"),
        ({"exporters": ["PKR"]}, "there is no exporter 'PKR'"),
        ({"distance": "distw"}, "no column 'distw'"),
        ({"years": "2018"}, "whole numbers"),
    ):
        with pytest.raises(InputError, match=what):
            read_gravity(path, **options)


def test_gravity_leaves_out_countries_that_did_not_exist(tmp_path):
    """Two Germanys have one ISO3: without this the pair would be there twice."""
    path = gravity_file(
        tmp_path, {"iso3_d": "DEU"}, {"iso3_d": "DEU", "country_exists_d": 0, "dist": 1}
    )
    found = read_gravity(path)
    assert len(found.table) == 1
    assert any("1 rows of countries that did not exist" in n for n in found.source.notes)


@pytest.mark.parametrize(
    ("changes", "what", "key"),
    [
        ({"distw_harmonic": 227_000}, "is it in km", "distance"),
        ({"distw_harmonic": 0}, "above zero", "distance"),
        ({"contig": 2}, "neither 0 nor 1", "contiguity"),
        ({"year": "MMXVIII"}, "no whole number", "year"),
        ({"distw_harmonic": "far"}, "no number", "distance"),
        ({}, "a second row for year '2018', exporter 'PRK', importer 'KOR'", None),
    ],
)
def test_gravity_refuses_a_wrong_row_with_its_line(tmp_path, changes, what, key):
    path = gravity_file(tmp_path, {}, changes)
    with pytest.raises(InputError, match=what) as caught:
        read_gravity(path)
    assert caught.value.place.line == 3
    if key:
        assert caught.value.place.key == key


@pytest.mark.parametrize("column", ["iso3_o", "fta_wto", "contig", "distw_harmonic"])
def test_gravity_names_a_missing_column(tmp_path, column):
    path = tmp_path / "Gravity_V202211.csv"
    path.write_text(gravity_text({}).replace(column, "x_" + column))
    with pytest.raises(InputError, match=f"no column '{column}'"):
        read_gravity(path)


def test_gravity_needs_its_csv_in_the_zip(tmp_path):
    path = tmp_path / "Gravity_csv_V202211.zip"
    with zipfile.ZipFile(path, "w") as zf:
        zf.writestr("readme.txt", "none")
        zf.writestr("Countries.csv", "none")
    with pytest.raises(InputError, match=r"no gravity….csv"):
        read_gravity(path)


DIST = (
    '"iso_o","iso_d","contig","comlang_off","comlang_ethno","colony","comcol","curcol","col45",'
    '"smctry","dist","distcap","distw","distwces"\n'
    '"PRK","KOR",1,1,1,0,1,0,0,1,194.3,194.3,"227.4","189.2"\n'
    '"PRK","ROM",0,0,0,0,0,0,0,0,7466,7466,"7409.1","7400"\n'
    '"PRK","MAC",0,0,0,0,0,0,0,0,2115,2115,".","."\n'
)
GEO = (
    '"iso2","iso3","cnum","country","pays","area","dis_int","landlocked","continent","city_en",'
    '"city_fr","lat","lon","cap","maincity","citynum"\n'
    '"KP","PRK",408,"Korea, Dem. People\'s Rep. of","Corée",120538,130.5,0,"Asia","Pyongyang",'
    '"Pyongyang",39,125.7833,1,1,"25"\n'
)


def geodist_file(folder, kind, text=DIST, stem="dist_cepii"):
    """As xls only where a writer is at hand; none is, so a real one is read in validation."""
    frame = pd.read_csv(io.StringIO(text), keep_default_na=False)
    path = folder / f"{stem}.{kind}"
    if kind == "dta":
        frame.to_stata(path, write_index=False)
    elif kind == "zip":
        frame.to_stata(folder / f"{stem}.dta", write_index=False)
        with zipfile.ZipFile(path, "w") as zf:
            zf.write(folder / f"{stem}.dta", f"{stem}.dta")
    else:
        path.write_text(text)
    return path


@pytest.mark.parametrize("kind", ["csv", "dta", "zip"])
def test_geodist_from_every_kind_of_file(tmp_path, kind):
    found = read_geodist(geodist_file(tmp_path, kind))
    table = found.table.set_index("importer")
    assert table.index.tolist() == ["KOR", "MAC", "ROU"]
    assert table.distance["KOR"] == pytest.approx(227.4)
    assert np.isnan(table.distance["MAC"])
    assert table.loc["KOR", ["contiguity", "common_colonizer", "same_country"]].sum() == 3
    notes = found.source.notes
    assert "codes renewed: ROM → ROU" in notes
    assert "distance is missing in 1 of 3 rows" in notes


def test_geodist_missing_distances_are_filled_only_when_asked(tmp_path):
    found = read_geodist(geodist_file(tmp_path, "csv"), fill_missing=True)
    assert found.table.set_index("importer").distance["MAC"] == 2115
    assert any(n.startswith("1 missing distances") for n in found.source.notes)
    capital = read_geodist(geodist_file(tmp_path, "csv"), distance="distcap")
    assert capital.table.distance.notna().all()


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"227.4"', '"227400"', "is it in km"),
        ('"227.4"', '"close"', "no number"),
        ('"PRK","KOR",1', '"PRK","KOR",3', "neither 0 nor 1"),
        ('"smctry"', '"smctri"', "no column 'smctry'"),
        ('"PRK","MAC"', '"PRK","KOR"', "a second row"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "dta"])
def test_geodist_refuses_what_is_wrong(tmp_path, kind, old, new, what):
    path = geodist_file(tmp_path, kind, DIST.replace(old, new, 1))
    with pytest.raises(InputError, match=what):
        read_geodist(path)


def test_an_old_and_a_new_code_of_one_country_are_refused(tmp_path):
    text = DIST + '"PRK","ROU",0,0,0,0,0,0,0,0,7466,7466,"7409.1","7400"\n'
    with pytest.raises(InputError, match="a second row for exporter 'PRK', importer 'ROU'"):
        read_geodist(geodist_file(tmp_path, "csv", text))


@pytest.mark.parametrize("name", ["dist_cepii.xls", "dist_cepii.dta"])
def test_a_sheet_that_is_none_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"no sheet at all")
    with pytest.raises(InputError, match=r"it is no (Excel 97|Stata) file"):
        read_geodist(path)


def test_without_xlrd_it_points_to_the_dta(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "xlrd", None)
    path = tmp_path / "dist_cepii.xls"
    path.write_bytes(b"anything")
    with pytest.raises(InputError, match=r"take the \.dta"):
        read_geodist(path)


@pytest.mark.parametrize("kind", ["csv", "dta"])
def test_countries_of_geodist(tmp_path, kind):
    found = read_geodist_countries(geodist_file(tmp_path, kind, GEO, "geo_cepii"))
    (row,) = found.table.to_dict("records")
    assert (row["country"], row["number"], row["city"]) == ("PRK", 408, "Pyongyang")
    assert (row["latitude"], row["longitude"]) == (39, 125.7833)
    wrong = GEO.replace("125.7833", "485.7833")
    with pytest.raises(InputError, match="no angle"):
        read_geodist_countries(geodist_file(tmp_path, kind, wrong, "geo_cepii"))
