"""Estimates: against Newton with dummies, between engines, and where no estimate exists."""

import builtins
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest

from detente.errors import InputError
from detente.gravity import EstimationError, gravity, structural_gravity
from detente.gravity.irls import poisson, rectified
from detente.gravity.panel import panel
from detente.gravity.ppml import droppable, ppml
from gravity_world import TRUE, flows_of

pytest.importorskip("pyfixest", reason="needs the extra 'estimate'")

N = 9
THREE = "trade ~ rta + opening | exporter^year + importer^year + pair"
world = flows_of


def newton(table, columns, effects, groups):
    """PPML with explicit dummies from the first-order conditions; shares no code with us."""
    x = [table[c].to_numpy(float) for c in columns]
    for keys in effects:
        codes = table.groupby(list(keys)).ngroup().to_numpy()
        x += [(codes == c).astype(float) for c in np.unique(codes)]
    x = np.column_stack(x)
    y = table["trade"].to_numpy() / table["trade"].mean()
    mu = (y + y.mean()) / 2
    for _ in range(60):
        w = np.sqrt(mu)
        beta = np.linalg.lstsq(w[:, None] * x, w * (np.log(mu) + (y - mu) / mu), rcond=1e-12)[0]
        mu = np.exp(x @ beta)
    assert np.abs(x.T @ (y - mu)).max() < 1e-8
    bread = np.linalg.pinv(x.T @ (mu[:, None] * x), rcond=1e-12)
    codes = table.groupby(list(groups)).ngroup().to_numpy()
    score = (y - mu)[:, None] * x
    sums = np.array([score[codes == g].sum(axis=0) for g in np.unique(codes)])
    covariance = bread @ (sums.T @ sums) @ bread * len(sums) / (len(sums) - 1)
    k = len(columns)
    return beta[:k], covariance[:k, :k]


def with_pair(table):
    low, high = (
        table[["exporter", "importer"]].min(axis=1),
        table[["exporter", "importer"]].max(axis=1),
    )
    return table.assign(pair=low + high)


def test_three_way_effects_agree_with_newton_and_dummies():
    table = with_pair(world())
    effects = [("exporter", "year"), ("importer", "year"), ("pair",)]
    coef, covariance = newton(table, ["rta", "opening"], effects, ("pair",))
    found = gravity(table.drop(columns="pair"), THREE)
    np.testing.assert_allclose(found.coef, coef, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-4)
    assert found.effects == {"exporter^year": 45, "importer^year": 45, "pair": 45}
    assert found.n_clusters == 45


@pytest.mark.parametrize(
    "effects", [("exporter",), ("exporter", "importer"), ("exporter", "importer", "year")]
)
@pytest.mark.parametrize("clusters", [(), ("pair",), ("exporter", "importer")])
def test_both_engines_give_the_same(effects, clusters):
    """pyfixest's fepois and our steps on its kernels, covariance included."""
    table = with_pair(world(seed=3))
    codes = {c: pd.factorize(table[c])[0].astype(np.int32) for c in ("pair", "year")}
    codes |= {
        c: (table.groupby([c, "year"]).ngroup().to_numpy()).astype(np.int32)
        for c in ("exporter", "importer")
    }
    plain = {c: pd.factorize(table[c])[0].astype(np.int32) for c in ("exporter", "importer")}
    terms = {
        "ln_distance": np.log(table["distance"].to_numpy()),
        "rta": table["rta"].to_numpy(),
    }
    given = (
        table["trade"].to_numpy(), terms, {e: codes[e] for e in effects},
        {c: plain.get(c, codes["pair"]) for c in clusters},
    )  # fmt: skip
    one, other = (ppml(*given, engine=e) for e in ("fepois", "irls"))
    np.testing.assert_allclose(one.coef, other.coef, atol=1e-8)
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-5, atol=1e-10)
    np.testing.assert_allclose(one.fitted, other.fitted, rtol=1e-6)
    assert one.n_clusters == other.n_clusters
    assert one.pseudo_r2 == pytest.approx(other.pseudo_r2, abs=1e-9)


def test_without_noise_the_truth_comes_out():
    found = gravity(
        world(noise=0.0, zeros=0.0),
        "trade ~ ln_distance + border + rta | exporter^year + importer^year",
    )
    np.testing.assert_allclose(found.coef, list(TRUE.values()), atol=1e-7)
    assert found.correlation2 == pytest.approx(1.0)
    assert found.log_error_sd < 1e-6


