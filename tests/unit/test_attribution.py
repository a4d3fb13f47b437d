"""Attribution on solved equilibria: the sets, their worths, the words, the command line."""

from __future__ import annotations

import io
import json
import re
import shlex
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from clikorea import korea_like
from detente import load_world, solve
from detente.cli import Commands
from detente.cli.attribute import attribute
from detente.equilibrium import solve_batch
from detente.errors import InputError, NoSolutionError
from detente.outcomes.attribution import (
    OUTCOMES,
    attribution,
    by_measure,
    by_regime,
    lifting,
    players_of,
    with_only,
)
from detente.regimes.attach import attach_law
from detente.regimes.catalogue import load_regime
from detente.report.attributiontext import chart, sections, title
from detente.scenario import Scenario


def banned(**tables):
    """The middling world without law on record, its bans in tables."""
    world = korea_like()
    meta = {key: value for key, value in world.meta.items() if key != "law"}
    return world.with_(coverage=tables, meta=meta)


def pair(other):
    """All that the DPRK trades with a partner."""
    found = np.zeros((4, 11, 11))
    found[:, 0, other] = found[:, other, 0] = 1.0
    return found


BANS = {
    "unsc-dprk": np.array([1.0, 0.8, 0.9, 0.0])[:, None, None] * sum(map(pair, range(1, 11))),
    "rok-may-24": pair(1),
    "japan-dprk": pair(3),
    "us-dprk": pair(4),
}
WORLD = banned(**BANS)
TABLES = ("unsc-dprk", "rok-may-24", "japan-dprk")
LIFTS = [{"unban": {"coverage": name}} for name in TABLES]


def scenario(*measures, **top):
    return Scenario.from_dict({"scenario": "test", "measures": list(measures), **top})


def attributed(*measures, world=WORLD, by=by_regime, at=None, **given):
    whole = scenario(*(measures or LIFTS))
    groups = players_of(whole, by)
    country = given.pop("country", "PRK")
    part = with_only(whole, groups, at)
    return attribution(world, part, tuple(groups), country=country, **given)


# -- the worths are those of the solves ------------------------------------------------------
def test_the_worth_of_a_set_is_the_outcome_of_its_own_scenario():
    got = attributed().subsets.set_index("players")
    assert len(got) == 8
    for key, lifted in (
        ("", []),
        ("unsc-dprk + japan-dprk", [LIFTS[0], LIFTS[2]]),
        ("japan-dprk", LIFTS[2:]),
    ):
        result = solve(WORLD, scenario(*lifted))
        welfare, partners = result.welfare.loc["PRK"], result.partners("PRK")
        row = got.loc[key]
        assert row["percent"] == pytest.approx(100 * welfare["welfare"], abs=1e-9)
        assert row["welfare"] == pytest.approx(100 * np.log1p(welfare["welfare"]), abs=1e-9)
        assert row["ev"] == pytest.approx(welfare["equivalent_variation"], abs=1e-9)
        assert row["exports"] == pytest.approx(partners["exports_new"].sum(), rel=1e-12)
        assert row["trade"] == pytest.approx(partners["total_new"].sum(), rel=1e-12)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_efficiency_on_equilibria(outcome):
    found = attributed(outcome=outcome)
    result = solve(WORLD, scenario(*LIFTS))
    before = solve(WORLD, scenario())
    column = {"exports": "exports_new", "trade": "total_new"}.get(outcome)
    change = {
        "welfare": lambda r: 100 * np.log1p(r.welfare.loc["PRK", "welfare"]),
        "percent": lambda r: 100 * r.welfare.loc["PRK", "welfare"],
        "ev": lambda r: r.welfare.loc["PRK", "equivalent_variation"],
    }.get(outcome, lambda r: r.partners("PRK")[column].sum())
    assert found.table["value"].sum() == pytest.approx(change(result) - change(before))
    assert found.table["share"].sum() == pytest.approx(1.0)


def test_exports_and_imports_attributed_apart_sum_to_trade():
    """Additivity: the imports follow from trade balance with a fixed deficit."""
    exports, trade = attributed(outcome="exports"), attributed(outcome="trade")
    # D′ = D in the numeraire: imports change by what exports change
    np.testing.assert_allclose(trade.table["value"], 2 * exports.table["value"], rtol=1e-6)


