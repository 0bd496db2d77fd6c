"""What must be true of the machine before the server can start, looked at piece by piece.

Each piece returns what the server needs of it, or raises one line that says what to do.
"""

import errno
import os
import pwd
import shutil
import socket
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from ptybridge.adapters.private_files import Stamp, stamp
from ptybridge.config import Files, Settings, Terminals
from ptybridge.core.environment import child_environment
from ptybridge.core.registry import TerminalDefaults
from ptybridge.core.rules import ControlMode, Rules, Sizing
from ptybridge.core.shell_integration import integration

OWN_COMMAND = "ptybridge"

BACKLOG = 1024
"""Connections that may wait to be accepted."""


class ServeError(Exception):
    """The server cannot start; the text is one line that names the thing and the way out."""


def web_root() -> Path:
    """The page's folder: in the installed package, or beside it in a checkout.

    Raises:
        ServeError: It is nowhere.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "web", package.parent / "web"):
        if (folder / "index.html").is_file():
            return folder
    raise ServeError("the page's files are missing; install ptybridge again")


def state_dir() -> Path:
    """Where the server keeps what must outlive it, made if missing; only its owner may enter.

    Raises:
        ServeError: It cannot be made or written to.
    """
    chosen = os.environ.get("PTYBRIDGE_STATE_DIR")
    folder = Path(chosen).expanduser() if chosen else platformdirs.user_state_path("ptybridge")
    way_out = "set PTYBRIDGE_STATE_DIR to a writable directory"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise ServeError(f"state directory {folder}: it is no directory; {way_out}") from error
    except OSError as error:
        reason = f"it cannot be made ({error.strerror})"
        raise ServeError(f"state directory {folder}: {reason}; {way_out}") from error
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise ServeError(f"state directory {folder}: it cannot be written to; {way_out}")
    return folder


def login_shell() -> str:
    """The user's shell: of the environment, else of the password database, else sh."""
    if shell := os.environ.get("SHELL"):
        return shell
    try:
        return pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"
    except KeyError:  # a user without an entry, as in some containers
        return "/bin/sh"


def system_user(name: str | None) -> pwd.struct_passwd | None:
    """The user that programs run as, by ``terminals.runAs``; None is the server's own.

    Raises:
        ServeError: There is no such user.
    """
    if name is None:
        return None
    try:
        return pwd.getpwnam(name)
    except KeyError as error:
        raise ServeError(
            f"terminals.runAs: there is no user {name} here; make one or set another"
        ) from error


def user_environment(user: pwd.struct_passwd) -> dict[str, str]:
    """What a login as this user sets (login(1))."""
    return {
        "HOME": user.pw_dir,
        "USER": user.pw_name,
        "LOGNAME": user.pw_name,
        "SHELL": user.pw_shell or "/bin/sh",
    }


def terminal_defaults(terminals: Terminals, *, may_offer: bool = True) -> TerminalDefaults:
    """What new terminals are, by the settings and this machine.

    Args:
        terminals: The settings.
        may_offer: Whether their programs may offer files.

    Raises:
        ServeError: The command or the working directory is not there.
    """
    user = system_user(terminals.run_as)
    match terminals.command:
        case None:
            shell = login_shell() if user is None else user.pw_shell or "/bin/sh"
            command: tuple[str, ...] = (shell,)
        case str(program):
            command = (program,)
        case words:
            command = words
    added = {
        **(user_environment(user) if user else {}),
        **(integration(command[0]) if terminals.shell_integration else {}),
        **terminals.env,
    }
    env = child_environment(os.environ, passed=terminals.pass_env, added=added)
    if "PATH" not in terminals.env:
        env["PATH"] = _with_own_command(env["PATH"])
    cwd = _working_directory(terminals.cwd, home=env.get("HOME"))
    if cwd is None and user is not None:
        cwd = "/"  # where the server was started is not for another user
    if not _is_program(command[0], path=env["PATH"], cwd=cwd):
        raise ServeError(
            f"terminals.command: {command[0]} was not found or cannot be run; "
            "install it or set another"
        )
    return TerminalDefaults(
        command=command,
        cwd=cwd,
        env=env,
        tail_bytes=terminals.tail_bytes,
        keep_detached=terminals.keep_detached / 1000,
        idle_timeout=terminals.idle_timeout / 1000,
        rules=Rules(Sizing(terminals.sizing), ControlMode(terminals.control)),
        may_offer=may_offer,
    )


