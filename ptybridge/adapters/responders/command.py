"""Any program as a responder: it reads the prompt and writes the answer."""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence

from ptybridge.adapters.responders import processes
from ptybridge.core.responder import Answer, Prompt, ResponderFailed
from ptybridge.core.values import ExitStatus

HISTORY = "PTYBRIDGE_HISTORY"
"""Environment variable that names the file with the messages before the prompt."""

SESSION = "PTYBRIDGE_SESSION"
"""Environment variable that names the session."""


class CommandResponder:
    """Runs a program for each prompt.

    The prompt comes on its standard input, the history as JSON in a file that ``HISTORY`` names:
    a list of objects with ``role``, ``author``, ``text`` and ``time`` (seconds since the Unix
    epoch), oldest first. What it writes to standard output is the answer.

    Attributes:
        name: What others are shown as the answers' author.
    """

    def __init__(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str | None) -> None:
        """``cwd`` is where it runs while the session has no terminal."""
        self.name = argv[0].rpartition("/")[2]
        self._argv = tuple(argv)
        self._env = env
        self._cwd = cwd

    async def respond(self, prompt: Prompt, answer: Answer) -> None:
        """Run the program.

        Raises:
            ResponderFailed: It cannot be started, or ends with something else than 0.
        """
        history = [
            {
                "role": message.speaker,
                "author": message.author,
                "text": message.text,
                "time": message.time,
            }
            for message in prompt.history
        ]
        with tempfile.NamedTemporaryFile("w", prefix="ptybridge-history-", suffix=".json") as file:
            json.dump(history, file)
            file.flush()
            code = await processes.run(
                self._argv,
                env={**self._env, HISTORY: file.name, SESSION: prompt.session},
                cwd=prompt.workspace.directory() or self._cwd,
                text=prompt.text,
                heard=answer.text,
                hears_errors=False,
            )
        if code != 0:
            name = os.path.basename(self._argv[0])
            raise ResponderFailed(f"{name} ended with {ExitStatus.of(code)}")
