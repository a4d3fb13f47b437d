"""The network: files, owners, projects and how they combine, past days, a world's regions."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import pytest

from corridornets import FILES, MODES, edge, folder, net
from detente.corridors.catalogue import load_network, load_project, project_names
from detente.corridors.network import Network
from detente.corridors.project import Project
from detente.errors import InputError


# -- reading --------------------
def test_reads_what_stands_in_the_files(tmp_path):
    network = load_network(folder(tmp_path))
    line = network.edge("BBB", "AAA", "rail1435")
    assert (line.km, line.kmh, line.wait_h, line.capacity_mt) == (200, 60, 12, 5)
    assert (line.state, line.electrified, line.open_until) == (
        "closed",
        True,
        date(2008, 11, 28),
    )
    assert line.usd_teu_km == 0.4  # the mode's, since the cell is blank
    other = network.edge("BBB", "CCC", "rail1435")
    assert (other.usd_teu_km, other.usd_t_km_dry, other.usd_t_km_liquid) == (0.5, 0.03, 0.03)
    assert other.capacity_mt == math.inf
    assert network.nodes["BBB"].mass == 0
    assert network.edge("AAA", "DDD", "sea") is None


def test_modes_and_transfers_may_be_left_out_of_a_folder(tmp_path):
    (tmp_path / "nodes.csv").write_text(FILES["nodes.csv"], encoding="utf-8")
    (tmp_path / "edges.csv").write_text(FILES["edges.csv"], encoding="utf-8")
    assert dict(load_network(tmp_path).modes) == dict(load_network().modes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"edges": ("AAA,BBB", "AAB,BBB")}, ["edges.csv, line 2, key 'a'", "mean 'AAA'"]),
        (
            {"edges": ("rail,220,1435", "rail,220,1000")},
            ["line 3, key 'gauge'", "1435 or 1520"],
        ),
        ({"edges": ("sea,900,", "sea,900,1435")}, ["line 4, key 'gauge'", "no gauge"]),
        ({"edges": ("rail,200", "rail,-200")}, ["line 2, key 'km'", "-200 is below 0"]),
        ({"edges": ("rail,200", "rail,")}, ["line 2, key 'km'", "empty"]),
        ({"edges": ("rail,200", "rail,200 km")}, ["line 2, key 'km'", "no number"]),
        ({"edges": (",1,5,closed", ",1,-5,closed")}, ["line 2, key 'capacity_mt'", "-5"]),
        ({"edges": ("yes,60", "yes,0")}, ["line 2, key 'kmh'", "above zero"]),
        ({"edges": ("closed", "shut")}, ["line 2, key 'state'", "shut"]),
        ({"edges": ("2008-11-28", "28.11.2008")}, ["line 2, key 'open_until'", "2016-02-10"]),
        ({"edges": ("capacity_mt", "capacity")}, ["capacity_mt", "mean 'capacity'"]),
        ({"edges": ("CCC,DDD,road,700,", "BBB,AAA,rail,700,1435")}, ["line 5", "line 2"]),
        ({"edges": ("CCC,DDD", "CCC,CCC")}, ["line 5", "to itself"]),
        ({"edges": ("road,700", "rood,700")}, ["line 5, key 'mode'", "mean 'road'"]),
        ({"nodes": ("BBB,Be", "AAA,Be")}, ["nodes.csv, line 3", "line 2"]),
        ({"nodes": ("35,129", "95,129")}, ["line 2, key 'lat'", "-90 and 90"]),
        ({"nodes": ("KOR", "Korea")}, ["line 2, key 'country'", "ISO3"]),
        ({"nodes": ("129,10", "129,-10")}, ["line 2, key 'mass'", "below 0"]),
        ({"nodes": ("kind", "sort")}, ["kind", "missing"]),
        ({"modes": ("rail,50", "rail,0")}, ["modes.csv, line 3, key 'kmh'", "above zero"]),
        ({"modes": ("road,50", "sea,50")}, ["modes.csv, line 4", "second row"]),
        ({"transfers": ("sea,road", "rail1435,sea")}, ["transfers.csv, line 3", "either way"]),
        (
            {"transfers": ("sea,road", "sea,rail")},
            ["line 3, key 'to'", "no known layer", "'rail1"],
        ),
    ],
)
def test_mistakes_have_a_place(tmp_path, changes, words):
    with pytest.raises(InputError) as caught:
        load_network(folder(tmp_path, **changes))
    for word in words:
        assert word in str(caught.value)


def test_no_such_folder():
    with pytest.raises(InputError, match="no folder"):
        load_network("nowhere/at/all")


# -- whose an edge for own use is --------------------
def own_net(*edges):
    return net({"S": "KOR", "P": "PRK", "Q": "PRK", "D": "CHN", "E": "CHN"}, list(edges))


def test_an_own_edge_across_a_border_is_of_the_country_with_own_edges_inside():
    found = own_net(edge("P", "Q", "road", 1, use="own"), edge("Q", "D", "road", 1, use="own"))
    assert {e.owner for e in found.edges} == {"PRK"}
    assert found.edge("D", "Q", "road").owners == {"PRK"}


def test_an_owner_may_be_named_and_there_may_be_several():
    found = own_net(edge("Q", "D", "road", 1, use="own", owner="CHN+KOR"))
    assert found.edges[0].owners == {"CHN", "KOR"}
    assert edge("Q", "D", "road", 1, owner="CHN").owners == frozenset()


@pytest.mark.parametrize("inside", [[], [("P", "Q"), ("D", "E")]])
def test_an_owner_that_is_not_clear_has_to_be_named(inside):
    more = [edge(a, b, "road", 1, use="own") for a, b in inside]
    with pytest.raises(InputError, match=r"D–Q \(road\).*PRK or CHN|Q–D.*column 'owner'"):
        own_net(edge("Q", "D", "road", 1, use="own"), *more)


# -- content --------------------
def test_the_hash_does_not_hang_on_the_order_of_rows_or_ends(tmp_path):
    network = load_network(folder(tmp_path))
    turned = [replace(e, a=e.b, b=e.a, note="other words") for e in reversed(network.edges)]
    nodes = dict(reversed(network.nodes.items()))
    transfers = tuple(replace(t, a=t.b, b=t.a) for t in reversed(network.transfers))
    same = Network(nodes, tuple(turned), network.modes, transfers)
    assert same.content_hash == network.content_hash


@pytest.mark.parametrize(
    "change",
    [{"km": 201.0}, {"wait_h": 1.0}, {"state": "open"}, {"capacity_mt": 6.0}, {"usd_t": 2.0}],
)
def test_the_hash_hangs_on_every_figure(tmp_path, change):
    network = load_network(folder(tmp_path))
    first, *rest = network.edges
    other = Network(
        network.nodes, (replace(first, **change), *rest), network.modes, network.transfers
    )
    assert other.content_hash != network.content_hash


def test_an_edge_to_nowhere_and_an_edge_twice():
    with pytest.raises(InputError, match="no place 'Z'"):
        net({"A": "KOR"}, [edge("A", "Z", "road", 1)])
    with pytest.raises(InputError, match="twice"):
        net({"A": "KOR", "B": "KOR"}, [edge("A", "B", "road", 1), edge("B", "A", "road", 2)])


# -- past days --------------------
@pytest.mark.parametrize(
    ("day", "state"),
    [("2008-11-27", "open"), ("2008-11-28", "open"), ("2008-11-29", "closed")],
)
def test_as_of(tmp_path, day, state):
    past = load_network(folder(tmp_path)).as_of(date.fromisoformat(day))
    assert past.edge("AAA", "BBB", "rail1435").state == state
    assert past.edge("CCC", "BBB", "rail1435").state == "open"


# -- projects --------------------
def project(name: str, *edges, includes=()) -> Project:
    return Project.model_validate(
        {"project": name, "title": name, "edges": list(edges)}
    ).including(tuple(includes))


def setting(a, b, mode="rail", gauge=1435, **values):
    found = {"a": a, "b": b, "mode": mode, "set": values}
    return found if gauge is None else {**found, "gauge": gauge}


def adding(a, b, mode="road", gauge=None, **values):
    found = {"a": a, "b": b, "mode": mode, "add": values}
    return found if gauge is None else {**found, "gauge": gauge}


@pytest.fixture
def small(tmp_path):
    return load_network(folder(tmp_path))


def test_a_project_that_states_nothing_changes_nothing(small):
    after = small.with_project(project("none"))
    assert after.content_hash == small.content_hash


def test_what_is_stated_of_a_closed_edge_replaces_its_own_figures(small):
    opens = project("p", setting("BBB", "AAA", state="open", kmh=40, wait_h=24, capacity_mt=9))
    line = small.with_project(opens).edge("AAA", "BBB", "rail1435")
    assert (line.state, line.kmh, line.wait_h, line.capacity_mt) == ("open", 40, 24, 9)
    assert (line.usd_teu, line.electrified) == (30, True)  # not stated: stays


def test_on_an_open_edge_the_better_value_holds(small):
    changed = project(
        "p", setting("BBB", "CCC", kmh=40, wait_h=1, usd_t_km=0.02, capacity_mt=9)
    )
    line = small.with_project(changed).edge("CCC", "BBB", "rail1435")
    assert (line.kmh, line.wait_h, line.capacity_mt) == (50, 1, math.inf)
    assert (line.usd_t_km_dry, line.usd_t_km_liquid, line.usd_teu_km) == (0.02, 0.02, 0.5)


def test_an_edge_is_added_with_the_modes_figures(small):
    found = small.with_project(project("p", adding("AAA", "DDD", km=10, kmh=80)))
    added = found.edge("AAA", "DDD", "road")
    assert (added.km, added.kmh, added.usd_teu_km, added.state) == (10, 80, 1.0, "open")
    assert len(found.edges) == len(small.edges) + 1


def test_speed_overrides_the_projects_own_but_not_at_sea(small):
    sets = project(
        "p",
        setting("AAA", "BBB", state="open", kmh=40),
        setting("CCC", "AAA", "sea", None, wait_h=0),
        adding("AAA", "DDD", km=10),
    )
    found = small.with_project(sets, speed=100)
    assert found.edge("AAA", "BBB", "rail1435").kmh == 100
    assert found.edge("AAA", "DDD", "road").kmh == 100
    assert found.edge("AAA", "CCC", "sea").kmh == 20
    with pytest.raises(InputError, match="not positive"):
        small.with_project(sets, speed=0)


def test_order_and_repetition_of_projects_do_not_matter(small):
    projects = [
        project("opens", setting("AAA", "BBB", state="open")),
        project("limits", setting("AAA", "BBB", state="open", capacity_mt=3, wait_h=2)),
        project("widens", setting("AAA", "BBB", capacity_mt=8, kmh=30)),
        project("builds", adding("AAA", "DDD", km=10, use="own", owner="KOR")),
        project("too", adding("DDD", "AAA", km=12, wait_h=1, kmh=90)),
    ]
    hashes = set()
    for order in itertools.permutations(projects):
        found = small
        for each in (*order, order[0]):
            found = found.with_project(each)
        hashes.add(found.content_hash)
    assert len(hashes) == 1
    line, built = found.edge("AAA", "BBB", "rail1435"), found.edge("AAA", "DDD", "road")
    assert (line.state, line.capacity_mt, line.wait_h, line.kmh) == ("open", 8, 2, 30)
    assert (built.km, built.wait_h, built.kmh, built.use) == (10, 0, 90, "all")


def test_a_past_day_and_a_project_commute(small):
    opens = project("p", setting("AAA", "BBB", state="open", wait_h=24))
    for day in (date(2005, 1, 1), date(2020, 1, 1)):
        one = small.as_of(day).with_project(opens)
        other = small.with_project(opens).as_of(day)
        assert one.content_hash == other.content_hash
    # on a line that was open the 12 hours that it had were the better
    assert one.edge("AAA", "BBB", "rail1435").wait_h == 24
    then = small.as_of(date(2005, 1, 1)).with_project(opens)
    assert then.edge("AAA", "BBB", "rail1435").wait_h == 12


def test_included_projects_come_along_once(small):
    builds = project("builds", adding("AAA", "DDD", km=10))
    one = project("one", setting("AAA", "DDD", "road", None, kmh=70), includes=[builds])
    two = project("two", setting("AAA", "BBB", state="open"), includes=[builds, one])
    assert [p.project for p in two.closure] == ["builds", "one", "two"]
    found = small.with_project(two)
    assert found.edge("AAA", "DDD", "road").kmh == 70
    assert found.edge("AAA", "BBB", "rail1435").state == "open"
    with pytest.raises(InputError, match="not in the network"):
        small.with_project(project("alone", setting("AAA", "DDD", "road", None, kmh=70)))


# -- project files --------------------
FILE = """project: open-it
title: Open it
includes: []
edges:
  - {a: AAA, b: BBB, mode: rail, gauge: 1435, set: {state: open, capacity_mt: 5}}
  - {a: AAA, b: DDD, mode: road, add: {km: 10}}
