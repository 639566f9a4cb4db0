"""axe-core's rules on a page as it stands."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.async_api import Page

_AXE = (Path(__file__).parent / "vendor/axe-core-4.14.1/axe.min.js").read_text(encoding="utf-8")
_RUN = """
async (rules) => {
  const options = {resultTypes: ["violations"], elementRef: false};
  if (rules.length) options.runOnly = {type: "rule", values: rules};
  const found = await axe.run(document, options);
  return found.violations.map((rule) => ({id: rule.id, nodes: rule.nodes.map((node) => `${node.target} ${node.failureSummary}`)}));
}
"""
# All that a rule can see of a page but its colours: the document, and of each element whether and where it is shown.
_SHAPE = """
() => {
  const seen = [document.documentElement.outerHTML];
  for (const one of document.querySelectorAll("*")) {
    const {x, y, width, height} = one.getBoundingClientRect();
    const style = getComputedStyle(one);
    const words = ["::before", "::after"].map((part) => getComputedStyle(one, part).content);
    seen.push([one.tagName, x, y, width, height, style.display, style.visibility, style.opacity, style.fontSize, style.fontWeight, ...words].join());
  }
  return seen.join("\\n");
}
"""
_SHOWN = 3
# The rules of axe-core that look at colours; all others look at what `shape_of` tells.
OF_COLOUR = ("color-contrast", "link-in-text-block")


async def violations_of(page: Page, *, rules: Sequence[str] = ()) -> list[str]:
    """Each rule that is broken, with the first places; of all rules unless some are named.

    The page's policy stops no script of a debugger.
    """
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(_AXE)
    found: list[dict[str, Any]] = await page.evaluate(_RUN, list(rules))
    return [f"{rule['id']}: {'; '.join(rule['nodes'][:_SHOWN])}" for rule in found]


async def shape_of(page: Page) -> str:
    """The same in two themes: there, a rule that looks at no colour finds the same."""
    shape: str = await page.evaluate(_SHAPE)
    return shape
