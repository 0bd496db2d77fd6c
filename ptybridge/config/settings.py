"""What can be set, with types, ranges and defaults; what it means is said in ``config.yaml``.

Names are those of the file but for the case (``basePath`` is ``base_path`` here), and so are the
units: times are milliseconds and sizes bytes. Whoever takes a time turns it into seconds there.
Every setting has a default, and every value is frozen.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


def _key(field: str) -> str:
    """``base_path`` to ``basePath``, ``base_url`` to ``baseURL``."""
    first, *rest = field.split("_")
    return first + "".join("URL" if word == "url" else word.capitalize() for word in rest)


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename=_key):
    """A group of settings."""


Port = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=1, le=10**9)]
Lifetime = Annotated[int, Meta(ge=1_000, le=10**12)]
Interval = Annotated[int, Meta(ge=100, le=3_600_000)]
# No pattern here: msgspec 0.22 frees too much of a union of a list and a text with a pattern.
Text = Annotated[str, Meta(min_length=1, description="text")]
Command = Annotated[tuple[Text, ...], Meta(min_length=1)]
BasePath = Annotated[
    str,
    Meta(
        pattern=r"^/(?:[A-Za-z0-9._~-]+(?:/|\Z))*\Z",
        description="a path that begins with a slash, such as /terminals/",
    ),
]
Origin = Annotated[
    str,
    Meta(
        pattern=r"^https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)(?::[0-9]{1,5})?\Z",
        description="origins such as https://example.org",
    ),
]
VariableName = Annotated[
    str, Meta(pattern=r"^[^=]+\Z", description="names of environment variables")
]
VariableValue = Annotated[str, Meta(description="texts")]


class Ping(Section, frozen=True):
    """When silence becomes suspicious, and when deadly."""

    interval: Interval = 30_000
    timeout: Interval = 10_000


class Reconnect(Section, frozen=True):
    """How clients come back."""

    max_attempts: Annotated[int, Meta(ge=0, le=1_000_000)] = 5
    delay: Annotated[int, Meta(ge=1, le=3_600_000)] = 1_000


class WebSocketSettings(Section, frozen=True):
    """Where the server listens, and its sockets' lives."""

    hostname: Text = "127.0.0.1"
    port: Port = 4096
    ping: Ping = Ping()
    reconnect: Reconnect = Reconnect()
    compression: Literal["auto", "off"] = "auto"


class Transport(Section, frozen=True):
    """What carries connections."""

    mode: Literal["websocket", "sse", "direct"] = "websocket"
    websocket: WebSocketSettings = WebSocketSettings()


class Tls(Section, frozen=True):
    """Certificate and key files."""

    cert: Text | None = None
    key: Text | None = None


class Server(Section, frozen=True):
    """What is between the server and its clients."""

    base_path: BasePath = "/"
    tls: Tls = Tls()
    unix_socket: Text | None = None
    trusted_proxies: tuple[Text, ...] = ()
    proxy_secret_file: Text | None = None


class Auth(Section, frozen=True):
    """Who may come in."""

    mode: Literal["token", "password", "proxy", "none"] = "token"
    token_file: Text | None = None
    proxy_header: Text = "X-Forwarded-User"
    allowed_origins: tuple[Origin, ...] = ()
    ticket_lifetime: Annotated[int, Meta(ge=1_000, le=3_600_000)] = 60_000
    login_lifetime: Lifetime = 2_592_000_000
    login_idle: Lifetime = 604_800_000


Bytes = Annotated[int, Meta(ge=0, le=1 << 50)]


class ProcessLimits(Section, frozen=True):
    """Resource limits of every process in a terminal; null is the server's own."""

    open_files: Annotated[int, Meta(ge=16, le=10**9)] | None = None
    processes: Count | None = None
    file_size: Bytes | None = None
    cpu_seconds: Count | None = None
    core_size: Bytes | None = None


class CgroupSettings(Section, frozen=True):
    """What one terminal may take in all; null is as much as the server."""

    memory_bytes: Annotated[int, Meta(ge=4 << 20, le=1 << 50)] | None = None
    processes: Count | None = None


