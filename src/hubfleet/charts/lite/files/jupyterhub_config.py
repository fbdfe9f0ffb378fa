"""JupyterHub as the chart's values say. They are mounted as JSON, with the secrets that the chart made beside them."""

import json
import os
import sys
from pathlib import Path

c = get_config()  # noqa: F821 (JupyterHub provides it)

MOUNTED = Path(os.environ.get("LITE_VALUES", "/etc/jupyterhub/values"))
values = json.loads((MOUNTED / "values.json").read_text())
hub, singleuser, cull = values["hub"], values["singleuser"], values["cull"]
HUB_PORT = 8081


def given(target, **traits):
    """Set the traits that have a value; the others keep JupyterHub's default."""
    for trait, value in traits.items():
        if value is not None:
            setattr(target, trait, value)


c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.JupyterHub.hub_bind_url = f"http://:{HUB_PORT}"
c.JupyterHub.hub_connect_url = f"http://hub:{HUB_PORT}"
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = "http://proxy-api:8001"
c.ConfigurableHTTPProxy.auth_token = os.environ["CONFIGPROXY_AUTH_TOKEN"]
c.JupyterHub.cookie_secret = bytes.fromhex(os.environ["LITE_COOKIE_SECRET"])
c.CryptKeeper.keys = [bytes.fromhex(os.environ["LITE_CRYPT_KEY"])]
# The hub's pod is replaced by every upgrade: people's servers stay, and so does whom they belong to.
c.JupyterHub.cleanup_servers = False
# How often it looks at who is active, and gives a proxy that began anew its routes: as Zero to JupyterHub has it.
c.JupyterHub.last_activity_interval = 60
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
c.JupyterHub.db_url = (
    "sqlite:////srv/jupyterhub/jupyterhub.sqlite" if hub["db"]["type"] == "sqlite-pvc" else "sqlite://"
)
c.JupyterHub.services = []
c.JupyterHub.load_roles = []
given(
    c.JupyterHub,
    allow_named_servers=hub.get("allowNamedServers"),
    named_server_limit_per_user=hub.get("namedServerLimitPerUser"),
    concurrent_spawn_limit=hub.get("concurrentSpawnLimit"),
    active_server_limit=hub.get("activeServerLimit"),
    template_paths=hub.get("templatePaths"),
    template_vars=hub.get("templateVars"),
)

image = singleuser["image"]
given(
    c.KubeSpawner,
    namespace=os.environ["POD_NAMESPACE"],
    image=f"{image['name']}:{image['tag']}",
    image_pull_policy=image.get("pullPolicy"),
    cmd=singleuser.get("cmd"),
    default_url=singleuser.get("defaultUrl"),
    start_timeout=singleuser.get("startTimeout"),
    environment=singleuser.get("extraEnv"),
    uid=singleuser.get("uid"),
    fs_gid=singleuser.get("fsGid"),
    cpu_limit=singleuser["cpu"].get("limit"),
    cpu_guarantee=singleuser["cpu"].get("guarantee"),
    mem_limit=singleuser["memory"].get("limit"),
    mem_guarantee=singleuser["memory"].get("guarantee"),
    node_selector=singleuser.get("nodeSelector"),
    tolerations=singleuser.get("extraTolerations"),
    node_affinity_required=singleuser["extraNodeAffinity"].get("required"),
    node_affinity_preferred=singleuser["extraNodeAffinity"].get("preferred"),
    profile_list=singleuser.get("profileList"),
    extra_resource_limits=singleuser["extraResource"].get("limits"),
    extra_resource_guarantees=singleuser["extraResource"].get("guarantees"),
    extra_annotations=singleuser.get("extraAnnotations"),
    extra_labels=singleuser.get("extraLabels"),
    common_labels={
        "app.kubernetes.io/name": "lite",
        "app.kubernetes.io/instance": os.environ["HELM_RELEASE_NAME"],
        "app.kubernetes.io/managed-by": "kubespawner",
    },
)

storage = singleuser["storage"]
if storage["type"] == "dynamic":
    given(
        c.KubeSpawner,
        storage_pvc_ensure=True,
        storage_capacity=storage["capacity"],
        storage_class=storage["dynamic"].get("storageClass"),
        storage_access_modes=storage["dynamic"].get("storageAccessModes"),
        volumes=[{"name": "home", "persistentVolumeClaim": {"claimName": "{pvc_name}"}}],
        volume_mounts=[{"name": "home", "mountPath": storage["homeMountPath"]}],
    )

if cull["enabled"]:
    flags = {
        "--url": f"http://localhost:{HUB_PORT}/hub/api",
        "--timeout": cull["timeout"],
        "--cull-every": cull["every"],
        "--concurrency": cull["concurrency"],
        "--max-age": cull["maxAge"],
        "--cull-users": cull["users"],
        "--cull-admin-users": cull["adminUsers"],
        "--remove-named-servers": cull["removeNamedServers"],
    }
    command = [sys.executable, "-m", "jupyterhub_idle_culler", *(f"{flag}={value}" for flag, value in flags.items())]
    scopes = ["list:users", "read:users:activity", "read:servers", "delete:servers"]
    c.JupyterHub.services.append({"name": "idle-culler", "command": command})
    c.JupyterHub.load_roles.append(
        {"name": "idle-culler", "services": ["idle-culler"], "scopes": scopes + ["admin:users"] * cull["users"]}
    )

for name, service in hub["services"].items():
    given_service = {"name": name} | service
    token = given_service.pop("apiToken", None)
    c.JupyterHub.services.append(given_service | ({"api_token": token} if token else {}))
for name, role in hub["loadRoles"].items():
    c.JupyterHub.load_roles.append({"name": name} | role)

if values["debug"]["enabled"]:
    c.JupyterHub.log_level = "DEBUG"
    c.Spawner.debug = True

# What the operator configures by class and trait wins over all of the above.
for section, traits in hub["config"].items():
    given(getattr(c, section), **traits)

for name, code in sorted(hub["extraConfig"].items()):
    exec(compile(code, f"hub.extraConfig.{name}", "exec"))  # noqa: S102 (the operator's own code is what it is for)
