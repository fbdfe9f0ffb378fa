import pytest

from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.images import debian

TARGETS = """http://mirror.example/debian/ bookworm main
http://mirror.example/debian/ bookworm main
http://mirror.example/debian/ bookworm-updates main
http://mirror.example/security/ bookworm-security main
http://mirror.example/debian/ bookworm-backports main
https://vendor.example/node nodistro main
"""
SETTINGS = """Acquire "";
Acquire::http "";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::https::CAInfo "/etc/ssl/own ca.pem";
Acquire::cdrom::mount "/media/cdrom/";
Acquire::Retries "3";
"""


@pytest.fixture(autouse=True)
def bookworm(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"apt-get": TARGETS, "apt-config": SETTINGS}
    monkeypatch.setattr(debian.processes, "run", lambda argv, **_: answers[argv[0]])
    monkeypatch.setattr(debian.platform, "freedesktop_os_release", lambda: {"VERSION_CODENAME": "bookworm"})


def test_packages_come_from_the_machines_own_mirror_and_release() -> None:
    assert debian.sources() == [
        "deb http://mirror.example/debian/ bookworm main",
        "deb http://mirror.example/debian/ bookworm-updates main",
        "deb http://mirror.example/security/ bookworm-security main",
    ]


def test_a_machine_without_a_source_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian.platform, "freedesktop_os_release", lambda: {"VERSION_CODENAME": "noble"})
    with pytest.raises(SandboxError, match=r"noble(.|\n)*add one to /etc/apt"):
        debian.sources()


def test_apts_own_way_to_the_mirror_is_taken_over() -> None:
    assert debian._options() == [
        'Acquire::http::Proxy "http://proxy.example:3128";',
        'Acquire::https::CAInfo "/etc/ssl/own ca.pem";',
        'Acquire::Retries "3";',
    ]
