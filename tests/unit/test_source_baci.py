"""BACI: made-up files in the exact format, sums against pandas, and errors with their line."""

import gzip
import subprocess
import sys
import zipfile
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from detente.errors import InputError
from detente.sources.baci import read_baci
from hypothesis_profiles import examples

COUNTRIES = """country_code,country_name,country_iso2,country_iso3
56,Belgium,BE,BEL
58,Belgium-Luxembourg (...1998),BE,BEL
156,China,CN,CHN
408,Dem. People's Rep. of Korea,KP,PRK
410,Rep. of Korea,KR,KOR
490,"Other Asia, nes",,S19
516,Namibia,,NAM
697,"Europe EFTA, nes",,
"""
OLD_COUNTRIES = (
    "country_code,country_name_abbreviation,country_name_full,iso_2digit_alpha,"
    "iso_3digit_alpha\n156,China,China,CN,CHN\n408,DPRK,DPRK,KP,PRK\n410,ROK,ROK,KR,KOR\n"
)
PRODUCTS = """code,description
010121,"Horses: live, pure-bred breeding animals"
260111,"Iron ores and concentrates: non-agglomerated"
270111,"Coal: anthracite, whether or not pulverised, but not agglomerated"
620342,"Trousers: men's or boys', of cotton"
999999,Commodities not specified according to kind
9999AA,Commodities not specified according to kind
"""
HEADER = "t,i,j,k,v,q\n"
Y2016 = (
    HEADER
    + "2016,408,156,270111,1182762.500,     7731693.500\n"
    + "2016,408,156,260111,74500.000,              NA\n"
    + "2016,410,156,010121,12.345,           1.250\n"
    + "2016,516,490,620342,3.000,           0.500\n"
)
Y2017 = HEADER + "2017,408,156,270111,409468.438,4899905.500\n2017,697,410,9999AA,1.000,\n"


def archive(folder, members=None, name="BACI_HS92_V202401b.zip"):
    path = folder / name
    inside = {
        "BACI_HS92_Y2016_V202401b.csv": Y2016,
        "BACI_HS92_Y2017_V202401b.csv": Y2017,
        "country_codes_V202401b.csv": COUNTRIES,
        "product_codes_HS92_V202401b.csv": PRODUCTS,
        "Readme.txt": "BACI",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zf:
        for member, text in {**inside, **(members or {})}.items():
            if text is not None:
                zf.writestr(member, text)
    return path


def one_year(folder, text, name="BACI_HS92_Y2016_V202401b.csv"):
    (folder / "country_codes_V202401b.csv").write_text(COUNTRIES)
    path = folder / name
    path.write_text(text)
    return path


def test_a_zip_gives_dollars_tonnes_and_iso3(tmp_path):
    found = read_baci(archive(tmp_path))
    expected = pd.DataFrame(
        {
            "year": [2016, 2016, 2016, 2016, 2017, 2017],
            "exporter": ["KOR", "NAM", "PRK", "PRK", "697", "PRK"],
            "importer": ["CHN", "TWN", "CHN", "CHN", "KOR", "CHN"],
            "product": ["010121", "620342", "260111", "270111", "9999AA", "270111"],
            "value": [0.012345, 0.003, 74.5, 1182.7625, 0.001, 409.468438],
            "quantity": [1.25, 0.5, np.nan, 7731693.5, np.nan, 4899905.5],
        }
    )
    pd.testing.assert_frame_equal(found.table, expected)
    assert len(found.extra["countries"]) == 8
    assert len(found.extra["products"]) == 6
    notes = " ".join(found.source.notes)
    assert "6 rows kept" in notes
    assert "years: 2016-2017" in notes
    assert "missing in 2 rows" in notes
    assert "490 'Other Asia, nes' counts as TWN" in notes


def test_a_release_that_was_never_read_is_unverified(tmp_path):
    source = read_baci(archive(tmp_path)).source
    assert (source.vintage, source.verified) == ("HS92 V202401b", False)
    assert source.name == "cepii-baci"
    assert len(source.sha256) == 64


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "folder", "parquet", "parquet of numbers"])
def test_the_same_from_every_kind_of_file(tmp_path, kind):
    path = one_year(tmp_path, Y2016)
    whole = read_baci(path).table
    if kind == "csv.gz":
        packed = path.with_name(path.name + ".gz")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        path = packed
    elif kind == "folder":
        path = tmp_path
    elif kind.startswith("parquet"):
        frame = pd.read_csv(path, dtype={"k": str}, skipinitialspace=True)
        if kind.endswith("numbers"):
            frame["k"] = frame["k"].astype(int)
        path = tmp_path / "baci_hs92_2016.parquet"
        frame.to_parquet(path)
    pd.testing.assert_frame_equal(read_baci(path).table, whole)


