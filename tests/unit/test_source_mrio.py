"""ADB MRIO, EXIOBASE 3, Eora26 and GLORIA, and the one door to all tables."""

import shutil
import warnings
import zipfile

import numpy as np
import pytest

from detente.errors import InputError
from detente.sources.catalogue import catalogue
from detente.sources.exiobase import ISO3, RESTS, read_exiobase
from detente.sources.mrio import read_adb, read_eora26, read_gloria
from detente.sources.rates import USD_PER_EUR, average_usd_per_eur
from detente.sources.tables import READERS, read_io_table, recognise
from detente.sources.wiod import ADB_ISO3
from io_books import xlsb, xlsx
from io_originals import (
    ICIO_SECTORS,
    NAMES,
    STOCKS,
    eora26,
    exiobase,
    gloria,
    gloria_readme,
    icio_csv,
    icio_lines,
    made_up,
    wiod_dta,
    wiot_rows,
    zipped,
)


def same(table, expected, tolerance=1e-12):
    for key, array in expected.items():
        scale = max(1.0, np.abs(array).max())
        np.testing.assert_allclose(getattr(table, key) / scale, array / scale, atol=tolerance)


def theirs(parse, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return parse(*args, **kwargs)


def as_theirs(table, Z, unit=1.0):
    """Sales by buyer and inputs by using sector agree with pymrio's Z."""
    n, s = len(table.countries), len(table.sectors)
    z = Z.to_numpy().reshape(n, s, n, s) * unit
    np.testing.assert_allclose(table.intermediate, z.sum(axis=3).transpose(1, 0, 2), rtol=1e-10)
    np.testing.assert_allclose(table.input_use, z.sum(axis=0).transpose(0, 2, 1), rtol=1e-10)


# -- ADB ---------------------------------------------------------------------------------
ADB_COUNTRIES = ("AUS", "PRC", "KOR", "RoW")


@pytest.fixture(scope="module")
def adb_world():
    return made_up(ADB_COUNTRIES, ("c1", "c2", "c3", "c4"), seed=3)


@pytest.fixture
def adb(tmp_path, adb_world):
    sheets = {"Legend": [["Code", "Name"]], "ADB MRIO 2019": wiot_rows(adb_world, "adb")}
    return xlsx(tmp_path / "ADB-MRIO62-2019_Dec2022.xlsx", sheets)


def test_adb(adb, adb_world):
    table = read_adb(adb)
    same(table, adb_world.expected())
    assert table.countries == ("AUS", "CHN", "KOR", "ROW")
    assert (table.sectors, table.sector_names) == (("c1", "c2", "c3", "c4"), NAMES)
    assert (table.year, table.source.name, table.source.verified) == (2019, "adb-mrio", False)


def test_adb_with_a_further_row_of_codes(tmp_path, adb_world):
    """Tables of 2017 with Latin America have a row of numbers above the names."""
    rows = wiot_rows(adb_world, "adb")
    rows[3] = [None] * 4 + [f"{k:04d}" for k in range(len(rows[6]) - 4)]
    path = xlsx(tmp_path / "ADB-MRIO-LAC-2019_Mar2022-2.xlsx", {"ADB MRIO 2019": rows})
    same(read_adb(path), adb_world.expected())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"title": "Multiregional Input-Output Table 2018"}, "name says 2019, its title 2018"),
        ({"unit": "In thousands of US$"}, "its money is in 'In thousands of US"),
    ],
)
def test_adb_of_another_year_or_unit(tmp_path, adb_world, options, message):
    rows = wiot_rows(adb_world, "adb", **options)
    path = xlsx(tmp_path / "ADB-MRIO62-2019_Dec2022.xlsx", {"ADB MRIO 2019": rows})
    with pytest.raises(InputError, match=message):
        read_adb(path)


def test_adb_at_constant_prices_is_refused(tmp_path, adb_world):
    rows = wiot_rows(adb_world, "adb")
    rows[1][0] = "62 economies, at constant 2010 prices"
    path = xlsx(tmp_path / "ADB MRIO 2019, at constant 2010 prices.xlsx", {"x": rows})
    with pytest.raises(InputError, match="constant or previous years' prices"):
        read_adb(path)


