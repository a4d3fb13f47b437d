"""Trade from a known gravity model, for the tests of gravity."""

import numpy as np
import pandas as pd

TRUE = {"ln_distance": -0.9, "border": -2.0, "rta": 0.5}


def flows_of(n=9, years=5, seed=0, noise=0.5, zeros=0.1, sectors=()):
    """A panel with domestic sales; multiplicative errors of mean one, and zeros."""
    rng = np.random.default_rng(seed)
    codes = np.array([f"C{i:02d}" for i in range(n)])
    place = rng.uniform(0, 10, (n, 2))
    km = 100 + 300 * np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    begins = rng.integers(1, 2 * years, (n, n))
    parts = []
    for sector in sectors or ("",):
        out, into = rng.normal(6, 1, (2, n, years))
        i, j, t = (a.ravel() for a in np.indices((n, n, years)))
        abroad = (i != j).astype(float)
        rta = (t >= np.minimum(begins, begins.T)[i, j]) * abroad
        index = out[i, t] + into[j, t]
        index += TRUE["ln_distance"] * np.log(km[i, j]) + TRUE["border"] * abroad
        index += TRUE["rta"] * rta
        error = rng.lognormal(-(noise**2) / 2, noise, len(i)) if noise else 1.0
        keep = (rng.uniform(size=len(i)) >= zeros) | (i == j)
        part = pd.DataFrame(
            {
                "exporter": codes[i],
                "importer": codes[j],
                "year": 2000 + t,
                "trade": np.exp(index) * error * keep,
                "distance": km[i, j],
                "rta": rta,
                "opening": abroad * t,
            }
        )
        parts.append(part.assign(sector=sector) if sectors else part)
    return pd.concat(parts, ignore_index=True)
