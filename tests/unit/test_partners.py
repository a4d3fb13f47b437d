"""The race of partners: states, draws, ranks, text, chart, folder, command line."""

from __future__ import annotations

import json
import shlex
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner

from detente.cli import app
from detente.dormant import dormant_shares
from detente.errors import InputError
from detente.partners.chart import chart
from detente.partners.draws import draw_theta
from detente.partners.folder import write
from detente.partners.race import REFORM, RELIEF, Settings, race
from detente.partners.tables import as_document, tables
from detente.partners.text import sections
from detente.partners.units import units
from detente.world import load_world
from geographies import estimates, geography, history
from small_korea import CHN, COUNTRIES, PRK, SECTORS, small_korea

ERRORS = {
    s: {"relative_error": 0.3, "estimate": "one" if s == "food" else "two", "flag": "observed"}
    for s in SECTORS
}
LIFT = ("unsc-dprk", "rok-may-24", "japan-dprk")
CLI = CliRunner()


def shares(**meta):
    world = small_korea(dormant={}, meta={"elasticity_errors": ERRORS, **meta})
    found = dormant_shares(
        world,
        "PRK",
        history=history(world, "PRK", "CHN"),
        traded=SECTORS,
        geography=geography(COUNTRIES),
        estimates=estimates(SECTORS),
    )
    # small_korea is no equilibrium: the rule's re-basing must not be part of the answer
    ready = found.attach().rebase()
    return dormant_shares(
        ready,
        "PRK",
        history=history(ready, "PRK", "CHN"),
        traded=SECTORS,
        geography=geography(COUNTRIES),
        estimates=estimates(SECTORS),
    )


def ran(draws=12, lift=LIFT, seed=1, **changes):
    found = shares(**changes)
    return race(found.world, "PRK", Settings(lift, draws=draws, seed=seed), found)


@pytest.fixture(scope="module")
def done():
    return ran()


# -- what is computed ----------------------------------------
def test_observed_trade_is_the_worlds(done):
    flows = done.world.flows
    both = flows[:, PRK, CHN].sum() + flows[:, CHN, PRK].sum()
    assert done.table.loc["CHN", "observed"] == pytest.approx(both)
    assert done.table["observed_share"].sum() == pytest.approx(1.0)
    assert done.table.loc["KOR", "observed"] == 0.0


def test_lifting_nothing_without_reform_changes_nothing():
    found = ran(draws=3, lift=())
    np.testing.assert_allclose(
        found.table[RELIEF], found.table["observed"], rtol=1e-6, atol=1e-9
    )
    assert found.welfare[RELIEF] == pytest.approx(0.0, abs=1e-9)
    assert set(found.still_in_force) == set(LIFT)
    # a ban that stays keeps a link shut, reform or not; who trades nothing has no rank
    assert found.table.loc["KOR", REFORM] == pytest.approx(0.0, abs=1e-9)
    assert found.rank_probability(REFORM).loc["KOR"].sum() == 0.0
    assert found.probability_of_top(["CHN", "KOR", "JPN"], REFORM) == 0.0


def test_relief_opens_what_was_banned(done):
    assert done.table.loc["KOR", RELIEF] > 0.0
    assert done.welfare[REFORM] > 0.0


def test_ranks_are_probabilities(done):
    for state in done.ranked:
        for own in (False, True):
            table = done.rank_probability(state, pair_error=own)
            np.testing.assert_allclose(table.sum(axis=0), 1.0)
            np.testing.assert_allclose(table.sum(axis=1), 1.0)


def test_the_chance_of_the_top_is_that_of_the_ranks(done):
    for state in done.states:
        first = done.rank_probability(state)[1]
        for code in done.units.codes:
            assert done.probability_of_top([code], state) == pytest.approx(first[code])
    assert done.probability_of_top(done.units.codes, RELIEF) == 1.0


def test_the_same_seed_gives_the_same_draws_and_another_others(done):
    again, other = ran(), ran(seed=2)
    np.testing.assert_array_equal(done.totals[REFORM], again.totals[REFORM])
    assert not np.allclose(done.totals[REFORM], other.totals[REFORM])


def test_more_draws_begin_with_the_same_ones(done):
    more = ran(draws=15)
    np.testing.assert_array_equal(done.totals[RELIEF], more.totals[RELIEF][:12])


def test_without_pair_errors_both_sets_of_draws_are_one():
    found = shares()
    settings = Settings(LIFT, draws=3, pair_error=0.0)
    got = race(found.world, "PRK", settings, found)
    np.testing.assert_array_equal(got.totals[REFORM], got.noisy_totals[REFORM])


