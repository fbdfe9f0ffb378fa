"""Puts the labels and taints of pools on their nodes, on those too that come later; takes away those that left.

Runs in the cluster with nothing but Python. What it has set on a node is written on the node itself, in an annotation:
so it takes away what it had set and nothing else, whoever ran before it.

    labeller.py follow    for ever: every node now, then each one that comes or changes
    labeller.py clean     once: takes everything away that it had set
"""

import http.client
import json
import os
import signal
import ssl
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlencode

MARK = "hubfleet.org/labeller"
POOLS = Path("/etc/labeller/pools.json")
READY = Path("/run/labeller/ready")
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
WATCH = 240
"""Seconds that one watch lasts; a connection that died silently is found out 30 seconds later."""
CLEAN_TRIES = 30


class Refused(Exception):
    """The API server's answer is an error."""

    def __init__(self, status, said):
        super().__init__(f"HTTP {status}: {said}")
        self.status = status


# what a node should have: pure


def change(node, pools):
    """The merge patch that makes a node as the first of the pools wants it that it belongs to, or as none does if it
    belongs to none; None if it is so already. Holds for this version of the node only: the API server takes a list of
    taints as a whole."""
    metadata, labels = node["metadata"], node["metadata"].get("labels") or {}
    pool = next((one for one in pools.values() if one["nodes"].items() <= labels.items()), {})
    wished, wished_taints = pool.get("labels", {}), [*map(taint, pool.get("taints", []))]
    had = marked(metadata)
    differing = {key: value for key, value in wished.items() if labels.get(key) != value}
    differing.update({key: None for key in had["labels"] if key in labels and key not in wished})
    there = (node.get("spec") or {}).get("taints") or []
    taints = with_taints(there, wished_taints, had["taints"])
    mark = {"labels": sorted(wished), "taints": sorted(map(place, wished_taints))}
    if not differing and taints == there and mark == had:
        return None
    patch = {"resourceVersion": metadata["resourceVersion"], "labels": differing}
    patch["annotations"] = {MARK: json.dumps(mark) if any(mark.values()) else None}
    return {"metadata": patch, **({} if taints == there else {"spec": {"taints": taints or None}})}


def with_taints(there, wished, had):
    """The taints of others and the wished ones; one that is there already stays as it is, with its time."""
    new = {place(one): one for one in wished}
    kept = [one for one in there if place(one) not in {*had, *new} or same(one, new.get(place(one)))]
    return kept + [one for at, one in new.items() if at not in map(place, kept)]


def taint(text):
    """A taint as kubectl writes it, key=value:Effect, as Kubernetes has it."""
    mark, _, effect = text.rpartition(":")
    key, _, value = mark.partition("=")
    return {"key": key, "value": value, "effect": effect}


def place(taint):
    """A node has one taint of this key and effect."""
    return f"{taint['key']}:{taint['effect']}"


def same(one, other):
    return other is not None and (one.get("value") or "") == (other.get("value") or "")


def marked(metadata):
    """What we had set on a node."""
    try:
        found = json.loads((metadata.get("annotations") or {}).get(MARK) or "{}")
        return {"labels": list(found.get("labels", [])), "taints": list(found.get("taints", []))}
    except (ValueError, AttributeError, TypeError):
        return {"labels": [], "taints": []}


# the API server


