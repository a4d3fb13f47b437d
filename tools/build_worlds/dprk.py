"""The DPRK's own table: sizes from facts, technology from a donor, balanced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tools.build_worlds.donor import Donor
from tools.build_worlds.dprk_products import fact
from tools.build_worlds.entropy import nearest_table

Array = NDArray[np.float64]

MINING = ("coal", "metal-ores", "other-mining")  # the DPRK extracts no oil or gas
LIGHT = ("food", "textiles", "wood-paper", "other-manufacturing")
HEAVY = (
    "petroleum",
    "chemicals",
    "minerals",
    "basic-metals",
    "metal-products",
    "electronics",
    "machinery",
    "vehicles",
    "ships",
)
OTHER_SERVICES = ("trade", "transport", "business-services")


@dataclass(frozen=True)
class DprkTable:
    """The DPRK, million USD of its year, S sectors.

    Attributes
    ----------
    home_sales : ndarray, shape (S,)
    input_use : ndarray, shape (S, S)
        [k, s].
    final, value_added : ndarray, shape (S,)
    moves : dict
        How far the balancing moved the donor's coefficients; JSON-able.
    """

    home_sales: Array
    input_use: Array
    final: Array
    value_added: Array
    moves: dict[str, Any]


def value_added(
    year: int, size: str, codes: tuple[str, ...], exports: Array, refining: float, donor: Donor
) -> Array:
    """Value added by sector, million USD, shape (S,).

    The Bank of Korea's block shares come out exactly. Within mining and manufacturing a
    sector gets the value added in its exports, and what is left of the block goes by what
    the donor makes for its own market; refining is given, since it hangs on the crude oil
    that arrives.

    Parameters
    ----------
    year, size
        2016 or 2018; ``un`` or ``bok``: whose GDP.
    codes, donor
        Sectors, S of them; who lends technology.
    exports, refining : ndarray, shape (S,); float
        Million USD: exports; value added in petroleum products.
    """
    gdp = fact(f"gdp/{size}", year)
    share = {k: gdp * v / 100 for k, v in _block_shares(year).items()}
    found = np.zeros(len(codes))
    at = {c: j for j, c in enumerate(codes)}
    fishing = fact("va-share/fishing-in-agriculture", 2018) / 100
    found[at["fishing"]] = share["agriculture"] * fishing
    found[at["agriculture"]] = share["agriculture"] * (1.0 - fishing)
    for block in ("utilities", "construction"):
        found[at[block]] = share[block]
    found[at["other-services"]] = share["government"]
    found[at["petroleum"]] = refining
    for size_of, members in (
        (share["mining"], MINING),
        (share["light"], LIGHT),
        (share["heavy"] - found[at["petroleum"]], HEAVY[1:]),
        (share["services"] - share["government"], OTHER_SERVICES),
    ):
        here = [at[m] for m in members]
        found[here] = _within(size_of, here, exports, donor)
    scaled: Array = found * (gdp / found.sum())
    return scaled


def _block_shares(year: int) -> dict[str, float]:
    """Percent of value added by block, scaled to a sum of 100 over the whole."""
    whole = ("agriculture", "mining", "manufacturing", "utilities", "construction", "services")
    values = {k: fact(f"va-share/{k}", year) for k in (*whole, "light", "heavy", "government")}
    total = sum(values[k] for k in whole)
    factor = values["manufacturing"] / (values["light"] + values["heavy"])
    values |= {k: values[k] * factor for k in ("light", "heavy")}
    return {k: v * 100 / total for k, v in values.items()}


def _within(block: float, here: list[int], exports: Array, donor: Donor) -> Array:
    """Value added of a block's sectors: in exports first, then as the donor makes for home."""
    exported = exports[here] * donor.value_added_share[here]
    home = donor.home_value_added[here]
    left = block - exported.sum()
    if left < 0:
        raise ValueError("a block's exports hold more value added than the block")
    found: Array = exported + home * (left / home.sum())
    return found