def test_codes_of_the_bank_are_changed_to_distinct_ones():
    targets = list(ADB_ISO3.values())
    assert all(len(code) == 3 for code in targets)
    assert len(set(targets)) == len(targets) - 1  # RoW and ROW are one


# -- EXIOBASE ----------------------------------------------------------------------------
EXIO_SECTORS = ("Cultivation of wheat", "Manufacture of steel", "Post and telecom")


@pytest.fixture(scope="module")
def exio_world():
    return made_up(("AT", "KR", "WA"), EXIO_SECTORS, seed=4)


@pytest.fixture
def exio(tmp_path, exio_world):
    return zipped(tmp_path / "IOT_2019_ixi.zip", exiobase(exio_world, 2019, rate=1.1195))


def test_exiobase_in_dollars_of_the_year(exio, exio_world):
    table = read_exiobase(exio)
    same(table, exio_world.expected())
    assert table.countries == ("AUT", "KOR", "WA")
    assert table.country_names[-1] == "Rest of Asia and Pacific"
    assert (table.sectors, table.sector_names) == (("i01", "i02", "i03"), EXIO_SECTORS)
    assert (table.source.vintage, table.year) == ("3.8.2", 2019)
    (note,) = [n for n in table.source.notes if "EUR" in n]
    assert "1.1195 USD for a euro" in note
    assert "ert_bil_eur_a" in note


def test_valuables_are_inventories_too(exio, exio_world):
    assert read_exiobase(exio).inventories.sum() == pytest.approx(
        exio_world.Y[..., STOCKS].sum()
    )


def test_a_rate_can_be_given_and_everything_scales_with_it(exio):
    low, high = (read_exiobase(exio, usd_per_eur=r) for r in (1.0, 1.25))
    for key in ("intermediate", "final", "input_use", "value_added", "taxes", "output"):
        np.testing.assert_allclose(getattr(high, key), 1.25 * getattr(low, key), rtol=1e-12)
    assert "million EUR at 1.25 USD for a euro, as given" in high.source.notes


@pytest.mark.parametrize("rate", [0.0, -1.0, 117.0, float("nan")])
def test_an_implausible_rate_is_refused(exio, rate):
    with pytest.raises(InputError, match="no plausible number of US dollars"):
        read_exiobase(exio, usd_per_eur=rate)


def test_a_year_without_a_published_rate_asks_for_one(tmp_path, exio_world):
    path = zipped(tmp_path / "IOT_1995_ixi.zip", exiobase(exio_world, 1995))
    with pytest.raises(InputError, match=r"average rate of 1995 is not known .*usd_per_eur"):
        read_exiobase(path)
    assert read_exiobase(path, usd_per_eur=1.308).year == 1995


def test_published_rates():
    """Two figures that the ECB prints: 2010 at 1.3257, 2024 at 1.0824."""
    assert average_usd_per_eur(2010)[0] == 1.3257
    assert average_usd_per_eur(2024)[0] == 1.0824
    assert sorted(USD_PER_EUR) == list(range(1996, 2025))


@pytest.mark.parametrize(
    ("version", "vintage"), [("3.10.1", "3.10.1"), ("", "release not said")]
)
def test_later_releases_have_factor_inputs_apart(tmp_path, exio_world, version, vintage):
    files = exiobase(exio_world, 2019, version=version, rate=1.1195, sub="factor_inputs")
    table = read_exiobase(zipped(tmp_path / "IOT_2019_ixi.zip", files))
    same(table, exio_world.expected())
    assert table.source.vintage == vintage


def test_exiobase_unpacked_and_in_a_folder_of_years(tmp_path, exio, exio_world):
    with zipfile.ZipFile(exio) as archive:
        archive.extractall(tmp_path / "out")
    same(read_exiobase(tmp_path / "out" / "IOT_2019_ixi"), exio_world.expected())
    zipped(tmp_path / "out" / "IOT_2018_ixi.zip", exiobase(exio_world, 2018))
    with pytest.raises(InputError, match=r"holds the years 2018, 2019; say which year"):
        read_exiobase(tmp_path / "out")


