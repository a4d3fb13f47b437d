"""The new country's value added by sector: what is stated, and a rule for the rest.

Stated sectors and blocks come out as stated. Inside a block a sector first gets the value
added in its known exports, at the donor's share of value added in output. What is left of the
block goes by value added in the aggregate that the country is in, or in the donor where it is
in none: in what is made for the home market where all of the sector's exports are known, in
all that is made where they are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detente.assembly.donor import Donor
from detente.assembly.entropy import amount, amount_within
from detente.assembly.splitspec import SplitSpec
from detente.errors import InputError, Place, nearest

Array = NDArray[np.float64]

#: Published shares may miss their sum by this much (of the total): rounding of the source.
ROUNDING = 0.01
#: A sector whose size the rule sets takes at most this share of what the aggregate has.
MOST = 0.99


@dataclass(frozen=True)
class Sized:
    """Value added by sector, million USD, and how each came about.

    Attributes
    ----------
    values : ndarray, shape (S,)
    how : tuple of str
        ``stated`` or the name of its block.
    scaled : float
        What shares were multiplied by, so that all add up to the total.
    """

    values: Array
    how: tuple[str, ...]
    scaled: float


@dataclass(frozen=True)
class _Block:
    """Sectors whose sum is known."""

    name: str
    sectors: list[int]
    value: float
    place: Place


def value_added(
    spec: SplitSpec,
    sectors: tuple[str, ...],
    exports: tuple[Array, NDArray[np.bool_]],
    donor: Donor,
    pattern: Donor,
    there: Array | None = None,
) -> Sized:
    """Value added by sector.

    Parameters
    ----------
    spec : SplitSpec
    sectors : tuple of str
    exports : (ndarray, ndarray of bool), shape (S,) each
        What is known of each sector's exports, million USD; whether that is all of them.
    donor : Donor
        Its share of value added in output turns exports into value added.
    pattern : Donor
        Whose value added divides what is left of a block.
    there : ndarray, shape (S,), optional
        Value added of the aggregate: the new country's is a part of it.

    Raises
    ------
    InputError
        An unknown sector, one in two blocks, parts that do not add up to the total, exports
        with more value added in them than their block, more than the aggregate has.
    """
    total = spec.model.value_added.total * spec.factor
    if total <= 0:
        raise InputError(
            "value added has to be above zero.", spec.place("value_added", "total")
        )
    stated, blocks, scaled = _parts(spec, sectors, total)
    _refuse_more_than_there(spec, sectors, stated, there)
    values = np.where(np.isnan(stated), 0.0, stated)
    weight = np.where(exports[1], pattern.home_value_added, pattern.value_added)
    exported = exports[0] * donor.value_added_share
    how = ["stated"] * len(sectors)
    for block in blocks:
        here = np.array(block.sectors, dtype=np.intp)
        limit = np.full(here.size, np.inf) if there is None else MOST * there[here]
        values[here] = _within(block, here, exported, weight, limit, sectors)
        for s in block.sectors:
            how[s] = block.name
    return Sized(values, tuple(how), scaled)


def _parts(
    spec: SplitSpec, sectors: tuple[str, ...], total: float
) -> tuple[Array, list[_Block], float]:
    """Stated sectors (NaN elsewhere), blocks of the others, and the factor on shares."""
    given = spec.model.value_added
    stated, shares = np.full(len(sectors), np.nan), np.zeros(len(sectors))
    for code, value in given.values.items():
        stated[_sector(code, sectors, spec.place("value_added", "values", code))] = (
            value * spec.factor
        )
    for code, share in given.shares.items():
        s = _sector(code, sectors, spec.place("value_added", "shares", code))
        if not np.isnan(stated[s]):
            raise InputError(
                f"'{code}' has a value and a share.",
                spec.place("value_added", "shares", code),
            )
        shares[s] = share
        stated[s] = 0.0
    raw, owner = _blocks(spec, sectors, shares, total)
    loose = [s for s in range(len(sectors)) if np.isnan(stated[s]) and s not in owner]
    fixed = float(np.nansum(np.where(np.isin(range(len(sectors)), list(owner)), 0.0, stated)))
    fixed += sum(b.value for b, share in raw if share == 0)
    parts = float(shares.sum() + sum(share for _, share in raw)) * total
    place = spec.place("value_added")
    if loose:
        left = total - fixed - parts
        if left < -ROUNDING * total:
            raise _over(total, fixed + parts, place)
        raw.append((_Block("the rest", loose, max(left, 0.0), place), 0.0))
        scaled = 1.0
    else:
        scaled = _scaled(total, fixed, parts, place)
    stated = np.where(shares > 0, shares * total * scaled, stated)
    blocks = [
        _less_stated(block, share * total * scaled if share else block.value, stated)
        for block, share in raw
    ]
    return stated, blocks, scaled


def _scaled(total: float, fixed: float, parts: float, place: Place) -> float:
    """The factor on shares that makes everything add up; rounding of a source explains it."""
    if abs(fixed + parts - total) > ROUNDING * total:
        raise _over(total, fixed + parts, place)
    if parts <= 0:
        if abs(fixed - total) > 1e-9 * total:
            raise _over(total, fixed, place)
        return 1.0
    return (total - fixed) / parts


def _over(total: float, parts: float, place: Place) -> InputError:
    return InputError(
        f"sectors and blocks add up to {amount(parts)} million USD; the total is "
        f"{amount(total)}.",
        place,
    )


def _blocks(
    spec: SplitSpec, sectors: tuple[str, ...], shares: Array, total: float
) -> tuple[list[tuple[_Block, float]], dict[int, str]]:
    """Blocks with their share (0 where they have a value), and each sector's block."""
    found: list[tuple[_Block, float]] = []
    owner: dict[int, str] = {}
    for j, block in enumerate(spec.model.value_added.blocks):
        place = spec.place("value_added", "blocks", j, "sectors")
        here = [_sector(code, sectors, place) for code in block.sectors]
        for s in here:
            if s in owner or shares[s] > 0:
                other = f"the block '{owner[s]}'" if s in owner else "'shares'"
                raise InputError(f"'{sectors[s]}' is in {other} already.", place)
            owner[s] = block.name
        value = 0.0 if block.value is None else block.value * spec.factor
        found.append((_Block(block.name, here, value, place), block.share or 0.0))
    return found, owner


