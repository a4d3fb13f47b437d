"""How links and capital move through time (docs/time.md).

Links: what a measure opens is not there the day after. Holding the target b* of a segment
(docs/model.md, equation 2), the weight of a link obeys b′(t) = κ·(b* − b) where b < b*, and
is b* at once where b > b*, since a ban binds on its first day. κ closes 95 % of a gap in
``adjustment_years``. The effects of a sanction fade over about eight years after it is
lifted: Dai, Felbermayr, Kirilakha, Syropoulos, Yalcin & Yotov (2021), "Timing the impact of
sanctions on trade".

Capital: K′ = (1 − δ)K + δ·(real income) in units of the baseline, where investment is a
constant share of real income: the law of motion of Anderson, Larch & Yotov (2020),
"Transitional growth and trade with frictions", with their adjustment elasticity at one.
"""

from __future__ import annotations

import math

import numpy as np

from detente.world.core import Array

#: Share of a gap that is closed after ``adjustment_years``.
CLOSED = 0.95


def speed(adjustment_years: float) -> float:
    """κ, per year: exp(−κ·adjustment_years) = 5 %; infinite where adjustment takes no time."""
    return math.inf if adjustment_years == 0 else -math.log(1.0 - CLOSED) / adjustment_years


def adjusted(
    base: Array, target: Array, kappa: float | Array, years: float
) -> tuple[Array, Array]:
    """Mean over a stretch of time, and end, of link weights that move towards a target.

    Parameters
    ----------
    base, target : ndarray, any one shape
        b as the stretch begins, and b*.
    kappa : float or ndarray
        Speed, per year; an array broadcasts to the weights.
    years : float
        Length; zero leaves only what happens at once.

    Returns
    -------
    mean, end : ndarray
        b* − (b* − b)·(1 − e^−κd)/(κd), which is the exact mean over d years, and
        b* − (b* − b)·e^−κd.
    """
    gap = target - np.minimum(base, target)
    if years == 0:
        return target - gap, target - gap
    left = np.asarray(kappa, dtype=np.float64) * years
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(np.isinf(left), 0.0, np.where(left == 0, 1.0, -np.expm1(-left) / left))
    return target - mean * gap, target - np.exp(-left) * gap


def deepened(capital: Array, income_hat: Array, depreciation: float, years: float) -> Array:
    """K̂ after a stretch of time in which real income is constant, any shape.

    K̂ + (1 − (1 − δ)^d)·(Ŵ − K̂): the yearly law K′ = (1 − δ)K + δŴ at d = 1, and the same
    whether a year is one stretch or several.
    """
    moved: Array = income_hat + (1.0 - depreciation) ** years * (capital - income_hat)
    return moved
