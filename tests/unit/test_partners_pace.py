"""Openings that take time in the race of partners: shares, draws, text, command line."""

from __future__ import annotations

import json
import shlex

import numpy as np
import pytest
from typer.testing import CliRunner

from detente.cli import app
from detente.dormant import dormant_shares
from detente.equilibrium import solve_equilibrium
from detente.errors import InputError
from detente.openings import embedded
from detente.openings.pace import Pace, realised_share
from detente.openings.record import load_record
from detente.partners.chart import chart
from detente.partners.draws import draw
from detente.partners.folder import again
from detente.partners.pace import Timing, option, timing
from detente.partners.race import GRAVITY, REFORM, RELIEF, Settings, race, scenario
from detente.partners.tables import as_document
from detente.partners.text import sections, title
from geographies import estimates, geography, history
from small_korea import COUNTRIES, KOR, PRK, SECTORS, small_korea

LIFT = ("unsc-dprk", "rok-may-24", "japan-dprk")
ERRORS = {s: {"relative_error": 0.3, "estimate": s, "flag": "observed"} for s in SECTORS}
CLI = CliRunner()


@pytest.fixture(scope="module")
def shares():
    world = small_korea(dormant={}, meta={"elasticity_errors": ERRORS})
    for _ in range(2):  # small_korea is no equilibrium: re-base, then draw the shares again
        found = dormant_shares(
            world,
            "PRK",
            history=history(world, "PRK", "CHN"),
            traded=SECTORS,
            geography=geography(COUNTRIES),
            estimates=estimates(SECTORS),
        )
        world = found.attach().rebase()
    return found


def ran(shares, path="immediate", after=None, **changes):
    given = {"draws": 6, "seed": 1, **changes}
    return race(
        shares.world, "PRK", Settings(LIFT, openness_path=path, after=after, **given), shares
    )


@pytest.fixture(scope="module")
def at_once(shares):
    return ran(shares)


@pytest.fixture(scope="module")
def base_rate(shares):
    return ran(shares, "base-rate", 15)


class _Curve:
    """A made-up record: every partner opens as it is told, in the world's order."""

    def __init__(self, level, half_life=4.0, start=0.1):
        self.numbers = level, half_life, start
        self.about = {}

    def draw(self, rng, n_links):
        return tuple(np.broadcast_to(x, n_links).astype(float) for x in self.numbers)


# -- limits with known answers ----------------------------------------
def test_at_once_is_the_plain_equilibrium_bit_for_bit(shares, at_once):
    world = shares.world.with_(
        dormant={k: a.dormant_share(PRK) for k, a in shares.anchors.items()}
    )
    stream = np.random.SeedSequence(1).spawn(6)[0]
    error = shares.estimates.pair_error
    first = draw(shares, np.random.default_rng(stream), elasticities=True, pair_error=error)
    for state in (RELIEF, REFORM):
        asked = scenario(shares.world, "PRK", at_once.settings, state)
        flows = solve_equilibrium(world, asked).flows
        both = flows[:, PRK].sum(axis=0) + flows[:, :, PRK].sum(axis=0)
        assert at_once.table.loc["KOR", state] == both[KOR]
        for totals, psi in (
            (at_once.totals, first.dormant),
            (at_once.noisy_totals, first.dormant_noisy),
        ):
            drawn = shares.world.with_(trade_elasticity=first.theta, dormant=psi)
            sold, bought = at_once.units.total(solve_equilibrium(drawn, asked).flows, PRK)
            np.testing.assert_array_equal(totals[state][0], sold + bought)


def test_all_of_it_on_the_first_day_is_at_once(shares, at_once):
    found = ran(shares, {"level": "100%", "half_life": 0}, 0)
    for state in (RELIEF, REFORM):
        np.testing.assert_allclose(found.table[state], at_once.table[state], rtol=1e-9)
        for ours, theirs in (
            (found.totals, at_once.totals),
            (found.noisy_totals, at_once.noisy_totals),
        ):
            np.testing.assert_allclose(ours[state], theirs[state], rtol=1e-9)


@pytest.mark.parametrize(
    ("path", "after"),
    [({"level": 0, "half_life": 1}, 30), ({"level": 1, "half_life": 5}, 0)],
    ids=["nothing opens", "before the first day is over"],
)
def test_nothing_of_it_leaves_the_observed_trade(shares, path, after):
    found = ran(shares, path, after, draws=2)
    for state in (RELIEF, REFORM):
        np.testing.assert_allclose(
            found.table[state], found.table["observed"], rtol=1e-7, atol=1e-9
        )
        assert found.welfare[state] == pytest.approx(0.0, abs=1e-9)
        for total in found.noisy_totals[state]:
            observed = found.table.loc[list(found.units.codes), "observed"]
            np.testing.assert_allclose(total, observed, rtol=1e-6, atol=1e-9)


