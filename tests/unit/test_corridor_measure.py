"""The corridor measure: what projects do to a scenario, its limits and its mistakes."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import detente as dt
from detente.cli import app
from detente.corridors.catalogue import load_network, load_project
from detente.corridors.cost import cost_change

KOREA = dt.load_world("korea")
WEST = "trans-korean-railway-west"


def scenario(*measures: dict[str, Any], file: Path | None = None) -> dt.Scenario:
    data = {"scenario": "t", "measures": list(measures)}
    return dt.Scenario.from_dict(data, file=None if file is None else str(file))


def corridor(**fields: Any) -> dict[str, Any]:
    return {"corridor": fields}


def shocks(*measures: dict[str, Any], **more: Any) -> dt.Shocks:
    return scenario(*measures, **more).to_shocks(KOREA)


def project(folder: Path, text: str) -> str:
    path = folder / "own.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


NOTHING = """
project: own
title: A line that is there already, as it is
edges:
  - {a: SHENYANG, b: DANDONG, mode: rail, gauge: 1435, set: {state: open}}
"""


def test_a_project_that_changes_nothing_changes_nothing(tmp_path: Path) -> None:
    found = shocks(corridor(use=project(tmp_path, NOTHING)))
    assert found.arrays() == {}
    assert "no route that is used gets cheaper" in found.notes["measures"][0]["touched"]


def test_a_line_of_no_capacity_opens_nothing(tmp_path: Path) -> None:
    text = """
project: own
title: A line on paper
edges:
  - {a: KAESONG, b: DORASAN, mode: rail, gauge: 1435,
     set: {state: open, use: all, capacity_mt: 0}}
