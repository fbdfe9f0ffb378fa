"""Grafana (its chart 12.11), which draws what Prometheus measured. Pure, but for the dashboards that it reads.

It has no volume: data source and dashboards come from files, and whoever changes one changes the file. Nothing of it
asks anybody outside the cluster: not for news, updates or plugins (Grafana 13 fetches plugins at its start unless told
otherwise; that for Prometheus is in its image).
"""

from __future__ import annotations

from typing import Any

from hubfleet.hubs import charts, placement
from hubfleet.hubs.platform import dashboards, entry, prometheus
from hubfleet.hubs.release import SECRET, Generated, Release
from hubfleet.provider import Description
from hubfleet.spec import Causes, Cluster, Layer, merge, merged, with_own
from hubfleet.spec.models import Grafana

Values = dict[str, Any]
NAME = "hubfleet-grafana"
"""Of the release, its namespace and its Service."""
PASSWORD = Generated("grafana-admin-password", ())
"""The administrator's. In no value: the chart is told of the Secret."""
ADMIN = "admin"
"""The administrator."""
_FILES = "/var/lib/grafana/dashboards"
"""Below which the chart has dashboards, a folder for each provider."""


def release(cluster: Cluster, description: Description) -> Release | None:
    """None where the file asks for none."""
    wanted = cluster.monitoring.grafana if cluster.monitoring else None
    if wanted is None:
        return None
    key = ("monitoring", "grafana")
    computed = Layer(merge(_values(cluster, description, wanted), _way_in(cluster, wanted)), causes=_causes())
    layers = with_own(computed, wanted.values, (*key, "values"))
    return Release(
        name=NAME,
        namespace=NAME,
        chart=charts.of_others("grafana", cluster),
        values=merged(layers),
        layers=layers,
        source=key,
        generated=(PASSWORD,),
        url=_url(cluster, wanted),
        entry=entry.reached(NAME, cluster) if wanted.domain else None,
    )


def _causes() -> Causes:
    pools, key = [("pools",)], ("monitoring", "grafana")
    address = [(*key, "domain"), ("ingress",)]
    return {
        (): [("monitoring",)],
        ("nodeSelector",): pools,
        ("tolerations",): pools,
        ("grafana.ini", "server"): address,
        ("grafana.ini", "security", "cookie_secure"): address,
        ("ingress",): address,
        ("route",): address,
        ("datasources",): [("monitoring", "prometheus")],
        ("dashboards", "own"): [(*key, "dashboards")],
    }


def _values(cluster: Cluster, description: Description, wanted: Grafana) -> Values:
    own = wanted.dashboards
    theirs = dashboards.theirs(cluster.folder("monitoring", "grafana", "dashboards") / own) if own else {}
    shown = {"hubfleet": dashboards.ours(), **({"own": theirs} if theirs else {})}
    return {
        "fullnameOverride": NAME,
        "admin": {"existingSecret": SECRET, "passwordKey": PASSWORD.key},
        "env": {"GF_SECURITY_ADMIN_USER": ADMIN},
        "grafana.ini": _ini(),
        "datasources": {"datasources.yaml": {"apiVersion": 1, "datasources": [*_sources(cluster)]}},
        "dashboardProviders": {
            "dashboardproviders.yaml": {"apiVersion": 1, "providers": [_provider(name) for name in shown]}
        },
        "dashboards": {name: {one: {"json": text} for one, text in every.items()} for name, every in shown.items()},
        "resources": {"requests": {"cpu": "50m", "memory": "192Mi"}, "limits": {"memory": "768Mi"}},
        "persistence": {"enabled": False},
        "deploymentStrategy": {"type": "Recreate"},
        "service": {"type": "ClusterIP"},
        # It asks nothing of Kubernetes.
        "rbac": {"create": False},
        "automountServiceAccountToken": False,
        "testFramework": {"enabled": False},
        **placement.core(cluster, description),
    }


def _ini() -> Values:
    """Nobody in without a password, and no word to anybody outside (of plugins: Grafana 13's
    pkg/setting/setting_plugins.go)."""
    says = ("reporting_enabled", "check_for_updates", "check_for_plugin_updates", "feedback_links_enabled")
    return {
        "analytics": dict.fromkeys(says, False),
        "auth.anonymous": {"enabled": False},
        "news": {"news_feed_enabled": False},
        "plugins": {
            "preinstall_disabled": True,
            "preinstall_auto_update": False,
            "public_key_retrieval_disabled": True,
        },
        "security": {"disable_gravatar": True},
        "snapshots": {"external_enabled": False},
        "users": {"allow_sign_up": False, "allow_org_create": False},
    }


def _sources(cluster: Cluster) -> list[Values]:
    """Ours, where there is one."""
    if prometheus.of(cluster) is None:
        return []
    address = f"http://{prometheus.NAME}.{prometheus.NAME}"
    source: Values = {"name": "Prometheus", "uid": prometheus.NAME, "type": "prometheus", "access": "proxy"}
    return [{**source, "url": address, "isDefault": True, "editable": False, "jsonData": {"timeInterval": "1m"}}]


def _provider(name: str) -> Values:
    kept = {"disableDeletion": True, "allowUiUpdates": False, "options": {"path": f"{_FILES}/{name}"}}
    return {"name": name, "orgId": 1, "folder": name, "type": "file", **kept}


def _way_in(cluster: Cluster, wanted: Grafana) -> Values:
    """Through the entry, where it has a name: by an Ingress, or the chart's `route`."""
    if wanted.domain is None:
        return {}
    url = _url(cluster, wanted)
    ini = {
        "server": {"domain": wanted.domain, "root_url": f"{url}/"},
        "security": {"cookie_secure": url.startswith("https://")},
    }
    made = entry.values(cluster, [wanted.domain], entry.Shape.BINDERHUB)
    found = {"route": {"main": made["httpRoute"]}} if "httpRoute" in made else made
    return {"grafana.ini": ini, **found}


def _url(cluster: Cluster, wanted: Grafana) -> str:
    if wanted.domain is None:
        return ""
    return f"{'https' if entry.encrypts(cluster) else 'http'}://{wanted.domain}"
