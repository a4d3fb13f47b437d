"""Worlds are found by name or path; what is not there is named with its nearest."""

import pytest

from detente.errors import WorldError
from detente.world import catalogue
from detente.world.io import save_world
from worlds import random_world


@pytest.fixture
def embedded(tmp_path, monkeypatch):
    """Four small worlds in place of the embedded ones."""
    folder = tmp_path / "worlds"
    folder.mkdir()
    for seed, name in enumerate(("korea", "korea-before", "korea-bok", "korea-before-bok")):
        world = random_world(seed, 3, 2).with_(name=name, meta={"title": f"T {name}"})
        save_world(world, folder / f"{name}.npz")
    monkeypatch.setattr(catalogue, "_folder", lambda: folder)
    return folder


def test_names_and_sizes(embedded):
    assert catalogue.load_world("korea").name == "korea"
    assert catalogue.load_world("korea", dprk_size="bok").name == "korea-bok"
    assert catalogue.load_world("korea-bok", dprk_size="bok").name == "korea-bok"
    assert catalogue.load_world("korea-before", "bok").name == "korea-before-bok"


def test_paths(embedded):
    for path in (embedded / "korea.npz", str(embedded / "korea.npz")):
        assert catalogue.load_world(path).name == "korea"
    with pytest.raises(WorldError, match="is for embedded worlds"):
        catalogue.load_world(embedded / "korea.npz", dprk_size="bok")


def test_the_list(embedded):
    table = catalogue.list_worlds().set_index("name")
    assert table.index[0] == "korea"
    assert len(table) == 4
    row = table.loc["korea-before"]
    assert (row.title, row.countries, row.sectors) == ("T korea-before", 3, 2)
    assert catalogue.load_world("korea-before").content_hash.startswith(row.hash)


def test_unknown_names(embedded):
    with pytest.raises(WorldError, match=r"no world 'koera' .*Did you mean 'korea'\?"):
        catalogue.load_world("koera")
    with pytest.raises(WorldError, match="unknown dprk_size 'UNO'; there are 'un' and 'bok'"):
        catalogue.load_world("korea", "UNO")
    with pytest.raises(WorldError, match=r"Did you mean '.*korea.npz'\?"):
        catalogue.load_world(embedded / "korae.npz")


def test_an_installation_without_worlds(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "_folder", lambda: tmp_path / "worlds")
    assert catalogue.list_worlds().empty
    with pytest.raises(WorldError, match="no embedded worlds"):
        catalogue.load_world("korea")
