"""What a stranger's review found in the parsers: silent wrong numbers, and tracebacks."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from weakref import WeakSet

import numpy as np
import pandas as pd
import pytest

from detente.errors import InputError
from detente.sources import reading, sheets, wide, wiod
from detente.sources.blocks import check_size
from detente.sources.cepii import read_geodist, read_gravity
from detente.sources.comtrade import read_comtrade
from detente.sources.exiobase import read_exiobase
from detente.sources.icio import read_icio
from detente.sources.mirror import mirror_report
from detente.sources.mrio import read_eora26
from detente.sources.reading import read_table
from detente.sources.tables import read_io_table, recognise
from detente.sources.wiod import read_wiod, read_wiod_arrays
from io_originals import ICIO_SECTORS, eora26, exiobase, icio_csv, icio_lines, made_up, zipped

HEAD = (
    "freqCode,refYear,reporterISO,flowCode,partnerISO,partner2Code,classificationCode,"
    "cmdCode,netWgt,primaryValue\n"
)


def comtrade(folder: Path, *rows: str) -> Path:
    path = folder / "c.csv"
    path.write_text(HEAD + "".join(f"A,2016,{row}\n" for row in rows))
    return path


COAL = "CHN,M,PRK,0,H4,270111,1000,5000000"


# -- Comtrade ----------------------------------------------------------------------------
def test_what_comes_back_is_no_domestic_trade(tmp_path):
    """China reports imports from China; gravity would take them for its home market."""
    back = "CHN,M,CHN,0,H4,270111,1000,7000000"
    found = read_comtrade(comtrade(tmp_path, COAL, back))
    assert found.table["value"].tolist() == [5.0]
    (note,) = [n for n in found.source.notes if "with itself" in n]
    assert "7.0 million USD" in note


def test_flows_in_parts_alone_are_told_with_their_amount(tmp_path):
    part = "KOR,M,CHN,156,H4,270111,1000,9000000"
    found = read_comtrade(comtrade(tmp_path, COAL, COAL.replace("PRK,0", "PRK,156"), part))
    assert found.table["value"].tolist() == [5.0]
    (note,) = [n for n in found.source.notes if "in parts alone" in n]
    assert note.startswith("1 flow is")
    assert "9.0 million USD" in note


def test_codes_in_small_letters_are_the_same_country(tmp_path):
    with pytest.raises(InputError, match="line 3: there is a second row"):
        read_comtrade(comtrade(tmp_path, COAL, COAL.replace("CHN", "chn")))


def test_the_european_union_beside_its_members_is_noted(tmp_path):
    found = read_comtrade(comtrade(tmp_path, COAL, COAL.replace("CHN", "EUR")))
    assert any("no country: EUR; 5.0 million USD" in n for n in found.source.notes)


def test_a_file_without_any_flow_is_refused(tmp_path):
    with pytest.raises(InputError, match="no flow between two countries is left"):
        read_comtrade(comtrade(tmp_path, COAL.replace("PRK", "W00")))


def test_a_line_that_does_not_end_is_no_table(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("c.csv", b"0" * 1_000_000)
    with pytest.raises(InputError, match="it is no table"):
        read_comtrade(path)


# -- CEPII, ITPD-E -----------------------------------------------------------------------
GRAVITY = "year,iso3_o,iso3_d,distw_harmonic,contig,comlang_off,fta_wto\n"


def test_one_country_may_be_given_as_text(tmp_path):
    path = tmp_path / "Gravity_V202211.csv"
    path.write_text(GRAVITY + "2018,PRK,KOR,354,1,1,0\n2018,KOR,PRK,354,1,1,0\n")
    assert read_gravity(path, exporters="PRK").table["importer"].tolist() == ["KOR"]


def test_a_pair_without_a_code_is_refused(tmp_path):
    path = tmp_path / "Gravity_V202211.csv"
    path.write_text(GRAVITY + "2018,PRK,KOR,354,1,1,0\n2018,,PRK,354,1,1,0\n")
    with pytest.raises(InputError, match="line 3, key 'exporter': the country's code"):
        read_gravity(path)


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    path = tmp_path / "Gravity_V202211.csv"
    path.write_text(GRAVITY.replace("year,", "year,iso3_o,") + "2018,PRK,KOR,KOR,354,1,1,0\n")
    with pytest.raises(InputError, match="line 1: two columns are called 'iso3_o'"):
        read_gravity(path)


def test_a_distance_that_geodist_lacks_has_a_nearest(tmp_path):
    with pytest.raises(InputError, match=r"distance='distx' is unknown.*Did you mean 'dist'"):
        read_geodist(tmp_path / "dist_cepii.csv", distance="distx")  # type: ignore[arg-type]


def test_labels_of_industries_may_have_text_keys(tmp_path):
    pytest.importorskip("duckdb", reason="ITPD-E goes through duckdb")
    from detente.sources.itpde import read_itpde

    path = tmp_path / "ITPDE_R03.csv"
    path.write_text(
        "exporter_iso3,importer_iso3,year,industry_id,trade\nPRK,KOR,2018,35,12.5\n"
    )
    found = read_itpde(path, by={"35": "coal"})  # type: ignore[dict-item]
    assert found.table[["sector", "value"]].to_numpy().tolist() == [["coal", 12.5]]
    with pytest.raises(InputError, match="'coal' is no number of an industry"):
        read_itpde(path, by={"coal": "35"})  # type: ignore[dict-item]


# -- BACI --------------------------------------------------------------------------------
BACI = "BACI_HS92_Y2016_V202401b.csv"
LISTED = (
    "country_code,country_name,country_iso2,country_iso3\n156,China,CN,CHN\n408,DPRK,KP,PRK\n"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t,i,j,k,v,q\n2016,408,156,270111,NA,1\n", "line 2, key 'v': 'NA' is no number"),
        ("t;i;j;k;v;q\n", "line 1: its columns are separated by semicolons"),
        ("t,i,j,k,v,q,v\n2016,408,156,270111,1,1,1\n", "line 1: two columns are called 'v'"),
        ("t,i,j,k,v,q\n", "it has a header, but no rows"),
    ],
)
def test_the_year_of_a_zip_is_named(tmp_path, text, message):
    pytest.importorskip("duckdb", reason="BACI goes through duckdb")
    from detente.sources.baci import read_baci

    path = tmp_path / "BACI_HS92_V202401b.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(BACI, text)
        archive.writestr("country_codes_V202401b.csv", LISTED)
    with pytest.raises(InputError) as error:
        read_baci(path)
    assert f"zip: {BACI}" in str(error.value)
    assert message in str(error.value)


# -- mirror data -------------------------------------------------------------------------
@pytest.mark.parametrize("product", ["27", "TOTAL"])
def test_rules_on_headings_say_that_chapters_hide_them(product):
    trade = pd.DataFrame(
        {
            "year": [2016, 2016],
            "exporter": ["GAB", "CHN"],
            "importer": ["PRK", "PRK"],
            "product": product,
            "value": [100.0, 50.0],
        }
    )
    corrected, report = mirror_report(trade, "PRK")
    status = report.set_index("rule")["status"]
    assert status["gabon-crude"].startswith("not applicable: the rule is by 4 digits")
    assert status["china-crude"].startswith("not applicable")
    assert corrected["value"].sum() == 150.0


# -- input-output tables -----------------------------------------------------------------
def test_a_value_added_that_is_no_number_is_refused(tmp_path):
    """A comparison with NaN is never above a tolerance."""
    world = made_up(("AUS", "ROM", "CHN", "RoW"), tuple(f"c{k}" for k in range(1, 36)))
    inputs = np.array(world.Z, dtype=float)
    inputs[3, 7] = np.nan
    path = tmp_path / "wiot_2008.npz"
    np.savez(
        path,
        intermediate=inputs,
        final=world.Y.reshape(len(world.pairs), -1),
        output=world.output,
        countries=np.array(world.countries),
        industries=np.array(world.sectors),
    )
    with pytest.raises(InputError, match=r"value added of c8 of AUS is no number"):
        read_wiod_arrays(path, 2008)


def test_empty_cells_of_the_last_rows_are_counted(tmp_path):
    rows = icio_lines(made_up(("AUS", "CHN"), ICIO_SECTORS["2025"]), "2025")
    taxes = [row[0] for row in rows].index("TLS")
    rows[taxes][3] = ""
    path = tmp_path / "2022_SML.csv"
    path.write_bytes(icio_csv(rows))
    assert "1 cell is empty, read as zero" in read_icio(path).source.notes


def stata(path: Path, **changes: object) -> Path:
    columns: dict[str, object] = {
        "IndustryCode": ["A01"],
        "IndustryDescription": ["Crops"],
        "Country": ["AUS"],
        "RNr": [1.0],
        "Year": [2014.0],
        "vAUS1": [1.0],
        "TOT": [2.0],
    }
    pd.DataFrame(columns | changes).to_stata(path, write_index=False)
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"index": [0.0]}, "the column 'index' is none of the WIOD's"),
        ({"Year": [np.nan]}, "a row does not say its year"),
    ],
)
def test_a_file_for_stata_that_was_changed(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        read_wiod(stata(tmp_path / "WIOT2014_October16_ROW.dta", **changes))


def test_a_workbook_that_unpacks_to_too_much_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(sheets, "LARGEST_BOOK", 1_000_000)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 2_000_000)
    path = tmp_path / "wiot11_row_sep12.xlsx"
    path.write_bytes(data.getvalue())
    with pytest.raises(InputError, match="as a zip bomb does; it was not read"):
        read_wiod(path)


def test_euros_for_a_dollar_are_not_dollars_for_a_euro(tmp_path):
    world = made_up(("AT", "US"), ("Cultivation of wheat", "Coal"))
    path = zipped(tmp_path / "IOT_2019_ixi.zip", exiobase(world, 2019))
    with pytest.raises(InputError, match=r"euros for one US dollar.*Did you mean '1.12'"):
        read_exiobase(path, usd_per_eur=1 / 1.12)
    notes = read_exiobase(path, usd_per_eur=1.12).source.notes
    assert "million EUR at 1.12 USD for a euro, as given" in notes


def eora(folder: Path, name: str, edit: Callable[[str], str]) -> Path:
    files = eora26(made_up(("AUS", "USA"), ("Crops", "Coal")), 2015)
    (key,) = [k for k in files if k.endswith(name)]
    return zipped(folder / "Eora26_2015_bp.zip", files | {key: edit(files[key])})


def test_empty_value_added_of_eora_is_counted(tmp_path):
    path = eora(tmp_path, "bp_VA.txt", lambda text: "nan" + text[text.index("\t") :])
    assert "1 cell is empty, read as zero" in read_eora26(path).source.notes


def test_a_unit_is_told_as_the_file_has_it(tmp_path):
    """Eora is in thousand USD: one in millions does not look like billions."""
    with pytest.raises(InputError, match="It looks like million USD"):
        check_size(1e8 / 1e3, "Eora26_2015_bp_T.txt", 1e-3)
    with pytest.raises(InputError, match="It looks like thousand USD"):
        check_size(1e8 * 1e3, "2022_SML.csv")


# -- text that is no table ---------------------------------------------------------------
def test_a_text_without_a_line_break_is_no_table(tmp_path):
    """The standard library's reader of csv stops at 131,072 characters a cell."""
    path = tmp_path / "long.csv"
    path.write_text("x" * 200_000)
    for read in (lambda: read_table(path, columns={"a": ("a",)}), lambda: recognise(path)):
        with pytest.raises(InputError, match="it is no table") as error:
            read()
        assert error.value.place is not None
        assert (error.value.place.file, error.value.place.line) == (str(path), 1)


