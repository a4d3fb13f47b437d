"""Revisions of HS: published sizes, known changes, the way back to HS92, errors."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.errors import InputError
from detente.regimes import hs
from detente.sources.files import embedded_rows
from hypothesis_profiles import examples

#: Four-digit headings in each edition. HS92, HS96 and HS02: the WTO's glossary
#: (tao.wto.org, "Harmonized System"); later ones: the UN's lists and its correlation tables,
#: which agree (docs/law-outline.md).
SIZES = {
    "HS92": 1241,
    "HS96": 1241,
    "HS02": 1244,
    "HS07": 1221,
    "HS12": 1224,
    "HS17": 1222,
    "HS22": 1228,
}


def revisions_with(heading):
    return [r for r in hs.REVISIONS if heading in hs.headings(r)]


# -- the table ---------------------------------------------------------------------------
@pytest.mark.parametrize(("revision", "size"), SIZES.items())
def test_every_edition_has_its_number_of_headings(revision, size):
    assert len(hs.headings(revision)) == size


@pytest.mark.parametrize(
    ("heading", "first", "last"),
    [
        ("2709", "HS92", "HS22"),  # crude oil
        ("8528", "HS92", "HS22"),  # television receivers
        ("1519", "HS92", "HS92"),  # industrial fatty acids
        ("3824", "HS96", "HS22"),
        ("6006", "HS02", "HS22"),  # knitted fabrics
        ("8486", "HS07", "HS22"),  # machines for semiconductors
        ("9009", "HS92", "HS02"),  # photocopiers
        ("0308", "HS12", "HS22"),  # sea urchins and the like
        ("3826", "HS12", "HS22"),  # biodiesel
        ("9619", "HS12", "HS22"),  # sanitary towels
        ("8469", "HS92", "HS12"),  # typewriters
        ("9620", "HS17", "HS22"),  # tripods
        ("8803", "HS92", "HS17"),  # parts of aircraft
        ("8806", "HS22", "HS22"),  # drones
        ("8549", "HS22", "HS22"),  # electrical waste
    ],
)
def test_when_a_heading_came_and_went(heading, first, last):
    found = revisions_with(heading)
    assert (found[0], found[-1]) == (first, last)
    at = hs.REVISIONS.index
    assert len(found) == at(last) - at(first) + 1


def test_three_numbers_came_back_for_other_goods():
    again = [h for h in hs.headings("HS22") & hs.headings("HS92") if len(revisions_with(h)) < 7]
    assert sorted(again) == ["8485", "8508", "8524"]


def test_chapter_77_is_empty_and_every_other_chapter_is_not():
    for revision in hs.REVISIONS:
        chapters = {h[:2] for h in hs.headings(revision)}
        assert chapters == {f"{k:02d}" for k in range(1, 98)} - {"77"}


def test_subheadings_once_redrawn_are_never_called_the_same_again():
    for row in embedded_rows("hs_headings.csv"):
        present = [r for r in hs.REVISIONS if row[r.lower()]]
        assert bool(row["six"]) == bool(row["hs92"])
        assert not row["six"] or row["six"] in present


# -- back to HS92 ------------------------------------------------------------------------
@pytest.mark.parametrize("revision", hs.REVISIONS)
def test_every_heading_comes_from_headings_of_hs92(revision):
    known = hs.headings("HS92")
    for heading in hs.headings(revision):
        sources = hs.in_hs92(heading, revision)
        assert sources and set(sources) <= known
        assert list(sources) == sorted(set(sources))


@pytest.mark.parametrize("revision", hs.REVISIONS)
def test_nothing_of_hs92_falls_out(revision):
    reached = {s for h in hs.headings(revision) for s in hs.in_hs92(h, revision)}
    assert reached == hs.headings("HS92")


def test_hs92_is_itself():
    assert all(hs.in_hs92(h, "HS92") == (h,) for h in hs.headings("HS92"))


@pytest.mark.parametrize(
    ("line", "revision", "expected"),
    [
        ("", "HS17", ("",)),
        ("27", "HS17", ("27",)),
        ("2709", "HS17", ("2709",)),
        ("270900", "HS22", ("270900",)),
        ("271012", "HS12", ("2710",)),
        ("2853", "HS07", ("2851",)),
        ("2853", "HS17", ("2848", "2851")),
        ("9503", "HS02", ("9503",)),
        ("9503", "HS07", ("9501", "9502", "9503")),
        ("950300", "HS07", ("9501", "9502", "9503")),
        ("3823", "HS92", ("3823",)),
        ("3823", "HS96", ("1519",)),
        ("8508", "HS96", ("8508",)),
        ("8508", "HS07", ("8509",)),
        ("8807", "HS22", ("8803",)),
        ("0308", "HS12", ("0307",)),
        ("848620", "HS17", ("8479",)),
    ],
)
def test_known_ways_back(line, revision, expected):
    assert hs.in_hs92(line, revision) == expected


def test_a_number_with_a_new_meaning_does_not_lead_to_the_old_one():
    for heading, since in (("3823", "HS96"), ("4107", "HS02"), ("8508", "HS07")):
        assert heading not in hs.in_hs92(heading, since)
    assert not {"8485", "8524"} & {s for h in ("8485", "8524") for s in hs.in_hs92(h, "HS22")}


#: Headings of HS92 whose number went on with other goods, or with others beside them, while
#: no heading was deleted for it.
REDRAWN = {"3823", "4106", "4107", "8517"}


def test_moves_name_the_revision_that_made_them():
    for heading, rows in hs.meanings().items():
        for since, sources, note in rows:
            now = hs.headings(since)
            before = hs.headings(hs.REVISIONS[hs.REVISIONS.index(since) - 1])
            assert heading in now and note
            gone = [s for s in sources if s in before and s not in now]
            assert heading not in before or gone or heading in REDRAWN, heading


@given(
    st.sampled_from(sorted(hs.headings("HS22"))),
    st.sampled_from(["", "00", "10", "90"]),
)
@settings(max_examples=examples(200))
def test_six_digits_never_reach_beyond_their_heading(heading, rest):
    whole = hs.in_hs92(heading, "HS22")
    assert {line[:4] for line in hs.in_hs92(heading + rest, "HS22")} <= set(whole)


# -- what a user writes ------------------------------------------------------------------
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("27.01", ("2701",)),
        ("2701.12", ("270112",)),
        ("27 01 12", ("270112",)),
        (2701, ("2701",)),
        (" 03 ", ("03",)),
        ("All", ("",)),
        ("50 - 52", ("50", "51", "52")),
        ("76\u201379", ("76", "78", "79")),
        ("8801-8807", ("8801", "8802", "8803", "8804", "8805", "8806", "8807")),
        ("9701.-97.03", None),
    ],
)
def test_ways_to_write_a_line(written, meant):
    if meant is None:
        with pytest.raises(InputError, match="no HS line"):
            hs.expand((written,))
    else:
        assert hs.expand((written,)) == meant


def test_a_line_given_twice_counts_once():
    assert hs.expand(("72-74", "73", "7301")) == ("72", "73", "74", "7301")


@pytest.mark.parametrize(
    ("written", "near"),
    [
        ("3", "03"),
        (302, "0302"),
        (30211, "030211"),
        ("27090010", "270900"),
        ("63-50", "50-63"),
        ("27-2710", None),
        ("270111-270119", None),
        ("27.1", None),
        ("27011", None),
        ("coal", None),
        ("", None),
    ],
)
def test_what_is_no_line_is_refused_with_what_was_meant(written, near):
    with pytest.raises(InputError) as caught:
        hs.expand((written,))
    assert caught.value.nearest == near
    assert str(written) in str(caught.value)


# -- a code of another revision ----------------------------------------------------------
@pytest.mark.parametrize(
    ("line", "revision", "says", "near"),
    [
        ("8486", "HS02", "a line of HS07 to HS22", "8479"),
        ("848620", "HS02", "a line of HS07 to HS22", "8479"),
        ("8803", "HS22", "a line of HS92 to HS17", "8807"),
        ("4204", "HS17", "a line of HS92 to HS02", "4205"),
        ("9620", "HS12", "a line of HS17 and HS22", "9006"),
        # two goods had this number: neither is offered
        ("8508", "HS02", "a line of HS92 and HS96, HS07 to HS22", None),
        ("2799", "HS17", "chapter 27 goes from 2701 to 2716", None),
        ("77", "HS17", "chapter 77 is kept empty", None),
        ("98", "HS17", "each country's own", None),
        ("00", "HS17", "chapters go from 01 to 97", None),
    ],
)
def test_a_line_of_another_revision_says_which(line, revision, says, near):
    with pytest.raises(InputError) as caught:
        hs.refuse_unknown_lines(line, revision, "2371-8")
    assert says in caught.value.what
    assert caught.value.what.startswith("2371-8: ")
    assert caught.value.nearest == near
    with pytest.raises(InputError, match=says):
        hs.in_hs92(line, revision)


@given(st.sampled_from(hs.REVISIONS), st.integers(0, 9999))
@settings(max_examples=examples(300))
def test_a_line_is_refused_or_has_a_source(revision, number):
    line = f"{number:04d}"
    if line in hs.headings(revision):
        hs.refuse_unknown_lines(line, revision, "here")
    else:
        with pytest.raises(InputError) as caught:
            hs.refuse_unknown_lines(line, revision, "here")
        near = caught.value.nearest
        assert near is None or near in hs.headings(revision)


@pytest.mark.parametrize(
    ("name", "near"),
    [("HS2017", "HS17"), ("hs12", "HS12"), ("HS 1992", "HS92"), ("SITC", None)],
)
def test_an_unknown_revision_is_refused(name, near):
    with pytest.raises(InputError, match="unknown HS revision") as caught:
        hs.headings(name)
    assert caught.value.nearest == near
