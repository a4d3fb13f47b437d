"""Gravity by sector from arrays, against Newton's method with explicit dummies."""

import numpy as np
import pytest

from detente.errors import InputError
from detente.gravity.cross import MIN_POSITIVE_PER_TERM, cross_section
from detente.gravity.ppml import EstimationError

pytest.importorskip("pyfixest", reason="needs the extra 'estimate'")

N = 12
COUNTRIES = [f"C{i:02d}" for i in range(N)]
TRUE = {"ln_distance": -0.9, "contiguity": 0.6, "border": -2.5}


def geography(rng):
    place = rng.uniform(0, 10, (N, 2))
    km = 50 + 300 * np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    near = (km < np.quantile(km, 0.25)) & ~np.eye(N, dtype=bool)
    return {
        "ln_distance": np.log(km),
        "contiguity": near.astype(float),
        "border": 1.0 - np.eye(N),
    }


def world(seed=0, sectors=3, noise=0.5, zeros=0.1):
    """Flows of a known gravity model with multiplicative noise of mean one, and zeros."""
    rng = np.random.default_rng(seed)
    covariates = geography(rng)
    index = sum(TRUE[k] * v for k, v in covariates.items())
    size = rng.normal(8, 1.5, (sectors, N, 1)) + rng.normal(8, 1.5, (sectors, 1, N))
    shape = (sectors, N, N)
    eta = rng.lognormal(-(noise**2) / 2, noise, shape) if noise else np.ones(shape)
    keep = rng.uniform(size=shape) >= zeros
    keep |= np.eye(N, dtype=bool)
    return np.exp(index + size) * eta * keep, covariates


def newton(flow, covariates, groups):
    """PPML with a dummy for every exporter and importer; errors clustered by ``groups``.

    Written from the first-order conditions alone: no code is shared with the package.
    """
    i, j = (a.ravel() for a in np.indices((N, N)))
    columns = [v.ravel() for v in covariates.values()]
    dummies = [(i == c).astype(float) for c in range(N)]
    dummies += [(j == c).astype(float) for c in range(1, N)]
    x = np.column_stack(columns + dummies)
    y = flow.ravel() / flow.mean()
    mu = (y + y.mean()) / 2
    for _ in range(200):
        z = np.log(mu) + (y - mu) / mu
        w = np.sqrt(mu)
        beta = np.linalg.lstsq(w[:, None] * x, w * z, rcond=None)[0]
        mu = np.exp(x @ beta)
    assert np.abs(x.T @ (y - mu)).max() < 1e-8
    bread = np.linalg.inv(x.T @ (mu[:, None] * x))
    score = (y - mu)[:, None] * x
    labels = np.unique(groups)
    sums = np.array([score[groups == g].sum(axis=0) for g in labels])
    covariance = bread @ (sums.T @ sums) @ bread * len(labels) / (len(labels) - 1)
    k = len(columns)
    return beta[:k], covariance[:k, :k]


def groups_of(cluster):
    i, j = (a.ravel() for a in np.indices((N, N)))
    return {
        "pair": np.minimum(i, j) * N + np.maximum(i, j),
        "directed_pair": i * N + j,
        "exporter": i,
        "importer": j,
        "none": i * N + j,  # one row a cluster: the robust errors
    }[cluster]


@pytest.mark.parametrize("cluster", ["pair", "directed_pair", "exporter", "importer", "none"])
def test_agrees_with_newton_and_dummies(cluster):
    flows, covariates = world()
    found = cross_section(flows, covariates, list("abc"), COUNTRIES, cluster)
    assert [e.sector for e in found] == ["a", "b", "c", "pooled"]
    for s in range(3):
        coef, covariance = newton(flows[s], covariates, groups_of(cluster))
        assert found[s].terms == tuple(covariates)
        np.testing.assert_allclose(found[s].coef, coef, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(found[s].covariance, covariance, rtol=1e-4, atol=1e-8)
        assert found[s].flag == ""
        assert found[s].n_obs == N * N


def test_without_noise_the_truth_comes_out():
    flows, covariates = world(noise=0.0, zeros=0.0)
    for estimate in cross_section(flows, covariates, list("abc"), COUNTRIES):
        np.testing.assert_allclose(estimate.coef, list(TRUE.values()), atol=1e-7)
        assert estimate.log_error_sd < 1e-6
        assert estimate.pseudo_r2 > 0.7


@pytest.mark.parametrize("factor", [1e-6, 1000.0, 1e9])
def test_the_unit_of_money_does_not_matter(factor):
    flows, covariates = world()
    one = cross_section(flows, covariates, list("abc"), COUNTRIES)
    other = cross_section(flows * factor, covariates, list("abc"), COUNTRIES)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a.coef, b.coef, atol=1e-8)
        np.testing.assert_allclose(a.covariance, b.covariance, atol=1e-8)
        assert a.pseudo_r2 == pytest.approx(b.pseudo_r2)