def test_another_country_or_outcome_needs_no_new_solves(monkeypatch):
    solved = []

    def counting(world, asked, **given):
        solved.extend(asked)
        return solve_batch(world, asked, **given)

    monkeypatch.setattr("detente.outcomes.attribution.solve_batch", counting)
    found = attributed()
    assert len(solved) == 8  # every set once
    other = found.of("KOR", "ev")
    table, pairs, subsets = other.table, other.interactions, other.subsets
    assert len(solved) == 8
    again = attributed(country="KOR", outcome="ev")
    assert len(solved) == 16
    pd.testing.assert_frame_equal(table, again.table)
    pd.testing.assert_frame_equal(pairs, again.interactions)
    pd.testing.assert_frame_equal(subsets, again.subsets)
    with pytest.raises(InputError, match="Did you mean 'exports'"):
        found.of(outcome="export")


def test_without_a_country_the_most_affected_is_shown():
    assert attributed(country=None).country == "PRK"


# -- law: a link is open only when every ban on it is lifted ---------------------------------
def test_two_bans_on_the_same_links_share_alike_and_the_last_to_go_opens_them():
    world = banned(one=pair(1), other=pair(1))
    lifts = [{"unban": {"coverage": name}} for name in ("one", "other")]
    found = attributed(*lifts, world=world)
    table, total = found.table, found.game().total
    assert total > 0
    assert table["value"].tolist() == pytest.approx([total / 2, total / 2], rel=1e-12)
    assert table["alone"].tolist() == table["lowest"].tolist() == [0.0, 0.0]
    assert table["highest"].tolist() == table["last"].tolist() == [total, total]
    assert table["highest_after"].tolist() == ["other", "one"]
    assert found.interactions["interaction"].tolist() == [pytest.approx(total)]


def test_a_regime_over_links_that_carry_nothing_gets_nothing():
    idle = np.zeros((4, 11, 11))
    idle[:, 0, 5] = 1.0  # the DPRK's sales to Russia, which trade
    dormant = {"provisional": np.where(idle > 0, 0.0, WORLD.dormant["provisional"])}
    world = banned(**BANS, idle=idle).with_(dormant=dormant)
    found = attributed(*LIFTS, {"unban": {"coverage": "idle"}}, world=world)
    assert found.table.loc["idle", ["value", "lowest", "highest"]].abs().max() == 0.0


def test_the_order_of_the_file_does_not_matter():
    one, other = attributed(*LIFTS).table, attributed(*reversed(LIFTS)).table
    for key in ("value", "lowest", "highest"):
        np.testing.assert_allclose(other.loc[one.index, key], one[key], atol=1e-9)


def test_every_set_is_read_on_the_day_that_is_asked_for():
    early = {"unban": {"coverage": "japan-dprk", "on": "2020-01-01", "until": "2020-12-31"}}
    late = {"unban": {"coverage": "rok-may-24", "on": "2021-01-01"}}
    during, after = attributed(early, late, at="2020-06-01"), attributed(early, late)
    assert (
        during.table.loc["rok-may-24", "value"] == 0 < during.table.loc["japan-dprk", "value"]
    )
    assert after.table.loc["japan-dprk", "value"] == 0 < after.table.loc["rok-may-24", "value"]
    assert "not in force on the day (snapped back)" in words(after)


def test_measures_in_no_group_always_act():
    whole = scenario(*LIFTS)
    groups = {"neighbours": whole.measures[1:]}
    found = attribution(WORLD, with_only(whole, groups), ("neighbours",), country="PRK")
    game = attributed().game()
    assert found.game().worth.tolist() == [game.worth[0b001], game.worth[0b111]]


def test_assumptions_hold_in_every_set():
    low = scenario(*LIFTS, trade_elasticity=3)
    groups = players_of(low)
    found = attribution(WORLD, with_only(low, groups), tuple(groups), country="PRK")
    for mask, lifted in ((0, []), (0b101, [LIFTS[0], LIFTS[2]]), (0b111, LIFTS)):
        alone = solve(WORLD, scenario(*lifted, trade_elasticity=3)).welfare.loc["PRK"]
        welfare = 100 * np.log1p(alone["welfare"])
        assert found.game().worth[mask] == pytest.approx(welfare, abs=1e-9)


# -- regimes as law --------------------------------------------------------------------------
REGIMES = ("unsc-dprk", "rok-may-24", "us-dprk")
DAY = date(2018, 7, 1)