def test_the_old_list_of_countries_is_read_too(tmp_path):
    path = one_year(tmp_path, HEADER + "2016,408,156,270111,1.0,1\n")
    (tmp_path / "country_codes_V202401b.csv").write_text(OLD_COUNTRIES)
    assert list(read_baci(path).table.exporter) == ["PRK"]


def test_files_of_other_years_are_not_opened(tmp_path):
    path = archive(tmp_path, {"BACI_HS92_Y2017_V202401b.csv": "rubbish"})
    assert set(read_baci(path, years=2016).table.year) == {2016}
    with pytest.raises(InputError, match="there is no column 't'"):
        read_baci(path)


def test_countries_and_products_are_chosen(tmp_path):
    path = archive(tmp_path)
    table = read_baci(path, exporters="PRK", importers=["156"], products=["27", "260111"]).table
    assert set(table["product"]) == {"270111", "260111"}
    assert len(read_baci(path, products="2701").table) == 2
    korean = read_baci(path, either=["KOR", "NAM"], years=2016).table
    assert korean.exporter.tolist() == ["KOR", "NAM"]
    assert len(read_baci(path, either="KOR").table) == 2
    assert len(read_baci(path, products="9999").table) == 1
    assert read_baci(path, exporters="NAM", years=2017).table.empty


def test_sums_over_sectors_labels_and_everything(tmp_path):
    path = archive(tmp_path)
    sectors = read_baci(path, by="sector")
    coal = sectors.table.query("sector == 'coal' and year == 2016")
    assert coal.value.tolist() == [1182.7625]
    (dropped,) = [n for n in sectors.source.notes if "dropped" in n]
    assert "9999AA" in dropped
    labels = read_baci(path, by={"27": "fuel", "2701": "coal", "26": "ore"})
    assert set(labels.table.sector) == {"coal", "ore"}
    total = read_baci(path, by="total").table
    assert list(total.columns) == ["year", "exporter", "importer", "value", "quantity"]
    assert total.value.sum() == pytest.approx(read_baci(path).table.value.sum())


def test_two_numbers_of_one_country_are_summed_and_noted(tmp_path):
    rows = "1998,56,156,270111,10,1\n1998,58,156,270111,5,NA\n1998,58,410,270111,1,2\n"
    path = one_year(tmp_path, HEADER + rows, "BACI_HS92_Y1998_V202401b.csv")
    found = read_baci(path)
    assert found.table.value.tolist() == [0.015, 0.001]
    assert found.table.quantity.tolist() == [1.0, 2.0]
    assert any("58 'Belgium-Luxembourg" in n for n in found.source.notes)


