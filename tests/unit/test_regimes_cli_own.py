"""`detente regimes` with a user's own trade and law: coverage, check, attach."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from detente.regimes import load_regime, regime_names
from detente.scenario import Scenario
from detente.world import load_world
from regimescli import OWN, baci, covered, detente, narrow, own, shown


# -- a user's trade --------------------------------------------------------------------------
def test_coverage_of_a_pair_from_baci(tmp_path: Path) -> None:
    """Of textiles and leather, 30 of 40 are clothes; coal all; the USD are the file's."""
    pytest.importorskip("duckdb", reason="BACI is read through duckdb")
    found = shown(own(tmp_path), "--partner", "CHN", "--trade", baci(tmp_path))
    rows = {(r["direction"], r["sector"]): r for r in found["coverage"] if r["trade"] > 0}
    textiles, coal = rows["export", "textiles"], rows["export", "coal"]
    assert textiles["trade"] == pytest.approx(40.0)
    assert textiles["covered"] == pytest.approx(0.75)
    assert textiles["banned"] == pytest.approx(30.0)
    assert (coal["trade"], coal["covered"]) == (pytest.approx(5.0), pytest.approx(1.0))
    assert rows["import", "machinery"]["trade"] == pytest.approx(7.0)
    assert {sector for side, sector in rows if side == "export"} == {"textiles", "coal"}
    assert found["totals"][0]["covered"] == pytest.approx(35.0 / 45.0)
    assert "the pair's own" in found["trade"]["of"]
    assert "HS92; observed" in found["basis"][0]["text"]


def test_years_are_a_mean_a_year_or_one_of_them(tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="BACI is read through duckdb")
    rows = "t,i,j,k,v,q\n2015,408,156,270111,1000.0,1.0\n2016,408,156,270111,5000.0,1.0\n"
    path = baci(tmp_path, rows, "trade_HS92.csv")
    file = own(tmp_path)

    def coal(*more: str) -> float:
        found = shown(file, "--partner", "CHN", "--trade", path, *more)
        return next(r["trade"] for r in found["coverage"] if r["sector"] == "coal")

    assert coal() == pytest.approx(3.0)
    assert coal("--year", "2015") == pytest.approx(1.0)


def test_coverage_of_a_pair_from_comtrade(tmp_path: Path) -> None:
    path = tmp_path / "comtrade.csv"
    path.write_text(
        "refYear,flowCode,reporterISO,partnerISO,cmdCode,primaryValue,classificationCode\n"
        "2016,M,CHN,PRK,6203,30000000,H0\n2016,M,CHN,PRK,4202,10000000,H0\n"
        "2016,M,CHN,PRK,62,30000000,H0\n"
    )
    file = own(tmp_path)
    ran = detente("show", file, "--partner", "CHN", "--trade", path)
    assert (ran.exit_code, "--revision" in ran.stderr) == (2, True)
    found = shown(file, "--partner", "CHN", "--trade", path, "--revision", "HS92")
    row = next(r for r in found["coverage"] if r["sector"] == "textiles")
    assert (row["trade"], row["covered"]) == (pytest.approx(40.0), pytest.approx(0.75))
    for more, what in (
        (["--revision", "HS93"], "HS92"),
        (["--revision", "HS92", "--year", "2015"], "there is no 2015"),
    ):
        ran = detente("show", file, "--partner", "CHN", "--trade", path, *more)
        assert (ran.exit_code, what in ran.stderr) == (2, True), ran.stderr


