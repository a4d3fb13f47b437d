"""What a stranger's review of ``detente world build`` found: each defect and its neighbours."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from detente.assembly.aggregation import read_map
from detente.assembly.assemble import build_world
from detente.assembly.files import Plan, build_file, read_deficits
from detente.assembly.finaldemand import clean_table
from detente.assembly.tariffs import table_tariffs
from detente.assembly.thetas import read_choice
from detente.errors import InputError
from detente.sources.elasticities import read_sector_elasticities
from detente.sources.wits import read_tariffs, read_wits
from detente.world.io import load_world_file
from io_originals import icio_csv, icio_lines, made_up
from io_tables import COUNTRIES, SECTORS, table

OTHER = ("CHN", "DEU", "FRA", "KOR", "MEX", "ROW", "USA")


@pytest.fixture
def icio(tmp_path):
    path = tmp_path / "2022_SML.csv"
    path.write_bytes(icio_csv(icio_lines(made_up(OTHER, (*SECTORS, "T")), "2025")))
    return path


def write(folder, name, text):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def tariffs(*rows):
    return pd.DataFrame(rows, columns=["importer", "exporter", "sector", "rate"])


def changes(world, **wanted):
    listed = world.meta["build"]["changes"]
    return [c for c in listed if all(c[key] == value for key, value in wanted.items())]


def block(world, name):
    return next(b for b in world.meta["blocks"] if b["block"] == name)


# -- the folder of stages ----------------------------------------------------------------
def test_what_else_lies_in_the_folder_of_stages_is_left_alone(tmp_path, icio):
    mine = tmp_path / "my.world.build"
    mine.mkdir()
    for name in ("thesis.tex", "world.npz", "1-notes.npz", ".draft.part"):
        write(mine, name, "mine")
    build_file(Plan(icio=icio), tmp_path / "my.world")
    assert sorted(p.name for p in mine.iterdir()) == [
        ".draft.part", "1-notes.npz", "thesis.tex", "world.npz",
    ]  # fmt: skip
    assert all(p.read_text() == "mine" for p in mine.iterdir())


def test_a_change_of_a_maps_csv_is_a_change_of_the_map(tmp_path, icio):
    """The stages of an interrupted build must not stand for other groups."""
    given = write(tmp_path, "map.yaml", "tables: {countries: groups.csv}\nrest: keep\n")
    plan, out = Plan(icio=icio, aggregate=str(given)), tmp_path / "my.world"
    write(tmp_path, "groups.csv", "code,group,name\nDEU,A,First\nFRA,A,First\n")
    build_file(plan, out, keep=True)
    write(tmp_path, "groups.csv", "code,group,name\nDEU,A,First\nUSA,A,First\n")
    again = build_file(plan, out, force=True, keep=True)
    assert [name for name, was in again.stages if was] == ["read"]
    build_file(plan, tmp_path / "fresh.world")
    found, fresh = (load_world_file(tmp_path / f"{n}.world") for n in ("my", "fresh"))
    np.testing.assert_array_equal(found.flows, fresh.flows)
    assert found.meta["members"] == {"A": ["DEU", "USA"]}


# -- maps --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "line", "near", "says"),
    [
        ("countries: {A: [DEU]}\nrest: Keep\n", 2, "keep", "one group"),
        ("countries: {A: [DEU]}\nrest: kep\n", 2, "keep", "one group"),
        ("countries: {A: [DEU]}\nrest:\n", 2, None, "empty"),
        ("countries: {A: [DEU]}\nrest: {countries: }\n", 2, None, "empty"),
        ("countries: {A: [DEU]}\nrest: keep\nabsent: ignor\n", 3, None, "ignore"),
        ("countries: {A: [DEU]}\n\x07rest: keep\n", 2, None, "U+0007"),
        ("countries: {A: [DEU]}\n\0rest: keep\n", 2, None, "U+0000"),
        ("countries: " + "[" * 3000, 1, None, "nested"),
        ("tables: {country: g.csv}\nrest: keep\n", 1, "countries", "axis"),
        ("tables: {countries: g.csv}\ncountries: {B: [USA]}\n", 1, None, "once"),
        ("x: " + "y" * 1_100_000, None, None, "1 MB"),
    ],
)
def test_a_map_that_cannot_be_meant_is_refused(tmp_path, text, line, near, says):
    write(tmp_path, "g.csv", "code,group\nDEU,A\n")
    with pytest.raises(InputError) as caught:
        read_map(write(tmp_path, "map.yaml", text))
    assert says in caught.value.what
    assert (caught.value.place.line, caught.value.nearest) == (line, near)


def test_codes_of_a_map_stay_the_text_that_they_are(tmp_path):
    """A sector 03 is not 3, Norway's NO not false, null not nothing."""
    codes = ("03", "NO", "null", "1e3")
    text = "sectors:\n  a: [03, NO]\n  true: null\nnames: {a: 010, 'true': 2020-01-01}\n"
    given = write(tmp_path, "map.yaml", text + "rest: {sectors: 1.0}\n")
    _, sectors = read_map(given).groups(table(sectors=codes))
    assert sectors.members(codes) == {"a": ("03", "NO"), "true": ("null",), "1.0": ("1e3",)}
    assert sectors.names[:2] == ("010", "2020-01-01")


