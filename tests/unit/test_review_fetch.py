"""What a stranger's review of ``detente fetch`` found: each defect and its neighbours."""

from __future__ import annotations

import gzip
import hashlib
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner

from detente.errors import InputError
from detente.sources import catalogue
from detente.sources.catalogue import Entry
from detente.sources.download import FetchError, Settings
from detente.sources.fetch import cached_path, choose, fetch
from detente.sources.files import misnamed
from detente.sources.locking import locked
from local_server import LocalServer, Page

BODY = bytes(range(256)) * 40
SUM = hashlib.sha256(BODY).hexdigest()
QUICK = Settings(timeout=5.0, tries=2, wait=0.01)


@pytest.fixture(autouse=True)
def here_only(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("DETENTE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def server():
    with LocalServer() as found:
        yield found


def source(*files, access="open"):
    return Entry.model_validate(
        {
            "name": "made-up",
            "title": "A made-up source",
            "what": "nothing",
            "kind": "trade",
            "provider": "Nobody",
            "page": "https://example.org/page",
            "citation": "Nobody (2000)",
            "licence": "Free Licence 1.0",
            "access": access,
            "by_hand": "Click on the green button.",
            "parser": "detente.sources.record:Sourced",
            "units": "none",
            "vintages": [{"name": "2000", "files": list(files)}],
        }
    )


def get(made, folder=None):
    vintage, (item,) = choose(made)
    return fetch(made, vintage, item, folder, settings=QUICK)


def final(made):
    return cached_path(made, made.vintages[0], made.vintages[0].files[0])


# -- what came is looked at --------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("table.csv", b"", "empty"),
        ("table.zip", b"\xef\xbb\xbf\n <!DOCTYPE html><p>log in", "web page"),
        ("table.csv", b"<HTML><p>moved", "web page"),
        ("table.csv", gzip.compress(b"a,b\n1,2\n"), "gzipped"),
    ],
)
def test_what_cannot_be_the_file_is_not_kept(server, name, body, says):
    server.pages["/f"] = Page(body)
    made = source({"file": name, "url": server.url("/f")})
    with pytest.raises(FetchError, match=says):
        get(made)
    assert list(final(made).parent.iterdir()) == []


def test_what_may_be_the_file_is(tmp_path):
    for name, body in (("t.csv.gz", gzip.compress(b"a")), ("p.html", b"<html>"), ("t", b"x")):
        (tmp_path / name).write_bytes(body)
        assert misnamed(tmp_path / name, name) == ""


class _Packing(BaseHTTPRequestHandler):
    def log_message(self, format, *args):
        """Say nothing."""

    def do_GET(self):
        body = gzip.compress(b"a,b\n1,2\n")
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_a_file_that_is_packed_on_the_way_is_refused():
    with HTTPServer(("127.0.0.1", 0), _Packing) as http:
        Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{http.server_address[1]}/t"
        with pytest.raises(FetchError, match=r"packed \(gzip\)"):
            get(source({"file": "t.csv", "url": url}))
        found = get(source({"file": "t.csv.gz", "url": url}))
        assert gzip.decompress(found.path.read_bytes()) == b"a,b\n1,2\n"
        http.shutdown()


# -- what lies there ---------------------------------------------------------------------
def test_a_file_of_another_size_is_not_the_file(server, tmp_path):
    server.pages["/f"] = Page(BODY)
    made = source({"file": "t.bin", "url": server.url("/f"), "bytes": len(BODY)})
    final(made).parent.mkdir(parents=True)
    final(made).write_bytes(BODY[:100])
    found = get(made)
    assert found.path.read_bytes() == BODY
    assert any("damaged" in note for note in found.notes)
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "t.bin").write_bytes(BODY[:100])
    with pytest.raises(InputError, match=r"100 bytes, the catalogue 10,240"):
        get(made, tmp_path / "o")


def test_a_sidecar_that_is_garbage_is_none(server):
    server.pages["/f"] = Page(BODY)
    made = source({"file": "t.bin", "url": server.url("/f")})
    get(made)
    final(made).with_name("t.bin.sha256").write_bytes(b"\xff\xfe")
    assert get(made).status == "there"


def test_what_is_in_the_cache_is_copied_into_a_new_folder(tmp_path):
    """Also where a licence forbids a download."""
    made = source({"file": "t.bin", "sha256": SUM}, access="licence")
    final(made).parent.mkdir(parents=True)
    final(made).write_bytes(BODY)
    found = get(made, tmp_path / "new" / "folder")
    assert found.status == "copied"
    assert found.path.read_bytes() == BODY


# -- places that cannot be written -------------------------------------------------------
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder nobody can write to")
def test_a_folder_that_cannot_be_written_to_is_an_input_error(server, tmp_path):
    server.pages["/f"] = Page(BODY)
    made = source({"file": "t.bin", "url": server.url("/f")})
    with pytest.raises(InputError, match="cannot be written there"):
        get(made, Path("/proc"))
    get(made)
    with pytest.raises(InputError, match="cannot be written there"):
        get(made, Path("/proc"))
    with pytest.raises(InputError, match="name too long"), locked(tmp_path / ("x" * 254)):
        pass


def test_one_file_in_the_way_does_not_stop_the_others(server, tmp_path, monkeypatch):
    from detente.cli import app

    server.pages |= {"/a": Page(BODY), "/b": Page(BODY)}
    made = source(
        {"file": "a.bin", "url": server.url("/a"), "sha256": SUM},
        {"file": "b.bin", "url": server.url("/b")},
    )
    monkeypatch.setattr(catalogue, "catalogue", lambda: {"made-up": made})
    out = tmp_path / "o"
    out.mkdir()
    (out / "a.bin").write_bytes(b"mine")
    args = ["fetch", "made-up", "--file", "all", "-o", str(out), "--format", "json"]
    shown = CliRunner().invoke(app, args)
    assert shown.exit_code == 2
    assert "another file of this name" in shown.stderr
    assert [f["file"] for f in json.loads(shown.stdout)["files"]] == ["b.bin"]
    assert (out / "a.bin").read_bytes() == b"mine"