def test_a_cell_too_long_does_not_hide_the_line_of_a_fault(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("a,b\n1," + "x" * 200_000 + "\ny,z\n")
    with pytest.raises(InputError, match="field larger than field limit") as error:
        read_table(path, columns={"a": ("a",)}, numbers=["a"])
    assert error.value.place is not None
    assert error.value.place.line == 2


def test_a_line_at_the_top_has_a_limit(tmp_path, monkeypatch):
    """A sparse file of 40 GB is one line."""
    monkeypatch.setattr(wide, "LONGEST", 1000)
    path = tmp_path / "2022_SML.csv"
    path.write_text("A" * 998 + "\n" + "B" * 2000)
    assert wide.first_lines(path, 1) == ["A" * 998]
    with pytest.raises(InputError, match=r"line 2: the line has .* MB or more: it is no table"):
        wide.first_lines(path, 3)
    path.write_bytes(b"\0" * 2000)
    with pytest.raises(InputError, match="it is a binary file"):
        read_icio(path)


def test_a_row_without_an_end_is_not_read_whole(tmp_path):
    path = tmp_path / "z.txt"
    path.write_text("1,2\n" + "3" * 300_000)
    with pytest.raises(InputError, match="a row is longer than a block"):
        list(wide.pieces(path, width=2, block=100_000))


@pytest.mark.parametrize("where", ["cell", "row"])
def test_arrow_has_let_go_of_a_wide_table_that_is_wrong(tmp_path, monkeypatch, where):
    """A thread that still reads ahead when the interpreter ends makes it abort."""
    seen = []
    ahead = wide.arrow_batches

    def watched(stream, *given, **named):
        try:
            yield from ahead(stream, *given, **named)
        finally:
            seen.append(stream.closed)

    monkeypatch.setattr(wide, "arrow_batches", watched)
    path = tmp_path / "z.txt"
    wrong = {"cell": "1,x\n", "row": "1,2,3\n"}[where]
    path.write_text("1,2\n" * 100_000 + wrong + "1,2\n" * 100_000)
    with pytest.raises(InputError, match="line 100001"):
        list(wide.pieces(path, width=2, block=10_000))
    next(wide.pieces(path, width=2, block=10_000))  # left early
    assert seen == [False, False]


def test_an_error_does_not_hold_what_is_waited_for(tmp_path, monkeypatch):
    """The traceback of a damaged archive did, and each such file took ten seconds."""
    there: WeakSet[reading._Ahead] = WeakSet()

    class Watched(reading._Ahead):
        def __init__(self, *given):
            super().__init__(*given)
            there.add(self)

    monkeypatch.setattr(reading, "_Ahead", Watched)
    rng = np.random.default_rng(1)
    data = gzip.compress(("a\n" + "\n".join(map(repr, rng.random(200_000)))).encode(), 1)
    path = tmp_path / "a.csv.gz"
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="truncated or damaged") as error:
        read_table(path, columns={"a": ("a",)})
    assert not there, error