def test_a_map_takes_no_tags_anchors_or_second_documents(tmp_path):
    for text in (
        "countries: {A: &x [DEU]}\n",
        "countries: {A: !!set [DEU]}\n",
        "a: b\n---\nc: d",
    ):
        with pytest.raises(InputError, match=r"not used here|second document"):
            read_map(write(tmp_path, "map.yaml", text))


def test_a_group_takes_no_name_of_a_code_that_it_lacks(tmp_path):
    given = write(tmp_path, "map.yaml", "countries: {DEU: [FRA], X: [DEU]}\nrest: keep\n")
    with pytest.raises(InputError, match="another name"):
        read_map(given).groups(table())
    given = write(tmp_path, "map.yaml", "countries: {X: [ROW, CHN]}\nrest: ROW\n")
    with pytest.raises(InputError, match="another name"):
        read_map(given).groups(table())
    given = write(tmp_path, "map.yaml", "countries: {DEU: [DEU, FRA]}\nrest: keep\n")
    assert read_map(given).groups(table())[0].labels == ("DEU", "CHN", "ROW", "USA")


@pytest.mark.parametrize(
    "text",
    [
        "code,group,name\nDEU,A,Été\nFRA,A,Été\n".encode("latin-1"),
        "group;name;code\nA;Été;DEU\nA;Été;FRA\n",
        "code, group, name\nDEU , A , Été\nFRA, A, Été\n",
    ],
)
def test_the_csv_of_a_map_is_read_by_its_columns(tmp_path, text):
    write(tmp_path, "g.csv", text)
    given = write(tmp_path, "map.yaml", "tables: {countries: g.csv}\nrest: keep\n")
    countries, _ = read_map(given).groups(table())
    assert countries.labels[0] == "A"
    assert countries.names[0] == "Été"
    assert countries.members(COUNTRIES)["A"] == ("DEU", "FRA")


def test_a_csv_without_a_header_does_not_lose_its_first_row(tmp_path):
    write(tmp_path, "g.csv", "DEU,A\nFRA,A\n")
    with pytest.raises(InputError, match=r"no column 'code'"):
        read_map(write(tmp_path, "map.yaml", "tables: {countries: g.csv}\nrest: keep\n"))


def test_a_wrong_code_in_a_maps_csv_is_told_with_the_csvs_line(tmp_path):
    write(tmp_path, "g.csv", "code,group\nDEU,A\nFRX,A\n")
    given = write(tmp_path, "map.yaml", "tables: {countries: g.csv}\nrest: keep\n")
    with pytest.raises(InputError) as caught:
        read_map(given).groups(table())
    assert (caught.value.place.file, caught.value.place.line) == ("g.csv", 3)
    assert caught.value.nearest == "FRA"