def _with_own_command(path: str) -> str:
    """A ``PATH`` on which ``ptybridge`` is found: at its end, where it hides nothing."""
    scripts = sysconfig.get_path("scripts")
    if shutil.which(OWN_COMMAND, path=path) or not shutil.which(OWN_COMMAND, path=scripts):
        return path
    return f"{path}{os.pathsep}{scripts}"


def _working_directory(chosen: str | None, *, home: str | None) -> str | None:
    """Where terminals start; None is where the server was started, for want of a home."""
    if chosen is None:
        return home if home and _can_be_entered(home) else None
    folder = _expanded(chosen, home=home)
    if not _can_be_entered(folder):
        raise ServeError(
            f"terminals.cwd: {folder} is no directory that can be entered; set another"
        )
    return os.path.abspath(folder)


def _expanded(path: str, *, home: str | None) -> str:
    """A path whose ``~`` is the programs' home, not the server's."""
    if home is not None and (path == "~" or path.startswith("~/")):
        return f"{home}{path[1:]}"
    return os.path.expanduser(path)


def files_root(files: Files, defaults: TerminalDefaults) -> str:
    """The directory below which files can be moved.

    Raises:
        ServeError: It is not there.
    """
    if files.root is None:
        return "/"
    folder = _expanded(files.root, home=defaults.env.get("HOME"))
    if not Path(folder).is_dir():
        raise ServeError(f"files.root: {folder} is no directory; make it, or set another")
    return os.path.abspath(folder)


def _can_be_entered(folder: str) -> bool:
    return Path(folder).is_dir() and os.access(folder, os.X_OK)


def _is_program(name: str, *, path: str, cwd: str | None) -> bool:
    if "/" in name:
        name = str(Path(cwd or ".") / name)
    return shutil.which(name, path=path) is not None


def listen(hostname: str, port: int) -> socket.socket:
    """Bind the server's socket, and listen.

    Raises:
        ServeError: The name is unknown, or the port is taken or not allowed.
    """
    where = "transport.websocket.port (--port)"
    try:
        family, _, _, _, address = socket.getaddrinfo(
            hostname, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise ServeError(
            f"transport.websocket.hostname (--host): {hostname} is not known here; set another"
        ) from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        match error.errno:
            case errno.EADDRINUSE:
                reason = f"{hostname}:{port} is taken; stop what uses it or set another"
            case errno.EACCES:
                reason = f"{port} needs more rights; set one from 1024 on"
            case errno.EADDRNOTAVAIL:
                where = "transport.websocket.hostname (--host)"
                reason = f"{hostname} is no address of this machine; set another"
            case _:
                reason = f"cannot listen on {hostname}:{port} ({error.strerror}); set another"
        raise ServeError(f"{where}: {reason}") from error
    return listener


def listen_on_path(path: Path) -> socket.socket:
    """Bind a Unix socket that only the server's user can connect to, and listen.

    Raises:
        ServeError: There is something else, or another server, or it cannot be made.
    """
    way_out = "set another server.unixSocket"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if _is_stale_socket(path):
            path.unlink()
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ServeError(f"server.unixSocket: {path} is taken; {way_out}") from error
        reason = error.strerror or str(error)  # a path that is too long has no number
        raise ServeError(f"server.unixSocket: {path}: {reason}; {way_out}") from error
    return listener


def remove_socket(path: Path, made: Stamp | None) -> None:
    """Remove the socket that this server made there, unless another's has the name by now.

    While programs have their grace, nobody listens any more, and the next server takes the path.
    """
    if made is not None and stamp(path) == made:
        path.unlink(missing_ok=True)


def _is_stale_socket(path: Path) -> bool:
    """Whether it is a socket on which nobody listens any more."""
    if not path.is_socket():
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return True
    return False


def page_url(settings: Settings, port: int, *, token: str | None) -> str:
    """The address to open; the token is in the fragment, which no server and no log ever sees."""
    secret = "" if token is None else f"#token={token}"
    path = f"{settings.server.base_path.rstrip('/')}/{secret}"
    if settings.server.unix_socket is not None:
        return f"unix:{settings.server.unix_socket}:{path}"
    anywhere: Mapping[str, str] = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - shown only
    hostname = settings.transport.websocket.hostname
    name = anywhere.get(hostname, hostname)
    shown = f"[{name}]" if ":" in name else name
    scheme = "http" if settings.server.tls.cert is None else "https"
    return f"{scheme}://{shown}:{port}{path}"
