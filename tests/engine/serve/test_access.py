import base64

import pytest

from engine.serve.access import Access
from engine.serve.refusal import Refusal

TOKEN = "a token of many letters"


def status(access: Access, path: str = "/predict", **headers: str) -> int:
    try:
        access.check(path, {"host": "127.0.0.1:8000"} | headers)
    except Refusal as refusal:
        return refusal.status
    return 200


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "LOCALHOST", "localhost.", "[::1]:8000"]
)
def test_names_of_this_machine_pass(host: str) -> None:
    assert status(Access("127.0.0.1"), host=host) == 200


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "evil.example:8000", "[::2]", "10.0.0.1"]
)
def test_other_names_are_refused(host: str) -> None:
    assert status(Access("127.0.0.1"), host=host) == 421


def test_a_server_for_others_takes_addresses_but_no_names_that_it_was_not_given() -> None:
    access = Access("0.0.0.0", ("model.example",))
    assert [status(access, host=host) for host in ("10.0.0.1:80", "[fe80::1]:80", "model.example")] == [200] * 3
    assert status(access, host="other.example") == 421


def test_an_origin_is_the_host_with_its_port_or_a_name_that_was_given() -> None:
    access = Access("127.0.0.1", ("model.example",))
    for origin in ("http://127.0.0.1:8000", "https://model.example", "https://model.example:444"):
        assert status(access, origin=origin) == 200
    for origin in ("null", "", "http://127.0.0.1", "http://localhost:8000", "https://model.example.evil", "file://"):
        assert status(access, origin=origin) == 403


def test_a_token_passes_as_bearer_or_as_password() -> None:
    access = Access("127.0.0.1", token=TOKEN)
    basic = base64.b64encode(f"me:{TOKEN}".encode()).decode()
    for good in (f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Basic {basic}"):
        assert status(access, authorization=good) == 200
    for bad in ("", TOKEN, f"Bearer {TOKEN[:-1]}", f"Basic {basic[:-4]}", "Basic \N{SNOWMAN}", f"Digest {TOKEN}"):
        assert status(access, authorization=bad) == 401
    assert status(access, path="/health") == 200
    assert status(access, path="/health", host="evil.example") == 421