def test_a_record_in_which_all_open_alike_is_the_path_of_these_numbers(shares, monkeypatch):
    monkeypatch.setattr(embedded, "curve", lambda: _Curve(0.5))
    monkeypatch.setattr("detente.partners.pace.record_factor", lambda size, before: 1.0)
    drawn = ran(shares, "base-rate", 7)
    stated = ran(shares, {"level": 0.5, "half_life": 4, "start": 0.1}, 7, pair_error=0.0)
    for state in (RELIEF, REFORM):
        np.testing.assert_allclose(drawn.totals[state], stated.totals[state], rtol=1e-12)


def test_a_partner_that_stays_cold_keeps_what_it_trades(shares, monkeypatch):
    cold = [0.0 if c == "KOR" else 1.0 for c in COUNTRIES if c != "PRK"]
    monkeypatch.setattr(embedded, "curve", lambda: _Curve(cold))
    found = ran(shares, "base-rate", 15, draws=2)
    seoul, tokyo = (found.units.position(c) for c in ("KOR", "JPN"))
    for state in (RELIEF, REFORM):
        assert found.totals[state][:, seoul] == pytest.approx(0.0, abs=1e-9)
        assert (found.totals[state][:, tokyo] > 0.0).all()


# -- draws ----------------------------------------
def test_the_same_seed_draws_the_same_openings_and_another_others(shares, base_rate):
    same, other = (ran(shares, "base-rate", 15, seed=s) for s in (1, 2))
    for state in (RELIEF, REFORM):
        np.testing.assert_array_equal(base_rate.totals[state], same.totals[state])
        assert not np.allclose(base_rate.totals[state], other.totals[state])


def test_paces_are_drawn_after_all_else(at_once, base_rate):
    np.testing.assert_array_equal(at_once.totals[GRAVITY], base_rate.totals[GRAVITY])


def test_later_there_is_more(shares, base_rate):
    early = ran(shares, "base-rate", 2)
    for state in (RELIEF, REFORM):
        middles = [np.median(r.totals[state].sum(axis=1)) for r in (early, base_rate)]
        assert middles[0] < middles[1]
        assert early.table[state].sum() < base_rate.table[state].sum()


def test_the_middle_is_the_median_pace_and_draws_spread(shares, at_once, monkeypatch):
    monkeypatch.setattr("detente.partners.pace.record_factor", lambda size, before: 1.0)
    base_rate = ran(shares, "base-rate", 15)
    share = base_rate.settings.timing.middle()
    assert 0.0 < share < 1.0
    # the population's median, whose path the middle pace follows to a few hundredths
    assert share == pytest.approx(embedded.curve().after(15.0)[0.5], abs=0.03)
    spread = [np.ptp(np.log(r.totals[RELIEF].sum(axis=1))) for r in (at_once, base_rate)]
    assert spread[1] > spread[0]


def test_no_error_of_pairs_is_drawn_on_top(shares, base_rate):
    assert base_rate.settings.pair_error == 0.0
    for state in base_rate.ranked:
        np.testing.assert_array_equal(base_rate.totals[state], base_rate.noisy_totals[state])
    with pytest.raises(InputError, match="holds what gravity misses of a pair"):
        ran(shares, "base-rate", 15, pair_error=0.5)
    assert ran(shares, "warm", 15, draws=0).settings.pair_error == 0.5


def test_a_partner_has_one_pace_both_ways_and_others_links_none():
    found = Timing("base-rate", 15.0).draw(np.random.default_rng(3), 5, 2)
    np.testing.assert_array_equal(found, found.T)
    others = np.delete(np.arange(5), 2)
    assert len(set(found[2, others])) == 4
    np.testing.assert_array_equal(found[np.ix_(others, others)], 1.0)


@pytest.mark.parametrize("path", [{"level": 0.6, "half_life": 4}, "warm", "cold"])
def test_a_path_of_one_pace_draws_nothing(path):
    rng = np.random.default_rng(3)
    known = Timing(path, 10.0)
    assert known.draw(rng, 5, 2) == known.middle()
    assert rng.random() == np.random.default_rng(3).random()


def test_many_shares_at_once_are_those_of_each_pace():
    level, half_life, start = [0.4, 1.3, 0.02, 1.0], [4.0, 0.0, 30.0, 2.0], [0.1, 0.0, 1.0, 0.5]
    for years in (0.0, 3.0, 100.0):
        each = [float(Pace(*p).share(years)) for p in zip(level, half_life, start, strict=True)]
        np.testing.assert_allclose(
            realised_share(level, half_life, start, years), each, rtol=1e-14
        )


def test_a_year_given_is_a_whole_number_or_not():
    assert Timing("warm", 1.0).when == "after 1 year"
    assert Timing("warm", 2.5).when == "after 2.5 years"
    assert Timing("warm", 0.0).when == "on the first day"
    assert timing("cold", None).after == 15.0