def test_exiobase_without_a_row_of_names_of_labels(tmp_path, exio_world):
    files = exiobase(exio_world, 2019, rate=1.1195)
    for name in ("Z.txt", "Y.txt"):
        lines = files[f"IOT_2019_ixi/{name}"].split("\n")
        assert lines[2].startswith("region\tsector")
        files[f"IOT_2019_ixi/{name}"] = "\n".join([*lines[:2], *lines[3:]])
    same(read_exiobase(zipped(tmp_path / "IOT_2019_ixi.zip", files)), exio_world.expected())


def test_without_factors_value_added_is_what_is_left(tmp_path, exio_world):
    files = exiobase(exio_world, 2019, rate=1.1195)
    kept = {k: v for k, v in files.items() if "satellite" not in k}
    table = read_exiobase(zipped(tmp_path / "IOT_2019_ixi.zip", kept))
    expected = exio_world.expected()
    same(table, {"value_added": expected["value_added"] + expected["taxes"]})
    assert any("no file of factor inputs" in n for n in table.source.notes)


def test_pymrio_reads_the_same_exiobase(exio):
    import pymrio

    as_theirs(read_exiobase(exio), theirs(pymrio.parse_exiobase3, exio).Z, 1.1195)


def _edit(files, name, old, new):
    key = next(k for k in files if k.endswith(name))
    assert old in files[key]
    return files | {key: files[key].replace(old, new, 1)}


EXIO_WRONG = {
    "unit": (lambda f: _edit(f, "ixi/unit.txt", "M.EUR", "TJ"), "its unit is M.EUR and TJ"),
    "order": (
        lambda f: _edit(f, "Y.txt", "\nAT\tCultivation of wheat", "\nAT\tManufacture of steel"),
        "stands where 'AT_i01' should",
    ),
    "cut": (
        lambda f: f | {"IOT_2019_ixi/Z.txt": f["IOT_2019_ixi/Z.txt"].rsplit("\nWA\tPost")[0]},
        "ends before the row 'WA_i03'",
    ),
    "no Y": (
        lambda f: {k: v for k, v in f.items() if "/Y.txt" not in k},
        "'Y.txt' is not beside",
    ),
    "no x": (
        lambda f: {k: v for k, v in f.items() if "/x.txt" not in k},
        "'x.txt' is not beside",
    ),
    "output": (
        lambda f: _edit(f, "ixi/x.txt", "AT\tCultivation of wheat", "AT\tCultivation of rye"),
        "there is no output of 'AT_i01'",
    ),
    "factor": (
        lambda f: _edit(f, "satellite/F.txt", "production\t", "production\tx"),
        "a cell of 'Other net taxes on production' is no number",
    ),
}


@pytest.mark.parametrize("case", EXIO_WRONG)
def test_a_wrong_exiobase_is_named(tmp_path, exio_world, case):
    edit, message = EXIO_WRONG[case]
    path = zipped(tmp_path / "IOT_2019_ixi.zip", edit(exiobase(exio_world, 2019)))
    with pytest.raises(InputError, match=message):
        read_exiobase(path, usd_per_eur=1.0)


def test_a_cell_of_exiobase_that_is_no_number(tmp_path, exio_world):
    files = exiobase(exio_world, 2019)
    lines = files["IOT_2019_ixi/Z.txt"].splitlines()
    cells = lines[4].split("\t")
    lines[4] = "\t".join([*cells[:4], "n/a", *cells[5:]])
    files["IOT_2019_ixi/Z.txt"] = "\n".join(lines) + "\n"
    path = zipped(tmp_path / "IOT_2019_ixi.zip", files)
    message = r"line 5, key 'AT Post and telecom': 'n/a' in row 'AT Manufacture of steel' is no"
    with pytest.raises(InputError, match=message):
        read_exiobase(path, usd_per_eur=1.0)


def test_countries_of_exiobase_are_49():
    assert len(ISO3) + len(RESTS) == 49
    assert len(set(ISO3.values())) == 44


# -- Eora26 ------------------------------------------------------------------------------
ODD = 0.002


