"""The class by which BinderHub uses Amazon's ECR: passwords that do not last, and repositories that have to be made."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from hubfleet.hubs import charts

API = "https://api.ecr.eu-west-1.amazonaws.com"
URL = "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com"
AGENT = "http://169.254.170.23/v1/credentials"
TARGET = "AmazonEC2ContainerRegistry_V20150921."
KEY = {"access_key_id": "AKIA", "secret_access_key": "sEcret"}


@dataclass
class Amazon:
    """ECR's API, and the agent that gives pods their roles."""

    repositories: list[str] = field(default_factory=list[str])
    passwords: int = 0
    authorizations: list[str] = field(default_factory=list[str])

    def answer(self, url: str, headers: dict[str, str], body: str) -> tuple[int, dict[str, Any]]:
        if url == AGENT:
            assert headers == {"Authorization": "of-the-pod"}
            return 200, {"AccessKeyId": "ASIA", "SecretAccessKey": "temporary", "Token": "SESSION"}
        self.authorizations.append(headers["authorization"])
        if headers["x-amz-target"] == f"{TARGET}GetAuthorizationToken":
            self.passwords += 1
            token = base64.b64encode(f"AWS:pass{self.passwords}".encode()).decode()
            return 200, {"authorizationData": [{"authorizationToken": token}]}
        assert headers["x-amz-target"] == f"{TARGET}CreateRepository"
        name = json.loads(body)["repositoryName"]
        if name in self.repositories:
            return 400, {"__type": "RepositoryAlreadyExistsException", "message": "it is there"}
        if "forbidden" in name:
            return 400, {"__type": "AccessDeniedException", "Message": "not authorized to perform ecr:CreateRepository"}
        self.repositories.append(name)
        return 200, {}


class Registry:
    """BinderHub's own, as far as it matters here."""

    username = ""
    password = ""
    url = URL

    async def get_image_manifest(self, image: str, tag: str) -> str:
        return f"{image}:{tag} as {self.username}:{self.password}"


BUILDER = SimpleNamespace(_safe_build_slug=None)
"""BinderHub's module."""
SLUGS = {
    "lab/course": "lab-2fcourse-0a1b2c",
    "_lab/course": "-5flab-2fcourse-0a1b2c",
    "lab/a-long-name": "lab-2fa-2dlong--0a1b2c",
}
"""How BinderHub names what it builds (escapism.escape, cut off, and a hash); of the last it kept no more."""


@pytest.fixture
def amazon() -> Amazon:
    """Nothing is there yet."""
    return Amazon()


@pytest.fixture
def registry(amazon: Amazon, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Makes one with these traits, in a pod of BinderHub."""

    class Client:
        async def fetch(self, url: str, headers: dict[str, str], body: str = "", **_how: Any) -> SimpleNamespace:
            code, content = amazon.answer(url.removesuffix("/"), headers, body)
            return SimpleNamespace(code=code, body=json.dumps(content).encode(), reason="")

    modules = {
        "binderhub": {"builder": BUILDER},
        "binderhub.registry": {"DockerRegistry": Registry},
        "tornado.httpclient": {"AsyncHTTPClient": Client},
        "traitlets": {"Unicode": lambda **_about: ""},
    }
    for name, content in modules.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(BUILDER, "_safe_build_slug", lambda slug, limit: SLUGS[slug])
    monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", raising=False)
    configuration = SimpleNamespace(BinderHub=SimpleNamespace(registry_class=None))
    exec(charts.program("binderhub", "ecr.py"), {"c": configuration})

    def made(**traits: str) -> Any:
        found = configuration.BinderHub.registry_class()
        vars(found).update({"account": "123456789012", "region": "eu-west-1", "api": API, **traits})
        return found

    return made


def credentials(registry: Any, image: str) -> dict[str, str]:
    return dict(asyncio.run(registry.get_credentials(image, "abc")))


def test_a_build_gets_a_password_and_finds_its_repository_made(registry: Callable[..., Any], amazon: Amazon) -> None:
    one = registry(**KEY)
    login = {"registry": URL, "username": "AWS", "password": "pass1"}
    assert credentials(one, "binder-a") == login
    assert credentials(one, "binder-a") == login
    assert amazon.repositories == ["binder-a"]


def test_names_of_images_are_such_as_ecr_takes(registry: Callable[..., Any]) -> None:
    takes = re.compile("(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*")  # CreateRepository
    registry(**KEY)
    names = [f"binder-{BUILDER._safe_build_slug(slug, limit=200)}" for slug in SLUGS]
    assert [name for name in names if not takes.fullmatch(name)] == []
    assert names[0] == "binder-lab-2fcourse-0a1b2c"


def test_to_look_for_an_image_makes_no_repository(registry: Callable[..., Any], amazon: Amazon) -> None:
    found = asyncio.run(registry(**KEY).get_image_manifest("binder-a", "abc"))
    assert found == "binder-a:abc as AWS:pass1"
    assert amazon.repositories == []


def test_a_password_is_asked_for_again_long_before_it_ends(
    registry: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, now = registry(**KEY), 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    assert credentials(one, "binder-a")["password"] == "pass1"
    now += 3599
    assert credentials(one, "binder-a")["password"] == "pass1"
    now += 2
    assert credentials(one, "binder-a")["password"] == "pass2"


def test_without_a_key_it_is_what_eks_says_the_pod_is(
    registry: Callable[..., Any], amazon: Amazon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("of-the-pod\n")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", AGENT)
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))
    credentials(registry(), "binder-a")
    assert all("Credential=ASIA/" in one and "x-amz-security-token" in one for one in amazon.authorizations)


def test_without_key_and_role_it_says_what_to_give_it(registry: Callable[..., Any]) -> None:
    with pytest.raises(RuntimeError, match="EKS Pod Identity association"):
        credentials(registry(), "binder-a")


def test_what_amazon_refuses_is_told_in_its_words(registry: Callable[..., Any]) -> None:
    with pytest.raises(RuntimeError, match=r"CreateRepository \(400 AccessDeniedException\): not authorized to"):
        credentials(registry(**KEY), "binder-forbidden")


@pytest.mark.parametrize(
    ("session", "signature"),
    [
        ("", "483749a8b71dcc4185f1984d0f1360ac2c5eb76042a593f97f6081f872e77b7d"),
        ("SESSION", "4df8846a53bbe0ad2b15ab033f0d78e32b44b2eec51226fdf50cc418fe6b7fa8"),
    ],
)
def test_a_request_is_signed_as_amazons_own_library_does(
    registry: Callable[..., Any], session: str, signature: str
) -> None:
    """The signatures are botocore 1.44's, of the same request."""
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    headers = registry()._signed("CreateRepository", '{"a": 1}', ("AKIA", "sEcret", session), now)
    assert headers["authorization"].rpartition("=")[2] == signature
