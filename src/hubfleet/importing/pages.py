"""The text of the files of a fleet that was imported: for people, who keep them from then on. Pure."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from hubfleet.spec import Problem

_WIDTH = 118
_FROM = "2i2c-org/infrastructure"
_WROTE = "Written by `hubfleet import 2i2c`; yours from now on."
IGNORED = "# Kubeconfigs are credentials: they stay out of the repository.\nclusters/*/kubeconfig\n"


@dataclass(frozen=True)
class Access:
    """How a cluster is reached: its provider there, that one's block and console, and the folder of the originals."""

    provider: str
    settings: Mapping[str, Any]
    console: str
    originals: str


@dataclass(frozen=True)
class HubPage:
    """What is written of a hub. `way`: how people log in, as its values have it. `files`: the name of a values file, or
    "", and why it is not there."""

    title: str
    domain: str
    ring: str
    way: str
    in_values: bool
    opened: str
    chart: str
    computed: str
    files: tuple[tuple[str, str], ...]
    notes: tuple[Problem, ...]


def fleet() -> str:
    """fleet.yaml."""
    return f"""\
# A fleet of hubfleet, from clusters of {_FROM}.
# {_WROTE}
#
#   hubfleet validate .                     every problem of every file
#   hubfleet plan . --cluster NAME          what an apply would do to a cluster
#   hubfleet show . --cluster NAME --hub HUB  the values that a hub's chart gets, and which line set each

clusters: [clusters/*/cluster.yaml]

# `apply` changes the hubs of a ring, checks them, and only then begins the next ring. A hub is in `staging` here if its
# name says so, as it was.
rings: [staging, production]

# What all clusters or hubs have in common can stand here once:
# defaults:
#   hub:
#     culling: {{idle: 3600}}
"""


def header(about: str) -> str:
    """Comments above a values file."""
    return "".join(f"{line}\n" for line in (*_comment(f"{about} {_WROTE}"), ""))


def cluster(name: str, access: Access, notes: Sequence[Problem], hubs: Mapping[str, HubPage]) -> str:
    """cluster.yaml."""
    lines = [
        *_comment(f"A cluster from {_FROM}. {_WROTE}"),
        *_not_carried(notes),
        f"name: {_plain(name)}",
        "",
        *_provider(access),
        "",
        *_comment(
            "hubfleet was not told which node pools the cluster has: all its nodes are one pool here, and your values "
            "place pods, as before. To have hubfleet place them, name the pools, and in the provider's block "
            "`pool_label`, the label that tells them apart."
        ),
        "pools:",
        "  all: {runs: [core, users]}",
        "",
        f"hubs:{'' if hubs else ' {}'}",
    ]
    for index, (hub, page) in enumerate(hubs.items()):
        lines += ["", *_hub(hub, page)] if index else _hub(hub, page)
    return "\n".join(lines) + "\n"


def render_command(program: str, variables: Mapping[str, Any], to: str) -> str:
    """The command line that renders a chart's own jsonnet, from the fleet's folder."""
    words = [word for key, value in variables.items() for word in ("--ext-str", f"VARS_2I2C_{key}={value}")]
    return f'jsonnet {shlex.join(words)} "$PWD"/{shlex.quote(program)} > {shlex.quote(to)}'


def _provider(access: Access) -> Iterator[str]:
    settings = access.settings
    about = ", ".join(
        f"{key} {value}" for key, value in settings.items() if isinstance(value, str) and key not in {"key", "file"}
    )
    told = " ".join(filter(None, (about and f"What is known of it: {about}.", access.console)))
    yield from _comment(f"A Kubernetes cluster that is there already ({access.provider} there). {told}".strip())
    yield from _comment(
        "hubfleet never changes or removes the cluster itself. It finds it by the kubeconfig that this writes:"
    )
    command, block = _kubeconfig(access)
    yield f"#   {_line(command)}"
    yield "provider:"
    yield f"  existing: {_plain(block)}"


