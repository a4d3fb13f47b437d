"""`detente fetch`: downloads that are cut, slow, moved, changed or refused end well or plainly.

Every address is a server on 127.0.0.1; `no_other_host` makes any other connection fail.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import OpenerDirector, Request

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from detente.cli import Commands
from detente.cli.fetch import fetch as command
from detente.errors import InputError
from detente.sources import catalogue, download
from detente.sources.catalogue import Entry
from detente.sources.download import FetchError, Settings
from detente.sources.fetch import (
    ByHandError,
    Fetched,
    cache_folder,
    cached_path,
    choose,
    fetch,
    located,
)
from detente.sources.locking import locked
from hypothesis_profiles import examples
from local_server import LocalServer, Page

BODY = bytes(range(256)) * 64  # 16,384 bytes
SUM = hashlib.sha256(BODY).hexdigest()
QUICK = Settings(timeout=0.5, tries=3, wait=0.0, patience=0.2)
ONCE = replace(QUICK, tries=1)


@pytest.fixture(autouse=True)
def no_other_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cache of its own, no proxy, and no connection but to this machine."""
    real = socket.getaddrinfo

    def only_here(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in ("127.0.0.1", "localhost"):
            raise AssertionError(f"a test asked for {host}")
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", only_here)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("DETENTE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as found:
        yield found


def source(url: str | None, sha256: str = SUM, access: str = "open", **file: Any) -> Entry:
    """A made-up source of one file."""
    one = {"file": "table.zip", "url": url, "sha256": sha256, **file}
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
            "vintages": [
                {"name": "2000", "files": [one]},
                {"name": "1999 old", "files": [one | {"file": "old.zip"}, one]},
            ],
        }
    )


def get(
    made: Entry, folder: Path | None = None, settings: Settings = QUICK, **more: Any
) -> Fetched:
    vintage, (item,) = choose(made)
    return fetch(made, vintage, item, folder, settings=settings, **more)


def final(made: Entry) -> Path:
    return cached_path(made, made.vintages[0], made.vintages[0].files[0])


def part(made: Entry) -> Path:
    return final(made).with_name("table.zip.part")


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()} if folder.is_dir() else set()


# -- what should work --------------------------------------------------------------------
def test_a_file_comes_whole_and_is_not_asked_for_again(server: LocalServer) -> None:
    server.pages["/a.zip"] = Page(BODY, etag='"1"')
    made = source(server.url("/a.zip"), bytes=len(BODY))
    seen: list[tuple[int, int | None]] = []
    found = get(made, progress=lambda done, total: seen.append((done, total)))
    assert found.path.read_bytes() == BODY
    assert (found.status, found.checked, found.sha256) == ("downloaded", True, SUM)
    assert seen[0] == (0, len(BODY))
    assert seen[-1] == (len(BODY), len(BODY))
    assert names(found.path.parent) == {"table.zip", "table.zip.sha256"}
    assert server.asked[0].agent.startswith("detente/")
    again = get(made)
    assert (again.status, again.path, len(server.asked)) == ("there", found.path, 1)
    assert (found.path.parent / "table.zip.sha256").read_text() == f"{SUM}  table.zip\n"


def test_without_a_known_sum_it_says_so_and_gives_the_sum(server: LocalServer) -> None:
    server.pages["/a.zip"] = Page(BODY)
    found = get(source(server.url("/a.zip"), sha256=""))
    assert (found.checked, found.sha256) == (False, SUM)
    assert "no checksum" in found.notes[-1]


def test_a_cut_download_is_kept_and_gone_on_with(server: LocalServer) -> None:
    server.pages["/a.zip"] = Page(BODY, etag='"1"', cuts=[4000])
    made = source(server.url("/a.zip"))
    with pytest.raises(FetchError, match=r"ended after 4,000 of 16,384 bytes"):
        get(made, settings=ONCE)
    assert not final(made).exists()
    assert part(made).read_bytes() == BODY[:4000]
    found = get(made, settings=ONCE)
    assert (found.status, found.path.read_bytes()) == ("resumed", BODY)
    assert (server.asked[1].range, server.asked[1].if_range) == ("bytes=4000-", '"1"')
    assert names(found.path.parent) == {"table.zip", "table.zip.sha256"}


