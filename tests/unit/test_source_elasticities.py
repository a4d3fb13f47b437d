"""Elasticities: printed values, the exact formats of the files, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from detente.assembly.concordance import (
    atoms,
    atoms_of,
    cp_concordance,
    divisions,
    hs_industries,
)
from detente.errors import InputError
from detente.sources.elasticities import (
    AGGREGATE,
    CP_SECTORS,
    caliendo_parro,
    for_sectors,
    read_elasticities,
    read_protee,
)

SHARED = Path(
    os.environ.get("DETENTE_SHARED_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")
)

#: Caliendo & Parro (2015), Table 1, full sample, as FACTS and the shared data's README have it.
PRINTED = {
    "Agriculture": (8.11, 1.86),
    "Mining": (15.72, 2.76),
    "Food": (2.55, 0.61),
    "Other": (5.00, 0.92),
}

PROTEE = """\
HS6,zero,positive,sigma
010110,1,0,
010210,0,0,-12.11
870321,0,0,-9.5
870322,1,0,-9.5
870323,0,1,-9.5
240130,0,0,-.41890669
"""


def protee(tmp_path, text=PROTEE, name="ProTEE_0_1.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


# -- Caliendo & Parro ----------------------------------------------------------------------
@pytest.mark.parametrize("sector", PRINTED)
def test_the_full_sample_is_what_the_paper_prints(sector):
    table = caliendo_parro().table
    row = table[(table["sample"] == "full") & (table["sector"] == sector)].iloc[0]
    assert (round(row["value"], 2), round(row["std_error"], 2)) == PRINTED[sector]


def test_the_99_percent_sample_is_the_file_of_cp2015():
    path = SHARED / "cp2015" / "theta.csv.gz"
    if not path.exists():
        pytest.skip("the shared data are not here: cp2015/theta.csv.gz")
    theta = pd.read_csv(path).set_index("sector")["value"]
    table = caliendo_parro().table
    own = table[table["sample"] == "99"].set_index("sector")
    assert own["value"].to_dict() == theta.to_dict()
    assert set(own.index[own["flag"] == "assumed"]) == set(theta.index[20:])
    assert (own["value"][own["flag"] != "observed"] == AGGREGATE).all()


def test_errors_of_the_99_percent_sample_are_the_full_samples_relative_ones():
    table = caliendo_parro().table
    full = table[table["sample"] == "full"].set_index("sector")
    own = table[(table["sample"] == "99") & (table["flag"] == "observed")].set_index("sector")
    both = own.index.intersection(full.index)
    assert len(both) == 18 - 1  # medical instruments have no triads
    relative = own["std_error"][both] / own["value"][both]
    wanted = full["std_error"][both] / full["value"][both]
    np.testing.assert_allclose(relative, wanted, atol=2e-4)


def test_petroleum_is_capped_and_keeps_its_relative_error():
    row = for_sectors(("C19",)).loc["C19"]
    assert row["value"] == 15.0
    assert row["std_error"] / 15.0 == pytest.approx(22.9164 / 64.85, rel=1e-6)
    assert "64.85" in row["note"]
    assert for_sectors(("C17_18",)).loc["C17_18", "value"] == 16.52  # paper is not capped


def test_a_group_is_a_weighted_mean_with_independent_errors():
    both = for_sectors(("x",), {"x": {"Food": 3.0, "Textile": 1.0}}).loc["x"]
    assert both["value"] == pytest.approx(0.75 * 2.62 + 0.25 * 8.1)
    error = np.hypot(0.75 * 0.6296, 0.25 * 1.6671)
    assert both["std_error"] == pytest.approx(error, abs=1e-4)
    assert both["flag"] == "observed"


def test_flags_say_what_is_estimated_pooled_and_assumed():
    found = for_sectors(("C10T12", "C29", "K", "nothing known"))
    assert list(found["flag"]) == ["observed", "pooled", "assumed", "pooled"]
    assert list(found["value"][1:]) == [AGGREGATE] * 3


def test_unknown_names_come_with_the_nearest():
    with pytest.raises(InputError, match="Did you mean 'Textile'"):
        for_sectors(("x",), {"x": ["Textiles"]})
    with pytest.raises(InputError, match="no sample '98'"):
        for_sectors(("x",), sample="98")


# -- concordances ------------------------------------------------------------------------
def test_every_industry_of_2025_has_a_sector_of_caliendo_and_parro():
    assert set(atoms()) == set(CP_SECTORS)
    assert all(atoms_of(code) == (code,) for code in atoms())


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("A01_02", "A01 A02"),  # ICIO 2023
        ("B05_06", "B05 B06"),
        ("C24", "C24A C24B"),
        ("01T03", "A01 A02 A03"),  # ICIO 2018
        ("D01T03", "A01 A02 A03"),
        ("35T39", "D E"),
        ("C10-C12", "C10T12"),  # WIOD 2016
        ("C31_C32", "C31T33"),
        ("R_S", "R S"),
        ("E37-E39", "E"),
        ("c14", "C26 C27"),  # WIOD 2013
        ("i13.20.11", "B07"),  # EXIOBASE
        ("p15.a", "C10T12"),
        ("Textiles and Wearing Apparel", "C13T15"),  # Eora26
        ("widgets", ""),
        ("C10T", ""),
    ],
)
def test_codes_of_every_table_are_read_as_industries(code, wanted):
    assert sorted(atoms_of(code)) == wanted.split()


def test_divisions_of_a_release_never_overlap():
    """The 45 industries of 2023 and the 35 of the WIOD cover goods once."""
    codes = [c for c in atoms() if c[0] in "ABC"]
    seen = [d for c in codes if c not in ("C24B", "C302T309") for d in divisions(c)]
    assert len(seen) == len(set(seen))
    old = [a for j in range(1, 17) for a in atoms_of(f"c{j}")]
    assert set(codes) <= set(old)


def test_older_tables_go_to_caliendo_and_parro_directly():
    """Both are ISIC rev. 3, so electrical and optical equipment is four of their sectors."""
    found = cp_concordance(["c14", "c7", "C26", "i30"])
    assert found["c14"] == ("Office", "Electrical", "Communication", "Medical")
    assert (found["c7"], found["i30"]) == (("Paper",), ("Office",))
    assert found["C26"] == ("Office", "Communication", "Medical")


def test_products_go_to_the_tables_own_industries():
    codes = ("A01_02", "C29", "C24", "G")
    found = hs_industries(pd.Series(["870321", "0101", "72", "999999"]), codes)
    assert found == {"870321": ("C29",), "0101": ("A01_02",), "72": ("C24",), "999999": ()}


# -- Fontagné, Guimbard & Orefice ----------------------------------------------------------
def test_protee_gives_theta_of_sigma_minus_one(tmp_path):
    found = read_protee(protee(tmp_path))
    table = found.table.set_index("product")
    assert table["value"].to_dict() == pytest.approx(
        {"010210": 11.11, "870321": 8.5, "870322": 8.5, "870323": 8.5}
    )
    assert list(table["flag"]) == ["observed", "observed", "pooled", "pooled"]
    assert "1 without a number and 1 with θ ≤ 0 left out" in found.source.notes[-1]


def test_protee_with_lost_zeros_and_windows_lines_is_the_same(tmp_path):
    text = PROTEE.replace("\n0", "\n").replace("\n", "\r\n")
    path = tmp_path / "ProTEE_0_1.csv"
    path.write_bytes(text.encode())
    again = read_elasticities(path).table
    pd.testing.assert_frame_equal(again, read_protee(protee(tmp_path)).table)


def test_the_authors_stata_file_gives_the_same(tmp_path):
    pd.DataFrame(
        {
            "HS6": ["010210", "870321"],
            "epsilon": [-11.11, -8.5],
            "zero": [0, 0],
            "positive": [0, 0],
            "missing": [0, 0],
            "epsilon_pt": [-11.11, -8.5],
            "positive_pt": [0, 0],
        }
    ).to_stata(tmp_path / "elasticity_for_publication_2021_09_29.dta", write_index=False)
    found = read_elasticities(tmp_path / "elasticity_for_publication_2021_09_29.dta")
    assert dict(zip(found.table["product"], found.table["value"], strict=True)) == {
        "010210": 11.11,
        "870321": 8.5,
    }
    assert not found.source.verified


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (PROTEE.replace("sigma", "sigmas"), None, "no column 'sigma'"),
        (PROTEE + "010210,0,0,-3\n", 8, "a second row"),
        (PROTEE + "87032X,0,0,-3\n", 8, "no HS6 code"),
        (PROTEE + "870330,0,0,many\n", 8, "'many' is no number"),
        (PROTEE.replace("-", ""), None, "wrong sign"),
        ("", None, "empty"),
    ],
)
def test_a_broken_protee_is_refused_with_its_line(tmp_path, text, line, says):
    with pytest.raises(InputError, match=says) as caught:
        read_protee(protee(tmp_path, text))
    if line:
        assert caught.value.place.line == line


# -- a file by sector ------------------------------------------------------------------------
def test_a_file_by_sector_is_read_with_any_separator(tmp_path):
    found = read_elasticities(protee(tmp_path, "sector;theta\nA01;5\nG;8.2\n", "my.csv"))
    assert found.table["value"].to_list() == [5.0, 8.2]
    assert found.table["std_error"].isna().all()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sector,value\nA01,-5\n", "θ is a positive number"),
        ("sector,value\nA01,5\nA01,6\n", "second row"),
        ("sector,value\nA01,\n", "no elasticity"),
        ("industries,value\nA01,1\n", "no column 'sector'"),
    ],
)
def test_a_broken_file_by_sector_is_refused(tmp_path, text, says):
    with pytest.raises(InputError, match=says):
        read_elasticities(protee(tmp_path, text, "my.csv"))


def test_a_path_that_is_none_is_refused():
    with pytest.raises(InputError, match="no file"):
        read_elasticities("nowhere.csv")
