"""What goes wrong between us and OpenStack, turned into errors that name the layer and say what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import yaml

from hubfleet.errors import CloudError, Layer

_STUMBLES = frozenset({429, 500, 502, 503, 504})
_NAMES = {
    "identity": "Keystone",
    "compute": "Nova",
    "network": "Neutron",
    "image": "Glance",
    "block-storage": "Cinder",
    "container-infra": "Magnum",
    "load-balancer": "Octavia",
}


class Unanswered(CloudError):
    """Nobody answered, or the answer got lost on its way."""


def service_name(service: str) -> str:
    """A service type's usual name: "container-infra" is "Magnum"."""
    return _NAMES.get(service, service)


def transient(error: CloudError) -> bool:
    """Whether the same request may well succeed a little later: nobody answered, or the service was overwhelmed."""
    return isinstance(error, Unanswered) or error.status in _STUMBLES


def not_begun(error: CloudError) -> bool:
    """Whether nothing was done, and may be a little later: there were too many requests."""
    return error.status == 429


# settings


def _yaml(files: Collection[str]) -> list[str]:
    """Each place once; the SDK looks for .yml and .json, too."""
    return list(dict.fromkeys(file for file in files if file.endswith(".yaml")))


def no_such_cloud(cloud: str, known: Collection[str], read: str | None, searched: Collection[str]) -> CloudError:
    """An entry that clouds.yaml does not have."""
    close = difflib.get_close_matches(cloud, list(known), 1)
    if known:
        why = f"{read or 'clouds.yaml'} has: {', '.join(sorted(known))}"
        remedy = f"did you mean {close[0]}?" if close else "name one of these, or add an entry"
    else:
        why = f"no clouds.yaml was found; looked for {', '.join(_yaml(searched))}"
        remedy = "put the clouds.yaml of the cloud's dashboard (API access) there, or set OS_CLIENT_CONFIG_FILE"
    return CloudError(f"there is no cloud named {cloud}", why=why, remedy=remedy, layer=Layer.CREDENTIAL)


def no_cloud_named(known: Collection[str]) -> CloudError:
    """Neither the file nor the environment says which cloud."""
    offer = f" (clouds.yaml has: {', '.join(sorted(known))})" if known else ""
    return CloudError(
        "no cloud is named",
        why="the provider has no `cloud`, and neither OS_CLOUD nor OS_AUTH_URL is set",
        remedy=f"add `cloud: NAME` to the provider{offer}",
        layer=Layer.CREDENTIAL,
    )


def unreadable(error: Exception) -> CloudError:
    """A clouds.yaml that is not one. A YAML error's own text quotes the file, which holds passwords."""
    why = str(error)
    if isinstance(error, yaml.MarkedYAMLError):
        why = f"line {error.problem_mark.line + 1 if error.problem_mark else '?'}: {error.problem}"
    return CloudError(
        "clouds.yaml cannot be read", why=why, remedy="mend the file, or fetch it anew", layer=Layer.CREDENTIAL
    )


@contextmanager
def of_settings(cloud: str) -> Generator[None]:
    """Errors of an incomplete entry."""
    try:
        yield
    except CloudError:
        raise
    except Exception as error:  # (each of keystoneauth's plug-ins raises its own)
        raise CloudError(
            f"the settings of {cloud} are not complete",
            why=_first_line(error),
            remedy="compare the entry with the clouds.yaml that the cloud's dashboard offers (API access)",
            layer=Layer.CREDENTIAL,
        ) from error


# requests


