"""Aggregation maps: what they say, what they refuse, and that nothing gets lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.assembly.aggregation import aggregate_table, named_maps, named_table, read_map
from detente.errors import InputError
from io_tables import COUNTRIES, SECTORS, table


def write(tmp_path, text):
    path = tmp_path / "map.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def groups(tmp_path, text):
    return read_map(write(tmp_path, text)).groups(table())


def refused(tmp_path, text):
    with pytest.raises(InputError) as caught:
        groups(tmp_path, text)
    return caught.value


def test_groups_come_in_the_maps_order_then_what_is_kept(tmp_path):
    text = (
        "countries:\n  West: [USA, DEU]\n  Asia: [CHN]\nrest: keep\nnames: {West: The West}\n"
    )
    countries, sectors = groups(tmp_path, text)
    assert countries.labels == ("West", "Asia", "FRA", "ROW")
    assert countries.names == ("The West", "China", "France", "Rest of the world")
    assert countries.members(COUNTRIES)["West"] == ("DEU", "USA")
    assert sectors.labels == SECTORS


def test_the_rest_can_go_into_one_group_by_axis(tmp_path):
    text = "countries: {Asia: [CHN]}\nsectors: {goods: [A01, C10T12]}\n"
    countries, sectors = groups(tmp_path, text + "rest: {countries: OTH, sectors: keep}\n")
    assert countries.labels == ("Asia", "OTH")
    assert sectors.labels == ("goods", "C29", "G")
    countries, _ = groups(tmp_path, "countries: {Asia: [CHN], OTH: [ROW]}\nrest: OTH\n")
    assert countries.members(COUNTRIES) == {
        "Asia": ("CHN",),
        "OTH": ("DEU", "FRA", "ROW", "USA"),
    }


@pytest.mark.parametrize(
    ("text", "line", "key", "near", "says"),
    [
        ("countries:\n  EU: [DEU, FRX]\nrest: keep\n", 2, "EU", "FRA", "no country"),
        ("sectors:\n  a:\n    - A01\n    - C92\nrest: keep\n", 4, "a", "C29", "no sector"),
        ("countries:\n  A: [DEU]\n  B: [FRA, DEU]\nrest: keep\n", 3, "B", None, "already"),
        ("countries:\n  A: [DEU]\n", 1, None, None, "in no group"),
        ("country:\n  A: [DEU]\n", 1, "country", "countries", "no such key"),
        ("countries: {A: []}\nrest: keep\n", 1, "A", None, "empty"),
        ("countries: {A: [DEU]}\ncountries: {B: [FRA]}\n", 2, "countries", None, "twice"),
        ("countries: [DEU]\n", 1, None, None, "mapping"),
        ("countries: {A: [DEU]}\nrest: {country: keep}\n", 2, "country", "countries", "axis"),
        ("countries: {FRA: [DEU]}\nrest: keep\n", 1, "FRA", None, "group's name"),
        ("countries: {A: [DEU]}\nrest: keep\nnames: {AA: x}\n", 3, "AA", "A", "names no"),
        ("countries: {A: [DEU\n", 2, None, None, "no valid YAML"),
        ("names: {A: x}\n", None, None, None, "neither"),
    ],
)
def test_every_error_says_where_and_what_is_nearest(tmp_path, text, line, key, near, says):
    error = refused(tmp_path, text)
    assert says in error.what
    assert error.place.line == line
    assert error.nearest == near
    if key:
        assert error.place.key == key
    assert error.place.file.endswith("map.yaml")


def test_a_name_that_is_none_is_refused_with_the_nearest():
    with pytest.raises(InputError, match=r"no map 'corea'.*Did you mean 'korea'"):
        read_map("corea")
    with pytest.raises(InputError, match="no file"):
        read_map("nowhere.yaml")


def test_the_map_korea_is_the_tables_of_the_embedded_worlds():
    """22 economies and 25 sectors, from economies.csv and sectors.csv themselves."""
    found = read_map("korea")
    by_code = {row[0]: row[1] for row in named_table("economies.csv")}
    assert len(found.countries.groups) == len(set(by_code.values())) == 22
    assert len(found.sectors.groups) == 25
    for group, members in found.countries.groups.items():
        assert all(by_code[code] == group for code, _ in members)
    assert set(named_maps()) >= {"korea", "eu27"}


def test_the_map_eu27_takes_the_members_that_there_are():
    countries, _ = read_map("eu27").groups(table())
    assert countries.labels == ("EU27", "CHN", "ROW", "USA")
    assert countries.names[0] == "European Union (27)"


@given(st.lists(st.integers(0, 2), min_size=5, max_size=5), st.integers(0, 3))
def test_adding_up_keeps_every_total_and_identity(target, seed):
    """Whatever the groups: sums over the world stay, and so do the identities."""
    before = table(seed=seed)
    text = "countries:\n"
    for g in sorted(set(target)):
        codes = [c for c, t in zip(COUNTRIES, target, strict=True) if t == g]
        text += f"  G{g}: [{', '.join(codes)}]\n"
    text += "sectors: {goods: [A01, C10T12, C29], services: [G]}\n"
    from detente.assembly.aggregation import _parse  # a map without a file

    after = aggregate_table(before, *_parse(text, "map", None).groups(before))
    for key in ("intermediate", "final", "inventories", "input_use", "output", "value_added"):
        assert getattr(after, key).sum() == pytest.approx(getattr(before, key).sum(), rel=1e-12)
    assert max(after.identities().values()) < 1e-9
    np.testing.assert_allclose(
        after.input_use.sum(axis=1), after.intermediate.sum(axis=1), rtol=1e-12
    )
