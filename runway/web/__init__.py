"""Pages for people: HTML from here, forms back, no script needed."""

from runway.web.pages import account, invitations, passwords, second_factor, sign_in

ROUTERS = (sign_in.router, passwords.router, invitations.router, account.router, second_factor.router)
