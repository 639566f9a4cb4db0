"""Pages for people: HTML from here, forms back, no script needed."""

from runway.web import assets
from runway.web.pages import account, cockpit, invitations, passwords, portfolio, second_factor, sign_in

ROUTERS = (
    assets.router,
    sign_in.router,
    passwords.router,
    invitations.router,
    account.router,
    second_factor.router,
    portfolio.router,
    cockpit.router,
)