# -- which source it is ------------------------------------------------------------------
def arrays(path: Path, **changes: np.ndarray) -> Path:
    world = made_up(("AUS", "ROM", "CHN", "RoW"), tuple(f"c{k}" for k in range(1, 36)))
    held = {
        "intermediate": world.Z,
        "final": world.Y.reshape(len(world.pairs), -1),
        "output": world.output,
        "countries": np.array(world.countries),
        "industries": np.array(world.sectors),
    }
    np.savez(path, **(held | changes))  # type: ignore[arg-type]
    return path


def claiming(path: Path, shape: str) -> Path:
    """Write an npz whose array of inputs claims another shape than it has."""
    arrays(path)
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    old = b"(140, 140), }" + b" " * 12
    data = files["intermediate.npy"]
    assert old in data
    new = f"({shape}), }}".encode().ljust(len(old))
    return zipped(path, files | {"intermediate.npy": data.replace(old, new)})


@pytest.mark.parametrize("shape", ["100000, 100000", "-1, 140", "140"])
def test_arrays_that_claim_another_size_are_refused(tmp_path, shape):
    path = claiming(tmp_path / "wiot_2008.npz", shape)
    with pytest.raises(InputError, match=r"no npz of numpy"):
        read_wiod_arrays(path, 2008)