class Api:
    """Kubernetes, as a pod sees it. Each request has a connection and a time-out of its own."""

    def __init__(self, host, port, context, token):
        self.host, self.port, self.context, self.token = host, port, context, token

    @classmethod
    def of_this_pod(cls):
        """With the rights of the pod's service account."""
        context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
        where = (os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"]))
        return cls(*where, context, lambda: (ACCOUNT / "token").read_text().strip())  # it is renewed every hour

    def nodes(self):
        """Every node, and the version from which to watch."""
        found = json.loads(self.request("GET", "/api/v1/nodes"))
        return found["items"], found["metadata"]["resourceVersion"]

    def node(self, name):
        return json.loads(self.request("GET", f"/api/v1/nodes/{name}"))

    def patch(self, name, body):
        how = {"Content-Type": "application/merge-patch+json"}
        self.request("PATCH", f"/api/v1/nodes/{name}", json.dumps(body), how)

    def watch(self, version, seconds=WATCH):
        """Each event from that version on, as it comes, until the server ends the watch."""
        query = {"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true", "timeoutSeconds": seconds}
        with self.answer("GET", f"/api/v1/nodes?{urlencode(query)}", timeout=seconds + 30) as answer:
            for line in answer:
                yield json.loads(line)

    def request(self, method, path, body=None, headers=None):
        with self.answer(method, path, body, headers) as answer:
            return answer.read()

    @contextmanager
    def answer(self, method, path, body=None, headers=None, timeout=30):
        secure = {} if self.context is None else {"context": self.context}
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        own = {"Authorization": f"Bearer {self.token()}", "Accept": "application/json"}
        with closing(kind(self.host, self.port, timeout=timeout, **secure)) as connection:
            connection.request(method, path, body, {**own, **(headers or {})})
            with connection.getresponse() as answer:
                if answer.status >= 300:
                    raise Refused(answer.status, answer.read(300).decode(errors="replace"))
                yield answer


# doing it

FAILURES = (OSError, http.client.HTTPException, Refused, ValueError, KeyError)
"""What may go wrong with a request, or with what it answers: all of it may pass."""


class Labeller:
    def __init__(self, api, pools, sleep=time.sleep, say=print):
        self.api, self.pools, self.sleep, self.say = api, pools, sleep, say

    def follow(self, ready, rounds=None):
        """For ever, or that many rounds; `ready` is called when every node has what it should."""
        version, pause = None, 1
        while rounds is None or (rounds := rounds - 1) >= 0:
            try:
                if version is None:
                    version = self.every()
                    ready()
                version = self.since(version)
                pause = 1
            except FAILURES as error:
                self.say(f"{type(error).__name__}: {error}; again in {pause} s")
                version = None
                self.sleep(pause)
                pause = min(60, pause * 2)

    def every(self):
        """Every node; the version from which to watch. One that fails does not keep the others waiting."""
        nodes, version = self.api.nodes()
        failed = [error for error in map(self.attempt, nodes) if error]
        if failed:
            raise failed[0]
        return version

    def since(self, version):
        """Each node that came or changed since, until the watch ends; the version from which to go on, None if it is
        too old for the server."""
        for event in self.api.watch(version):
            if event["type"] == "ERROR":
                return None
            version = event["object"]["metadata"]["resourceVersion"]
            if event["type"] in ("ADDED", "MODIFIED"):
                self.one(event["object"])
        return version

    def attempt(self, node):
        try:
            self.one(node)
        except FAILURES as error:
            return error
        return None

    def one(self, node):
        """Make this node as it should be; somebody who changes it at the same time is no failure."""
        name = node["metadata"]["name"]
        for _ in range(10):
            patch = change(node, self.pools)
            if patch is None:
                return
            try:
                self.api.patch(name, patch)
            except Refused as refused:
                if refused.status == 404:
                    return
                if refused.status != 409:
                    raise
                try:
                    node = self.api.node(name)
                except Refused as gone:
                    if gone.status == 404:
                        return
                    raise
            else:
                self.say(f"{name}: {json.dumps({'labels': patch['metadata']['labels'], **patch.get('spec', {})})}")
                return
        raise Refused(409, f"{name} is changed again and again by somebody else")

    def clean(self):
        """Take everything away, once; whether that worked."""
        for _ in range(CLEAN_TRIES):
            try:
                self.every()
            except FAILURES as error:
                self.say(f"{type(error).__name__}: {error}")
                self.sleep(1)
            else:
                return True
        return False


def main(how):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # the first process of a pod ends by no signal of its own
    api = Api.of_this_pod()
    if how == "clean":
        return 0 if Labeller(api, {}).clean() else 1
    Labeller(api, json.loads(POOLS.read_text())).follow(READY.touch)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
