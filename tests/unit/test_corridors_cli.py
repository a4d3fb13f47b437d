"""`detente corridors`: list, show with its folder, route, network, and what is refused."""

from __future__ import annotations

import json
import math
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from detente.cli import Commands
from detente.cli.corridors import app as corridors_app
from detente.corridors.catalogue import load_network, project_names

app = typer.Typer(cls=Commands)
app.add_typer(corridors_app, name="corridors")

NODES = """\
code,name,country,kind,lat,lon,mass,note
ALPHA,Alpha (old town),KOR,city,37.5,127.0,100,
BORDER,Border,PRK,border,38.0,126.6,1,
OMEGA,Omega,CHN,city,41.8,123.4,300,
PIER,Pier,KOR,port,37.4,126.6,,
QUAY,Quay,CHN,port,39.0,121.7,,
"""
EDGES = """\
a,b,mode,km,gauge,electrified,kmh,wait_h,usd_teu_km,usd_t_km,usd_teu,usd_t,capacity_mt,state,use,open_until,source,verification,note,owner
ALPHA,BORDER,rail,60,1435,,30,,1,0.1,,,,closed,all,2008-11-28,,assumed,,
BORDER,OMEGA,rail,540,1435,,30,,1,0.1,,,5,open,own,,,assumed,,PRK
ALPHA,PIER,road,40,,,40,,1,0.1,,,,open,all,,,assumed,,
PIER,QUAY,sea,500,,,25,,0.2,0.01,,,,open,all,,,assumed,,
QUAY,OMEGA,road,400,,,40,,1,0.1,,,,open,all,,,assumed,,
"""
PROJECT = """\
project: my-line
title: My line
what: It opens the short way.
status: Made up.
edges:
  - {a: ALPHA, b: BORDER, mode: rail, gauge: 1435, set: {state: open}}
  - {a: BORDER, b: OMEGA, mode: rail, gauge: 1435, set: {use: all}}
capex: {low: 100, central: 200, high: 300, in: {PRK: 1.0}}
show: [[ALPHA, OMEGA, electronics]]
sources: [{what: "Nothing but a test", verification: assumed}]
"""


def detente(*words: str) -> Result:
    return CliRunner().invoke(app, ["corridors", *words])


