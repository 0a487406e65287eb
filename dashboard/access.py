"""Who may do what: the one place where roles, needs and pages meet.

Every page stands in ``PAGES`` with what it needs; one that does not is refused to everybody. A new page is one line there, and
``tests/dashboard/test_access.py`` asks of each page and each role whether it is let in.

Beside the role stands the sight (``registry.sight``): of a home outside it, every page says that there is no such page.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from registry.staff import Role, Session


class Need(StrEnum):
    """What a page asks of whoever opens it."""

    NOBODY = "nobody"
    """It is open to all: no log-in."""
    ACCOUNT = "account"
    """Anybody who is logged in: what concerns themselves."""
    LOOK = "look"
    """To see homes."""
    READ = "read"
    """To see what staff work with: telephone numbers, the rota, handovers, figures."""
    ANSWER = "answer"
    """To answer alerts, and to say that somebody is away."""
    DECIDE = "decide"
    """To decide on rules, on silences, and on who is called."""
    OPERATE = "operate"
    """To see how the installation itself is."""
    ADMINISTER = "administer"
    """To keep accounts."""
    AUDIT = "audit"
    """To read who did and who looked at what."""


_STAFF = frozenset({Need.ACCOUNT, Need.LOOK, Need.READ, Need.ANSWER, Need.OPERATE})
MAY: Mapping[Role, frozenset[Need]] = {
    Role.VIEWER: frozenset({Need.ACCOUNT, Need.LOOK}),
    Role.STAFF: _STAFF,
    Role.MANAGER: _STAFF | {Need.DECIDE},
    Role.ADMINISTRATOR: frozenset({Need.ACCOUNT, Need.OPERATE, Need.ADMINISTER, Need.AUDIT}),
    Role.AUDITOR: frozenset({Need.ACCOUNT, Need.LOOK, Need.READ, Need.OPERATE, Need.AUDIT}),
}
CALLED = frozenset({Need.LOOK, Need.READ, Need.ANSWER})
"""What somebody may do with an open alert that they were called about, and with its home, whatever else they may: whoever made
them part of a rota or handed them the alert wanted them to go there."""

PAGES: Mapping[str, Need] = {
    "GET /login": Need.NOBODY,
    "POST /login": Need.NOBODY,
    "GET /login/code": Need.NOBODY,
    "POST /login/code": Need.NOBODY,
    "POST /language": Need.NOBODY,
    "GET /healthz": Need.NOBODY,
    "GET /metrics": Need.NOBODY,
    "GET /answers/{token}": Need.NOBODY,
    "POST /answers/{token}": Need.NOBODY,
    "POST /line/{name}": Need.NOBODY,
    "GET /worker.js": Need.NOBODY,
    "GET /manifest.webmanifest": Need.NOBODY,
    "POST /logout": Need.ACCOUNT,
    "GET /events": Need.ACCOUNT,
    "GET /me": Need.ACCOUNT,
    "POST /me/addresses": Need.ACCOUNT,
    "POST /me/language": Need.ACCOUNT,
    "POST /me/addresses/{number}/{action}": Need.ACCOUNT,
    "POST /me/digest": Need.READ,
    "GET /me/access": Need.ACCOUNT,
    "POST /me/access/password": Need.ACCOUNT,
    "POST /me/access/others": Need.ACCOUNT,
    "POST /me/access/factor": Need.ACCOUNT,
    "POST /me/access/factor/confirm": Need.ACCOUNT,
    "POST /me/access/factor/codes": Need.ACCOUNT,
    "POST /me/access/factor/remove": Need.ACCOUNT,
    "GET /": Need.LOOK,
    "GET /homes/{home}": Need.LOOK,
    "GET /homes/{home}/outlook": Need.READ,
    "GET /homes/{home}/week": Need.READ,
    "GET /homes/{home}/rules": Need.READ,
    "POST /homes/{home}/rules": Need.DECIDE,
    "POST /homes/{home}/rules/{number}/{action}": Need.DECIDE,
    "POST /homes/{home}/say/{word}": Need.ANSWER,
    "GET /alerts/{number}": Need.LOOK,
    "POST /alerts/{number}/{action}": Need.ANSWER,
    "GET /handover": Need.READ,
    "GET /calling": Need.READ,
    "POST /calling/shifts": Need.DECIDE,
    "POST /calling/shifts/{number}/remove": Need.DECIDE,
    "POST /calling/covers": Need.DECIDE,
    "POST /calling/covers/{number}/end": Need.DECIDE,
    "POST /calling/staff/{login}": Need.DECIDE,
    "GET /calling/policy": Need.READ,
    "POST /calling/policy": Need.DECIDE,
    "GET /calling/channels": Need.DECIDE,
    "POST /calling/channels/{name}/test": Need.DECIDE,
    "GET /silences": Need.READ,
    "POST /silences": Need.DECIDE,
    "POST /silences/{number}/end": Need.DECIDE,
    "GET /ledger": Need.READ,
    "GET /ledger.csv": Need.READ,
    "GET /homes/{home}/looks": Need.READ,
    "GET /audit": Need.AUDIT,
    "GET /audit.jsonl": Need.AUDIT,
    "GET /system": Need.OPERATE,
}
"""Method and path of every page -> what it needs. A page with ``{home}`` in its path, and one under ``/alerts/{number}``, is
moreover held to the reader's sight, and each look at it is written down."""


WITHOUT_FACTOR = "/me/access"
"""Where the pages stand on which somebody gives themselves a second factor: all that one sees whose role needs one."""
PURPOSES: Mapping[str, str] = {
    "/homes/{home}": "day",
    "/homes/{home}/outlook": "outlook",
    "/homes/{home}/rules": "rules",
    "/homes/{home}/week": "week",
    "/homes/{home}/looks": "looks",
    "/alerts/{number}": "alert",
}
"""Path of a page about one home -> what for it is looked at; see ``words.LOOKED_FOR`` for how that is said."""


def purpose_of(path: str) -> str:
    """What for a page is looked at; ``other`` where nobody has said so."""
    return PURPOSES.get(path, "other")


def need_of(pages: Mapping[str, Need], method: str, path: str) -> Need | None:
    """What a page needs; None for one that does not say so, which is for nobody."""
    return pages.get(f"{'GET' if method == 'HEAD' else method} {path}")


def may(session: Session | None, need: Need | str) -> bool:
    """Whether somebody may do this anywhere; for templates, and for what only part of a page needs."""
    return session is not None and Need(need) in MAY[session.member.role]
