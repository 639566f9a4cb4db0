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
_SHOWN = 3
# What can be right in one theme and wrong in the other.
OF_COLOUR = ("color-contrast", "link-in-text-block")


async def violations_of(page: Page, *, rules: Sequence[str] = ()) -> list[str]:
    """Each rule that is broken, with the first places; of all rules unless some are named.

    The page's policy stops no script of a debugger.
    """
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(_AXE)
    found: list[dict[str, Any]] = await page.evaluate(_RUN, list(rules))
    return [f"{rule['id']}: {'; '.join(rule['nodes'][:_SHOWN])}" for rule in found]
