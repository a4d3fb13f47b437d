"""Gravity on pairs that it has not seen, on three real tables: what docs/gravity.md prints.

The figures are what came out, seed 0, not what ought to: gravity in levels is not the best
predictor of the log of a small flow, and the docs say so.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_world_sources import shared

from detente.gravity import holdout, panel, with_covariates, without_pair

pytest.importorskip("pyfixest", reason="needs the extra 'estimate'")

TERMS = "ln_distance + contiguity + common_language + colony"
EFFECTS = "exporter + importer"


def abroad(flows):
    table = flows.table
    return replace(flows, table=table[table["exporter"] != table["importer"]])


@pytest.fixture(scope="module")
def wits():
    flows = panel(shared("wits2009", "WITS_Trade2009_harmonized_flows.csv.gz"))
    return holdout(with_covariates(flows, shared("geodist", "dist_cepii.csv.gz")))


@pytest.fixture(scope="module")
def icio():
    """A twelfth of the sectors, one of each kind; the docs have all of them."""
    data = np.load(shared("icio2022", "icio2022.npz"))
    flows, sectors = data["intermediate"].astype(float), data["sectors"].tolist()
    chosen = ["A01", "B07", "C20", "C26", "H49"]
    at = [sectors.index(s) for s in chosen]
    s, i, j = (a.ravel() for a in np.indices((len(at), *flows.shape[1:])))
    countries = data["countries"]
    table = pd.DataFrame(
        {
            "sector": np.array(chosen)[s],
            "exporter": countries[i],
            "importer": countries[j],
            "trade": flows[at].ravel(),
        }
    )
    return with_covariates(panel(table), shared("geodist", "dist_cepii.csv.gz"))


def rows(found, sector="all"):
    return found.table[found.table["sector"] == sector].set_index("model")


def test_total_goods_of_197_countries(wits):
    """2009, the DPRK among them; a tenth of the trading pairs hidden."""
    codes = {*wits.flows["exporter"], *wits.flows["importer"]}
    assert "PRK" in codes
    assert (wits.hidden_pairs, wits.all_pairs) == (1466, 14662)
    assert len(wits.flows) + wits.zero_flows + wits.unpredicted == 2 * 1466
    table = rows(wits)
    # value goes to the right place better than by any naive predictor …
    assert table["misplaced"].idxmin() == "gravity"
    assert table.loc["gravity", "misplaced"] == pytest.approx(0.30, abs=0.01)
    assert table.loc["gravity", "total_ratio"] == pytest.approx(1.04, abs=0.01)
    # … but the typical small flow is overrated eightfold; least squares of logs is not
    assert table.loc["gravity", "log10_bias"] == pytest.approx(0.94, abs=0.01)
    assert abs(table.loc["gravity_logs", "log10_bias"]) < 0.02
    assert table["log10_rmse"].idxmin() == "gravity_logs"
    assert table.loc["gravity", "log10_rmse"] < table.loc["mean_share", "log10_rmse"]
    assert table.loc["gravity", "log10_rmse"] < table.loc["inverse_distance", "log10_rmse"]


def test_domestic_sales_in_the_estimate_hurt_pairs(icio):
    """One border for all countries pins the exporter's effect to its home market."""
    with_home = holdout(icio, f"trade ~ {TERMS} + border | {EFFECTS}", sectors=True)
    without = holdout(abroad(icio), f"trade ~ {TERMS} | {EFFECTS}", sectors=True)
    own = rows(without).loc["gravity"]
    for name in ("log10_rmse", "median_factor", "misplaced"):
        assert own[name] < rows(with_home).loc["gravity", name]
    naive = rows(without).drop(index=["gravity", "gravity_logs"])
    assert own["misplaced"] < naive["misplaced"].min()
    assert own["rank_correlation"] > naive["rank_correlation"].min()
    assert set(without.prediction_error()["sector"]) == {
        "A01", "B07", "C20", "C26", "H49", "all",
    }  # fmt: skip


def test_electronics_is_predicted_better_than_ore(icio):
    table = holdout(abroad(icio), f"trade ~ {TERMS} | {EFFECTS}", sectors=True)
    error = table.prediction_error().set_index("sector")["log_sd"]
    assert error["C26"] < error["A01"] < error["B07"]


def test_manufacturing_1986_to_2006():
    flows = panel(
        shared("agtpa", "agtpa_applications.csv.gz"), years=tuple(range(1986, 2007, 4))
    )
    found = holdout(abroad(flows))
    table = rows(found)
    assert table["misplaced"].idxmin() == "gravity"
    assert table.loc["gravity", "median_factor"] == pytest.approx(2.40, abs=0.01)
    assert table.loc["gravity_logs", "within_2"] > 0.45
    assert (found.hidden_pairs, found.all_pairs) == (234, 2339)


def test_china_and_korea_from_nothing_to_more_than_gravity():
    """Relations were opened in August 1992; figures as in docs/gravity.md."""
    found = without_pair(shared("agtpa", "agtpa_applications.csv.gz"), "CHN", "KOR")
    ratio = found.pivot(index="year", columns="exporter", values="ratio")
    assert list(ratio.index) == list(range(1986, 2007))
    assert (ratio.loc[1986] == 0).all()
    assert (ratio.loc[1988] < 0.05).all()
    assert ratio.loc[1992, "KOR"] == pytest.approx(0.42, abs=0.01)
    assert ratio.loc[1995, "KOR"] == pytest.approx(1.04, abs=0.01)
    assert ratio.loc[2005, "KOR"] == pytest.approx(2.05, abs=0.01)  # gravity is far too low
    # the other way it never gets there
    assert ratio["CHN"].max() < 0.75
    assert ratio.loc[2006, "CHN"] == pytest.approx(0.67, abs=0.01)