@pytest.fixture(scope="module")
def eora_world():
    sectors = ("Agriculture", "Fishing", "Re-export & Re-import")
    return made_up(("AFG", "SUD", "ZWE"), sectors, seed=5)


@pytest.fixture
def eora(tmp_path, eora_world):
    return zipped(tmp_path / "Eora26_2015_bp.zip", eora26(eora_world, 2015, odd=ODD))


def _eora_expected(world):
    """Taxes are part of value added; discrepancies go into and out of inventories."""
    expected = world.expected()
    expected["value_added"] = expected["value_added"] + expected["taxes"]
    expected["taxes"], expected["final_taxes"] = 0 * expected["taxes"], np.zeros(3)
    return expected


def test_eora26_keeps_its_balance_when_the_discrepancies_go(eora, eora_world):
    table = read_eora26(eora)
    same(table, _eora_expected(eora_world))
    assert table.countries == ("AFG", "SDN", "ZWE")
    assert table.country_names == ("Land of AFG", "Land of SUD", "Land of ZWE")
    assert max(table.identities().values()) < 1e-12
    amount = f"{ODD * eora_world.output.sum():,.0f} million USD"
    told = [n for n in table.source.notes if "statistical discrepancies" in n]
    assert len(told) == 3
    assert all(amount in n for n in told[:2])


def test_labels_of_eora26_in_indices_zip(tmp_path, eora_world):
    files = eora26(eora_world, 2015, odd=ODD)
    labels = {k: v for k, v in files.items() if k.startswith("labels")}
    zipped(tmp_path / "indices.zip", labels)
    path = zipped(
        tmp_path / "Eora26_2015_bp.zip", {k: v for k, v in files.items() if k not in labels}
    )
    same(read_eora26(path), _eora_expected(eora_world))
    (tmp_path / "indices.zip").unlink()
    with pytest.raises(InputError, match=r"'labels_T.txt' is neither in it nor in indices.zip"):
        read_eora26(path)


def test_pymrio_reads_the_same_eora26(eora):
    import pymrio

    as_theirs(read_eora26(eora), theirs(pymrio.parse_eora26, eora).Z, 1e-3)


def test_purchasers_prices_are_refused(tmp_path, eora_world):
    path = zipped(tmp_path / "Eora26_2015_pp.zip", eora26(eora_world, 2015, price="pp"))
    with pytest.raises(InputError, match="at purchasers' prices"):
        read_eora26(path)


@pytest.mark.parametrize(
    ("name", "edit", "message"),
    [
        ("T", lambda t: t.rsplit("\n", 2)[0] + "\n", "it has 9 rows; its labels are 10"),
        ("T", lambda t: t.replace("\t", "\tx", 1), "is no number"),
        ("FD", lambda t: t + t.split("\n")[0] + "\n", "more than the 10 rows"),
        ("VA", lambda t: t.replace("\t", " ", 1), r"the row has 9 cells; 10 were expected"),
    ],
)
def test_a_wrong_eora26_is_named(tmp_path, eora_world, name, edit, message):
    files = eora26(eora_world, 2015)
    key = f"Eora26_2015_bp_{name}.txt"
    path = zipped(tmp_path / "Eora26_2015_bp.zip", files | {key: edit(files[key])})
    with pytest.raises(InputError, match=message):
        read_eora26(path)


def test_an_unbalanced_eora26_is_noted_and_refused_on_demand(tmp_path, eora_world):
    files = eora26(eora_world, 2015)
    key = "Eora26_2015_bp_VA.txt"
    first, *rest = files[key].split("\n")
    wrong = "\t".join(repr(1.5 * float(v)) for v in first.split("\t"))
    path = zipped(tmp_path / "Eora26_2015_bp.zip", files | {key: "\n".join([wrong, *rest])})
    assert read_eora26(path).identities()["output = costs"] > 0.1
    with pytest.raises(InputError, match="'output = costs' fails by"):
        read_eora26(path, tolerance=0.1)


# -- GLORIA ------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def gloria_world():
    return made_up(("AFG", "KOR", "XEU"), ("Growing wheat", "Basic iron"), seed=6)