def test_a_missing_map_is_told_with_the_nearest(tmp_path):
    near = write(tmp_path, "map.yaml", "countries: {A: [DEU]}\n")
    with pytest.raises(InputError) as caught:
        read_map(tmp_path / "mapp.yaml")
    assert caught.value.nearest == str(near)
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(InputError, match="folder"):
        read_map(tmp_path / "folder.yaml")


# -- tariffs -----------------------------------------------------------------------------
def test_a_rate_on_sales_at_home_is_no_rate_of_other_partners():
    t = table()
    rows = tariffs(("USA", "USA", "C29", 0.9), ("USA", "CHN", "C29", 0.1))
    world = build_world(t, elasticities=5, tariffs=rows)
    s, usa = world.sector_index("C29"), world.country_index("USA")
    want = [0.0 if c == "USA" else 0.1 for c in COUNTRIES]
    np.testing.assert_allclose(world.tariff[s, :, usa], want)
    (left,) = changes(world, stage="tariffs", flag="left out")
    assert left["cells"] == 1


def test_what_is_assumed_to_be_zero_is_not_called_observed():
    """A full list for one importer says nothing of the others."""
    t = table()
    rows = [
        ("USA", e, s, 0.1) for e in COUNTRIES if e != "USA" for s in ("A01", "C10T12", "C29")
    ]
    world = build_world(t, elasticities=5, tariffs=tariffs(*rows))
    told = block(world, "tariffs")
    (none,) = changes(world, stage="tariffs", flag="assumed")
    assert told["flag"] == "derived"
    assert (
        f"{none['cells']} links assumed ({none['share']:.1%} of goods imports)" in told["what"]
    )
    every = [(n, e, s, 0.1) for n in COUNTRIES for e, s, n_ in (
        (e, s, n) for e in COUNTRIES for s in ("A01", "C10T12", "C29") if e != n
    )]  # fmt: skip
    full = build_world(t, elasticities=5, tariffs=tariffs(*every))
    assert block(full, "tariffs")["flag"] == "observed"


@pytest.mark.parametrize("importers", [("DEU", "FRA"), ("EUN",), ("DEU",), ("USA",)])
def test_members_of_the_union_pay_nothing_between_them(importers):
    """A customs union, however the list names it; from others each charges its rate."""
    t = table()
    rows = tariffs(*((n, "WLD", "C29", 0.1) for n in importers))
    assert table_tariffs(None, t).flag == "assumed"
    world = build_world(t, elasticities=5, tariffs=rows)
    (told,) = [c for c in changes(world) if "Union" in c["what"]]
    s, i, n = SECTORS.index("C29"), COUNTRIES.index("DEU"), COUNTRIES.index("FRA")
    bought = (t.intermediate + t.final)[:3]
    assert told["flag"] == "noted"
    assert told["amount"] == pytest.approx((bought[:, i, n] + bought[:, n, i]).sum())
    assert world.tariff[s, i, n] == world.tariff[s, n, i] == 0.0
    taxing = importers[0] != "USA"
    assert world.tariff[s, COUNTRIES.index("USA"), i] == (0.1 if taxing else 0.0)


def test_mfn_by_partner_is_not_paid_inside_the_union_and_a_pairs_own_rate_is_told():
    t = table()
    frame = tariffs(("DEU", "FRA", "C29", 0.1), ("DEU", "USA", "C29", 0.2))
    s, i, n = SECTORS.index("C29"), COUNTRIES.index("FRA"), COUNTRIES.index("DEU")
    mfn = build_world(t, elasticities=5, tariffs=frame.assign(duty="MFN"))
    assert mfn.tariff[s, i, n] == 0.0
    assert mfn.tariff[s, COUNTRIES.index("USA"), n] == 0.2
    own = build_world(t, elasticities=5, tariffs=frame)
    assert own.tariff[s, i, n] == 0.1
    (told,) = [c for c in changes(own) if "of the pair, kept" in c["what"]]
    assert told["cells"] == 1
    group = build_world(t, elasticities=5, tariffs=tariffs(("DEU", "EUN", "C29", 0.1)))
    assert group.tariff[s, i, n] == 0.0


