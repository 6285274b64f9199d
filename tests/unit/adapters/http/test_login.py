# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Who one is: keys in addresses, sessions that one logs in to and out of, OAuth2, and secrets from the environment."""

from __future__ import annotations

import base64
import gc
import logging
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from dsync.adapters.core.base import RecordModel
from dsync.adapters.core.options import Options
from dsync.adapters.estates.nautobot import NautobotAdapter
from dsync.adapters.estates.netbox import NetBoxAdapter
from dsync.adapters.estates.options import EstateOptions
from dsync.adapters.http.options import DeclaredOptions
from dsync.adapters.rest import RestAdapter
from dsync.adapters.rest.options import RestOptions
from dsync.exceptions import DefinitionError, RecordProblem
from dsync.records.definition import data_model
from rest_api import Api, Reply, Request, served

PASSWORD = "p&ss wörd-7"
DEVICES = data_model({"device": {"identifiers": ["name"], "attributes": {}}}, base=RecordModel)


@pytest.fixture
def api() -> Iterator[Api]:
    with served(Api({"devices": [{"id": 1, "name": "a"}]})) as running:
        yield running


def adapter(api: Api, **options: Any) -> Any:
    return RestAdapter.bound(DEVICES, {"device": {"from": "/devices"}})(base_url=api.url, **options)


def loaded(api: Api, **options: Any) -> list[str]:
    target = adapter(api, **options)
    target.load()
    return [obj.name for obj in target.get_all("device")]


class Sessions:
    """Gives out numbered tokens, or cookies, and takes only the newest; `bodies` is what it was sent for them."""

    def __init__(self, api: Api, path: str = "/login", cookie: bool = False, answer: Any = None) -> None:
        self.path, self.cookie = path, cookie
        self.answer_with = answer or (lambda token: {} if cookie else {"data": {"token": token}})
        self.bodies: list[Any] = []
        self.given, self.valid = 0, ""
        api.intervene = self.answer

    def answer(self, request: Request) -> Reply | None:
        if request.path == self.path:
            self.bodies.append(request.body)
            self.given += 1
            self.valid = f"token-number-{self.given}"
            headers = {"Set-Cookie": f"sid={self.valid}; Path=/"} if self.cookie else {}
            return Reply(200, self.answer_with(self.valid), headers)
        if request.path == "/logout":
            return Reply(204)
        shown = request.headers.get("Cookie" if self.cookie else "Authorization", "")
        return None if self.valid and self.valid in shown else Reply(401, {"detail": "who are you?"})


WHO = {"username": "bob", "password": PASSWORD}


@pytest.mark.parametrize(
    ("login", "sent"),
    [
        ({"path": "/login", "token": "data.token"}, WHO),
        (
            {"path": "/login", "token": "data.token", "body": {"aaa": [{"name": "{username}", "pwd": "{password}", "n": 1}]}},
            {"aaa": [{"name": "bob", "pwd": PASSWORD, "n": 1}]},
        ),
    ],
)
def test_a_token_of_a_login_is_sent_with_every_request(login: Any, sent: Any, api: Api) -> None:
    sessions = Sessions(api)
    assert loaded(api, login=login, **WHO) == ["a"]
    assert sessions.bodies == [sent]
    assert [request.headers.get("Authorization") for request in api.requests] == [None, "Bearer token-number-1"]


def test_a_cookie_of_a_login_is_sent_with_every_request(api: Api) -> None:
    Sessions(api, cookie=True)
    assert loaded(api, login={"path": "/login"}, **WHO) == ["a"]
    assert api.requests[1].headers["Cookie"] == "sid=token-number-1"


@pytest.mark.parametrize("cookie", [True, False])
def test_a_session_that_is_over_is_begun_again_once(cookie: bool, api: Api) -> None:
    sessions = Sessions(api, cookie=cookie)
    target = adapter(api, login={"path": "/login", **({} if cookie else {"token": "data.token"})}, **WHO)
    target.load()
    sessions.valid = "somebody else's"
    made = target._client.request("POST", "/devices", {"name": "b"})
    assert made.json()["name"] == "b"
    assert (sessions.given, len(api.collections["devices"])) == (2, 2)


