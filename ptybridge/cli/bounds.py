"""What ``ptybridge doctor`` says of the bounds of programs: those that lack, and whether they hold.

What is set is tried as at the server's start. Only cgroups are looked at without being made, for
making them moves processes.
"""

import os
from collections.abc import Iterator

import msgspec

from ptybridge.adapters import cgroups
from ptybridge.cli.confining import checked_confinement
from ptybridge.cli.findings import Finding, good, note, weak
from ptybridge.cli.preparation import ServeError, terminal_defaults
from ptybridge.config import Settings, Terminals
from ptybridge.config.settings import CgroupSettings, Confine


def examine_bounds(settings: Settings) -> Iterator[Finding]:
    """Look at ``terminals.runAs``, ``terminals.confine`` and ``terminals.idleTimeout``."""
    terminals = settings.terminals
    confine = terminals.confine
    yield from _apart(settings)
    if confine.cgroup.processes is None and confine.limits.processes is None:
        yield note(
            "terminals.confine: nothing limits processes, and one program can fork until nobody "
            "can start any; set cgroup.processes"
        )
    if confine.cgroup.memory_bytes is None:
        yield note(
            "terminals.confine: nothing limits memory, and one program can take all; set "
            "cgroup.memoryBytes"
        )
    if not confine.no_new_privs and not confine.bubblewrap:
        yield note(
            "terminals.confine.noNewPrivs: sudo and other set-user-ID programs work in terminals"
        )
    if terminals.idle_timeout == 0:
        yield note("terminals.idleTimeout: a terminal that nobody types in is never ended")
    yield from _tried(terminals)


def _apart(settings: Settings) -> Iterator[Finding]:
    """Whether programs can get at the server's files, and so at its users and its token."""
    terminals = settings.terminals
    if terminals.confine.bubblewrap or terminals.run_as is not None:
        yield good("programs cannot reach the server's files")
        return
    text = (
        "programs run as the server's own user and can read and change its token, users and "
        "settings; set terminals.runAs or terminals.confine.bubblewrap"
    )
    has_users = settings.auth.mode in {"password", "proxy"}
    # With a token, whoever types is its owner, unless they came by a share link.
    yield weak(text) if has_users else note(text)


def _tried(terminals: Terminals) -> Iterator[Finding]:
    confine = terminals.confine
    limits = cgroups.CgroupLimits(confine.cgroup.memory_bytes, confine.cgroup.processes)
    try:
        for place in cgroups.find_places(limits.controllers):
            if not os.access(place.folder, os.W_OK):
                raise cgroups.CgroupError(f"{place.folder} cannot be written to")
    except cgroups.CgroupError as error:
        yield weak(
            f"{cgroups.SETTING}: {error} (a systemd service with Delegate=yes may differ from "
            "this shell)"
        )
    others = msgspec.structs.replace(
        terminals, confine=msgspec.structs.replace(confine, cgroup=CgroupSettings())
    )
    if others.confine == Confine() and others.run_as is None:
        return
    try:
        checked_confinement(others, terminal_defaults(others), hidden=())
    except ServeError as error:
        yield weak(str(error))
    else:
        yield good("a program was started within the bounds that are set")
