"""A real mosquitto with the configuration and the access list that ship with the project: every listener, TLS and all."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kehai.passwordlist import hashed
from tests.certificates import Authority, Issued
from tests.programs import ROOT
from tests.servers import Mosquitto, free_port

ACL = ROOT / "deploy" / "mosquitto.acl"


class Watched(Mosquitto):
    """As docker-compose.yml runs it: under the script that has it read again what has changed."""

    watched: tuple[Path, ...] = ()

    def command(self, file: Path) -> list[str]:
        """See Mosquitto.command."""
        return ["/bin/sh", str(ROOT / "deploy" / "mosquitto.sh"), str(file), *map(str, self.watched)]


@dataclass
class Shipped:
    """The broker of a real installation on 127.0.0.1; ``start`` it with the users that may come in."""

    folder: Path
    acl: Path = ACL
    watched: bool = False
    """Under deploy/mosquitto.sh, as the compose file has it; else mosquitto alone."""
    tls: int = field(default_factory=free_port)
    certificates: int = field(default_factory=free_port)
    inner: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        """Make its authorities (one for the server's name, one for gateways) and its certificate."""
        self.authority = Authority(self.folder / "server-ca")
        self.gateways = Authority(self.folder / "gateways-ca", "Kehai test gateways")
        self._server = self.renew()
        self.passwords = self.folder / "passwords"
        self.passwords.touch()
        kind = Watched if self.watched else Mosquitto
        self.broker = kind(self.folder / "broker", port=self.inner, settings=self.settings())
        if isinstance(self.broker, Watched):
            self.broker.watched = (self.passwords, self._server.certificate, self._server.key, self.gateways.revoked)

    def renew(self, days: int = 30) -> Issued:
        """Another certificate and key of the broker's own, in the place of the old ones."""
        return self.authority.issue("localhost", names="DNS:localhost,IP:127.0.0.1", days=days)

    def settings(self) -> str:
        """mosquitto.conf, with the door for certificates opened, and this test's ports and paths."""
        text = (ROOT / "mosquitto.conf").read_text()
        closed = re.search(r"^#listener 8884$.*?(?=^$)", text, re.MULTILINE | re.DOTALL)
        assert closed is not None
        text = text.replace(closed[0], closed[0].replace("\n#", "\n")[1:])
        for ours, theirs in {
            "listener 8883": f"listener {self.tls} 127.0.0.1",
            "listener 8884": f"listener {self.certificates} 127.0.0.1",
            "listener 1883": f"listener {self.inner} 127.0.0.1",
            "/mosquitto/access/passwords": str(self.passwords),
            "/mosquitto/config/acl": str(self.acl),
            "/mosquitto/certs/ca.crt": str(self.authority.certificate),
            "/mosquitto/certs/gateways-ca.crt": str(self.gateways.certificate),
            "/mosquitto/certs/gateways.crl": str(self.gateways.revoked),
            "/mosquitto/certs/server.crt": str(self._server.certificate),
            "/mosquitto/certs/server.key": str(self._server.key),
            "/mosquitto/data/": f"{self.folder}/broker/",
            "sys_interval 10": "sys_interval 1",
        }.items():
            assert ours in text, ours
            text = text.replace(ours, theirs)
        assert "/mosquitto/" not in re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
        return text

    def admit(self, users: Mapping[str, str]) -> None:
        """Write the list of users and passwords, without telling the broker."""
        self.passwords.write_text("".join(f"{user}:{hashed(password)}\n" for user, password in users.items()))

    def reload(self) -> None:
        """Have the broker read its files again."""
        assert self.broker.process is not None
        os.kill(self.broker.process.pid, signal.SIGHUP)

    def client_certificate(self, gateway: str) -> Issued:
        """A certificate for a gateway."""
        return self.gateways.issue(gateway)
