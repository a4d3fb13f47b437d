"""``python -m tools.build_corridors``: measure the sea lanes of the embedded network."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from detente.errors import InputError

from .lanes import (
    measured,
    read_drawn,
    read_places,
    searoute_measure,
    write_atomically,
)

TARGET = Path(__file__).resolve().parents[2] / "src" / "detente" / "data" / "corridors"


def main() -> None:
    """Rewrite the lengths of sea lanes in ``edges.csv``; a second run changes nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=TARGET,
        help="folder of nodes.csv, edges.csv and sealanes.csv",
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; status 1 if a length differs"
    )
    given = parser.parse_args()
    edges = given.folder / "edges.csv"
    try:
        source, measure = searoute_measure()
        places = read_places(given.folder / "nodes.csv")
        drawn = read_drawn(given.folder / "sealanes.csv", places)
        found = measured(edges, places, source, measure, drawn)
    except (InputError, OSError) as error:
        raise SystemExit(f"build_corridors: {error}") from error
    same = found.text == edges.read_text(encoding="utf-8")
    print(
        f"{found.by_searoute} lanes measured by {source}, {found.drawn} along the drawn lane, "
        f"which is shorter; {found.by_hand} given by hand left as they are"
    )
    print("nothing changes" if same else "the file differs")
    if given.check:
        sys.exit(0 if same else 1)
    if not same:
        write_atomically(edges, found.text)


if __name__ == "__main__":
    main()