@pytest.fixture(scope="module")
def lawless():
    """The embedded world without a word of law, and the same with regimes on record."""
    korea = load_world("korea")
    meta = {key: value for key, value in korea.meta.items() if key != "law"}
    world = korea.with_(coverage={}, meta=meta)
    return world, attach_law(world, [load_regime(name) for name in REGIMES], DAY)


def lifted(world, regimes=REGIMES, **assumed):
    whole = lifting(regimes, "korea", **assumed)
    groups = players_of(whole)
    return attribution(world, with_only(whole, groups), tuple(groups), country="PRK")


def test_regimes_that_only_the_others_name_stay_in_force_in_a_set(lawless):
    """Without law on record a scenario holds what it names, and a part of it names less."""
    world, recorded = lawless
    assumed, known = lifted(world, law_day=DAY.isoformat()), lifted(recorded)
    np.testing.assert_allclose(assumed.game().worth, known.game().worth, atol=1e-8)
    assert (known.table["value"] > 0).all()


def test_each_regimes_worth_is_what_lifting_it_alone_does(lawless):
    _, world = lawless
    table = lifted(world).table
    for name in REGIMES:
        welfare = solve(world, lifting([name], "korea")).welfare.loc["PRK", "welfare"]
        assert table.loc[name, "alone"] == pytest.approx(100 * np.log1p(welfare), abs=1e-9)


def test_the_documents_figures_are_those_that_the_embedded_world_gives():
    """docs/attribution.md, its table of four regimes: to the last digit that it shows."""
    text = (Path(__file__).parents[2] / "docs" / "attribution.md").read_text(encoding="utf-8")
    rows = re.findall(r"\(`([a-z0-9-]+)`\) \|(.*)\|$", text, re.MULTILINE)
    table = lifted(load_world("korea"), [name for name, _ in rows]).table
    assert len(rows) == 4
    keys = ("value", "share", "alone", "last", "lowest", "highest")
    for name, cells in rows:
        for key, cell in zip(keys, cells.split("|"), strict=True):
            value = table.loc[name, key] * (100 if key == "share" else 1)
            digits = len(cell.strip().removesuffix(" %").partition(".")[2])
            shown = float(cell.strip().removesuffix(" %"))
            assert abs(shown - value) <= 0.5000001 * 10.0**-digits, (name, key, value)


# -- what is refused -------------------------------------------------------------------------
def test_a_set_without_an_equilibrium_is_named_and_nothing_put_in_its_place():
    """Japan is to be paid more than the DPRK has; only with the South's help can it pay."""
    income = float(WORLD.income[0])
    amounts = [f"{5 * income:.6f} million USD"] * 2
    help_, debt = (
        {"transfer": {"from": "KOR", "to": "PRK", "amount": amounts[0]}},
        {"transfer": {"from": "PRK", "to": "JPN", "amount": amounts[1]}},
    )
    with pytest.raises(NoSolutionError) as caught:
        attributed(help_, debt, *LIFTS, by=by_measure)
    assert str(caught.value).startswith("where only {transfer PRK→JPN} acts: no equilibrium")
    assert "PRK would have no income left" in str(caught.value)


def test_sets_with_other_baselines_are_refused():
    def other_rule(names):
        rule = "balanced" if names else "fixed"
        return scenario(*(LIFTS if names else []), deficit_rule=rule)

    with pytest.raises(InputError, match="baselines are not comparable"):
        attribution(WORLD, other_rule, ("a",))

    def other_theta(names):
        return scenario(**({"trade_elasticity": 3} if names else {}))

    with pytest.raises(InputError, match="other trade elasticities"):
        attribution(WORLD, other_theta, ("a",))


def test_thirteen_players_are_refused_before_any_solve():
    measures = [{"productivity": {"country": "KOR", "tfp": 1 + j / 100}} for j in range(13)]
    with pytest.raises(InputError, match=r"8,192 equilibria.*12 players \(4,096\)"):
        attributed(*measures, by=by_measure)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"outcome": "welfar"}, "Did you mean 'welfare'"),
        ({"country": "KR"}, "Did you mean 'KOR'"),
    ],
)
def test_unknown_outcome_and_country_are_refused(given, words):
    with pytest.raises(InputError, match=words):
        attributed(**given)


def test_a_mistake_in_a_measure_is_told_as_such_and_not_as_a_sets():
    with pytest.raises(InputError) as caught:
        attributed({"unban": {"coverage": "unsc-dprkk"}}, LIFTS[1])
    assert "acts" not in str(caught.value)
    assert "Did you mean 'unsc-dprk'" in str(caught.value)
    with pytest.raises(InputError, match="no measures"):
        players_of(scenario())


