"""Two network namespaces with a cable between them, and a knife: gateways live at one end, broker and ingest at the other."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from typing import Self

NEAR, FAR = "10.213.7.1", "10.213.7.2"
MISSING = (
    "needs root"
    if os.geteuid() != 0
    else "needs ip and nft"
    if not (shutil.which("ip") and shutil.which("nft"))
    else ""
)
"""Why there can be no namespaces here; empty where there can."""

CUTS = {
    "both ways": {"input": "drop", "output": "drop"},
    "towards the server": {"input": "drop"},
    "towards the homes": {"output": "drop"},
    "30 % loss": {"input": "numgen random mod 100 < 30 drop", "output": "numgen random mod 100 < 30 drop"},
}


def _run(*command: str, said: str = "") -> None:
    subprocess.run(command, input=said.encode(), check=True, capture_output=True)


class Cable:
    """``with Cable() as cable``: ``cable.near`` and ``cable.far`` stand before a command that is to run at that end."""

    def __init__(self) -> None:
        mark = secrets.token_hex(3)
        self._homes, self._server = f"kehai-h-{mark}", f"kehai-s-{mark}"
        self._end, self._other = f"kh{mark}", f"ks{mark}"
        self.near = ("ip", "netns", "exec", self._homes)
        self.far = ("ip", "netns", "exec", self._server)

    def __enter__(self) -> Self:
        """Lay it."""
        try:
            for space in (self._homes, self._server):
                _run("ip", "netns", "add", space)
                _run("ip", "-n", space, "link", "set", "lo", "up")
            _run(
                "ip",
                "link",
                "add",
                self._end,
                "netns",
                self._homes,
                "type",
                "veth",
                "peer",
                self._other,
                "netns",
                self._server,
            )
            for space, link, address in ((self._homes, self._end, NEAR), (self._server, self._other, FAR)):
                _run("ip", "-n", space, "address", "add", f"{address}/24", "dev", link)
                _run("ip", "-n", space, "link", "set", link, "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away, with both namespaces."""
        for space in (self._homes, self._server):
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)

    def cut(self, kind: str) -> None:
        """Damage it, at the server's end, in one of the ways of CUTS."""
        chains = "\n".join(
            f'chain {hook}_cut {{ type filter hook {hook} priority 0; {side} "{self._other}" {what}; }}'
            for hook, side in (("input", "iifname"), ("output", "oifname"))
            if (what := CUTS[kind].get(hook))
        )
        _run(*self.far, "nft", "-f", "-", said=f"table inet cut {{\n{chains}\n}}\n")

    def heal(self) -> None:
        """Mend it."""
        _run(*self.far, "nft", "delete", "table", "inet", "cut")