def test_countries_in_another_order_give_the_same():
    flows, covariates = world()
    order = np.random.default_rng(1).permutation(N)
    other = cross_section(
        flows[:, order][:, :, order],
        {k: v[np.ix_(order, order)] for k, v in covariates.items()},
        list("abc"),
        [COUNTRIES[c] for c in order],
    )
    for a, b in zip(
        cross_section(flows, covariates, list("abc"), COUNTRIES), other, strict=True
    ):
        np.testing.assert_allclose(a.coef, b.coef, atol=1e-7)


def test_a_sector_without_enough_trade_gets_the_pooled_estimate_and_says_so():
    flows, covariates = world()
    own = np.eye(N, dtype=bool)
    flows[1] = np.where(own, flows[1], 0.0)  # nothing crosses a border
    found = cross_section(flows, covariates, list("abc"), COUNTRIES)
    need = MIN_POSITIVE_PER_TERM * len(covariates)
    assert found[1].flag == f"pooled: 0 positive flows between countries, {need} needed"
    np.testing.assert_array_equal(found[1].coef, found[3].coef)
    np.testing.assert_array_equal(found[1].covariance, found[3].covariance)
    assert found[0].flag == found[2].flag == ""


def test_a_term_that_a_sector_cannot_tell_gives_the_pooled_estimate():
    """All contiguous trade of one sector is zero: its coefficient would be minus infinity."""
    flows, covariates = world(zeros=0.0)
    flows[2][covariates["contiguity"] == 1] = 0.0
    found = cross_section(flows, covariates, list("abc"), COUNTRIES)
    assert found[2].flag.startswith("pooled: 'contiguity'")
    np.testing.assert_array_equal(found[2].coef, found[3].coef)


def test_a_covariate_that_the_effects_determine_is_refused_by_name():
    flows, covariates = world()
    covariates["size"] = np.repeat(np.arange(N, dtype=float), N).reshape(N, N)
    with pytest.raises(EstimationError, match="'size'"):
        cross_section(flows, covariates, list("abc"), COUNTRIES)


def test_an_exporter_that_sells_nothing_is_dropped_and_counted():
    flows, covariates = world(zeros=0.0)
    flows[0, 3] = 0.0
    found = cross_section(flows, covariates, list("abc"), COUNTRIES)
    assert (found[0].separated, found[0].n_obs) == (N, N * N - N)
    rest = [c for c in range(N) if c != 3]
    assert np.isfinite(found[0].coef).all()
    assert found[0].n_positive == len(rest) * (N - 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, c: (f[:2], c), r"\(2, 12, 12\).*\(3, 12, 12\)"),
        (lambda f, c: (f, c | {"border": np.ones(N)}), "'border' has shape"),
        (lambda f, c: (f, {}), "no covariate"),
        (lambda f, c: (np.where(f == f.max(), -1.0, f), c), "flows are numbers, 0 or more"),
        (lambda f, c: (np.where(f == f.max(), np.nan, f), c), "is nan"),
    ],
)
def test_wrong_input_is_refused_in_words(change, message):
    flows, covariates = change(*world())
    with pytest.raises(InputError, match=message):
        cross_section(flows, covariates, list("abc"), COUNTRIES)


def test_a_pair_without_distance_is_named():
    flows, covariates = world()
    covariates["ln_distance"][2, 5] = np.nan
    with pytest.raises(InputError, match="'ln_distance' lacks 1 pairs: C02-C05"):
        cross_section(flows, covariates, list("abc"), COUNTRIES)


def test_an_unknown_cluster_gets_the_nearest():
    flows, covariates = world()
    with pytest.raises(InputError, match="Did you mean 'pair'"):
        cross_section(flows, covariates, list("abc"), COUNTRIES, "pairs")
