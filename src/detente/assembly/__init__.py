"""Worlds from the field's data: built from a table, split out of an aggregate."""
