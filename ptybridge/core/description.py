"""What a terminal's output says of the terminal: its title, where its shell is, what it runs."""

from dataclasses import replace

from ptybridge.core.offers import DownloadOffered, Offers
from ptybridge.core.screen import (
    Bell,
    CommandFinished,
    CommandStarted,
    DownloadAsked,
    Notification,
    Progress,
    ProgressState,
    PromptMark,
    Saying,
    ScreenEvent,
    Title,
    WorkingDirectory,
)

MAX_TITLE = 256
"""Characters of a program's title that are kept."""

MAX_TEXT = 4096
"""Characters that are kept of what else a program says of itself."""

BELL = Bell()


class Description:
    """The states that a stream declares.

    Attributes:
        title: The title: what people gave, else what the program sets, else the program's name.
        is_renamed: Whether people gave it.
        directory: Where the shell says it is; None while it has not said.
        progress: How far the program says it is; None for none.
        command: The command line that the shell runs; None while it waits for one or does not
            say, empty when it says only that something runs.
        offers: Knows which downloads that the output offers are the program's own.
        exit_code: How the last command ended; None before one has, or when the shell did not say.
        bells: How often it has rung.
    """

    __slots__ = (
        "_name",
        "_said",
        "bells",
        "command",
        "directory",
        "exit_code",
        "is_renamed",
        "offers",
        "progress",
        "title",
    )

    def __init__(self, name: str) -> None:
        self._name = name
        self.title = name
        self.is_renamed = False
        self._said = name
        self.directory: WorkingDirectory | None = None
        self.progress: Progress | None = None
        self.command: str | None = None
        self.exit_code: int | None = None
        self.offers = Offers.make()
        self.bells = 0

    def rename(self, title: str) -> bool:
        """Show a title in the place of the program's; empty: that again. Whether it is another."""
        before = (self.title, self.is_renamed)
        self.is_renamed = bool(title)
        self.title = title or self._said
        return (self.title, self.is_renamed) != before

    def note(self, event: ScreenEvent) -> Saying | DownloadOffered | None:
        """Take note of ``event``; what viewers should be told, None when that is nothing new."""
        if isinstance(event, DownloadAsked):
            return self.offers.accept(event)
        self.bells += event == BELL
        return self._note(event)

    def _note(self, event: Saying) -> Saying | None:
        match event:
            case Title(text):
                event = Title(text[:MAX_TITLE])
                self._said = event.text or self._name
                if self.is_renamed or self._said == self.title:
                    return None
                self.title = self._said
            case WorkingDirectory(path, host):
                event = WorkingDirectory(path[:MAX_TEXT], host[:MAX_TITLE])
                if event == self.directory:
                    return None
                self.directory = event if event.path else None
            case Progress(state):
                if event == self.progress:
                    return None
                self.progress = None if state is ProgressState.NONE else event
            case Notification(title, body):
                event = Notification(title[:MAX_TITLE], body[:MAX_TEXT])
            case CommandStarted(command_line):
                self.command = (command_line or "")[:MAX_TEXT]
                if command_line is not None:
                    event = replace(event, command_line=self.command)
            case CommandFinished(exit_code):
                self.command = None
                self.exit_code = exit_code
            case PromptMark():
                self.command = None
            case _:
                pass
        return event
