"""Packages on solved equilibria: second differences by hand, parts, words, the command line."""

from __future__ import annotations

import io
import json
import shlex
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from clikorea import korea_like
from detente import load_scenario, load_world, solve
from detente.cli import Commands
from detente.cli.attribute import attribute
from detente.cli.package import package as command
from detente.errors import InputError
from detente.outcomes.attribution import OUTCOMES, attribution, by_part, players_of, with_only
from detente.outcomes.packages import package
from detente.report.attributiontext import amount
from detente.report.packagetext import sections, title
from detente.scenario import Scenario
from gallery import GALLERY

WORLD = korea_like()
RELIEF = {"lift": {"regime": "unsc-dprk", "part": "relief"}}
SOUTH = {"lift": {"regime": "rok-may-24", "part": "relief"}}
PAIR = {"exporter": "PRK", "importer": "KOR", "both_ways": True}
RAIL = {"trade_cost": {**PAIR, "change": "-20%", "part": "rail"}}
AID = {"transfer": {"from": "KOR", "to": "PRK", "amount": "1 million USD", "part": "aid"}}
PARTS = (RELIEF, SOUTH, RAIL, AID)


def scenario(*measures, **top):
    return Scenario.from_dict({"scenario": "three parts", "measures": list(measures), **top})


def packed(*measures, parts=None, country="PRK", **given):
    whole = scenario(*(measures or PARTS))
    return package(WORLD, whole, parts, by=by_part, country=country, **given)


def worth(*measures):
    return 100 * np.log1p(solve(WORLD, scenario(*measures)).welfare["welfare"])


# -- worths ----------------------------------------------------------------------------------
def test_complementarity_is_the_second_difference_of_four_scenarios():
    found = packed()
    row = found.pairs().set_index(["part", "with"]).loc[("relief", "rail")]
    nobody, relief, rail = worth(), worth(RELIEF, SOUTH), worth(RAIL)
    both = worth(RELIEF, SOUTH, RAIL)
    expected = (both - relief - rail + nobody)["PRK"]
    assert row["complementarity"] == pytest.approx(expected, abs=1e-7)
    assert row["first"] == pytest.approx((relief - nobody)["PRK"], abs=1e-7)
    assert row["together"] == pytest.approx((both - nobody)["PRK"], abs=1e-7)
    # a railway to a link that stays closed carries nothing: it needs the relief
    assert row["second"] == pytest.approx(0.0, abs=1e-7)
    assert row["verdict"] == "reinforce"
    assert row["complementarity"] > 0


def test_every_country_and_three_parts_from_the_same_solves():
    found = packed()
    table = found.countries
    alone = [worth(RELIEF, SOUTH), worth(RAIL), worth(AID)]
    beyond = worth(*PARTS) - sum(alone) + 2 * worth()
    np.testing.assert_allclose(table["complementarity"], beyond, atol=1e-6)
    np.testing.assert_allclose(table["together"], worth(*PARTS) - worth(), atol=1e-6)
    pairs = found.pairs(every=True)
    assert len(pairs) == 3 * WORLD.n_countries
    other = found.of("KOR").pairs()
    mine = pairs[pairs["country"] == "KOR"].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, other.reset_index(drop=True))


def test_dividends_sum_to_what_is_beyond_the_sum():
    found = packed()
    beyond = found.countries.loc["PRK", "complementarity"]
    assert found.dividends["dividend"].sum() == pytest.approx(beyond, abs=1e-9)
    assert found.dividends["size"].tolist() == [2, 2, 2, 3]
    subsets = found.subsets()
    total = subsets.loc[subsets["size"] > 0, "dividend"].sum()
    assert total == pytest.approx(subsets["change"].iloc[-1], abs=1e-9)


def test_parts_that_do_not_touch_each_other_are_independent():
    """A tariff on a link that nobody uses does nothing, alone or beside another part."""
    idle = {"tariff": {"exporter": "PRK", "importer": "USA", "rate": "5%", "part": "idle"}}
    row = packed(RAIL, AID, idle).pairs().set_index(["part", "with"]).loc[("aid", "idle")]
    assert row["verdict"] == "independent"
    assert row["complementarity"] == pytest.approx(0.0, abs=1e-7)