def test_arrays_that_unpack_to_too_much_are_refused(tmp_path, monkeypatch):
    path = arrays(tmp_path / "wiot_2008.npz")
    monkeypatch.setattr(wiod, "LARGEST_ARRAYS", 10_000)
    with pytest.raises(InputError, match="it would unpack to"):
        read_wiod_arrays(path, 2008)


def test_arrays_of_text_or_of_objects_are_refused(tmp_path):
    path = arrays(tmp_path / "wiot_2008.npz", output=np.array(["1"] * 140))
    with pytest.raises(InputError, match="numbers were expected"):
        read_wiod_arrays(path, 2008)
    arrays(path, output=np.array([None] * 140))
    with pytest.raises(InputError, match="'output' holds Python objects"):
        read_wiod_arrays(path, 2008)


def test_the_year_of_arrays_is_that_of_their_name(tmp_path):
    assert read_io_table(arrays(tmp_path / "wiot_2011.npz")).year == 2011
    with pytest.raises(InputError, match="its name says 2011, not 2008"):
        read_io_table(tmp_path / "wiot_2011.npz", year=2008)


@pytest.mark.parametrize("source", ["wiod-2016", "wiod-2013"])
def test_a_csv_is_no_workbook(tmp_path, source):
    path = tmp_path / "2022_SML.csv"
    path.write_bytes(
        icio_csv(icio_lines(made_up(("AUS", "CHN"), ICIO_SECTORS["2025"]), "2025"))
    )
    with pytest.raises(InputError, match="it is no workbook of the WIOD"):
        read_io_table(path, source=source)


@pytest.mark.parametrize("source", [None, "oecd-icio"])
def test_an_icio_with_semicolons_is_told(tmp_path, source):
    rows = icio_lines(made_up(("AUS", "CHN"), ICIO_SECTORS["2025"]), "2025")
    path = tmp_path / "2022_SML.csv"
    path.write_bytes(icio_csv(rows).replace(b",", b";"))
    with pytest.raises(InputError, match=r"line 1: its columns .* separated by semicolons"):
        read_io_table(path, source=source)


def test_a_folder_without_a_table_is_told(tmp_path):
    with pytest.raises(InputError, match=r"no input-output table in it. It is empty"):
        read_io_table(tmp_path)
    (tmp_path / "notes.md").write_text("later")
    with pytest.raises(InputError, match=r"no input-output table in it. It holds notes.md"):
        read_io_table(tmp_path)
