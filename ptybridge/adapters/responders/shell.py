"""The shell as a responder: a prompt is a command line."""

from collections.abc import Mapping

from ptybridge.adapters.confinement import Confinement
from ptybridge.adapters.responders import processes
from ptybridge.core.responder import Answer, Prompt
from ptybridge.core.values import ExitStatus


class ShellResponder:
    """Runs prompts as command lines, where the session's active terminal is.

    Attributes:
        name: What others are shown as the answers' author.
    """

    name = "shell"

    def __init__(
        self,
        shell: str,
        *,
        env: Mapping[str, str],
        cwd: str | None,
        confinement: Confinement | None = None,
    ) -> None:
        """``cwd`` is where command lines run while the session has no terminal.

        ``confinement`` holds for them as it does for programs in terminals.
        """
        self._shell = shell
        self._env = env
        self._cwd = cwd
        self._confinement = confinement

    async def respond(self, prompt: Prompt, answer: Answer) -> None:
        """Run the command line; its output is the answer, how it ended the tool's result."""
        cwd = prompt.workspace.directory() or self._cwd
        arguments = {"command": prompt.text, **({"cwd": cwd} if cwd else {})}
        call = answer.tool_call("shell", arguments)
        code = await processes.run(
            (self._shell, "-c", prompt.text),
            env=self._env,
            cwd=cwd,
            text="",
            heard=answer.text,
            confinement=self._confinement,
        )
        status = ExitStatus.of(code)
        answer.tool_result(call, str(status), failed=code != 0, status=status)
