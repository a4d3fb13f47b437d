"""What every test shares: the hypothesis profile."""

from __future__ import annotations

import hypothesis_profiles

hypothesis_profiles.load()
