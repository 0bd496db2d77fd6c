"""``ptybridge doctor``: what is weak in the settings and on the machine."""

import grp
import os
import pwd
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from ptybridge.adapters.tokens import MIN_TOKEN_CHARACTERS, TOKEN_BYTES, TokenFileError, load_token
from ptybridge.adapters.users import UserFileError, Users
from ptybridge.cli.bounds import examine_bounds
from ptybridge.cli.entrance import ACCESS_FILE, USERS_FILE, tls_of, token_path
from ptybridge.cli.findings import Finding, Severity, good, note, weak
from ptybridge.cli.preparation import ServeError, state_dir
from ptybridge.config import Settings
from ptybridge.server.callers import UNIX, parse_network
from ptybridge.server.door import is_loopback

LONG_LOGIN = 90 * 86_400_000
"""Milliseconds; logins that last longer outlive the memory of having logged in."""

MANY_ATTEMPTS = 60
"""Wrong logins a minute from which on passwords can be guessed."""

OLD_TOKEN = 365 * 86_400.0
"""Seconds after which a token should have been replaced."""

BROAD_NETWORK = {4: 16, 6: 48}
"""Bits of a trusted proxy's network, by IP version; fewer trust whole organizations."""

SECRET_WORDS = ("SECRET", "TOKEN", "PASSWORD", "API_KEY", "PRIVATE")


def run(settings: Settings) -> bool:
    """Print all findings, the worst first; whether nothing is weak."""
    order = [Severity.WEAK, Severity.NOTE, Severity.GOOD]
    findings = sorted(examine(settings), key=lambda finding: order.index(finding.severity))
    for finding in findings:
        print(f"{finding.severity.value:5} {finding.text}")
    return all(finding.severity is not Severity.WEAK for finding in findings)


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything; nothing is changed, and the server need not run."""
    yield from _reach(settings)
    yield from _who_comes_in(settings)
    yield from _proxies(settings)
    yield from _records(settings)
    yield from _programs(settings)
    yield from _responder(settings)
    yield from examine_bounds(settings)
    yield from _machine(settings)


def _reach(settings: Settings) -> Iterator[Finding]:
    hostname, server = settings.transport.websocket.hostname, settings.server
    has_tls = server.tls.cert is not None
    if server.unix_socket is not None:
        yield good("the server listens on a Unix socket that only its user can connect to")
    elif is_loopback(hostname):
        yield good(f"only this machine can reach {hostname}")
    elif has_tls:
        yield good(f"other machines can reach {hostname}, by TLS")
    elif server.trusted_proxies:
        yield weak(
            f"other machines can reach {hostname} around the proxy, and without encryption: "
            "set transport.websocket.hostname to 127.0.0.1, or use server.unixSocket"
        )
    else:
        yield weak(
            f"other machines can reach {hostname} and nothing is encrypted: set server.tls, or "
            "put a proxy with TLS in front"
        )
    try:
        tls_of(settings)
    except ServeError as error:
        yield weak(str(error))
    if server.tls.key is not None:
        key = Path(server.tls.key).expanduser()
        if key.exists() and key.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
            yield weak(f"server.tls.key: everybody may read {key}; run: chmod o-rwx {key}")
    for origin in settings.auth.allowed_origins:
        name = origin.partition("://")[2].partition(":")[0]
        if origin.lower().startswith("http://") and not is_loopback(name):
            yield weak(f"auth.allowedOrigins: {origin} is not encrypted; use https")


def _who_comes_in(settings: Settings) -> Iterator[Finding]:
    auth = settings.auth
    try:
        state = state_dir()
    except ServeError as error:
        yield weak(str(error))
        return
    yield from _private(state, "the state directory")
    for name in (ACCESS_FILE, USERS_FILE):
        yield from _private(state / name, "the file")
    match auth.mode:
        case "none":
            yield weak("auth.mode: every user and program of this machine has a shell by it")
        case "token":
            yield from _token(token_path(settings, state))
        case "password" | "proxy":
            yield from _users(state / USERS_FILE, mode=auth.mode)
    if auth.login_lifetime > LONG_LOGIN:
        yield weak("auth.loginLifetime: a login lasts longer than 90 days")
    if settings.limits.login_attempts > MANY_ATTEMPTS:
        yield weak(f"limits.loginAttempts: more than {MANY_ATTEMPTS} a minute is guessing")


def _private(path: Path, what: str) -> Iterator[Finding]:
    if path.exists():
        found = path.stat()
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield weak(f"{what} {path} is open to others; run: chmod go-rwx {path}")
        if found.st_uid not in {os.getuid(), 0}:
            yield weak(f"{what} {path} belongs to another user")


def _token(path: Path) -> Iterator[Finding]:
    if not path.exists():
        yield note("the token is made at the first start")
        return
    try:
        token = load_token(path)
    except TokenFileError as error:
        yield weak(f"auth.tokenFile: {error}")
        return
    if len(token) < TOKEN_BYTES:
        yield weak(
            f"{path}: a token of {len(token)} characters (at least {MIN_TOKEN_CHARACTERS} are "
            "taken) may be guessed; run: ptybridge token rotate"
        )
    elif time.time() - path.stat().st_mtime > OLD_TOKEN:
        yield note(f"{path}: the token is older than a year; run: ptybridge token rotate")
    else:
        yield good("the token is long, and only its owner can read it")


def _users(path: Path, *, mode: str) -> Iterator[Finding]:
    try:
        users = Users(path)
    except UserFileError as error:
        yield weak(str(error))
        return
    if mode == "password" and len(users) == 0:
        yield note("there is no user yet; run: ptybridge user add NAME")
    else:
        yield good(f"users: {len(users)}")


def _proxies(settings: Settings) -> Iterator[Finding]:
    for entry in settings.server.trusted_proxies:
        if entry == UNIX:
            continue
        try:
            network = parse_network(entry)
        except ValueError as error:
            yield weak(f"server.trustedProxies: {error}")
            continue
        if network.prefixlen < BROAD_NETWORK[network.version]:
            yield weak(
                f"server.trustedProxies: whoever is in {entry} can say to be anybody; name the "
                "proxy's own address"
            )
    if settings.server.trusted_proxies and not settings.auth.allowed_origins:
        yield note("auth.allowedOrigins: name the origin that people see, or the page is refused")
    if settings.auth.mode == "proxy":
        yield from _proxy_s_word(settings)
        yield note(
            f"the proxy must replace {settings.auth.proxy_header} in every request that it passes"
        )


def _proxy_s_word(settings: Settings) -> Iterator[Finding]:
    """Who could speak in the proxy's place: what runs on this machine."""
    entries = settings.server.trusted_proxies
    secret = settings.server.proxy_secret_file
    is_apart = settings.terminals.run_as is not None or settings.terminals.confine.bubblewrap
    if secret is not None:
        yield from _private(Path(secret).expanduser(), "the proxy's secret")
        if not is_apart:
            yield weak(
                "server.proxySecretFile: programs in terminals can read it: set terminals.runAs or "
                "terminals.confine.bubblewrap"
            )
    elif any(entry != UNIX and _is_local(entry) for entry in entries):
        yield weak(
            "auth.mode: proxy believes every program on this machine, those in terminals too, who "
            "they say to be, for they connect from the proxy's address: set server.proxySecretFile"
        )
    elif UNIX in entries and settings.terminals.run_as is None:
        yield weak(
            "auth.mode: proxy believes whoever can connect to server.unixSocket, and so can the "
            "programs in terminals: set terminals.runAs to another user"
        )


