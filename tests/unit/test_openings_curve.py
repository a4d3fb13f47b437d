"""The curve of openings: known curves are found again, and the draws mean what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from detente.errors import InputError
from detente.openings import embedded
from detente.openings.curve import COLUMNS, Curve, closest, errors
from detente.openings.fit import fit, population
from detente.openings.model_numpyro import (
    PRIORS,
    RHO,
    _log_likelihood,
    data_of,
    log_below_t4,
    log_density_t4,
    modules,
)
from detente.openings.observed import FLOOR, observed
from detente.openings.pace import Pace
from detente.openings.scores import crps, leave_one_out, summary
from hypothesis_profiles import examples

numpyro = pytest.mark.skipif(find_spec("numpyro") is None, reason="numpyro is not installed")
TRUTH = {"warm": 0.7, "cold": 0.05, "half": 4.0, "start": 0.15, "odds": 0.25}


def history(name, group, shares, *, potential=1000.0, tau0=0, year0=1990):
    """One opening's rows; NaN is a year that is not seen."""
    tau = np.arange(tau0, tau0 + len(shares))
    return pd.DataFrame(
        {
            "a": f"A{name}",
            "b": f"B{name}",
            "group": group,
            "year0": year0,
            "tau": tau,
            "share": shares,
            "potential": potential,
        }
    )


def made_up(n=36, n_groups=9, years=15, seed=1):
    """Openings of a known population, simulated year by year."""
    rng = np.random.default_rng(seed)
    parts = []
    for p in range(n):
        cold = rng.random() < TRUTH["odds"]
        level = TRUTH["cold" if cold else "warm"] * np.exp(0.3 * rng.standard_normal())
        half = TRUTH["half"] * np.exp(0.3 * rng.standard_normal())
        odds = TRUTH["start"] / (1 - TRUTH["start"]) * np.exp(0.8 * rng.standard_normal())
        begun = odds / (1 + odds)
        share, e = [], 0.0
        for tau in range(years):
            fresh = 0.1 * rng.standard_t(4)
            e = fresh if tau == 0 else RHO * e + np.sqrt(1 - RHO**2) * fresh
            share.append(level * (1 - (1 - begun) * 0.5 ** (tau / half)) * np.exp(e))
        parts.append(history(p, f"g{p % n_groups}", share, year0=1980 + p))
    return pd.concat(parts, ignore_index=True)


def known(n=4, **changed):
    """A curve whose draws are given: nothing varies unless it is said."""
    values = dict.fromkeys(COLUMNS, 0.0) | {
        "mu_warm": np.log(0.8),
        "mu_cold": np.log(0.05),
        "logit_cold": -50.0,
        "mu_half": np.log(3.0),
        "mu_start": np.log(0.2 / 0.8),
        "noise": 1e-9,
        "rho": RHO,
    }
    return Curve(pd.DataFrame([values | changed] * n), {"sizes": (10.0, 1e5)})


# -- scores ------------------------------------------------------------------------------------
@pytest.mark.parametrize("z", [-2.0, 0.0, 0.7, 3.0])
def test_crps_of_a_normal_is_the_closed_form(z):
    mean, sd, n = 0.4, 0.25, 20_001
    draws = stats.norm.ppf((np.arange(n) + 0.5) / n, mean, sd)
    density, below = stats.norm.pdf(z), stats.norm.cdf(z)
    exact = sd * (z * (2 * below - 1) + 2 * density - 1 / np.sqrt(np.pi))
    assert crps(draws, mean + sd * z) == pytest.approx(exact, rel=1e-3)


@given(st.lists(st.floats(0, 5), min_size=1, max_size=20), st.floats(0, 5), st.floats(-3, 3))
@settings(max_examples=examples(50), deadline=None)
def test_crps_is_its_definition_and_moves_with_the_axis(draws, actual, shift):
    x = np.array(draws)
    plain = np.abs(x - actual).mean() - 0.5 * np.abs(x[:, None] - x[None, :]).mean()
    assert crps(x, actual) == pytest.approx(plain, abs=1e-9)
    assert crps(x + shift, actual + shift) == pytest.approx(plain, abs=1e-9)
    assert crps(x[:1], actual) == pytest.approx(abs(x[0] - actual))
    assert plain >= -1e-12


