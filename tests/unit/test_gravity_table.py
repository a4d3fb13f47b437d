"""The table that journals print."""

import re

import numpy as np
import pytest

from detente.errors import InputError
from detente.gravity import gravity, table
from gravity_world import flows_of

pytest.importorskip("pyfixest", reason="needs the extra 'estimate'")

FORMULA = "trade ~ ln_distance + border + rta | exporter^year + importer^year"


@pytest.fixture(scope="module")
def results():
    data = flows_of()
    return (
        gravity(data, FORMULA, estimator="ols"),
        gravity(data, FORMULA),
        gravity(data, "trade ~ rta | exporter^year + importer^year + pair"),
    )


def test_errors_stand_below_coefficients_and_counts_at_the_end(results):
    lines = table(*results).splitlines()
    at = next(j for j, line in enumerate(lines) if line.startswith("rta"))
    assert lines[at].split()[1:] == [f"{r['rta']:.3f}" for r in results]
    assert lines[at + 1].split() == [f"({r.error_of('rta'):.3f})" for r in results]
    text = "\n".join(lines)
    for row in ("Observations", "FE exporter-year", "FE pair", "Clusters (pair)"):
        assert row in text
    assert f"{results[1].n_obs:,}" in text
    assert "Zeros left out" in text


def test_a_term_that_a_model_lacks_is_blank(results):
    line = next(x for x in table(*results).splitlines() if x.startswith("border"))
    assert len(line.split()) == 3  # the label and two of three columns


def test_stars_are_off_unless_asked_for_and_explained(results):
    assert "*" not in table(*results)
    starred = table(*results, stars=True)
    assert re.search(r"-\d\.\d{3}\*\*", starred)
    assert "** p < 0.01" in starred


def test_many_columns_come_in_blocks_of_80(results):
    text = table(*(results * 5))
    assert all(len(line) <= 80 for line in text.splitlines())
    assert text.count("Observations") > 1


def test_markdown_and_latex(results):
    markdown = table(*results, form="markdown", names=["a", "b", "c"])
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1
    latex = table(*results, form="latex")
    assert latex.count(r"\\") == latex.count(" & ") // 3
    assert r"ln\_distance" in latex and r"\toprule" in latex
    assert latex.count("{") == latex.count("}")


def test_what_does_not_fit_is_refused(results):
    with pytest.raises(InputError, match="Did you mean 'latex'"):
        table(*results, form="latx")
    with pytest.raises(InputError, match="2 names for 3 columns"):
        table(*results, names=["a", "b"])
    with pytest.raises(InputError, match="at least one"):
        table()


def test_digits_never_show_minus_zero(results):
    assert "-0.0" not in table(*results, digits=1).replace("-0.0)", "")
    assert np.isfinite(results[0].coef).all()
