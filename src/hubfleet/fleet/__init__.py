"""The face of hubfleet: a verb is a function here, a few lines long, that other floors do the work of.

What belongs here: putting files, providers, doors, plans and engines together. What never will: printing, and anything
that a floor below could do by itself.

Names are loaded when they are used: `validate` must not wait for the libraries of clouds.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hubfleet.checks.notebook import read_notebook
    from hubfleet.engine.binder_trial import REPOSITORY
    from hubfleet.engine.kubeconfigs import write_private
    from hubfleet.engine.releases import Credentials
    from hubfleet.fleet.access import grafana_login, kubeconfig, login, run_with_kubeconfig
    from hubfleet.fleet.applying import Outcome, apply, destroy, nothing_to_do
    from hubfleet.fleet.auditing import auditor, clean, homes_of
    from hubfleet.fleet.charting import mirror_charts, used_charts
    from hubfleet.fleet.checking import Checked, Depth, check, check_autoscaling
    from hubfleet.fleet.comparing import since
    from hubfleet.fleet.importing import import_2i2c
    from hubfleet.fleet.loading import Fleet, Target, check_values, load, load_fleet, schema
    from hubfleet.fleet.locking import alone
    from hubfleet.fleet.many import Answers, each, not_all
    from hubfleet.fleet.planning import only_possible, plan, plan_destroy, possible
    from hubfleet.fleet.rings import FleetOutcome, all_alone, apply_rings
    from hubfleet.fleet.rotating import rotate
    from hubfleet.fleet.scaling import plan_scale, scale_wish, write
    from hubfleet.fleet.selecting import Selection
    from hubfleet.fleet.showing import Shown, show
    from hubfleet.fleet.state import Status, status
    from hubfleet.fleet.upgrading import plan_upgrade, upgrade, wish

_PLACES = {
    "Credentials": "hubfleet.engine.releases",
    "read_notebook": "hubfleet.checks.notebook",
    "REPOSITORY": "hubfleet.engine.binder_trial",
    "write_private": "hubfleet.engine.kubeconfigs",
    "kubeconfig": "hubfleet.fleet.access",
    "grafana_login": "hubfleet.fleet.access",
    "login": "hubfleet.fleet.access",
    "run_with_kubeconfig": "hubfleet.fleet.access",
    "Outcome": "hubfleet.fleet.applying",
    "alone": "hubfleet.fleet.locking",
    "apply": "hubfleet.fleet.applying",
    "destroy": "hubfleet.fleet.applying",
    "nothing_to_do": "hubfleet.fleet.applying",
    "auditor": "hubfleet.fleet.auditing",
    "clean": "hubfleet.fleet.auditing",
    "homes_of": "hubfleet.fleet.auditing",
    "mirror_charts": "hubfleet.fleet.charting",
    "used_charts": "hubfleet.fleet.charting",
    "Checked": "hubfleet.fleet.checking",
    "Depth": "hubfleet.fleet.checking",
    "check": "hubfleet.fleet.checking",
    "check_autoscaling": "hubfleet.fleet.checking",
    "import_2i2c": "hubfleet.fleet.importing",
    "Fleet": "hubfleet.fleet.loading",
    "Target": "hubfleet.fleet.loading",
    "load_fleet": "hubfleet.fleet.loading",
    "Selection": "hubfleet.fleet.selecting",
    "check_values": "hubfleet.fleet.loading",
    "load": "hubfleet.fleet.loading",
    "schema": "hubfleet.fleet.loading",
    "Answers": "hubfleet.fleet.many",
    "each": "hubfleet.fleet.many",
    "not_all": "hubfleet.fleet.many",
    "FleetOutcome": "hubfleet.fleet.rings",
    "all_alone": "hubfleet.fleet.rings",
    "apply_rings": "hubfleet.fleet.rings",
    "only_possible": "hubfleet.fleet.planning",
    "plan": "hubfleet.fleet.planning",
    "plan_destroy": "hubfleet.fleet.planning",
    "possible": "hubfleet.fleet.planning",
    "plan_scale": "hubfleet.fleet.scaling",
    "scale_wish": "hubfleet.fleet.scaling",
    "write": "hubfleet.fleet.scaling",
    "rotate": "hubfleet.fleet.rotating",
    "Shown": "hubfleet.fleet.showing",
    "show": "hubfleet.fleet.showing",
    "since": "hubfleet.fleet.comparing",
    "Status": "hubfleet.fleet.state",
    "status": "hubfleet.fleet.state",
    "plan_upgrade": "hubfleet.fleet.upgrading",
    "upgrade": "hubfleet.fleet.upgrading",
    "wish": "hubfleet.fleet.upgrading",
}

__all__ = [
    "REPOSITORY",
    "Answers",
    "Checked",
    "Credentials",
    "Depth",
    "Fleet",
    "FleetOutcome",
    "Outcome",
    "Selection",
    "Shown",
    "Status",
    "Target",
    "all_alone",
    "alone",
    "apply",
    "apply_rings",
    "auditor",
    "check",
    "check_autoscaling",
    "check_values",
    "clean",
    "destroy",
    "each",
    "grafana_login",
    "homes_of",
    "import_2i2c",
    "kubeconfig",
    "load",
    "load_fleet",
    "login",
    "mirror_charts",
    "not_all",
    "nothing_to_do",
    "only_possible",
    "plan",
    "plan_destroy",
    "plan_scale",
    "plan_upgrade",
    "possible",
    "read_notebook",
    "rotate",
    "run_with_kubeconfig",
    "scale_wish",
    "schema",
    "show",
    "since",
    "status",
    "upgrade",
    "used_charts",
    "wish",
    "write",
    "write_private",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(name)
    return getattr(importlib.import_module(_PLACES[name]), name)
