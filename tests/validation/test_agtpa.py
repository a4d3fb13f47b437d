"""The Advanced Guide to Trade Policy Analysis (Yotov et al. 2016) on its own data.

Printed figures and their sources: src/detente/gravity/printed.py and replication.py. The
figures here are once more those of the authors' own Stata logs and result tables, typed in
from the repository pachadotdev/tradepolicy, so that a slip in the package's copy shows.
"""

import numpy as np
import pandas as pd
import pytest
from test_world_sources import shared

from detente.errors import InputError
from detente.gravity import (
    conditional_general_equilibrium,
    full_endowment_general_equilibrium,
    gravity,
    square,
    trade_costs,
)
from detente.gravity.panel import panel
from detente.gravity.replication import agtpa, guide_iteration, printed_equilibrium

pytest.importorskip("pyfixest", reason="needs the extra 'estimate'")


@pytest.fixture(scope="module")
def found():
    return agtpa(shared("agtpa"))


@pytest.fixture(scope="module")
def borders():
    """Application 1 of chapter 2: 2006, all borders gone."""
    year = panel(shared("agtpa", "agtpa_applications.csv.gz"), years=2006)
    formula = "trade ~ ln_distance + contiguity + border | exporter + importer"
    result = gravity(year, formula, cluster=None)
    costs = trade_costs(result, year), trade_costs(result, year, {"border": 0.0})
    return result, square(year.table, "trade"), *costs


# -- coefficients --------------------------------------------------------------------------
def test_the_log_of_chapter_2_to_all_its_digits(borders):
    """TradeWithoutBorder.log: ppml, 4,761 observations, R² .99450921."""
    result = borders[0]
    log = {
        "ln_distance": (-0.7912879, 0.0501494),
        "contiguity": (0.6736456, 0.1073719),
        "border": (-2.47445, 0.1193816),
    }
    for term, (coefficient, error) in log.items():
        assert result[term] == pytest.approx(coefficient, abs=5e-7)
        assert result.error_of(term) == pytest.approx(error, abs=5e-7)
    assert result.n_obs == 4761
    assert result.correlation2 == pytest.approx(0.99450921, abs=5e-9)


def test_every_effect_of_the_log(borders):
    """Exporter effects of the log (1–3, 69) less Germany's; importer effects relative to it."""
    effects = borders[0].fixed_effects()
    made = effects["exporter"].set_index("exporter")["value"]
    bought = effects["importer"].set_index("importer")["value"]
    # Germany is last in the log, and its importer effect is zero; trade is in its own unit
    level = bought["DEU"]
    logged = {"ARG": (16.60491, -1.514718), "AUS": (17.83091, 0.0643156),
              "AUT": (16.66352, -1.569417), "DEU": (18.59357, 0.0)}  # fmt: skip
    for code, (exporter, importer) in logged.items():
        assert made[code] + level == pytest.approx(exporter, abs=1e-4)
        assert bought[code] - level == pytest.approx(importer, abs=1e-4)


def test_the_agreements_log_of_chapter_2():
    """RTAsEffects.log: RTA .5571853 (.055771), 28,482 observations, 84 excluded."""
    years = range(1986, 2007, 4)
    result = gravity(
        shared("agtpa", "agtpa_applications.csv.gz"),
        "trade ~ rta | exporter^year + importer^year + pair",
        cluster=None,
        years=years,
    )
    assert result["rta"] == pytest.approx(0.5571853, abs=5e-8)
    assert (result.n_obs, result.separated) == (28482, 84)
    assert result.correlation2 == pytest.approx(0.99877503, abs=5e-9)
    assert result.error_of("rta") == pytest.approx(0.055771, abs=1e-6)


def test_every_printed_coefficient_and_error(found):
    table = found.coefficients
    assert len(table) == 95
    assert table["agrees"].all(), table[~table["agrees"]].to_string()
    # errors clustered by pair, printed with seven digits where R prints them
    rows = table.set_index(["table", "term"])
    assert rows.loc[("3 ENDG", "rta"), "computed_error"] == pytest.approx(0.1022353, abs=5e-8)
    assert rows.loc[("3 INTRA", "rta"), "computed_error"] == pytest.approx(0.06882661, abs=5e-8)
    assert rows.loc[("3 GLOBAL", "sum of lags"), "computed"] == pytest.approx(
        0.4750185, abs=5e-8
    )


# -- general equilibrium ---------------------------------------------------------------------
#: FACTS.md A3: exports in conditional and full equilibrium, real GDP, percent.
PRINTED = {
    "USA": (360.0, 438.3, 10.65), "CHN": (175.5, 238.4, 14.35), "JPN": (220.8, 293.8, 12.37),
    "KOR": (210.2, 288.0, 19.26), "DEU": (133.4, 192.0, 24.31), "CAN": (80.8, 137.2, 54.36),
    "MEX": (114.6, 173.6, 45.91), "AUS": (229.6, 300.2, 28.62), "HUN": (66.5, 118.5, 45.16),
    "BOL": (13.5, 58.0, 68.60),
}  # fmt: skip


