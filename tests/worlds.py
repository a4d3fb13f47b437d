"""Small random worlds that are exact baselines, for unit and property tests.

Flows and tariffs are drawn first; expenditure and output follow. Input use is drawn
inside what each country buys, and final demand is what is left, so that every identity
of docs/model.md holds by construction, whatever the zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from detente.world import World


def random_world(
    seed: int,
    n_countries: int,
    n_sectors: int,
    *,
    zeros: float = 0.0,
    tariffs: bool = True,
    deficits: bool = True,
    services: int = 0,
    dormant: bool = False,
) -> World:
    """A world whose identities hold to rounding.

    Parameters
    ----------
    seed : int
        Seed of numpy's default generator: the same seed, the same world.
    n_countries, n_sectors : int
        N and S.
    zeros : float
        Probability that a link is closed; with it, own sales vanish in some cells, some
        sectors are not produced in a country and some are not bought at all.
    tariffs, deficits : bool
        Whether there are any.
    services : int
        How many of the last sectors are not traded.
    dormant : bool
        Add the dormant shares ``normal`` and ``as_before`` on closed links, and the
        coverage ``ban``.
    """
    rng = np.random.default_rng(seed)
    flows = _draw_flows(rng, n_countries, n_sectors, zeros, services)
    if not deficits:
        flows = _balanced(flows)
    tariff = np.zeros_like(flows)
    if tariffs:
        tariff = rng.uniform(0.0, 0.3, flows.shape) * ~np.eye(n_countries, dtype=bool)
    output = flows.sum(axis=2)
    expenditure = (flows * (1.0 + tariff)).sum(axis=1)
    input_use = _draw_input_use(rng, output, expenditure)
    produced = np.where(output > 0, output, 1.0)
    input_share = input_use / produced
    value_added_share = 1.0 - input_share.sum(axis=0)
    final = expenditure - input_use.sum(axis=1)
    exports, imports = flows.sum(axis=(0, 2)), flows.sum(axis=(0, 1))
    return World(
        name=f"random-{seed}",
        countries=tuple(f"C{j:02d}" for j in range(n_countries)),
        sectors=tuple(f"s{j:02d}" for j in range(n_sectors)),
        flows=flows,
        tariff=tariff,
        input_share=input_share,
        value_added_share=value_added_share,
        final_share=final / final.sum(axis=0),
        trade_elasticity=rng.uniform(2.5, 9.0, n_sectors),
        value_added=(value_added_share * output).sum(axis=0),
        deficit=imports - exports,
        **(_draw_dormant(rng, flows) if dormant else {}),
    )


def _draw_flows(
    rng: np.random.Generator, n: int, s: int, zeros: float, services: int
) -> np.ndarray:
    """Gravity-like flows of unequal countries; one cell in every country stays open."""
    size = np.exp(rng.normal(10.0, 1.5, n))
    taste = rng.dirichlet(np.full(s, 3.0), n).T
    pull = np.exp(rng.normal(0.0, 1.0, (s, n, n))) * size[None, :, None]
    share = pull / pull.sum(axis=1, keepdims=True)
    home = rng.uniform(0.4, 0.9, (s, n))
    share = share * (1.0 - home)[:, None, :] + np.eye(n) * home[:, None, :]
    flows = share * (taste * size)[:, None, :]
    keep = rng.random((s, n, n)) >= zeros
    keep &= (rng.random((s, n)) >= zeros / 3)[:, :, None]  # not produced in i
    keep &= (rng.random((s, n)) >= zeros / 3)[:, None, :]  # not bought in n
    keep[s - services :] &= np.eye(n, dtype=bool)
    safe = rng.integers(0, s, n)
    keep[safe, np.arange(n), np.arange(n)] = True
    return flows * keep


def _balanced(flows: np.ndarray) -> np.ndarray:
    """Scale each pair's trade so that it is worth the same in both directions."""
    total = flows.sum(axis=0)
    target = np.sqrt(total * total.T)
    factor = np.divide(target, total, out=np.zeros_like(total), where=total > 0)
    return flows * factor


def _draw_input_use(
    rng: np.random.Generator, output: np.ndarray, expenditure: np.ndarray
) -> np.ndarray:
    """[k, s, n] in money; at most 80 % of what n buys of k, so that final demand is > 0."""
    s, n = output.shape
    recipe = rng.dirichlet(np.ones(s), (s, n)).transpose(2, 0, 1)
    use = recipe * rng.uniform(0.2, 0.7, (s, n)) * output
    wanted = use.sum(axis=1)
    room = np.divide(0.8 * expenditure, wanted, out=np.ones_like(wanted), where=wanted > 0)
    return use * np.minimum(room, 1.0)[:, None, :]


def _draw_dormant(rng: np.random.Generator, flows: np.ndarray) -> dict[str, Any]:
    """Odds on closed links between countries, and a coverage for each of them."""
    closed = (flows == 0) & ~np.eye(flows.shape[1], dtype=bool)
    normal = closed * rng.uniform(0.0, 0.1, flows.shape)
    return {
        "dormant": {
            "normal": normal,
            "as_before": normal * rng.uniform(0.0, 1.0, flows.shape),
        },
        "coverage": {"ban": closed * rng.uniform(0.0, 1.0, flows.shape)},
    }


def worlds(
    *,
    max_countries: int = 12,
    max_sectors: int = 6,
    dormant: bool = False,
) -> st.SearchStrategy[World]:
    """Hypothesis: worlds of 2–12 countries × 1–6 sectors, zeros and services included."""

    @st.composite
    def draw_world(draw: st.DrawFn) -> World:
        n_sectors = draw(st.integers(1, max_sectors))
        return random_world(
            draw(st.integers(0, 2**32 - 1)),
            draw(st.integers(2, max_countries)),
            n_sectors,
            zeros=draw(st.sampled_from([0.0, 0.1, 0.3, 0.6])),
            tariffs=draw(st.booleans()),
            deficits=draw(st.booleans()),
            services=draw(st.integers(0, n_sectors - 1)),
            dormant=dormant,
        )

    return draw_world()
