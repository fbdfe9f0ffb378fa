"""Amazon's ECR for BinderHub. Runs in BinderHub's pod, by `extraConfig`; hubfleet sets its traits.

Two things are other than in other registries: a password lasts twelve hours, and a repository has to be there before
anything is pushed to it. BinderHub asks its registry for a build's credentials just before the build
(binderhub/builder.py, `get_credentials`): both are seen to then. No library of Amazon's is in its image, so its three
requests are signed here ("AWS Signature Version 4 for API requests", Amazon's IAM User Guide).

Nor does ECR take every name that BinderHub gives to an image: two hyphens never stand together in its repositories'
("CreateRepository", Amazon's ECR API Reference: a part is letters and digits with one of . _ - between them).
"""

import base64
import hashlib
import hmac
import json
import os
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlparse

from binderhub import builder
from binderhub.registry import DockerRegistry
from tornado.httpclient import AsyncHTTPClient
from traitlets import Unicode

PASSWORD_LASTS = 3600
"""Seconds until another is asked for: a build that has it goes on for up to eleven hours more."""


class ElasticContainerRegistry(DockerRegistry):
    """`url` is the registry's."""

    account = Unicode(help="The AWS account's number.", config=True)
    region = Unicode(help="The registry's region.", config=True)
    api = Unicode(help="Where ECR's API is.", config=True)
    access_key_id = Unicode(help="Of an access key; empty: the pod's role, by EKS Pod Identity.", config=True)
    secret_access_key = Unicode(help="The access key itself.", config=True)
    _asked_again = 0.0

    async def get_image_manifest(self, image, tag):
        """None where there is no such image, or no such repository."""
        await self._log_in()
        return await super().get_image_manifest(image, tag)

    async def get_credentials(self, image, tag):  # noqa: ARG002 (as BinderHub calls it)
        """For a build that pushes there, once its repository is there."""
        await self._log_in()
        await self._ask("CreateRepository", {"registryId": self.account, "repositoryName": image}, "AlreadyExists")
        return {"registry": self.url, "username": self.username, "password": self.password}

    async def _log_in(self):
        if time.monotonic() < self._asked_again:
            return
        answer = await self._ask("GetAuthorizationToken", {})
        token = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
        self.username, _, self.password = token.partition(":")
        self._asked_again = time.monotonic() + PASSWORD_LASTS

    async def _ask(self, action, content, harmless="nothing"):
        """The answer of ECR's API. RuntimeError with its words, unless it refuses for what is `harmless`."""
        body = json.dumps(content)
        headers = self._signed(action, body, await self._key(), datetime.now(UTC))
        how = {"method": "POST", "headers": headers, "body": body, "raise_error": False}
        response = await AsyncHTTPClient().fetch(f"{self.api}/", **how)
        answer = json.loads(response.body or b"{}") if response.code < 500 else {}
        if response.code != 200 and harmless not in answer.get("__type", ""):
            said = answer.get("message") or answer.get("Message") or response.reason
            raise RuntimeError(f"ECR refuses {action} ({response.code} {answer.get('__type', '')}): {said}")
        return answer

    async def _key(self):
        """Access key, secret key, session's token ("" of a key that lasts)."""
        if self.access_key_id:
            return self.access_key_id, self.secret_access_key, ""
        address = os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        if not address:
            raise RuntimeError(
                "no role for ECR: give the service account `binderhub` of this namespace one, by an EKS Pod Identity"
                " association, and restart this pod; or write access_key_id and secret_access_key into the file"
            )
        token = Path(os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]).read_text(encoding="utf-8")
        headers = {"Authorization": token.strip()}
        found = json.loads((await AsyncHTTPClient().fetch(address, headers=headers)).body)
        return found["AccessKeyId"], found["SecretAccessKey"], found["Token"]

    def _signed(self, action, body, key, now):
        """The request's headers."""
        access, secret, session = key
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "host": urlparse(self.api).netloc,
            "x-amz-date": stamp,
            **({"x-amz-security-token": session} if session else {}),
            "x-amz-target": f"AmazonEC2ContainerRegistry_V20150921.{action}",
        }
        names = ";".join(headers)
        lines = [f"{name}:{value}" for name, value in headers.items()]
        request = "\n".join(["POST", "/", "", *lines, "", names, hashlib.sha256(body.encode()).hexdigest()])
        scope = [stamp[:8], self.region, "ecr", "aws4_request"]
        digest = hashlib.sha256(request.encode()).hexdigest()
        signing = f"AWS4{secret}".encode()
        for part in [*scope, "\n".join(["AWS4-HMAC-SHA256", stamp, "/".join(scope), digest])]:
            signing = hmac.digest(signing, part.encode(), "sha256")
        credential = f"{access}/{'/'.join(scope)}"
        how = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signing.hex()}"
        return {**headers, "authorization": how}


def single_hyphens(slug):
    """BinderHub's way to name what it builds (builder.py, `_safe_build_slug`), in names that ECR takes: an escaped
    character begins with a hyphen, at a name's beginning as well, and a long name may be cut behind one. The hash in a
    name keeps two of them apart."""
    return lambda *given, **named: re.sub("-+", "-", slug(*given, **named)).removeprefix("-")


builder._safe_build_slug = single_hyphens(builder._safe_build_slug)  # noqa: SLF001 (no setting of BinderHub's does it)
c.BinderHub.registry_class = ElasticContainerRegistry  # noqa: F821 (a configuration file's)
