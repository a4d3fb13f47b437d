"""Three-way gravity on a million rows: wall time, and peak memory of the whole process.

Run from the repository's root, on a quiet machine (pyfixest's kernels take every core):

    pytest benchmarks/bench_gravity.py --benchmark-columns=min,max -s

Each round is a fresh Python process, so that the time includes imports, reading or making
the table, every check of it, and dropping rows; the memory is the process's own peak. Bars of
the issue: 60 s and 4 GB on two cores. Two panels of about a million rows, both with
exporter-year, importer-year and pair effects and errors clustered by pair:

- ``baci``: CEPII BACI, 74 mineral products, 1995–2024, real, positive flows only, sparse;
  two terms that vary by pair and year (distance and contiguity times a trend);
- ``synthetic``: 150 countries × 45 years, every pair, a quarter zeros, two terms with known
  coefficients.

``DETENTE_BENCH_DEMEANERS=1`` adds what ``pyfixest.fepois`` itself takes with each of its
demeaners that need no further package; some run for many minutes or fail, so each gets 600 s.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyfixest as pf
import pytest

from detente.gravity import gravity, panel
from detente.gravity.formula import design, effect, parse
from detente.gravity.ppml import dense, droppable

DATA = Path(
    os.environ.get("DETENTE_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")
)
EFFECTS = "exporter^year + importer^year + directed_pair"
FORMULAS = {
    "baci": f"trade ~ ln_distance:trend + contiguity:trend | {EFFECTS}",
    "synthetic": f"trade ~ rta + globalisation | {EFFECTS}",
}
TRUE = {"rta": 0.4, "globalisation": 0.6}
LIMIT = 600


def baci() -> pd.DataFrame:
    """The real panel, 1.26 million rows, with distance and contiguity beside it."""
    folder = DATA / "baci_minerals"
    flows = pd.read_parquet(folder / "baci_hs92_minerals_1995_2024.parquet")
    names = pd.read_csv(folder / "country_codes.csv")
    iso3 = names.set_index("country_code")["country_iso3"]
    table = pd.DataFrame(
        {
            "year": flows["t"].to_numpy(),
            "exporter": iso3.reindex(flows["i"]).to_numpy(),
            "importer": iso3.reindex(flows["j"]).to_numpy(),
            "product": flows["k"].to_numpy(),
            "trade": flows["v"].to_numpy(dtype=float),
            "trend": (flows["t"].to_numpy() - 2010) / 10.0,
        }
    )
    pairs = pd.read_csv(
        DATA / "geodist" / "dist_cepii.csv.gz", usecols=["iso_o", "iso_d", "dist", "contig"]
    )
    pairs.columns = ["exporter", "importer", "contiguity", "distance"]
    return table.dropna(subset=["exporter", "importer"]).merge(
        pairs, how="left", on=["exporter", "importer"]
    )


def synthetic(n: int = 150, years: int = 45, seed: int = 0) -> pd.DataFrame:
    """A complete panel with zeros: log-normal errors of mean one, known coefficients."""
    rng = np.random.default_rng(seed)
    i, j, t = (a.ravel() for a in np.indices((n, n, years)))
    place = rng.uniform(0, 10, (n, 2))
    distance = 0.3 + np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    begins = rng.integers(5, 80, (n, n))
    rta = ((t >= np.minimum(begins, begins.T)[i, j]) & (i != j)).astype(float)
    opening = (i != j) * t / years
    walks = [
        rng.normal(0, 1.5, (n, 1)) + 0.09 * rng.normal(0, 1, (n, years)).cumsum(axis=1)
        for _ in range(2)
    ]
    pair = -np.log(distance) - 2 * (1 - np.eye(n)) + rng.normal(0, 1, (n, n))
    index = walks[0][i, t] + walks[1][j, t] + pair[i, j]
    mean = np.exp(index + TRUE["rta"] * rta + TRUE["globalisation"] * opening)
    flow = mean * rng.lognormal(-0.5, 1.0, len(mean))
    # Zeros leave the mean as it is: what stays is larger by as much.
    none = 0.6 * np.exp(-mean / np.median(mean))
    flow = np.where(rng.uniform(size=len(flow)) < none, 0.0, flow / (1.0 - none))
    codes = np.array([f"C{k:03d}" for k in range(n)], dtype=object)
    return pd.DataFrame(
        {
            "exporter": codes[i],
            "importer": codes[j],
            "year": 1980 + t,
            "trade": flow,
            "rta": rta,
            "globalisation": opening,
        }
    )


def estimate(case: str) -> dict[str, object]:
    """In a process of its own: make the panel, estimate, and say what it took."""
    started = time.perf_counter()
    table = {"baci": baci, "synthetic": synthetic}[case]()
    flows = panel(table)
    del table
    ready = time.perf_counter()
    result = gravity(flows, FORMULAS[case])
    return {
        "rows": result.n_obs,
        "effects": dict(result.effects),
        "coef": dict(zip(result.terms, result.coef.round(6).tolist(), strict=True)),
        "std_error": dict(zip(result.terms, result.std_error.round(6).tolist(), strict=True)),
        "seconds to make and check the table": round(ready - started, 1),
        "seconds to estimate": round(time.perf_counter() - ready, 1),
        "peak GB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
    }


def fepois(case: str, demeaner: str) -> dict[str, object]:
    """The same regression by ``pyfixest.fepois`` alone, with one of its demeaners."""
    chosen = {
        "map": pf.MapDemeaner(),
        "within": pf.LsmrDemeaner(fixef_atol=1e-6, fixef_btol=1e-6),
        "within, diagonal": pf.LsmrDemeaner(
            preconditioner="diagonal", fixef_maxiter=10_000, fixef_atol=1e-6, fixef_btol=1e-6
        ),
    }[demeaner]
    flows = panel({"baci": baci, "synthetic": synthetic}[case]())
    drawn = design(flows, parse(FORMULAS[case]))
    kept, _, _ = droppable(drawn.flow, {e.name: e.codes for e in drawn.effects})
    columns = {f"x{k}": v[kept] for k, v in enumerate(drawn.terms.values())}
    columns |= {f"e{k}": dense(e.codes[kept]) for k, e in enumerate(drawn.effects)}
    columns["c"] = effect(flows, ("pair",), drawn.rows).codes[kept]
    frame = pd.DataFrame({"flow": drawn.flow[kept] / drawn.flow[kept].mean(), **columns})
    started = time.perf_counter()
    found = pf.fepois(
        "flow ~ x0 + x1 | e0 + e1 + e2", frame, vcov={"CRV1": "c"}, demeaner=chosen,
        fixef_rm="none", separation_check=[], iwls_maxiter=100, copy_data=False,
    )  # fmt: skip
    return {
        "coef": np.round(found._beta_hat, 6).tolist(),
        "converged": bool(found.convergence),
        "seconds to estimate": round(time.perf_counter() - started, 1),
        "peak GB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
    }


def child(*arguments: str) -> dict[str, object]:
    """Run this file in a fresh process and read what it says."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, *arguments],
        capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1:]}
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def need(case: str) -> None:
    if case == "baci" and not (DATA / "baci_minerals").is_dir():
        pytest.skip("the BACI minerals are not on this machine")