"""
    assert shocks(corridor(use=project(tmp_path, text))).arrays() == {}


def test_costs_are_those_of_the_network() -> None:
    network = load_network()
    after = network.with_project(load_project("khasan-rajin"))
    volumes = KOREA.flows * ~np.eye(KOREA.n_countries, dtype=bool)
    found = shocks(corridor(use="khasan-rajin"))
    np.testing.assert_array_equal(
        found.cost_hat, cost_change(KOREA, network, after, volumes).cost_hat
    )


def test_faster_is_cheaper_and_without_end() -> None:
    """Speed without end leaves freight and waiting: it is the most that speed can do."""
    slow, fast, endless = (
        shocks(corridor(use="khasan-rajin", speed=kmh)).cost_hat for kmh in (60, 120, 1e9)
    )
    assert (fast <= slow + 1e-12).all() and (fast < slow - 1e-9).any()
    assert (endless <= fast + 1e-12).all()
    assert (endless > 0.5).all()


def test_projects_of_several_measures_are_on_one_network_in_any_order() -> None:
    east, west = corridor(use="trans-korean-railway-east"), corridor(use=WEST)
    both = corridor(use=["trans-korean-railway-east", WEST])
    hats = [shocks(*ms).cost_hat for ms in ((east, west), (west, east), (both,))]
    np.testing.assert_array_equal(hats[0], hats[1])
    np.testing.assert_array_equal(hats[0], hats[2])


def test_third_countries_routes_get_shorter_too() -> None:
    hat = shocks(corridor(use="rajin-chongjin-ports")).cost_hat
    chn, jpn = KOREA.country_index("CHN"), KOREA.country_index("JPN")
    assert (hat[:, chn, jpn] < 1).any() and (hat[:, jpn, chn] < 1).any()


def test_what_a_land_takes_its_cargo_pays() -> None:
    free = shocks(corridor(use=WEST))
    found = shocks(corridor(use=WEST, transit_fee={"PRK": "100 USD/TEU"}))
    prk = KOREA.country_index("PRK")
    assert free.payment is None
    assert found.payment.sum() == pytest.approx(0.0, abs=1e-9)
    assert found.payment[prk] > 0
    assert (np.delete(found.payment, prk) <= 0).all()
    half = shocks(corridor(use=WEST, transit_fee={"PRK": "50 USD/TEU"}))
    # a lower toll is paid by at least as many
    assert half.payment[prk] >= 0.5 * found.payment[prk] - 1e-9
    dear = shocks(corridor(use=WEST, transit_fee={"PRK": "1000000 USD/TEU"}))
    assert dear.payment is None
    assert "would save less than tolls take" in dear.notes["measures"][0]["touched"]
    # who does not pay does not save either
    kor, chn = KOREA.country_index("KOR"), KOREA.country_index("CHN")
    assert (free.cost_hat[:, kor, chn] < 1).any()
    assert (dear.cost_hat is None) or (dear.cost_hat[:, kor, chn] >= 1).all()


def test_who_pays_for_the_building_is_charged_once() -> None:
    capex = sum(p.capex.central for p in load_project(WEST).closure if p.capex)
    paid = {"paid_by": "KOR", "rate": 0, "life": 20, "local_content": "0%"}
    found = shocks(corridor(use=WEST, finance=paid))
    assert found.hired[KOREA.country_index("KOR")].sum() == pytest.approx(capex / 20)
    assert found.hired.sum() == pytest.approx(capex / 20, rel=1e-9)
    told = shocks(corridor(use=WEST)).notes["measures"][0]["remarks"]
    assert any("nobody is charged" in remark for remark in told)


def test_who_pays_hangs_on_no_order() -> None:
    paid = {"paid_by": "KOR", "rate": 0, "life": 20, "local_content": "0%"}
    other = paid | {"paid_by": "CHN"}
    both = "trans-korean-railway"
    whole = sum(p.capex.central for p in load_project(both).closure if p.capex)
    part = sum(p.capex.central for p in load_project(WEST).closure if p.capex)
    kor, chn = KOREA.country_index("KOR"), KOREA.country_index("CHN")
    for first, second in (
        (corridor(use=WEST, finance=other), corridor(use=both, finance=paid)),
        (corridor(use=both, finance=paid), corridor(use=WEST, finance=other)),
    ):
        found = shocks(first, second).hired
        # whoever names a part and says who pays for it pays for it
        assert found[:, chn].sum() == pytest.approx(part / 20)
        assert found[:, kor].sum() == pytest.approx((whole - part) / 20)
    for first, second in (
        (corridor(use=WEST), corridor(use=both, finance=paid)),
        (corridor(use=both, finance=paid), corridor(use=WEST)),
    ):
        assert shocks(first, second).hired.sum() == pytest.approx(whole / 20)
    free = shocks(corridor(use=WEST, finance=paid), corridor(use=WEST, finance=paid))
    assert free.hired.sum() == pytest.approx(part / 20)
    with pytest.raises(dt.ScenarioError, match="part of two corridors"):
        shocks(corridor(use=WEST, finance=paid), corridor(use=WEST, finance=other))


def test_what_is_built_stands_where_its_project_says() -> None:
    """Each project's money is spent where that project stands, and no other's."""
    paid = {"paid_by": "CHN", "rate": 0, "life": 20, "local_content": "100%"}
    found = shocks(corridor(use="bri-korea", finance=paid)).hired
    prk = KOREA.country_index("PRK")
    stated = sum(
        p.capex.central * p.capex.in_.get("PRK", 0.0)
        for p in load_project("bri-korea").closure
        if p.capex
    )
    assert found[prk].sum() == pytest.approx(stated / 20, rel=1e-6)


def test_two_projects_of_one_name_are_refused(tmp_path: Path) -> None:
    one, two = tmp_path / "a", tmp_path / "b"
    for folder, kmh in ((one, 100), (two, 120)):
        folder.mkdir()
        project(folder, NOTHING.replace("state: open", f"kmh: {kmh}"))
    with pytest.raises(dt.ScenarioError, match="two different projects are called 'own'"):
        shocks(corridor(use=str(one / "own.yaml")), corridor(use=str(two / "own.yaml")))


def test_it_ends_when_it_ends() -> None:
    one = corridor(use=WEST, on="2026-01-01", until="2030-12-31")
    made = scenario(one)
    assert made.to_shocks(KOREA).arrays() == {}
    assert "cost_hat" in made.to_shocks(KOREA, "2028-01-01").arrays()


def test_the_value_of_a_day_matters() -> None:
    low, high = (
        shocks(corridor(use="khasan-rajin", value_of_time=v)).cost_hat for v in ("low", "high")
    )
    assert (low != high).any()


@pytest.mark.parametrize(
    ("fields", "words", "near"),
    [
        ({"use": "trans-korean-railwy"}, "there is no project", "trans-korean-railway"),
        ({"use": "nowhere.yaml"}, "nowhere.yaml", None),
        ({"use": WEST, "network": "no-such-folder"}, "no folder", None),
        ({"use": WEST, "transit_fee": "100 USD"}, "names no country", "PRK"),
        ({"use": WEST, "transit_fee": {"PRK": 100}}, "not a toll", "100 USD/TEU"),
        ({"use": WEST, "transit_fee": {"PRK": "-5 USD/TEU"}}, "not a toll", None),
        ({"use": WEST, "transit_fee": {"PKR": "5 USD/TEU"}}, "unknown country 'PKR'", "PRK"),
        ({"use": WEST, "speed": -50}, "not a number above zero", None),
        ({"use": WEST, "finance": {"paid_by": "KOX"}}, "unknown country 'KOX'", "KOR"),
        ({"use": WEST, "finance": {"paid_by": {"KOR": "50%"}}}, "sum to 50 %", None),
        ({"use": WEST, "value_of_time": "medium"}, "'low', 'central' or 'high'", None),
    ],
)
def test_mistakes_are_named(fields: dict[str, Any], words: str, near: str | None) -> None:
    with pytest.raises(dt.ScenarioError) as caught:
        shocks(corridor(**fields))
    assert words in str(caught.value)
    if near is not None:
        assert near in str(caught.value.nearest)


def test_corridors_of_a_scenario_agree_on_what_they_share() -> None:
    for one, other in (
        ({"value_of_time": "low"}, {"value_of_time": "high"}),
        ({"transit_fee": {"PRK": "5 USD/TEU"}}, {"transit_fee": {"PRK": "6 USD/TEU"}}),
    ):
        with pytest.raises(dt.ScenarioError):
            shocks(corridor(use=WEST, **one), corridor(use="khasan-rajin", **other))


def test_a_scenario_with_it_solves_and_says_what_it_did() -> None:
    made = scenario(corridor(use="khasan-rajin"), {"open": {"country": "PRK", "share": 0.1}})
    result = dt.solve(KOREA, made)
    assert result.certificate.converged
    assert "Khasan" in result.equilibrium.shocks.notes["measures"][0]["touched"]


def test_a_run_folder_holds_projects_and_networks_of_ones_own(tmp_path: Path) -> None:
    """What made a run can be run again where its files are gone."""
    project(tmp_path, NOTHING.replace("state: open", "kmh: 120"))
    network = tmp_path / "net"
    network.mkdir()
    data = Path(str(files("detente.data"))) / "corridors"
    for name in ("nodes.csv", "edges.csv"):
        (network / name).write_bytes((data / name).read_bytes())
    text = """
scenario: t
measures:
  - corridor: {use: own.yaml, network: net}
"""
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    out = tmp_path / "out"
    ran = CliRunner().invoke(app, ["run", str(tmp_path / "s.yaml"), "-o", str(out)])
    assert ran.exit_code == 0, ran.output
    assert (out / "projects" / "own.yaml").is_file()
    assert {f.name for f in (out / "network").iterdir()} == {"nodes.csv", "edges.csv"}
    facts = json.loads((out / "run.json").read_text(encoding="utf-8"))
    for name in ("own.yaml", "s.yaml"):
        (tmp_path / name).unlink()
    shutil.rmtree(network)
    again = dt.load_scenario(out / "scenario.yaml")
    hats = again.to_shocks(KOREA).cost_hat
    assert hats is not None and (hats < 1).any()
    assert any(row["source"] == "projects/own.yaml" for row in facts["scenario"]["regimes"])
