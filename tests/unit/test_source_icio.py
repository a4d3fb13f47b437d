"""The OECD's tables: every layout gives the table that was written; what is wrong is named."""

import gzip
import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.errors import InputError
from detente.sources.icio import read_icio
from detente.sources.pick import year_of
from hypothesis_profiles import examples
from io_originals import (
    ICIO_FINAL,
    ICIO_SECTORS,
    STOCKS,
    changed,
    icio_csv,
    icio_lines,
    made_up,
    zipped,
)

COUNTRIES = ("AUS", "MEX", "CHN", "ROW")
LAYOUTS = [
    ("2025", False, "2022_SML.csv"),
    ("2025", True, "2022.csv"),
    ("2023", False, "2020_SML.csv"),
    ("2023", True, "2020.csv"),
    ("2021", True, "ICIO2021_2018.csv"),
]


def same(table, expected, tolerance=1e-12):
    for key, array in expected.items():
        scale = max(1.0, np.abs(array).max())
        np.testing.assert_allclose(getattr(table, key) / scale, array / scale, atol=tolerance)


@pytest.fixture(scope="module")
def world():
    return made_up(COUNTRIES, ICIO_SECTORS["2025"])


@pytest.fixture
def rows(world):
    return icio_lines(world, "2025")


@pytest.fixture
def save(tmp_path):
    def write(rows, name="2022_SML.csv"):
        path = tmp_path / name
        path.write_bytes(icio_csv(rows))
        return path

    return write


@pytest.mark.parametrize(("release", "extended", "name"), LAYOUTS)
def test_every_layout_gives_the_table_that_was_written(tmp_path, release, extended, name):
    world = made_up(COUNTRIES, ICIO_SECTORS[release])
    path = tmp_path / name
    path.write_bytes(icio_csv(icio_lines(world, release, extended=extended), bom=extended))
    table = read_icio(path)
    same(table, world.expected())
    assert (table.countries, table.sectors) == (COUNTRIES, ICIO_SECTORS[release])
    assert table.year == int(re.findall(r"\d{4}", name)[-1])
    assert (table.source.name, table.source.vintage) == ("oecd-icio", release)
    assert table.source.verified is False
    assert len(table.source.sha256) == 64
    merged = [n for n in table.source.notes if "were merged into" in n]
    assert len(merged) == (2 if extended else 0)
    assert max(table.identities().values()) < 1e-12


def test_parts_of_mexico_and_china_are_sums_and_their_trade_is_domestic(tmp_path):
    """A table with MX1 … CN2 and one without are the same world (the OECD's own identity)."""
    world = made_up(COUNTRIES, ICIO_SECTORS["2023"], seed=5)
    read = []
    for extended, name in ((False, "2019_SML.csv"), (True, "2019.csv")):
        path = tmp_path / name
        path.write_bytes(icio_csv(icio_lines(world, "2023", extended=extended)))
        read.append(read_icio(path))
    same(read[1], {k: getattr(read[0], k) for k in world.expected()})
    mex = COUNTRIES.index("MEX")
    assert read[1].intermediate[:, mex, mex].sum() > 0
    (note,) = [n for n in read[1].source.notes if "MX1 and MX2" in n]
    assert f"{read[0].output[:, mex].sum():,.0f}" in note


def test_inventories_are_apart_and_purchases_abroad_are_demand(save, world):
    """INVNT is signed and alone in ``inventories``; DPABR stays in ``final``."""
    low = read_icio(save(icio_lines(world, "2025", abroad=0.0)))
    high = read_icio(save(icio_lines(world, "2025", abroad=0.6)))
    same(high, {k: getattr(low, k) for k in world.expected()})
    assert (low.inventories < 0).any()
    assert low.inventories.sum() == pytest.approx(world.Y[..., STOCKS].sum())
    (note,) = [n for n in low.source.notes if n.startswith("changes in inventories")]
    negative = world.Y[..., STOCKS][world.Y[..., STOCKS] < 0]
    assert f"{negative.size} cells" in note
    assert f"({negative.sum():,.0f} million USD)" in note


