"""``python -m tools.build_corridors``: measure the sea lanes of the embedded network."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from detente.errors import InputError

from .lanes import measured, read_places, searoute_measure, write_atomically

TARGET = Path(__file__).resolve().parents[2] / "src" / "detente" / "data" / "corridors"


def main() -> None:
    """Rewrite the lengths of sea lanes in ``edges.csv``; a second run changes nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder", nargs="?", type=Path, default=TARGET, help="folder of nodes.csv, edges.csv"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; status 1 if a length differs"
    )
    given = parser.parse_args()
    edges = given.folder / "edges.csv"
    try:
        source, measure = searoute_measure()
        places = read_places(given.folder / "nodes.csv")
        text, done, left = measured(edges, places, source, measure)
    except (InputError, OSError) as error:
        raise SystemExit(f"build_corridors: {error}") from error
    same = text == edges.read_text(encoding="utf-8")
    print(f"{done} lanes measured by {source}, {left} given by hand left as they are")
    print("nothing changes" if same else "the file differs")
    if given.check:
        sys.exit(0 if same else 1)
    if not same:
        write_atomically(edges, text)


if __name__ == "__main__":
    main()
