"""A responder that says what the test wants, when it wants."""

import asyncio
from collections.abc import Awaitable, Callable

from ptybridge.core.responder import Answer, Prompt

Part = str | Callable[[Answer], Awaitable[None]]
"""Words, or something that speaks."""


class Scripted:
    """Answers each prompt by its name from ``parts``, else with the prompt's own words.

    Attributes:
        parts: What is answered to which words.
        may_go_on: Cleared, an answer waits behind its first part.
    """

    name = "helper"

    def __init__(self, **parts: list[Part]) -> None:
        self.parts = parts
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def respond(self, prompt: Prompt, answer: Answer) -> None:
        for part in self.parts.get(prompt.text, [prompt.text]):
            if isinstance(part, str):
                answer.text(part)
            else:
                await part(answer)
            await self.may_go_on.wait()