def test_several_threads_log_in_once(api: Api) -> None:
    sessions = Sessions(api)
    target = adapter(api, login={"path": "/login", "token": "data.token"}, **WHO)
    threads = [threading.Thread(target=target._client.request, args=("GET", "/devices")) for _number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (sessions.given, len(api.requests)) == (1, 7)


def test_a_refused_login_is_reported_and_not_repeated(api: Api) -> None:
    api.intervene = lambda request: Reply(401, {"detail": f"{request.body} is wrong"})
    with pytest.raises(RecordProblem, match=r"POST /login: the server answers 401: .*check the token, or the username") as caught:
        loaded(api, login={"path": "/login"}, **WHO)
    assert PASSWORD not in str(caught.value)
    assert len(api.requests) == 1


def test_a_login_without_a_token_is_reported(api: Api) -> None:
    Sessions(api, answer=lambda token: {"data": {}})
    with pytest.raises(RecordProblem, match=r'POST /login: the answer to the login has no token at "data\.token"'):
        loaded(api, login={"path": "/login", "token": "data.token"}, **WHO)


@pytest.mark.parametrize("by_itself", [True, False])
def test_one_logs_out_in_the_end(by_itself: bool, api: Api) -> None:
    Sessions(api)
    target = adapter(api, login={"path": "/login", "token": "data.token", "logout": "/logout"}, **WHO)
    target.load()
    if by_itself:
        del target
        gc.collect()
    else:
        target.close()
    assert [(request.method, request.path) for request in api.requests[2:]] == [("POST", "/logout")]
    assert api.requests[-1].headers["Authorization"] == "Bearer token-number-1"


def test_who_never_logged_in_does_not_log_out(api: Api) -> None:
    adapter(api, login={"path": "/login", "logout": "/logout"}, **WHO).close()
    assert api.requests == []


# ---------------------------------------------------------------------- forms and OAuth2


class Forms(Sessions):
    """Reads what it is sent for a token as a form."""

    def answer(self, request: Request) -> Reply | None:
        reply = super().answer(request)
        if request.path == self.path:
            self.bodies[-1] = {name: values[0] for name, values in parse_qs(request.body).items()}
        return reply


def oauth2_token(token: str) -> dict[str, Any]:
    return {"access_token": token, "token_type": "Bearer", "expires_in": 3600}


def test_a_login_can_be_a_form(api: Api) -> None:
    sessions = Forms(api, cookie=True)
    body = {"j_user": "{username}", "j_pass": "{password}"}
    assert loaded(api, login={"path": "/login", "form": True, "body": body}, **WHO) == ["a"]
    assert sessions.bodies == [{"j_user": "bob", "j_pass": PASSWORD}]
    assert api.requests[0].headers["Content-Type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("oauth2", "more", "sent", "basic"),
    [
        ({"scope": "write"}, {"client_secret": PASSWORD}, {"grant_type": "client_credentials", "scope": "write"}, True),
        ({"grant": "password"}, {"client_secret": PASSWORD, **WHO}, {"grant_type": "password", **WHO}, True),
        ({"grant": "password"}, WHO, {"grant_type": "password", "client_id": "me", **WHO}, False),
    ],
)
def test_oauth2_gets_a_token(oauth2: Any, more: Any, sent: Any, basic: bool, api: Api) -> None:
    sessions = Forms(api, "/token", answer=oauth2_token)
    assert loaded(api, oauth2={"token_url": "/token", "client_id": "me", **oauth2}, **more) == ["a"]
    assert sessions.bodies == [sent]
    pair = base64.b64encode(b"me:p%26ss+w%C3%B6rd-7").decode()
    assert api.requests[0].headers.get("Authorization") == (f"Basic {pair}" if basic else None)
    assert api.requests[1].headers["Authorization"] == "Bearer token-number-1"


def test_a_token_of_another_server_is_sent_to_this_one_alone(api: Api) -> None:
    with served(Api()) as other:
        tokens = Forms(other, "/token", answer=oauth2_token)
        api.intervene = lambda request: None if request.headers.get("Authorization") == f"Bearer {tokens.valid}" else Reply(401)
        place = {"token_url": f"{other.url}/token", "client_id": "me"}
        assert loaded(api, oauth2=place, client_secret=PASSWORD) == ["a"]
        assert [request.path for request in other.requests] == ["/token"]


def test_secret_headers_are_sent_to_no_other_server(api: Api) -> None:
    with served(Api()) as other:
        tokens = Forms(other, "/token", answer=oauth2_token)
        api.intervene = lambda request: None if tokens.valid in request.headers["Authorization"] else Reply(401)
        place = {"token_url": f"{other.url}/token", "client_id": "me"}
        given = {"client_secret": PASSWORD, "secret_headers": {"X-Key": "k7-secret"}}
        assert loaded(api, oauth2=place, **given) == ["a"]
        assert [request.headers.get("X-Key") for request in other.requests] == [None]
    assert [request.headers.get("X-Key") for request in api.requests] == ["k7-secret"]


def test_secret_headers_are_sent_with_the_logout(api: Api) -> None:
    Sessions(api)
    target = adapter(
        api, login={"path": "/login", "token": "data.token", "logout": "/logout"}, secret_headers={"X-Key": "k7-secret"}, **WHO
    )
    target.load()
    target.close()
    assert [request.path for request in api.requests if request.headers.get("X-Key") == "k7-secret"] == [
        "/login",
        "/devices",
        "/logout",
    ]


def test_a_token_is_got_again_before_it_ends(api: Api) -> None:
    sessions = Forms(api, "/token", answer=lambda token: {**oauth2_token(token), "expires_in": 30})
    target = adapter(api, oauth2={"token_url": "/token", "client_id": "me"}, client_secret=PASSWORD)
    target.load()
    threading.Event().wait(1.1)
    target._client.request("GET", "/devices")
    assert (sessions.given, [request.path for request in api.requests]) == (2, ["/token", "/devices"] * 2)


@pytest.mark.parametrize("seconds", ["30", 30])
def test_a_session_ends_when_the_answer_to_the_login_says_so(seconds: Any, api: Api) -> None:
    sessions = Sessions(api, cookie=True, answer=lambda token: {"data": [{"timeout": seconds}]})
    target = adapter(api, login={"path": "/login", "lasts": "data.0.timeout"}, **WHO)
    target.load()
    threading.Event().wait(1.1)
    target._client.request("GET", "/devices")
    assert (sessions.given, [request.path for request in api.requests]) == (2, ["/login", "/devices"] * 2)


# ---------------------------------------------------------------------- keys in addresses, and what nobody may see


def test_a_key_can_be_in_every_address(api: Api) -> None:
    assert loaded(api, auth_query="api key", token=PASSWORD) == ["a"]
    assert [request.query for request in api.requests] == [{"api key": PASSWORD}]
    assert "Authorization" not in api.requests[0].headers


@pytest.mark.parametrize(
    "options",
    [{"auth_query": "key", "token": PASSWORD}, {"login": {"path": "/login", "token": "data.token"}, **WHO}],
)
def test_what_is_secret_is_nowhere_to_be_seen(options: Any, api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    sessions = Sessions(api)
    usual = api.intervene

    def refuse(request: Request) -> Reply | None:
        return usual(request) if request.path == "/login" else Reply(400, {"detail": f"{request.target} {request.headers}"})

    api.intervene = refuse
    with pytest.raises(RecordProblem) as caught:
        loaded(api, **options)
    for text in (str(caught.value), caplog.text):
        for secret in (PASSWORD, "p%26ss", "p&ss", *([sessions.valid] if sessions.valid else ())):
            assert secret not in text
    assert "/devices" in caplog.text, "nothing was logged, so nothing was tested"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"auth_query": "key"}, "options.auth_query: it is the parameter of a token"),
        ({"auth_query": "key", "token": "geheim", "auth_header": "X"}, "options.auth_query: it is the parameter of a token"),
        ({"login": {}}, 'options.login: it has no "path"; add it'),
        ({"login": {"path": "login"}, **WHO}, 'options.login.path: a path begins with "/"'),
        ({"login": {"path": "/login"}}, "options.username: the login needs it; add it"),
        ({"login": {"path": "/login"}, "username": "bob"}, "secrets.password: the login needs it; add it"),
        ({"login": {"path": "/login", "form": True, "body": "x"}, **WHO}, "options.login.body: a form is a dictionary"),
        ({"login": {"path": "/login"}, "token": "geheim", **WHO}, "secrets.token: a login gets the token"),
        (
            {"login": {"path": "/login"}, "oauth2": {"token_url": "/t", "client_id": "me"}, **WHO},
            "options.oauth2: there are login and oauth2",
        ),
        (
            {"oauth2": {"token_url": "token", "client_id": "me"}, "client_secret": "geheim"},
            "this should be a path, such as /oauth/token",
        ),
        ({"oauth2": {"client_id": "me"}}, 'options.oauth2: it has no "token_url"'),
        ({"oauth2": {"token_url": "/t", "client_id": "me"}}, "needs client_secret; give it under secrets"),
        ({"oauth2": {"token_url": "/t", "client_id": "me", "grant": "implicit"}}, "(known: client_credentials, password)"),
        ({"login": {"path": "/login"}, "username": "bob", "password": 4711}, "secrets.password: this should be a string."),
        ({"login": {"path": "/login", "tokn": "t"}, **WHO}, 'options.login: there is no key "tokn" here (did you mean "token"?'),
        ({"login": {"path": "/login", "token": "data..t"}, **WHO}, "options.login.token: 'data..t' is not a path"),
        ({"login": {"path": "/login", "method": 1}, **WHO}, "options.login.method: this should be a string, and is 1"),
        ({"login": "/login", **WHO}, "options.login: this should be a dictionary"),
        ({"client_secret": "geheim"}, "secrets.client_secret: there is a client_secret and no oauth2"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], words: str, api: Api) -> None:
    with pytest.raises(DefinitionError) as caught:
        adapter(api, **options)
    assert words in str(caught.value)
    assert "geheim" not in str(caught.value)
    assert "4711" not in str(caught.value)


