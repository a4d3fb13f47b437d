"""Project files of one's own in a run's folder: names, included files, what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from corridornets import folder
from detente.corridors.catalogue import load_network, load_project
from detente.errors import InputError
from detente.scenario.corridorfiles import project_files

HEAD = "# mine: 100 %\nproject: {name}\ntitle: The {name} line\nincludes: {includes}\n"
EDGE = "edges:\n  - {{a: AAA, b: DDD, mode: road, add: {{km: {km}}}}}  # by eye\n"


def write(path: Path, name: str, includes: str = "[]", rest: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = HEAD.format(name=name, includes=includes) + rest
    path.write_text(text, encoding="utf-8")
    return path


def kept(files: dict[str, bytes], where: Path) -> None:
    for name, text in files.items():
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_bytes(text)


def test_a_file_alone_is_kept_byte_for_byte(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(
        b"\xef\xbb\xbf# \xc3\xa4\r\nproject: mine\r\ntitle: Mine\r\nincludes: [bri]\r\n"
    )
    names, files = project_files([path, path])
    assert names == ("projects/mine.yaml", "projects/mine.yaml")
    assert files == {"projects/mine.yaml": path.read_bytes()}


def test_a_chain_of_includes_says_the_same_in_the_folder(tmp_path):
    (tmp_path / "net").mkdir()
    network = load_network(folder(tmp_path / "net"))
    write(tmp_path / "deep" / "c.yml", "c", rest=EDGE.format(km=10))
    write(tmp_path / "parts" / "b.yaml", "b", "\n  - ../deep/c.yml  # the line\n  # no more")
    top = write(tmp_path / "a.yaml", "a", "[parts/b.yaml, 'deep/../deep/c.yml']")
    (name,), files = project_files([top])
    assert sorted(files) == ["projects/a.yaml", "projects/b.yaml", "projects/c.yml"]
    assert files["projects/c.yml"] == (tmp_path / "deep" / "c.yml").read_bytes()
    old = (tmp_path / "parts" / "b.yaml").read_text(encoding="utf-8")
    # nothing but the name is another
    assert files["projects/b.yaml"].decode() == old.replace("../deep/c.yml", '"c.yml"')
    out = tmp_path / "out"
    kept(files, out)
    before, after = load_project(top, network), load_project(out / name, network)
    assert [p.project for p in after.closure] == ["c", "b", "a"]
    told = [[p.model_dump(exclude={"includes"}) for p in x.closure] for x in (before, after)]
    assert told[0] == told[1]
    one, two = (network.with_project(p).content_hash for p in (before, after))
    assert one == two != network.content_hash


def test_a_folder_that_was_written_is_written_alike(tmp_path):
    write(tmp_path / "x" / "line.yaml", "deep")
    one = write(tmp_path / "line.yaml", "one", "[x/line.yaml]")
    two = write(tmp_path / "y" / "line.yaml", "two")
    names, files = project_files([one, two])
    kept(files, tmp_path / "out")
    assert project_files([tmp_path / "out" / n for n in names]) == (names, files)


def test_two_files_of_one_name_are_both_kept(tmp_path):
    one = write(tmp_path / "east" / "line.yaml", "east")
    two = write(tmp_path / "west" / "Line.yaml", "west")  # one file where case is not told
    write(tmp_path / "deep" / "line.yaml", "deep")
    top = write(tmp_path / "top.yaml", "top", "[deep/line.yaml, bri, east/line.yaml]")
    names, files = project_files([one, two, top])
    assert names == ("projects/line.yaml", "projects/Line-2.yaml", "projects/top.yaml")
    assert set(files) == {*names, "projects/line-3.yaml"}
    assert files[names[0]] == one.read_bytes() and files[names[1]] == two.read_bytes()
    assert b"project: deep" in files["projects/line-3.yaml"]
    assert b'includes: ["line-3.yaml", bri, "line.yaml"]' in files[names[2]]


def test_names_that_are_no_plain_words_are_written_so_that_they_are_read(tmp_path):
    write(tmp_path / "deep" / "it's, [new] ü.yaml", "new")
    entries = "\n  - >-\n    deep/it's, [new] ü.yaml\n  - bri"
    top = write(tmp_path / "top.yaml", "top", entries)
    (name,), files = project_files([top])
    kept(files, tmp_path / "out")
    again, _ = project_files([tmp_path / "out" / name])
    assert again == (name,) and "projects/it's, [new] ü.yaml" in files


def test_files_that_include_each_other_end(tmp_path):
    write(tmp_path / "p5.yaml", "p5", "[p6.yaml]")
    top = write(tmp_path / "p6.yaml", "p6", "[p5.yaml]")
    assert set(project_files([top])[1]) == {"projects/p5.yaml", "projects/p6.yaml"}


def test_an_included_file_that_is_not_there_has_a_place(tmp_path):
    top = write(tmp_path / "top.yaml", "top", "[gone.yaml]")
    with pytest.raises(InputError, match=r"top.yaml, line 4, key 'includes'.*'gone.yaml'"):
        project_files([top])