def narrow(text: str) -> bool:
    return all(len(line) <= 80 for line in text.splitlines())


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A network of five places, and a project that opens the way by land."""
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "nodes.csv").write_text(NODES, encoding="utf-8")
    (folder / "edges.csv").write_text(EDGES, encoding="utf-8")
    (tmp_path / "my-line.yaml").write_text(PROJECT, encoding="utf-8")
    return tmp_path


def shown(own: Path, *words: str) -> Result:
    return detente("show", str(own / "my-line.yaml"), "--network", str(own / "net"), *words)


# -- list and help ---------------------------------------------------------------------------
def test_every_project_is_listed() -> None:
    ran = detente("list")
    assert ran.exit_code == 0 and narrow(ran.stdout), ran.stderr
    rows = json.loads(detente("list", "--format", "json").stdout)
    assert [row["name"] for row in rows] == list(project_names())
    for row in rows:
        assert row["name"] in ran.stdout
        assert row["opens"] + row["improves"] > 0
        assert row["capex_low"] <= row["capex_central"] <= row["capex_high"]


@pytest.mark.parametrize("command", ["list", "show", "route", "network"])
def test_every_help_has_an_example(command: str) -> None:
    assert "Example: detente corridors" in detente(command, "--help").stdout


@pytest.mark.parametrize("name", project_names())
def test_every_project_is_shown_in_80_columns(name: str) -> None:
    ran = detente("show", name)
    assert ran.exit_code == 0, ran.stderr
    assert narrow(ran.stdout)
    assert "before" in ran.stdout and "Sources" in ran.stdout and "-o DIR" in ran.stdout


# -- show ------------------------------------------------------------------------------------
def test_the_way_by_hand(own: Path) -> None:
    """Rail 600 km against road 40, sea 500, road 400: km and line costs are sums by hand."""
    ran = shown(own, "--format", "csv")
    assert ran.exit_code == 0, ran.stderr
    table = pd.read_csv(StringIO(ran.stdout)).set_index("when")
    assert table["km"].to_dict() == {"before": 940.0, "after": 600.0}
    assert table.loc["before", "modes"] == "road sea"
    assert table.loc["after", "modes"] == "rail"
    assert "rail 1435 mm Alpha – Border – Omega 600 km" in table.loc["after", "route"]
    # hours: 40/40 + 500/25 + 400/40 = 31 and 600/30 = 20, plus the same loading by land
    network = load_network()
    moves = {(t.a, t.b): t for t in network.transfers}
    port = next(t for k, t in moves.items() if set(k) == {"sea", "road"})
    load = {m: network.modes[m].load_h for m in ("rail", "road")}
    before = (31 + 2 * port.hours + 2 * load["road"]) / 24
    after = (20 + 2 * load["rail"]) / 24
    assert table.loc["before", "days"] == pytest.approx(before)
    assert table.loc["after", "days"] == pytest.approx(after)
    costs = (440 + 100 + 2 * port.usd_teu + 2 * network.modes["road"].load_usd_teu,
             600 + 2 * network.modes["rail"].load_usd_teu)  # fmt: skip
    assert table["usd_per_teu"].tolist() == pytest.approx(list(costs))


def test_the_terminal_says_it_all(own: Path) -> None:
    ran = shown(own)
    assert ran.exit_code == 0 and narrow(ran.stdout), ran.stderr
    for told in (
        "My line (my-line)",
        "USD 200 million (100 to 300); spent in PRK 100 %",
        "Alpha (old town) to Omega, electronics",
        "road Alpha – Pier 40 km; sea Pier – Quay 500 km",
        "What it opens or improves: 2 lines, 600 km",
        "opened to transit",
        "assumed: Nothing but a test",
        "-o DIR",
    ):
        assert " ".join(told.split()) in " ".join(ran.stdout.split())


def test_the_folder_holds_map_and_tables_and_runs_again(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = own / "out"
    ran = shown(own, "-o", str(out), "--format", "json")
    assert ran.exit_code == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["tables"]["routes"][0]["km"] == 940.0
    assert told["project"]["capex_million_usd"]["central"] == 200.0
    svg = (out / "map.svg").read_text(encoding="utf-8")
    assert "<title>My line: ways before and after</title>" in svg
    assert "940 → 600 km" in svg and "Alpha" in svg
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert set(run["files"]) >= {"map.svg", "corridor.json", "tables/routes.parquet"}
    monkeypatch.chdir(out)
    again = CliRunner().invoke(app, [*run["run_again"].split()[1:], "--format", "json"])
    assert again.exit_code == 0, again.stderr
    assert json.loads(again.stdout) == told


def test_the_folder_holds_included_files_and_the_price_of_room(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "a,b,layer,usd_t,source\nPIER,QUAY,sea,50,made up\n"
    edges = EDGES.replace("25,,0.2,0.01,,,,open", "25,,0.2,0.01,,,9,open")
    (own / "net" / "edges.csv").write_text(edges, encoding="utf-8")
    (own / "net" / "scarcity.csv").write_text(lines, encoding="utf-8")
    text = "project: more\ntitle: More\nincludes: [../my-line.yaml]\n"
    text += "show: [[ALPHA, OMEGA, electronics]]\n"
    (own / "sub").mkdir()
    (own / "sub" / "more.yaml").write_text(text, encoding="utf-8")
    words = ("show", str(own / "sub" / "more.yaml"), "--network", str(own / "net"))
    ran = detente(*words, "-o", str(own / "out"), "--format", "json")
    assert ran.exit_code == 0, ran.stderr
    assert {f.name for f in (own / "out" / "projects").iterdir()} == {
        "more.yaml",
        "my-line.yaml",
    }
    run = json.loads((own / "out" / "run.json").read_text(encoding="utf-8"))
    monkeypatch.chdir(own / "out")
    again = CliRunner().invoke(app, [*run["run_again"].split()[1:], "--format", "json"])
    assert again.exit_code == 0, again.stderr
    assert json.loads(again.stdout) == json.loads(ran.stdout)


def test_a_project_without_edges_changes_no_line(own: Path) -> None:
    text = "project: my-line\ntitle: None\nshow: [[ALPHA, OMEGA, electronics]]\n"
    (own / "my-line.yaml").write_text(text, encoding="utf-8")
    ran = shown(own)
    assert ran.exit_code == 0, ran.stderr
    assert "It changes no line." in ran.stdout and "there already" not in ran.stdout


def test_ways_and_pairs_say_what_is_on_the_lines() -> None:
    told = " ".join(detente("show", "tumen-bridge").stdout.split())
    assert told.count("none holds more than its capacity") == 1


def test_on_a_day_when_the_line_was_open_the_project_opens_transit_only(own: Path) -> None:
    ran = shown(own, "--at", "2008-01-01", "--format", "json")
    changes = {r["change"] for r in json.loads(ran.stdout)["tables"]["edges"]}
    assert changes == {"transit"}
    ran = shown(own, "--at", "2009-01-01", "--format", "json")
    changes = {r["change"] for r in json.loads(ran.stdout)["tables"]["edges"]}
    assert changes == {"opened", "transit"}


def test_a_pair_by_name_in_any_case_replaces_the_projects_own(own: Path) -> None:
    ran = shown(own, "--from", "alpha", "--to", "quay", "--sector", "coal", "--format", "csv")
    assert ran.exit_code == 0, ran.stderr
    table = pd.read_csv(StringIO(ran.stdout))
    assert set(table["origin"] + table["destination"]) == {"ALPHAQUAY"}
    assert table["usd_per_teu"].isna().all() and (table["usd_per_tonne"] > 0).all()


def test_third_countries_gain_by_transit_through_the_dprk() -> None:
    ran = detente("show", "rajin-chongjin-ports", "--format", "json")
    pairs = pd.DataFrame(json.loads(ran.stdout)["tables"]["pairs"])
    third = pairs[(pairs["one"] != "PRK") & (pairs["other"] != "PRK")]
    china_japan = third[(third["one"] == "CHN") & (third["other"] == "JPN")].iloc[0]
    assert china_japan["cost_change"] < 0
    assert (pairs["cost_change"] <= 1e-12).all()  # a line more makes nothing dearer
    order = pairs["saved"].to_numpy()
    assert (order[:-1] >= order[1:] - 1e-9).all()


# -- route -----------------------------------------------------------------------------------
def test_ways_and_what_is_next(own: Path) -> None:
    net = str(own / "net")
    ran = detente("route", "Alpha", "omega", "--network", net, "--format", "json")
    assert ran.exit_code == 0, ran.stderr
    ways = {row["way"]: row for row in json.loads(ran.stdout)}
    assert ways["least cost"]["km"] == 940.0
    assert ways["next best"]["km"] is None  # every line of the only way is needed
    both = detente(
        "route", "Alpha", "omega", "--network", net, "--with", str(own / "my-line.yaml"),
        "--format", "json",
    )  # fmt: skip
    ways = {row["way"]: row for row in json.loads(both.stdout)}
    assert ways["least cost"]["km"] == 600.0 and ways["next best"]["km"] == 940.0
    assert ways["without rail"]["km"] == 940.0


def test_the_embedded_ways_are_in_order() -> None:
    for weigh, value in (("cost", "generalised_usd_per_tonne"), ("time", "days")):
        ran = detente("route", "Busan", "Hamburg", "--weigh", weigh, "--format", "json")
        ways = {row["way"]: row for row in json.loads(ran.stdout)}
        best = ways[f"least {weigh}"][value]
        others = [w[value] for w in ways.values() if w[value] is not None]
        assert best == min(others)
        worse = [w[value] for k, w in ways.items() if k.startswith("without") and w[value]]
        assert all(ways["next best"][value] <= other + 1e-9 for other in worse)
    text = detente("route", "Busan", "Hamburg").stdout
    assert narrow(text) and "Least cost" in text


# -- network -----------------------------------------------------------------------------------
def test_the_network_by_country_mode_and_state() -> None:
    ran = detente("network")
    assert ran.exit_code == 0 and narrow(ran.stdout)
    rows = json.loads(detente("network", "--country", "prk", "--format", "json").stdout)
    network = load_network()
    ends = [{network.nodes[r["a"]].country, network.nodes[r["b"]].country} for r in rows]
    assert rows and all("PRK" in both for both in ends)
    closed = json.loads(detente("network", "--state", "closed", "--format", "json").stdout)
    assert {(r["a"], r["b"]) for r in closed} == {
        (e.a, e.b) for e in network.edges if not e.passable
    }
    assert narrow(detente("network", "--country", "PRK", "--mode", "rail").stdout)
    nodes = pd.read_csv(
        StringIO(detente("network", "--table", "nodes", "--format", "csv").stdout)
    )
    assert len(nodes) == len(network.nodes) and not math.isnan(nodes["lat"].sum())


# -- what is refused ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("route", "Seul", "Hamburg"), "Did you mean 'SEOUL'?"),
        (("route", "Seoul", "Seoul"), "one place"),
        (
            ("route", "Seoul", "Hamburg", "--sector", "elctronics"),
            "Did you mean 'electronics'?",
        ),
        (("route", "Seoul", "Hamburg", "--sector", "ships"), "no network carries 'ships'"),
        (("route", "Seoul", "Hamburg", "--with", "tran-korean"), "trans-korean-railway"),
        (("show", "trans-korean-railwy"), "Did you mean 'trans-korean-railway'?"),
        (("show", "trans-korean-railway", "--from", "Seoul"), "--from and --to"),
        (("show", "trans-korean-railway", "--from", "Busan", "--to", "BUSAN"), "place, BUSAN"),
        (("show", "trans-korean-railway", "--at", "2015"), "2015-06-30"),
        (("show", "trans-korean-railway", "--network", "nowhere"), "no folder 'nowhere'"),
        (("network", "--country", "PKR"), "--country"),
        (("network", "--table", "nodes", "--mode", "sea"), "--mode"),
    ],
)
def test_mistakes_are_told_in_words(words: tuple[str, ...], told: str) -> None:
    ran = detente(*words)
    assert ran.exit_code == 2
    assert told in ran.stderr and "Traceback" not in ran.stderr


def test_places_without_a_way_are_told_and_how_far_one_gets(own: Path) -> None:
    edges = EDGES.replace(
        "PIER,QUAY,sea,500,,,25,,0.2,0.01,,,,open", "PIER,QUAY,sea,500,,,25,,0.2,0.01,,,,closed"
    )
    (own / "net" / "edges.csv").write_text(edges, encoding="utf-8")
    ran = detente("route", "Alpha", "Omega", "--network", str(own / "net"))
    assert ran.exit_code == 2
    assert "no route" in ran.stderr and "PIER" in ran.stderr
    table = shown(own, "--format", "csv")
    rows = pd.read_csv(StringIO(table.stdout)).set_index("when")
    assert math.isnan(rows.loc["before", "km"]) and rows.loc["after", "km"] == 600
    assert "no route" in shown(own).stdout
