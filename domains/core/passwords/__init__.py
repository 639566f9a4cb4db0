from domains.core.passwords.hashing import HashedPassword, Passwords
from domains.core.passwords.policy import refuse_weak

__all__ = ["HashedPassword", "Passwords", "refuse_weak"]