def test_two_keys_to_one_door_overlap():
    """The same lift twice: whichever comes second does nothing."""
    twice = [{"lift": {"regime": "unsc-dprk", "part": name}} for name in ("one", "other")]
    (row,) = packed(*twice).pairs().to_dict("records")
    assert row["verdict"] == "overlap"
    assert row["complementarity"] == pytest.approx(-row["first"], rel=1e-9)


# -- two units -------------------------------------------------------------------------------
def test_money_that_adds_overlaps_in_logarithms_and_so_has_no_sign():
    """Parts worth 10 % and 20 % of an income alone and 30 % together: nothing between them."""
    shares = np.repeat([[0.0], [0.1], [0.2], [0.3]], WORLD.n_countries, axis=1)
    worths = {
        "welfare": 100 * np.log1p(shares),
        "percent": 100 * shares,
        "ev": shares * WORLD.income,
    }
    solved = packed(parts=["relief", "rail"])
    found = replace(solved, found=replace(solved.found, worths=worths))
    (row,) = found.pairs().to_dict("records")
    expected = 100 * np.log(1.3 / (1.1 * 1.2))
    assert row["complementarity_welfare"] == pytest.approx(expected, rel=1e-12)
    assert row["verdict_welfare"] == "overlap"
    assert row["complementarity_ev"] == pytest.approx(0.0, abs=1e-9 * WORLD.income.max())
    assert row["verdict_ev"] == "independent"
    assert row["verdict"] == "sign depends on the unit"
    assert set(found.countries["verdict"]) == {"sign depends on the unit"}


def test_relief_and_gas_overlap_by_the_logarithm_alone(tripartite):
    """What a reviewer found: −ab in logs, a little above zero in money and in percent."""
    economics, _ = tripartite
    by = {
        unit: economics.of(outcome=unit).pairs().set_index(["part", "with"])
        for unit in ("welfare", "percent", "ev")
    }
    row = by["welfare"].loc[("relief", "gas")]
    product = -row["first"] * row["second"] / 100
    assert row["complementarity"] == pytest.approx(product, rel=0.3)
    assert by["percent"].loc[("relief", "gas"), "complementarity"] > 0
    assert by["ev"].loc[("relief", "gas"), "complementarity"] > 0
    assert row["verdict"] == "sign depends on the unit"


@pytest.mark.parametrize("outcome", ["welfare", "percent", "ev"])
def test_the_word_is_the_same_whichever_unit_of_welfare_is_shown(outcome):
    found = packed(outcome=outcome)
    assert found.pairs()["verdict"].tolist() == packed().pairs()["verdict"].tolist()
    assert found.countries["verdict"].tolist() == packed().countries["verdict"].tolist()


def test_both_units_by_hand():
    pairs = packed().pairs().set_index(["part", "with"]).loc[("relief", "rail")]
    money = [
        float(
            solve(WORLD, scenario(*m)).equilibrium.equivalent_variation[
                WORLD.country_index("PRK")
            ]
        )
        for m in ((RELIEF, SOUTH, RAIL), (RELIEF, SOUTH), (RAIL,), ())
    ]
    both, relief, rail, nobody = money
    expected = both - relief - rail + nobody
    assert pairs["complementarity_ev"] == pytest.approx(expected, abs=1e-5)
    assert packed(outcome="ev").pairs()["complementarity"].iloc[0] == pytest.approx(
        expected, abs=1e-5
    )


def test_exports_have_one_unit():
    found = packed(outcome="exports")
    assert found.units == ("exports",)
    told = "\n".join(n for s in sections(found) for n in s.notes)
    assert "independent where their amounts add" in told


# -- a part that needs another ---------------------------------------------------------------
def needing(measure, part):
    ((kind, fields),) = measure.items()
    return {kind: {**fields, "needs": part}}