def test_fitted_flows_add_up_by_every_effect():
    """Poisson's first-order conditions: expected and observed agree in every group."""
    rows = gravity(world(), THREE).rows
    for keys in (["exporter", "year"], ["importer", "year"]):
        sums = rows.groupby(keys)[["trade", "expected"]].sum()
        np.testing.assert_allclose(sums["expected"], sums["trade"], rtol=1e-7)


def test_least_squares_agrees_with_dummies():
    table = world(zeros=0.2)
    found = gravity(
        table, "trade ~ ln_distance + border + rta | exporter^year + importer^year",
        estimator="ols",
    )  # fmt: skip
    kept = table[table["trade"] > 0]
    x = [np.log(kept["distance"]), (kept["exporter"] != kept["importer"]) * 1.0, kept["rta"]]
    for c in ("exporter", "importer"):
        codes = kept.groupby([c, "year"]).ngroup().to_numpy()
        x += [(codes == g).astype(float) for g in np.unique(codes)]
    x = np.column_stack(x)
    y = np.log(kept["trade"].to_numpy())
    beta, _, rank, _ = np.linalg.lstsq(x, y, rcond=1e-12)
    np.testing.assert_allclose(found.coef, beta[:3], rtol=1e-7)
    bread = np.linalg.pinv(x.T @ x, rcond=1e-12)
    pairs = with_pair(kept)["pair"].to_numpy()
    gap = y - x @ beta
    sums = np.array([(gap[:, None] * x)[pairs == p].sum(axis=0) for p in np.unique(pairs)])
    groups, n = len(sums), len(y)
    factor = groups / (groups - 1) * (n - 1) / (n - rank)
    covariance = bread @ (sums.T @ sums) @ bread * factor
    np.testing.assert_allclose(found.covariance, covariance[:3, :3], rtol=1e-6)
    assert found.zeros == (table["trade"] == 0).sum()


def test_no_effects_means_a_constant():
    found = gravity(world(), "trade ~ ln_distance + border")
    assert found.terms == ("constant", "ln_distance", "border")


# -- separation, collinearity, singletons --------------------------------------------------
def test_a_dummy_that_is_one_for_zeros_only_goes_with_its_rows():
    """Its coefficient would be minus infinity; the others must come out as without the rows."""
    table = world(zeros=0.0).assign(embargo=0.0)
    hit = (table["exporter"] == "C01") & table["importer"].isin(["C02", "C03"])
    table.loc[hit, "embargo"], table.loc[hit, "trade"] = 1.0, 0.0
    formula = "trade ~ ln_distance + border + embargo | exporter^year + importer^year"
    found = gravity(table, formula)
    assert found.collinear == ("embargo",)
    assert found.separated == int(hit.sum())
    without = gravity(table[~hit], formula.replace(" + embargo", ""))
    np.testing.assert_allclose(found.coef, without.coef, atol=1e-7)
    np.testing.assert_allclose(found.covariance, without.covariance, rtol=1e-5)


def test_a_combination_of_terms_can_separate_too():
    """Correia, Guimarães & Zylkin (2019): x1 − x2 is positive for zeros only."""
    rng = np.random.default_rng(5)
    n = 400
    x1, x2 = rng.normal(size=(2, n))
    y = rng.poisson(np.exp(0.3 * x1)).astype(float)
    y[x1 > x2] = 0.0
    x2 = np.where(y > 0, x1, x2)  # equal wherever something flows
    x2 = np.where((y == 0) & (x1 < x2), x1, x2)
    effect = [np.zeros(n, dtype=np.int32)]
    lost = rectified(y, np.column_stack([x1, x2]), effect, 100)
    np.testing.assert_array_equal(lost, np.flatnonzero(x1 - x2 > 1e-4))
    fit = ppml(y, {"x1": x1, "x2": x2}, {"one": effect[0]}, {})
    assert (fit.terms, fit.collinear) == (("x1",), ("x2",))
    assert fit.separated == len(lost)


def test_an_exporter_year_without_sales_is_dropped_and_counted():
    table = world(zeros=0.0)
    hit = (table["exporter"] == "C04") & (table["year"] == 2001)
    table.loc[hit, "trade"] = 0.0
    found = gravity(table, THREE)
    assert (found.separated, found.n_obs) == (N, len(table) - N)
    assert len(found.rows) == found.n_obs