def test_six_digits_that_a_partner_has_no_rows_for_are_warned_of(tmp_path: Path) -> None:
    """Coal to China is in the data; to Japan it is not, and the embedded mix has headings."""
    pytest.importorskip("duckdb", reason="BACI is read through duckdb")
    law, rows, out = tmp_path / "own.yaml", baci(tmp_path), tmp_path / "law.npz"
    text = OWN.replace('"61-63", "2701"', '"270111"').replace("[CHN]", "[CHN, JPN]")
    law.write_text(text)

    def doubts(partner: str) -> list[str]:
        basis = shown(law, "--partner", partner, "--trade", rows)["basis"]
        told = [row["text"] for row in basis if row["side"] == "warning"]
        return [text for text in told if "six digits" in text]

    assert doubts("CHN") == []
    (doubt,) = doubts("JPN")
    assert doubt.startswith("act-1 names six digits (270111)")
    assert "no rows in coal for JPN:" in doubt
    ran = detente("show", law, "--partner", "JPN", "--trade", rows)
    assert narrow(ran.stdout) and "names six digits" in " ".join(ran.stdout.split())
    ran = detente("show", law, "--partner", "JPN", "--trade", rows, "--format", "csv")
    assert "warning: act-1 names six digits" in ran.stderr
    # KOR is no sender, and CHN has rows: of the world's partners only JPN
    args = ("--regimes", law, "--at", "2020-07-01", "-o", out)
    told = json.loads(
        detente("attach", "korea-before", *args, "--trade", rows, "--format", "json").stdout
    )
    assert doubt in told["warnings"]
    again = detente("attach", out, *args, "--force")
    assert "names six digits" in " ".join(again.stdout.split())
    # by headings there is nothing to warn of
    law.write_text(text.replace("270111", "2701"))
    assert doubts("JPN") == []


# -- a user's law ----------------------------------------------------------------------------
def test_a_good_file_is_counted(tmp_path: Path) -> None:
    ran = detente("check", own(tmp_path))
    assert ran.exit_code == 0 and narrow(ran.stdout)
    assert "1 provision (1 ban), 1 entry of goods, 1 source" in " ".join(ran.stdout.split())
    found = json.loads(detente("check", own(tmp_path), "--format", "json").stdout)
    assert found["valid"] and found["counts"]["unverified"] == 0
    assert (found["mistakes"], found["warnings"]) == ([], [])


def test_every_mistake_is_named_with_its_line_and_key(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    text = (
        OWN.replace("HS92", "HS93")
        .replace("    paragraph:", "    paragrph:")
        .replace("2020-01-01", "2020-1-1")
        .replace('"2701"', '"270"')
        .replace("    source: act", "    source: akt")
    )
    path.write_text(text + OWN[OWN.index("  - id") :])
    ran = detente("check", path)
    assert (ran.exit_code, ran.stdout) == (2, "")
    found = json.loads(detente("check", path, "--format", "json").stdout)
    told = {(m["line"], m["key"].split(".")[-1]): m for m in found["mistakes"]}
    lines = path.read_text().splitlines()

    def at(part: str) -> int:
        return next(j for j, row in enumerate(lines, 1) if part in row)

    again = len(lines) - OWN[OWN.index("  - id") :].count("\n") + 1
    expected = {
        (at("HS93"), "hs_revision"): "HS96",
        (at("paragrph"), "paragrph"): "paragraph",
        (at("2020-1-1"), "adopted"): None,
        (at('"270"'), "hs"): None,
        (at("akt"), "source"): "act",
        (again, "id"): None,
    }
    for key, near in expected.items():
        assert key in told, (key, sorted(told))
        assert told[key]["nearest"] == near, key
    assert "stands twice" in told[again, "id"]["what"]
    assert ran.stderr.count("error: ") == len(found["mistakes"])
    assert [m["line"] for m in found["mistakes"]] == sorted(
        m["line"] for m in found["mistakes"]
    )


def test_lines_that_the_embedded_mix_cannot_tell_apart_are_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN.replace('"2701"', '"270111", "2501"').replace("[CHN]", "[CHN, RUX]"))
    found = json.loads(detente("check", path, "--format", "json").stdout)
    assert found["valid"]
    warned = " ".join(w["what"] for w in found["warnings"])
    assert "270111 is finer" in warned and "rest of chapter 25" in warned
    assert next(w["nearest"] for w in found["warnings"] if "RUX" in w["what"]) == "RUS"
    # it is the coverage that then fails, with the same words, not a wrong number
    ran = detente("show", path, "--partner", "CHN")
    assert (ran.exit_code, "270111 is finer" in ran.stderr) == (2, True)


def test_embedded_files_pass_their_own_check() -> None:
    folder = Path(load_regime.__code__.co_filename).parents[1] / "data" / "regimes"
    for name in regime_names():
        found = json.loads(detente("check", folder / f"{name}.yaml", "--format", "json").stdout)
        assert found["valid"], found
        # lines that the embedded mix cannot tell apart would make an error of every coverage
        assert [w["key"] for w in found["warnings"]] == ["regime"], found["warnings"]