def test_a_country_that_the_table_lacks_stands_for_the_rest_of_the_world_and_is_imputed():
    t = table()
    s, row = SECTORS.index("C29"), COUNTRIES.index("ROW")
    bought = (t.intermediate + t.final)[s]
    world = build_world(t, elasticities=5, tariffs=tariffs(("PRK", "WLD", "C29", 0.3)))
    (told,) = [c for c in changes(world, flag="imputed") if "without a row" in c["what"]]
    assert told["cells"] == 4
    assert told["amount"] == pytest.approx(bought[:, row].sum() - bought[row, row])
    assert told["where"] == "most: ROW"
    assert block(world, "tariffs")["flag"] == "derived"
    # as an exporter too; and where the list has the rest itself, that goes first
    world = build_world(t, elasticities=5, tariffs=tariffs(("USA", "PRK", "C29", 0.3)))
    (told,) = [c for c in changes(world, flag="imputed") if "without a row" in c["what"]]
    assert told["amount"] == pytest.approx(bought[row, COUNTRIES.index("USA")])
    rows = tariffs(("PRK", "WLD", "C29", 0.3), ("ROW", "WLD", "C29", 0.1))
    world = build_world(t, elasticities=5, tariffs=rows)
    assert not [c for c in changes(world, flag="imputed") if "without a row" in c["what"]]


@pytest.mark.parametrize(
    ("text", "line", "key", "near"),
    [
        (
            "importer,exporter,sector,rate\nUSA,CHN,C29,1e-1\nUSX,CHN,C29,0\n",
            3,
            "importer",
            "USA",
        ),
        ("importer,exporter,sector,rate\nUSA,CHX,C29,0.1\n", 2, "exporter", "CHN"),
        ("importer,exporter,sector,rate\nUSA,CHN,C28,0.1\n", 2, "sector", "C29"),
    ],
)
def test_a_code_that_nobody_has_is_told_with_its_line(tmp_path, text, line, key, near):
    found = read_tariffs(write(tmp_path, "t.csv", text))
    with pytest.raises(InputError) as caught:
        table_tariffs(found, table())
    place = caught.value.place
    assert (place.file, place.line, place.key) == ("t.csv", line, key)
    assert caught.value.nearest == near


def test_weights_below_zero_and_empty_rates_are_refused(tmp_path):
    text = "importer,exporter,product,rate,weight\nUSA,CHN,870310,0.1,-5\n"
    with pytest.raises(InputError, match="below 0"):
        read_tariffs(write(tmp_path, "t.csv", text))
    with pytest.raises(InputError, match="empty cell"):
        read_tariffs(write(tmp_path, "u.csv", "importer,exporter,sector,rate\nUSA,CHN,C29,\n"))


def test_a_zip_of_two_plain_tables_is_not_read_by_half(tmp_path):
    import zipfile

    head = "importer,exporter,sector,rate\n"
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", head + "USA,CHN,C29,0.1\n")
        archive.writestr("b.csv", head + "CHN,USA,C29,0.1\n")
    with pytest.raises(InputError, match=r"2 tables \(a.csv, b.csv\)"):
        read_tariffs(path)


def test_one_rate_in_percent_among_shares_is_told(tmp_path):
    text = "importer,exporter,sector,rate\nUSA,CHN,C29,25\n"
    text += "".join(f"USA,{c},C29,0.1\n" for c in ("DEU", "FRA", "ROW"))
    found = read_tariffs(write(tmp_path, "t.csv", text))
    assert "rates above 100 %: 1; the largest is 2500% (line 2)" in found.source.notes


