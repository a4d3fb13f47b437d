"""ITPD-E: made-up files of releases 1 to 3, domestic trade, zeros, errors."""

import zipfile

import numpy as np
import pandas as pd
import pytest

from detente.errors import InputError
from detente.sources.itpde import read_itpde

R01 = (
    "exporter_iso3,exporter_name,importer_iso3,importer_name,year,industry_id,industry_descr,"
    "broad_sector,trade,flag_mirror,flag_zero"
)
R02 = (
    "exporter_iso3,exporter_dynamic_code,exporter_name,importer_iso3,importer_dynamic_code,"
    "importer_name,year,industry_id,industry_descr,broad_sector,trade,flag_mirror,flag_zero"
)
R03 = (
    "exporter_iso3,exporter_iso3_dynamic,exporter_name,importer_iso3,importer_iso3_dynamic,"
    "importer_name,broad_sector,industry_id,industry_descr,year,trade,flag_mirror,flag_zero"
)
SHORT = (
    "exporter_iso3,exporter_dynamic_code,importer_iso3,importer_dynamic_code,year,industry_id,"
    "trade,flag_mirror,flag_zero"
)
ROWS = [
    ("KOR", "KOR", 2016, 35, "Coal", "Mining and Energy", 900.5, 0, "p"),
    ("PRK", "CHN", 2016, 35, "Coal", "Mining and Energy", 1180.0, 1, "p"),
    ("PRK", "CHN", 2016, 1, "Wheat", "Agriculture", 20.0, 0, "p"),
    ("PRK", "KOR", 2016, 1, "Wheat", "Agriculture", 0.0, 0, "r"),
    ("PRK", "JPN", 2016, 1, "Wheat", "Agriculture", 0.0, 0, "u"),
    ("PRK", "CHN", 2017, 35, "Coal", "Mining and Energy", 409.0, 1, "p"),
]


def text(header, rows=ROWS):
    lines = [header]
    for exporter, importer, year, number, name, broad, trade, mirror, zero in rows:
        cells = {
            "exporter_iso3": exporter,
            "exporter_name": f'"{exporter}, Land of"',
            "importer_iso3": importer,
            "importer_name": importer,
            "year": year,
            "industry_id": number,
            "industry_descr": name,
            "broad_sector": broad,
            "trade": trade,
            "flag_mirror": mirror,
            "flag_zero": zero,
        }
        lines.append(",".join(str(cells.get(c, exporter)) for c in header.split(",")))
    return "\n".join(lines) + "\n"


def file(folder, header=R02, rows=ROWS, name="ITPD_E_R02.csv"):
    path = folder / name
    path.write_text(text(header, rows))
    return path


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (R01, "ITPD_E_R01.csv"),
        (R02, "ITPD_E_R02.csv"),
        (R03, "ITPDE_R03.csv"),
        (SHORT, "ITPD_E_R02_no_names.csv"),
    ],
)
def test_every_release_reads_the_same(tmp_path, header, name):
    found = read_itpde(file(tmp_path, header, name=name))
    expected = pd.DataFrame(
        {
            "year": [2016, 2016, 2016, 2016, 2017],
            "exporter": ["KOR", "PRK", "PRK", "PRK", "PRK"],
            "importer": ["KOR", "CHN", "CHN", "KOR", "CHN"],
            "sector": ["35", "1", "35", "1", "35"],
            "value": [900.5, 20.0, 1180.0, 0.0, 409.0],
            "mirrored": [0.0, 0.0, 1.0, np.nan, 1.0],
        }
    )
    pd.testing.assert_frame_equal(found.table, expected)
    release = "R" + name.split("_R")[1][:2]
    assert (found.source.vintage, found.source.verified) == (release, False)
    assert "1 rows in the file are zeros for want of data: left out" in found.source.notes
    assert found.extra["industries"].sector.tolist() == ["1", "35"]


def test_a_zip_and_a_name_that_says_nothing(tmp_path):
    with zipfile.ZipFile(tmp_path / "itpd_e_r02.zip", "w") as zf:
        zf.writestr("ITPD_E_R02.csv", text(R02))
    assert len(read_itpde(tmp_path / "itpd_e_r02.zip").table) == 5
    path = file(tmp_path, name="trade.csv")
    assert read_itpde(path).source.vintage == "release not stated"
    assert read_itpde(path, release="r02").source.vintage == "R02"
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as zf:
        zf.writestr("trade.csv", text(R02))
    with pytest.raises(InputError, match=r"no ITPD_E_R….csv"):
        read_itpde(tmp_path / "other.zip")


def test_zeros_for_want_of_data_stay_when_asked(tmp_path):
    path = file(tmp_path)
    assert len(read_itpde(path, unknown_zeros=True).table) == 6


def test_sums_and_choices(tmp_path):
    path = file(tmp_path)
    broad = read_itpde(path, by="broad", years=2016).table
    assert set(broad.sector) == {"Agriculture", "Mining and Energy"}
    total = read_itpde(path, by="total", exporters=["PRK"], importers=["CHN"]).table
    assert total.value.tolist() == [1200.0, 409.0]
    assert total.mirrored.tolist() == pytest.approx([1180 / 1200, 1.0])
    mine = read_itpde(path, by={35: "coal"})
    assert set(mine.table.sector) == {"coal"}
    assert any("20.0 million USD" in n for n in mine.source.notes)
    assert len(read_itpde(path, industries=[1]).table) == 2
    with pytest.raises(InputError, match="no broad_sector"):
        read_itpde(file(tmp_path, SHORT, name="ITPD_E_R02_no_names.csv"), by="broad")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"years": 1990}, "there is no year 1990; there are 2016 to 2017"),
        ({"industries": [99]}, "there is no industry 99"),
        ({"exporters": ["PKR"]}, "there is no exporter 'PKR'"),
        ({"importers": ["South"]}, "no ISO3 code"),
        ({"years": "2016"}, "whole numbers"),
        ({"by": "sector"}, "by='sector' is unknown"),
        ({"max_rows": 2}, "the result has 5 rows"),
    ],
)
def test_a_wrong_choice_is_named(tmp_path, options, what):
    with pytest.raises(InputError, match=what):
        read_itpde(file(tmp_path), **options)


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (ROWS[0], "a second row for year 2016, exporter KOR, importer KOR, industry 35"),
        (("KOR", "PRK", 2016, 35, "Coal", "Mining", -1.0, 0, "p"), "below 0"),
        (("KOR", "PRK", 2016, 35, "Coal", "Mining", "much", 0, "p"), "no number"),
        (("KOR", "PRK", 2016, 35, "Coal", "Mining", "", 0, "p"), "the cell is empty"),
        (("KOR", "PRK", "now", 35, "Coal", "Mining", 1.0, 0, "p"), "no whole number"),
        (("KOR", "North", 2016, 35, "Coal", "Mining", 1.0, 0, "p"), "no ISO3 code"),
        (("KOR", "PRK", 2016, 0, "Coal", "Mining", 1.0, 0, "p"), "no industry"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(tmp_path, row, what):
    path = file(tmp_path, rows=[*ROWS, row])
    with pytest.raises(InputError, match=what) as caught:
        read_itpde(path)
    assert caught.value.place.line == 8


@pytest.mark.parametrize("column", ["exporter_iso3", "year", "industry_id", "trade"])
def test_a_missing_column_is_named(tmp_path, column):
    path = file(tmp_path, R02.replace(f"{column},", f"x_{column},"))
    with pytest.raises(InputError, match=f"no column '{column}'"):
        read_itpde(path)
