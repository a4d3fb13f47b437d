"""What the law still closes, and what quantity caps hold back: tables of a result."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from detente.equilibrium import Equilibrium

_CLOSED = (
    "exporter", "importer", "potential", "closed", "closed_value", "regime", "closed_by",
    "provisions",
)  # fmt: skip
_CAPS = ("sector", "exporters", "importers", "quantity", "shipped", "markup", "rent", "owner")


def closed(equilibrium: Equilibrium) -> pd.DataFrame:
    """What stays closed between a target and each partner, largest first.

    Parameters
    ----------
    equilibrium : Equilibrium
        Of a scenario that touched a target's law; otherwise the table is empty.

    Returns
    -------
    DataFrame
        A row for each pair and regime: ``exporter``, ``importer``; ``potential`` (million USD
        that the pair traded before the bans, or what gravity makes of it where nobody knows,
        at baseline spending), ``closed`` (share of it on lines that some regime still closes),
        ``closed_value`` (million USD); ``regime``, ``closed_by`` (the share that it closes
        alone), ``provisions`` (ids, with commas). The largest pair first.
    """
    rows = [
        {
            **{key: row[key] for key in ("exporter", "importer", "potential", "closed")},
            "closed_value": row["potential"] * row["closed"],
            "regime": name,
            "closed_by": by["closed"],
            "provisions": ", ".join(by["provisions"]),
        }
        for row in equilibrium.shocks.notes.get("closed", ())
        for name, by in row["regimes"].items()
    ]
    table = pd.DataFrame(rows, columns=list(_CLOSED))
    return table.sort_values(
        ["closed_value", "exporter", "importer", "closed_by"],
        ascending=[False, True, True, False],
        ignore_index=True,
    )


def caps(equilibrium: Equilibrium) -> pd.DataFrame:
    """Quantity caps and what they hold back.

    Parameters
    ----------
    equilibrium : Equilibrium

    Returns
    -------
    DataFrame
        ``sector``, ``exporters``, ``importers``; ``quantity`` (the cap) and ``shipped``
        (Σ F′/ĉ), million USD at baseline prices; ``markup`` (μ, 0.25 is 25 %: zero where the
        cap does not bind), ``rent`` (million USD: customs value less what the exporter
        earns) and its ``owner``.
    """
    problem, solution = equilibrium.problem, equilibrium.solution
    # a cap of zero is a ban, and one on links that carry nothing holds nothing
    given = {
        (cap.sector, frozenset(cap.exporters), frozenset(cap.importers)): cap
        for cap in equilibrium.shocks.caps
    }
    rows = []
    world, cost = equilibrium.world, equilibrium.cost_hat
    for links, mu in zip(problem.caps, solution.cap_markup, strict=True):
        sector = world.sectors[links.sector]
        sellers = frozenset(world.countries[i] for i in links.exporters)
        buyers = frozenset(world.countries[n] for n in links.importers)
        owner = next(
            (
                cap.owner_words
                for (s, i, n), cap in given.items()
                if s == sector and sellers <= i and buyers <= n
            ),
            "",
        )
        at = (links.sector, links.exporters, links.importers)
        net = equilibrium.customs_value[at] / (1.0 + mu)
        rows.append(
            {
                "sector": sector,
                "exporters": _few(world.countries, links.exporters),
                "importers": _few(world.countries, links.importers),
                "quantity": links.quantity,
                "shipped": float((net / cost[links.sector, links.exporters]).sum()),
                "markup": float(mu),
                "rent": float(mu * net.sum()),
                "owner": owner,
            }
        )
    return pd.DataFrame(rows, columns=list(_CAPS))


def _few(codes: tuple[str, ...], positions: NDArray[np.intp]) -> str:
    return ", ".join(codes[j] for j in dict.fromkeys(int(p) for p in positions))
