"""A regime of one's own and a scenario that imposes it, as files."""

from __future__ import annotations

from pathlib import Path


def scenario_with_own_regime(folder: Path, name: str, senders: str) -> Path:
    """Write ``mine.yaml``, a ban on selling wood to the DPRK, and the scenario beside it."""
    (folder / "mine.yaml").write_text(
        f"regime: {name}\ntitle: Mine\ntarget: PRK\nsenders: {senders}\nhs_revision: HS17\n"
        "sources:\n  s: {title: a text, read: none}\nprovisions:\n"
        "  - {id: m-1, instrument: M, paragraph: '1', adopted: 2019-01-01, what: no wood,\n"
        "     effect: ban, direction: import, source: s, verification: unverified,\n"
        "     products: [{hs: '44', verification: unverified}]}\n",
        encoding="utf-8",
    )
    file = folder / "s.yaml"
    file.write_text(
        "scenario: own\nworld: korea\nmeasures:\n"
        "  - impose: {regime: mine.yaml, on: 2020-01-01}\n",
        encoding="utf-8",
    )
    return file
