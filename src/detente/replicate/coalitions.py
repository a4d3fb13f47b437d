"""Chowdhry, Hinz, Kamin & Wanner (2024): what sanctions coalitions achieve, beside the paper.

Two episodes, Iran 2012 and Russia 2014. The paper's world (GTAP 10) cannot be passed on; here
they are done on the WIOD of 2011, with Iran split out of its rest of world, and Russia's also
on the embedded world of 2022, which needs no data. The paper itself was not at hand: its
figures come from its abstracts and the authors' own columns, its method and its lists of
senders from the programs that they publish (julianhinz/sanctions-coalitions).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from detente.replicate.coalition_results import (
    Case,
    Results,
    goods_of,
    results,
    senders_in,
    with_elasticities,
)
from detente.replicate.coalition_world import (
    FILES,
    IRAN_NEEDS,
    REST,
    find_files,
    iran_world,
    partners_of,
    wiod_world,
)
from detente.replicate.common import ComparedTable, Comparison, Shown, figures, shown
from detente.replicate.handbook_data import SECTORS as HANDBOOK_SECTORS
from detente.world import load_world
from detente.world.core import World

NAME = "coalitions"
CITATION = (
    "Chowdhry, S., J. Hinz, K. Kamin and J. Wanner (2024), Brothers in arms: the value of "
    "coalitions in sanctions regimes, Economic Policy 39 (DIW Discussion Paper no. 2021, 2022)."
)
RULES = ("balanced", "fixed")

#: Results by position of the setup and deficit rule.
Solved = Mapping[tuple[int, str], Results]
_WIOD, _EMBEDDED = "WIOD 2011", "world-2022"

#: Variants in which senders are solved one by one as well.
_OTHERS, _AS_ONE = "'s measures", "EU joins as one"

#: Two figures are of one order where neither is more than this many times the other.
ORDER = math.sqrt(10.0)

_EU = (
    "AUT BEL BGR CYP CZE DEU DNK ESP EST FIN FRA GBR GRC HRV HUN IRL ITA LTU LUX LVA MLT NLD "
    "POL PRT ROU SVK SVN SWE"
)
EU = tuple(_EU.split())


@dataclass(frozen=True)
class Episode:
    """Measures against one country, and what the paper says of them.

    Attributes
    ----------
    name, target : str
    coalition : tuple of str
        ISO3, the authors' list.
    exports_left, imports_left : float
        m, from the paper's estimates of what trade between target and coalition lost.
    printed : mapping of str to float
        By the keys of `coalition_results.Results.shares`, percent.
    """

    name: str
    target: str
    coalition: tuple[str, ...]
    exports_left: float
    imports_left: float
    printed: Mapping[str, float]


RUSSIA = Episode(
    "Russia 2014",
    "RUS",
    (*EU, "USA", "JPN", "CAN", "AUS", "NZL", "NOR", "UKR", "GEO", "ALB", "MNE"),
    exports_left=1 - 0.36,
    imports_left=1 - 0.30,
    printed={
        "loss": -1.5,
        "of_global": 57.9,
        "of_embargo": 34.5,
        "china_adds": 22.0,
        "of_openness": 10.0,
        "target_joint": 9.3,
        "senders_joint": -9.6,
    },
)
IRAN = Episode(
    "Iran 2012",
    "IRN",
    (*EU, "USA", "CAN", "JPN", "AUS", "KOR", "CHE", "NOR", "TUR"),
    exports_left=1 - 0.41,
    imports_left=1 - 0.83,
    printed={
        "loss": -1.7,
        "of_global": 63.8,
        "of_embargo": 34.5,
        "china_adds": 79.0,
        "of_openness": 12.0,
        "target_joint": 4.5,
        "senders_joint": -8.3,
    },
)

#: Key of a figure: what it is, and whether its order counts (its sign always does).
FIGURES: Mapping[str, tuple[str, bool]] = {
    "loss": ("welfare of the target", True),
    "of_global": ("of the loss if all took part", True),
    "of_embargo": ("of the loss by full embargo", True),
    "china_adds": ("China's joining adds", True),
    "of_openness": ("of the gains from openness", True),
    "target_joint": ("a sender imposes, joint/alone", False),
    "senders_joint": ("a sender loses, joint/alone", False),
}

GENERAL = (
    "The paper itself was not at hand: its figures are those of its abstracts and the authors' "
    "columns, its method that of their programs. Of the loss by full embargo it prints 32-37 "
    "for both episodes together (34.5 stands here), of Russia's imports 'more than 30'. The "
    "loss of trade is not found but given: those estimates, as trade costs on all goods.",
    "Why levels differ: the paper has an estimate for each of 65 sectors, none of which may "
    "raise trade, one for services, one each for crude oil and gas, which its trade in all "
    "leaves out. Its elasticities are others, its embargo multiplies costs by ten.",
)
ON_WIOD = (
    "Whom the world tells apart: Norway, Switzerland, Ukraine and others are in the rest of "
    "the WIOD's world and sit out; 'senders inside the rest' lets them in by their share of "
    "its trade of 2009. Levels rest on elasticities: those of the handbook of international "
    "economics (0.37 for transport equipment) make every loss more than three times as large.",
)
ON_IRAN = (
    "Iran: 83 % off all goods leaves an embargo little to add, and suppliers who close "
    "together hurt more than in proportion: with Russia's measures both figures fall. Its "
    "trade of 2009 had less of China in it than the paper's year: 20 % of its crude, 26 % in "
    "2011. Imports by product, services and technology are the rest of the world's, assumed.",
    "How China's part is printed does not fit itself: 79 % of 1.7 is 1.3 points for Iran, and "
    "0.77 is printed too. The shares are compared, not the points.",
    "Whether senders lose less together than alone depends on the design, as the paper's later "
    "version says too: for Iran with Russia's measures they do not.",
)
ON_2022 = (
    "2022: the table has the sanctions of 2014 and 2022 in it already. The coalition holds "
    "less of Russia's trade than in 2011 and China more. The EU is one sender here, and one "
    "that large gains little by company: on the WIOD 'EU joins as one' lowers that too.",
)


@dataclass(frozen=True)
class Setup:
    """An episode on a world."""

    episode: Episode
    world: World
    label: str
    inside_rest: tuple[float, float] | None = None

    @cached_property
    def case(self) -> Case:
        """The authors' senders as far as the world has them one by one; measures on goods."""
        senders, _ = senders_in(self.world, self.episode.coalition)
        return Case(
            world=self.world,
            target=self.episode.target,
            senders=tuple((code,) for code in senders),
            exports_left=self.episode.exports_left,
            imports_left=self.episode.imports_left,
            measured=goods_of(self.world),
            embargoed=self.world.sectors,
        )

    @cached_property
    def variants(self) -> dict[str, Case]:
        """The same under other assumptions, by what is assumed."""
        case, world = self.case, self.world
        other = IRAN if self.episode is RUSSIA else RUSSIA
        found = {
            other.name.split()[0] + _OTHERS: replace(
                case, exports_left=other.exports_left, imports_left=other.imports_left
            ),
            "services hit too": replace(case, measured=world.sectors),
            "embargo on goods alone": replace(case, embargoed=case.measured),
            "embargo: costs tenfold": replace(case, embargo_cost=10.0),
            "mining and oil spared": replace(case, measured=_without_mining(case)),
            "elasticity 5 everywhere": with_elasticities(case, np.full(world.n_sectors, 5.0)),
        }
        if "c15" in world.sectors:
            found["the handbook's elasticities"] = with_elasticities(case, _handbook(world))
        if self.inside_rest is not None:
            found["senders inside the rest"] = replace(case, partly={REST: self.inside_rest})
        if "EFTA" in world.countries:
            found["EFTA takes part"] = replace(case, senders=(*case.senders, ("EFTA",)))
        together = tuple(c for c in case.members if c in EU)
        if len(together) > 1:
            others = tuple(g for g in case.senders if g[0] not in EU)
            found[_AS_ONE] = replace(case, senders=(together, *others))
        return found