# -- attach ----------------------------------------------------------------------------------
def test_attached_law_is_on_record_and_covers_what_it_says(tmp_path: Path) -> None:
    out = tmp_path / "law.npz"
    args = (
        "korea-before",
        "--regimes",
        "rok-may-24,japan-dprk",
        "--at",
        "2016-07-01",
        "-o",
        out,
    )
    ran = detente("attach", *args, "--format", "json")
    assert ran.exit_code == 0, ran.stderr
    told = json.loads(ran.stdout)
    world = load_world(out)
    assert (told["hash"], told["target"]) == (world.content_hash, "PRK")
    law = world.meta["law"]["PRK"]
    assert (law["day"], law["regimes"]) == ("2016-07-01", ["rok-may-24", "japan-dprk"])
    # tables of regimes that were on record before, and are not now, are gone
    assert "us-dprk" not in world.coverage
    prk, kor = world.country_index("PRK"), world.country_index("KOR")
    others = np.arange(world.n_countries) != prk
    table = world.coverage["rok-may-24"]
    row = next(r for r in told["coverage"] if r["regime"] == "rok-may-24")
    assert row["links"] == int((table > 0).sum())
    sold = world.flows[:, prk, others]
    share = float((table[:, prk, others] * sold).sum() / sold.sum())
    assert row["exports_covered"] == pytest.approx(share)
    # all of the trade with the ROK, and with nobody else
    goods = world.flows[:, prk, kor] * (table[:, prk, kor] > 0)
    assert share * sold.sum() == pytest.approx(goods.sum())
    again = detente("attach", *args)
    assert (again.exit_code, "--force" in again.stderr) == (2, True)
    forced = detente("attach", *args, "--force")
    assert forced.exit_code == 0 and narrow(forced.stdout.replace(str(out), "law.npz"))


def test_trade_is_kept_in_the_world(tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="BACI is read through duckdb")
    out = tmp_path / "law.npz"
    args = ("--regimes", "unsc-dprk", "--at", "2018-07-01", "-o", out)
    ran = detente("attach", "korea-before", *args, "--trade", baci(tmp_path))
    assert ran.exit_code == 0, ran.stderr
    # textiles with China: clothes 30 and bags 10; the ban of 2375 names 50-63
    found = shown("unsc-dprk", "--provision", "2375-16", "--partner", "CHN", "--world", out)
    assert covered(found)["textiles"] == pytest.approx(0.75)
    # attached anew without the file, the mix stays
    second = detente("attach", out, *args, "--force")
    assert second.exit_code == 0 and "kept in the world" in second.stdout
    again = shown("unsc-dprk", "--provision", "2375-16", "--partner", "CHN", "--world", out)
    assert again["coverage"] == found["coverage"]


def test_law_of_a_file_is_kept_in_the_world_and_lifted_by_its_name(tmp_path: Path) -> None:
    """Also where the file has the name of an embedded one: the world's own goes first."""
    for name in ("my-law", "unsc-dprk"):
        file, out = tmp_path / f"{name}.yaml", tmp_path / f"{name}.npz"
        file.write_text(OWN.replace("regime: my-law", f"regime: {name}"))
        ran = detente(
            "attach", "korea-before", "--regimes", file, "--at", "2020-07-01", "-o", out
        )
        assert ran.exit_code == 0, ran.stderr
        world = load_world(out)
        lifted = {"scenario": "x", "world": str(out), "measures": [{"lift": {"regime": name}}]}
        shocks = Scenario.from_dict(lifted).to_shocks(world)
        table = world.coverage[name]
        (note,) = shocks.notes["measures"]
        assert not note["touched"].startswith("nothing")
        assert table.any() and set(world.meta["law"]["PRK"]["own"]) == {name}
        still = {r for row in shocks.notes["closed"] for r in row["regimes"]}
        assert name not in still


def test_what_cannot_be_attached_is_named(tmp_path: Path) -> None:
    out = tmp_path / "law.npz"
    for regimes, at, what in (
        ("unsc-dprk,russia-2014", "2020-07-01", "one target at a time"),
        ("russia-2022", "2022-02-01", "is law before 2022-02-26"),
        ("iran-2012", "2013-07-01", "is on IRN"),
        ("unsc-dkpr", "2020-07-01", "Did you mean 'unsc-dprk'"),
    ):
        ran = detente("attach", "korea-before", "--regimes", regimes, "--at", at, "-o", out)
        assert (ran.exit_code, what in ran.stderr) == (2, True), ran.stderr
        assert not out.exists()