class Confine(Section, frozen=True):
    """What keeps programs within bounds."""

    no_new_privs: bool = False
    limits: ProcessLimits = ProcessLimits()
    cgroup: CgroupSettings = CgroupSettings()
    bubblewrap: bool = False


class Terminals(Section, frozen=True):
    """What runs, and for how long."""

    command: Command | Text | None = None
    cwd: Text | None = None
    env: dict[VariableName, VariableValue] = {}
    pass_env: tuple[Text, ...] = ("LANG", "LC_*", "TZ", "PATH", "HOME", "USER", "LOGNAME", "SHELL")
    shell_integration: bool = True
    scrollback_lines: Annotated[int, Meta(ge=0, le=1_000_000)] = 10_000
    tail_bytes: Annotated[int, Meta(ge=4096, le=1 << 30)] = 1_048_576
    sizing: Literal["smallest", "controller", "fixed"] = "smallest"
    control: Literal["free", "turn"] = "free"
    keep_detached: Annotated[int, Meta(ge=0, le=10**12)] = 86_400_000
    idle_timeout: Annotated[int, Meta(ge=0, le=10**12)] = 0
    run_as: Text | None = None
    confine: Confine = Confine()


class Files(Section, frozen=True):
    """What files people may move to and from where terminals run."""

    enabled: bool = True
    root: Text | None = None
    max_bytes: Bytes = 1 << 32
    transfers: Annotated[int, Meta(ge=1, le=1000)] = 16


class OpenAI(Section, frozen=True):
    """An OpenAI-compatible endpoint."""

    base_url: Text | None = None
    model: Text | None = None
    api_key_env: Text = "OPENAI_API_KEY"


class Responder(Section, frozen=True):
    """What answers prompts."""

    kind: Literal["none", "shell", "command", "openai"] = "shell"
    command: Command | None = None
    approve: Literal["always", "never"] = "always"
    openai: OpenAI = OpenAI()


class Store(Section, frozen=True):
    """Where sessions and messages are kept."""

    path: Text | None = None


class LimitSettings(Section, frozen=True):
    """How much there may be of what."""

    connections: Count = 10_000
    connections_per_user: Count = 1_000
    sessions: Count = 1_000
    sessions_per_user: Count = 100
    messages: Annotated[int, Meta(ge=500, le=10**9)] = 10_000
    terminals: Count = 200
    terminals_per_user: Count = 50
    message_bytes: Annotated[int, Meta(ge=1024, le=16 << 20)] = 65_536
    input_queue_bytes: Annotated[int, Meta(ge=4096, le=1 << 30)] = 1_048_576
    handshake: Interval = 10_000
    login_attempts: Count = 10


class Logging(Section, frozen=True):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"
    audit: Text | None = None


class MetricsSettings(Section, frozen=True):
    """Who may see the server's numbers besides its owners."""

    token_file: Text | None = None


class Settings(Section, frozen=True):
    """All of them; each part of the program is given its section."""

    transport: Transport = Transport()
    server: Server = Server()
    auth: Auth = Auth()
    terminals: Terminals = msgspec.field(default_factory=Terminals)
    files: Files = Files()
    responder: Responder = Responder()
    store: Store = Store()
    limits: LimitSettings = LimitSettings()
    logging: Logging = Logging()
    metrics: MetricsSettings = MetricsSettings()


def fields(section: type[Section]) -> dict[str, msgspec.structs.FieldInfo]:
    """The settings and sections of a section, by their names in the file."""
    return {field.encode_name: field for field in msgspec.structs.fields(section)}


def setting_names(section: type[Section] = Settings, prefix: str = "") -> list[str]:
    """The full names of all settings, sections left out, in the file's order."""
    names: list[str] = []
    for name, field in fields(section).items():
        if isinstance(field.type, type) and issubclass(field.type, Section):
            names += setting_names(field.type, f"{prefix}{name}.")
        else:
            names.append(prefix + name)
    return names


def value_of(settings: Section, name: str) -> object:
    """What the setting of that full name is set to."""
    value: object = settings
    for part in name.split("."):
        assert isinstance(value, Section)
        value = getattr(value, fields(type(value))[part].name)
    return value