def _without_mining(case: Case) -> tuple[str, ...]:
    mined = ("c2", "coal", "oil-gas", "metal-ores", "other-mining")
    return tuple(s for s in case.measured if s not in mined)


def _handbook(world: World) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Costinot & Rodríguez-Clare's elasticities: the full sample, 0.37 for transport."""
    by_industry = {f"c{j}": theta for js, theta in HANDBOOK_SECTORS.values() for j in js}
    return np.array([by_industry[s] for s in world.sectors])


def coalitions(folder: str | Path | None = None) -> Comparison:
    """What the coalitions of 2012 and 2014 achieve, beside the paper.

    Parameters
    ----------
    folder : str or Path, optional
        With ``wiot_2011.npz`` and, for Iran, the files of `coalition_world.FILES`; they may
        lie in folders right inside it. Without it, Russia 2014 on the embedded world of 2022.

    Returns
    -------
    Comparison
        ``replication`` (printed and here, under both deficit rules), ``levels``,
        ``variants``, ``senders``. It agrees where every sign is the paper's, and every figure
        whose order counts (``FIGURES``) is within a factor of ``ORDER``.

    Raises
    ------
    InputError
        A folder or file that is not there or cannot be read.
    """
    setups, missing = _setups(None if folder is None else Path(folder))
    solved = {
        (j, rule): results(setup.case, rule, one_by_one=True)
        for j, setup in enumerate(setups)
        for rule in RULES
    }
    tables = _tables(setups, solved)
    signs, orders, agrees = _judge(tables[0].frame)
    verdict = (
        f"{'same signs and orders' if agrees else 'NOT the same signs and orders'}: "
        f"{signs[0]} of {signs[1]} signs, {orders[0]} of {orders[1]} orders of magnitude "
        f"(within {ORDER:.2f} times) of those that count, under both deficit rules."
    )
    facts = {
        "signs": list(signs),
        "orders": list(orders),
        "largest_residual": max(each.largest_residual for each in solved.values()),
        "worlds": [f"{s.episode.name}: {s.world.content_hash}" for s in setups],
    }
    notes = (*(_who(s) for s in setups), *missing, *_why(setups))
    return Comparison(NAME, CITATION, tables, verdict, agrees, notes, facts)


