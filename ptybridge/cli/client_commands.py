"""The commands that hold a connection to a server, as far as the parser has to know them.

What they need is imported when one is run: a version is told at once.
"""

import argparse


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    where: argparse.ArgumentParser,
    as_json: argparse.ArgumentParser,
) -> None:
    """Add ``attach``, ``run``, ``say``, ``prompt`` and ``chat``."""
    carried = argparse.ArgumentParser(add_help=False)
    carried.add_argument(
        "--transport",
        choices=("auto", "websocket", "sse"),
        default="auto",
        help="what carries the connection; auto prefers WebSocket",
    )
    attach = commands.add_parser(
        "attach", parents=[where, carried], help="show a terminal here; ~. detaches"
    )
    attach.add_argument("id", metavar="ID")
    attach.add_argument("--watch", action="store_true", help="without the right to type")
    attach.set_defaults(work=_attach)

    command = commands.add_parser(
        "run",
        parents=[where, as_json],
        help="run a command in a fresh terminal; its output and exit code here",
    )
    command.add_argument(
        "--transport",
        choices=("auto", "websocket", "sse", "direct"),
        default="auto",
        help="what carries the connection; direct needs no server",
    )
    command.add_argument("--session", default="main", help="the session that it belongs to (main)")
    command.add_argument("--cwd", metavar="DIRECTORY", help="where it starts")
    command.add_argument("argv", nargs=argparse.REMAINDER, metavar="COMMAND")
    command.set_defaults(work=_run)

    parents = [where, carried, as_json]
    say = commands.add_parser("say", parents=parents, help="say something in a session")
    prompt = commands.add_parser(
        "prompt", parents=parents, help="ask a session's responder; the answer as it comes"
    )
    for parser in (say, prompt):
        parser.add_argument("session", metavar="SESSION")
        parser.add_argument("text", metavar="TEXT", help="- reads it from standard input")
    say.set_defaults(work=_say)
    prompt.set_defaults(work=_prompt)
    chat = commands.add_parser("chat", parents=parents, help="talk in a session")
    chat.add_argument("session", metavar="SESSION", nargs="?", default="main")
    chat.set_defaults(work=_chat)


def _attach(arguments: argparse.Namespace) -> int:
    from ptybridge.cli import attaching, connecting  # noqa: PLC0415

    return connecting.run(attaching.attach(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from ptybridge.cli import connecting, running  # noqa: PLC0415

    return connecting.run(running.run_command(arguments))


def _say(arguments: argparse.Namespace) -> int:
    from ptybridge.cli import connecting, talking  # noqa: PLC0415

    return connecting.run(talking.say(arguments))


def _prompt(arguments: argparse.Namespace) -> int:
    from ptybridge.cli import connecting, talking  # noqa: PLC0415

    return connecting.run(talking.prompt(arguments))


def _chat(arguments: argparse.Namespace) -> int:
    from ptybridge.cli import connecting, talking  # noqa: PLC0415

    return connecting.run(talking.chat(arguments))
