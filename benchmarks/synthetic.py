"""A documented synthetic world for benchmarks: dense, large, exactly consistent."""

from __future__ import annotations

import numpy as np

from detente.world import World


def synthetic_world(n_countries: int, n_sectors: int, seed: int = 0) -> World:
    """A dense gravity-like world of any size, in seconds.

    - Countries lie at random in a square; sizes are log-normal (spread of logs 1.2).
    - Home shares are uniform in 0.7–0.9; the rest of a buyer's spending is split in
      proportion to size × sector advantage (log-normal, 0.7) × distance^−1.
    - Tariffs are uniform in 0–20 %, none at home; θ uniform in 3–12.
    - Value added shares are uniform in 0.4–0.6; input recipes Dirichlet(1).
    - Deficits are uniform in ±3 % of value added, less a common rate (so that they add up
      to zero). The deficit in the world is the one of its flows, and final shares are what
      inputs leave, so that identities hold to rounding.
    """
    rng = np.random.default_rng(seed)
    n, s = n_countries, n_sectors
    size = np.exp(rng.normal(11.0, 1.2, n))
    tariff = rng.uniform(0.0, 0.2, (s, n, n))
    tariff[:, np.arange(n), np.arange(n)] = 0.0
    flows = _draw_shares(rng, size, s)  # first shares, then shares net of tariff
    flows /= 1.0 + tariff
    technology = _draw_technology(rng, n, s)
    input_share, value_added_share = technology
    alpha = rng.dirichlet(np.full(s, 2.0), n).T
    rate = rng.uniform(-0.03, 0.03, n)
    expenditure = _solve_levels(flows, technology, alpha, size, rate)
    flows *= expenditure[:, None, :]  # in place: shares become money
    output = flows.sum(axis=2)
    spent = flows.sum(axis=1) + np.einsum("sin,sin->sn", flows, tariff)
    final = spent - np.einsum("ksn,sn->kn", input_share, output)
    return World(
        name=f"synthetic-{n}x{s}-{seed}",
        countries=tuple(f"C{j:03d}" for j in range(n)),
        sectors=tuple(f"s{j:03d}" for j in range(s)),
        flows=flows,
        tariff=tariff,
        input_share=input_share,
        value_added_share=value_added_share,
        final_share=final / final.sum(axis=0),
        trade_elasticity=rng.uniform(3.0, 12.0, s),
        value_added=(value_added_share * output).sum(axis=0),
        deficit=flows.sum(axis=(0, 1)) - output.sum(axis=0),
    )


def _draw_shares(rng: np.random.Generator, size: np.ndarray, s: int) -> np.ndarray:
    """π[s, i, n]: gravity abroad, 0.7–0.9 at home."""
    n = len(size)
    place = rng.uniform(0.0, 1.0, (n, 2))
    distance = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1)) + 0.05
    advantage = np.exp(rng.normal(0.0, 0.7, (s, n))) * size
    shares = advantage[:, :, None] / distance
    shares[:, np.arange(n), np.arange(n)] = 0.0
    home = rng.uniform(0.7, 0.9, (s, n))
    shares *= ((1.0 - home) / shares.sum(axis=1))[:, None, :]
    shares[:, np.arange(n), np.arange(n)] = home
    return shares


def _draw_technology(rng: np.random.Generator, n: int, s: int) -> tuple[np.ndarray, np.ndarray]:
    """γ[k, s, i] and γᵛ[s, i], adding up to one."""
    value_added_share = rng.uniform(0.4, 0.6, (s, n))
    input_share = rng.standard_exponential((s, s, n))
    input_share *= (1.0 - value_added_share) / input_share.sum(axis=0)
    return input_share, value_added_share


def _solve_levels(
    net: np.ndarray,
    technology: tuple[np.ndarray, np.ndarray],
    alpha: np.ndarray,
    size: np.ndarray,
    rate: np.ndarray,
) -> np.ndarray:
    """X[s, n] of the level equilibrium with deficits near ``rate``, by simple iteration.

    ``net`` is π/(1+t). World value added is kept at Σ size; a country's own follows.
    """
    input_share, value_added_share = technology
    x = alpha * size * 2.0
    for _ in range(2000):
        output = np.matmul(net, x[:, :, None])[:, :, 0]
        earned = (value_added_share * output).sum(axis=0)
        revenue = x.sum(axis=0) - np.einsum("sin,sn->n", net, x)
        deficit = (rate - rate @ earned / earned.sum()) * earned
        income = earned + revenue + deficit
        new = np.einsum("ksn,sn->kn", input_share, output) + alpha * income
        new *= size.sum() / earned.sum()
        gap = np.abs(new - x).max() / x.max()
        x = new
        if gap < 1e-13:
            break
    return x
