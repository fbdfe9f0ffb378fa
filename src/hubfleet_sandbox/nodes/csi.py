"""The node's part of the Cinder CSI driver, a process on each node: puts a volume's folder where a pod wants it.

Speaks the protocol of the Container Storage Interface (v1, csi.proto) with the kubelet, so that volumes are of the type
and the driver that they are of in reality. Of its messages only texts are needed, at the top level.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from hubfleet_sandbox import processes
from hubfleet_sandbox.errors import SandboxError
from hubfleet_sandbox.nodes.volume_records import PROVISIONER

KUBELET = Path("/var/lib/kubelet")
_SOCKET = KUBELET / "plugins" / PROVISIONER / "csi.sock"
_REGISTRATION = KUBELET / "plugins_registry" / f"{PROVISIONER}-reg.sock"
_PAUSE = 1.0
"""Seconds before it begins anew."""
_TEXT = 2
"""Wire type of texts and messages in protocol buffers."""
_WIDTHS = {1: 8, 5: 4}

Message = Mapping[int, str]
"""The texts of a message by the numbers of their fields."""
Method = Callable[[Message], Message]


class Driver:
    """Answers the kubelet of the node `node`; `volumes` holds a folder for each volume. `again` begins from the start:
    a kubelet whose registration of a driver failed, as where its API server was away just then, does not try again by
    itself. The real driver's registrar ends then, and is started again (node-driver-registrar 2.15,
    NotifyRegistrationStatus)."""

    def __init__(self, node: str, volumes: Path, again: Callable[[], None]) -> None:
        self._node, self._volumes, self._again = node, volumes, again

    def services(self) -> Mapping[str, Mapping[str, Method]]:
        """The methods that a kubelet calls, by service."""
        nothing: Method = lambda _: {}  # noqa: E731
        return {
            "pluginregistration.Registration": {
                "GetInfo": lambda _: {1: "CSIPlugin", 2: PROVISIONER, 3: str(_SOCKET), 4: "1.0.0"},
                "NotifyRegistrationStatus": self.notified,
            },
            "csi.v1.Identity": {
                "GetPluginInfo": lambda _: {1: PROVISIONER, 2: "sandbox"},
                "GetPluginCapabilities": nothing,
                "Probe": nothing,
            },
            "csi.v1.Node": {
                "NodeGetInfo": lambda _: {1: self._node},
                "NodeGetCapabilities": nothing,
                "NodePublishVolume": lambda asked: self.publish(asked[1], Path(asked[4])),
                "NodeUnpublishVolume": lambda asked: self.unpublish(Path(asked[2])),
            },
        }

    def notified(self, status: Message) -> Message:
        """What came of the registration: there is a text where it failed."""
        if status.get(2):
            self._again()
        return {}

    def publish(self, volume: str, target: Path) -> Message:
        """Mount the volume's folder; once, however often it is asked for."""
        folder = self._volumes / volume
        folder.mkdir(parents=True, exist_ok=True)
        target.mkdir(parents=True, exist_ok=True)
        if not _mounted(target):
            processes.run(["mount", "--bind", folder, target], timeout=30)
        return {}

    def unpublish(self, target: Path) -> Message:
        """Take the mount away, and its place."""
        if _mounted(target):
            processes.run(["umount", target], timeout=30)
        if target.exists():
            target.rmdir()
        return {}


def read(content: bytes) -> Message:
    """The texts of a message; the last one, of a field that is repeated. What is no text is left out."""
    found: dict[int, str] = {}
    at = 0
    while at < len(content):
        key, at = _number(content, at)
        field, kind = key >> 3, key & 7
        if kind == _TEXT:
            length, at = _number(content, at)
            found[field] = content[at : at + length].decode(errors="replace")
            at += length
        elif kind in _WIDTHS:
            at += _WIDTHS[kind]
        else:
            _, at = _number(content, at)
    return found


def write(message: Message) -> bytes:
    """The message of these texts."""
    made = b""
    for field, text in message.items():
        content = text.encode()
        made += _bytes(field << 3 | _TEXT) + _bytes(len(content)) + content
    return made


def serve(node: str, volumes: Path) -> None:
    """Answer until the process is ended."""
    server = grpc.server(ThreadPoolExecutor(4))
    for service, methods in Driver(node, volumes, _again).services().items():
        handlers = {name: _handler(method) for name, method in methods.items()}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    for place in (_SOCKET, _REGISTRATION):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        server.add_insecure_port(f"unix:{place}")
    server.start()
    threading.Event().wait()


def _again() -> None:
    """In a moment, when the kubelet has its answer."""
    threading.Timer(_PAUSE, os.execv, (sys.executable, sys.orig_argv)).start()


def _handler(method: Method) -> grpc.RpcMethodHandler[Message, Message]:
    def answer(asked: Message, context: grpc.ServicerContext) -> Message:
        try:
            return method(asked)
        except (OSError, SandboxError) as error:
            context.abort(grpc.StatusCode.INTERNAL, str(error))
            raise  # abort does not return

    return grpc.unary_unary_rpc_method_handler(answer, request_deserializer=read, response_serializer=write)


def _mounted(target: Path) -> bool:
    """Path.is_mount does not know a folder that is mounted on another one of the same file system."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return str(target) in (line.split()[4] for line in lines)


def _number(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        value, at, shift = value | (byte & 0x7F) << shift, at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _bytes(value: int) -> bytes:
    made = b""
    while value >= 0x80:
        made, value = made + bytes([value & 0x7F | 0x80]), value >> 7
    return made + bytes([value])


if __name__ == "__main__":
    os.umask(0o022)
    serve(sys.argv[1], Path(sys.argv[2]))
