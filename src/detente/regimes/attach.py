"""Put on record in a world which law its baseline's trade holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from detente.errors import InputError
from detente.regimes.catalogue import load_regime, regime_names
from detente.regimes.coverage import target_of
from detente.regimes.law import TargetLaw
from detente.regimes.mix import Mix, mix_for, to_meta
from detente.regimes.schema import Regime
from detente.world.core import Array, World


def attach_law(
    world: World,
    regimes: Sequence[Regime],
    day: date,
    mix: Mix | None = None,
    tables: bool = True,
) -> World:
    """The world with the law that its baseline holds on record, and its coverage tables.

    Parameters
    ----------
    world : World
    regimes : sequence of Regime
        All on one target. Of each, provisions in force on the day count.
    day : date
        A day of the baseline's year; the middle of it, so that a provision counts which held
        for most of the year.
    mix : Mix, optional
        What pairs traded before the bans, kept in the world; by default the embedded one,
        which is read anew each time.
    tables : bool
        Whether the world gets coverage tables: not where the law came while the year was on.

    Returns
    -------
    World
        Law on the same target that was on record is replaced. With ``coverage[NAME]`` for every
        regime that has goods in force: the share of each link on banned lines or beyond a cap;
        and ``meta["law"][target]``.

    Raises
    ------
    InputError
        Regimes on different targets, or one that the world does not have.
    """
    targets = {target_of(regime, world) for regime in regimes}
    if len(targets) != 1:
        raise InputError("name regimes on one target at a time: " + ", ".join(sorted(targets)))
    (target,) = targets
    law = TargetLaw(world, target, mix or mix_for(world, target), day, lambda _: True)
    names = [law.add(regime).regime.regime for regime in regimes]
    made = {regime.regime: _table(world, law, regime) for regime in regimes if tables}
    old = world.meta.get("law", {}).get(target, {}).get("regimes", ())
    kept = {k: t for k, t in world.coverage.items() if k not in (*names, *old)}
    facts: dict[str, object] = {"day": day.isoformat(), "regimes": names}
    own = {r.regime: record_of(r) for r in regimes if not _embedded(r)}
    if own:
        facts["own"] = own
    if mix is not None:
        facts["mix"] = to_meta(mix, world)
    recorded = dict(world.meta.get("law", {})) | {target: facts}
    return world.with_(
        coverage=kept | {name: table for name, table in made.items() if table.any()},
        meta={**world.meta, "law": recorded},
    )


def record_of(regime: Regime) -> dict[str, Any]:
    """A regime as a world's metadata keeps it; :func:`recorded_regime` reads it again."""
    return regime.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def recorded_regime(facts: Mapping[str, Any], name: str) -> Regime:
    """A regime that a world's law names: its own copy, or the one that comes with detente."""
    own = facts.get("own", {})
    return Regime.model_validate(own[name]) if name in own else load_regime(name)


def _embedded(regime: Regime) -> bool:
    """Whether the regime is one that comes with detente, to the letter."""
    return regime.regime in regime_names() and load_regime(regime.regime) == regime


def _table(world: World, law: TargetLaw, regime: Regime) -> Array:
    """Coverage of one regime alone, shape (S, N, N)."""
    alone = TargetLaw(world, law.target, law.mix, law.day, lambda _: True)
    alone.add(regime)
    return alone.effects(None).before