def test_a_partner_that_lies_nowhere_is_drawn_without_a_factor():
    world = small_korea(dormant={}, meta={"elasticity_errors": ERRORS}).rebase()
    found = dormant_shares(
        world,
        "PRK",
        traded=SECTORS,
        geography=geography(("PRK", "KOR", "CHN")),
        estimates=estimates(SECTORS),
    )
    got = race(found.world, "PRK", Settings(LIFT, draws=3), found)
    assert np.isfinite(got.noisy_totals[REFORM]).all()
    assert not got.failed[REFORM]


def test_sectors_that_share_an_estimate_move_together():
    world = shares().world
    rng = np.random.default_rng(3)
    drawn = np.stack([draw_theta(world, rng) for _ in range(4000)])
    ratio = np.log(drawn / world.trade_elasticity)
    coal, textiles, food = ratio.T
    np.testing.assert_allclose(coal, textiles)
    assert abs(np.corrcoef(coal, food)[0, 1]) < 0.06
    assert np.median(drawn[:, 0]) == pytest.approx(world.trade_elasticity[0], rel=0.02)
    assert drawn[:, 0].std() / drawn[:, 0].mean() == pytest.approx(0.3, rel=0.06)


def test_a_bloc_counts_as_one_partner():
    found = ran(draws=2, blocs={"EAST": ["CHN", "JPN"]})
    apart = ran(draws=2)
    assert set(found.table.index) == {"KOR", "EAST"}
    for key in ("observed", RELIEF, REFORM, "potential_normal"):
        assert found.table.loc["EAST", key] == pytest.approx(
            apart.table.loc[["CHN", "JPN"], key].sum()
        )


# -- what is shown ----------------------------------------
def test_the_document_holds_rank_probabilities(done):
    document = json.loads(json.dumps(as_document(done, ("KOR", "CHN")), allow_nan=False))
    for key in ("rank_probability", "rank_probability_pair_error"):
        for state in done.ranked:
            assert set(document[key][state]) == set(done.units.codes)
            assert all(sum(p) == pytest.approx(1.0) for p in document[key][state].values())
    assert document["top"]["partners"] == ["KOR", "CHN"]
    assert document["settings"]["seed"] == 1
    assert document["world"]["hash"] == done.world.content_hash


def test_tables_and_text_fit_80_columns(done):
    assert set(tables(done)) == {"partners", "ranks", "borders", "links"}
    for section in sections(done, ("KOR",)):
        for table in section.tables:
            widths = [max(map(len, column)) for column in zip(*table.rows, strict=True)]
            assert sum(widths) + 2 * (len(widths) - 1) <= 80


def test_the_chart_is_well_formed_and_says_what_it_shows(done):
    picture = chart(done)
    root = ElementTree.fromstring(picture)
    words = " ".join(t.text or "" for t in root.iter("{http://www.w3.org/2000/svg}text"))
    for part in ("million USD", "log scale", "observed", "after relief", "small-korea"):
        assert part in words


def test_without_draws_there_are_no_chances():
    found = ran(draws=0)
    assert len(sections(found)) == 1
    assert as_document(found)["rank_probability"] == {}
    assert tables(found)["ranks"].empty
    ElementTree.fromstring(chart(found))


def test_the_folder_is_whole_and_holds_a_world_of_ones_own(done, tmp_path):
    folder = write(tmp_path / "out", done, ("KOR",))
    names = {p.name for p in folder.iterdir()}
    assert names == {
        "partners.csv", "ranks.csv", "borders.csv", "links.csv", "partners.svg",
        "partners.json", "run.json", "world.npz",
    }  # fmt: skip
    assert load_world(folder / "world.npz").content_hash == done.world.content_hash
    write(tmp_path / "out", done)  # our own folder is replaced


def test_what_the_folder_says_runs_it_again(tmp_path, monkeypatch):
    words = ["PRK", "--dprk-size", "bok", "--lift", "unsc-dprk", "--draws", "2", "--seed", "4"]
    words += ["--deficit-rule", "proportional:PRK", "--top", "KOR,CHN"]
    got = CLI.invoke(app, ["partners", *words, "-o", str(tmp_path / "one"), "--format", "csv"])
    assert got.exit_code == 0, got.stderr
    facts = json.loads((tmp_path / "one" / "run.json").read_text())
    again = shlex.split(facts["run_again"])[1:]
    monkeypatch.chdir(tmp_path / "one")
    got = CLI.invoke(app, [*again, "-o", str(tmp_path / "two"), "--format", "csv"])
    assert got.exit_code == 0, got.stderr
    for name in ("partners.csv", "ranks.csv"):
        assert (tmp_path / "one" / name).read_text() == (tmp_path / "two" / name).read_text()