@settings(max_examples=examples(15), deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([2016, 2017]),
            st.sampled_from([156, 408, 410]),
            st.sampled_from([56, 490, 516]),
            st.sampled_from(["010121", "260111", "270111", "620342"]),
            st.integers(0, 10**9),
            st.none() | st.integers(0, 10**6),
        ),
        min_size=1,
        max_size=40,
        unique_by=lambda r: r[:4],
    )
)
def test_sums_are_those_of_pandas(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("baci")
    lines = [
        f"{t},{i},{j},{k},{v / 1000:.3f},{'NA' if q is None else q}"
        for t, i, j, k, v, q in rows
    ]
    years = {
        t: HEADER + "\n".join(x for x in lines if x.startswith(str(t))) for t in (2016, 2017)
    }
    members = {
        f"BACI_HS92_Y{t}_V202401b.csv": text if text != HEADER else None
        for t, text in years.items()
    }
    found = read_baci(archive(folder, members), by={"27": "fuel", "26": "ore", "": "rest"})
    frame = pd.DataFrame(rows, columns=list("tijkvq"))
    labels = frame.k.str[:2].map({"27": "fuel", "26": "ore"}).fillna("rest")
    sums = (frame.v / 1e6).groupby([frame.t, frame.i, frame.j, labels]).sum()
    assert len(found.table) == len(sums)
    assert sorted(found.table.value) == pytest.approx(sorted(sums), abs=1e-12)
    mass = frame.q.astype(float).sum()
    assert found.table.quantity.sum() == pytest.approx(mass)


ROW = "2016,408,156,270111,1,1\n"
WRONG_ROWS = {
    "2016,408,156,270111,abc,1": ("no number", 3, "v"),
    "2016,408,156,270111,,1": ("the cell is empty", 3, "v"),
    "2016,408,156,270111,-5,1": ("below 0", 3, "v"),
    "2016,408,156,270111,1,lots": ("no number", 3, "q"),
    "2016,408,156,2701112,1,1": ("no six-digit product", 3, "k"),
    "2016,408,156,coal,1,1": ("no six-digit product", 3, "k"),
    "2016,4080,156,270111,1,1": ("no number of a country", 3, "i"),
    "2016,407,156,270111,1,1": ("no known exporter", 3, "i"),
    "2016,408,157,270111,1,1": ("no known importer", 3, "j"),
    "2015,408,410,270111,1,1": ("should hold 2016 only", 3, "t"),
    "2016.5,408,156,270111,1,1": ("no whole number", 3, "t"),
    "2016,408,156,270111,1": ("5 cells", 3, None),
    ROW.strip(): (
        "a second row for t 2016, i 408, j 156, k 270111; the first is on line 2",
        3,
        None,
    ),
}


@pytest.mark.parametrize("row", WRONG_ROWS)
@pytest.mark.parametrize("zipped", [False, True])
def test_a_wrong_row_is_refused_with_its_line(tmp_path, row, zipped):
    what, line, key = WRONG_ROWS[row]
    text = HEADER + ROW + row + "\n2016,410,156,270111,1,1\n"
    path = (
        archive(tmp_path, {"BACI_HS92_Y2016_V202401b.csv": text})
        if zipped
        else one_year(tmp_path, text)
    )
    with pytest.raises(InputError, match=what) as caught:
        read_baci(path)
    assert caught.value.place.line == line
    if key:
        assert caught.value.place.key == key


def test_a_parquet_file_says_the_row(tmp_path):
    (tmp_path / "country_codes.csv").write_text(COUNTRIES)
    frame = pd.DataFrame({"t": 2016, "i": 408, "j": [156, 410, 156], "k": "270111", "v": 1.0})
    frame["q"] = 1.0
    path = tmp_path / "baci_hs92.parquet"
    frame.to_parquet(path)
    with pytest.raises(InputError, match="the first is on line 1") as caught:
        read_baci(path)
    assert caught.value.place.line == 3
    frame.assign(v=[1.0, -1.0, 1.0]).to_parquet(path)
    with pytest.raises(InputError, match="below 0") as caught:
        read_baci(path)
    assert caught.value.place.line == 2


def test_a_product_that_the_release_does_not_list_is_refused(tmp_path):
    text = HEADER + ROW + "2016,408,156,270199,1,1\n"
    with pytest.raises(InputError, match="'270199' is no product") as caught:
        read_baci(archive(tmp_path, {"BACI_HS92_Y2016_V202401b.csv": text}))
    assert caught.value.place.line == 3


@pytest.mark.parametrize("column", ["t", "i", "j", "k", "v", "q"])
def test_a_missing_column_is_named(tmp_path, column):
    header = HEADER.replace(column, "x")
    with pytest.raises(InputError, match=f"no column '{column}'"):
        read_baci(one_year(tmp_path, header + ROW))


@pytest.mark.parametrize(
    ("extra", "what"),
    [
        ("BACI_HS96_Y2018_V202401b.csv", "two HS revisions are mixed: HS92 and HS96"),
        ("BACI_HS92_Y2018_V202501.csv", "two releases of BACI are mixed"),
        ("again/BACI_HS92_Y2016_V202401b.csv", "2016 is there twice"),
    ],
)
def test_nothing_is_mixed(tmp_path, extra, what):
    with pytest.raises(InputError, match=what):
        read_baci(archive(tmp_path, {extra: Y2016}))


@pytest.mark.parametrize(
    ("options", "what", "near"),
    [
        ({"years": 2018}, "there is no 2018; there are 2016, 2017", None),
        ({"years": []}, "whole numbers", None),
        ({"years": "2016"}, "whole numbers", None),
        ({"exporters": "PKR"}, "no known exporter", "PRK"),
        ({"importers": ["CHN", "999"]}, "no known importer", None),
        ({"products": [270111]}, "no HS code", None),
        ({"products": "270"}, "no HS code", None),
        ({"revision": "HS922"}, "no HS revision", "HS92"),
        ({"revision": "HS96"}, "the name says HS92", "HS92"),
        ({"by": "sectors"}, "by='sectors' is unknown", None),
        ({"max_rows": 3}, "the result has 6 rows", None),
        ({"memory": "lots"}, "no memory limit", None),
    ],
)
def test_a_wrong_choice_is_named(tmp_path, options, what, near):
    with pytest.raises(InputError, match=what) as caught:
        read_baci(archive(tmp_path), **options)
    if near:
        assert caught.value.nearest == near


def test_no_list_of_countries_no_revision_no_file(tmp_path):
    path = archive(tmp_path, {"country_codes_V202401b.csv": None})
    with pytest.raises(InputError, match="list of countries"):
        read_baci(path)
    (tmp_path / "mine.csv").write_text(COUNTRIES)
    assert len(read_baci(path, countries=tmp_path / "mine.csv").table) == 6
    plain = tmp_path / "flows.csv"
    plain.write_text(Y2016)
    with pytest.raises(InputError, match="which HS revision"):
        read_baci(plain, countries=tmp_path / "mine.csv")
    given = read_baci(plain, countries=tmp_path / "mine.csv", revision="hs17", release="202601")
    assert given.source.vintage == "HS17 V202601"
    for bad, what in (
        (tmp_path / "none.zip", "there is no file"),
        (tmp_path / "BACI_HS92_Y2016_V202401b.csv", "there is no file"),
    ):
        with pytest.raises(InputError, match=what):
            read_baci(bad)
    false = tmp_path / "BACI_HS92_V202501.zip"
    false.write_text("no zip")
    with pytest.raises(InputError, match="zip"):
        read_baci(false)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="no file of flows"):
        read_baci(empty)


