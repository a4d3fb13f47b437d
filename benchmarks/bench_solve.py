"""Solve times and memory, set-up included, beside the bytes that a solve must read.

Run from the repository's root, on a quiet machine:

    OPENBLAS_NUM_THREADS=1 pytest benchmarks/bench_solve.py --benchmark-columns=min,median,max

Every round starts from a world whose derived arrays have not been computed yet, so that the
figure includes trade shares, link weights, the consistency check and the certificate. The
tolerance is 1e-10 on the largest residual. Peers' figures are in README.md here.
"""

from __future__ import annotations

import os
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic import synthetic_world

from detente.equilibrium import solve_equilibrium
from detente.equilibrium.batch import solve_batch
from detente.replicate import cp2015_world
from detente.shocks import Shocks
from detente.sources.cp2015 import read_cp2015
from detente.world.core import World

DATA = Path(
    os.environ.get("DETENTE_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")
)


def tariff_cut(world: World, seed: int = 0) -> Shocks:
    """Every tariff falls by its own random share: no link weight keeps its value."""
    rng = np.random.default_rng(seed)
    return Shocks(tariff_new=world.tariff * rng.uniform(0.0, 1.0, world.tariff.shape))


def bandwidth() -> float:
    """Bytes a second that one core reads from an array too large for the caches."""
    array = np.ones(40_000_000)
    best = np.inf
    for _ in range(5):
        started = time.perf_counter()
        array.sum()
        best = min(best, time.perf_counter() - started)
    return array.nbytes / best


def bytes_to_read(world: World, iterations: int) -> int:
    """Per iteration: two weight arrays, one of them twice, and the input shares twice."""
    each = 3 * world.flows.nbytes + 2 * world.input_share.nbytes
    return each * (iterations + 1)


def report(benchmark, world: World, shocks: Shocks) -> None:
    """Time cold solves; put iterations, bytes and the bound into extra_info."""
    eq = solve_equilibrium(world, shocks)
    must = bytes_to_read(world, eq.certificate.iterations)
    benchmark.extra_info |= {
        "iterations": eq.certificate.iterations,
        "residual": eq.certificate.residual,
        "megabytes to read": round(must / 1e6, 1),
        "ms at measured bandwidth": round(1e3 * must / bandwidth(), 2),
    }
    benchmark.pedantic(
        solve_equilibrium,
        setup=lambda: ((replace(world), shocks), {}),
        rounds=15,
        warmup_rounds=2,
    )


@pytest.mark.parametrize("size", [(80, 50), (160, 65), (170, 1)], ids=str)
def test_synthetic(benchmark, size: tuple[int, int]) -> None:
    world = synthetic_world(*size, seed=1)
    report(benchmark, world, tariff_cut(world))


def test_nafta(benchmark) -> None:
    if not (DATA / "cp2015").is_dir():
        pytest.skip("the cp2015 data are not on this machine")
    data = read_cp2015(DATA / "cp2015")
    world = cp2015_world(data).rebase("balanced")
    shocks = Shocks.from_tables(world, tariff_new=data.tariffs_new, deficit_rule="balanced")
    report(benchmark, world, shocks)


def test_batch_of_64(benchmark) -> None:
    world = synthetic_world(80, 50, seed=1)
    shocks = [tariff_cut(world, seed) for seed in range(64)]
    benchmark.extra_info["scenarios"] = len(shocks)
    benchmark.pedantic(solve_batch, args=(world, shocks), rounds=3, warmup_rounds=1)
    benchmark.extra_info["ms each (median)"] = round(
        1e3 * benchmark.stats.stats.median / len(shocks), 2
    )


def test_memory_160x65() -> None:
    """Peak of everything that a solve allocates, beyond the world itself; bar 400 MB."""
    world = synthetic_world(160, 65, seed=1)
    shocks = tariff_cut(world)
    tracemalloc.start()
    solve_equilibrium(replace(world), shocks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"\npeak of a 160 × 65 solve: {peak / 1e6:.0f} MB")
    assert peak < 400e6