def test_printed_equilibria_come_out_to_their_digits(found):
    table = found.equilibrium
    assert len(table) == 2 * 69 * 5
    assert table["agrees"].all(), table[~table["agrees"]].to_string()
    assert table["difference"].abs().max() < 1e-4  # percentage points
    own = table[table["application"] == "borders"].pivot(
        index="country", columns="figure", values="computed"
    )
    for code, (conditional, full, real) in PRINTED.items():
        assert round(own.loc[code, "exports_conditional"], 1) == conditional
        assert round(own.loc[code, "exports_full"], 1) == full
        assert round(own.loc[code, "real_gdp"], 2) == real
    means = own[["exports_conditional", "exports_full", "real_gdp"]].mean()
    without = own.drop(index="HKG")[["exports_conditional", "exports_full"]].mean()
    assert means["real_gdp"] == pytest.approx(43.35, abs=0.01)
    assert means["exports_full"] == pytest.approx(174.6, abs=0.1)
    assert without["exports_conditional"] < means["exports_conditional"]


def test_the_stop_rule_takes_as_many_steps_as_in_the_logs(found):
    assert found.iterations == {"borders": 5, "nafta": 3}


def test_the_package_s_copy_of_the_print_is_whole():
    table = printed_equilibrium()
    assert table.groupby("application")["country"].nunique().to_dict() == {
        "borders": 69,
        "nafta": 69,
    }
    assert np.isfinite(table.select_dtypes("number")).all().all()
    usa = table[(table["application"] == "borders") & (table["country"] == "USA")].iloc[0]
    assert usa["exports_conditional"] == pytest.approx(359.9808)


def test_conditional_equilibrium_needs_no_stop_rule(borders):
    """Output and expenditure stay, so there is one answer; ours has residual below 1e-10."""
    _, flows, cost, new = borders
    mine = conditional_general_equilibrium(flows, cost, new, reference="DEU")
    assert mine.residual < 1e-10
    printed = printed_equilibrium()
    own = printed[printed["application"] == "borders"].set_index("country")
    gap = mine.table["exports_change"] - own["exports_conditional"]
    assert gap.abs().max() < 1e-4


def test_how_far_the_printed_full_equilibrium_had_converged(found, borders):
    """What the stop rule leaves, and what world trade balance adds (docs/gravity.md)."""
    table = found.converged
    own = table[table["application"] == "borders"]
    real = own[own["figure"] == "real_gdp"].set_index("country")
    assert real["not_converged"].abs().max() == pytest.approx(0.083, abs=0.001)
    assert real["world_balance"].abs().max() == pytest.approx(0.673, abs=0.001)
    np.testing.assert_allclose(
        real["difference"], real["not_converged"] + real["world_balance"], atol=1e-12
    )
    exports = own[own["figure"] == "exports_full"].set_index("country").drop(index="HKG")
    assert exports["not_converged"].abs().max() < 3.0  # of changes between 43 and 438
    mine = full_endowment_general_equilibrium(*borders[1:], reference="DEU")
    assert mine.residual < 1e-10
    # world expenditure falls short of output by 0.4 % where balances stay shares of output
    assert mine.expenditure_factor == pytest.approx(1.0039, abs=1e-4)


def test_the_guide_s_iteration_never_settles_on_nafta(found):
    own = found.converged[found.converged["application"] == "nafta"]
    assert own["iterated"].isna().all()
    real = own[own["figure"] == "real_gdp"]
    assert real["difference"].abs().max() < 0.04  # what is printed is near, after 3 steps


def test_a_tighter_stop_rule_moves_away_and_settles_elsewhere(borders):
    """Changes by step shrink on application 1, but the limit is not an equilibrium."""
    _, flows, cost, new = borders
    loose, steps = guide_iteration(flows, cost, new, stop=0.01)
    tight, more = guide_iteration(flows, cost, new, stop=1e-12)
    assert (steps, more) == (5, 91)
    mine = full_endowment_general_equilibrium(flows, cost, new, reference="DEU").table
    gap = (tight["real_gdp"] - mine["real_gdp_change"]).abs().max()
    assert 0.5 < gap < 0.7
    assert (loose["real_gdp"] - tight["real_gdp"]).abs().max() < 0.1


def test_a_folder_without_the_data_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"'agtpa_applications.csv.gz' is not in"):
        agtpa(tmp_path)
    pd.DataFrame({"exporter": ["A"], "importer": ["B"]}).to_csv(
        tmp_path / "agtpa_applications.csv", index=False
    )
    with pytest.raises(InputError, match="no column for the trade"):
        agtpa(tmp_path)


def test_the_command_line_gets_tables_and_a_verdict(found):
    assert found.agrees and found.text.startswith("replicated: 95 of 95")
    assert next(iter(found.frames)) == "coefficients"
    summary = found.summary.set_index(["application", "figure"])
    assert (summary["countries"] == 69).all()
    assert summary.loc[("nafta", "real_gdp"), "solved_largest"] < 0.04
    assert found.selection["country"].tolist()[0] == "USA"
    assert found.facts["iterations"] == {"borders": 5, "nafta": 3}
