"""Originals are opened as what they are, and what is broken, hostile or absent says so."""

from __future__ import annotations

import copy
import gzip
import hashlib
import io
import os
import struct
import threading
import time
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.errors import InputError
from detente.sources.files import Limits, atomic, is_zip, members, opened, sha256
from hypothesis_profiles import examples

TEXT = b"t,i,j,k,v\n1995,4,24,841510,0.085\n" * 200


def zipped(path: Path, contents: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return path


def read(path: Path, member: str | None = None, limits: Limits | None = None) -> bytes:
    with opened(path, member, limits=limits or Limits()) as stream:
        return stream.read()


def refused(path: Path, member: str | None = None, limits: Limits | None = None) -> str:
    with pytest.raises(InputError) as error:
        read(path, member, limits)
    assert error.value.exit_status == 2
    assert str(path) in str(error.value)
    return str(error.value)


# -- what should work --------------------------------------------------------------------
@given(rest=st.binary(max_size=5000))
def test_the_same_bytes_from_every_wrapping(rest: bytes, tmp_path_factory) -> None:
    data = b"a" + rest  # what begins like an archive is one
    folder = tmp_path_factory.mktemp("same")
    (folder / "a.csv").write_bytes(data)
    (folder / "a.csv.gz").write_bytes(gzip.compress(data))
    zipped(folder / "a.zip", {"a.csv": data})
    for name in ("a.csv", "a.csv.gz", "a.zip"):
        assert read(folder / name) == data
        assert read(folder / name, None if name.endswith("gz") else "a.csv") == data


def test_a_stream_can_go_back(tmp_path: Path) -> None:
    """Readers of Excel and Stata files look at the end first."""
    path = zipped(tmp_path / "a.zip", {"a.csv": TEXT})
    with opened(path) as stream:
        stream.seek(-10, os.SEEK_END)
        assert stream.read() == TEXT[-10:]
        stream.seek(0)
        assert stream.readline() == b"t,i,j,k,v\n"


def test_members_without_folders_and_what_systems_add(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "a.zip",
        {"d/": b"", "d/a.csv": TEXT, "__MACOSX/d/._a.csv": b"x", "d/.DS_Store": b"x"},
    )
    assert members(path) == ("d/a.csv",)
    assert read(path) == read(path, "a.csv") == read(path, "d/a.csv") == TEXT
    assert is_zip(path)
    plain = tmp_path / "b.csv"
    plain.write_bytes(TEXT)
    assert members(plain) == ("b.csv",)
    assert not is_zip(plain)


def test_excel_is_a_zip_that_is_left_to_its_reader(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.xlsx", {"xl/workbook.xml": b"<x/>"})
    assert read(path)[:2] == b"PK"
    assert not is_zip(path)


def test_sha256_is_the_file_s(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(TEXT)
    assert sha256(tmp_path / "a") == hashlib.sha256(TEXT).hexdigest()
    with pytest.raises(InputError, match="there is no file"):
        sha256(tmp_path / "b")


# -- names and paths ---------------------------------------------------------------------
def test_a_path_that_is_not_there_answers_at_once(tmp_path: Path) -> None:
    (tmp_path / "BACI_HS92_V202601.zip").write_bytes(b"x")
    began = time.monotonic()
    text = refused(tmp_path / "BACI_HS92_V202501.zip")
    assert "Did you mean" in text
    assert str(tmp_path / "BACI_HS92_V202601.zip") in text
    assert "nor a folder" in refused(tmp_path / "no" / "such" / "forty-gigabytes.zip")
    assert "there is no file" in refused(tmp_path / "BACI_HS92_V202601.zip" / "inside.csv")
    assert time.monotonic() - began < 1


def test_a_huge_file_is_opened_without_reading_it(tmp_path: Path) -> None:
    """40 GB, sparse: the first line comes at once."""
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n")
        file.truncate(40 * 1024**3)
    began = time.monotonic()
    with opened(path) as stream:
        assert stream.readline() == b"a,b\n"
    assert time.monotonic() - began < 1


def test_a_folder_a_pipe_and_a_null_in_a_name(tmp_path: Path) -> None:
    assert "it is a folder" in refused(tmp_path)
    os.mkfifo(tmp_path / "pipe.csv")
    assert "no regular file" in refused(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read(Path("a\0b"))


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_bytes(TEXT)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "no permission" in refused(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["a.csv", "a.zip", "a.csv.gz"])
def test_an_empty_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    assert "it is empty" in refused(tmp_path / name)


# -- names that lie ----------------------------------------------------------------------
def test_no_zip_under_a_zip_s_name(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(TEXT)
    assert "it is no zip: it begins with 't,i,j,k,'" in refused(path)
    path.write_bytes(b"\n<!DOCTYPE html><p>Log in")
    assert "gave a page instead of the file" in refused(path)
    with pytest.raises(InputError, match="no zip"):
        members(path)


def test_no_gzip_under_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(TEXT)
    assert "not gzipped" in refused(tmp_path / "a.csv.gz")


def test_archives_under_another_name(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.csv", {"b.csv": TEXT})
    assert "a zip under another name" in refused(path)
    path.write_bytes(gzip.compress(TEXT))
    assert "ends in .gz" in refused(path)
    for magic, told in ((b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!\x1a\x07\x00", "rar")):
        path.write_bytes(magic + b"\0" * 50)
        assert f"a {told} archive; unpack it" in refused(path)


def test_a_member_of_a_plain_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(TEXT)
    assert "no zip, so it has no member 'b.csv'" in refused(tmp_path / "a.csv", "b.csv")


# -- inside a zip ------------------------------------------------------------------------
def test_several_members_are_listed_and_the_nearest_named(tmp_path: Path) -> None:
    names = [f"BACI_HS92_Y{year}_V202601.csv" for year in range(1995, 2005)]
    path = zipped(tmp_path / "a.zip", dict.fromkeys(names, TEXT))
    text = refused(path)
    assert "there are 10 files in the zip" in text
    assert names[0] in text
    assert "and 2 more" in text
    assert f"Did you mean '{names[3]}'?" in refused(path, "BACI_HS92_Y1998_V202501.csv")
    both = zipped(tmp_path / "b.zip", {"x/a.csv": TEXT, "y/a.csv": TEXT})
    assert "the zip has 2 file 'a.csv'" in refused(both, "a.csv")


def test_a_zip_with_nothing_in_it(tmp_path: Path) -> None:
    assert "there is no file in the zip" in refused(zipped(tmp_path / "a.zip", {}))


@pytest.mark.parametrize(
    "name", ["../../evil.csv", "/etc/passwd", "a/../../b.csv", "C:\\b.csv"]
)
def test_names_that_lead_out(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "a.zip", {"good.csv": TEXT, name: TEXT})
    assert "leads out of its folder" in refused(path, "good.csv")
    with pytest.raises(InputError, match="leads out"):
        members(path)


def patched(path: Path, local: int, central: int, code: bytes) -> Path:
    """The same zip with a field of its headers overwritten."""
    raw = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        at = raw.index(magic) + offset
        raw[at : at + len(code)] = code
    path.write_bytes(raw)
    return path


def test_an_encrypted_member(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.csv": TEXT})
    assert "'a.csv' is encrypted" in refused(patched(path, 6, 8, b"\x01\x00"))


def test_a_packing_that_python_does_not_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.csv": TEXT})
    assert "unpack it by hand" in refused(patched(path, 8, 10, b"\x09\x00"))


def test_a_zip_in_a_zip_and_a_link_are_not_followed(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"a.csv": TEXT}).read_bytes()
    assert "an archive in an archive" in refused(zipped(tmp_path / "a.zip", {"b.zip": inner}))
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        info = zipfile.ZipInfo("a.csv")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert "link to another file" in refused(tmp_path / "link.zip")


# -- damage ------------------------------------------------------------------------------
@settings(max_examples=examples(60))
@given(keep=st.floats(0.0, 0.999), kind=st.sampled_from(["a.zip", "a.csv.gz"]))
def test_a_truncated_archive_is_never_a_shorter_table(
    keep: float, kind: str, tmp_path_factory
) -> None:
    path = tmp_path_factory.mktemp("cut") / kind
    path.write_bytes(gzip.compress(TEXT))
    if kind == "a.zip":
        zipped(path, {"a.csv": TEXT})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    refused(path)


@settings(max_examples=examples(300))
@given(at=st.floats(0.0, 1.0, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_never_another_table(at: float, bit: int, tmp_path_factory) -> None:
    path = zipped(tmp_path_factory.mktemp("bit") / "a.zip", {"a.csv": TEXT})
    raw = bytearray(path.read_bytes())
    raw[int(at * len(raw))] ^= 1 << bit
    path.write_bytes(raw)
    try:
        found = read(path)
    except InputError:
        return
    assert found == TEXT  # the bit was in a field that nothing depends on


def test_damage_is_told_wherever_it_is_met(tmp_path: Path) -> None:
    """A reader between us and the file passes our error on."""
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(os.urandom(100_000).hex().encode())[:-2000])
    with pytest.raises(InputError, match="truncated or damaged"), opened(path) as stream:
        pd.read_csv(stream)


# -- bombs -------------------------------------------------------------------------------
def test_a_bomb_is_stopped_while_it_is_read(tmp_path: Path) -> None:
    """Zeros pack 1000 to 1; what was read when it stops is little above the limit."""
    limits = Limits(free=1024**2)
    bomb = zipped(tmp_path / "a.zip", {"a.csv": b"0" * 50 * 1024**2})
    gz = tmp_path / "a.csv.gz"
    gz.write_bytes(gzip.compress(b"0" * 50 * 1024**2))
    for path in (bomb, gz):
        seen = 0
        with (
            pytest.raises(InputError, match="more than 250 times its size, as a zip bomb"),
            opened(path, limits=limits) as stream,
        ):
            while data := stream.read(10_000):
                seen += len(data)
        assert seen < 250 * 60_000
    assert len(read(bomb, limits=Limits(ratio=2000))) == 50 * 1024**2


def test_the_whole_is_limited_too(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.csv": os.urandom(5000)})
    assert "unpacks to more than" in refused(path, limits=Limits(unpacked=4999))
    assert len(read(path, limits=Limits(unpacked=5000))) == 5000


def test_a_header_that_lies_about_the_size_helps_no_bomb(tmp_path: Path) -> None:
    """Nothing past the declared size is unpacked, and the checksum then does not fit."""
    path = zipped(tmp_path / "a.zip", {"a.csv": b"0" * 10**7})
    text = refused(patched(path, 22, 24, struct.pack("<I", 1000)))
    assert "truncated or damaged" in text


def test_members_that_share_their_bytes(tmp_path: Path) -> None:
    """One packed block under many names: the bomb without a zip in a zip."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", TEXT)
        for number in range(50):
            again = copy.copy(archive.getinfo("a.csv"))
            again.filename = f"b{number}.csv"
            archive.filelist.append(again)
    assert "overlap" in refused(path, "a.csv")


# -- writing at once ---------------------------------------------------------------------
def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as part:
        part.write_text("half")
        assert path.read_text() == "old"
        assert part.parent == path.parent
        raise RuntimeError
    assert (path.read_text(), names(tmp_path)) == ("old", {"a.csv"})
    with atomic(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
    assert (path.read_text(), names(tmp_path)) == ("new", {"a.csv"})


def test_two_writers_do_not_mix(tmp_path: Path) -> None:
    path, gate = tmp_path / "a", threading.Barrier(2)

    def write(letter: str) -> None:
        with atomic(path) as part, part.open("w") as file:
            gate.wait(5)
            for _ in range(100):
                file.write(letter * 100)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "xy"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert path.read_text() in ("x" * 10_000, "y" * 10_000)
    assert names(tmp_path) == {"a"}


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"), atomic(tmp_path / "no" / "a"):
        pass
    with pytest.raises(InputError, match="it is a folder"), atomic(tmp_path):
        pass


def test_a_name_of_the_longest_kind(tmp_path: Path) -> None:
    with atomic(tmp_path / ("a" * 250)) as part:
        part.write_bytes(io.BytesIO(TEXT).read())
    assert sha256(tmp_path / ("a" * 250)) == hashlib.sha256(TEXT).hexdigest()
