"""Dormant shares: what a link that the baseline closes would carry if it were open."""