def test_a_part_that_needs_another_is_worth_nothing_without_it():
    """V(b) = 0 and V(ab) as without the gate: complementarity is what b adds to a."""
    gate = packed(RELIEF, SOUTH, RAIL, needing(AID, "relief"))
    free = packed()
    gated, open_ = (f.sets().set_index("parts")["change"] for f in (gate, free))
    assert gated["aid"] == 0.0
    assert gated["relief + rail + aid"] == pytest.approx(open_["relief + rail + aid"], abs=1e-9)
    row = gate.pairs().set_index(["part", "with"]).loc[("relief", "aid")]
    assert row["complementarity"] == pytest.approx(row["together"] - row["first"], abs=1e-12)
    assert row["verdict"] == "reinforce"
    both = free.pairs().set_index(["part", "with"]).loc[("relief", "aid")]
    assert row["together"] == pytest.approx(both["together"], abs=1e-9)


@pytest.fixture(scope="module")
def tripartite():
    """The gallery's package, economics alone and with the law as a gate."""
    found = {}
    for name in ("tripartite-package", "tripartite-package-by-law"):
        whole = load_scenario(GALLERY / f"{name}.yaml")
        found[name] = package(load_world("korea"), whole, by=by_part, country="PRK")
    return found.values()


def test_the_law_as_a_gate_changes_what_parts_are_alone_and_not_the_package(tripartite):
    economics, law = (f.subsets(every=True) for f in tripartite)
    names = economics["parts"].str.split(" + ", regex=False)
    opened = names.map(lambda n: "relief" in n)
    np.testing.assert_allclose(
        law.loc[opened, "change"], economics.loc[opened, "change"], atol=1e-7
    )
    # without relief neither is built: a set is worth what debt in it is
    shut = law[~opened].assign(debt=names[~opened].map(lambda n: "debt" in n))
    assert shut.groupby(["country", "debt"])["change"].agg(np.ptp).max() <= 1e-7
    assert (shut.loc[~shut["debt"], "change"].abs() <= 1e-7).all()


def test_the_table_of_the_document_is_what_is_solved(tripartite):
    """Figures of docs/packages.md, both readings; text rots and this does not."""
    rows = _documented()
    assert len(rows) == 10
    for found, column in zip(tripartite, (1, 3), strict=True):
        for at, outcome in ((column, "welfare"), (column + 1, "ev")):
            one = found.of(outcome=outcome)
            change = one.sets().set_index("parts")["change"]
            row = one.countries.loc["PRK"]
            expected = {name: change[name] for name in one.names}
            expected |= {"sum": row["sum"], "all": row["together"]}
            expected["beyond"] = row["complementarity"]
            pairs = one.pairs().set_index(["part", "with"])["complementarity"]
            expected |= {
                f"{a} with {b}": pairs[(a, b)]
                for a, b in (("relief", "gas"), ("relief", "railway"), ("gas", "railway"))
            }
            say = amount(one.found)
            for name, value in expected.items():
                assert rows[name][at] == say(float(value)), (name, outcome)


def _documented():
    """Rows of the tripartite table, by their first cell."""
    text = (GALLERY.parent / "docs" / "packages.md").read_text(encoding="utf-8")
    part = text.split("## The tripartite package")[1].split("\n## ")[0]
    cells = [
        [c.strip() for c in line.strip("|").split("|")]
        for line in part.splitlines()
        if line.startswith("|")
    ]
    return {row[0]: row for row in cells[2:] if len(row) == 5}


