"""What makes a shell mark its prompts and commands, so that the page can jump among them.

Only the environment is used: nothing is written to anybody's files, and a shell whose own files set
the same variables goes without. The marks are FinalTerm's (OSC 133) and, for the working directory,
VS Code's (OSC 633), which other terminals pass over.
"""

import posixpath
from collections.abc import Mapping

_BASH = {
    # Before each prompt (bash(1), PROMPT_COMMAND): how the last command ended, where the shell is,
    # that a prompt begins; and once, behind the prompt, that it ends. ``$?`` is what it was
    # before, so it has to come first; bash gives it back to the user afterwards.
    "PROMPT_COMMAND": (
        r"""printf '\e]133;D;%s\a' "$?"; """
        r"""__ptybridge_cwd=${PWD//\\/\\\\}; """
        r"""printf '\e]633;P;Cwd=%s\a\e]133;A\a' "${__ptybridge_cwd//;/\\x3b}"; """
        r"""[[ $PS1 == *']133;B'* ]] || PS1+='\[\e]133;B\a\]'"""
    ),
    # Before a command runs (bash(1), PS0, since 4.4).
    "PS0": r"\e]133;C\a",
}


def integration(command: str) -> Mapping[str, str]:
    """Variables that make a shell mark its commands; none for programs that have no such.

    Args:
        command: The program of new terminals, a path or a name.
    """
    return _BASH if posixpath.basename(command) == "bash" else {}
