"""A hub on a chart that a site made around the hub's chart, behind an Ingress of the site's own: hubfleet's words reach
the hub inside, the site's defaults stay, and the hub is tried and checked as any other."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from .conftest import HUBFLEET, PIPES, ROOT, Ran, Shell

pytestmark = pytest.mark.timeout(900)
NAME = "around"
FLEET = {"clusters": ["cluster.yaml"], "rings": ["all"]}
CLUSTER = f"""
name: {NAME}
provider:
  jetstream2: {{cloud: sandbox, template: kubernetes-1-34-jammy, keypair: deploy, control_plane: {{machine: m3.quad}}}}
pools:
  all: {{machine: m3.quad, nodes: 1, runs: [core, users]}}
hubs:
  main:
    domain: hub.example.org
    ring: all
    chart: ./site
    auth: {{shared_password: {{}}}}
    admins: [admin]
"""
SITE = {
    "jupyterhub": {
        "proxy": {"service": {"type": "ClusterIP"}},
        "ingress": {"enabled": True, "ingressClassName": "theirs", "hosts": ["hub.example.org"]},
        "cull": {"timeout": 7200},
        "singleuser": {"extraEnv": {"SITE": "ours"}, "storage": {"capacity": "1Gi"}},
    }
}
FRONT = """\
apiVersion: v1
kind: Service
metadata: {name: front, namespace: {{ .Release.Namespace }}}
spec:
  type: LoadBalancer
  selector: {app.kubernetes.io/instance: {{ .Release.Name }}, app.kubernetes.io/component: proxy}
  ports: [{name: http, port: 80, targetPort: http}]
"""
"""What plays the site's controller of Ingresses, which has one address for all."""


class Site:
    """The fleet's folder, and verbs on it."""

    def __init__(self, sandbox: Shell, folder: Path) -> None:
        self.sandbox, self.folder = sandbox, folder

    def __call__(self, verb: str, *words: str, code: int = 0) -> Ran:
        ran = self.sandbox.hubfleet(verb, self.folder, *words)
        assert ran.code == code, ran.said
        return ran

    def kubectl(self, *words: str) -> Ran:
        return self.sandbox.hubfleet("kubectl", "--path", self.folder, "-n", "main", *words)

    def answers_for_the_controller(self) -> bool:
        """The Ingress has the controller's address now, if that has one."""
        found = self.kubectl("get", "service", "front", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}")
        if found.code != 0 or not found.out:
            return False
        patch = {"status": {"loadBalancer": {"ingress": [{"ip": found.out}]}}}
        words = ("patch", "ingress", "jupyterhub", "--subresource", "status", "--type", "merge", "-p")
        return self.kubectl(*words, json.dumps(patch)).code == 0


@pytest.fixture(scope="module")
def site(sandbox: Shell, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The files; what comes of them is destroyed at the end."""
    folder = tmp_path_factory.mktemp(NAME)
    (folder / "fleet.yaml").write_text(yaml.safe_dump(FLEET))
    (folder / "cluster.yaml").write_text(CLUSTER)
    lite = ROOT / "src" / "hubfleet" / "charts" / "lite"
    shutil.copytree(lite, folder / "site" / "charts" / "lite", ignore=shutil.ignore_patterns("__pycache__"))
    needs = [{"name": "lite", "alias": "jupyterhub", "version": "0.1.0"}]
    about = {"apiVersion": "v2", "name": "site", "version": "1.0.0", "dependencies": needs}
    (folder / "site" / "Chart.yaml").write_text(yaml.safe_dump(about))
    (folder / "site" / "values.yaml").write_text(yaml.safe_dump(SITE))
    (folder / "site" / "templates").mkdir()
    (folder / "site" / "templates" / "front.yaml").write_text(FRONT)
    made = Site(sandbox, folder)
    yield made
    made("destroy", "--with-homes", "--yes", NAME)


def test_it_is_made_tried_and_not_rolled_back(site: Site) -> None:
    argv = [HUBFLEET, "apply", site.folder, "--yes", "--timeout", "10"]
    with subprocess.Popen(argv, env=dict(site.sandbox.env), **PIPES) as run:
        try:
            while run.poll() is None and not site.answers_for_the_controller():
                time.sleep(2)
            out, err = run.communicate(timeout=600)
        finally:
            run.kill()
    assert run.returncode == 0, out + err
    assert "a user's server starts" in err, err
    assert "rolled back" not in err, err
    assert site("plan", "--exit-code").code == 0


def test_what_the_site_says_stays_and_what_the_file_says_wins(site: Site) -> None:
    told = site("show", "--cluster", NAME, "--hub", "main").out
    assert "timeout" not in told
    file = site.folder / "cluster.yaml"
    file.write_text(file.read_text() + "    culling: {idle: 1800}\n")
    planned = site("plan").out
    assert re.findall(r"(\S+): (\S+) → (\S+)", planned) == [
        ("jupyterhub.cull.every", "600", "300"),
        ("jupyterhub.cull.timeout", "null", "1800"),
    ], planned
    assert "gives up its address" not in planned
    applied = site("apply", "--yes")
    assert "a user's server starts" in applied.err, applied.said


def test_it_is_seen_and_checked_as_any_other(site: Site) -> None:
    assert "hub main" in site("check").out
    seen = site("status", "--json").json["clusters"][0]
    (hub,) = seen["hubs"]
    assert hub["answers"] is True
    assert site("credentials", "--hub", "main").out
