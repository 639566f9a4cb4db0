"""Nobody sees or does what is another's: random people, keys and requests over every route, judged by an oracle of its own.

Two walls are looked at apart. By HTTP: no answer holds a word of a business that the caller may not enter (or has not chosen), none
succeeds without the permission, a refusal changes nothing. As the application's role: tables read without a WHERE hold the
transaction's businesses alone. Walls taken down on purpose must be seen, or this proves nothing.
"""

from benchmarks.proofs.tenancy.proof import prove, run
from benchmarks.proofs.tenancy.teeth import find_what_is_broken

__all__ = ["find_what_is_broken", "prove", "run"]