def test_files_of_wits_in_shares_are_refused(tmp_path):
    head = "Selected Nomen,Reporter,Product,Partner,Tariff Year,DutyType,Simple Average\n"
    rows = "".join(f"HS,840,8703{k:02d},156,2021,AHS,0.275\n" for k in range(30))
    with pytest.raises(InputError, match="percent"):
        read_wits(write(tmp_path, "w.csv", head + rows))


# -- elasticities ------------------------------------------------------------------------
def test_a_sector_that_nobody_has_is_told_with_its_line(tmp_path):
    given = read_choice(write(tmp_path, "e.csv", "sector,value\nA01,5\nC28,4\n"))
    with pytest.raises(InputError) as caught:
        build_world(table(), elasticities=given)
    assert (caught.value.place.file, caught.value.place.line) == ("e.csv", 3)
    assert caught.value.nearest == "C29"


@pytest.mark.parametrize("value", ["0.01", "101", "1e9"])
def test_elasticities_out_of_range_are_refused_with_file_line_and_value(tmp_path, value):
    path = write(tmp_path, "e.csv", f"sector,value\nA01,5\nC29,{value}\n")
    with pytest.raises(InputError, match=r"from 0\.05 to 100") as caught:
        read_choice(path)
    place = caught.value.place
    assert (place.file, place.line, place.key) == ("e.csv", 3, "value")
    assert f"C29 is {float(value):.10g}" in caught.value.what
    for choice in (value, {"A01": float(value)}):
        with pytest.raises(InputError, match=r"from 0\.05 to 100"):
            read_choice(choice)
    assert read_choice("0.05") == 0.05
    assert read_choice(100) == 100.0


def test_a_mean_over_products_out_of_range_is_refused(tmp_path):
    text = "HS6,zero,positive,sigma\n010121,0,0,-1\n870321,0,0,-500\n160100,0,0,-4\n"
    given = read_choice(write(tmp_path, "ProTEE_0_1.csv", text))
    with pytest.raises(InputError, match=r"elasticity of C29 is 499; θ is"):
        build_world(table(), elasticities=given)


def test_errors_below_zero_are_refused_and_errors_for_some_are_told(tmp_path):
    text = "sector,value,std_error\n" + "".join(f"{s},5,1\n" for s in SECTORS)
    with pytest.raises(InputError, match="below 0"):
        read_sector_elasticities(write(tmp_path, "e.csv", text.replace("5,1", "5,-1", 1)))
    some = read_choice(write(tmp_path, "f.csv", text.replace("5,1", "5,", 1)))
    world = build_world(table(), elasticities=some)
    (told,) = changes(world, stage="elasticities")
    assert told["what"] == "standard errors of 3 of 4 sectors only: none is used"
    assert world.meta["elasticity_errors"] == {}


@pytest.mark.parametrize("factor", [1e-4, 1e4])
def test_weights_of_elasticities_do_not_hang_on_the_unit(tmp_path, factor):
    """A sector that hardly trades weighs as little in any unit of money."""
    given = write(tmp_path, "m.yaml", "sectors: {x: [A01, C29]}\nrest: keep\n")
    t = table(size=1.0)
    keys = ("intermediate", "final", "inventories", "input_use", "value_added", "taxes")
    keys += ("final_taxes", "output")
    theta = {"A01": 2.0, "C10T12": 3.0, "C29": 9.0, "G": 5.0}
    found = [
        build_world(
            replace(t, **{k: getattr(t, k) * f for k in keys}),
            elasticities=theta,
            aggregate=given,
        )
        for f in (1.0, factor)
    ]
    np.testing.assert_allclose(found[0].trade_elasticity, found[1].trade_elasticity, rtol=1e-12)


def test_no_name_of_elasticities_is_no_file():
    with pytest.raises(InputError, match="no elasticities ''"):
        read_choice("")