def _kubeconfig(access: Access) -> tuple[str, dict[str, str]]:
    """A command, and the block `existing` that finds its result."""
    words, block = _words({key: str(value) for key, value in access.settings.items()}, access)
    return shlex.join(words) + ("" if "context" in block else " > kubeconfig   # in this folder"), block


def _words(of: Mapping[str, str], access: Access) -> tuple[list[str], dict[str, str]]:
    match access.provider:
        case "gcp":
            project, zone, name = of.get("project", "PROJECT"), of.get("zone", "ZONE"), of.get("cluster", "CLUSTER")
            words = ["gcloud", "container", "clusters", "get-credentials", name, "--zone", zone, "--project", project]
            return words, {"context": f"gke_{project}_{zone}_{name}"}
        case "aws":
            name, region = of.get("clusterName", "CLUSTER"), of.get("region", "REGION")
            words = ["aws", "eks", "update-kubeconfig", "--name", name, "--region", region, "--alias", name]
            return words, {"context": name}
        case "azure":
            name, group = of.get("cluster", "CLUSTER"), of.get("resource_group", "GROUP")
            return ["az", "aks", "get-credentials", "--name", name, "--resource-group", group], {"context": name}
        case _:
            file = f"{access.originals}/{of.get('file', 'FILE')}"
            return ["sops", "decrypt", file], {"kubeconfig": "kubeconfig"}


def _hub(name: str, page: HubPage) -> Iterator[str]:
    yield f"  {_plain(name)}:"
    yield from _comment(page.title, 4)
    yield from _not_carried(page.notes, 4)
    yield f"    domain: {_plain(page.domain)}"
    yield f"    ring: {page.ring}"
    yield from _auth(page)
    if page.chart:
        yield f"    chart: {_plain(page.chart)}"
        yield from _comment(
            "This chart computes some values by a jsonnet program (ingress, the address that logins come back to, "
            "homes). hubfleet does not run it. Do so in the fleet's folder, and name the result first below:",
            4,
        )
        yield f"    #   {_line(page.computed)}"
    yield from _files(page)


def _auth(page: HubPage) -> Iterator[str]:
    if page.in_values:
        said = f"by {page.way}" if page.way else "as the chart's own default has it"
        yield from _comment(f"People log in {said}; the values say it, and hubfleet adds nothing.", 4)
        yield "    auth: {in_values: {}}"
    else:
        yield "    auth: {shared_password: {}}"
    if page.opened:
        yield from _comment(f"Anybody may log in: {page.opened}. Without this line hubfleet would refuse the hub.", 4)
        yield "    open: true"


def _files(page: HubPage) -> Iterator[str]:
    if not any(name for name, _ in page.files):
        yield from (f"    # values_files: [{_line(told)}]" for _, told in page.files if told)
        return
    yield "    values_files:"
    for name, told in page.files:
        yield f"      - {_plain(name)}" if name else f"      # - {_line(told)}"


def _not_carried(notes: Sequence[Problem], indent: int = 0) -> Iterator[str]:
    for note in notes:
        place = f"{note.position.file.name}:{note.position.line}"
        text = "; ".join(filter(None, (note.what, note.remedy)))
        yield from _comment(f"Note ({place}): {note.key}: {text}", indent)


def _comment(text: str, indent: int = 0) -> Iterator[str]:
    lines = textwrap.wrap(_line(text), _WIDTH - indent, break_long_words=False, break_on_hyphens=False)
    return (f"{' ' * indent}# {line}" for line in lines)


def _line(text: str) -> str:
    """In one line, without what no YAML file may hold: what was imported may say anything."""
    return "".join(one if one.isprintable() else " " for one in text).strip()


def _plain(value: object) -> str:
    """In one line, as YAML has it."""
    dumped = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10_000)
    return dumped.removesuffix("\n").removesuffix("\n...")