def _setups(folder: Path | None) -> tuple[list[Setup], list[str]]:
    """The episodes that the data allow, and what is missing for the others."""
    embedded = Setup(RUSSIA, load_world(_EMBEDDED), _EMBEDDED)
    if folder is None:
        return [embedded], [
            f"Without --data: {FILES['wiod']} gives Russia on the WIOD of 2011, and Iran "
            "(docs/coalitions.md)."
        ]
    files = find_files(folder)
    wiod = wiod_world(files["wiod"])
    inside = None
    if "partners" in files:
        trade = partners_of(files["partners"], RUSSIA.target)
        inside = trade.held(RUSSIA.coalition, wiod.countries)
    setups = [Setup(RUSSIA, wiod, _WIOD, inside)]
    lacking = [FILES[role] for role in IRAN_NEEDS if role not in files]
    if lacking:
        return [*setups, embedded], [f"Without Iran: {', '.join(lacking)} not found."]
    trade = partners_of(files["partners"], IRAN.target)
    inside = trade.held(IRAN.coalition, wiod.countries)
    iran = Setup(IRAN, iran_world(wiod, files), _WIOD, inside)
    return [*setups, iran, embedded], []


def _who(setup: Setup) -> str:
    """Whom the world has of the paper's senders, and whom it has not."""
    world, episode = setup.world, setup.episode
    members = world.meta.get("members", {})
    _, part = senders_in(world, episode.coalition)
    there = {code for c in setup.case.members for code in members.get(c, (c,))}
    absent = sorted(set(episode.coalition) - there)
    held = ", ".join(f"{own} in {code}" for code, own in part.items())
    return (
        f"{episode.name} on {setup.label}: {len(there)} of {len(episode.coalition)} senders "
        f"of the paper; not {', '.join(absent)}{f' ({held})' if held else ''}."
    )


def _why(setups: list[Setup]) -> tuple[str, ...]:
    """Why figures differ, for the episodes and worlds that are shown."""
    episodes, worlds = {s.episode.name for s in setups}, {s.label for s in setups}
    return (
        *GENERAL,
        *(ON_WIOD if _WIOD in worlds else ()),
        *(ON_IRAN if IRAN.name in episodes else ()),
        *(ON_2022 if _EMBEDDED in worlds else ()),
    )


# -- tables ------------------------------------------------------------------------------
def _tables(setups: list[Setup], solved: Solved) -> tuple[ComparedTable, ...]:
    """Printed and here; levels; other assumptions; senders one by one."""
    beside = [_beside(s, *(solved[j, r] for r in RULES)) for j, s in enumerate(setups)]
    table = pd.concat(beside, ignore_index=True)
    variants = pd.concat([_variants(s) for s in setups], ignore_index=True)
    levels, senders = _levels(setups, solved), _senders(setups, solved)
    one_by_one = f"Senders one by one: {len(senders)} rows, with -o DIR"
    return (
        ComparedTable("replication", _TITLE, table, _shown(table)),
        ComparedTable("levels", "Changes, percent", levels, _shown_levels(levels)),
        ComparedTable("variants", "Other assumptions", variants, _shown_variants(variants)),
        ComparedTable("senders", one_by_one, senders, Shown((), ())),
    )


def _beside(setup: Setup, balanced: Results, fixed: Results) -> pd.DataFrame:
    """Printed and here, a row for each figure."""
    rows = []
    for key, (label, order_counts) in FIGURES.items():
        printed = setup.episode.printed[key]
        here, other = balanced.shares[key], fixed.shares[key]
        rows.append(
            {
                "episode": setup.episode.name,
                "world": setup.label,
                "figure": key,
                "label": label,
                "printed": printed,
                "balanced": here,
                "fixed": other,
                "relative_difference": here / printed - 1.0,
                "same_sign": _every(_same_sign, printed, here, other),
                "same_order": _every(_same_order, printed, here, other),
                "order_counts": order_counts,
            }
        )
    return pd.DataFrame(rows)


