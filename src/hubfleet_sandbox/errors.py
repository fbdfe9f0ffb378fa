"""How the sandbox fails: one exception, with what happened, why, and what to do now."""

from __future__ import annotations


class SandboxError(Exception):
    """Something that the person at the keyboard can understand and act on. No traceback is shown for it."""

    def __init__(self, what: str, *, why: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.remedy = what, why, remedy

    def __str__(self) -> str:
        return "\n".join(
            part
            for part in (self.what, self.why and f"  why: {self.why}", self.remedy and f"  do:  {self.remedy}")
            if part
        )
