"""The bans of 2017 on the world of 2016, against what was observed in 2018.

MODEL.md's test: resolutions 2371, 2375 and 2397 applied to ``korea-before`` with the deficit
observed in 2018. Imports follow from exports and the given deficit, so exports are the test:
2.82 billion USD in 2016 and 0.24 in 2018 (KOTRA, without inter-Korean trade), −91.5 %.
Coverage is measured on the product mix of 2016. Of 2018 two things enter: the deficit, and
that ferro-alloys (HS 7202, 0.7 % of exports) went on, so that the ban on iron spares them.
"""

from __future__ import annotations

import numpy as np
import pytest

import detente as dt

OBSERVED = 0.24 / 2.82 - 1.0


@pytest.mark.parametrize("size", ["un", "bok"])
def test_exports_fall_as_they_did(size: str) -> None:
    before = dt.load_world("korea-before", dprk_size=size)
    after = dt.load_world("korea", dprk_size=size)
    prk = before.country_index("PRK")
    mine = np.zeros((before.n_countries, before.n_countries), dtype=bool)
    mine[prk, :] = mine[:, prk] = True
    mine[prk, prk] = False
    deficit = before.deficit.copy()
    change = after.deficit[after.country_index("PRK")] - deficit[prk]
    others = np.arange(before.n_countries) != prk
    deficit[others] -= change * before.income[others] / before.income[others].sum()
    deficit[prk] += change
    shocks = dt.Shocks(
        link=np.where(mine, 1.0 - before.coverage["unsc"], 1.0),
        deficit_rule="path",
        deficit_path=deficit,
    )
    partners = dt.solve(before, shocks).partners("PRK").drop(index="KOR")
    left = partners["exports_new"].sum() / partners["exports"].sum()
    # exports of 2018 are an estimate from partners' reports: what is left to within a third
    assert left == pytest.approx(1.0 + OBSERVED, rel=1 / 3)
