"""Measures, one file per kind; the registry imports every module of this folder."""
