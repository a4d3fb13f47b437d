"""Out of sample: what is hidden, what is predicted, and the naive predictors by hand."""

import numpy as np
import pandas as pd
import pytest

from detente.errors import InputError
from detente.gravity import holdout, panel, without_pair
from detente.gravity.holdout import _naive, draw
from gravity_world import flows_of

pytest.importorskip("pyfixest", reason="needs the extra 'estimate'")

FORMULA = "trade ~ ln_distance + border + rta | exporter^year + importer^year"


def test_both_directions_and_all_years_of_a_pair_are_hidden():
    flows = panel(flows_of(zeros=0.0))
    hidden, count, total = draw(flows, 0.25, seed=3)
    assert (count, total) == (9, 36)
    table = flows.table[hidden]
    pairs = {frozenset(p) for p in table[["exporter", "importer"]].to_numpy()}
    assert len(pairs) == count
    assert hidden.sum() == count * 2 * 5
    assert (table["exporter"] != table["importer"]).all()


def test_only_pairs_that_trade_are_hidden():
    data = flows_of(zeros=0.0)
    dead = data["exporter"].isin(["C00", "C01"]) & data["importer"].isin(["C00", "C01"])
    data.loc[dead & (data["exporter"] != data["importer"]), "trade"] = 0.0
    hidden, _, total = draw(panel(data), 0.99, seed=0)
    assert total == 35
    assert not hidden[dead.to_numpy()].any()


def test_the_draw_depends_on_the_seed_alone():
    flows = panel(flows_of())
    one, two, other = (draw(flows, 0.1, seed)[0] for seed in (1, 1, 2))
    assert (one == two).all() and (one != other).any()
    mixed = flows.table.sample(frac=1.0, random_state=0)
    again = draw(panel(mixed), 0.1, 1)[0]
    assert set(mixed.index[again]) == set(flows.table.index[one])


def test_a_world_of_gravity_is_predicted_to_rounding():
    found = holdout(flows_of(noise=0.0, zeros=0.0), FORMULA, share=0.2, seed=1)
    rows = found.table.set_index("model")
    for model in ("gravity", "gravity_logs"):
        assert rows.loc[model, "log10_rmse"] < 1e-6
        assert rows.loc[model, "rank_correlation"] == pytest.approx(1.0)
        assert rows.loc[model, "within_2"] == 1.0
    assert rows.loc["mean_share", "log10_rmse"] > 0.05
    assert (found.prediction_error()["log_sd"] < 1e-6).all()


def test_noise_comes_back_as_the_prediction_error():
    """With known parameters the error of a hidden flow is the model's noise, 0.5."""
    found = holdout(flows_of(n=30, years=3, noise=0.5, zeros=0.0), FORMULA, share=0.1)
    error = found.prediction_error().set_index("sector").loc["all"]
    assert 0.4 < error["log_sd_robust"] < 0.7
    assert 0.4 < error["log_sd"] < 0.75


def test_naive_predictors_by_hand():
    rows = [
        ("A", "B", 10.0, 1.0), ("A", "C", 30.0, 2.0), ("B", "A", 5.0, 1.0),
        ("B", "C", 10.0, 4.0), ("C", "A", 15.0, 2.0), ("C", "B", 20.0, 4.0),
    ]  # fmt: skip
    data = pd.DataFrame(rows, columns=["exporter", "importer", "trade", "distance"])
    hidden = np.array([False, True, False, False, True, False])
    found = _naive(panel(data), hidden)
    # A sold 10 of B's seen 30; C's seen purchases are 10 from B, whose share is
    # (5 + 10) of A's and C's seen 5 + 10: all of it
    share_a, share_b = 10 / 30, 15 / 15
    assert found["mean_share"][1] == pytest.approx(10 * share_a / share_b)
    assert found["inverse_distance"][1] == pytest.approx(10 * (1 / 2) / (1 / 4))
    assert found["size_over_distance"][1] == pytest.approx(10 * (10 / 2) / (15 / 4))


def test_figures_of_the_table_are_what_they_say():
    found = holdout(flows_of(), FORMULA, seed=2)
    flows = found.flows
    error = np.log10(flows["gravity"] / flows["trade"])
    row = found.table.set_index("model").loc["gravity"]
    assert row["n"] == len(flows)
    assert row["log10_rmse"] == pytest.approx(np.sqrt((error**2).mean()))
    assert row["log10_bias"] == pytest.approx(error.mean())
    assert row["median_factor"] == pytest.approx(10 ** error.abs().median())
    for factor in (2, 5, 10):
        inside = (flows["gravity"] / flows["trade"]).between(1 / factor, factor).mean()
        assert row[f"within_{factor}"] == pytest.approx(inside)
    ranks = flows[["trade", "gravity"]].rank().corr().iloc[0, 1]
    assert row["rank_correlation"] == pytest.approx(ranks)
    wrong = (flows["gravity"] - flows["trade"]).abs().sum()
    assert row["misplaced"] == pytest.approx(wrong / (flows["gravity"] + flows["trade"]).sum())
    assert (flows["trade"] > 0).all()
    assert len(flows) + found.zero_flows + found.unpredicted == 2 * 5 * found.hidden_pairs


def test_sectors_are_scored_one_by_one_and_together():
    data = flows_of(n=12, years=2, sectors=("a", "b"))
    found = holdout(data, FORMULA, sectors=True)
    assert set(found.table["sector"]) == {"a", "b", "all"}
    own = found.table.set_index(["sector", "model"])["n"]
    assert own["a", "gravity"] + own["b", "gravity"] == own["all", "gravity"]
    assert list(found.prediction_error()["sector"]) == ["a", "b", "all"]


def test_without_a_distance_only_shares_are_compared():
    data = flows_of().drop(columns="distance")
    found = holdout(data, "trade ~ border + rta | exporter^year + importer^year")
    assert set(found.table["model"]) == {"gravity", "gravity_logs", "mean_share"}


def test_a_pair_is_predicted_year_by_year_without_itself():
    data = flows_of(noise=0.0, zeros=0.0)
    odd = data["exporter"].isin(["C00", "C01"]) & data["importer"].isin(["C00", "C01"])
    odd &= data["exporter"] != data["importer"]
    truth = data.loc[odd, "trade"].to_numpy()
    data.loc[odd, "trade"] *= 7.0  # the pair's own flows must not leak into its prediction
    found = without_pair(
        data, "C00", "C01", "trade ~ ln_distance + border | exporter + importer"
    )
    assert len(found) == 10
    # rta varies by pair within a year and is not in the formula: predict those without it
    plain = data.loc[odd, ["year", "exporter", "importer"]].assign(truth=truth)
    found = found.merge(plain, on=["year", "exporter", "importer"])
    rta = data.groupby("year")["rta"].max()
    quiet = found["year"].map(rta) == 0
    np.testing.assert_allclose(found["predicted"][quiet], found["truth"][quiet], rtol=1e-6)
    np.testing.assert_allclose(found["ratio"][quiet], 7.0, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"share": 0.0}, "the share to hide is 0"),
        ({"share": 1.0}, "the share to hide is 1"),
        ({"formula": "trade ~ rta | exporter^year + pair"}, "'pair' cannot be estimated"),
        ({"formula": "trade ~ rta | exporter^importer"}, "cannot be estimated for a hidden"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        holdout(flows_of(), **{"formula": FORMULA, **options})


def test_an_unknown_country_is_refused():
    with pytest.raises(InputError, match="no country 'XXX'"):
        without_pair(flows_of(), "C00", "XXX")