def test_a_connection_that_keeps_breaking_is_retried_while_it_gains(
    server: LocalServer,
) -> None:
    cuts = [1000] * 10
    server.pages["/a.zip"] = Page(BODY, modified="Sat, 01 Jan 2000 00:00:00 GMT", cuts=cuts)
    found = get(source(server.url("/a.zip")))
    assert found.path.read_bytes() == BODY
    assert [a.range for a in server.asked[1:3]] == ["bytes=1000-", "bytes=2000-"]
    assert len(server.asked) == 11


def test_a_server_without_ranges_is_begun_anew(server: LocalServer) -> None:
    server.pages["/a.zip"] = Page(BODY, etag='"1"', ranges=False, cuts=[4000])
    found = get(source(server.url("/a.zip")))
    assert found.path.read_bytes() == BODY
    assert (found.status, server.asked[1].range) == ("downloaded", "bytes=4000-")
    assert "began anew" in found.notes[0]


@pytest.mark.parametrize("heeds", [True, False])
def test_a_file_that_changes_midway_is_never_mixed(server: LocalServer, heeds: bool) -> None:
    """With If-Range heeded the server sends all of it; else the ETag of the part differs."""
    new = BODY[::-1]
    page = Page(BODY, etag='"1"', cuts=[4000])
    server.pages["/a.zip"] = page
    made = source(server.url("/a.zip"), sha256="")
    with pytest.raises(FetchError):
        get(made, settings=ONCE)
    page.body, page.etag, page.heeds_if_range = new, '"2"', heeds
    found = get(made)
    assert found.path.read_bytes() == new
    assert found.status == "downloaded"


def test_without_etag_or_date_only_a_known_sum_lets_a_part_be_used(server: LocalServer) -> None:
    for sha256, expected in (("", ""), (SUM, "bytes=4000-")):
        server.asked.clear()
        server.pages["/a.zip"] = Page(BODY, cuts=[4000])
        made = source(server.url("/a.zip"), sha256=sha256)
        assert get(made).path.read_bytes() == BODY
        assert server.asked[1].range == expected
        final(made).unlink()


def test_a_part_that_was_spoilt_costs_one_more_download(server: LocalServer) -> None:
    server.pages["/a.zip"] = Page(BODY, etag='"1"', cuts=[4000])
    made = source(server.url("/a.zip"))
    with pytest.raises(FetchError):
        get(made, settings=ONCE)
    part(made).write_bytes(b"x" * 4000)
    assert get(made).path.read_bytes() == BODY
    assert [a.range for a in server.asked] == ["", "bytes=4000-", ""]


@pytest.mark.parametrize("extra", [b"", b"more"])
def test_a_part_that_is_whole_or_too_long(server: LocalServer, extra: bytes) -> None:
    """The server answers 416: either nothing is missing, or the part is another file's."""
    server.pages["/a.zip"] = Page(BODY, etag='"1"', cuts=[4000])
    made = source(server.url("/a.zip"))
    with pytest.raises(FetchError):
        get(made, settings=ONCE)
    part(made).write_bytes(BODY + extra)
    assert get(made).path.read_bytes() == BODY
    assert len(server.asked) == (3 if extra else 2)


def test_a_part_of_another_address_is_not_used(server: LocalServer) -> None:
    server.pages["/a.zip"] = Page(b"y" * 9000, etag='"1"', cuts=[4000])
    server.pages["/b.zip"] = Page(BODY, etag='"1"')
    with pytest.raises(FetchError):
        get(source(server.url("/a.zip"), sha256=""), settings=ONCE)
    found = get(source(server.url("/b.zip"), sha256=""))
    assert (found.path.read_bytes(), server.asked[1].range) == (BODY, "")


