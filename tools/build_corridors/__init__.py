"""Sea distances of the embedded network of corridors; not part of the installed package."""
