"""``detente regimes attach``: a world whose baseline knows the law that it is under."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from detente.regimes.schema import Regime
    from detente.world.core import World


def attached(
    name: str,
    regimes: Sequence[Regime],
    day: date,
    trade: Path | None,
    revision: str | None,
    year: int | None,
) -> tuple[World, str, pd.DataFrame]:
    """The world with the law on record, the target, and what each regime covers.

    Raises
    ------
    InputError
        Regimes on several targets or on one that the world lacks.
    """
    from detente.cli.regimespair import world_of
    from detente.regimes.attach import attach_law
    from detente.regimes.mix import mix_for

    world, target = world_of(regimes, name)
    mix = mix_for(world, target) if "mix" in world.meta.get("law", {}).get(target, {}) else None
    if trade is not None:
        from detente.cli.regimestrade import mix_of, read_trade

        mix = mix_of(read_trade(trade, world, target, year, revision), world, target)
    new = attach_law(world, regimes, day, mix)
    return new, target, _coverage(new, target, regimes, day)


def _coverage(world: World, target: str, regimes: Sequence[Regime], day: date) -> pd.DataFrame:
    """Links covered by each regime, and the share of the target's trade in the world."""
    t = world.country_index(target)
    others = np.arange(world.n_countries) != t
    sold, bought = world.flows[:, t, others], world.flows[:, others, t]
    rows = []
    for regime in regimes:
        table = world.coverage.get(regime.regime, np.zeros(world.flows.shape))
        rows.append(
            {
                "regime": regime.regime,
                "provisions": sum(p.holds_on(day) for p in regime.provisions),
                "links": int((table > 0).sum()),
                "exports_covered": _share(table[:, t, others], sold),
                "imports_covered": _share(table[:, others, t], bought),
            }
        )
    return pd.DataFrame(rows)


def _share(covered: np.ndarray, flows: np.ndarray) -> float | None:
    total = float(flows.sum())
    return float((covered * flows).sum()) / total if total > 0 else None


def warnings(world: World, target: str, regimes: Sequence[Regime], day: date) -> list[str]:
    """What is doubtful of the trade by product that the world keeps, where it keeps any."""
    from detente.cli.regimestrade import untold_lines
    from detente.regimes.mix import mix_for

    facts = world.meta["law"][target]
    if "mix" not in facts:
        return []
    others = [code for code in world.countries if code != target]
    found = untold_lines(mix_for(world, target), world, regimes, day, others)
    told = facts["mix"]["basis"].get("warnings")
    return [*([told] if told else []), *found]


def written(
    world: World, target: str, day: date, out: Path, doubts: Sequence[str]
) -> dict[str, Any]:
    """What was written, for a program."""
    return {
        "world": world.name,
        "hash": world.content_hash,
        "file": str(out),
        "target": target,
        "at": day.isoformat(),
        "warnings": list(doubts),
    }


def told(
    world: World, target: str, day: date, out: Path, doubts: Sequence[str]
) -> Iterator[str]:
    """What was written, and what the shares are of."""
    yield (
        f"Law of {day}, as adopted, in place of any that was on record. Shares are of "
        f"{target}'s trade in this world, goods and services; where the law has cut it, that "
        "is what the law left."
    )
    if "mix" not in world.meta["law"][target]:
        yield "Product mix: the embedded one."
    else:
        yield "Product mix: by pair, from trade data, kept in the world."
    yield from (f"warning: {doubt}." for doubt in doubts)
    yield f"Written: {out}. World {world.name}, hash {world.content_hash[:12]}."
