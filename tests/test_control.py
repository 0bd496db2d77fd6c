"""Who may type: roles, turns, idleness, and what the loser had typed."""

import pytest

from ptybridge.core.control import IDLE_SECONDS
from ptybridge.core.errors import Conflict, Denied
from ptybridge.core.rules import ControlMode, Rules
from ptybridge.core.values import Role
from tests.fakes import Stage

TURN = Rules(control=ControlMode.TURN)


def test_everybody_who_may_write_types_freely() -> None:
    stage = Stage()
    first, _ = stage.view(role=Role.WRITER)
    second, _ = stage.view(role=Role.WRITER)
    first.write(b"a")
    second.write(b"b")
    first.write(b"c")
    assert bytes(stage.pty.received) == b"abc"


@pytest.mark.parametrize("rules", [Rules(), TURN])
def test_a_watcher_reaches_the_program_with_nothing(rules: Rules) -> None:
    stage = Stage(rules=rules)
    watcher, _ = stage.view(role=Role.WATCHER)
    with pytest.raises(Denied):
        watcher.write(b"x")
    for action in (stage.terminal.control.request, stage.terminal.control.revoke):
        with pytest.raises(Denied):
            action(watcher)
    with pytest.raises(Denied):
        stage.terminal.control.grant(watcher, watcher)
    assert bytes(stage.pty.received) == b""


def test_in_turn_one_holds_the_keyboard_and_hands_it_on() -> None:
    stage = Stage(rules=TURN)
    control = stage.terminal.control
    first, sink = stage.view(role=Role.WRITER)
    second, _ = stage.view(role=Role.WRITER)
    first.write(b"1")
    with pytest.raises(Denied):
        second.write(b"2")
    control.request(second)
    stage.clock.advance(1)
    assert sink.roster[second.id].waits
    with pytest.raises(Denied):
        second.write(b"2")
    control.release(first)
    second.write(b"2")
    with pytest.raises(Denied):
        first.write(b"1")
    control.grant(second, first)
    first.write(b"3")
    assert bytes(stage.pty.received) == b"123"
    with pytest.raises(Conflict):
        control.release(second)


def test_who_waits_gets_the_keyboard_when_its_holder_is_idle() -> None:
    stage = Stage(rules=TURN)
    first, _ = stage.view(role=Role.WRITER)
    second, _ = stage.view(role=Role.WRITER)
    stage.clock.advance(IDLE_SECONDS * 2)  # nobody waits: idleness alone takes nothing
    first.write(b"1")
    stage.terminal.control.request(second)
    stage.clock.advance(IDLE_SECONDS - 1)
    first.write(b"1")
    stage.clock.advance(IDLE_SECONDS - 1)
    with pytest.raises(Denied):
        second.write(b"2")
    stage.clock.advance(1)
    second.write(b"2")
    assert stage.terminal.control.holder is second


def test_the_keyboard_goes_on_when_its_holder_leaves() -> None:
    stage = Stage(rules=TURN)
    first, _ = stage.view(role=Role.WRITER)
    second, _ = stage.view(role=Role.WRITER)
    third, _ = stage.view(role=Role.WRITER)
    stage.terminal.control.request(third)
    stage.terminal.control.request(second)
    first.detach()
    assert stage.terminal.control.holder is third
    third.detach()
    assert stage.terminal.control.holder is second
    second.detach()
    assert stage.terminal.control.holder is None
    fourth, _ = stage.view(role=Role.WRITER)
    assert stage.terminal.control.holder is fourth


def test_an_owner_takes_the_keyboard_and_what_was_queued_is_dropped() -> None:
    stage = Stage(rules=TURN)
    writer, sink = stage.view(role=Role.WRITER)
    owner, _ = stage.view(role=Role.OWNER)
    stage.pty.takes_input = False
    writer.write(b"rm -rf")
    stage.terminal.control.request(owner)
    owner.write(b"\x03")
    stage.pty.reads_input()
    assert bytes(stage.pty.received) == b"\x03"
    assert sink.taken == [6]  # its paste does not wait for ever


def test_an_owner_hands_on_the_keyboard_of_another_and_what_was_queued_is_dropped() -> None:
    stage = Stage(rules=TURN)
    control = stage.terminal.control
    writer, sink = stage.view(role=Role.WRITER)
    other, other_sink = stage.view(role=Role.WRITER)
    owner, _ = stage.view(role=Role.OWNER)
    stage.pty.takes_input = False
    writer.write(b"rm -rf")
    control.grant(owner, other)
    other.write(b"o")
    assert sink.taken == [6]
    control.grant(other, writer)  # of its own will: what it has typed stays
    writer.write(b"w")
    stage.pty.reads_input()
    assert bytes(stage.pty.received) == b"ow"
    assert other_sink.taken == [1]


def test_what_an_idle_holder_has_left_in_the_way_is_dropped() -> None:
    """Whoever has waited can stop the program at last."""
    stage = Stage(rules=TURN)
    first, sink = stage.view(role=Role.WRITER)
    second, _ = stage.view(role=Role.WRITER)
    stage.pty.takes_input = False
    first.write(b"a paste that nobody reads")
    stage.terminal.control.request(second)
    stage.clock.advance(IDLE_SECONDS)
    second.write(b"\x03")
    stage.pty.reads_input()
    assert bytes(stage.pty.received) == b"\x03"
    assert sink.taken == [25]


def test_who_is_demoted_has_typed_its_last_byte() -> None:
    stage = Stage()
    owner, sink = stage.view(role=Role.OWNER)
    writer, _ = stage.view(role=Role.WRITER)
    stage.pty.takes_input = False
    owner.write(b"o1")
    writer.write(b"w1")
    owner.write(b"o2")
    writer.write(b"w2")
    stage.terminal.control.revoke(owner, writer)
    with pytest.raises(Denied):
        writer.write(b"w3")
    owner.write(b"o3")
    stage.pty.reads_input()
    assert bytes(stage.pty.received) == b"o1o2o3"
    assert sink.taken[-1] == 6
    stage.clock.advance(1)
    assert sink.roster[writer.id].role is Role.WATCHER
    stage.terminal.control.grant(owner, writer)
    stage.pty.takes_input = True
    writer.write(b"w4")
    assert bytes(stage.pty.received) == b"o1o2o3w4"


def test_nobody_is_made_more_than_its_identity_may_be() -> None:
    stage = Stage()
    owner, _ = stage.view(role=Role.OWNER)
    watcher, _ = stage.view(role=Role.WATCHER)
    with pytest.raises(Denied):
        stage.terminal.control.grant(owner, watcher)
    assert watcher.role is Role.WATCHER
