"""A language model as a responder, behind any OpenAI-compatible endpoint."""

from collections.abc import Mapping

from ptybridge.adapters.confinement import Confinement
from ptybridge.adapters.responders.completions import Endpoint, Message
from ptybridge.adapters.responders.tools import TOOLS, Toolbox
from ptybridge.core.responder import Answer, Prompt, ResponderFailed

MAX_ROUNDS = 8
"""Requests for one prompt: the first, and one after each use of tools."""

MAX_HISTORY = 200_000
"""Characters of the messages before the prompt that are sent; the newest ones."""

_CUT_SHORT = ("length", "content_filter")

_INSTRUCTIONS = (
    "You answer prompts in the session {session!r} of a terminal server; its members share "
    "terminals and read what you write. The tools act on the session's active terminal. Some of "
    "them wait until a member allows it; what is refused is not to be tried in another way. "
    "Answer briefly, in plain text."
)


class OpenAIResponder:
    """Sends prompts with their history to a model, and lets it use tools.

    Attributes:
        name: What others are shown as the answers' author: the model's name.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        shell: str,
        env: Mapping[str, str],
        cwd: str | None,
        needs_approval: bool,
        confinement: Confinement | None = None,
    ) -> None:
        """``shell``, ``env`` and ``cwd`` are what ``run_command`` runs in.

        Args:
            endpoint: Where the model is.
            shell: Runs command lines.
            env: Their whole environment.
            cwd: Where they run while the session has no terminal.
            needs_approval: A writer is asked before anything is run or typed.
            confinement: The bounds of the commands; None is none.
        """
        self.name = endpoint.model
        self._endpoint = endpoint
        self._shell = shell
        self._env = env
        self._cwd = cwd
        self._needs_approval = needs_approval
        self._confinement = confinement

    async def respond(self, prompt: Prompt, answer: Answer) -> None:
        """Answer ``prompt``; cancelling closes the stream, or stops the command, at once.

        Raises:
            ResponderFailed: The endpoint fails, or the model comes to no end.
        """
        messages = _messages(prompt)
        toolbox = Toolbox(
            prompt.workspace,
            answer,
            shell=self._shell,
            env=self._env,
            cwd=self._cwd,
            needs_approval=self._needs_approval,
            confinement=self._confinement,
        )
        for _ in range(MAX_ROUNDS):
            completion = await self._endpoint.complete(messages, TOOLS, answer.text)
            if completion.finish in _CUT_SHORT:
                raise ResponderFailed(f"the model's answer was cut short ({completion.finish})")
            if not completion.requests:
                return
            if completion.text:
                answer.text("\n\n")  # what it says after using tools is a paragraph of its own
            calls = [
                {
                    "id": request.id,
                    "type": "function",
                    "function": {"name": request.name, "arguments": request.arguments},
                }
                for request in completion.requests
            ]
            said = {"role": "assistant", "content": completion.text or None, "tool_calls": calls}
            messages.append(said)
            for request in completion.requests:
                result = await toolbox.use(request)
                messages.append({"role": "tool", "tool_call_id": request.id, "content": result})
        raise ResponderFailed(f"the model asked for tools {MAX_ROUNDS} times without an answer")


def _messages(prompt: Prompt) -> list[Message]:
    """What the model is sent; the server's own messages are not part of the talk."""
    said: list[Message] = [{"role": "user", "content": prompt.text}]
    room = MAX_HISTORY
    for message in reversed(prompt.history):
        if message.speaker == "system" or not message.text:
            continue
        room -= len(message.text)
        if room < 0:
            break
        said.append({"role": message.speaker, "content": message.text})
    said.append({"role": "system", "content": _INSTRUCTIONS.format(session=prompt.session)})
    return said[::-1]
