"""Build the embedded worlds from the originals: run once, by hand, by anyone."""
