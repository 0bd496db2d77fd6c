"""``python -m bench``: measure, print a table, keep the history.

Exit code 0 when all was measured, 1 when something could not be or, with ``--strict``, when a
target was missed, 2 for wrong arguments.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import bare, bridge, peer, report
from bench.audience import Audience
from bench.channel import Channel
from bench.compression import Compression
from bench.connections import Connections
from bench.echo import Echo
from bench.figures import Figure, Row
from bench.files import Files
from bench.flood import Flood
from bench.interrupt import Interrupt
from bench.page import Page
from bench.snapshot import Snapshot
from bench.stall import Stall
from bench.start import Start
from bench.subjects import Serving, Subject, Unmeasured
from bench.terminals import Terminals

FIGURES: tuple[Figure, ...] = (
    Echo(),
    Flood(),
    Audience(),
    Interrupt(),
    Stall(),
    Terminals(),
    Snapshot(),
    Channel(),
    Compression(),
    Files(),
    Connections(),
    Start(),
    Page(),
)
SUBJECTS: dict[str, Serving] = {
    bare.Bare.name: bare.start,
    bridge.Bridge.name: bridge.start,
    peer.Peer.name: peer.start,
}
HISTORY = Path(__file__).parent / "history.jsonl"


def _names(known: Sequence[str], text: str) -> list[str]:
    """Read a list of names separated by commas, in the order of ``known``."""
    given = [name.strip() for name in text.split(",")]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
    return [name for name in known if name in given]


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    figures = [figure.name for figure in FIGURES]
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure ptybridge.")
    parser.add_argument(
        "--only",
        type=lambda text: _names(figures, text),
        default=figures,
        metavar="FIGURES",
        help=f"some of {','.join(figures)}",
    )
    parser.add_argument(
        "--subjects",
        type=lambda text: _names(list(SUBJECTS), text),
        default=list(SUBJECTS),
        metavar="NAMES",
        help=f"some of {','.join(SUBJECTS)}",
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer and smaller rounds; not kept in the history"
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="also write all as JSON")
    parser.add_argument("--strict", action="store_true", help="exit code 1 when a target is missed")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the arguments name; the exit code."""
    arguments = _arguments(argv)
    began = time.monotonic()
    failures: list[str] = []
    rows: list[Row] = []
    with ExitStack() as stack:
        subjects: list[Subject] = []
        for name in arguments.subjects:
            try:
                subjects.append(stack.enter_context(SUBJECTS[name]()))
            except Unmeasured as error:
                failures.append(f"{name}: {error}")
        for figure in FIGURES:
            if figure.name in arguments.only and subjects:
                started = time.monotonic() - began
                print(f"{started:4.0f} s: measuring {figure.name}", file=sys.stderr, flush=True)
                try:
                    rows += figure.measure(subjects, quick=arguments.quick)
                except (Unmeasured, OSError) as error:
                    failures.append(f"{figure.name}: {error}")
    print(report.table(rows, report.columns(rows, [subject.name for subject in subjects])))
    print(f"\nmedian (least..greatest) of the rounds; {time.monotonic() - began:.0f} s in all")
    for failure in failures:
        print(f"not measured: {failure}", file=sys.stderr)
    document = report.document(rows)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")
    if rows and not arguments.quick:
        with HISTORY.open("a") as history:
            history.write(json.dumps(document) + "\n")
    missed = any(report.verdict(row, target) == "MISS" for row in rows for target in row.targets)
    return 1 if failures or (arguments.strict and missed) else 0


if __name__ == "__main__":
    sys.exit(main())
