"""Charts that sites make around Zero to JupyterHub's: what hubfleet says reaches the hub inside, and its own defaults
come after what the site's chart says."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from hubfleet.hubs import Entry, charts, schemas
from hubfleet.hubs.release import Inner
from hubfleet.spec.trees import at
from tests.unit.hub_files import describe, load, release

ON_ITS_OWN = {"chart": "./site", "auth": {"in_values": {}}}
LOGIN = {"hub": {"config": {"JupyterHub": {"authenticator_class": "github"}}}}


def site(
    folder: Path,
    values: dict[str, Any] | None = None,
    *,
    name: str = "site",
    needs: tuple[dict[str, str], ...] = ({"name": "jupyterhub"},),
    schema: dict[str, Any] | None = None,
    packed: bool = False,
) -> Path:
    """A chart that depends on these; with a `schema`, of the first of them, that one is there, too."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    described = {"apiVersion": "v2", "name": name, "version": "0.1.0", "dependencies": [*needs]}
    (place / "Chart.yaml").write_text(yaml.safe_dump(described))
    (place / "values.yaml").write_text(yaml.safe_dump(values or {}))
    if schema is not None:
        inner = needs[0]["name"]
        texts = {"Chart.yaml": f"name: {inner}\nversion: 4.4.0\n", "values.schema.json": json.dumps(schema)}
        if packed:
            (place / "charts").mkdir()
            with tarfile.open(place / "charts" / f"{inner}-4.4.0.tgz", "w:gz") as archive:
                for file, text in texts.items():
                    member = tarfile.TarInfo(f"{inner}/{file}")
                    member.size = len(text)
                    archive.addfile(member, io.BytesIO(text.encode()))
        else:
            (place / "charts" / inner).mkdir(parents=True)
            for file, text in texts.items():
                (place / "charts" / inner / file).write_text(text)
    return place


@pytest.mark.parametrize(
    ("needs", "inner"),
    [
        ([{"name": "jupyterhub"}], Inner("jupyterhub", ("jupyterhub",), "charts/jupyterhub/")),
        ([{"name": "redis"}, {"name": "lite", "alias": "hub"}], Inner("lite", ("hub",), "charts/lite/")),
        (
            [{"name": "binderhub"}],
            Inner("jupyterhub", ("binderhub", "jupyterhub"), "charts/binderhub/charts/jupyterhub/"),
        ),
        ([{"name": "redis"}], None),
        ([], None),
    ],
)
def test_the_hubs_chart_inside_is_found_by_what_the_chart_depends_on(
    tmp_path: Path, needs: list[dict[str, str]], inner: Inner | None
) -> None:
    assert charts.local(site(tmp_path, needs=tuple(needs))).inner == inner


def test_it_is_found_through_a_chart_between_the_two(tmp_path: Path) -> None:
    place = site(tmp_path, {"base": {"jupyterhub": {"cull": {"every": 7}}}}, needs=({"name": "base"},))
    assert charts.local(place).inner is None  # nobody has fetched it yet
    site(place / "charts", {"jupyterhub": {"cull": {"every": 5, "timeout": 9}}}, name="base")
    found = charts.local(place)
    assert found.inner == Inner("jupyterhub", ("base", "jupyterhub"), "charts/base/charts/jupyterhub/")
    assert charts.given(found) == {"cull": {"every": 7, "timeout": 9}}


def test_the_older_list_of_dependencies_counts_too(tmp_path: Path) -> None:
    place = site(tmp_path, needs=())
    (place / "Chart.yaml").write_text("name: site\nversion: 0.1.0\n")
    (place / "requirements.yaml").write_text("dependencies: [{name: jupyterhub}]\n")
    assert charts.local(place).inside == ("jupyterhub",)


def test_what_somebody_wrote_reaches_the_hub_inside_and_nothing_else_of_the_chart(tmp_path: Path) -> None:
    site(tmp_path, {"jupyterhub": {"singleuser": {"image": {"name": "site/image", "tag": "1"}}}})
    wished = {"image": "mine/image:2", "admins": ["ada"], "culling": {"idle": 900}, "homes": {"size": "3Gi"}}
    found = release(tmp_path, **ON_ITS_OWN, **wished, values={"jupyterhub": LOGIN})
    assert list(found.values) == ["jupyterhub"]
    its = found.jupyterhub
    assert at(its, ("singleuser", "image")) == {"name": "mine/image", "tag": "2"}
    assert at(its, ("hub", "config", "Authenticator", "admin_users")) == ["ada"]
    assert at(its, ("cull", "timeout")) == 900
    assert at(its, ("singleuser", "storage", "capacity")) == "3Gi"


def test_defaults_of_hubfleets_come_after_those_of_the_chart_and_fill_what_it_leaves_out(tmp_path: Path) -> None:
    said = {
        "cull": {"timeout": 7200},
        "proxy": {"service": {"type": "ClusterIP"}},
        "singleuser": {"storage": {"type": "static"}, "nodeSelector": None},
        "scheduling": {"userScheduler": {"enabled": True}},
    }
    site(tmp_path, {"jupyterhub": said})
    its = release(tmp_path, **ON_ITS_OWN, values={"jupyterhub": LOGIN}).jupyterhub
    for path in (("cull", "timeout"), ("proxy", "service", "type"), ("singleuser", "storage", "type")):
        assert at(its, path) is None, path
    assert "nodeSelector" not in its["singleuser"]
    assert "enabled" not in its["scheduling"]["userScheduler"]
    assert at(its, ("cull", "enabled")) is True
    assert at(its, ("hub", "nodeSelector")) == {"example.org/pool": "core"}
    assert at(its, ("hub", "db", "pvc", "annotations")) == {"helm.sh/resource-policy": "keep"}


