"""Where calls to Intuit may go: the hosts of the settings and Intuit's own for OAuth2, and no other, whatever an answer says."""

from urllib.parse import urlsplit

from infra.config import QBOSettings

CONSENT = "https://appcenter.intuit.com"
# Intuit's discovery document names these; userinfo and revocation among them (qbo API.md section 1).
INTUIT = frozenset({CONSENT, "https://oauth.platform.intuit.com", "https://developer.api.intuit.com"})
_PORTS = {"http": 80, "https": 443}


def allowed_origins(settings: QBOSettings) -> frozenset[str]:
    """Scheme, host and port of every place that may be called."""
    return INTUIT | {origin_of(str(settings.api_url)), origin_of(str(settings.discovery_url))}


def consent_origins(settings: QBOSettings) -> tuple[str, ...]:
    """Where a browser may be sent to consent: Intuit's page, or the page of the simulator that the settings name."""
    discovery = origin_of(str(settings.discovery_url))
    return (CONSENT,) if is_intuit(discovery) else (discovery,)


def origin_of(url: str) -> str:
    """`https://host` or `https://host:8443`; empty for what is no such address."""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        return ""
    if scheme not in _PORTS or not host or parts.username is not None:
        return ""
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}" if port in {None, _PORTS[scheme]} else f"{scheme}://{name}:{port}"


def is_intuit(origin: str) -> bool:
    return origin.startswith("https://") and (urlsplit(origin).hostname or "").endswith(".intuit.com")
