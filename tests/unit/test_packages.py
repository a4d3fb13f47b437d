"""Packages on solved equilibria: second differences by hand, parts, words, the command line."""

from __future__ import annotations

import io
import json
import shlex

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from clikorea import korea_like
from detente import solve
from detente.cli import Commands
from detente.cli.attribute import attribute
from detente.cli.package import package as command
from detente.errors import InputError
from detente.outcomes.attribution import OUTCOMES, attribution, by_part, players_of, with_only
from detente.outcomes.packages import package
from detente.report.packagetext import sections, title
from detente.scenario import Scenario

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
def test_the_words_say_what_independence_means():
    told = "\n".join(
        t for s in sections(packed(), every=True) for t in (*s.paragraphs, *s.notes)
    )
    assert "Ŵ of both is Ŵ of one times Ŵ of the other" in told
    assert "reinforce each other" in told
    money = "\n".join(n for s in sections(packed(outcome="ev")) for n in s.notes)
    assert "independent where their amounts add" in money
    assert title(packed()).startswith("three parts: 3 parts of a package, welfare of the DPRK")


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