@settings(max_examples=examples(25), deadline=None)
@given(
    versions=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=3),
    cuts=st.lists(st.integers(0, 300), max_size=6),
    ranges=st.booleans(),
    heeds=st.booleans(),
    chunked=st.booleans(),
)
def test_whatever_breaks_the_result_is_one_whole_version(
    versions: list[bytes], cuts: list[int], ranges: bool, heeds: bool, chunked: bool
) -> None:
    """Cuts anywhere, and a new version after each cut: what arrives is the last one."""
    with LocalServer() as local, pytest.MonkeyPatch.context() as patch:
        page = Page(b"", ranges=ranges, heeds_if_range=heeds, chunked=chunked)
        local.pages["/a"] = page
        folder = cache_folder() / os.urandom(4).hex()
        patch.setenv("DETENTE_CACHE", str(folder))
        for number, body in enumerate(versions):
            page.body, page.etag = body, f'"{number}"'
            page.cuts = [] if number == len(versions) - 1 else list(cuts)
            made = source(local.url("/a"), sha256="")
            try:
                found = get(made, settings=ONCE)
            except FetchError:
                assert not final(made).exists()
            else:
                assert found.path.read_bytes() == body
                found.path.unlink()


def test_a_body_of_chunks_that_is_cut_is_noticed(server: LocalServer) -> None:
    server.pages["/a.zip"] = Page(BODY, etag='"1"', chunked=True, piece=1000, cuts=[3500])
    found = get(source(server.url("/a.zip"), sha256=""))
    assert found.path.read_bytes() == BODY
    assert server.asked[1].range.startswith("bytes=3")
    assert not any("cut short" in note for note in found.notes)


def test_a_body_without_a_length_is_flagged_where_no_sum_is_known(server: LocalServer) -> None:
    server.pages["/a.zip"] = Page(BODY, length=False)
    assert "may have been cut short" in get(source(server.url("/a.zip"), sha256="")).notes[0]


def test_redirects_are_followed(server: LocalServer) -> None:
    server.pages["/a.zip"] = Page(location="/b")
    server.pages["/b"] = Page(location=server.url("/c"))
    server.pages["/c"] = Page(BODY, etag='"1"', cuts=[4000])
    assert get(source(server.url("/a.zip"))).path.read_bytes() == BODY
    assert [a.range for a in server.asked if a.path == "/c"] == ["", "bytes=4000-"]


def test_a_busy_server_is_asked_again(server: LocalServer) -> None:
    server.pages["/a.zip"] = Page(BODY, statuses=[503, 429], retry_after="0")
    assert get(source(server.url("/a.zip"))).path.read_bytes() == BODY


# -- what should fail plainly ------------------------------------------------------------
def refused(made: Entry, settings: Settings = ONCE, **more: Any) -> str:
    with pytest.raises(FetchError) as error:
        get(made, settings=settings, **more)
    assert error.value.exit_status == 1
    assert not final(made).exists()
    text = str(error.value)
    for told in (
        "green button",
        made.page,
        "Free Licence 1.0",
        str(final(made)),
        "detente fetch",
    ):
        assert told in text
    return text


def test_a_wrong_checksum_leaves_nothing_in_place(server: LocalServer) -> None:
    server.pages["/a.zip"] = Page(BODY)
    made = source(server.url("/a.zip"), sha256="0" * 64)
    text = refused(made)
    assert SUM in text
    assert "0" * 64 in text
    assert names(final(made).parent) == set()


@pytest.mark.parametrize("code", [404, 410])
def test_a_missing_file(server: LocalServer, code: int) -> None:
    server.pages["/a.zip"] = Page(statuses=[code] * 9)
    assert f"answers {code}: the file is not there" in refused(
        source(server.url("/a.zip")), QUICK
    )
    assert len(server.asked) == 1


def test_a_barred_file_and_an_odd_answer(server: LocalServer) -> None:
    server.pages["/a.zip"] = Page(statuses=[403, 418])
    assert "not open to everyone" in refused(source(server.url("/a.zip")))
    assert "answers 418" in refused(source(server.url("/a.zip")))


def test_a_silent_server_is_given_up_in_bounded_time(server: LocalServer) -> None:
    server.pages["/a.zip"] = Page(BODY, pause=60)
    began = time.monotonic()
    text = refused(source(server.url("/a.zip")), replace(QUICK, timeout=0.1))
    assert "does not answer in time" in text
    assert "3 tries" in text
    assert time.monotonic() - began < 10


def test_a_server_that_stops_midway_is_timed_out_and_the_part_kept(server: LocalServer) -> None:
    server.pages["/a.zip"] = Page(BODY, etag='"1"', piece=1000, drip=60)
    made = source(server.url("/a.zip"))
    assert "does not answer in time" in refused(made, replace(ONCE, timeout=0.1))
    assert part(made).read_bytes() == BODY[:1000]


