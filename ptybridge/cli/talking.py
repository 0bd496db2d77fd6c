"""``ptybridge say``, ``prompt`` and ``chat``: a session's channel from a terminal."""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections import deque
from typing import TextIO

import msgspec

from ptybridge.cli.connecting import (
    FAILED,
    INTERRUPTED,
    OK,
    connected,
    printable,
    shell_code,
)
from ptybridge.client import Answer, Client, RequestFailed, Subscription
from ptybridge.client.answers import AnswerEvent, fate_of
from ptybridge.client.subscriptions import Happening
from ptybridge.wire import session_messages as wire

HELP = "a line is said; /ask TEXT prompts, /stop cancels, /yes ID and /no ID approve, /quit leaves"


def _text(arguments: argparse.Namespace) -> str:
    text: str = arguments.text
    return sys.stdin.read() if text == "-" else text


async def say(arguments: argparse.Namespace) -> int:
    """Say something; the exit code."""
    async with connected(arguments, session=arguments.session) as client:
        name = await client.say(arguments.session, _text(arguments))
    if arguments.json:
        print(json.dumps({"messageID": name}))
    return OK


# --- prompt


async def prompt(arguments: argparse.Namespace) -> int:
    """Ask the responder, and print its answer; SIGINT cancels it. The exit code."""
    text = _text(arguments)
    loop = asyncio.get_running_loop()
    async with connected(arguments, session=arguments.session) as client:
        answer = await client.prompt(arguments.session, text)
        cancelling: set[asyncio.Task[None]] = set()

        def interrupt() -> None:
            if cancelling:  # asked twice: leave at once
                raise SystemExit(INTERRUPTED)
            cancelling.add(asyncio.create_task(_cancel(answer)))

        loop.add_signal_handler(signal.SIGINT, interrupt)
        async for event in answer.events():
            _print_event(event, is_json=arguments.json)
        for note in answer.notes:
            print(f"ptybridge: {printable(note)}", file=sys.stderr)
    if arguments.json:
        print(json.dumps({"type": "message.completed", "data": {"reason": answer.reason}}))
    return _exit_code(answer)


def _exit_code(answer: Answer) -> int:
    """How it ended: where the prompt was a command line, as a shell says it of that."""
    if answer.reason == "cancelled":
        return INTERRUPTED
    if answer.reason != "done":
        return FAILED
    return OK if answer.exit is None else shell_code(answer.exit.code, answer.exit.signal)


async def _cancel(answer: Answer) -> None:
    try:
        await answer.cancel()
    except RequestFailed as error:
        if error.code != "conflict":  # it has ended meanwhile
            raise


def _print_event(event: AnswerEvent, *, is_json: bool) -> None:
    if is_json:
        print(_as_json(event), flush=True)
    elif isinstance(event, wire.TextDelta):
        print(_shown(event.delta, sys.stdout), end="", flush=True)
    elif isinstance(event, wire.ToolCall) and event.needs_approval:
        what = printable(" ".join(event.input.values()))
        line = f"waits for approval in the session: {event.tool} {what} ({event.call_id})"
        print(f"ptybridge: {line}", file=sys.stderr)


def _as_json(event: Happening) -> str:
    data = msgspec.to_builtins(event)
    return json.dumps({"type": event.type, "data": data})


def _shown(text: str, file: TextIO) -> str:
    """Words for a file as they are; for a terminal without what would act on it."""
    return printable(text) if file.isatty() else text


# --- chat


async def chat(arguments: argparse.Namespace) -> int:
    """Print what happens in a session, and do what the lines of standard input say."""
    session = arguments.session
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue()
    keys = Lines(sys.stdin.fileno(), lines)
    async with (
        connected(arguments, session=session) as client,
        await client.subscribe(session) as heard,
    ):
        _print_past(heard, is_json=arguments.json)
        if sys.stdin.isatty():
            print(f"[{HELP}]", file=sys.stderr)
        loop.add_reader(keys.fd, keys.read)
        asked = Asked()
        talking = asyncio.create_task(_talk(client, heard, lines, asked))
        listening = asyncio.create_task(_listen(heard, asked, is_json=arguments.json))
        try:
            await asyncio.wait([talking, listening], return_when=asyncio.FIRST_COMPLETED)
            for task in (talking, listening):
                if task.done():
                    await task
        finally:
            loop.remove_reader(keys.fd)
            talking.cancel()
            listening.cancel()
    return OK


class Lines:
    """Lines from a descriptor, as soon as they are whole; an empty one at the end."""

    def __init__(self, fd: int, lines: "asyncio.Queue[str]") -> None:
        self.fd = fd
        self._lines = lines
        self._held = b""

    def read(self) -> None:
        """Take what is there."""
        try:
            data = os.read(self.fd, 65_536)
        except OSError:  # the terminal has gone (EIO)
            data = b""
        *whole, self._held = (self._held + data).split(b"\n")
        if not data:
            asyncio.get_running_loop().remove_reader(self.fd)
            whole, self._held = ([self._held] if self._held else []), b""
        for line in whole:
            self._lines.put_nowait(line.decode(errors="replace") + "\n")
        if not data:
            self._lines.put_nowait("")