def made_up(rows, scale=1.0):
    """Distinct flows with unit values of some 5 thousand USD per tonne, as in BACI."""
    generator = np.random.default_rng(1)
    keys = generator.choice(200 * 200 * 900, rows, replace=False)
    mass = np.exp(generator.normal(0, 2, rows))
    value = mass * np.exp(generator.normal(np.log(5), 1, rows)) * scale
    return pd.DataFrame(
        {
            "t": 2022,
            "i": 100 + keys // 900 // 200,
            "j": 500 + keys // 900 % 200,
            "k": [f"{x:06d}" for x in 10_000 + 97 * (keys % 900)],
            "v": value.round(3) + 0.001,
            "q": mass.round(3) + 0.001,
        }
    )


def synthetic(folder, rows, scale=1.0):
    numbers = [*range(100, 300), *range(500, 700)]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    iso = [letters[n // 676] + letters[n // 26 % 26] + letters[n % 26] for n in numbers]
    lines = [f"{n},Land {n},,{c}" for n, c in zip(numbers, iso, strict=True)]
    header = "country_code,country_name,country_iso2,country_iso3\n"
    (folder / "country_codes_V202401b.csv").write_text(header + "\n".join(lines) + "\n")
    path = folder / "BACI_HS92_Y2022_V202401b.csv"
    made_up(rows, scale).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("scale", [1e3, 1e-3])
def test_wrong_units_are_noticed(tmp_path, scale):
    path = synthetic(tmp_path, 2000, scale)
    with pytest.raises(InputError, match="A unit must be wrong"):
        read_baci(path)
    assert len(read_baci(path, check_units=False).table) == 2000


def test_memory_is_bounded_by_the_limit_and_not_by_the_file(tmp_path):
    """1.5 million rows under a limit of 100 MB; a year of 12 million takes 1.3 GiB."""
    path = synthetic(tmp_path, 1_500_000)
    code = (
        "from pathlib import Path\n"
        "from detente.sources.baci import read_baci\n"
        f"t = read_baci({str(path)!r}, by='sector', memory='100MB').table\n"
        # getrusage would count the parent's memory, which the child starts with
        "status = Path('/proc/self/status').read_text()\n"
        "print(status.split('VmHWM:')[1].split()[0], t.value.sum())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    peak, value = map(float, done.stdout.split())
    frame = pd.read_csv(path, usecols=["v"])
    assert value == pytest.approx(frame.v.sum() / 1e3)
    assert peak * 1024 < 700e6  # KiB on Linux


def test_too_little_memory_is_said(tmp_path):
    path = synthetic(tmp_path, 400_000)
    with pytest.raises(InputError, match="needs more than memory='12MB'"):
        read_baci(path, memory="12MB")


def test_without_duckdb_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(InputError, match=r'pip install "detente\[data\]"'):
        read_baci(archive(tmp_path))


def test_nothing_is_left_in_the_scratch_folder(tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    read_baci(archive(tmp_path), scratch=scratch)
    with pytest.raises(InputError):
        read_baci(archive(tmp_path), scratch=scratch, max_rows=1)
    assert list(Path(scratch).iterdir()) == []