@pytest.fixture
def gloria_zip(tmp_path, gloria_world):
    files, satellites = gloria(gloria_world, 2022)
    gloria_readme(tmp_path / "GLORIA_ReadMe_059.xlsx", gloria_world)
    zipped(tmp_path / "GLORIA_SatelliteAccounts_059_2022.zip", satellites)
    return zipped(tmp_path / "GLORIA_MRIOs_59_2022.zip", files)


def _gloria_expected(world):
    expected = world.expected()
    expected["value_added"] = expected["value_added"] + expected["taxes"]
    expected["taxes"], expected["final_taxes"] = 0 * expected["taxes"], np.zeros(3)
    return expected


def test_gloria(gloria_zip, gloria_world):
    table = read_gloria(gloria_zip)
    same(table, _gloria_expected(gloria_world))
    assert table.country_names == ("Land of AFG", "Land of KOR", "Land of XEU")
    assert (table.year, table.source.name) == (2022, "gloria")
    assert max(table.identities().values()) < 1e-12


def test_gloria_unpacked_and_with_a_readme_of_its_own(tmp_path, gloria_zip, gloria_world):
    with zipfile.ZipFile(gloria_zip) as archive:
        archive.extractall(tmp_path / "GLORIA_MRIOs_59_2022")
    same(read_gloria(tmp_path / "GLORIA_MRIOs_59_2022"), _gloria_expected(gloria_world))
    other = tmp_path / "labels.xlsx"
    (tmp_path / "GLORIA_ReadMe_059.xlsx").rename(other)
    same(read_gloria(gloria_zip, readme=other), _gloria_expected(gloria_world))
    with pytest.raises(InputError, match=r"GLORIA_ReadMe_….xlsx, which names its regions"):
        read_gloria(gloria_zip)


def test_pymrio_reads_the_same_gloria(tmp_path, gloria_zip):
    import pymrio

    other = theirs(pymrio.parse_gloria, tmp_path, year=2022, version=59)
    table = read_gloria(gloria_zip)
    n, s = len(table.countries), len(table.sectors)
    output = table.output.T.reshape(-1) * 1e3
    as_theirs(table, other.A * output, 1e-3)
    assert (n, s) == (3, 2)


def test_supply_that_is_not_diagonal_is_refused(tmp_path, gloria_world):
    files, _ = gloria(gloria_world, 2022, second=0.05)
    gloria_readme(tmp_path / "GLORIA_ReadMe_059.xlsx", gloria_world)
    with pytest.raises(InputError, match=r"other than their own \(5.00% of output\)"):
        read_gloria(zipped(tmp_path / "GLORIA_MRIOs_59_2022.zip", files))


def test_regions_that_are_no_more_are_left_out_and_noted(tmp_path, gloria_world):
    """GLORIA keeps rows of zeros for Yemen's halves and others."""
    world = made_up(("AFG", "DYE", "KOR"), ("Growing wheat", "Basic iron"), seed=7)
    dead = slice(2, 4)
    for array in (world.Z, world.Y, world.taxes, world.value_added, world.output):
        array[dead] = 0.0
    world.Z[:, dead] = 0.0
    world.output[:] = world.Z.sum(axis=1) + world.Y.sum(axis=(1, 2))
    world.value_added[:] = world.output - world.Z.sum(axis=0) - world.taxes
    files, _ = gloria(world, 2022)
    gloria_readme(tmp_path / "GLORIA_ReadMe_059.xlsx", world)
    table = read_gloria(zipped(tmp_path / "GLORIA_MRIOs_59_2022.zip", files))
    assert table.countries == ("AFG", "KOR")
    (note,) = [n for n in table.source.notes if "want of any output" in n]
    lost = world.Y[:, 1].sum()
    assert f"DYE (sales to them {lost:,.0f} million USD)" in note


