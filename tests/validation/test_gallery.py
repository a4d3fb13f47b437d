"""Every scenario of the gallery with an expectation: what was expected, and what came out.

An expectation (``scenarios/expectations``) gives signs and orders with the reason, written
before the scenario was run; ``found`` in the same file are the run's figures. A line that
did not come true stays as it was written, and ``surprise`` says why.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from gallery import EXPECTED, GALLERY, figures, holds, read


@pytest.mark.parametrize("path", EXPECTED, ids=lambda p: p.stem)
def test_what_was_expected(path: Path) -> None:
    told = read(path)
    wrong = [n for n, line in enumerate(told["expect"]) if not holds(told["scenario"], line)]
    named = [s["line"] for s in told.get("surprise", [])]
    assert wrong == named, "a line that does not come true is explained, and no other is"


@pytest.mark.parametrize("path", EXPECTED, ids=lambda p: p.stem)
def test_the_figures_beside_it_are_those_of_the_run(path: Path) -> None:
    told = read(path)
    for noted, found in zip(told["found"], figures(told["scenario"], told), strict=True):
        assert {k: v for k, v in noted.items() if k != "is"} == {
            k: v for k, v in found.items() if k != "is"
        }
        assert noted["is"] == pytest.approx(found["is"], rel=2e-3, abs=2e-3)


def test_every_sanctions_scenario_has_one() -> None:
    expected = {read(p)["scenario"] for p in EXPECTED}
    for path in sorted(GALLERY.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        if any(f"- {kind}:" in text for kind in ("lift", "suspend", "impose", "snapback")):
            assert path.name in expected or path.name in OLDER, path.name


#: Scenarios of the first gallery: their figures are in the README and its tests.
OLDER = {"korea-opens.yaml", "korea-third-of-the-way.yaml", "rok-only.yaml", "snapback.yaml"}