def test_a_trickle_counts_as_dead(server: LocalServer) -> None:
    server.pages["/a.zip"] = Page(BODY, piece=1, drip=0.05)
    assert "too slow" in refused(source(server.url("/a.zip")), replace(ONCE, slowest=1e4))


@pytest.mark.parametrize("target", ["/a.zip", "/b"])
def test_a_circle_of_redirects(server: LocalServer, target: str) -> None:
    server.pages["/a.zip"] = Page(location=target)
    server.pages["/b"] = Page(location="/a.zip")
    text = refused(source(server.url("/a.zip")), replace(ONCE, redirects=5))
    assert "more than 5 times" in text
    assert len(server.asked) == 6


def test_redirects_that_are_not_safe() -> None:
    """From https to http, to a file or to ftp; http on this machine is let through."""

    def go(old: str, new: str) -> Any:
        return download._Redirects(5).redirect_request(Request(old), None, 302, "", {}, new)

    with pytest.raises(FetchError, match="from https to http"):
        go("https://example.org/a", "http://example.org/a")
    for scheme in ("ftp", "file"):
        with pytest.raises(FetchError, match="no web address"):
            go("https://example.org/a", f"{scheme}://example.org/a")
    assert go("https://example.org/a", "http://localhost:1/a").full_url.startswith("http://l")
    assert go("http://example.org/a", "https://example.org/a") is not None


def test_no_network(server: LocalServer) -> None:
    with socket.socket() as held:  # bound, not listening: a refused connection
        held.bind(("127.0.0.1", 0))
        text = refused(source(f"http://127.0.0.1:{held.getsockname()[1]}/a.zip"), QUICK)
    assert "127.0.0.1 cannot be reached" in text
    assert "is there a network?" in text
    assert "3 tries" in text


def test_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", absent)
    text = refused(source("https://data.example.org/a.zip"))
    assert "data.example.org cannot be reached: Name or service not known" in text