# -- players ---------------------------------------------------------------------------------
def test_players_are_named_by_kind_and_what_they_are_about():
    whole = scenario(
        {"unban": {"coverage": "unsc-dprk"}},
        {"tariff": {"exporter": ["KOR", "CHN"], "importer": "PRK", "rate": 0}},
        {"transfer": {"from": "KOR", "to": "PRK", "amount": "1 million USD"}},
        {"productivity": {"country": "PRK", "tfp": "+1%", "sectors": "coal"}},
        {"secondary_sanctions": {"sender": "USA", "target": "PRK", "cost": 0.1}},
        {"unban": {"coverage": "unsc-dprk", "sectors": "coal"}},
        {"unban": {"coverage": "unsc-dprk"}},
    )
    assert list(players_of(whole, by_measure)) == [
        "unban unsc-dprk",
        "tariff KOR+CHN→PRK",
        "transfer KOR→PRK",
        "productivity PRK coal",
        "secondary_sanctions USA→PRK",
        "unban unsc-dprk coal",
        "unban unsc-dprk (no. 7)",
    ]
    groups = players_of(whole, by_regime)
    assert {name: len(measures) for name, measures in groups.items()} == {
        "unsc-dprk": 3,
        "other measures": 4,
    }


# -- words and chart -------------------------------------------------------------------------
def words(found):
    told = []
    for section in sections(found):
        told += [*section.paragraphs, *section.notes]
        told += [" ".join(row) for table in section.tables for row in table.rows]
    return "\n".join(told)


def test_the_words_hold_the_figures_and_say_what_the_order_does():
    found = attributed()
    told, table = words(found), found.table
    for name, row in table.iterrows():
        assert f"{100 * row['share']:.1f} % to {name}" in told
    assert "a link is open only when every ban on it is lifted" in told.lower()
    assert f"{found.game().total:+.2f} points of 100·ln Ŵ" in told
    assert "all 6 orders" in told
    assert "8 sets" in told
    assert title(found) == "Welfare of the DPRK, 3 players: test"
    assert "stay banned by 'us-dprk'" in told  # a regime that is no player still closes links


def test_where_the_order_does_not_matter_the_words_say_so():
    found = attributed(LIFTS[0])
    assert [s.key for s in sections(found)] == ["shares"]
    idle = [{"unban": {"coverage": name, "until": "2000-01-01"}} for name in TABLES]
    told = words(attributed(*idle))
    assert "Not at all" in told
    assert "n/a" in told
    assert "shares have no meaning" in told


def test_players_who_work_against_each_other_are_pointed_out():
    debt = {"transfer": {"from": "PRK", "to": "JPN", "amount": "1 million USD"}}
    assert "against each other" in words(attributed(LIFTS[0], debt))
    assert "against each other" not in words(attributed())


def test_the_chart_is_svg_with_a_bar_and_a_whisker_for_each_player():
    picture = chart(attributed(outcome="exports"))
    root = ElementTree.fromstring(picture)
    space = "{http://www.w3.org/2000/svg}"
    bars = [r for r in root.iter(f"{space}rect") if r.get("fill")]
    whiskers = [r for r in root.iter(f"{space}rect") if r.get("class") == "dt-ink"]
    assert (len(bars), len(whiskers)) == (len(TABLES), 3 * len(TABLES))
    text = [t.text for t in root.iter(f"{space}text")]
    assert all(name in text for name in TABLES)


def test_progress_is_told_up_to_all_sets():
    told = []
    attributed(progress=told.append)
    assert told == [8]


# -- the command line ------------------------------------------------------------------------
def detente(*args):
    app = typer.Typer(cls=Commands)
    app.command()(attribute)
    app.callback()(lambda: None)
    return CliRunner().invoke(app, ["attribute", *map(str, args)])


@pytest.fixture
def files(tmp_path):
    world = WORLD.save(tmp_path / "k.npz")
    path = tmp_path / "three.yaml"
    path.write_text(scenario(*LIFTS, world="k.npz").to_yaml(), encoding="utf-8")
    return path, world


def test_a_file_by_measure_and_by_regime(files):
    shown = detente(files[0], "--country", "PRK")
    assert shown.exit_code == 0, shown.stderr
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert "1 unban unsc-dprk" in shown.stdout
    assert "1 unsc-dprk " in detente(files[0], "--by", "regime").stdout