def _is_local(entry: str) -> bool:
    """Whether a trusted address or network is, or holds, this machine's loopback addresses."""
    try:
        network = parse_network(entry)
    except ValueError:  # complained about already
        return False
    return network.is_loopback or network.prefixlen == 0


def _records(settings: Settings) -> Iterator[Finding]:
    if settings.metrics.token_file is not None:
        yield from _private(Path(settings.metrics.token_file).expanduser(), "the scrape token")
    if settings.logging.audit is None:
        yield note("logging.audit: nobody writes down who did what")
    else:
        yield from _private(Path(settings.logging.audit).expanduser(), "the audit file")


def _programs(settings: Settings) -> Iterator[Finding]:
    terminals = settings.terminals
    for name in terminals.pass_env:
        if name == "*" or any(word in name.upper() for word in SECRET_WORDS):
            yield weak(f"terminals.passEnv: {name} gives programs what may be a secret")
    for name in terminals.env:
        if any(word in name.upper() for word in SECRET_WORDS):
            yield weak(f"terminals.env: {name} looks like a secret that every program can read")
    if os.getuid() == 0 and terminals.run_as is None:
        yield weak("programs run as root: run the server as a user of its own")
    elif os.getuid() != 0:
        yield good(f"programs run as {pwd.getpwuid(os.getuid()).pw_name}")


def _responder(settings: Settings) -> Iterator[Finding]:
    """Who acts on prompts besides people, and where its key is."""
    responder = settings.responder
    if responder.kind == "openai":
        variable = responder.openai.api_key_env
        if responder.approve == "never":
            yield weak(
                "responder.approve: what the model wants to run or type is done unseen; a text "
                "that it reads can make it want anything"
            )
        url = responder.openai.base_url or ""
        host = url.partition("://")[2].partition("/")[0]
        name = host.rpartition("@")[2].rpartition(":")[0] or host
        if url.lower().startswith("http://") and not is_loopback(name.strip("[]")):
            yield weak("responder.openai.baseURL: the key and all prompts go unencrypted")
        if path := os.environ.get(f"{variable}_FILE"):
            yield from _private(Path(path).expanduser(), "the file")
        elif variable in os.environ:
            yield note(f"{variable}: a file named by {variable}_FILE is seen by fewer programs")


def _machine(settings: Settings) -> Iterator[Finding]:
    if os.getuid() != 0 and _is_in_mighty_group():
        yield note("the server's user is in a group that may become root; use another user")
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    try:
        if scope.read_text().strip() == "0":
            yield note("kernel.yama.ptrace_scope is 0: programs of one user can trace each other")
    except OSError:
        pass  # a kernel without Yama
    legacy = Path("/proc/sys/dev/tty/legacy_tiocsti")
    try:
        if legacy.read_text().strip() == "1":
            yield note("dev.tty.legacy_tiocsti is 1: programs can type into their terminal")
    except OSError:
        pass  # Linux before 6.2
    if settings.server.unix_socket is None and settings.transport.websocket.port == 0:
        yield note("transport.websocket.port: 0 is another port at each start")


def _is_in_mighty_group() -> bool:
    names = set()
    for group in os.getgroups():
        try:
            names.add(grp.getgrgid(group).gr_name)
        except KeyError:
            continue
    return bool(names & {"sudo", "wheel", "docker", "lxd"})
