"""What a split did: totals, what was moved and by how much, for metadata and for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.assembly.donor import Donor
from detente.assembly.entropy import Nearest, amount
from detente.assembly.splitcustoms import by_partner
from detente.assembly.splitjoin import Account, Levels
from detente.assembly.splitspec import RECORDED, SplitSpec
from detente.assembly.splitvalue import Sized
from detente.assembly.splitvalue import record as sized_record
from detente.world.core import World

Array = NDArray[np.float64]

METHOD = (
    "cross-entropy with every known cell and sum fixed (Robinson, Cattaneo & El-Said 2001); "
    "a donor's technology is the prior"
)
RULES = {
    True: "what is left keeps the aggregate's flows, inputs, value added and final demand "
    "less the new country's; nobody else changes",
    False: "partners' outputs unchanged; uses of a good move by one factor, value added and "
    "deficits take the difference",
}
#: What metadata says by country, which a new one makes incomplete or untrue.
_STALE = ("rebased", "title", "description", "vintage", "name", "split")


#: Trade over value added beyond which its unit is likely another one.
LARGEST_TRADE, LEAST_TRADE = 5.0, 1e-4


@dataclass(frozen=True)
class Done:
    """A split once it is solved.

    Attributes
    ----------
    spec, base, levels, account, found, donor, sized
        What it was made of, and what was found; ``levels`` with the excess moved.
    excess : list of dict
        What was stated beyond what the aggregate has, and taken from home sales.
    rebased : bool
        Whether the world was re-based first.
    loose : bool
        Whether flows had to be opened of which the pattern has none.
    """

    spec: SplitSpec
    base: World
    levels: Levels
    account: Account
    found: Nearest
    donor: Donor
    sized: Sized
    excess: list[dict[str, Any]]
    rebased: bool
    loose: bool


def describe(
    done: Done, new: Levels, factor: Array, a: int | None
) -> tuple[dict[str, Any], str]:
    """Metadata and name of the new world.

    Parameters
    ----------
    done : Done
    new : Levels
        The new world, the new country first.
    factor : ndarray, shape (S, N)
        What partners' uses of each good were multiplied by.
    a : int or None
        Position of the aggregate in the old world.
    """
    spec, base, model = done.spec, done.base, done.spec.model
    code, name = model.country.code, model.country.name or model.country.code
    called = model.world.name or f"{base.name}-{code.lower()}"
    split = dict(base.meta.get("split", {}))
    split[code] = _record(done, new, factor, a)
    kept = {key: value for key, value in base.meta.items() if key not in _STALE}
    told = model.world.title or model.split or f"{base.name} with {name}"
    where = f"out of {spec.out_of}" if a is not None else "beside every economy"
    meta = {
        **kept,
        "name": called,
        "title": told,
        "description": model.world.description or f"World {base.name}, with {name} {where}.",
        "vintage": model.world.vintage or _vintage(base, code, str(model.year)),
        "tolerance": 1e-9,
        "blocks": _blocks(done),
        "split": split,
    }
    if isinstance(base.meta.get("members"), Mapping):
        meta["members"] = _members(base.meta["members"], code)
    return meta, called


def _members(before: Mapping[str, Any], code: str) -> dict[str, list[str]]:
    """Who is in which economy: the new country is in no aggregate any more."""
    left = {key: [c for c in codes if c != code] for key, codes in before.items()}
    return {**left, code: [code]}


def _vintage(base: World, code: str, year: str) -> str:
    before = base.meta.get("vintage", "")
    parts = [f"{code} {year}" if year else "", f"others {before}" if before else ""]
    return "; ".join(p for p in parts if p)


def _blocks(done: Done) -> list[dict[str, Any]]:
    """The world's blocks and the new country's; where the spec has none, one that says so."""
    before = done.base.meta.get("blocks", [])
    if isinstance(before, Mapping):
        before = [
            {"block": key, **(facts if isinstance(facts, Mapping) else {"flag": facts})}
            for key, facts in before.items()
        ]
    model = done.spec.model
    new = [fact.model_dump() for fact in model.blocks] or [
        {
            "block": f"{model.country.code}: all of it",
            "flag": "assumed",
            "source": done.spec.lines.file or "a split spec without 'blocks'",
            "year": model.year,
            "licence": "",
            "what": "the spec does not say where its numbers come from",
        }
    ]
    return [*before, *new]


def _record(done: Done, new: Levels, factor: Array, a: int | None) -> dict[str, Any]:
    spec, account, base = done.spec, done.account, done.base
    revenue = float((account.tariff_in * account.imports).sum())
    exports, imports = float(account.exports.sum()), float(account.imports.sum())
    trade = spec.trade
    return {
        "name": spec.model.country.name or spec.model.country.code,
        "out_of": spec.model.out_of,
        "year": spec.model.year,
        "method": METHOD,
        "from_world": {"name": base.name, "hash": base.content_hash[:12]},
        "rebased_first": done.rebased,
        "totals": {
            "value_added": float(account.added.sum()),
            "output": float(account.output.sum()),
            "final_demand": float(account.final.sum()),
            "exports": exports,
            "imports": imports,
            "tariff_revenue": revenue,
            "deficit": imports - exports,
        },
        "value_added": sized_record(done.sized, base.sectors),
        "donor": {"name": done.donor.code, **_moves(account, done.donor, base.sectors)},
        "excess_from_home_sales": done.excess,
        "others": _others(done, new, factor, a),
        "trade_sources": [] if trade is None else _sources(trade),
        **_customs(spec, base),
        **_warnings(exports, imports, float(account.added.sum())),
        "estimate": {
            "steps": done.found.steps,
            "largest_miss": done.found.residual,
            "where": done.found.worst,
            "opened_what_the_pattern_lacks": done.loose,
        },
    }


def _moves(account: Account, donor: Donor, codes: tuple[str, ...]) -> dict[str, Any]:
    """The donor's coefficients before and after: the largest moves, and sums over all."""
    output = account.output
    safe = np.where(output > 0, output, 1.0)
    after = account.inputs / safe
    before = np.where(output > 0, donor.input_share, 0.0)
    gap = after - before
    order = np.argsort(-np.abs(gap).reshape(-1), kind="stable")[:12]
    weight = np.broadcast_to(output, gap.shape)
    share = account.final / account.final.sum()
    used = float(account.inputs.sum())
    return {
        "largest_input_coefficients": [
            {
                "input": codes[j // len(codes)],
                "industry": codes[j % len(codes)],
                "donor": round(float(before.flat[j]), 4),
                "here": round(float(after.flat[j]), 4),
            }
            for j in order
        ],
        "mean_absolute_move_output_weighted": _over(
            float((np.abs(gap) * weight).sum()), float((before * weight).sum())
        ),
        "share_of_inputs_reallocated": _over(
            float(np.abs(account.inputs - before * weight).sum()) / 2, used
        ),
        "final_share_moves": {
            c: round(float(x - y), 4)
            for c, x, y in zip(codes, share, donor.final_share, strict=True)
            if abs(x - y) > 0.005
        },
        "final_share_reallocated": float(np.abs(share - donor.final_share).sum() / 2),
    }


def _over(a: float, b: float) -> float:
    return a / b if b > 0 else 0.0


def _others(done: Done, new: Levels, factor: Array, a: int | None) -> dict[str, Any]:
    """What is left of the aggregate; what partners gave up."""
    base = done.base
    before = base.value_added_share * base.output
    moved = new.value_added[:, 1:].sum(axis=0) / before.sum(axis=0) - 1.0
    found: dict[str, Any] = {"rule": RULES[a is not None]}
    if a is None:
        worst = int(np.abs(moved).argmax())
        return found | {
            "largest_change_of_value_added": {
                "country": base.countries[worst],
                "relative": float(moved[worst]),
            },
            "largest_change_of_a_use": float(np.abs(factor - 1.0).max()),
        }
    made = base.output[:, a]
    taken = np.divide(done.account.output, made, out=np.zeros_like(made), where=made > 0)
    order = np.argsort(-taken, kind="stable")[:5]
    return found | {
        "left": base.countries[a],
        "value_added_before": float(before[:, a].sum()),
        "value_added_left": float(new.value_added[:, 1 + a].sum()),
        "deficit_before": float(base.deficit[a]),
        "deficit_left": float(
            new.flows[:, :, 1 + a].sum() - new.flows[:, 1 + a].sum(),
        ),
        "largest_shares_of_output_taken": {
            base.sectors[s]: round(float(taken[s]), 4) for s in order if taken[s] > 0
        },
    }


def _warnings(exports: float, imports: float, added: float) -> dict[str, list[str]]:
    """Trade of a size that hardly any country has: its unit may be another one."""
    found = []
    for flow, value in (("exports", exports), ("imports", imports)):
        ratio = value / added
        if ratio > LARGEST_TRADE or 0 < ratio < LEAST_TRADE:
            found.append(
                f"{flow} of {amount(value)} million USD are {ratio:.2g} times the value added "
                f"({amount(added)}): are trade and value added in the same unit?"
            )
    return {"warnings": found} if found else {}


def _customs(spec: SplitSpec, base: World) -> dict[str, Any]:
    """The original that trade comes from, what was left out, what the traps did."""
    if spec.customs is None:
        return {}
    traps = spec.customs.extra.get("traps")
    columns = ["rule", "action", "year", "change", "before", "reason", "verification"]
    rows = [] if traps is None else traps[columns].to_dict("records")
    return {
        "customs": spec.customs.source.as_dict(),
        "customs_left_out": list(by_partner(spec, base).attrs["notes"]),
        "mirror_traps": [
            {str(k): (v.item() if hasattr(v, "item") else v) for k, v in row.items()}
            for row in rows
        ],
    }


def _sources(trade: pd.DataFrame) -> list[dict[str, Any]]:
    """Where the rows of trade come from: each source once, with how many rows it gave."""
    columns = [c for c in RECORDED if c in trade.columns]
    if not columns:
        return []
    text = trade[columns].astype(str)
    counts = text.groupby(columns, sort=True, dropna=False).size()
    rows = [key if isinstance(key, tuple) else (key,) for key in counts.index]
    return [
        {**dict(zip(columns, row, strict=True)), "rows": int(count)}
        for row, count in zip(rows, counts, strict=True)
    ]


def split_tables(world: World, code: str) -> dict[str, pd.DataFrame]:
    """A country's accounts as tables, million USD.

    Parameters
    ----------
    world : World
    code : str
        One of its countries.

    Returns
    -------
    dict of str to DataFrame
        ``sectors``: sector, value_added, output, home_sales, exports, imports, final_demand.
        ``partners``: partner, name, exports, imports; the largest trade first.
    """
    n = world.country_index(code)
    out, in_ = world.flows[:, n].copy(), world.flows[:, :, n].copy()
    home = out[:, n].copy()
    out[:, n] = in_[:, n] = 0.0
    sectors = pd.DataFrame(
        {
            "sector": world.sectors,
            "value_added": world.value_added_share[:, n] * world.output[:, n],
            "output": world.output[:, n],
            "home_sales": home,
            "exports": out.sum(axis=1),
            "imports": in_.sum(axis=1),
            "final_demand": world.final_share[:, n] * world.income[n],
        }
    )
    partners = pd.DataFrame(
        {
            "partner": world.countries,
            "name": world.country_names,
            "exports": out.sum(axis=0),
            "imports": in_.sum(axis=0),
        }
    ).drop(index=n)
    size = partners["exports"] + partners["imports"]
    order = size.sort_values(ascending=False, kind="stable").index
    return {"sectors": sectors, "partners": partners.loc[order].reset_index(drop=True)}
