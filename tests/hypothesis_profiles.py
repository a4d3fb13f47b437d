"""How hard hypothesis searches: `ci` is the same every time, `explore` is not.

``HYPOTHESIS_PROFILE=explore pytest`` draws other examples at every run, ten times as many.
A test asks for ``examples(40)``, so that its own settings do not undo the profile's.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci")
TIMES = {"ci": 1, "explore": 10}


def load() -> None:
    """Register both profiles and load the one asked for; an unknown name is an error."""
    shared = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
    settings.register_profile("ci", derandomize=True, **shared)
    settings.register_profile(
        "explore", derandomize=False, max_examples=examples(100), print_blob=True, **shared
    )
    settings.load_profile(PROFILE)


def examples(number: int) -> int:
    """How many examples a test draws that draws ``number`` under `ci`."""
    return number * TIMES.get(PROFILE, 1)
