"""The WIOD: workbooks, binary workbooks, Stata files and arrays give one table."""

import sys
import warnings

import numpy as np
import pytest

import io_originals
from detente.errors import InputError
from detente.sources.wiod import INDUSTRIES_2013, read_wiod, read_wiod_arrays
from io_books import xlsb, xlsx
from io_originals import NAMES, made_up, wiod_dta, wiot_rows, zipped
from validation.test_world_sources import shared

COUNTRIES_2013 = ("AUS", "KOR", "ROM", "RoW")
COUNTRIES = ("AUS", "KOR", "ROU", "ROW")
LETTERS = ("AtB", "C", "17t18", "LtQ")
CODES = ("A01", "C16", "C17", "R_S")


ALL_2016 = [
    "A01",
    "A02",
    "A03",
    "B",
    "C10-C12",
    "C13-C15",
    "C16",
    "C17",
    "C18",
    "C19",
    "C20",
    "C21",
    "C22",
    "C23",
    "C24",
    "C25",
    "C26",
    "C27",
    "C28",
    "C29",
    "C30",
    "C31_C32",
    "C33",
    "D35",
    "E36",
    "E37-E39",
    "F",
    "G45",
    "G46",
    "G47",
    "H49",
    "H50",
    "H51",
    "H52",
    "H53",
    "I",
    "J58",
    "J59_J60",
    "J61",
    "J62_J63",
    "K64",
    "K65",
    "K66",
    "L68",
    "M69_M70",
    "M71",
    "M72",
    "M73",
    "M74_M75",
    "N",
    "O84",
    "P85",
    "Q",
    "R_S",
    "T",
    "U",
]


def same(table, expected):
    for key, array in expected.items():
        scale = max(1.0, np.abs(array).max())
        np.testing.assert_allclose(getattr(table, key) / scale, array / scale, atol=1e-12)


@pytest.fixture(scope="module")
def world_2013():
    return made_up(COUNTRIES_2013, LETTERS)


@pytest.fixture(scope="module")
def world():
    return made_up(COUNTRIES, CODES, seed=2)


@pytest.fixture
def book(tmp_path, world_2013):
    return xlsx(
        tmp_path / "wiot11_row_sep12.xlsx", {"WIOT_2011": wiot_rows(world_2013, "2013")}
    )


# -- 2013 --------------------------------------------------------------------------------
def test_a_workbook_of_2013(book, world_2013):
    table = read_wiod(book)
    same(table, world_2013.expected())
    assert (table.countries, table.sectors) == (COUNTRIES, ("c1", "c2", "c3", "c4"))
    assert table.sector_names == NAMES
    assert (table.year, table.source.name) == (2011, "wiod-2013")
    assert table.source.verified is False
    assert "country codes changed: ROM to ROU, RoW to ROW" in table.source.notes


def test_margins_are_in_value_added_and_noted(book, world_2013):
    """The table does not say who earns them; one per cent of value added here."""
    (note,) = [n for n in read_wiod(book).source.notes if "transport margins" in n]
    assert f"({0.01 * world_2013.value_added.sum():,.0f} million USD)" in note


def test_pymrio_reads_the_same_workbook(tmp_path, monkeypatch):
    """pymrio looks for the USA and for c35, so this one has all 35 industries."""
    import pymrio

    monkeypatch.setattr(io_originals, "NAMES", tuple(INDUSTRIES_2013.values()))
    world = made_up(("AUS", "USA", "RoW"), [f"n{k}" for k in range(35)])
    book = xlsx(tmp_path / "wiot11_row_sep12.xlsx", {"WIOT_2011": wiot_rows(world, "2013")})
    table = read_wiod(book)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = pymrio.parse_wiod(book, names="c_codes")
    sold = theirs.Z.T.groupby(level="region", sort=False).sum().T.to_numpy()
    n, s = len(table.countries), len(table.sectors)
    got = table.intermediate.transpose(1, 0, 2).reshape(n * s, n)
    np.testing.assert_allclose(got, sold, rtol=1e-12)
    used = theirs.Z.groupby(level="sector", sort=False).sum().to_numpy().reshape(s, n, s)
    np.testing.assert_allclose(table.input_use, used.transpose(0, 2, 1), rtol=1e-12)


