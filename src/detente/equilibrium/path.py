"""The straight path from a baseline to a scenario."""

from __future__ import annotations

from dataclasses import replace

from detente.equilibrium.problem import Exogenous, cap_positions
from detente.shocks import Cap
from detente.world.core import Array, World


def between(world: World, end: Exogenous, share: float) -> Exogenous:
    """A point of the path: straight in t, ln d̂, b, ln T̂, ln L̂, D′, transfers and caps.

    Parameters
    ----------
    world : World
        The baseline, share 0.
    end : Exogenous
        The scenario, share 1.
    share : float
        In [0, 1].
    """

    def scaled(x: Array | None) -> Array | None:
        return None if x is None else share * x

    def cap_at(cap: Cap) -> Cap:
        before = float(world.flows[cap_positions(world, cap)].sum())
        return replace(cap, quantity=(1.0 - share) * before + share * cap.quantity)

    tariff = end.tariff
    if tariff is not None:
        tariff = world.tariff + share * (tariff - world.tariff)
    untouched = end.base is world.trade_share
    return Exogenous(
        base=end.base
        if untouched
        else world.trade_share + share * (end.base - world.trade_share),
        tariff=tariff,
        log_cost=scaled(end.log_cost),
        log_productivity=scaled(end.log_productivity),
        log_labour=scaled(end.log_labour),
        deficit=world.deficit + share * (end.deficit - world.deficit),
        transfer=share * end.transfer,
        pay=scaled(end.pay),
        caps=tuple(cap_at(cap) for cap in end.caps),
        proportional_to=end.proportional_to,
    )
