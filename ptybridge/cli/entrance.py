"""Who may come in, put together from the settings and the state directory.

What is refused here is refused before the server listens: a door that would be more open than it
was meant to be is not opened.
"""

import os
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from ptybridge.adapters.access_store import AccessStore, AccessStoreError
from ptybridge.adapters.audit import AuditFile, AuditFileError
from ptybridge.adapters.authentication import Authentication
from ptybridge.adapters.tokens import Token, TokenFileError, load_token
from ptybridge.adapters.users import UserFileError, Users
from ptybridge.cli.preparation import ServeError
from ptybridge.config import Settings
from ptybridge.server.callers import TrustedProxies
from ptybridge.server.door import is_loopback, parse_origin
from ptybridge.server.runner import show_instead, tls_context

_log = structlog.get_logger(__name__)

ACCESS_FILE = "access.db"
USERS_FILE = "users.json"
TOKEN_FILE = "token"  # noqa: S105 - the file's name


def token_path(settings: Settings, state: Path) -> Path:
    """Where the token is."""
    chosen = settings.auth.token_file
    return Path(chosen).expanduser() if chosen else state / TOKEN_FILE


def secret_files(settings: Settings, state: Path) -> list[Path]:
    """The server's files and directories that programs in a sandbox must not see."""
    chosen = (
        settings.server.tls.key,
        settings.server.proxy_secret_file,
        settings.logging.audit,
        settings.metrics.token_file,
    )
    others = [Path(name).expanduser() for name in chosen if name is not None]
    if key := os.environ.get(f"{settings.responder.openai.api_key_env}_FILE"):
        others.append(Path(key))
    return [state, token_path(settings, state), *others]


@dataclass(frozen=True, slots=True)
class Entrance:
    """Who may come in.

    Attributes:
        authentication: Knows who is asking.
        store: Logins, share links, and who made which session.
        token: To be shown in the printed URL; None where it is of no use.
        scrape_token: Opens the metrics and nothing else; None where there is none.
        proxy_secret: What trusted proxies have to show; None where they need not.
    """

    authentication: Authentication
    store: AccessStore
    token: str | None
    scrape_token: Token | None = None
    proxy_secret: Token | None = None

    def is_scraper(self, token: str) -> bool:
        """Whether that is the scrape token, as its file has it now."""
        return self.scrape_token is not None and _is_now(self.scrape_token, token)

    @property
    def is_proxy_secret(self) -> Callable[[str], bool] | None:
        """Tells whether that is the proxies' secret; None where they need none."""
        return None if self.proxy_secret is None else partial(_is_now, self.proxy_secret)


def _is_now(token: Token, text: str) -> bool:
    token.refresh()
    return token.matches(text)


def open_entrance(settings: Settings, state: Path) -> Entrance:
    """Read the token or the users, and open the database.

    Raises:
        ServeError: One of the files cannot be used.
    """
    auth = settings.auth
    token: str | None = None
    users: Users | None = None
    path = token_path(settings, state)
    scraper = token_in("metrics.tokenFile", settings.metrics.token_file)
    secret = token_in("server.proxySecretFile", settings.server.proxy_secret_file)
    try:
        if auth.mode == "token":
            token = load_token(path)
        if auth.mode in {"password", "proxy"}:
            users = Users(state / USERS_FILE)
        store = AccessStore(state / ACCESS_FILE)
    except TokenFileError as error:
        raise ServeError(f"auth.tokenFile: {error}") from error
    except (UserFileError, AccessStoreError) as error:
        raise ServeError(str(error)) from error
    if auth.mode == "password" and users is not None and len(users) == 0:
        print(
            "ptybridge: warning: there is no user yet; run: ptybridge user add NAME",
            file=sys.stderr,
        )
    authentication = Authentication(
        auth.mode,
        store=store,
        token=None if token is None else Token(token, path=path),
        users=users,
        ticket_lifetime=auth.ticket_lifetime / 1000,
        login_lifetime=auth.login_lifetime / 1000,
        login_idle=auth.login_idle / 1000,
    )
    return Entrance(authentication, store, token, scraper, secret)