class Asked:
    """The prompts of this chat that have not been answered to the end."""

    def __init__(self) -> None:
        self._prompts: set[str] = set()
        self._answers: dict[str, str] = {}
        self._ended: deque[str] = deque(maxlen=64)
        self._has_lost = False
        self._are_answered = asyncio.Event()
        self._are_answered.set()

    def add(self, prompt_id: str) -> None:
        """A prompt was taken; its answer may have come before this is known."""
        if prompt_id in self._ended:
            return
        self._prompts.add(prompt_id)
        self._are_answered.clear()

    def note(self, event: Happening) -> None:
        """Something has happened in the session."""
        match event:
            case wire.MessageCreated(message=message) if message.reply_to is not None:
                self._answers[message.id] = message.reply_to
            case wire.MessageCompleted(message_id=name):
                self._end(self._answers.pop(name, name))
            case wire.Cancelled(message_id=name):
                self._end(name)
            case wire.Gap():
                self._has_lost = True
            case _:
                pass

    async def catch_up(self, heard: Subscription) -> None:
        """If events are lost, ask which prompts have been answered in the meantime."""
        if not self._has_lost:
            return
        for prompt_id in tuple(self._prompts):
            fate = await fate_of(heard, prompt_id)
            if fate is None:
                return
            if fate.reason is not None:
                self._end(prompt_id)
            elif fate.answer is not None:
                self._answers[fate.answer.id] = prompt_id

    def _end(self, prompt_id: str) -> None:
        self._ended.append(prompt_id)
        self._prompts.discard(prompt_id)
        if not self._prompts:
            self._are_answered.set()

    async def answered(self) -> None:
        """Wait until all have been answered, or withdrawn."""
        await self._are_answered.wait()


async def _talk(
    client: Client, heard: Subscription, lines: "asyncio.Queue[str]", asked: Asked
) -> None:
    """Do what the lines say, until they end and what they asked for is answered."""
    session = heard.session_id
    while line := await lines.get():
        word, _, rest = line.strip().partition(" ")
        try:
            match word:
                case "":
                    pass
                case "/quit":
                    return
                case "/ask":
                    prompt = wire.PromptRequest([wire.Part("text", rest)], session_id=session)
                    reply = await client.request(prompt)
                    if isinstance(reply, wire.Taken):
                        asked.add(reply.message_id)
                case "/stop":
                    await client.cancel(session)
                case "/yes" | "/no":
                    await client.request(wire.Approve(rest.strip(), word == "/yes", session))
                case _ if word.startswith("/"):
                    print(f"[{HELP}]", file=sys.stderr)
                case _:
                    await client.say(session, line.strip())
        except RequestFailed as error:
            print(f"[{error}]", file=sys.stderr)
    await asked.catch_up(heard)  # a prompt may have been taken behind the gap that it ended in
    await asked.answered()


async def _listen(heard: Subscription, asked: Asked, *, is_json: bool) -> None:
    """Print what happens."""
    words = Words()
    async for event in heard:
        asked.note(event)
        if isinstance(event, wire.Gap):
            await asked.catch_up(heard)
        if is_json:
            print(_as_json(event), flush=True)
        else:
            print(_shown(words.of(event), sys.stdout), end="", flush=True)


def _print_past(heard: Subscription, *, is_json: bool) -> None:
    state = heard.state
    if is_json or state is None:
        return
    for message in state.messages:
        text = "".join(part.text for part in message.parts)
        print(_shown(f"{message.author}: {text.rstrip()}\n", sys.stdout), end="")


class Words:
    """Events as text, one line each; an answer's words as they come."""

    def __init__(self) -> None:
        self._is_in_answer = False

    def of(self, event: Happening) -> str:
        """What is printed for an event."""
        if isinstance(event, wire.TextDelta):
            self._is_in_answer = not event.delta.endswith("\n")
            return event.delta
        text = _line_of(event)
        if text is None:
            return ""
        start = "\n" if self._is_in_answer else ""
        self._is_in_answer = False
        return f"{start}{text}\n" if text else start


def _line_of(event: Happening) -> str | None:
    """An event that is no part of an answer, as a line; None where it is worth none."""
    line: str | None = None
    match event:
        case wire.MessageCreated(message=message):
            line = f"{message.author}: {''.join(part.text for part in message.parts)}".rstrip()
        case wire.ToolCall(tool=tool, input=given, call_id=name, needs_approval=needs):
            question = f" (/yes {name} or /no {name})" if needs else ""
            line = f"[{tool} {' '.join(given.values())}{question}]"
        case wire.ToolApproval(approved=approved, author=author):
            line = f"[{author} {'approves' if approved else 'refuses'}]"
        case wire.ToolResult(output=output):
            line = f"[{output}]"
        case wire.MessageCompleted(reason=reason):
            line = "" if reason == "done" else f"[{reason}]"
        case wire.MemberJoined(member=member):
            line = f"[{member.name} has come]"
        case wire.MemberChanged(member=member):
            line = f"[{member.name} is {member.role} now]"
        case wire.MemberLeft(member=member):
            line = f"[{member.name} has left]"
        case wire.SessionRenamed(title=title):
            line = f"[the session is called {title}]" if title else None
        case wire.SessionClosed():
            line = "[the session has ended]"
        case wire.Gap():
            line = "[some of it can no longer be had]"
        case _:
            pass
    return line
