"""The world without the DPRK: ``world-2022``, from which it and others are split."""

from __future__ import annotations

from typing import Any

import numpy as np
from tools.build_worlds.blocks import WORLD_BLOCKS, rows
from tools.build_worlds.economies import economies
from tools.build_worlds.rest import RestTable

from detente.world.checks import check
from detente.world.core import World

NAME = "world-2022"


def plain_world(rest: RestTable) -> World:
    """Shares out of levels; where nothing is made, value added is all of the cost.

    Parameters
    ----------
    rest : RestTable

    Returns
    -------
    World
        Its checks have passed.
    """
    output = rest.flows.sum(axis=2)
    made = output > 0
    share = np.where(made[None], rest.input_use / np.where(made, output, 1.0)[None], 0.0)
    added_share = np.maximum(1.0 - share.sum(axis=0), 0.0)
    total = share.sum(axis=0) + added_share
    world = World(
        name=NAME,
        countries=rest.countries,
        sectors=rest.sectors,
        flows=rest.flows,
        tariff=rest.tariff,
        input_share=share / total,
        value_added_share=added_share / total,
        final_share=rest.final / rest.final.sum(axis=0),
        trade_elasticity=rest.trade_elasticity,
        value_added=(added_share / total * output).sum(axis=0),
        deficit=rest.flows.sum(axis=(0, 1)) - rest.flows.sum(axis=(0, 2)),
        country_names=rest.country_names,
        sector_names=rest.sector_names,
        meta=_meta(rest),
    )
    check(world).require()
    return world


def _meta(rest: RestTable) -> dict[str, Any]:
    return {
        "name": NAME,
        "title": "22 economies in 2022, the DPRK not among them",
        "description": (
            "22 economies of the OECD's input-output table of 2022, balanced and with tariffs. "
            "Countries can be split out of its groups, or added: detente world split."
        ),
        "vintage": "2022",
        "vintages": {"all": 2022, "units": "million USD, current"},
        "tolerance": 1e-9,
        "members": {code: list(economies().members(code)) for code in rest.countries},
        "blocks": rows(WORLD_BLOCKS),
        "rest_of_table": rest.report,
    }
