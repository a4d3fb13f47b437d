"""The embedded curve of openings is what the embedded shares, and the original panel, give."""

from pathlib import Path

import numpy as np
import pytest
from test_world_sources import shared

from detente.cli.openingsdata import embedded
from detente.cli.openingsmeasure import measure
from detente.openings.embedded import curve
from detente.openings.fit import fit
from detente.openings.histories import for_curve
from detente.openings.observed import observed
from detente.openings.record import load_record


def test_the_embedded_curve_is_of_the_embedded_shares():
    rows = for_curve(embedded(load_record()).shares, load_record())
    assert curve().about["histories"] == observed(rows).content_hash


def test_a_short_fit_to_the_original_panel_gives_the_embedded_curve():
    """Fewer draws than the embedded fit, so that quantiles agree to some tens of percent."""
    pytest.importorskip("pyfixest", reason="needs the extra 'estimate'")
    pytest.importorskip("numpyro", reason="needs the extra 'openings'")
    file = Path(shared("agtpa", "agtpa_applications.csv.gz"))
    found = measure(file, load_record(), columns=None, zeros=False, advance=None)
    rows = for_curve(found.shares, load_record())
    assert observed(rows).content_hash == curve().about["histories"]
    again = fit(rows, seed=5, chains=1, warmup=300, draws=250)
    years = [1, 5, 10, 15]
    old, new = (c.share(years, (0.25, 0.5, 0.75)).to_numpy() for c in (curve(), again))
    np.testing.assert_allclose(np.log(new[:, :3]), np.log(old[:, :3]), atol=0.35)
    beta = (curve().draws["size_effect"], again.draws["size_effect"])
    assert beta[0].median() == pytest.approx(beta[1].median(), abs=0.05)