def token_in(setting: str, path: str | None) -> Token | None:
    """The token in the file that a setting names, made at the first start; None without one.

    Raises:
        ServeError: The file cannot be used.
    """
    if path is None:
        return None
    try:
        return Token.load(Path(path).expanduser())
    except TokenFileError as error:
        raise ServeError(f"{setting}: {error}") from error


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """What the server shows to clients; None without TLS.

    Raises:
        ServeError: Only one of the two files is set, or one cannot be used.
    """
    cert, key = settings.server.tls.cert, settings.server.tls.key
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        missing = "cert" if cert is None else "key"
        raise ServeError(f"server.tls.{missing}: needed, as the other of the two is set")
    for name, path in (("cert", cert), ("key", key)):
        try:
            Path(path).expanduser().read_bytes()
        except OSError as error:
            raise ServeError(
                f"server.tls.{name}: {path} cannot be read ({error.strerror}); set another"
            ) from error
    try:
        return _tls_context(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise ServeError(
            f"server.tls: {cert} and {key} hold no certificate and its key, without a "
            "passphrase; set others"
        ) from error


def reload_tls(settings: Settings, context: ssl.SSLContext) -> None:
    """Show clients what the two files hold now; where that cannot be used, the old stays."""
    cert, key = settings.server.tls.cert, settings.server.tls.key
    assert cert is not None
    assert key is not None
    try:
        renewed = _tls_context(cert, key)
    except OSError as error:  # ssl.SSLError is one
        _log.error("the certificate cannot be used; the old one stays", reason=str(error))
    else:
        show_instead(context, renewed)


def _tls_context(cert: str, key: str) -> ssl.SSLContext:
    return tls_context(str(Path(cert).expanduser()), str(Path(key).expanduser()))


def open_audit(settings: Settings) -> AuditFile | None:
    """Open the audit file; None where there is to be none.

    Raises:
        ServeError: It cannot be opened.
    """
    if settings.logging.audit is None:
        return None
    try:
        return AuditFile(Path(settings.logging.audit).expanduser())
    except AuditFileError as error:
        raise ServeError(f"logging.audit: {error}; set another file") from error


def check_openness(settings: Settings, *, is_local: bool, is_insecure: bool) -> None:
    """Refuse to be more open than meant.

    Args:
        settings: What the operator wants.
        is_local: Only this machine can reach the server.
        is_insecure: The operator has said that nothing needs to be encrypted.

    Raises:
        ServeError: Strangers could come in, or listen.
    """
    auth, server = settings.auth, settings.server
    for origin in auth.allowed_origins:
        if parse_origin(origin) is None:
            raise ServeError(f"auth.allowedOrigins: {origin} is no origin; correct or remove it")
    try:
        proxies = TrustedProxies(server.trusted_proxies)
    except ValueError as error:
        raise ServeError(f"server.trustedProxies: {error}; correct or remove it") from error
    if auth.mode == "proxy" and not proxies:
        raise ServeError(
            "auth.mode: proxy needs to know which proxy to believe; set server.trustedProxies"
        )
    if is_local:
        return
    if auth.mode == "none":
        raise ServeError(
            "auth.mode: none is for loopback addresses only, for whoever comes in has a shell; "
            "set another mode or transport.websocket.hostname (--host)"
        )
    if server.tls.cert is None and not proxies and not is_insecure:
        raise ServeError(
            "transport.websocket.hostname (--host): other machines can reach this address, and "
            "nothing would be encrypted; set server.tls, or server.trustedProxies to a proxy "
            "with TLS, or say --insecure"
        )
    if server.tls.cert is None and is_insecure:
        print(
            "ptybridge: warning: other machines can reach this server, and nothing is encrypted",
            file=sys.stderr,
        )


def is_local_socket(bound: object) -> bool:
    """Whether only this machine can reach a socket bound to that address (getsockname(2))."""
    return not isinstance(bound, tuple) or is_loopback(str(bound[0]).partition("%")[0])
