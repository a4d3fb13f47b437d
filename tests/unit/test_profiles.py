"""The hypothesis profiles hold: no test's own settings undo them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PROBE = (
    "import hypothesis_profiles as p; p.load(); from hypothesis import settings;"
    "s = settings(max_examples=p.examples(40)); print(s.derandomize, s.max_examples)"
)


@pytest.mark.parametrize(
    ("profile", "expected"),
    [(None, "True 40"), ("ci", "True 40"), ("explore", "False 400")],
)
def test_the_profile_decides(profile: str | None, expected: str) -> None:
    env = {k: v for k, v in os.environ.items() if k != "HYPOTHESIS_PROFILE"}
    env |= {"PYTHONPATH": str(TESTS)} | ({"HYPOTHESIS_PROFILE": profile} if profile else {})
    ran = subprocess.run(
        [sys.executable, "-c", PROBE], env=env, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == expected


def test_no_test_fixes_its_own_seed_or_number() -> None:
    for path in TESTS.rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        for given in re.findall(r"settings\(([^@]*?)\)\n@", text, flags=re.DOTALL):
            assert "derandomize" not in given, path.name
            assert "max_examples" not in given or "max_examples=examples(" in given, path.name
