"""A donor's technology, read from the ICIO before economies are added up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tools.build_worlds.economies import sectors

Array = NDArray[np.float64]
Rows = list[dict[str, str]]


def technology(data: Path, code: str) -> Rows:
    """Technology of one ICIO country in the world's sectors, as a split spec's table.

    Final demand is the source's estimate of final purchases. Values are million USD of 2022.

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
    rows = [
        _row("input", sector, used[k, s], product)
        for k, product in enumerate(sectors().codes)
        for s, sector in enumerate(sectors().codes)
    ]
    for kind, values in (("value_added", added), ("final", final), ("home_sales", home)):
        rows += [
            _row(kind, sector, value)
            for sector, value in zip(sectors().codes, values, strict=True)
        ]
    return [row for row in rows if float(row["value"]) > 0]


def _row(kind: str, sector: str, value: float, product: str = "") -> dict[str, str]:
    return {"kind": kind, "input": product, "sector": sector, "value": repr(float(value))}