def test_a_country_without_a_past_has_reform_and_no_relief():
    world = shares().world
    found = dormant_shares(
        world,
        "PRK",
        traded=SECTORS,
        geography=geography(COUNTRIES),
        estimates=estimates(SECTORS),
    )
    got = race(found.world, "PRK", Settings(LIFT, draws=2), found)
    assert got.states == (REFORM,)
    assert "borders" not in tables(got)
    assert [s.key for s in sections(got)] == ["partners", "ranks"]
    ElementTree.fromstring(chart(got))


def test_observed_trade_is_that_of_the_baseline_that_the_rule_solves_on():
    found = shares()
    settings = Settings((), draws=0, deficit_rule="balanced")
    got = race(found.world, "PRK", settings, found)
    np.testing.assert_allclose(got.table[RELIEF], got.table["observed"], rtol=1e-6)


def test_a_world_that_does_not_know_its_elasticities_draws_without_them():
    got = ran(draws=2, elasticity_errors={})
    assert got.settings.elasticities is False


# -- wrong input ----------------------------------------
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: ran(draws=1, lift=("unsc-dprc",)),
            "no ban 'unsc-dprc' is in force.*'unsc-dprk'",
        ),
        (lambda: units(small_korea(), "PRK", {"E": ["CHM"]}), "'CHM' is no partner.*'CHN'"),
        (lambda: units(small_korea(), "PRK", {"E": ["CHN"], "F": ["CHN"]}), "in two blocs"),
    ],
)
def test_wrong_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_wrong_top_is_named(done):
    with pytest.raises(InputError, match=r"'CHM' is no partner here.*Did you mean 'CHN'"):
        done.probability_of_top(["CHM"], RELIEF)
    with pytest.raises(InputError, match="names a partner twice"):
        done.probability_of_top(["CHN", "CHN"], RELIEF)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["PRX"], "unknown country 'PRX'"),
        (["PRK", "--lift", "unsk"], "Did you mean 'unsc-dprk'?"),
        (["PRK", "--top", "KOR,CHM", "--draws", "1"], "--top: 'CHM' is no partner here"),
        (["PRK", "--draws", "-1"], "--draws: -1 is not between"),
        (["KOR"], "no dormant shares of KOR"),
        (["PRK", "--table", "rank"], "there is no table 'rank'"),
        (["PRK", "--format", "parquet"], "say where with -o DIR"),
        (["PRK", "--lift", ""], "--lift: it names nothing"),
        (["PRK", "--lift", "all,unsc-dprk"], "--lift: 'all' stands alone"),
        (["PRK", "--lift", "unsc-dprk,unsc-dprk"], "--lift: 'unsc-dprk' is named twice"),
        (["PRK", "--top", "KOR,KOR", "--draws", "1"], "--top: 'KOR' is named twice"),
        (["PRK", "--top", "VNM", "--draws", "1"], "'VNM' is part of ASEAN here"),
        (["PRK", "--top", "PRK", "--draws", "1"], "is the country itself"),
        (["PRK", "--top", "KOR", "--draws", "0"], "leave --draws 0 out"),
        (["PRK", "--deficit-rule", "balancd"], "--deficit-rule: unknown deficit rule"),
    ],
)
def test_the_command_line_names_what_is_wrong(words, message):
    given = ["partners", *words, *([] if "--draws" in words else ["--draws", "0"])]
    got = CLI.invoke(app, given)
    assert got.exit_code == 2
    assert message in " ".join(got.stderr.split())


# -- the flagship ----------------------------------------
def test_the_claim_about_seoul_beijing_and_moscow_gets_a_number():
    got = CLI.invoke(
        app, ["partners", "PRK", "--top", "KOR,CHN,RUS", "--draws", "20", "--format", "json"]
    )
    assert got.exit_code == 0, got.stderr
    found = json.loads(got.stdout)
    for state in ("gravity", RELIEF, REFORM):
        assert 0.0 <= found["top"][state]["probability"] <= 1.0
        assert {"KOR", "CHN", "RUS", "JPN", "USA", "EU27", "ASEAN"} <= set(
            found["rank_probability"][state]
        )
    # no partner of the DPRK beside China traded with it freely in 2018
    world = load_world("korea")
    prk = world.country_index("PRK")
    table = {r["partner"]: r for r in found["tables"]["partners"]}
    china = world.country_index("CHN")
    observed = world.flows[:, prk, china].sum() + world.flows[:, china, prk].sum()
    assert table["CHN"]["observed"] == pytest.approx(observed)


def test_the_table_is_readable_in_80_columns():
    got = CLI.invoke(app, ["partners", "PRK", "--draws", "5", "--top", "KOR,CHN,RUS"])
    assert got.exit_code == 0, got.stderr
    assert max(map(len, got.stdout.splitlines())) <= 80
    assert "largest partners are" in got.stdout