def test_dropping_goes_on_until_nothing_changes():
    """A singleton's going leaves another effect with zeros only."""
    flow = np.array([5.0, 0.0, 0.0, 1.0, 2.0, 3.0])
    first = np.array([0, 1, 1, 2, 2, 2], dtype=np.int32)
    second = np.array([0, 0, 0, 1, 1, 1], dtype=np.int32)
    kept, separated, alone = droppable(flow, {"a": first, "b": second})
    assert kept.tolist() == [False, False, False, True, True, True]
    assert (separated, alone) == (2, 1)


def test_singletons_change_no_coefficient():
    table = pd.concat(
        [
            world(),
            pd.DataFrame(
                [("C00", "X", 2000, 3.0, 50.0, 0.0, 1.0)], columns=list(world().columns)
            ),
        ]
    )
    formula = "trade ~ ln_distance + border + rta | exporter^year + importer^year"
    dropped, kept = gravity(table, formula), gravity(table, formula, keep_singletons=True)
    assert (dropped.singletons, kept.singletons) == (1, 0)
    assert kept.n_obs == dropped.n_obs + 1
    np.testing.assert_allclose(dropped.coef, kept.coef, atol=1e-8)


def test_collinear_dummies_are_left_out_last_first_and_told():
    found = gravity(
        world(), "trade ~ rta + border:i(year) | exporter^year + importer^year + pair"
    )
    assert found.collinear == ("border:year=2004",)
    assert "left out as collinear: border:year=2004" in found.notes
    assert len(found.terms) == 5


def test_what_effects_determine_has_no_estimate():
    table = world().assign(gdp=lambda t: t["exporter"].str[1:].astype(float))
    with pytest.raises(EstimationError, match="fixed effects determine every term"):
        gravity(table, "trade ~ gdp | exporter^year + importer^year")


def test_nothing_positive_has_no_estimate():
    table = world().assign(trade=0.0)
    with pytest.raises(EstimationError, match="no positive flow"):
        gravity(table, THREE)


def test_steps_that_do_not_end_are_told():
    table = world()
    x = np.log(table[["distance"]].to_numpy())
    effect = [table.groupby("exporter").ngroup().to_numpy().astype(np.int32)]
    y = table["trade"].to_numpy() / table["trade"].mean()
    assert not poisson(y, x, effect, tolerance=1e-10, steps=2).converged
    assert poisson(y, x, effect, tolerance=1e-10, steps=100).converged


# -- sectors -------------------------------------------------------------------------------
def test_each_sector_is_its_own_regression_and_the_pooled_one_is_stacked():
    table = world(sectors=("a", "b"))
    formula = "trade ~ ln_distance + border | exporter^year + importer^year"
    found = gravity(table, formula, sectors="sector")
    for name in ("a", "b"):
        alone = gravity(table[table["sector"] == name].drop(columns="sector"), formula)
        np.testing.assert_allclose(found.sector(name).coef, alone.coef, atol=1e-8)
        np.testing.assert_allclose(found.sector(name).covariance, alone.covariance, rtol=1e-6)
        assert found.sector(name).flag == ""
    assert set(found.effects) == {"exporter^year^sector", "importer^year^sector"}
    assert found.n_clusters == 45  # pairs, whole across sectors
    with pytest.raises(InputError, match="no sector 'c'"):
        found.sector("c")


def test_a_sector_without_estimate_gets_the_pooled_one_flagged():
    table = world(sectors=("a", "b", "coal"))
    dead = (table["sector"] == "coal") & (table["exporter"] != table["importer"])
    table.loc[dead & (table["exporter"] != "C00"), "trade"] = 0.0
    found = gravity(
        table, "trade ~ ln_distance + border | exporter^year + importer^year", sectors=True
    )
    coal = found.sector("coal")
    assert coal.flag.startswith("pooled: ") and "positive flows" in coal.flag
    np.testing.assert_array_equal(coal.coef, found.coef)
    flags = found.coefficients().set_index("sector")["flag"]
    assert (flags["a"] == "").all() and (flags["coal"] != "").all()
    assert f"† coal: {coal.flag}." in found.table()


# -- presets, results ------------------------------------------------------------------------
def test_presets_take_what_the_table_has():
    assert str(structural_gravity(world()).formula) == (
        "trade ~ ln_distance + rta + border | exporter^year + importer^year"
    )
    assert str(structural_gravity(world(), pair=True, border_by_year=True).formula) == (
        "trade ~ rta + border:i(year) | exporter^year + importer^year + pair"
    )
    table = world()
    abroad = table[table["exporter"] != table["importer"]]
    assert str(structural_gravity(abroad, years=2001).formula) == (
        "trade ~ ln_distance + rta | exporter + importer"
    )
    with pytest.raises(InputError, match="nothing to estimate"):
        structural_gravity(abroad[["exporter", "importer", "year", "trade"]])