# -- parts -----------------------------------------------------------------------------------
def test_measures_of_no_part_act_always_and_other_parts_never():
    free = {"productivity": {"country": "PRK", "tfp": "+5%"}}
    found = packed(*PARTS, free, parts=["aid", "relief"])
    assert found.names == ("relief", "aid")
    assert found.left_out == ("rail",)
    assert found.always == ("productivity",)
    sets = found.sets().set_index("parts")["worth"]
    assert sets[""] == pytest.approx(worth(free)["PRK"], abs=1e-7)
    assert sets["relief + aid"] == pytest.approx(
        worth(RELIEF, SOUTH, AID, free)["PRK"], abs=1e-7
    )


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (["relief", "rial"], "Did you mean 'rail'"),
        (["aid"], "two parts"),
        (["aid", "aid"], "twice"),
    ],
)
def test_parts_that_cannot_be_had(parts, words):
    with pytest.raises(InputError, match=words):
        packed(parts=parts)


def test_no_part_at_all_is_told():
    whole = scenario({"lift": {"regime": "unsc-dprk"}}, {"lift": {"regime": "us-dprk"}})
    with pytest.raises(InputError, match="part: NAME in each measure"):
        package(WORLD, whole, by=by_part)


# -- Shapley for every country ---------------------------------------------------------------
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_countrys_values_sum_to_its_total(outcome):
    whole = scenario(*PARTS)
    groups = players_of(whole, by_part)
    found = attribution(WORLD, with_only(whole, groups), tuple(groups), outcome, country="PRK")
    table = found.countries
    values = table[list(groups)]
    scale = 1.0 + np.abs(found.worths[outcome]).max()
    np.testing.assert_allclose(values.sum(axis=1), table["total"], atol=1e-11 * scale)
    assert table["not_shared_out"].abs().max() <= 1e-11 * scale
    for code in ("PRK", "CHN", "KOR"):
        mine = found.of(code).table["value"]
        np.testing.assert_allclose(values.loc[code], mine, atol=1e-11 * scale)


def test_ev_of_a_gift_sums_to_little_over_the_world():
    """A transfer moves income: what one gains the other loses, but for prices."""
    whole = scenario(AID, RAIL)
    groups = players_of(whole, by_part)
    found = attribution(WORLD, with_only(whole, groups), tuple(groups), "ev", country="PRK")
    aid = found.countries["aid"]
    assert aid["PRK"] > 0 > aid["KOR"]
    assert abs(aid.sum()) < 0.2 * aid["PRK"]


# -- words and the command line --------------------------------------------------------------
def test_the_words_say_what_the_verdict_rests_on():
    told = "\n".join(
        t for s in sections(packed(), every=True) for t in (*s.paragraphs, *s.notes)
    )
    assert "A word is said where both units say it" in told
    assert "below 1 % of the smaller of the two" in told
    assert "points or" in told and "million USD" in told
    assert title(packed()).startswith("three parts: 3 parts of a package, welfare of the DPRK")


def test_every_table_has_both_units():
    for section in sections(packed(), every=True):
        (table,) = section.tables
        assert {"100·ln Ŵ", "Million USD"} <= set(table.headers), section.key


def detente(name, *args):
    app = typer.Typer(cls=Commands)
    app.command(name="package")(command)
    app.command(name="attribute")(attribute)
    return CliRunner().invoke(app, [name, *map(str, args)])


@pytest.fixture
def file(tmp_path):
    WORLD.save(tmp_path / "k.npz")
    path = tmp_path / "three.yaml"
    path.write_text(scenario(*PARTS, world="k.npz").to_yaml(), encoding="utf-8")
    return path


@pytest.mark.parametrize("more", [(), ("--every",), ("--parts", "rail,aid", "--every")])
def test_what_is_printed_fits(file, more):
    shown = detente("package", file, "--country", "PRK", *more)
    assert shown.exit_code == 0, shown.stderr
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert "\n…" not in shown.stdout