def test_json_and_csv_hold_the_same_figures(files):
    found = attributed(by=by_measure, outcome="ev")
    args = (files[0], "--country", "PRK", "--outcome", "ev", "--format")
    whole = json.loads(detente(*args, "json").stdout)
    assert whole["total"] == pytest.approx(found.game().total, rel=1e-9)
    assert whole["players"] == list(found.players)
    assert abs(whole["not_shared_out"]) < 1e-9
    table = pd.read_csv(io.StringIO(detente(*args, "csv").stdout), keep_default_na=False)
    np.testing.assert_allclose(table["value"], found.table["value"], rtol=1e-9)
    rows = [row["value"] for row in whole["tables"]["attribution"]]
    np.testing.assert_allclose(rows, found.table["value"], rtol=1e-9)
    subsets = json.loads(detente(*args, "json", "--table", "subsets").stdout)
    assert len(subsets) == 8


def test_a_folder_holds_tables_and_chart_and_what_makes_them_again(
    files, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    ran = detente(files[0], "-o", out, "--outcome", "exports", "--by", "regime")
    assert ran.exit_code == 0, ran.stderr
    names = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    tables = ("attribution", "interactions", "subsets", "countries")
    assert names == {f"tables/{t}.{e}" for t in tables for e in ("csv", "parquet")} | {
        "attribution.json", "charts/attribution.svg", "run.json", "scenario.yaml", "world.npz",
    }  # fmt: skip
    for name in tables:
        csv = pd.read_csv(out / "tables" / f"{name}.csv", keep_default_na=False)
        parquet = pd.read_parquet(out / "tables" / f"{name}.parquet")
        pd.testing.assert_frame_equal(parquet, csv, check_dtype=False)
    again = json.loads((out / "run.json").read_text())["run_again"]
    monkeypatch.chdir(out)
    second = detente(*shlex.split(again)[2:], "--format", "csv")
    assert second.exit_code == 0, second.stderr
    assert second.stdout == (out / "tables" / "attribution.csv").read_text()


def test_parquet_is_written_and_not_printed(files, tmp_path):
    nowhere = detente(files[0], "--format", "parquet")
    assert (nowhere.exit_code, "say where with -o DIR" in nowhere.stderr) == (2, True)
    out = tmp_path / "out"
    ran = detente(files[0], "-o", out, "--format", "parquet", "--country", "PRK")
    assert (ran.exit_code, ran.stdout) == (0, ""), ran.stderr
    table = pd.read_parquet(out / "tables" / "attribution.parquet").set_index("player")
    np.testing.assert_array_equal(table["value"], attributed(by=by_measure).table["value"])


def test_regimes_without_a_file(lawless, tmp_path):
    path = lawless[1].save(tmp_path / "k.npz")
    ran = detente("--regimes", "rok-may-24,us-dprk", "--world", path, "--outcome", "exports")
    assert ran.exit_code == 0, ran.stderr
    assert ran.stdout.startswith("Exports of the DPRK, 2 players: Lifting rok-may-24, us-dprk")
    assert "'unsc-dprk'" in ran.stdout  # no player, and still in force
    assert max(map(len, ran.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "give a scenario FILE, or --regimes"),
        (("FILE", "--regimes", "a"), "one of them"),
        (("--regimes", ","), "--regimes: it names nothing"),
        (("--regimes", "us-dprk,us-dprk"), "named twice"),
        (("--regimes", "us-dprkk"), "--regimes: there is no regime 'us-dprkk'"),
        (("FILE", "--country", "KR"), "Did you mean 'KOR'"),
        (("FILE", "--table", "subset"), "Did you mean 'subsets'"),
        (("FILE", "--deficit-rule", "balance"), "--deficit-rule: unknown deficit rule"),
        (("FILE", "--at", "2020-13-01"), "2020-13-01"),
    ],
)
def test_a_users_mistakes_are_named(files, args, words):
    ran = detente(*(files[0] if a == "FILE" else a for a in args))
    assert ran.exit_code == 2
    assert words in ran.stderr


def test_lifting_is_one_measure_a_regime():
    whole = lifting(("a", "b"), "korea", deficit_rule="balanced")
    assert [by_regime(m) for m in whole.measures] == ["a", "b"]
    assert whole.assumptions.rule == "balanced"
    assert load_world(whole.world).name == "korea"
