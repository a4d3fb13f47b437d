"""A world file comes back as it was, or is refused with the reason."""

import io
import json
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from detente.errors import WorldError
from detente.world.io import FORMAT_VERSION, load_world_file, read_header, save_world
from hypothesis_profiles import examples
from worlds import random_world, worlds


@pytest.fixture
def world():
    return random_world(3, 4, 3, zeros=0.3, dormant=True).with_(
        country_names=("Ängland", "B", "C", "D"),
        meta={"title": "한국", "vintage": 2018, "blocks": {"flows": "observed"}, "t": (1, 2)},
    )


@pytest.fixture
def file(world, tmp_path):
    return save_world(world, tmp_path / "korea.npz")


def rewrite(file: Path, edit) -> Path:
    """The same zip after ``edit(members)``: a mapping of member name to bytes."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    edit(members)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file


def npy(array, **kwargs) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **kwargs)
    return buffer.getvalue()


def edit_header(**changes):
    def edit(members):
        raw = np.load(io.BytesIO(members["header.npy"]))
        header = json.loads(raw.tobytes()) | changes
        members["header.npy"] = npy(np.frombuffer(json.dumps(header).encode(), np.uint8))

    return edit


SLOW_FIXTURE = [HealthCheck.function_scoped_fixture]


@settings(max_examples=examples(25), suppress_health_check=SLOW_FIXTURE)
@given(world=worlds(dormant=True))
def test_round_trip(world, tmp_path):
    back = load_world_file(save_world(world, tmp_path / "w.npz"))
    assert back.content_hash == world.content_hash
    for name, array in world.arrays().items():
        assert np.array_equal(back.arrays()[name], array)
        assert not back.arrays()[name].flags.writeable


def test_names_and_metadata_come_back(world, file):
    back = load_world_file(file)
    assert back.country_names == world.country_names
    assert back.meta["title"] == "한국"
    assert back.meta["t"] == [1, 2]
    assert set(back.dormant) == {"normal", "as_before"}
    assert read_header(file)["content_hash"] == world.content_hash


def test_same_world_same_bytes(world, file, tmp_path):
    with zipfile.ZipFile(file) as archive:
        assert {i.date_time for i in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert save_world(world, tmp_path / "again.npz").read_bytes() == file.read_bytes()
    reloaded = load_world_file(file)
    assert save_world(reloaded, tmp_path / "third.npz").read_bytes() == file.read_bytes()


def test_plain_numpy_reads_the_arrays_without_pickle(world, file):
    with np.load(file, allow_pickle=False) as arrays:
        assert np.array_equal(arrays["flows"], world.flows)


def test_metadata_that_no_file_could_hold_are_refused_at_once(world):
    with pytest.raises(WorldError, match="keys that are not text"):
        world.with_(meta={"x": {1: 2, "1": 3}})
    with pytest.raises(WorldError, match="not JSON-able"):
        world.with_(meta={"x": object()})


def test_a_full_disk_leaves_the_old_file_and_no_rubbish(world, file, tmp_path, monkeypatch):
    before = file.read_bytes()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(WorldError, match=r"cannot be written \(No space left"):
        save_world(world, file)
    assert file.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["korea.npz"]


def test_no_folder(world, tmp_path):
    with pytest.raises(WorldError, match=r"folder .*nowhere' does not exist"):
        save_world(world, tmp_path / "nowhere" / "w.npz")


def refused(file, *parts):
    with pytest.raises(WorldError) as caught:
        load_world_file(file)
    for part in (str(file), *parts):
        assert part in str(caught.value)
    assert caught.value.exit_status == 2


def test_missing_file_names_the_nearest(file, tmp_path):
    refused(tmp_path / "koera.npz", "no such file", f"Did you mean '{file}'?")
    refused(tmp_path / "x" / "korea.npz", "nor a folder")
    refused(tmp_path, "it is a folder")


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"scenario: Korea opens\n", b"\x93NUMPY\x01\x00"]
)
def test_not_a_zip(tmp_path, content):
    path = tmp_path / "w.npz"
    path.write_bytes(content)
    refused(path, "not a zip")


@pytest.mark.parametrize("keep", [0.05, 0.5, 0.95, 0.999])
def test_truncated(file, keep):
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * keep)])
    refused(file, "truncated or damaged", "Build the world again")


@pytest.mark.parametrize("seed", range(40))
def test_any_flipped_byte_is_refused_or_harmless(world, file, seed):
    """Every byte that matters is covered by a checksum; none leads to another world."""
    data = bytearray(file.read_bytes())
    position = int(np.random.default_rng(seed).integers(len(data)))
    data[position] ^= 0x55
    file.write_bytes(bytes(data))
    try:
        back = load_world_file(file)
    except WorldError as error:
        assert str(file) in str(error)
    else:
        assert back.content_hash == world.content_hash


def test_another_version_says_both(file):
    rewrite(file, edit_header(version=FORMAT_VERSION + 6))
    refused(file, f"version {FORMAT_VERSION + 6}", f"reads version {FORMAT_VERSION}")


def test_hand_edited_array(world, file):
    flows = np.array(world.flows)
    flows[0, 0, 0] *= 1.0001
    rewrite(file, lambda members: members.update({"flows.npy": npy(flows)}))
    refused(file, "changed by hand or damaged", "World.with_")


def test_hand_edited_header(file):
    rewrite(file, edit_header(name="my korea"))
    refused(file, "changed by hand or damaged")


def test_edited_into_something_that_is_no_world(world, file):
    flows = -np.array(world.flows)
    rewrite(file, lambda members: members.update({"flows.npy": npy(flows)}))
    refused(file, "'flows' of s00", "is negative")


def test_another_programs_npz(tmp_path, world):
    path = tmp_path / "mine.npz"
    np.savez(path, flows=world.flows)
    refused(path, "no detente header")


@pytest.mark.parametrize("name", ["tariff", "dormant/normal"])
def test_missing_array(file, name):
    rewrite(file, lambda members: members.pop(f"{name}.npy"))
    refused(file, f"'{name}' is missing")


def test_extra_member(file):
    rewrite(file, lambda members: members.update({"evil.npy": npy(np.zeros(1))}))
    refused(file, "'evil', which it should not")


class Bomb:
    def __reduce__(self):
        return (sys.exit, (99,))


def test_object_arrays_are_not_unpickled(file):
    bad = npy(np.array([Bomb()], dtype=object), allow_pickle=True)
    rewrite(file, lambda members: members.update({"flows.npy": bad}))
    refused(file, "holds Python objects")
    rewrite(file, lambda members: members.update({"header.npy": bad}))
    refused(file, "holds Python objects")


def test_wrong_type_and_lying_shape(world, file):
    rewrite(file, lambda m: m.update({"flows.npy": npy(world.flows.astype("f4"))}))
    refused(file, "float32")
    honest = npy(world.flows)
    lying = honest.replace(b"(3, 4, 4)", b"(9, 9, 9)")
    rewrite(file, lambda members: members.update({"flows.npy": lying}))
    refused(file, "another size than it says")


def test_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "bomb.npz"
    chunk = bytes(2**24)
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("flows.npy", "w", force_zip64=True) as member,
    ):
        member.write(chunk)
    # Declare 5 GB in the directory instead of writing them.
    data = path.read_bytes()
    size = len(chunk).to_bytes(4, "little")
    at = data.index(b"PK\x01\x02") + 24
    assert data[at : at + 4] == size
    fake = (4_000_000_000).to_bytes(4, "little")
    path.write_bytes(data[:at] + fake + data[at + 4 :])
    start = time.perf_counter()
    refused(path, "would unpack to 4.0 GB", "may hold 2.1 GB")
    assert time.perf_counter() - start < 1.0


@pytest.mark.parametrize("field", ["meta", "countries", "arrays"])
def test_header_of_the_wrong_kind(file, field):
    rewrite(file, edit_header(**{field: 7}))
    refused(file)
