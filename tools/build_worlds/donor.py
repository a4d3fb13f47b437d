"""A donor's technology, read from the ICIO before economies are added up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tools.build_worlds.economies import sectors

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Donor:
    """One country's technology and taste, S sectors.

    Attributes
    ----------
    code : str
        ISO3.
    input_share : ndarray, shape (S, S)
        γ[k, s].
    value_added_share : ndarray, shape (S,)
        γᵛ[s].
    final_share : ndarray, shape (S,)
        α[s], from the source's estimated final purchases.
    home_value_added : ndarray, shape (S,)
        Value added in what is sold at home, million USD.
    """

    code: str
    input_share: Array
    value_added_share: Array
    final_share: Array
    home_value_added: Array


def read_donor(data: Path, code: str) -> Donor:
    """Technology of one ICIO country, in the world's sectors.

    Parameters
    ----------
    data : Path
        Folder of the originals.
    code : str
        ISO3 of an ICIO country.
    """
    with np.load(data / "icio2022" / "icio2022.npz") as table:
        n = [str(c) for c in table["countries"]].index(code)
        h = sectors().matrix(tuple(str(s) for s in table["sectors"]))
        used = h @ np.maximum(table["input_use"][:, :, n].astype(float), 0.0) @ h.T
        added = h @ np.maximum(table["value_added"][:, n].astype(float), 0.0)
        final = h @ np.maximum(table["final_estimated"][:, :, n].astype(float), 0.0).sum(axis=1)
        home = h @ (
            table["intermediate"][:, n, n].astype(float)
            + np.maximum(table["final_estimated"][:, n, n].astype(float), 0.0)
        )
    output = used.sum(axis=0) + added
    safe = np.where(output > 0, output, 1.0)
    share = added / safe
    return Donor(code, used / safe, share, final / final.sum(), home * share)