def balance_dprk(
    added: Array, exports: Array, imports: Array, donor: Donor, codes: tuple[str, ...]
) -> DprkTable:
    """Balance the donor's technology to the DPRK's totals by cross-entropy.

    Unknown are inputs Z[k, s], final demand f[k] above a floor, and home sales H[k]; given
    are value added, exports and imports. Identities: H[s] + E[s] = Σₖ Z[k, s] + VA[s] and
    H[k] + M[k] = Σₛ Z[k, s] + f[k].

    Parameters
    ----------
    added, exports, imports : ndarray, shape (S,)
        Million USD.
    donor : Donor
        The prior.
    codes : tuple of str
        Sectors, for the record of moves.
    """
    s = len(added)
    demand = float(added.sum() + imports.sum() - exports.sum())
    floor = np.full(s, demand * fact("floor/final-demand", 2018) / 100)
    made = added > 0
    share = np.where(made, donor.value_added_share, 1.0)
    output = added / share
    least = fact("floor/home-sales", 2018) / 100
    home = np.where(made, np.maximum(output - exports, least * (output + exports)), 0.0)
    inputs = donor.input_share * output[None, :]
    crude = codes.index("oil-gas")
    # There is no gas: what arrives is crude oil, and refineries alone use it.
    inputs[crude, [j for j, c in enumerate(codes) if c != "petroleum"]] = 0.0
    prior = np.concatenate([inputs.reshape(-1), donor.final_share * demand, home])
    totals = np.concatenate([added - exports, imports - floor])
    keep = np.concatenate([made, np.ones(s, dtype=bool)])
    x, _ = nearest_table(prior, _identities(s)[keep], totals[keep])
    used = x[: s * s].reshape(s, s)
    # The last digits: home sales close the columns, final demand closes the rows.
    sold = np.where(made, added + used.sum(axis=0) - exports, 0.0)
    final = sold + imports - used.sum(axis=1)
    moves = _moves(used, sold + exports, final, donor, codes)
    return DprkTable(sold, used, final, added, moves)


def _identities(s: int) -> Array:
    """Coefficients of (Z, f, H) in the column and row identities, shape (2S, S² + 2S)."""
    columns = np.tile(np.eye(s), s)  # [s; (k, s)]
    rows = np.repeat(np.eye(s), s, axis=1)  # [k; (k, s)]
    zero, one = np.zeros((s, s)), np.eye(s)
    return np.block([[-columns, zero, one], [rows, one, -one]])


def _moves(
    used: Array, output: Array, final: Array, donor: Donor, codes: tuple[str, ...]
) -> dict[str, Any]:
    """Coefficients before and after: the largest, and sums over all."""
    safe = np.where(output > 0, output, 1.0)
    after = used / safe
    before = np.where(output > 0, donor.input_share, 0.0)
    gap = after - before
    order = np.argsort(-np.abs(gap).reshape(-1))[:12]
    largest = [
        {
            "input": codes[j // len(codes)],
            "industry": codes[j % len(codes)],
            "donor": round(float(before.flat[j]), 4),
            "dprk": round(float(after.flat[j]), 4),
        }
        for j in order
    ]
    weight = np.broadcast_to(output, gap.shape)
    share = final / final.sum()
    changed: Mapping[str, float] = {
        c: round(float(a - b), 4)
        for c, a, b in zip(codes, share, donor.final_share, strict=True)
        if abs(a - b) > 0.005
    }
    return {
        "largest_input_coefficients": largest,
        "mean_absolute_move_output_weighted": float(
            (np.abs(gap) * weight).sum() / (before * weight).sum()
        ),
        "share_of_inputs_reallocated": float(
            np.abs(used - before * weight).sum() / 2 / used.sum()
        ),
        "final_share_moves": dict(changed),
        "final_share_reallocated": float(np.abs(share - donor.final_share).sum() / 2),
    }