capex: {low: 10, central: 20, high: 30, in: {PRK: 1.0}, note: made up}
show:
  - [AAA, CCC, textiles]
sources:
  - {what: made up, verification: assumed}
"""


def write(tmp_path, old="", new=""):
    assert old in FILE
    path = tmp_path / "mine.yaml"
    path.write_text(FILE.replace(old, new, 1) if old else FILE, encoding="utf-8")
    return path


def test_a_file_of_ones_own_on_a_network_of_ones_own(tmp_path, small):
    found = load_project(write(tmp_path), small)
    assert found.capex.central == 20
    assert found.capex.in_ == {"PRK": 1.0}
    assert found.show == (("AAA", "CCC", "textiles"),)
    assert small.with_project(found).edge("AAA", "BBB", "rail1435").capacity_mt == 5


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("{a: AAA, b: BBB", "{a: AAB, b: BBB", ["line 5, key 'edges.a'", "mean 'AAA'"]),
        ("b: BBB, mode: rail, gauge: 1435", "b: CCC, mode: road", ["line 5", "there is sea"]),
        ("gauge: 1435, set", "gauge: 1520, set", ["line 5", "rail1520", "rail1435"]),
        ("gauge: 1435, set", "set", ["line 5", "needs a gauge"]),
        ("gauge: 1435, set", "gauge: 1000, set", ["line 5", "no gauge: 1435 or 1520"]),
        ("mode: road, add", "mode: road, gauge: 1435, add", ["line 6", "has no gauge"]),
        ("capacity_mt: 5", "capacity_mt: -5", ["line 5", "capacity_mt", "-5 is negative"]),
        ("capacity_mt: 5", "capacity_mt: 5 Mt", ["line 5", "is not a number"]),
        ("capacity_mt: 5", "kmh: 0", ["line 5", "not above zero"]),
        ("capacity_mt: 5", "capacity: 5", ["unknown key 'capacity'", "mean 'capacity_mt'"]),
        ("state: open", "state: closed", ["closes nothing"]),
        ("add: {km: 10}", "add: {kmh: 10}", ["line 6", "'km' is missing"]),
        ("add: {km: 10}", "add: {km: -1}", ["line 6", "-1 is negative"]),
        ("add: {km: 10}", "add: {km: 10}, set: {kmh: 5}", ["line 6", "either 'set' or 'add'"]),
        ("a: AAA, b: DDD, mode: road", "a: CCC, b: DDD, mode: road", ["already: write 'set'"]),
        ("low: 10", "low: 25", ["line 7", "not in this order"]),
        ("PRK: 1.0", "PRK: 0.5", ["sum to 0.5"]),
        ("PRK: 1.0", "PRX: 1.0", ["mine.yaml, line 7, key 'capex.in.PRX'", "mean 'PRK'"]),
        ("PRK: 1.0", "PRK: 0.5, KAZ: 0.5", ["line 7, key 'capex.in.KAZ'", "no country"]),
        ("CCC, textiles", "CCC, textils", ["line 9, key 'show'", "mean 'textiles'"]),
        ("[AAA, CCC", "[CCC, CCC", ["line 9, key 'show'", "one place, CCC"]),
        ("[AAA, CCC", "[AAA, XXX", ["line 9, key 'show'", "no place 'XXX'"]),
        ("includes: []", "includes: [no-such]", ["line 3", "no project 'no-such'"]),
        ("includes: []", "includes: [mine.yaml]", ["includes itself"]),
        ("project: open-it", "project: Open it", ["line 1", "no name"]),
        ("title:", "titel:", ["line 2", "mean 'title'"]),
        ("verification: assumed", "verification: sure", ["line 11", "verification"]),
    ],
)
def test_mistakes_in_a_project_have_a_place(tmp_path, small, old, new, words):
    with pytest.raises(InputError) as caught:
        load_project(write(tmp_path, old, new), small)
    for word in words:
        assert word in str(caught.value)


def test_projects_that_include_each_other_are_named_in_their_order(tmp_path, small):
    spelt = f"../{tmp_path.name}/p7.yaml"  # another spelling of the same path
    for name, other in (("p5", "p6.yaml"), ("p6", spelt), ("p7", "p6.yaml")):
        text = f"project: {name}\ntitle: A ring\nincludes: [{other}]\n"
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_project(tmp_path / "p5.yaml", small)
    told = str(caught.value)
    assert "p7.yaml, line 3, key 'includes'" in told
    assert "'p6.yaml' → 'p7.yaml' → 'p6.yaml'" in told and "p5" not in told.partition("ring")[2]


def test_where_every_embedded_project_is_spent_is_stated():
    for name in project_names():
        capex = load_project(name).capex
        assert capex is not None and math.fsum(capex.in_.values()) == pytest.approx(1)
    assert "CHN" not in load_project("bri").capex.in_  # its cost is that outside China


def test_a_project_does_not_make_an_open_edge_worse(tmp_path, small):
    old = "b: BBB, mode: rail, gauge: 1435, set: {state: open, capacity_mt: 5}"
    path = write(tmp_path, old, "b: CCC, mode: sea, set: {kmh: 10}")
    with pytest.raises(
        InputError, match=r"line 5, .*kmh 10 is worse than what is there \(20\)"
    ):
        load_project(path, small)


def test_a_pair_to_show_that_stays_without_a_route_is_refused(tmp_path):
    lost = tmp_path / "net"
    lost.mkdir()
    network = load_network(folder(lost, nodes=("DDD,De", "EEE,Ee,CHN,city,30,110,1,\nDDD,De")))
    path = write(tmp_path, "[AAA, CCC", "[AAA, EEE")
    with pytest.raises(InputError) as caught:
        load_project(path, network)
    told = str(caught.value)
    assert "line 9, key 'show'" in told
    assert "even with the project, there is no route from AAA to EEE" in told
    assert "km from it" in told


def test_an_unknown_project_has_a_nearest():
    with pytest.raises(InputError, match="there is no project"):
        load_project("no-such-thing-anywhere")
    if "trans-korean-railway" in project_names():
        with pytest.raises(InputError, match="mean 'trans-korean-railway'"):
            load_project("trans-korean-railways")


def test_every_embedded_project_is_valid():
    assert project_names()
    for name in project_names():
        assert load_project(name).project == name


# -- a world's regions --------------------
def test_regions_are_shares_of_mass_by_country_and_member(small):
    world = SimpleNamespace(
        countries=("KOR", "CHX", "JPN", "PRK"), meta={"members": {"CHX": ["CHN", "HKG"]}}
    )
    assert small.regions(world) == {
        "KOR": (("AAA", 1.0),),
        "CHX": (("CCC", 0.75), ("DDD", 0.25)),
    }


def test_modes_are_used_as_they_are():
    assert net({"A": "KOR"}, []).modes == MODES