def test_check_has_its_user_and_token_there(tmp_path: Path) -> None:
    site(tmp_path)
    found = release(tmp_path, **ON_ITS_OWN, values={"jupyterhub": LOGIN})
    (token,) = found.generated
    assert token.path == ("jupyterhub", "hub", "services", "hubfleet-check", "apiToken")
    assert "hubfleet-check" in at(found.jupyterhub, ("hub", "loadRoles"))


INGRESS = {"enabled": True, "ingressClassName": "nginx", "tls": [{"hosts": ["x"], "secretName": "s"}]}


@pytest.mark.parametrize("said_by", ["chart", "values"])
def test_a_hub_behind_an_ingress_of_its_own_is_reached_there(tmp_path: Path, said_by: str) -> None:
    inner = {"ingress": INGRESS, "proxy": {"service": {"type": "ClusterIP"}}}
    site(tmp_path, {"jupyterhub": inner} if said_by == "chart" else None)
    own = LOGIN | (inner if said_by == "values" else {})
    found = release(tmp_path, **ON_ITS_OWN, values={"jupyterhub": own})
    assert found.entry == Entry("Ingress", "main", "nginx", own=True)
    assert found.url.startswith("https://")
    assert not found.certified  # whoever wrote it sees to its certificate


def test_so_is_a_hub_of_upstreams_chart_whose_values_say_so(tmp_path: Path) -> None:
    inner = {"ingress": {"enabled": True}, "proxy": {"service": {"type": "ClusterIP"}}}
    found = release(tmp_path, chart="jupyterhub", values=inner)
    assert found.entry == Entry("Ingress", "main", "", own=True)
    assert found.url.startswith("http://")


def test_a_hub_that_keeps_its_load_balancer_is_reached_at_that(tmp_path: Path) -> None:
    assert release(tmp_path, chart="jupyterhub", values={"ingress": {"enabled": True}}).entry is None


def test_a_chart_of_a_registry_is_looked_into_when_it_is_here(tmp_path: Path) -> None:
    """`plan` fetches it; `validate` goes without, and says so."""
    site(
        tmp_path, {"jupyterhub": {"cull": {"timeout": 7200}}}, schema={"properties": {"singleuser": {"type": "object"}}}
    )
    wished = {"chart": "oci://registry.example.org/charts/site:0.1.0", "auth": {"in_values": {}}, "admins": ["ada"]}
    wished |= {"values": {"jupyterhub": LOGIN}, "top": {"charts": {"mirror": "./mirror"}}}
    cluster = load(tmp_path, **wished)
    missing = charts.unseen("main", cluster)
    assert missing is not None
    assert missing.mirrored is not None
    missing.mirrored.parent.mkdir(parents=True)
    with tarfile.open(missing.mirrored, "w:gz") as archive:
        archive.add(tmp_path / "site", "site")
    assert charts.unseen("main", cluster) is None
    found = release(tmp_path, **wished)
    assert found.chart.inner == charts.local(tmp_path / "site").inner
    assert at(found.jupyterhub, ("hub", "config", "Authenticator", "admin_users")) == ["ada"]
    assert at(found.jupyterhub, ("cull", "timeout")) is None  # as the site has it
    wrong = load(tmp_path, **{**wished, "values": {"jupyterhub": LOGIN | {"singleuser": 1}}})
    (problem,) = schemas.check(wrong, describe(wrong)).problems
    assert problem.key.endswith("jupyterhub.singleuser")


@pytest.mark.parametrize("packed", [False, True])
def test_values_are_checked_by_the_schema_of_the_hubs_chart_inside(tmp_path: Path, packed: bool) -> None:
    kinds = {"singleuser": {"properties": {"startTimeout": {"type": "integer"}}}}
    site(tmp_path, schema={"properties": kinds}, packed=packed)
    wrong = {"singleuser": {"startTimeout": "long"}}
    cluster = load(tmp_path, **ON_ITS_OWN, values={"jupyterhub": LOGIN | wrong})
    (problem,) = schemas.check(cluster, describe(cluster)).problems
    assert problem.key.endswith("jupyterhub.singleuser.startTimeout")


def test_whether_anybody_may_log_in_is_asked_of_the_hub_inside_and_of_what_the_chart_says(tmp_path: Path) -> None:
    site(tmp_path, {"jupyterhub": {"hub": {"config": {"JupyterHub": {"authenticator_class": "tmp"}}}}})
    cluster = load(tmp_path, **ON_ITS_OWN)
    (problem,) = schemas.check(cluster, describe(cluster)).problems
    assert "anybody on the internet could log in" in problem.what
    closed = load(tmp_path, **ON_ITS_OWN, values={"jupyterhub": LOGIN})
    assert not schemas.check(closed, describe(closed)).problems