def test_csv_json_and_a_folder_hold_the_same_figures(file, tmp_path, monkeypatch):
    found = packed()
    ran = detente("package", file, "--country", "PRK", "--format", "csv")
    table = pd.read_csv(io.StringIO(ran.stdout))
    np.testing.assert_allclose(table["complementarity"], found.pairs()["complementarity"])
    whole = json.loads(detente("package", file, "--country", "PRK", "--format", "json").stdout)
    assert whole["parts"] == {"relief": 2, "rail": 1, "aid": 1}
    assert whole["verdict"] == {"units": ["welfare", "ev"], "too_small_below": 0.01}
    for row in whole["tables"]["pairs"]:
        assert {"complementarity_welfare", "complementarity_ev", "verdict"} <= set(row)
    assert set(whole["tables"]) == {"sets", "pairs", "dividends", "countries", "shapley"}
    out = tmp_path / "out"
    assert detente("package", file, "--country", "PRK", "-o", out).exit_code == 0
    again = json.loads((out / "run.json").read_text())["run_again"]
    monkeypatch.chdir(out)
    second = detente(*shlex.split(again)[1:], "--table", "pairs", "--format", "csv")
    assert second.stdout == (out / "tables" / "pairs.csv").read_text()


def test_without_parts_every_measure_is_one(file, tmp_path):
    path = tmp_path / "two.yaml"
    bare = [{"lift": {"regime": n}} for n in ("unsc-dprk", "rok-may-24")]
    path.write_text(scenario(*bare, world="k.npz").to_yaml(), encoding="utf-8")
    shown = detente("package", path, "--country", "PRK")
    assert shown.exit_code == 0, shown.stderr
    assert "lift unsc-dprk" in shown.stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--parts", "rial,aid"), "Did you mean 'rail'"),
        (("--parts", ","), "names nothing"),
        (("--country", "KR"), "Did you mean 'KOR'"),
        (("--table", "pair"), "Did you mean 'pairs'"),
        (("--format", "parquet"), "say where with -o DIR"),
    ],
)
def test_a_users_mistakes_are_named(file, args, words):
    ran = detente("package", file, *args)
    assert ran.exit_code == 2
    assert words in ran.stderr


def test_attribute_by_part_for_every_country(file):
    shown = detente("attribute", file, "--by", "part", "--country", "PRK", "--every")
    assert shown.exit_code == 0, shown.stderr
    assert "Every country" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    args = ("--by", "part", "--country", "PRK", "--table", "countries", "--format", "csv")
    table = pd.read_csv(io.StringIO(detente("attribute", file, *args).stdout))
    assert table["country"].tolist() == list(WORLD.countries)
    np.testing.assert_allclose(table[["relief", "rail", "aid"]].sum(axis=1), table["total"])


def dated(tmp_path, name="rail"):
    WORLD.save(tmp_path / "k.npz")
    path = tmp_path / "dated.yaml"
    link = {"exporter": "PRK", "importer": "CHN", "change": "-20%"}
    one = {"trade_cost": {**link, "part": name, "on": "2026-01-01"}}
    other = {"trade_cost": {**link, "part": "road", "on": "2027-01-01"}}
    path.write_text(scenario(one, other, world="k.npz").to_yaml(), encoding="utf-8")
    return path


def test_a_day_on_which_parts_are_not_in_force_is_said(tmp_path):
    path = dated(tmp_path)
    before = detente("package", path, "--at", "1900-01-01")
    assert before.exit_code == 0, before.stderr
    assert "No part is in force on 1900-01-01" in before.stdout
    assert "independent" not in before.stdout
    between = detente("package", path, "--at", "2026-06-01")
    assert "Not in force on 2026-06-01, and so without effect: road." in between.stdout
    whole = json.loads(detente("package", path, "--format", "json").stdout)
    assert whole["not_in_force"] == []


@pytest.mark.parametrize("day", ["2024", "tomorrow", "2024-02-31"])
def test_a_day_that_is_none_is_named_after_its_option(tmp_path, day):
    ran = detente("package", dated(tmp_path), "--at", day)
    assert ran.exit_code == 2
    assert ran.stderr.startswith("error: --at: ")


def test_a_comma_in_a_part_cannot_be_picked(tmp_path):
    ran = detente("package", dated(tmp_path, "a,b"), "--parts", "a,b,road")
    assert ran.exit_code == 2
    assert "--parts: the name 'a,b' has a comma" in ran.stderr