def test_a_certificate_that_cannot_be_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not tried again, and never without the check."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    tried: list[str] = []

    def opened(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        tried.append(request.full_url)
        raise URLError(error)

    monkeypatch.setattr(OpenerDirector, "open", opened)
    text = refused(source("https://data.example.org/a.zip"), QUICK)
    assert "the certificate of data.example.org cannot be trusted: self-signed" in text
    assert len(tried) == 1


def test_a_web_page_instead_of_the_file(server: LocalServer) -> None:
    server.pages["/a.zip"] = Page(b"<html>accept our terms", kind="text/html; charset=utf-8")
    assert "a licence to accept, a log-in" in refused(source(server.url("/a.zip"), sha256=""))


@pytest.mark.parametrize("length", [True, False])
def test_another_size_than_the_catalogue_has(server: LocalServer, length: bool) -> None:
    server.pages["/a.zip"] = Page(BODY, length=length)
    made = source(server.url("/a.zip"), sha256="", bytes=1000)
    assert "1,000" in refused(made)
    assert names(final(made).parent) == set()


def test_a_full_disk_is_seen_before_the_download(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.pages["/a.zip"] = Page(BODY)
    monkeypatch.setattr(shutil, "disk_usage", lambda p: type("U", (), {"free": 10}))
    assert "are free. Choose another folder" in refused(source(server.url("/a.zip")))


def test_a_recalled_address_says_so(server: LocalServer) -> None:
    made = source(server.url("/gone"), url_status="recalled")
    assert "not checked: see the page" in refused(made)


# -- by hand -----------------------------------------------------------------------------
@pytest.mark.parametrize("access", ["registration", "licence"])
def test_what_needs_a_person_is_not_asked_for(server: LocalServer, access: str) -> None:
    made = source(server.url("/a.zip"), access=access)
    text = refused(made)
    assert access in text
    assert not server.asked
    final(made).parent.mkdir(parents=True)
    final(made).write_bytes(BODY)
    assert get(made).status == "there"
    final(made).write_bytes(b"something else")
    with pytest.raises(ByHandError, match="is not it: its checksum differs"):
        get(made)


def test_no_file_in_the_catalogue() -> None:
    data = source(None, access="registration").model_dump() | {"vintages": [{"name": "query"}]}
    with pytest.raises(ByHandError, match="query, has no file to fetch") as error:
        choose(Entry.model_validate(data))
    assert "green button" in str(error.value)


def test_no_address_in_the_catalogue(server: LocalServer) -> None:
    assert "no address for 'table.zip'" in refused(source(None))


# -- folders -----------------------------------------------------------------------------
def test_a_folder_of_ones_own(server: LocalServer, tmp_path: Path) -> None:
    server.pages["/a.zip"] = Page(BODY)
    made, folder = source(server.url("/a.zip")), tmp_path / "new" / "folder"
    found = get(made, folder)
    assert found.path == folder / "table.zip"
    assert names(folder) == {"table.zip"}
    assert not cache_folder().exists()
    found.path.write_bytes(b"my own")
    with pytest.raises(InputError, match="another file of this name"):
        get(made, folder)
    assert found.path.read_bytes() == b"my own"


def test_what_the_cache_has_is_copied(server: LocalServer, tmp_path: Path) -> None:
    server.pages["/a.zip"] = Page(BODY)
    made = source(server.url("/a.zip"))
    get(made)
    found = get(made, tmp_path)
    assert (found.status, found.path.read_bytes()) == ("copied", BODY)
    assert len(server.asked) == 1


@pytest.mark.parametrize("sha256", [SUM, ""])
def test_a_damaged_file_in_the_cache_is_replaced(server: LocalServer, sha256: str) -> None:
    server.pages["/a.zip"] = Page(BODY)
    made = source(server.url("/a.zip"), sha256=sha256)
    get(made).path.write_bytes(b"damaged")
    found = get(made)
    assert (found.status, found.path.read_bytes()) == ("downloaded", BODY)
    assert "replaced" in found.notes[0]


def test_a_folder_that_cannot_be_made(server: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        get(source(server.url("/a.zip")), tmp_path / "file" / "below")
    (tmp_path / "table.zip").mkdir()
    with pytest.raises(InputError, match="in the way"):
        get(source(server.url("/a.zip")), tmp_path)


def test_the_cache_is_where_the_platform_has_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DETENTE_CACHE")
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/does/not/count")
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_folder() == Path("/home/me/.cache/detente")
    monkeypatch.setenv("XDG_CACHE_HOME", "/fast")
    assert cache_folder() == Path("/fast/detente")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == Path("/home/me/Library/Caches/detente")


# -- several at once ---------------------------------------------------------------------
def test_two_at_once_download_once(server: LocalServer) -> None:
    server.pages["/a.zip"] = Page(BODY, piece=2000, drip=0.03)
    made = source(server.url("/a.zip"))
    found: list[Fetched] = []
    waited: list[bool] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(get(made, waiting=lambda: waited.append(True)))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(f.status for f in found) == ["downloaded", "there", "there", "there"]
    assert waited
    assert len(server.asked) == 1
    assert final(made).read_bytes() == BODY
    assert names(final(made).parent) == {"table.zip", "table.zip.sha256"}


def test_a_lock_of_a_process_that_died_does_not_hold(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib; from detente.sources.locking import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): print('held', flush=True); os._exit(9)"
    )
    target = tmp_path / "a.zip"
    died = subprocess.run(
        [sys.executable, "-c", code, str(target)], capture_output=True, check=False
    )
    assert (died.returncode, died.stdout.split()) == (9, [b"held"])
    assert names(tmp_path) == {".a.zip.lock"}
    with locked(target):
        pass
    assert names(tmp_path) == set()


def test_a_lock_keeps_another_process_out(tmp_path: Path) -> None:
    """Four processes add one to a number a hundred times each: none is lost."""
    code = (
        "import sys, pathlib; from detente.sources.locking import locked\n"
        "p = pathlib.Path(sys.argv[1])\n"
        "for _ in range(25):\n"
        "    with locked(p): p.write_text(str(int(p.read_text()) + 1))"
    )
    number = tmp_path / "number"
    number.write_text("0")
    running = [subprocess.Popen([sys.executable, "-c", code, str(number)]) for _ in range(4)]
    assert [p.wait(60) for p in running] == [0] * 4
    assert number.read_text() == "100"


# -- choosing ----------------------------------------------------------------------------
def test_choosing_a_vintage_and_a_file() -> None:
    made = source(None)
    assert choose(made)[0].name == "2000"
    assert choose(made, file="OLD.zip")[0].name == "1999 old"
    assert choose(made, file="table.zip")[0].name == "2000"
    assert len(choose(made, "1999 OLD", "all")[1]) == 2
    with pytest.raises(InputError, match=r"has 2 files: old.zip, table.zip. Say --file F"):
        choose(made, "1999 old")
    with pytest.raises(InputError, match=r"Did you mean 'old.zip'"):
        choose(made, file="odl.zip")
    with pytest.raises(InputError, match=r"no vintage '1999'.*Did you mean '1999 old'"):
        choose(made, "1999")


def test_commands_find_a_file_by_name(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.pages["/a.zip"] = Page(BODY)
    made = source(server.url("/a.zip"))
    monkeypatch.setattr(catalogue, "catalogue", lambda: {"made-up": made})
    with pytest.raises(InputError, match=r"Get it with: detente fetch made-up$"):
        located("made-up")
    with pytest.raises(InputError, match=r"--vintage '1999 old' --file 'old.zip'$"):
        located("made-up", file="old.zip")
    get(made)
    assert located("made-up").read_bytes() == BODY


# -- the command -------------------------------------------------------------------------
app = typer.Typer(cls=Commands)
app.command("fetch")(command)
app.command("other")(lambda: None)


def detente(*args: str) -> Any:
    return CliRunner().invoke(app, ["fetch", *args])


@pytest.fixture
def made_up(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> Entry:
    server.pages["/a.zip"] = Page(BODY)
    made = source(server.url("/a.zip"))
    monkeypatch.setattr(catalogue, "catalogue", lambda: {"made-up": made})
    monkeypatch.setattr(download, "Settings", lambda: QUICK)
    return made


def test_the_command_says_where_the_file_is_and_what_it_may_be_used_for(made_up: Entry) -> None:
    shown = detente("made-up")
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert lines[0] == str(final(made_up))
    assert "as the catalogue has it" in lines[1]
    assert "Licence: Free Licence 1.0" in lines
    assert "Cite: Nobody (2000)" in lines
    assert "Unverified" in shown.stdout
    assert not shown.stderr  # no progress bar in a pipe
    found = json.loads(detente("made-up", "--format", "json").stdout)
    assert found["files"][0]["status"] == "there"
    assert found["files"][0]["sha256"] == SUM


def test_the_command_lists_the_sources_and_the_files_of_one(made_up: Entry) -> None:
    assert detente().stdout == detente("--list").stdout
    shown = detente().stdout
    for told in ("made-up (trade, open, parser unverified)", "2000; 1999 old", "Free Licence"):
        assert told in shown
    (row,) = json.loads(detente("--list", "--format", "json").stdout)
    assert (row["name"], row["vintages"]) == ("made-up", ["2000", "1999 old"])
    rows = json.loads(detente("made-up", "--list", "--format", "json").stdout)
    assert [r["cached"] for r in rows] == [False] * 3
    assert "green button" in detente("made-up", "--list").stdout
    assert detente("--list", "--format", "csv").stdout.startswith("name,title,kind")


def test_exit_statuses(made_up: Entry, server: LocalServer, tmp_path: Path) -> None:
    unknown = detente("made-pu")
    assert unknown.exit_code == 2
    assert "Did you mean 'made-up'?" in unknown.stderr
    assert detente("--file", "a.zip").exit_code == 2
    server.pages.clear()
    absent = detente("made-up")
    assert absent.exit_code == 1
    assert "answers 404" in absent.stderr
    assert "green button" in absent.stderr
    assert not absent.stdout


def test_one_file_that_fails_does_not_stop_the_others(
    made_up: Entry, server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = made_up.model_dump()
    data["vintages"][1]["files"][0]["url"] = server.url("/gone")
    made = Entry.model_validate(data)
    monkeypatch.setattr(catalogue, "catalogue", lambda: {"made-up": made})
    shown = detente("made-up", "--vintage", "1999 old", "--file", "all", "--format", "json")
    assert shown.exit_code == 1
    assert [f["file"] for f in json.loads(shown.stdout)["files"]] == ["table.zip"]
    assert "answers 404" in shown.stderr