def _less_stated(block: _Block, value: float, stated: Array) -> _Block:
    """The block without its sectors that are stated."""
    known = [s for s in block.sectors if not np.isnan(stated[s])]
    left = value - sum(float(stated[s]) for s in known)
    free = [s for s in block.sectors if s not in known]
    if left < -1e-9 * max(value, 1e-300) or (
        not free and abs(left) > 1e-9 * max(value, 1e-300)
    ):
        raise InputError(
            f"the block '{block.name}' has {amount(value)} million USD; its stated sectors "
            f"have {amount(value - left)}.",
            block.place,
        )
    return _Block(block.name, free, max(left, 0.0), block.place)


def _within(
    block: _Block,
    here: NDArray[np.intp],
    exported: Array,
    weight: Array,
    limit: Array,
    sectors: tuple[str, ...],
) -> Array:
    """Value added of a block's sectors: in exports first, then by weight."""
    if not here.size:
        return np.zeros(0)
    exported, home = exported[here], weight[here]
    left = block.value - exported.sum()
    if left < 0:
        raise InputError(
            f"the exports of the block '{block.name}' hold {amount(float(exported.sum()))} "
            f"million USD of value added at the donor's shares; the block has "
            f"{amount(block.value)}. State the value added of its exporting sectors, or take "
            "another donor.",
            block.place,
        )
    if block.value > limit.sum():
        names = ", ".join(sectors[s] for s in here[:4]) + (", …" if here.size > 4 else "")
        raise InputError(
            f"the block '{block.name}' ({names}) should have {amount(block.value)} million "
            f"USD of value added; the aggregate has {amount_within(float(limit.sum()))} to "
            "give there.",
            block.place,
        )
    if not home.any():
        if left > 0 and not exported.any():
            raise InputError(
                f"nothing of the block '{block.name}' is made elsewhere, so nothing says how "
                "the block divides: state its sectors.",
                block.place,
            )
        home = exported
    return _filled(exported, home, left, limit)


def _filled(base: Array, weight: Array, left: float, limit: Array) -> Array:
    """Base plus what is left by weight, with no cell above its limit."""
    found: Array = base + weight * (left / weight.sum()) if weight.sum() > 0 else base.copy()
    full = found > limit
    while (found > limit).any():
        full |= found > limit
        free = ~full & (weight > 0)
        missing = float(base.sum() + left - limit[full].sum() - base[~full].sum())
        found = np.where(full, limit, base)
        if free.any():
            found[free] += weight[free] * (missing / weight[free].sum())
        elif missing > 0:  # the open cells have no weight: by the room that they have
            room = np.where(full, 0.0, limit - base)
            found += room * (missing / room.sum())
    return found


def _refuse_more_than_there(
    spec: SplitSpec, sectors: tuple[str, ...], stated: Array, there: Array | None
) -> None:
    if there is None:
        return
    over = np.nan_to_num(stated) > there * (1 + 1e-12)
    if over.any():
        s = int(np.argmax(over))
        key = "values" if sectors[s] in spec.model.value_added.values else "shares"
        raise InputError(
            f"value added in {sectors[s]} should be {amount(stated[s])} million USD; "
            f"{spec.out_of} has {amount_within(there[s])}. Lower it, or split the country with "
            "'out_of: none', which takes nothing out of an aggregate.",
            spec.place("value_added", key, sectors[s]),
        )


def _sector(code: str, sectors: tuple[str, ...], place: Place) -> int:
    if code not in sectors:
        raise InputError(f"unknown sector '{code}'.", place, nearest(code, sectors))
    return sectors.index(code)


def record(sized: Sized, sectors: tuple[str, ...]) -> dict[str, Any]:
    """How the sizes came about, JSON-able."""
    rule = sorted({h for h in sized.how if h != "stated"})
    return {
        "by_sector": {
            code: float(value) for code, value in zip(sectors, sized.values, strict=True)
        },
        "stated": [c for c, h in zip(sectors, sized.how, strict=True) if h == "stated"],
        "blocks": {
            name: [c for c, h in zip(sectors, sized.how, strict=True) if h == name]
            for name in rule
        },
        "shares_scaled_by": sized.scaled,
    }