def test_a_forecast_without_draws_has_no_score():
    with pytest.raises(InputError, match="without draws"):
        crps([], 1.0)


# -- the likelihood ----------------------------------------------------------------------------
def test_student_t_agrees_with_scipy_far_into_both_tails():
    z = np.array([-1e4, -30.0, -2.0, -0.1, 0.0, 0.3, 5.0, 200.0])
    assert log_density_t4(np, z) == pytest.approx(stats.t.logpdf(z, 4), rel=1e-10)
    assert log_below_t4(np, z) == pytest.approx(stats.t.logcdf(z, 4), rel=1e-8, abs=1e-12)


@numpyro
def test_the_likelihood_is_the_chain_of_the_docstring():
    """By hand: a first year, a next, one after a gap, one at the floor, one after it."""
    shares = [0.2, 0.3, np.nan, 0.1, 0.0, 0.4]
    rows = pd.concat([history(i, "g", shares) for i in range(5)])
    data = data_of(observed(rows))
    tau, log_scale = np.array([0, 1, 3, 4, 5]), np.log(0.4)
    curve = np.log(0.1 + 0.02 * tau)
    e = np.log([0.2, 0.3, 0.1, FLOOR, 0.4]) - curve
    last, gap = np.array([0.0, e[0], e[1], e[2], min(e[3], 0.0)]), np.array([0, 1, 2, 1, 1])
    memory = np.where(gap > 0, RHO**gap, 0.0)
    z, scale = e - memory * last, 0.4 * np.sqrt(1 - memory**2)
    each = stats.t.logpdf(z, 4, scale=scale)
    each[3] = stats.t.logcdf(z[3], 4, scale=scale[3])
    _, jax = modules()
    with jax.enable_x64(True):
        given_ = {k: jax.numpy.asarray(v) for k, v in data.items()}
        wide = jax.numpy.asarray(np.tile(curve, (5, 1)))
        found = _log_likelihood(jax.numpy, given_, wide, jax.numpy.full(5, log_scale))
    assert np.asarray(found) == pytest.approx(np.full(5, each.sum()), rel=1e-9)


# -- histories ---------------------------------------------------------------------------------
def test_years_before_the_event_before_reporting_and_of_closings_do_not_count():
    rows = pd.concat([history(i, "g", [0.1, 0.2, 0.3, 0.4], tau0=-1) for i in range(6)])
    rows["reporting_start"] = pd.NA
    rows.loc[rows["a"] == "A0", "reporting_start"] = 1991
    rows["direction"] = np.where(rows["a"] == "A5", "closing", "opening")
    data = observed(rows)
    assert len(data.pairs) == 5
    years = dict(zip(data.pairs["a"], data.seen.sum(axis=1), strict=True))
    assert years == {"A0": 2, "A1": 3, "A2": 3, "A3": 3, "A4": 3}
    assert data.share[data.pairs["a"] == "A1"].tolist() == [[0.2, 0.3, 0.4]]


@given(st.randoms(use_true_random=False))
@settings(max_examples=examples(20), deadline=None)
def test_names_and_the_order_of_rows_change_no_array(random):
    rows = made_up(n=8, n_groups=3, years=4)
    names = [*"QWERTZUIOP"]
    random.shuffle(names)
    other = rows.iloc[random.sample(range(len(rows)), len(rows))].copy()
    other["a"] = other["a"].map(lambda a: names[int(a[1:])])
    other["group"] = other["group"].map(dict(zip(["g0", "g1", "g2"], names, strict=False)))
    first, second = observed(rows), observed(other)
    for name in ("share", "tau", "gap", "seen", "low", "group", "log_size"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    again = rows.sample(frac=1.0, random_state=random.randrange(1000))
    assert observed(again).content_hash == first.content_hash != second.content_hash


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda r: r.rename(columns={"share": "shares"}), "no column 'share'.*'shares'"),
        (lambda r: r.assign(share=-r["share"]), "negative share"),
        (lambda r: r.assign(share=np.inf), "infinite share"),
        (lambda r: r.assign(potential=0.0), "no positive potential"),
        (lambda r: r.assign(tau=r["tau"] - 100), "no year at or after"),
        (lambda r: r.assign(tau=r["tau"] + 0.5), "whole number"),
        (lambda r: pd.concat([r, r]), "twice"),
        (lambda r: r[r["a"].isin(["A0", "A1", "A2", "A3"])], "4 openings.*at least 5"),
    ],
)
def test_wrong_histories_are_refused(change, says):
    with pytest.raises(InputError, match=says):
        observed(change(made_up(n=6, years=4)))