# ---------------------------------------------------------------------- the environment

ADAPTERS = [
    (NetBoxAdapter, "NETBOX_URL", "NETBOX_TOKEN"),
    (NetBoxAdapter, "NETBOX_API", "NETBOX_TOKEN"),
    (NautobotAdapter, "NAUTOBOT_URL", "NAUTOBOT_TOKEN"),
]


@pytest.mark.parametrize(("kind", "url", "token"), ADAPTERS)
def test_address_and_token_are_in_the_environment(
    kind: Any, url: str, token: str, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NETBOX_URL", "NETBOX_API", "NAUTOBOT_URL", "NETBOX_TOKEN", "NAUTOBOT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    bound = kind.bound(
        data_model({"site": {"identifiers": ["name"]}} if kind is NetBoxAdapter else {"role": {"identifiers": ["name"]}})
    )
    with pytest.raises(DefinitionError, match=rf"options.url: give it, or set the environment variable .*{url}"):
        bound()
    monkeypatch.setenv(url, api.url)
    with pytest.raises(DefinitionError, match=f"secrets.token: give it, or set the environment variable {token}"):
        bound()
    monkeypatch.setenv(token, "t0ken-of-the-environment")
    with pytest.raises(RecordProblem):
        bound(tries=1).load()
    assert api.requests[0].headers["Authorization"] == "Token t0ken-of-the-environment"
    with pytest.raises(RecordProblem):
        bound(token="t0ken-of-the-task", tries=1).load()
    assert api.requests[-1].headers["Authorization"] == "Token t0ken-of-the-task"


@pytest.mark.parametrize("options", [RestOptions, EstateOptions])
def test_a_secret_has_one_place(options: type[Options]) -> None:
    """What checks the value of a secret and what uses it name the same place."""
    hidden = {one.name for one in options.described() if one.secret}
    assert {name for name in hidden if DeclaredOptions({}).at(name).place == f"secrets.{name}"} == hidden - {"sent_key"}
    assert DeclaredOptions({}).at("username").place == "options.username"