@contextmanager
def of_requests(what: str, service: str | None = None) -> Generator[None]:
    """Errors below HTTP, of one service's address (None: Keystone's, to log in)."""
    from keystoneauth1 import exceptions as keystone

    try:
        yield
    except (keystone.Unauthorized, keystone.AuthorizationFailure) as error:
        raise CloudError(
            what,
            why=_first_line(error),
            remedy="check user, password or application credential (it may have expired) in clouds.yaml",
            layer=Layer.CREDENTIAL,
            status=401,
        ) from error
    except keystone.SSLError as error:
        raise CloudError(
            what,
            why=_first_line(error),
            remedy="if the cloud has a certificate authority of its own, name its file as `cacert` in clouds.yaml",
            layer=Layer.NETWORK,
        ) from error
    except (keystone.ConnectionError, keystone.RetriableConnectionFailure) as error:
        raise _unanswered(what, service, _first_line(error)) from error
    except keystone.HttpError as error:
        raise CloudError(what, why=_first_line(error), layer=Layer.OPENSTACK, status=error.http_status) from error
    except OSError as error:  # requests looks for certificates before it connects
        remedy = "check the paths `cacert`, `cert` and `key` in clouds.yaml"
        raise CloudError(what, why=_first_line(error), remedy=remedy, layer=Layer.CREDENTIAL) from error
    except keystone.ClientException as error:
        remedy = "check auth_url in clouds.yaml: it is the address of Keystone, mostly ending in /v3"
        raise CloudError(what, why=_first_line(error), remedy=remedy, layer=Layer.OPENSTACK) from error


def _unanswered(what: str, service: str | None, why: str) -> Unanswered:
    if service is None:
        remedy = "check auth_url in clouds.yaml, the network, the VPN; if they are right, the cloud is down: try later"
        return Unanswered(what, why=why, remedy=remedy, layer=Layer.NETWORK)
    name = service_name(service)
    remedy = f"{name} may be down: run the same command again later, it goes on; else tell the cloud's operators"
    return Unanswered(f"{name} does not answer: {what}", why=why, remedy=remedy, layer=_layer(service))


def _layer(service: str) -> Layer:
    return Layer.MAGNUM if service == "container-infra" else Layer.OPENSTACK


def of_answer(service: str, method: str, path: str, status: int, body: Any, wait: str = "") -> CloudError:
    """An answer with a status of 400 and above, with the service's own words. `wait`: its header Retry-After, in
    seconds or (which is ignored) a date."""
    name = service_name(service)
    layer = Layer.CREDENTIAL if status in (401, 403) else _layer(service)
    remedy = {
        401: "check the credential in clouds.yaml",
        403: "ask for the role that is missing, or use a credential that has it",
        413: "ask for more quota",
    }.get(status, "")
    if status in _STUMBLES:
        remedy = f"{name} is in trouble: apply again later; if it stays so, tell the cloud's operators"
    what = f"{name} answered {status} to {method} {path.partition('?')[0]}"
    error = CloudError(what, why=words(body), remedy=remedy, layer=layer, status=status)
    error.again = float(wait) if wait.isdecimal() else 0.0
    return error


def not_json(service: str, method: str, path: str, content: bytes) -> CloudError:
    """A success that is none: something between us and the service answered in its place."""
    name = service_name(service)
    return CloudError(
        f"what answers {method} {path.partition('?')[0]} in place of {name} is not OpenStack",
        why=f"it is no JSON: {content[:100]!r}",
        remedy="see who stands between (a proxy, a login page), and whether the catalog's address is right",
        layer=Layer.NETWORK,
    )


def words(body: Any) -> str:
    """The message in an error's body: each service puts it somewhere else, as `detail`, `message` or `faultstring`."""
    if isinstance(body, Mapping):
        found = cast("Mapping[str, Any]", body)
        for key in ("detail", "message", "faultstring", "title"):
            if isinstance(found.get(key), str) and found[key]:
                return str(found[key]).strip()
        return next((text for text in map(words, found.values()) if text), "")
    if isinstance(body, list):
        return next((text for text in map(words, body) if text), "")  # pyright: ignore[reportUnknownArgumentType]
    return ""


def _first_line(error: Exception) -> str:
    """Of a failed connection only the address and the cause: urllib3 tells them three times over."""
    address, pool, rest = str(error).partition(": HTTP")
    if pool and (cause := re.search(r"\[Errno -?\d+\] ([\w ]+)", rest)):
        return f"{address}: {cause[1]}"
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
