import secrets


def tracing_headers() -> dict[str, str]:
    """Every answer names itself by `intuit_tid`; support asks for it."""
    return {"intuit_tid": f"1-{secrets.token_hex(4)}-{secrets.token_hex(12)}", "qbo-version": "1975.127"}
