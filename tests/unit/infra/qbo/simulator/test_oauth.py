import pytest

from infra.qbo.simulator.api.limits import RequestLimits
from infra.qbo.simulator.api.oauth import AuthorizationServer, TokenRefused
from infra.qbo.simulator.faults import GatewayFault
from tests.unit.infra.qbo.simulator.small_company import REALM, MovableClock

BACK = "http://localhost/callback"


def make_server(clock: MovableClock, *, rotate_always: bool = True) -> AuthorizationServer:
    return AuthorizationServer(clock, rotate_always=rotate_always)


def refused(server: AuthorizationServer, token: str) -> bool:
    try:
        server.refresh(token, client_id=server.client_id)
    except TokenRefused as error:
        return error.error == "invalid_grant"
    return False


def test_a_code_works_once_soon_and_for_its_own_redirect(clock: MovableClock) -> None:
    server = make_server(clock)

    def code() -> str:
        return server.issue_code(REALM, client_id=server.client_id, redirect_uri=BACK)

    used = code()
    assert server.exchange_code(used, client_id=server.client_id, redirect_uri=BACK)["expires_in"] == 3600
    late = code()
    clock.advance(minutes=11)
    for bad_code, uri in ((used, BACK), (late, BACK), (code(), BACK + "/other"), ("XABmade-up", BACK)):
        with pytest.raises(TokenRefused) as caught:
            server.exchange_code(bad_code, client_id=server.client_id, redirect_uri=uri)
        assert (caught.value.error, caught.value.status) == ("invalid_grant", 400)


def test_each_refresh_kills_the_token_before(clock: MovableClock) -> None:
    server = make_server(clock)
    first = server.grant(REALM, client_id=server.client_id)["refresh_token"]
    second = server.refresh(first, client_id=server.client_id)["refresh_token"]
    assert first != second
    assert refused(server, first)
    assert not refused(server, second)


def test_as_intuit_does_the_value_changes_once_a_day(clock: MovableClock) -> None:
    server = make_server(clock, rotate_always=False)
    first = server.grant(REALM, client_id=server.client_id)["refresh_token"]
    clock.advance(hours=23)
    assert server.refresh(first, client_id=server.client_id)["refresh_token"] == first
    clock.advance(hours=1)
    assert server.refresh(first, client_id=server.client_id)["refresh_token"] != first
    assert refused(server, first)


def test_a_refresh_token_dies_of_disuse(clock: MovableClock) -> None:
    server = make_server(clock)
    token = server.grant(REALM, client_id=server.client_id)["refresh_token"]
    clock.advance(days=100)
    answer = server.refresh(token, client_id=server.client_id)
    assert answer["x_refresh_token_expires_in"] == 8_726_400
    clock.advance(days=101)
    assert refused(server, answer["refresh_token"])


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_revoking_either_token_kills_the_grant(clock: MovableClock, kind: str) -> None:
    server = make_server(clock)
    tokens = server.grant(REALM, client_id=server.client_id)
    server.revoke(tokens[kind])
    assert refused(server, tokens["refresh_token"])
    with pytest.raises(GatewayFault) as caught:
        server.authorize(f"Bearer {tokens['access_token']}", realm_id=REALM)
    assert (caught.value.status, caught.value.code) == (401, "3200")


def test_an_access_token_lives_an_hour_in_its_own_realm(clock: MovableClock) -> None:
    server = make_server(clock)
    header = f"Bearer {server.grant(REALM, client_id=server.client_id)['access_token']}"
    assert server.authorize(header, realm_id=REALM).realm_id == REALM
    with pytest.raises(GatewayFault) as elsewhere:
        server.authorize(header, realm_id="1")
    assert (elsewhere.value.status, elsewhere.value.code) == (403, "3100")
    clock.advance(hours=1)
    with pytest.raises(GatewayFault) as expired:
        server.authorize(header, realm_id=REALM)
    assert (expired.value.status, expired.value.code) == (401, "3200")


@pytest.mark.parametrize("header", [None, "", "Bearer short", "Basic abc", "Bearer " + "x" * 40])
def test_a_header_without_a_token_of_ours_is_401(clock: MovableClock, header: str | None) -> None:
    with pytest.raises(GatewayFault) as caught:
        make_server(clock).authorize(header, realm_id=REALM)
    assert caught.value.status == 401


def test_ten_a_second_and_five_hundred_a_minute(clock: MovableClock) -> None:
    limits = RequestLimits(clock)
    assert [limits.admit(REALM, "app") for _ in range(11)] == [True] * 10 + [False]
    assert limits.admit(REALM, "another app")  # the second limit is the app's own, the minute's is the realm's
    served = 11
    while served < 500:
        clock.advance(seconds=0.1)
        served += limits.admit(REALM, "app")
    clock.advance(seconds=1)
    assert not limits.admit(REALM, "app")
    assert limits.admit("another realm", "app")
    clock.advance(seconds=60)
    assert limits.admit(REALM, "app")