def test_pymrio_reads_the_same_table_of_the_releases_that_it_knows(tmp_path):
    """pymrio 0.7 is an independent reader: it too adds MX1 … CN2 up."""
    import pymrio

    world = made_up(COUNTRIES, ICIO_SECTORS["2021"])
    path = tmp_path / "ICIO2021_2018.csv"
    path.write_bytes(icio_csv(icio_lines(world, "2021", extended=True)))
    ours = read_icio(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = pymrio.parse_oecd(path)
    for s, sector in enumerate(ours.sectors):
        for i, seller in enumerate(ours.countries):
            row = theirs.Z.loc[(seller, sector)].groupby(level="region").sum()
            for n, buyer in enumerate(ours.countries):
                assert ours.intermediate[s, i, n] == pytest.approx(row[buyer], rel=1e-12)
    demand = theirs.Y.drop(columns="INVNT", level="category")
    total = demand.T.groupby(level="region").sum().T
    for n, buyer in enumerate(ours.countries):
        sold = total[buyer].groupby(level="sector").sum()
        for s, sector in enumerate(ours.sectors):
            assert ours.final[s, :, n].sum() == pytest.approx(sold[sector], rel=1e-12)


@settings(max_examples=examples(15), deadline=None)
@given(
    n=st.integers(1, 4),
    seed=st.integers(0, 10**6),
    order=st.randoms(use_true_random=False),
    release=st.sampled_from(["2025", "2023"]),
)
def test_the_order_of_rows_and_columns_does_not_matter(
    tmp_path_factory, n, seed, order, release
):
    """Labels say what a cell is: shuffled rows and columns are the same table."""
    world = made_up(COUNTRIES[:n], ICIO_SECTORS[release], seed=seed)
    rows = icio_lines(world, release)
    across = list(range(1, len(rows[0])))
    order.shuffle(across)
    down = rows[1:]
    order.shuffle(down)
    mixed = [[row[0], *(row[j] for j in across)] for row in [rows[0], *down]]
    folder = tmp_path_factory.mktemp("icio")
    path = folder / "2020_SML.csv"
    path.write_bytes(icio_csv(mixed))
    table = read_icio(path)
    expected = world.expected()
    by_country = [table.countries.index(c) for c in world.countries]
    by_sector = [table.sectors.index(s) for s in world.sectors]
    got = table.intermediate[np.ix_(by_sector, by_country, by_country)]
    np.testing.assert_allclose(got, expected["intermediate"], rtol=1e-12)
    got = table.input_use[np.ix_(by_sector, by_sector, by_country)]
    np.testing.assert_allclose(got, expected["input_use"], rtol=1e-12)


# -- several years -----------------------------------------------------------------------
@pytest.fixture
def bundle(tmp_path, rows):
    names = [f"{year}_SML.csv" for year in (2016, 2017, 2018)]
    return zipped(tmp_path / "2016-2022_SML.zip", dict.fromkeys(names, icio_csv(rows)))


def test_the_year_of_a_zip_is_chosen(bundle, world):
    table = read_icio(bundle, 2017)
    same(table, world.expected())
    assert table.year == 2017
    assert "read from '2017_SML.csv'" in table.source.notes


def test_a_zip_of_several_years_asks_which(bundle):
    with pytest.raises(InputError, match=r"holds the years 2016, 2017, 2018; say which"):
        read_icio(bundle)


def test_a_year_that_is_not_there_is_named_with_those_that_are(bundle):
    with pytest.raises(InputError, match=r"holds 2016, 2017, 2018, not 2022"):
        read_icio(bundle, 2022)


def test_a_folder_and_a_gzip_do_as_well(tmp_path, rows, world):
    (tmp_path / "2019_SML.csv.gz").write_bytes(gzip.compress(icio_csv(rows)))
    same(read_icio(tmp_path / "2019_SML.csv.gz"), world.expected())
    (tmp_path / "2018_SML.csv").write_bytes(icio_csv(rows))
    assert read_icio(tmp_path, 2018).year == 2018


def test_a_name_without_a_year_needs_one_and_says_whose_word_it_is(save, rows):
    path = save(rows, "table.csv")
    with pytest.raises(InputError, match="does not say which year"):
        read_icio(path)
    table = read_icio(path, 2022)
    assert table.year == 2022
    assert any("caller's word" in note for note in table.source.notes)


def test_a_zip_in_a_zip_is_told(tmp_path, rows):
    inner = zipped(tmp_path / "2016.zip", {"2016.csv": icio_csv(rows)})
    outer = zipped(tmp_path / "ICIO-2016-2020-extended.zip", {"2016.zip": inner.read_bytes()})
    with pytest.raises(InputError, match=r"further zips \(2016.zip\): take one out"):
        read_icio(outer)


@pytest.mark.parametrize(
    ("name", "year"),
    [
        ("ICIO2021_2018.csv", 2018),
        ("2022_SML.csv", 2022),
        ("2020.CSV", 2020),
        ("ADB-MRIO-2024-August 2025.xlsx", 2024),
        ("ADB-MRIO62-2019_Dec2022.xlsx", 2019),
        ("ADB-MRIO-2000_Mar2022-3.xlsx", 2000),
        ("Summary 2019.xlsx", 2019),
        ("ADB MRIO 2019, at constant 2010 prices.xlsx", 2019),
        ("Eora26_2015_bp_T.txt", 2015),
        ("x120secMother_T-Results_2022_059_Markup001(full).csv", 2022),
        ("table.csv", None),
    ],
)
def test_the_year_of_a_name(name, year):
    assert year_of(name) == year


# -- bad input ---------------------------------------------------------------------------
def _set(row, column, value):
    def edit(rows):
        rows[[r[0] for r in rows].index(row)][rows[0].index(column)] = value

    return edit


def _rename(old, new, axis):
    def edit(rows):
        if axis == "row":
            rows[[r[0] for r in rows].index(old)][0] = new
        else:
            rows[0][rows[0].index(old)] = new

    return edit


def _drop(row):
    def edit(rows):
        del rows[[r[0] for r in rows].index(row)]

    return edit


def _again(row):
    def edit(rows):
        rows.insert(5, list(rows[[r[0] for r in rows].index(row)]))

    return edit


def _times(factor):
    def edit(rows):
        for row in rows[1:]:
            row[1:] = [repr(float(v) * factor) for v in row[1:]]

    return edit


def _lost_points(rows):
    """A copy is known in which numbers with three or four decimals lost their point."""
    for row in rows[1:]:
        row[1:] = [
            v.replace(".", "") if len(v.split(".")[-1]) in (9, 10) else v for v in row[1:]
        ]


WRONG = {
    "no number": (
        _set("AUS_A02", "CHN_C17_18", "n/a"),
        r"line 3, key 'CHN_C17_18': 'n/a' in row 'AUS_A02' is no number",
    ),
    "infinite": (_set("AUS_A02", "CHN_C17_18", "inf"), "infinite"),
    "row twice": (_again("AUS_A02"), r"line 6: there is a second row 'AUS_A02'"),
    "row missing": (_drop("MEX_T"), r"column 'MEX_T', but no row of that name"),
    "no taxes": (_drop("TLS"), "the row of taxes is missing"),
    "no value added": (_drop("VA"), "the row of value added is missing"),
    "column twice": (
        _rename("AUS_A02", "AUS_A01", "column"),
        "two columns are called 'AUS_A01'",
    ),
    "final twice": (
        _rename("AUS_GGFC", "AUS_HFCE", "column"),
        "two columns are called 'AUS_HFCE'",
    ),
    "unknown final": (
        _rename("AUS_HFCE", "AUS_HFCD", "column"),
        r"unknown final demand 'AUS_HFCD'. Did you mean 'HFCE'",
    ),
    "unknown row": (_rename("VA", "AUS_A99", "row"), r"'AUS_A99' has no column of that name"),
    "no output": (_rename("OUT", "AUS_X", "column"), "no column of output"),
    "odd column": (_rename("AUS_A01", "A01", "column"), "column 2 is called 'A01'"),
    "thousand": (_times(1e3), "It looks like thousand USD"),
    "billion": (_times(1e-3), "It looks like billion USD"),
    "no producer": (
        _rename("ROW_DPABR", "RWW_DPABR", "column"),
        r"final demand of 'RWW', which has no industries. Did you mean 'ROW'",
    ),
    "gap": (
        lambda rows: (
            _rename("ROW_T", "ROW_U", "row")(rows),
            _rename("ROW_T", "ROW_U", "column")(rows),
        ),
        r"ROW has no sector 'T', which others have",
    ),
    "lost points": (_lost_points, r"fails by [\d.]+%|in its column and|a year's lies between"),
    "sales": (
        _set("AUS_A02", "CHN_C17_18", "2e7"),
        r"'output = sales' fails by .* in A02 of AUS",
    ),
    "costs": (_set("VA", "CHN_T", "1"), r"'output = costs' fails by .* in T of CHN"),
    "two outputs": (
        _set("OUT", "CHN_T", "1"),
        r"output of 'CHN_T' is .* in its column and 1.0",
    ),
    "output empty": (_set("CHN_T", "OUT", ""), "the output of row 'CHN_T' is empty"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(save, rows, case):
    edit, message = WRONG[case]
    path = save(changed(rows, edit))
    with pytest.raises(InputError, match=message) as caught:
        read_icio(path)
    assert str(path) in str(caught.value)
    assert caught.value.exit_status == 2


def test_a_row_that_is_cut_short_is_named_by_its_line(tmp_path, rows):
    text = icio_csv(rows)
    lines = text.split(b"\n")
    path = tmp_path / "2022_SML.csv"
    path.write_bytes(b"\n".join([*lines[:6], lines[6][:60]]))
    with pytest.raises(InputError, match=r"line 7: the row has \d+ cells; 42 were expected"):
        read_icio(path)


def test_a_file_that_ends_early_is_no_table(tmp_path, rows):
    path = tmp_path / "2022_SML.csv"
    path.write_bytes(icio_csv(rows[:9]))
    with pytest.raises(InputError, match="cut short or not the whole table"):
        read_icio(path)


def test_empty_cells_are_zeros_and_counted(save, rows, world):
    def edit(rows):
        for column in ("CHN_INVNT", "ROW_INVNT"):
            _set("AUS_A01", column, "")(rows)

    expected = world.expected()
    gone = expected["inventories"][0, 0, 2:].copy()
    table = read_icio(save(changed(rows, edit)), tolerance=1.0)
    assert table.inventories[0, 0, 2:].tolist() == [0.0, 0.0]
    assert gone.all()
    assert "2 cells are empty, read as zero" in table.source.notes


def test_a_failing_identity_can_be_accepted_by_name(save, rows):
    wrong = save(changed(rows, _set("VA", "CHN_T", "1")))
    table = read_icio(wrong, tolerance=0.95)
    assert any(
        "output = costs holds to" in n and "9.5e-01 is accepted" in n
        for n in table.source.notes
    )


def test_a_country_whole_and_in_parts_would_count_twice(tmp_path):
    world = made_up(COUNTRIES, ICIO_SECTORS["2025"])
    rows = icio_lines(world, "2025", extended=True)
    plain = {row[0]: row for row in icio_lines(world, "2025")}

    def edit(rows):
        for row in rows[1:]:
            if row[0].startswith("MEX_"):
                row[-1] = plain[row[0]][-1]

    path = tmp_path / "2022.csv"
    path.write_bytes(icio_csv(changed(rows, edit)))
    with pytest.raises(
        InputError, match=r"MEX has an output of .* beside its parts MX1 and MX2"
    ):
        read_icio(path)


def test_another_classification_is_no_release(tmp_path):
    world = made_up(COUNTRIES, ("C01T05", "C10T14", "C15T16", "C95"))
    path = tmp_path / "ICIO2016_2011.csv"
    path.write_bytes(icio_csv(icio_lines(world, "2025")))
    with pytest.raises(InputError, match="those of no release known here"):
        read_icio(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"<!doctype html><html>Sign in</html>\n", "is called|no column of output"),
        (b"year,exporter,importer,value\n2019,AUS,CHN,1\n", "column 2 is called 'exporter'"),
        (b"V1,AUS_A01\0\n", "binary"),
    ],
)
def test_a_file_that_is_no_icio(tmp_path, data, message):
    path = tmp_path / "2022_SML.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_icio(path)


def test_a_path_that_does_not_exist(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        read_icio(tmp_path / "2022_SML.csv")


def test_all_columns_of_final_demand_are_known():
    from detente.sources.icio import FINAL

    assert set(ICIO_FINAL) <= set(FINAL)
    assert [k for k, stock in FINAL.items() if stock] == ["INVNT", "INV"]
