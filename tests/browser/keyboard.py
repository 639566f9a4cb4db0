"""Hands that stay on the keyboard: nothing is clicked, and what cannot be reached with Tab is not there."""

from dataclasses import dataclass

from playwright.async_api import Locator, Page, expect

_MOST_TABS = 90


@dataclass(frozen=True)
class Keyboard:
    page: Page

    async def reach(self, target: Locator) -> None:
        """Press Tab until it has the focus; it may have it already."""
        await expect(target).to_be_visible()
        for _ in range(_MOST_TABS):
            if await target.evaluate("(one) => one === document.activeElement"):  # looked up anew: rows are swapped
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"{target} is not reached with Tab")

    async def press(self, target: Locator) -> None:
        await self.reach(target)
        await self.page.keyboard.press("Enter")

    async def type(self, target: Locator, text: str) -> None:
        await self.reach(target)
        await self.page.keyboard.type(text)

    async def button(self, name: str, within: Locator | None = None) -> None:
        await self.press((within or self.page).get_by_role("button", name=name).first)

    async def link(self, name: str) -> None:
        await self.press(self.page.get_by_role("link", name=name).first)