# -- the curve ---------------------------------------------------------------------------------
def test_without_spread_every_link_is_the_curve():
    curve, pace = known(), Pace(0.8, 3.0, 0.2)
    level, half_life, start = curve.draw(np.random.default_rng(0), 3)
    assert level == pytest.approx([0.8] * 3)
    assert half_life == pytest.approx([3.0] * 3)
    assert start == pytest.approx([0.2] * 3)
    table = curve.share([0, 3, 40], noise=True)
    for q in table:
        assert table[q].to_numpy() == pytest.approx(pace.share([0, 3, 40]), rel=1e-5)
    found = curve.paces["base-rate"]
    assert (found.level, found.half_life) == pytest.approx((0.8, 3.0), rel=1e-3)
    assert found.start == pytest.approx(0.2, rel=1e-3)
    assert curve.misfit["base-rate"] < 1e-4
    assert curve.odds == pytest.approx(
        {"cold": 0, "below_0.1": 0, "below_0.25": 0, "below_0.5": 0, "above_1": 0}
    )


def test_links_of_one_cause_share_its_effect():
    curve = known(sigma_group=0.5, group_half=0.3, group_start=0.4)
    rng = np.random.default_rng(1)
    one = curve.draw(rng, 4, size=500)
    assert all((x == x[:, :1]).all() for x in one)
    assert np.log(one[0][:, 0]).std() == pytest.approx(0.5, rel=0.1)
    assert np.log(one[1][:, 0]).std() == pytest.approx(0.3, rel=0.1)
    two = curve.draw(rng, 4, groups=["x", "y", "x", "y"], size=500)[0]
    assert (two[:, 0] == two[:, 2]).all()
    assert abs(np.corrcoef(np.log(two[:, 0]), np.log(two[:, 1]))[0, 1]) < 0.15
    assert curve.draw(rng, 4, groups=4)[0].shape == (4,)


def test_coldness_has_its_odds_and_runs_in_causes():
    curve = known(logit_cold=np.log(0.3 / 0.7))
    assert curve.odds["cold"] == pytest.approx(0.3, abs=0.05)
    many = known(2000, logit_cold=np.log(0.3 / 0.7))
    assert many.odds["below_0.1"] == pytest.approx(0.3, abs=0.01)
    level = known(logit_cold=0.0, cold_spread=3.0).draw(np.random.default_rng(2), 2, size=4000)
    cold = level[0] < 0.1
    assert np.corrcoef(cold[:, 0], cold[:, 1])[0, 1] > 0.3


def test_potential_moves_the_level_and_is_held_within_what_was_seen():
    curve, rng = known(size_effect=0.5), np.random.default_rng(3)
    level, *_ = curve.draw(rng, 4, potential=[1000.0, 4000.0, 1.0, 1e9])
    assert level == pytest.approx([0.8, 1.6, 0.08, 8.0])
    assert curve.share([30], potential=4000.0).iloc[0][0.5] == pytest.approx(1.6, rel=0.01)


def test_errors_have_their_size_and_memory():
    n = 40_000
    taken = {"noise": np.full(n, 0.2), "rho": np.full(n, 0.7)}
    taken |= {"noise_size": np.zeros(n), "noise_spread": np.zeros(n)}
    gap = np.array([[0, 1, 2]])
    found = errors(taken, np.random.default_rng(4), np.zeros(1), gap)[:, 0, :]
    assert found.std(axis=0) == pytest.approx([0.2 * np.sqrt(2)] * 3, rel=0.05)
    together = np.corrcoef(found.T)
    assert (together[0, 1], together[1, 2]) == pytest.approx((0.7, 0.49), abs=0.03)