# -- one door ----------------------------------------------------------------------------
@pytest.fixture
def all_files(adb, exio, eora, gloria_zip, tmp_path):
    world = made_up(("AUS", "KOR"), ICIO_SECTORS["2025"])
    old, new = made_up(("AUS", "KOR"), ("AtB", "C")), made_up(("AUS", "KOR"), ("A01", "B"))
    (tmp_path / "2022_SML.csv").write_bytes(icio_csv(icio_lines(world, "2025")))
    book = xlsx(tmp_path / "wiot11_row_sep12.xlsx", {"WIOT_2011": wiot_rows(old, "2013")})
    (tmp_path / "WIOT2014_Nov16_ROW.xlsb").write_bytes(xlsb("2014", wiot_rows(new, "2016")))
    (tmp_path / "WIOT2013_October16_ROW.dta").write_bytes(wiod_dta(new, 2013))
    return {
        "adb-mrio": [adb],
        "exiobase-3": [exio],
        "eora26": [eora],
        "gloria": [gloria_zip],
        "oecd-icio": [tmp_path / "2022_SML.csv"],
        "wiod-2013": [book],
        "wiod-2016": [
            tmp_path / "WIOT2014_Nov16_ROW.xlsb",
            tmp_path / "WIOT2013_October16_ROW.dta",
        ],
    }


def test_every_original_is_recognised_and_named_in_the_record(all_files):
    assert set(all_files) == set(READERS)
    for source, paths in all_files.items():
        for path in paths:
            table = read_io_table(path)
            assert table.source.name == source
            named = read_io_table(path, source=source, year=table.year)
            np.testing.assert_array_equal(named.intermediate, table.intermediate)


def test_a_renamed_file_is_recognised_by_what_it_holds(tmp_path, all_files):
    renamed = {"oecd-icio": "mine.csv", "adb-mrio": "bank.xlsx", "wiod-2013": "old.xlsx"}
    for source, name in renamed.items():
        shutil.copy(all_files[source][0], tmp_path / name)
        assert recognise(tmp_path / name) == ("wiod-2013" if source == "wiod-2013" else source)
        assert read_io_table(tmp_path / name, year=2019 if source == "adb-mrio" else 2011)


def test_what_is_not_recognised_is_asked_by_name(tmp_path):
    path = tmp_path / "trade.csv"
    path.write_text("year,exporter,importer,value\n2019,AUS,KOR,1\n")
    with pytest.raises(InputError, match=r"not clear which source .* oecd-icio, wiod-2016"):
        read_io_table(path)


@pytest.mark.parametrize(
    ("typed", "meant"), [("oecd_icio", "oecd-icio"), ("exiobase", "exiobase-3")]
)
def test_an_unknown_source_has_a_nearest(tmp_path, typed, meant):
    with pytest.raises(InputError, match=f"Did you mean '{meant}'"):
        read_io_table(tmp_path, source=typed)


def test_dollars_need_no_rate(all_files):
    with pytest.raises(InputError, match="oecd-icio is in US dollars"):
        read_io_table(all_files["oecd-icio"][0], usd_per_eur=1.1)


def test_arrays_need_a_year(tmp_path):
    np.savez(tmp_path / "wiot.npz", output=np.zeros(2))
    with pytest.raises(InputError, match="arrays do not say their year"):
        read_io_table(tmp_path / "wiot.npz")


def test_a_truncated_zip_is_named(tmp_path, exio):
    data = exio.read_bytes()
    path = tmp_path / "IOT_2018_ixi.zip"
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="truncated or damaged"):
        read_io_table(path)


def test_bytes_that_were_changed_in_a_zip_are_named(tmp_path, exio):
    with zipfile.ZipFile(exio) as archive:
        info = archive.getinfo("IOT_2019_ixi/Z.txt")
    data = bytearray(exio.read_bytes())
    data[info.header_offset + 200] ^= 0xFF
    path = tmp_path / "IOT_2018_ixi.zip"
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match=r"truncated or damaged|no number|cells"):
        read_io_table(path, source="exiobase-3", year=2019)


def test_every_table_of_the_catalogue_has_its_reader():
    tables = {name: e for name, e in catalogue().items() if e.kind == "io-table"}
    assert set(tables) == set(READERS)
    for name, e in tables.items():
        module, function = e.parser.split(":")
        assert READERS[name].__module__ == module
        assert READERS[name].__name__ == function
        assert e.by_hand
