"""The model's equations, one function each, in docs/model.md's notation.

Sources: Caliendo & Parro (2015, Review of Economic Studies 82), their system (equations
10 to 14 in changes); Dekle, Eaton & Kortum (2008) for exact-hat algebra; Costinot &
Rodríguez-Clare (2014) for the general class. Dormant links and caps are detente's.

Every function takes and returns plain float64 arrays. Axes: k, s sector; i exporter;
n importer. N countries, S sectors. Two transforms keep the solver's inner loop linear:

* ``cost_power`` q[s, i] = ĉ^−θ, shape (S, N)
* ``price_power`` v[s, n] = P̂^−θ, shape (S, N)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def log_unit_cost(
    log_wage: Array, log_price: Array, input_share: Array, value_added_share: Array
) -> Array:
    """ln ĉ[s, i] = γᵛ ln ŵ + Σₖ γ ln P̂ (CP equation 2 in changes).

    Parameters
    ----------
    log_wage : ndarray, shape (N,)
    log_price : ndarray, shape (S, N)
    input_share : ndarray, shape (N, S, S)
        ``input_share[i, s, k]``: country first, so that one country's block is contiguous.
    value_added_share : ndarray, shape (S, N)

    Returns
    -------
    ndarray, shape (S, N)
    """
    inputs: Array = np.matmul(input_share, log_price.T[:, :, None])[:, :, 0].T
    inputs = inputs + value_added_share * log_wage
    return inputs


def link_base(
    trade_share: Array,
    link: Array | None = None,
    link_open: Array | None = None,
    dormant_share: Array | None = None,
) -> Array:
    """b = π·m + link_open · max(ψ − π·m, 0): what a link weighs at baseline costs.

    All arrays have shape (S, N, N); ``None`` means untouched (m = 1) or nothing opened.
    ψ is in odds. An opening never takes a link below what is there.
    """
    base = trade_share if link is None else trade_share * link
    if link_open is None or dormant_share is None:
        return base
    return base + link_open * np.maximum(dormant_share - base, 0.0)


def trade_cost_power(
    tariff: Array, tariff_new: Array | None, log_cost: Array | None, theta: Array
) -> Array | None:
    """(d̂ (1+t′)/(1+t))^−θ, shape (S, N, N); None where no cost changes (CP equation 4).

    ``log_cost`` is ln d̂; ``None`` means that nothing changed.
    """
    change: Array | None = log_cost
    if tariff_new is not None:
        # in place: at 160 × 65 each array is 13 MB, and fresh memory is what costs
        change = 1.0 + tariff_new
        change /= 1.0 + tariff
        np.log(change, out=change)
        if log_cost is not None:
            change += log_cost
    if change is None or not change.any():
        return None
    own = change is not log_cost
    power: Array = np.multiply(change, -theta[:, None, None], out=change if own else None)
    return np.exp(power, out=power)


def link_weight(base: Array, productivity_hat: Array | None, cost_power: Array | None) -> Array:
    """a = b · T̂[s, i] · (d̂ (1+t′)/(1+t))^−θ, shape (S, N, N).

    ``cost_power`` is used up: its memory becomes the result's.
    """
    weight = (
        base.copy() if cost_power is None else np.multiply(base, cost_power, out=cost_power)
    )
    if productivity_hat is not None:
        weight *= productivity_hat[:, :, None]
    return weight


def price_power(weight: Array, cost_power: Array) -> Array:
    """v[s, n] = P̂^−θ = Σᵢ a ĉ^−θ (CP equation 4 in changes), shape (S, N)."""
    total: Array = np.matmul(cost_power[:, None, :], weight)[:, 0]
    return total


def new_share(weight: Array, cost_power: Array, price_power_: Array) -> Array:
    """π′ = a ĉ^−θ / P̂^−θ (CP equation 6 in changes), shape (S, N, N); 0 where v is 0."""
    safe = np.where(price_power_ > 0, price_power_, 1.0)
    share = weight * cost_power[:, :, None]
    share /= safe[:, None, :]
    return share


def sales(weight_net: Array, cost_power: Array, demand: Array) -> Array:
    """Y′[k, n] = Σⱼ π′[k, n, j] X′[k, j]/(1+t′), shape (S, N).

    ``weight_net`` is a/(1+t′); ``demand`` is X′/P̂^−θ, shape (S, N).
    """
    sold: Array = cost_power * np.matmul(weight_net, demand[:, :, None])[:, :, 0]
    return sold


def expenditure(output: Array, income: Array, input_share: Array, final_share: Array) -> Array:
    """X′[s, n] = Σₖ γ[s, k, n] Y′[k, n] + α[s, n] I′[n] (CP equation 9), shape (S, N).

    ``input_share`` has shape (N, S, S) as in :func:`log_unit_cost`.
    """
    inputs: Array = np.matmul(output.T[:, None, :], input_share)[:, 0].T
    spent: Array = inputs + final_share * income
    return spent


def factor_demand(output: Array, value_added_share: Array) -> Array:
    """Σₛ γᵛ Y′, what producers pay to factors (CP equation 11), shape (N,)."""
    paid: Array = np.einsum("sn,sn->n", value_added_share, output)
    return paid


def proportional_deficit(
    deficit: Array,
    country: int,
    factor_income_hat: float,
    income_before: Array,
    linked: NDArray[np.bool_],
) -> Array:
    """D′ with D′[n] = D[n]·own factor income hat for one country.

    The others that are ``linked`` to it by trade, shape (N,), absorb the difference in
    proportion to income. ``income_before`` is income without any deficit, shape (N,); the
    shares solve D′ⱼ = Dⱼ − Δ Iⱼ/ΣI exactly.
    """
    new = deficit.copy()
    others = linked & (np.arange(deficit.size) != country)
    if not others.any():
        return new
    new[country] = deficit[country] * factor_income_hat
    gap = new[country] - deficit[country]
    weight = (income_before + deficit)[others]
    new[others] -= gap * weight / weight.sum()
    return new


def final_price_hat(price_hat: Array, final_share: Array) -> Array:
    """Πₛ P̂^α, the price of final demand, shape (N,)."""
    price: Array = np.exp(np.einsum("sn,sn->n", final_share, np.log(price_hat)))
    return price


def real_income_hat(income_hat: Array, price_hat: Array, final_share: Array) -> Array:
    """Ŵ[n] = Î / Πₛ P̂^α, shape (N,)."""
    hat: Array = income_hat / final_price_hat(price_hat, final_share)
    return hat