@given(st.floats(0.01, 2), st.floats(0.5, 12), st.floats(0, 0.9))
@settings(max_examples=examples(15), deadline=None)
def test_the_closest_curve_to_a_curve_is_itself(level, half_life, start):
    pace, years = Pace(level, half_life, start), np.arange(21.0)
    found = closest(pace.share(years))
    assert found.share(years) == pytest.approx(pace.share(years), abs=1e-3 * level)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda c, r: c.draw(r, 0), "nothing to draw"),
        (lambda c, r: c.draw(r, 2, groups=0), "at least one cause"),
        (lambda c, r: c.draw(r, 2, groups=["x"]), "1 causes.*2 links"),
        (lambda c, r: c.draw(r, 2, potential=[1.0, -1.0]), "positive number"),
        (lambda c, r: c.share([1], kind="hot"), "'hot' is no kind"),
        (lambda c, r: Curve(c.draws.drop(columns="rho")), "lack rho"),
        (lambda c, r: Curve(c.draws.assign(rho=np.nan)), "not all numbers"),
    ],
)
def test_wrong_questions_are_refused(ask, says):
    with pytest.raises(InputError, match=says):
        ask(known(), np.random.default_rng(0))


def test_the_priors_alone_say_little():
    """Before any data a new link's share after 15 years may be almost nothing or all."""
    rng, n, drawn = np.random.default_rng(8), 400, {}
    for name, (family, (mean, spread), _) in PRIORS.items():
        z = rng.standard_normal(n)
        drawn[name] = np.abs(spread * z) if family == "HalfNormal" else mean + spread * z
    after = Curve(pd.DataFrame(population(drawn))).after(15)
    assert after[0.05] < 0.03
    assert after[0.95] > 1.2
    assert 0.2 < after[0.5] < 0.6


# -- the fit -----------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def fitted():
    return fit(made_up(), draws=250, warmup=250, chains=1)


@numpyro
def test_a_known_population_is_found_again(fitted):
    truth = {
        "mu_warm": np.log(TRUTH["warm"]),
        "mu_cold": np.log(TRUTH["cold"]),
        "mu_half": np.log(TRUTH["half"]),
        "mu_start": np.log(TRUTH["start"] / (1 - TRUTH["start"])),
        "noise": 0.1,
        "sigma_warm": 0.3,
        "size_effect": 0.0,
    }
    for name, value in truth.items():
        low, high = np.quantile(fitted.draws[name], [0.005, 0.995])
        assert low < value < high, (name, low, value, high)
    assert abs(fitted.odds["cold"] - TRUTH["odds"]) < 0.15
    assert fitted.about["diagnostics"]["rhat"] < 1.2
    base = fitted.paces["warm"]
    exact = Pace(TRUTH["warm"], TRUTH["half"], TRUTH["start"]).share([5.0, 15.0])
    assert base.share([5.0, 15.0]) == pytest.approx(exact, rel=0.25)


@numpyro
def test_each_opening_is_told_cold_or_warm(fitted):
    rows = made_up()
    last = rows[rows["tau"] == 14].set_index("a")["share"]
    table = fitted.pairs.set_index("a")
    assert (table["cold"][last[last < 0.12].index] > 0.8).all()
    assert (table["cold"][last[last > 0.3].index] < 0.2).all()


@numpyro
def test_links_never_closed_are_at_one_and_zeros_are_cold_and_finite():
    rng = np.random.default_rng(5)
    open_ = [history(i, f"o{i}", np.exp(0.05 * rng.standard_normal(10))) for i in range(8)]
    shut = [history(9 + i, f"s{i}", np.zeros(10)) for i in range(3)]
    curve = fit(pd.concat([*open_, *shut]), draws=120, warmup=180, chains=1)
    assert np.isfinite(curve.draws.to_numpy()).all()
    table = curve.pairs.set_index("a")
    never = table.loc[[f"A{i}" for i in range(8)]]
    assert never["level"].to_numpy() == pytest.approx(np.ones(8), abs=0.1)
    first = never["level"] * never["start"]
    assert first.to_numpy() == pytest.approx(np.ones(8), abs=0.15)
    zero = table.loc[["A9", "A10", "A11"]]
    assert (zero["cold"] > 0.8).all()
    assert (zero["level"] < 10 * FLOOR).all()


@numpyro
def test_the_same_seed_under_other_names_gives_the_same_draws():
    rows = made_up(n=8, n_groups=3, years=6)
    other = rows.sample(frac=1.0, random_state=3).replace({"A0": "ZZ", "g1": "a", "g0": "b"})
    one, two = (fit(r, draws=50, warmup=60, chains=1, seed=7) for r in (rows, other))
    assert two.draws.to_numpy() == pytest.approx(one.draws.to_numpy(), rel=1e-6, abs=1e-6)


