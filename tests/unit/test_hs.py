"""From HS to sectors: headings before chapters, other revisions, codes that are none."""

import pytest

from detente.errors import InputError
from detente.sources import hs


@pytest.mark.parametrize(
    ("code", "sector", "industry"),
    [
        ("27", "petroleum", "C19"),
        ("2701", "coal", "B05"),
        ("270111", "coal", "B05"),
        ("270900", "oil-gas", "B06"),
        ("03", "fishing", "A03"),
        ("030799", "fishing", "A03"),
        ("0407", "agriculture", "A01"),
        ("8549", "electronics", "C27"),
        ("9999AA", "", ""),
    ],
)
def test_known_codes(code, sector, industry):
    assert hs.sector_of(code) == sector
    assert hs.icio_of(code) == industry


@pytest.mark.parametrize("code", ["7", "", "coal", "0x", "00", "0099"])
def test_what_is_no_code_is_refused(code):
    with pytest.raises(InputError, match=r"no HS code|in no chapter"):
        hs.sector_of(code)


def test_prefixes_say_the_same_as_the_functions():
    for target, function in (("sector", hs.sector_of), ("icio", hs.icio_of)):
        table = hs.prefixes(target)
        assert {f"{k:02d}" for k in range(1, 100)} <= set(table)
        assert all(function(code) == value for code, value in table.items())


def test_prefixes_cannot_be_changed():
    with pytest.raises(TypeError):
        hs.prefixes()["27"] = "gold"
