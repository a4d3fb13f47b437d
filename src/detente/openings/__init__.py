"""Openings: how far and how fast closed links have really opened, measured on public panels."""