@numpyro
def test_openings_left_out_are_covered_as_promised():
    done = []
    rows = made_up(n=24, n_groups=8, years=12, seed=6)
    table = leave_one_out(
        rows, "group", draws=100, burn=40, warmup=160, progress=lambda *at: done.append(at)
    )
    assert done == [(k, 8) for k in range(1, 9)]
    assert len(table) == 24 * 12
    overall = summary(table).iloc[0]
    # 24 openings whose years move together: two standard errors are some 0.2
    assert 0.3 < overall["coverage50"] < 0.75
    assert overall["coverage90"] > 0.75
    assert overall["crps"] < min(overall["crps_at_once"], overall["crps_nothing"])
    assert table["crps_nothing"].to_numpy() == pytest.approx(table["share"].to_numpy())
    by_group = summary(table, (1,), weight="group")
    assert by_group["groups"].tolist() == [8, 8]


def test_the_pool_never_sees_what_is_left_out():
    """With one opening unlike the others, the pool's score for it is that of the others."""
    from detente.openings.scores import _pool_score

    rows = pd.concat([history(i, "g", [0.5, 0.5]) for i in range(5)])
    rows.loc[rows["a"] == "A0", "share"] = 2.0
    data = observed(rows)
    odd = (data.pairs["a"] == "A0").to_numpy()
    assert _pool_score(data, odd, 1, 2.0) == pytest.approx(1.5)


def test_what_cannot_be_left_out_is_refused():
    with pytest.raises(InputError, match=r"'pairs' cannot be left out.*'pair'"):
        leave_one_out(made_up(n=6, years=3), "pairs")
    with pytest.raises(InputError, match="one cause"):
        leave_one_out(made_up(n=6, n_groups=1, years=3), "group")


def test_without_numpyro_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpyro", None)
    with pytest.raises(InputError, match=r'pip install "detente\[openings\]"'):
        fit(made_up(n=6, years=3))


# -- what is embedded --------------------------------------------------------------------------
def test_the_embedded_curve_is_what_its_draws_say():
    curve = embedded.curve()
    about = json.loads((embedded.FOLDER / "curve.json").read_text(encoding="utf-8"))
    for name, pace in curve.paces.items():
        for part, value in about["paces"][name].items():
            assert getattr(pace, part) == pytest.approx(value, rel=1e-3), (name, part)
    assert about["odds"] == pytest.approx(curve.odds, rel=1e-3)
    after = curve.after(15)
    assert about["after"]["15"]["0.5"] == pytest.approx(after[0.5], rel=1e-3)
    assert curve.misfit["base-rate"] < 0.05
    assert about["diagnostics"]["rhat"] < 1.05
    assert curve.paces["cold"].level < curve.paces["base-rate"].level
    assert curve.paces["base-rate"].level < curve.paces["warm"].level
    assert len(about["pairs"]) == about["openings"]
    assert "CC BY 4.0" in about["source"]


def test_reading_the_embedded_curve_needs_no_numpyro():
    code = (
        "import sys; from detente.openings.embedded import curve; curve().paces; "
        "sys.exit(any(m.split('.')[0] in ('numpyro', 'jax') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_written_and_read_is_the_same_and_a_changed_file_is_refused(tmp_path):
    curve = known(sigma_warm=0.4, mu_warm=-0.123456)
    table = pd.DataFrame({"a": ["NAM"], "b": ["ZAF"], "share": [0.25]})
    names = [p.name for p in embedded.write_embedded(curve, tmp_path, shares_table=table)]
    assert names == ["curve.csv", "curve.json", "shares.csv"]
    again = embedded.curve(tmp_path)
    assert again.draws.to_numpy() == pytest.approx(curve.draws.to_numpy(), rel=1e-5)
    assert embedded.shares(tmp_path).equals(table)
    assert embedded.scores(tmp_path).empty
    text = (tmp_path / "curve.csv").read_text()
    (tmp_path / "curve.csv").write_text(text.replace("-0.123456", "-0.2"))
    embedded.curve.cache_clear()
    with pytest.raises(InputError, match=r"not those that curve\.json describes"):
        embedded.curve(tmp_path)
    (tmp_path / "curve.json").write_text("{")
    with pytest.raises(InputError, match="no JSON"):
        embedded.curve(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        embedded.curve(tmp_path / "nowhere")
