"""The catalogue of sources: what it ships is sound, and a broken file says where."""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path

import pytest

from detente.errors import InputError
from detente.sources.catalogue import Entry, catalogue, entry, parse_entry, record

GOOD = """
name: made-up
title: A made-up source
what: nothing
kind: trade
provider: Nobody
page: https://example.org/page
citation: Nobody (2000)
licence: Free Licence 1.0
access: open
by_hand: Click.
parser: detente.sources.record:Sourced
units: none
vintages:
  - name: 2016.10
    years: 2001
    verified: true
    verified_with: a file
    files:
      - file: 007.zip
        url: https://example.org/007.zip
        sha256: ""
        bytes: null
  - name: no
"""


def broken(old: str, new: str, text: str = GOOD) -> str:
    assert old in text
    with pytest.raises(InputError) as error:
        parse_entry(text.replace(old, new, 1), "made-up.yaml")
    assert "made-up.yaml" in str(error.value)
    return str(error.value)


# -- what ships --------------------------------------------------------------------------
@pytest.mark.parametrize("found", catalogue().values(), ids=list(catalogue()))
def test_every_entry_names_a_parser_that_exists(found: Entry) -> None:
    module, function = found.parser.split(":")
    assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.parametrize("found", catalogue().values(), ids=list(catalogue()))
def test_every_entry_can_be_fetched_or_says_what_to_do_by_hand(found: Entry) -> None:
    assert len(found.by_hand) > 20
    assert found.verified in ("verified", "partly", "unverified")
    for vintage in found.vintages:
        for file in vintage.files:
            assert file.url is None or file.url.startswith("http")


# -- reading one -------------------------------------------------------------------------
def test_scalars_stay_text_where_yaml_would_guess() -> None:
    """2016.10 is no number, "no" no truth value, and 2001 a year as written."""
    found = parse_entry(GOOD, "made-up.yaml")
    first, second = found.vintages
    assert (first.name, first.years, second.name) == ("2016.10", "2001", "no")
    assert (first.verified, second.verified, found.verified) == (True, False, "partly")
    assert (first.files[0].sha256, first.files[0].bytes) == ("", None)
    assert found.tolerance is None


def test_vintages_by_name() -> None:
    found = parse_entry(GOOD, "made-up.yaml")
    assert found.vintage().name == "2016.10"
    assert found.vintage("NO").name == "no"
    with pytest.raises(InputError, match=r"no vintage '2016.1'.*Did you mean '2016.10'"):
        found.vintage("2016.1")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("page:", "pagge:", "key 'pagge': there is no such key. Did you mean 'page'?"),
        ("        url:", "        ulr:", "'vintages.0.files.0.ulr': there is no such key."),
        ("units: none\n", "", "key 'units': the key is missing."),
        ("kind: trade", "kind: trades", "it is 'trades'. Did you mean 'trade'?"),
        ("access: open", "access: free", "key 'access'"),
        ("https://example.org/page", "example.org", "key 'page'"),
        ('sha256: ""', "sha256: abc", "'vintages.0.files.0.sha256'"),
        ("bytes: null", "bytes: -1", "'vintages.0.files.0.bytes'"),
        ("bytes: null", "bytes: many", "'vintages.0.files.0.bytes'"),
        ("file: 007.zip", "file: ../007.zip", "'vintages.0.files.0.file'"),
        ("file: 007.zip", "file: a/007.zip", "'vintages.0.files.0.file'"),
        ("parser: detente", "parser: the detente", "key 'parser'"),
        ("verified: true", "verified: perhaps", "'vintages.0.verified'"),
        ("verified_with: a file", "verified_with: ''", "say what was read"),
        ("name: no\n", "name: 2016.10\n", "key 'vintages': '2016.10' is given twice"),
        ("name: made-up", "name: other", "the file's name asks for 'made-up'"),
        ("title: A", "title: A\ntitle: A", "line 4: it is no valid YAML: the key 'title'"),
        ("what: nothing", "what: [nothing", "no valid YAML"),
        (GOOD, "- a list", "it must be a mapping"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, told: str) -> None:
    assert told in broken(old, new)


def test_an_unknown_source_has_a_nearest() -> None:
    with pytest.raises(InputError, match=r"there is no source 'oecd-ico'.*'oecd-icio'\?"):
        entry("oecd-ico")


# -- records -----------------------------------------------------------------------------
def test_a_record_says_what_was_read(tmp_path: Path) -> None:
    name = next(iter(catalogue()))
    source = entry(name)
    path = tmp_path / "original.csv"
    path.write_bytes(b"a,b\n")
    found = record(name, None, path, ["a note"])
    assert (found.name, found.title, found.licence) == (name, source.title, source.licence)
    assert found.vintage == source.vintages[0].name
    assert found.verified is source.vintages[0].verified
    assert (found.file, found.notes) == ("original.csv", ("a note",))
    assert found.sha256 == hashlib.sha256(b"a,b\n").hexdigest()
    assert record(name, None, path, checksum=False).sha256 == ""
    assert record(name, None, tmp_path).sha256 == ""
    with pytest.raises(InputError, match="has no vintage"):
        record(name, "never", path)