# -- deficits ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "line", "near", "says"),
    [
        ("USA,9\nUSX,1\n", 3, "USA", "no country"),
        ("USA,5e9\n", 2, None, "Another unit"),
        ("USA,-5e9\n", 2, None, "no final demand left"),
        ("".join(f"{c},500\n" for c in COUNTRIES), None, None, "sum to zero"),
    ],
)
def test_wrong_deficits_are_told_with_their_line(tmp_path, text, line, near, says):
    given = read_deficits(write(tmp_path, "d.csv", "country,value\n" + text))
    with pytest.raises(InputError) as caught:
        build_world(table(), elasticities=5, deficits=given)
    assert says in caught.value.what
    assert caught.value.place.file.endswith("d.csv")
    assert (caught.value.place.line, caught.value.nearest) == (line, near)


def test_deficits_that_may_be_in_billions_are_told():
    t = table()
    world = build_world(t, elasticities=5, deficits={"USA": 0.9, "CHN": -0.3})
    assert [c for c in changes(world, flag="noted") if "billions?" in c["what"]]
    size = 0.05 * t.value_added.sum(axis=0)[COUNTRIES.index("USA")]
    world = build_world(t, elasticities=5, deficits={"USA": size})
    assert not [c for c in changes(world) if "billions?" in c["what"]]


# -- what is said of the table -----------------------------------------------------------
def test_flows_that_were_moved_are_not_called_observed():
    moved = build_world(table(stocks=0.05), elasticities=5)
    assert block(moved, "intermediate flows, outputs")["flag"] == "derived"
    kept = build_world(table(), elasticities=5)
    assert block(kept, "intermediate flows, outputs")["flag"] == "observed"


def test_no_tolerance_at_all_is_met_by_a_table_that_is_exact():
    money, _ = clean_table(table(), 0.0)
    np.testing.assert_allclose(money.output, table().output)


# -- arrow's threads ---------------------------------------------------------------------
RAGGED = """
import sys
from detente.errors import InputError
from detente.sources.reading import read_table
try:
    read_table(sys.argv[1], columns={"a": ("a",), "b": ("b",)}, numbers=("b",))
except InputError as error:
    print(error)
    sys.exit(2)
"""


def test_a_wrong_row_of_a_large_file_ends_the_program(tmp_path):
    """Arrow reads ahead on a thread: at the end of the program it aborted or hung, 1 in 5."""
    path = tmp_path / "t.csv"
    path.write_text("a,b\nx,1,7\n" + "x,1.23456789\n" * 4_000_000)
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", RAGGED, str(path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2, done.stderr
        assert "line 2: the row has 3 cells; the header has 2" in done.stdout


def test_a_row_without_an_end_is_told_in_plain_words(tmp_path):
    path = write(tmp_path, "t.csv", "importer,exporter,sector,rate\n" + "0" * 40_000_000)
    with pytest.raises(InputError, match="a row is longer than"):
        read_tariffs(path)


# -- small things ------------------------------------------------------------------------
def test_a_world_is_not_written_over_what_it_is_made_from(tmp_path):
    table_ = write(tmp_path, "table.npz", "my table")
    with pytest.raises(InputError, match="one of the inputs"):
        build_file(Plan(icio=table_), table_, force=True)
    assert table_.read_text() == "my table"


def test_a_line_without_imports_is_not_left_out_of_a_mean(tmp_path):
    """By imports where all are known, else simple, and told."""
    text = "importer,exporter,product,rate,weight\nUSA,CHN,870310,0.1,100\nUSA,CHN,870320,0.5,"
    t = table()
    s, i, n = SECTORS.index("C29"), COUNTRIES.index("CHN"), COUNTRIES.index("USA")
    found = table_tariffs(read_tariffs(write(tmp_path, "t.csv", text + "\n")), t)
    assert found.rate[s, i, n] == pytest.approx(0.3)
    assert any("simple" in c.what for c in found.changes)
    found = table_tariffs(read_tariffs(write(tmp_path, "u.csv", text + "300\n")), t)
    assert found.rate[s, i, n] == pytest.approx(0.4)


def test_everyone_is_no_importer():
    with pytest.raises(InputError, match="'WLD'"):
        build_world(table(), elasticities=5, tariffs=tariffs(("WLD", "WLD", "C29", 0.1)))
