"""What a model may do in a session: run commands, read the screen, type."""

import json
from collections.abc import Mapping

from ptybridge.adapters.confinement import Confinement
from ptybridge.adapters.responders import processes
from ptybridge.adapters.responders.completions import Message, ToolRequest
from ptybridge.core.responder import Answer, ResponderFailed, Workspace
from ptybridge.core.values import ExitStatus

MAX_OUTPUT = 32 * 1024
"""Characters of a result that the model and the members are given."""

REFUSED = "refused by a member of the session; do not try it in another way"


def _tool(name: str, description: str, **texts: str) -> Message:
    """A tool whose arguments are texts, in the API's form (JSON Schema)."""
    properties = {key: {"type": "string", "description": what} for key, what in texts.items()}
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(texts),
        "additionalProperties": False,
    }
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


TOOLS = (
    _tool(
        "run_command",
        "Run a shell command line where the active terminal is, beside it; gives its exit code "
        "and output. It reads no input.",
        command="The command line.",
    ),
    _tool("read_screen", "Read what is on the active terminal's screen."),
    _tool(
        "type_text",
        "Type into the active terminal.",
        text="The keys: \\r is Enter, \\u0003 is Ctrl-C.",
    ),
)
_ARGUMENT = {"run_command": "command", "read_screen": None, "type_text": "text"}


class Toolbox:
    """The tools during one answer."""

    def __init__(
        self,
        workspace: Workspace,
        answer: Answer,
        *,
        shell: str,
        env: Mapping[str, str],
        cwd: str | None,
        needs_approval: bool,
        confinement: Confinement | None = None,
    ) -> None:
        """``needs_approval``: a writer is asked before anything is run or typed."""
        self._workspace = workspace
        self._answer = answer
        self._shell = shell
        self._env = env
        self._cwd = cwd
        self._needs_approval = needs_approval
        self._confinement = confinement

    async def use(self, request: ToolRequest) -> str:
        """Do what the model asks for, and tell the members; what the model is told."""
        arguments = _arguments(request)
        if arguments is None:
            call = self._answer.tool_call(request.name, {"arguments": request.arguments})
            return self._told(call, "there is no such tool with such arguments", failed=True)
        needs_approval = self._needs_approval and request.name != "read_screen"
        call = self._answer.tool_call(request.name, arguments, needs_approval=needs_approval)
        if needs_approval and not await self._answer.approval(call):
            return self._told(call, REFUSED, failed=True)
        try:
            match request.name:
                case "run_command":
                    return await self._run(call, arguments["command"])
                case "read_screen":
                    return self._told(call, self._workspace.read_screen())
                case _:
                    self._workspace.type_text(arguments["text"])
                    return self._told(call, "typed")
        except ResponderFailed as error:
            return self._told(call, str(error), failed=True)

    async def _run(self, call: str, command: str) -> str:
        output = _Output()
        code = await processes.run(
            (self._shell, "-c", command),
            env=self._env,
            cwd=self._workspace.directory() or self._cwd,
            text="",
            heard=output.hear,
            confinement=self._confinement,
        )
        status = ExitStatus.of(code)
        return self._told(call, f"{status}\n{output.text()}", failed=code != 0, status=status)

    def _told(
        self, call: str, result: str, *, failed: bool = False, status: ExitStatus | None = None
    ) -> str:
        self._answer.tool_result(call, result, failed=failed, status=status)
        return result


class _Output:
    """The beginning and the end of what a command writes, however much it is."""

    def __init__(self) -> None:
        self._first = ""
        self._last = ""
        self._left_out = 0

    def hear(self, text: str) -> None:
        room = MAX_OUTPUT // 2 - len(self._first)
        self._first += text[:room]
        self._last += text[room:]
        excess = max(0, len(self._last) - MAX_OUTPUT // 2)
        self._last = self._last[excess:]
        self._left_out += excess

    def text(self) -> str:
        gap = f"\n[{self._left_out} characters left out]\n" if self._left_out else ""
        return f"{self._first}{gap}{self._last}"


def _arguments(request: ToolRequest) -> dict[str, str] | None:
    """The arguments by name; None where the tool or they make no sense."""
    if request.name not in _ARGUMENT:
        return None
    wanted = _ARGUMENT[request.name]
    if wanted is None:
        return {}
    try:
        given = json.loads(request.arguments)
    except (ValueError, RecursionError):
        return None
    value = given.get(wanted) if isinstance(given, dict) else None
    return {wanted: value} if isinstance(value, str) and "\0" not in value else None
