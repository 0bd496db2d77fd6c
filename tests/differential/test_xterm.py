"""The page's own emulator, xterm.js: does a snapshot show what it would have shown?

Two of them are compared, in one Node process: one saw the whole stream, the other was given a
snapshot where the stream was cut, and what came after. So what differs is either an error of ours
or a disagreement of xterm.js with the library that the snapshot was taken from. The disagreements
that are known are listed here and, with their causes, in docs/architecture.md.
"""

import json
import os
import re
import subprocess
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ptybridge.adapters.ghostty.screen import GhosttyScreen
from tests.differential.streams import Stream, ordinary, recordings
from tests.differential.test_identity import cuts_of
from tests.test_ghostty import Owner

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # as long as thousands take

CUTS = int(os.environ.get("XTERM_CUTS", "150"))
"""How many cuts to try of each kind of streams; thousands take minutes."""

SCROLLBACK = 1000
CUTS_OF_A_STREAM = 3
ROOT = Path(__file__).parents[2]
ARCHITECTURE = ROOT / "docs" / "architecture.md"

LAST_COLUMN = "a line erased while a wrap is pending"
DISAGREEMENTS = {
    "wrapped lines that are edited": re.compile(r"row \d+ is wrapped: "),
    "the line of the saved cursor": re.compile(r"saved cursor: "),
    "the open link": re.compile(r"row \d+ links col "),
}
"""What xterm.js and the library do differently, by how it shows."""


class Emulators:
    """The Node process with the emulators."""

    def __init__(self) -> None:
        if not (ROOT / "web" / "node_modules" / "@xterm" / "headless").exists():
            pytest.fail("@xterm/headless is not installed: run make setup")
        self._process = subprocess.Popen(
            ["node", Path(__file__).with_name("xterm.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def compare(self, stream: Stream, cut: int) -> tuple[list[str], list[str]]:
        """What differs at the cut, and at the end."""
        screen = GhosttyScreen.create(stream.size, Owner(), scrollback_lines=SCROLLBACK)
        screen.feed(stream.data[:cut])
        snapshot = screen.snapshot()
        request = {
            "rows": stream.size.rows,
            "cols": stream.size.cols,
            "before": _base64(stream.data[:cut]),
            "snapshot": _base64(snapshot.to_bytes()),
            "held": _base64(stream.data[cut - snapshot.held_back : cut]),
            "after": _base64(stream.data[cut:]),
        }
        screen.close()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"xterm.js failed on {stream.name} cut at {cut}"
        differences = json.loads(answer)
        return differences["atCut"], differences["atEnd"]

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


@pytest.fixture(scope="module")
def emulators() -> Iterator[Emulators]:
    running = Emulators()
    yield running
    running.close()


def unknown(differences: list[str], stream: Stream, seen: Counter[str]) -> list[str]:
    """The differences that no known disagreement explains; the others are counted."""
    left = []
    last_column = re.compile(rf"row \d+ col {stream.size.cols - 1}: ")
    for difference in differences:
        for name, shape in (*DISAGREEMENTS.items(), (LAST_COLUMN, last_column)):
            if shape.search(difference):
                seen[name] += 1
                break
        else:
            left.append(difference)
    return left


def rates_of(
    cuts: Iterator[tuple[Stream, int]],
    kind: str,
    emulators: Emulators,
    capsys: pytest.CaptureFixture[str],
) -> tuple[float, float]:
    """How many are identical at the cut and at the end but for known disagreements; printed."""
    seen: Counter[str] = Counter()
    same = Counter[str]()
    count = 0
    examples = []
    for stream, cut in cuts:
        count += 1
        for when, differences in zip(
            ("at the cut", "at the end"), emulators.compare(stream, cut), strict=True
        ):
            same[f"{when}, to the last bit"] += not differences
            left = unknown(differences, stream, seen)
            same[when] += not left
            if left:
                examples.append(f"{stream.name} cut at {cut}, {when}: {left[0]}")
    with capsys.disabled():
        print(f"\n  {kind}: {count} cuts; identical in xterm.js")
        for when, number in same.items():
            print(f"    {when}: {number / count:.2%}")
        for name, number in seen.most_common():
            print(f"    known: {name}: {number} differences")
        for example in examples[:8]:
            print(f"    {example[:200]}")
    return same["at the cut"] / count, same["at the end"] / count


def test_a_snapshot_of_a_recording_shows_the_same_in_xterm_js(
    emulators: Emulators, capsys: pytest.CaptureFixture[str]
) -> None:
    streams = recordings()
    cuts = cuts_of(iter(streams), max(1, CUTS // len(streams)))
    at_cut, at_end = rates_of(cuts, "recorded", emulators, capsys)
    assert at_cut >= 0.95
    assert at_end >= 0.99


def test_a_snapshot_of_what_programs_use_shows_the_same_in_xterm_js(
    emulators: Emulators, capsys: pytest.CaptureFixture[str]
) -> None:
    streams = (ordinary(seed) for seed in range(CUTS // CUTS_OF_A_STREAM))
    cuts = cuts_of(streams, CUTS_OF_A_STREAM)
    at_cut, at_end = rates_of(cuts, "generated", emulators, capsys)
    assert at_cut >= 0.95
    assert at_end >= 0.95


@pytest.mark.parametrize("name", [*DISAGREEMENTS, LAST_COLUMN])
def test_every_known_disagreement_is_explained(name: str) -> None:
    section = ARCHITECTURE.read_text().split("\n## Screen and snapshot\n")[1].split("\n## ")[0]
    assert f"**{name[0].upper()}{name[1:]}.**" in section