@pytest.mark.parametrize("case", ["baci", "synthetic"])
def test_million_rows_three_ways(benchmark, case: str) -> None:
    need(case)
    found = benchmark.pedantic(child, args=(case,), rounds=3)
    benchmark.extra_info |= found
    print(f"\n{case}: {found}")
    assert "failed" not in found
    assert found["peak GB"] < 4.0
    assert found["rows"] > 1_000_000
    if case == "synthetic":  # globalisation rests on the home sales of a few large countries
        assert abs(found["coef"]["rta"] - TRUE["rta"]) < 4.0 * found["std_error"]["rta"]


@pytest.mark.skipif(
    not os.environ.get("DETENTE_BENCH_DEMEANERS"), reason="slow: DETENTE_BENCH_DEMEANERS=1"
)
@pytest.mark.parametrize("demeaner", ["map", "within", "within, diagonal"])
@pytest.mark.parametrize("case", ["baci", "synthetic"])
def test_fepois_with_each_demeaner(benchmark, case: str, demeaner: str) -> None:
    need(case)

    def once() -> dict[str, object]:
        try:
            return child(case, demeaner)
        except subprocess.TimeoutExpired:
            return {"failed": f"nothing after {LIMIT} s"}

    found = benchmark.pedantic(once, rounds=1)
    benchmark.extra_info |= found
    print(f"\n{case}, fepois with {demeaner}: {found}")


if __name__ == "__main__":
    print(json.dumps(estimate(sys.argv[1]) if len(sys.argv) == 2 else fepois(*sys.argv[1:])))