# -- what is said ----------------------------------------
def test_the_document_names_path_years_and_record(at_once, base_rate, shares):
    document = json.loads(json.dumps(as_document(base_rate), allow_nan=False))
    assert document["settings"]["openness_path"] == "base-rate"
    assert document["settings"]["after"] == 15.0
    assert document["openings"] == {
        "record": load_record().content_hash,
        "curve": embedded.curve().about["draws_sha256"],
    }
    plain = as_document(at_once)
    assert "openings" not in plain
    assert not {"openness_path", "after"} & set(plain["settings"])
    stated = ran(shares, {"level": 0.6, "half_life": 4}, draws=0).provenance()
    assert stated["settings"]["openness_path"] == {"level": 0.6, "half_life": 4.0}
    assert "openings" not in stated  # no figure of it comes from the record


def test_the_text_says_when_and_how_pairs_errors_enter(base_rate, shares):
    told = sections(base_rate, ("KOR",))
    words = " ".join(n for s in told for n in (*s.notes, *s.paragraphs))
    assert "no error of pairs is drawn on top" in words
    assert "15 years after relief" in words
    assert "after 15 years" in title(base_rate).lower()
    assert told[1].title == "Chance of a rank after 15 years, %"
    assert "(" not in "".join(c for row in told[1].tables[0].rows for c in row[1:])
    warm = sections(ran(shares, "warm", 0, draws=2))
    assert "on the first day of relief" in " ".join(warm[0].notes)
    assert "in brackets with each pair's own error" in warm[1].title


def test_the_chart_says_when(base_rate):
    assert "after 15 years of opening" in chart(base_rate)
    assert "paces of opening drawn" in chart(base_rate)


def test_a_folders_command_has_the_options(base_rate, shares):
    assert "--openness-path base-rate --after 15.0" in again(base_rate, False, (), None)
    stated = ran(shares, {"level": 0.6, "half_life": 4, "start": 0.00001}, 2.5, draws=0)
    words = shlex.split(again(stated, False, (), None))
    assert words[words.index("--openness-path") + 1] == option(stated.settings.openness_path)
    assert words[words.index("--after") + 1] == "2.5"


@pytest.mark.parametrize("path", ["base-rate", "{level: 60%, half_life: 4}"])
def test_what_the_folder_says_runs_it_again(path, tmp_path, monkeypatch):
    words = ["PRK", "--draws", "2", "--openness-path", path, "--after", "10", "--top", "KOR"]
    got = CLI.invoke(app, ["partners", *words, "-o", str(tmp_path / "one"), "--format", "csv"])
    assert got.exit_code == 0, got.stderr
    facts = json.loads((tmp_path / "one" / "run.json").read_text())
    assert facts["settings"]["after"] == 10.0
    words = shlex.split(facts["run_again"])[1:]
    monkeypatch.chdir(tmp_path / "one")
    got = CLI.invoke(app, [*words, "-o", str(tmp_path / "two"), "--format", "csv"])
    assert got.exit_code == 0, got.stderr
    for name in ("partners.csv", "ranks.csv"):
        assert (tmp_path / "one" / name).read_text() == (tmp_path / "two" / name).read_text()


def test_the_table_is_readable_in_80_columns():
    words = ["PRK", "--draws", "4", "--top", "KOR,CHN,RUS", "--openness-path", "base-rate"]
    got = CLI.invoke(app, ["partners", *words])
    assert got.exit_code == 0, got.stderr
    assert max(map(len, got.stdout.splitlines())) <= 80
    assert "15 years after relief" in " ".join(got.stdout.split())


# -- wrong input ----------------------------------------
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--after", "15"], "--after 15 has nothing to count"),
        (["--openness-path", "immediate", "--after", "0"], "has nothing to count"),
        (["--openness-path", "warm", "--after", "101"], "--after: 101 years is not between"),
        (["--openness-path", "warm", "--after", "-1"], "--after: -1 years is not between"),
        (["--openness-path", "warm", "--after", "nan"], "--after: nan years is not between"),
        (["--openness-path", "bas-rate"], "unknown openness path 'bas-rate'"),
        (["--openness-path", "bas-rate"], "Did you mean 'base-rate'?"),
        (["--openness-path", "{level: 60%}"], "needs 'half_life'"),
        (["--openness-path", "{level: 60%, halflife: 4}"], "Did you mean 'half_life'?"),
        (["--openness-path", "{level: 60%"], "cannot be read"),
    ],
)
def test_the_command_line_names_what_is_wrong(words, message):
    got = CLI.invoke(app, ["partners", "PRK", "--draws", "0", *words])
    assert got.exit_code == 2
    assert message in " ".join(got.stderr.split())
    assert "--openness-path" in got.stderr or "--after" in got.stderr
