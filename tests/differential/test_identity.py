"""A snapshot, fed to a new screen, makes it what the old one is: state by state, cut by cut."""

import os
import random
from collections.abc import Iterator

import pytest

from ptybridge.adapters.ghostty.screen import GhosttyScreen
from tests.differential.states import differences
from tests.differential.streams import Stream, generated, recordings
from tests.test_ghostty import Owner

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # as long as thousands take

CUTS = int(os.environ.get("SNAPSHOT_CUTS", "300"))
"""How many cuts to try; thousands tell the rate to a tenth of a percent, and take minutes."""

AT_LEAST = 0.985 if CUTS < 2000 else 0.997
RECORDED_AT_LEAST = 0.999
CUTS_OF_A_STREAM = 3


def screen_for(stream: Stream) -> GhosttyScreen:
    return GhosttyScreen.create(stream.size, Owner(), scrollback_lines=1000)


def compare(stream: Stream, cut: int) -> tuple[list[str], list[str]]:
    """What differs at the cut, and at the end, of a screen that was given a snapshot there."""
    whole, joined = screen_for(stream), screen_for(stream)
    whole.feed(stream.data[:cut])
    snapshot = whole.snapshot()
    joined.feed(snapshot.to_bytes())
    joined.feed(stream.data[cut - snapshot.held_back : cut])
    at_cut = differences(whole, joined)
    whole.feed(stream.data[cut:])
    joined.feed(stream.data[cut:])
    at_end = differences(whole, joined)
    whole.close()
    joined.close()
    return at_cut, at_end


def cuts_of(streams: Iterator[Stream], cuts_of_a_stream: int) -> Iterator[tuple[Stream, int]]:
    """Streams with places to cut them at; the same ones in every run."""
    for stream in streams:
        chance = random.Random(stream.name)
        for _ in range(cuts_of_a_stream):
            yield stream, chance.randrange(len(stream.data) + 1)


def rate_of(
    cuts: Iterator[tuple[Stream, int]], kind: str, capsys: pytest.CaptureFixture[str]
) -> float:
    """How many of the cuts are identical; printed, with some of those that are not."""
    same_at_cut = same_at_end = count = 0
    examples = []
    for stream, cut in cuts:
        at_cut, at_end = compare(stream, cut)
        count += 1
        same_at_cut += not at_cut
        same_at_end += not at_end
        if at_cut:
            examples.append(f"{stream.name} at {cut}: {at_cut[0]}")
    with capsys.disabled():
        print(
            f"\n  {kind}: {count} cuts, identical to the screen"
            f" at the cut {same_at_cut / count:.2%}, at the end {same_at_end / count:.2%}"
        )
        for example in examples[:10]:
            print(f"    {example[:200]}")
    return same_at_cut / count


def test_a_snapshot_of_a_hostile_stream_is_the_screen_s_state(
    capsys: pytest.CaptureFixture[str],
) -> None:
    streams = (generated(seed) for seed in range(CUTS // CUTS_OF_A_STREAM))
    assert rate_of(cuts_of(streams, CUTS_OF_A_STREAM), "generated", capsys) >= AT_LEAST


def test_a_snapshot_of_a_recording_is_the_screen_s_state(
    capsys: pytest.CaptureFixture[str],
) -> None:
    streams = recordings()
    assert streams
    cuts = cuts_of(iter(streams), max(1, CUTS // 3 // len(streams)))
    assert rate_of(cuts, "recorded", capsys) >= RECORDED_AT_LEAST
