"""What docs/openings.md quotes is what is embedded."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detente.cli.openingsdata import embedded, summary
from detente.openings.embedded import curve, scores
from detente.openings.likely import after, facts, ordinary, paces
from detente.openings.record import load_record

PAGE = " ".join(
    (Path(__file__).parents[2] / "docs/openings.md").read_text(encoding="utf-8").split()
)
YEARS = (1, 5, 10, 15)


def cells(values: list[float]) -> str:
    return " | ".join(f"{100 * v:.0f}" for v in values)


def test_the_page_quotes_the_embedded_curve() -> None:
    found = [after(years) for years in YEARS]
    assert f"| middle, potential of a billion | {cells([q[0.5] for q in found])} |" in PAGE
    for low, high in ((0.25, 0.75), (0.05, 0.95)):
        spans = " | ".join(f"{100 * q[low]:.0f}–{100 * q[high]:.0f}" for q in found)
        assert spans in PAGE
    small = curve().share(list(YEARS), (0.5,), potential=100.0)[0.5]
    assert f"potential of 100 million | {cells([float(v) for v in small])} |" in PAGE
    assert f"in the middle, {100 * found[1][0.5]:.0f} % five years after" in PAGE


def test_the_page_quotes_the_pace_and_its_use() -> None:
    pace = paces()["base-rate"]
    said = (
        f"level {pace.level:.2f}, half-life {pace.half_life:.1f} years, start {pace.start:.2f}"
    )
    assert said in PAGE
    five, fifteen = (100 * float(pace.share(y)) / ordinary() for y in (5, 15))
    assert f"{five:.0f} % after 5 years and {fifteen:.0f} % after 15" in PAGE
    low, middle, high = facts()["posterior"]["size_effect"]
    assert f"β = {middle:.2f}, 90 % interval {low:.2f} to {high:.2f}" in PAGE


def test_the_page_quotes_the_shares_of_pairs_picked_by_hand() -> None:
    table = summary(embedded(load_record()).shares)
    picked = table[(table["direction"] == "opening") & table["picked"]]
    assert len(picked) >= 20
    for row in picked.to_dict("records"):
        ten = row["share_10"]
        if ten is not None and np.isfinite(ten) and ten >= 0.01:
            assert f"| {row['a']}–{row['b']} | {row['event']} |" in PAGE
            assert f"| {100 * ten:.0f} |" in PAGE.split(f"{row['a']}–{row['b']} |")[1][:90]


def test_the_page_quotes_how_sure_it_is() -> None:
    rows = scores()
    whole = rows[(rows["which"] == "all") & (rows["when"] == "all")]
    assert len(whole) == 2
    for row in whole.to_dict("records"):
        assert f"| {row['crps']:.3f} | {row['crps_at_once']:.3f} |" in PAGE
