"""Openings on the Advanced Guide's panel (69 countries, 21 years): wall time of the measure.

    pytest benchmarks/bench_openings.py --benchmark-columns=min,max

``measure`` reads the panel, estimates 21 years twice, applies the rule in between, and gives
every pair's share and error. The bound is 42 regressions of 4,700 rows by pyfixest, which
``regressions`` times by itself.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from detente.gravity import gravity, panel
from detente.openings.measure import measure
from detente.openings.predicted import openings_formula
from detente.openings.record import load_record

DATA = Path(
    os.environ.get("DETENTE_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")
)
FILE = DATA / "agtpa" / "agtpa_applications.csv.gz"

if not FILE.exists():
    pytest.skip("the shared data are not here: agtpa", allow_module_level=True)


def test_measure(benchmark):
    record = load_record()
    found = benchmark.pedantic(lambda: measure(FILE, record), rounds=3)
    assert len(found.links) > 100


def test_regressions(benchmark):
    flows = panel(FILE)
    years = [panel(flows, years=int(y)) for y in sorted(flows.table["year"].unique())]

    def estimate() -> None:
        for year in 2 * years:
            gravity(year, openings_formula(year))

    benchmark.pedantic(estimate, rounds=3)
