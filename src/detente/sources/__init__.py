"""Parsers of public datasets: one module each, from the original files to tables."""