def test_effects_and_coefficients_rebuild_every_expectation():
    table = world()
    found = gravity(table, THREE)
    flows = panel(table)
    predicted = found.predict(flows)
    kept = found.rows.index.to_numpy() - 1
    np.testing.assert_allclose(predicted[kept], found.rows["expected"], rtol=1e-7)
    effects = found.fixed_effects()
    assert abs(effects["pair"]["value"].mean()) < 1e-10
    assert list(effects["exporter^year"].columns) == ["exporter", "year", "value"]


def test_a_level_that_was_not_estimated_cannot_be_predicted():
    table = world()
    found = gravity(table[table["year"] < 2004], THREE)
    predicted = found.predict(panel(table))
    assert np.isnan(predicted[table["year"] == 2004]).all()
    assert np.isfinite(predicted[table["year"] < 2004]).all()


def test_sums_and_changes_have_delta_errors():
    found = gravity(world(), THREE)
    total, error = found.sums("rta", "opening")
    assert total == pytest.approx(found.coef.sum())
    assert error == pytest.approx(np.sqrt(found.covariance.sum()))
    change, error = found.percent_change("rta", "opening")
    step = 1e-6
    slope = []
    for j in range(2):
        b = found.coef.copy()
        b[j] += step
        slope.append((100 * (b[0] / b[1] - 1) - change) / step)
    assert error == pytest.approx(np.sqrt(slope @ found.covariance @ slope), rel=1e-3)


def test_results_are_frozen_labelled_and_hashed():
    table = world()
    found = gravity(table, THREE)
    with pytest.raises(FrozenInstanceError):
        found.coef = found.coef
    assert found["rta"] == found.coef[0]
    assert found.covariance_table().loc["rta", "opening"] == found.covariance[0, 1]
    with pytest.raises(InputError, match="Did you mean 'rta'"):
        found["rtas"]
    assert gravity(table, THREE).content_hash == found.content_hash
    changed = table.copy()
    changed.loc[0, "trade"] *= 1.001
    hashes = {
        found.content_hash,
        gravity(changed, THREE).content_hash,
        gravity(table, THREE, cluster="exporter").content_hash,
        gravity(table, THREE.replace("+ opening ", "")).content_hash,
    }
    assert len(hashes) == 4


def test_the_unit_of_money_and_the_order_of_rows_do_not_matter():
    table = world()
    one = gravity(table, THREE)
    for other in (
        table.assign(trade=table["trade"] * 1e6),
        table.sample(frac=1, random_state=1),
    ):
        found = gravity(other, THREE)
        np.testing.assert_allclose(found.coef, one.coef, atol=1e-8)
        np.testing.assert_allclose(found.covariance, one.covariance, rtol=1e-6)
        assert found.pseudo_r2 == pytest.approx(one.pseudo_r2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimator": "ppmll"}, "neither ppml nor ols.*Did you mean 'ppml'"),
        ({"cluster": "pari"}, "no column 'pari'.*Did you mean 'pair'"),
        ({"cluster": "a + b + c"}, "one or two columns"),
        ({"sectors": True}, "no column of sectors"),
        ({"sectors": "industry"}, "no column 'industry'"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        gravity(world(), THREE, **options)


def test_without_pyfixest_the_message_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def none(name, *args, **kwargs):
        if name.startswith("pyfixest"):
            raise ImportError("No module named 'pyfixest'")
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "pyfixest", raising=False)
    monkeypatch.setattr(builtins, "__import__", none)
    with pytest.raises(InputError, match=r'pip install "detente\[estimate\]"'):
        gravity(world(), THREE)


def test_errors_by_pair_cover_the_truth():
    """The share of 95 % intervals that hold the truth, over 60 drawn panels."""
    hits = []
    for seed in range(60):
        found = gravity(
            world(seed=seed, zeros=0.0),
            "trade ~ ln_distance + border + rta | exporter^year + importer^year",
        )
        hits.append(abs(found["rta"] - TRUE["rta"]) < 1.96 * found.error_of("rta"))
    assert 0.80 <= np.mean(hits) <= 1.0  # few clusters: a little below 0.95 is known