def test_without_calamine_openpyxl_reads_the_same(book, world_2013, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    same(read_wiod(book), world_2013.expected())


def test_without_either_the_extra_is_named(book, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(InputError, match=r'pip install "detente\[data\]"'):
        read_wiod(book)


# -- 2016 --------------------------------------------------------------------------------
@pytest.fixture
def excel(tmp_path, world):
    book = {
        f"WIOT{y}_Nov16_ROW.xlsb": xlsb(str(y), wiot_rows(world, "2016")) for y in (2013, 2014)
    }
    return zipped(tmp_path / "WIOTS_in_EXCEL.zip", book)


def test_binary_workbooks_in_the_zip_of_all_years(excel, world):
    table = read_wiod(excel, 2014)
    same(table, world.expected())
    assert (table.countries, table.sectors, table.year) == (COUNTRIES, CODES, 2014)
    assert (table.source.name, table.source.vintage) == ("wiod-2016", "2016 release")
    assert "read from 'WIOT2014_Nov16_ROW.xlsb'" in table.source.notes


def test_the_file_for_stata_is_the_same_table(tmp_path, excel, world):
    files = {f"WIOT{y}_October16_ROW.dta": wiod_dta(world, y) for y in (2013, 2014)}
    table = read_wiod(zipped(tmp_path / "WIOTS_in_STATA.zip", files), 2014)
    other = read_wiod(excel, 2014)
    same(table, {k: getattr(other, k) for k in world.expected()})
    assert (table.countries, table.sectors) == (other.countries, other.sectors)
    assert table.sector_names == other.sector_names


def test_a_sheet_with_all_56_industries_is_not_taken_for_one_of_2013(tmp_path, monkeypatch):
    """c37 to c42 are final demand in 2013, and industries in 2016."""
    monkeypatch.setattr(io_originals, "NAMES", tuple(f"Industry {k}" for k in range(56)))
    world = made_up(("AUS", "ROW"), ALL_2016)
    path = tmp_path / "WIOT2014_Nov16_ROW.xlsb"
    path.write_bytes(xlsb("2014", wiot_rows(world, "2016")))
    table = read_wiod(path)
    assert table.source.name == "wiod-2016"
    same(table, world.expected())


def test_binary_workbooks_need_the_extra(excel, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(InputError, match="to read xlsb install python-calamine"):
        read_wiod(excel, 2014)


def test_several_years_ask_which(excel):
    with pytest.raises(InputError, match="the years 2013, 2014; say which year"):
        read_wiod(excel)
    with pytest.raises(InputError, match="holds 2013, 2014, not 2015"):
        read_wiod(excel, 2015)


def test_the_rows_of_stata_say_their_year(tmp_path, world):
    path = tmp_path / "WIOT2014_October16_ROW.dta"
    path.write_bytes(wiod_dta(world, 2013))
    with pytest.raises(InputError, match="its rows are of 2013, its name says 2014"):
        read_wiod(path)


@pytest.mark.parametrize(
    ("name", "year"),
    [("wiot95_row_apr12.xlsx", 1995), ("WIOT08_ROW_Sep12.xlsx", 2008), ("wiot2010.xlsx", 2010)],
)
def test_years_of_two_digits(tmp_path, world_2013, name, year):
    path = xlsx(tmp_path / name, {"x": wiot_rows(world_2013, "2013")})
    assert read_wiod(path).year == year


def test_rows_are_known_by_their_codes_where_their_names_say_nothing(tmp_path, world_2013):
    rows = wiot_rows(world_2013, "2013")
    for row in rows[6 + len(world_2013.pairs) :]:
        row[1] = "row"
    path = xlsx(tmp_path / "wiot11_row_sep12.xlsx", {"x": rows})
    with pytest.raises(InputError, match="'row TOT r65' is no industry"):
        read_wiod(path)  # r65 is margins here and total inputs in 2016: not guessed
    rows = [row for row in rows if "r65" not in row]
    path = xlsx(tmp_path / "wiot11_row_sep12.xlsx", {"x": rows})
    table = read_wiod(path)
    assert table.taxes.sum() == pytest.approx(world_2013.taxes.sum())


# -- bad input ---------------------------------------------------------------------------
def _cell(row, column, value):
    def edit(rows):
        rows[row][column] = value

    return edit


def _line(word):
    return lambda rows: next(j for j, r in enumerate(rows) if r and word in r)


def _drop(word):
    def edit(rows):
        del rows[_line(word)(rows)]

    return edit


def _again(row):
    return lambda rows: rows.insert(row, list(rows[row]))


def _times(factor):
    def edit(rows):
        for row in rows[6:]:
            row[4:] = [v * factor for v in row[4:]]

    return edit


WRONG = {
    "no number": (
        _cell(7, 5, "n.a."),
        r"line 8, key 'AUS c2': 'n.a.' in row 'AUS r2' is no number",
    ),
    "row twice": (_again(7), r"line 9: there is a second row 'AUS_C16'"),
    "row missing": (lambda rows: rows.pop(8), "column 'AUS_C17', but no row"),
    "unknown row": (_cell(8, 0, "C99"), "'C99 Textiles AUS r3' is no industry"),
    "no codes": (lambda rows: rows.pop(5), "no row with codes of columns"),
    "no value added": (_drop("VA"), "the row of value added is missing"),
    "no output": (_drop("Output at basic prices"), "the row of output is missing"),
    "constant": (
        _cell(1, 0, "43 countries, at constant 2010 prices"),
        "at constant or previous",
    ),
    "euro": (_cell(3, 0, "(millions of euro)"), r"its money is in '\(millions of euro\)'"),
    "thousand": (_times(1e3), "It looks like thousand USD"),
    "sales": (_cell(7, 5, 3e7), "'output = sales' fails by"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(tmp_path, world, case):
    edit, message = WRONG[case]
    rows = wiot_rows(world, "2016")
    edit(rows)
    path = xlsx(tmp_path / "WIOT2014_Nov16_ROW.xlsx", {"2014": rows})
    with pytest.raises(InputError, match=message) as caught:
        read_wiod(path)
    assert path.name in str(caught.value)


def test_a_code_that_is_neither_industry_nor_final_demand(tmp_path, world):
    rows = wiot_rows(world, "2016")
    rows[5][4 + 4 * 4] = "F9"
    path = xlsx(tmp_path / "WIOT2014_Nov16_ROW.xlsx", {"2014": rows})
    with pytest.raises(InputError, match=r"column 21 \('F9' of 'AUS'.*neither an industry nor"):
        read_wiod(path)


def test_a_workbook_that_is_none(tmp_path):
    path = tmp_path / "WIOT2014_Nov16_ROW.xlsb"
    path.write_bytes(b"not a workbook at all")
    with pytest.raises(InputError, match="no workbook that can be read"):
        read_wiod(path)
    path = tmp_path / "WIOT2014_October16_ROW.dta"
    path.write_bytes(b"not a file of Stata")
    with pytest.raises(InputError, match="no file of Stata"):
        read_wiod(path)


# -- arrays ------------------------------------------------------------------------------
def _save(path, world, **changes):
    arrays = {
        "intermediate": world.Z,
        "final": world.Y.reshape(len(world.pairs), -1),
        "output": world.output,
        "countries": np.array(world.countries),
        "industries": np.array([f"c{k + 1}" for k in range(len(world.sectors))]),
    } | changes
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
    return path


def test_arrays(tmp_path, world_2013):
    table = read_wiod_arrays(_save(tmp_path / "wiot_2008.npz", world_2013), 2008)
    expected = world_2013.expected()
    expected["value_added"] = expected["value_added"] + expected["taxes"]
    expected["taxes"], expected["final_taxes"] = 0 * expected["taxes"], np.zeros(4)
    same(table, expected)
    assert table.source.verified is True
    assert table.sector_names[0] == INDUSTRIES_2013["c1"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"output": None}, "key 'output': the array 'output' is missing"),
        ({"output": np.zeros(3)}, r"key 'output': it has shape \(3,\)"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, world_2013, changes, message):
    with pytest.raises(InputError, match=message):
        read_wiod_arrays(_save(tmp_path / "wiot_2008.npz", world_2013, **changes), 2008)


def test_arrays_of_another_year_or_kind(tmp_path, world_2013):
    path = _save(tmp_path / "wiot_2008.npz", world_2013)
    with pytest.raises(InputError, match="its name says 2008, not 2011"):
        read_wiod_arrays(path, 2011)
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(InputError, match="no npz of numpy"):
        read_wiod_arrays(tmp_path / "x.npz", 2008)
    with pytest.raises(InputError, match="there is no file"):
        read_wiod_arrays(tmp_path / "y.npz", 2008)


@pytest.mark.parametrize(
    ("year", "world_output", "stocks"), [(2008, 122_789_483, 244), (2011, 141_767_904, 352)]
)
def test_the_real_tables_of_2008_and_2011(year, world_output, stocks):
    """41 regions, 35 industries; 244 negative final cells in 2008 (the data's README)."""
    table = read_wiod_arrays(shared("wiod2013", f"wiot_{year}.npz"), year)
    assert (len(table.countries), len(table.sectors)) == (41, 35)
    assert table.output.sum() == world_output
    counts = [
        int(n.split(": ")[1].split(" ")[0]) for n in table.source.notes if "negative" in n
    ]
    assert sum(counts) == stocks
    assert table.identities()["output = sales"] < 0.03
    assert table.identities()["output = costs"] == 0.0
    usa = table.countries.index("USA")
    at_home = table.intermediate[:, usa, usa] + table.final[:, usa, usa]
    bought = table.intermediate[:, :, usa].sum() + table.final[:, :, usa].sum()
    # About 8 cents of each dollar spent in the US go abroad (Costinot & Rodríguez-Clare 2018).
    assert 1 - at_home.sum() / bought == pytest.approx(0.08, abs=0.015)


def test_the_real_table_through_the_official_sheet(tmp_path, monkeypatch):
    """Real figures of six countries written as the provider's workbook come back the same."""
    arrays = np.load(shared("wiod2013", "wiot_2008.npz"))
    monkeypatch.setattr(io_originals, "NAMES", tuple(INDUSTRIES_2013.values()))
    keep = [0, 6, 21, 22, 39, 40]
    block = np.concatenate([np.arange(35) + 35 * c for c in keep])
    Z = arrays["intermediate"][np.ix_(block, block)].astype(float)
    Y = arrays["final"].reshape(1435, 41, 5)[block][:, keep].astype(float)
    output = Z.sum(axis=1) + Y.sum(axis=(1, 2))
    world = io_originals.MadeUp(
        tuple(str(arrays["countries"][c]) for c in keep),
        tuple(f"n{k}" for k in range(35)),
        Z,
        Y,
        np.zeros(210),
        np.zeros((6, 5)),
        output - Z.sum(axis=0),
        output,
    )
    path = xlsx(tmp_path / "wiot08_row_sep12.xlsx", {"WIOT_2008": wiot_rows(world, "2013")})
    table = read_wiod(path)
    same(table, world.expected())
    assert table.countries[-1] == "ROW"
