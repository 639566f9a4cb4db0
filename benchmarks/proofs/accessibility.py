"""Every screen in both themes and at three widths: axe-core finds nothing, and nothing is wider than the screen.

What is shown and how it is looked at lives with the tests, which look at each screen in two of its six looks.
"""

import sys
import tempfile
from pathlib import Path

from benchmarks.chromium import NO_BROWSER, find_chromium, running_chromium
from benchmarks.report import Measure, at_most, reported
from infra.clock import SystemClock
from infra.embedded.attachment import Attachment
from infra.qbo.simulator.files.company_file import IN_TROUBLE, TIGHT
from infra.qbo.simulator.files.generator import sample_company
from infra.qbo.simulator.timestamps import PACIFIC
from tests.browser.accessibility import look_at, whole
from tests.browser.furnished import NAMES, furnish
from tests.browser.screen_list import list_screens
from tests.browser.site import open_site
from tests.rig import RunServers, create_worker_database


async def run() -> list[Measure]:
    """Raises:
    SystemExit: there is no browser, so nothing can be proved.
    """
    path = find_chromium()
    if path is None:
        raise SystemExit(NO_BROWSER)
    with (
        tempfile.TemporaryDirectory(prefix="oodaloo-screens-") as home,
        Attachment(Path(home) / "servers", durable=False) as attachment,
    ):
        servers = RunServers(attachment)
        database = create_worker_database(servers, "oodaloo_screens")
        today = SystemClock().now().astimezone(PACIFIC).date()
        files = [sample_company(word, today=today) for word in (TIGHT, IN_TROUBLE)]
        async with (
            open_site(database, servers.redis_url(0), home=Path(home), files=files) as site,
            running_chromium(path) as browser,
        ):
            furnished = await furnish(site, NAMES)
            screens = await list_screens(furnished)
            looked = await look_at(browser, furnished, screens, plan=whole)
    for wrong in looked.wrong:
        print(wrong, file=sys.stderr)
    return [
        reported("accessibility: looks at screens", looked.looks, "looks"),
        at_most("accessibility: rules broken, or wider than the screen", len(looked.wrong), "places", bar=0),
    ]