def _every(test: Callable[[float, float], bool], printed: float, *here: float) -> bool:
    """Under both rules, or the one of them that has an equilibrium."""
    found = [x for x in here if not math.isnan(x)]
    return bool(found) and all(test(printed, x) for x in found)


def _same_sign(printed: float, here: float) -> bool:
    return printed * here > 0


def _same_order(printed: float, here: float) -> bool:
    return _same_sign(printed, here) and 1 / ORDER <= here / printed <= ORDER


def _judge(table: pd.DataFrame) -> tuple[tuple[int, int], tuple[int, int], bool]:
    """Signs met of all, orders met of those that count, and whether that is all of them."""
    counting = table[table["order_counts"]]
    signs = int(table["same_sign"].sum()), len(table)
    orders = int(counting["same_order"].sum()), len(counting)
    return signs, orders, signs[0] == signs[1] and orders[0] == orders[1]


def _levels(setups: list[Setup], solved: Solved) -> pd.DataFrame:
    rows = []
    for j, setup in enumerate(setups):
        one, other = (solved[j, rule] for rule in RULES)
        for part in ("loss", "trade"):
            for key, value in getattr(one, part).items():
                rows.append(
                    {
                        "episode": setup.episode.name,
                        "world": setup.label,
                        "what": part,
                        "figure": key,
                        "balanced": value,
                        "fixed": getattr(other, part)[key],
                    }
                )
    return pd.DataFrame(rows)


def _variants(setup: Setup) -> pd.DataFrame:
    """Figures under other assumptions, deficits removed; NaN where not solved one by one."""
    rows = [
        {
            "episode": setup.episode.name,
            "world": setup.label,
            "assumed": name,
            **results(case, one_by_one=name.endswith((_OTHERS, _AS_ONE))).shares,
        }
        for name, case in setup.variants.items()
    ]
    return pd.DataFrame(rows)


def _senders(setups: list[Setup], solved: Solved) -> pd.DataFrame:
    rows = [
        {
            "episode": setups[j].episode.name,
            "world": setups[j].label,
            "deficits": rule,
            "sender": code,
            **each,
        }
        for (j, rule), found in solved.items()
        for code, each in found.senders.items()
    ]
    return pd.DataFrame(rows)


# -- on a terminal -----------------------------------------------------------------------
_TITLE = "The paper and here, percent; deficits removed, or held fixed"
_LEVELS = {
    "coalition": "measures, the coalition",
    "with_china": "… and China",
    "global": "measures, everyone",
    "embargo": "embargo, the coalition",
    "autarky": "embargo, everyone",
    "exports": "sold to the coalition",
    "imports": "bought from it",
    "all_exports": "goods sold in all",
    "all_imports": "goods bought in all",
}


def _shown(table: pd.DataFrame) -> Shown:
    """A block of rows for each world, under a line with its name."""
    cells: list[tuple[str, ...]] = []
    for (episode, world), block in table.groupby(["episode", "world"], sort=False):
        cells.append((f"{episode}, {world}", *[""] * 6))
        columns = (
            block["label"].tolist(),
            figures(block["printed"], 1),
            figures(block["balanced"], 1),
            figures(block["fixed"], 1),
            [f"{x:+.0%}".replace("-", "−") for x in block["relative_difference"]],
            [_yes(x) for x in block["same_sign"]],
            [_yes(x) for x in block["same_order"]],
        )
        cells += list(zip(*columns, strict=True))
    headers = ("Figure", "printed", "removed", "fixed", "off by", "sign", "order")
    return Shown(headers, tuple(cells))


def _yes(value: bool) -> str:
    return "same" if value else "not"


def _shown_levels(table: pd.DataFrame) -> Shown:
    blocks = list(table.groupby(["episode", "world"], sort=False))
    columns: list[tuple[str, list[str]]] = [("", [_LEVELS[k] for k in blocks[0][1]["figure"]])]
    for (episode, world), block in blocks:
        columns.append((f"{str(episode).split()[0]}, {world}", figures(block["balanced"], 2)))
    return shown(*columns)


def _shown_variants(table: pd.DataFrame) -> Shown:
    cells: list[tuple[str, ...]] = []
    keys = ("loss", "of_global", "of_embargo", "china_adds", "target_joint", "senders_joint")
    for (episode, world), block in table.groupby(["episode", "world"], sort=False):
        cells.append((f"{episode}, {world}", *[""] * len(keys)))
        columns = [block["assumed"].tolist(), *(figures(block[key], 1) for key in keys)]
        cells += list(zip(*columns, strict=True))
    headers = ("Assumed", "welfare", "of all", "embargo", "China", "imposes", "loses")
    return Shown(headers, tuple(cells))
