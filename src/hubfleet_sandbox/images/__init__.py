"""What nodes run, made on this machine: the hub's image, the pause image, and a containerd that holds them.

What belongs here: a root file system from Debian packages, PyPI and npm, images in OCI's format, and the prepared
containerd root that each node starts from. What never will: running them (`nodes`).
"""

from hubfleet_sandbox.images.prepared import HUB, PAUSE, cached, get, made_from

__all__ = ["HUB", "PAUSE", "cached", "get", "made_from"]
