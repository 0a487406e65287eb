"""The nouns of an alert: its states, its transitions, and why each was made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.clock import Instant
from domain.findings import Evidence, Level, Subject
from domain.ids import HomeId


class State(StrEnum):
    """Where an alert stands."""

    HELD = "held"
    """Raised from a backlog that is still being read: what follows in it may end the matter before anybody is called."""
    OPEN = "open"
    CLAIMED = "claimed"
    """A named person has said: I am going."""
    WORKING = "working"
    """That person has taken a first step."""
    CLOSED = "closed"

    @property
    def taken(self) -> bool:
        """True when a named person has it in hand."""
        return self in (State.CLAIMED, State.WORKING)

    @property
    def standing(self) -> bool:
        """True when it is somebody's to do: open, claimed or being worked on."""
        return self not in (State.HELD, State.CLOSED)


class Reason(StrEnum):
    """Why a transition was made, or why none was: interface, log and audit show the same word."""

    RAISED = "raised"
    RAISED_LATE = "raised_late"
    """The deadline had passed long before we could know; still open after the backlog was read."""
    OUTLASTED = "outlasted"
    """The outage that it was a part of is over, and it is not."""
    HELD_FOR_BACKLOG = "held_for_backlog"
    ENDED_IN_BACKLOG = "ended_in_backlog"
    """Opened and closed inside the backlog: for the digest."""
    LEVEL_UP = "level_up"
    LEVEL_DOWN = "level_down"
    REFRESHED = "refreshed"
    ACTIVITY = "activity"
    LATE_ACTIVITY = "late_activity"
    WENT_OUT = "went_out"
    CONFIGURATION = "configuration"
    CLAIMED = "claimed"
    RELEASED = "released"
    ASSIGNED = "assigned"
    """Somebody else was named as the owner."""
    STEP = "step"
    """A step was taken: a call, a visit."""
    LAPSED = "lapsed"
    """Claimed, and no step taken in time: everybody is called again."""
    ESCALATED = "escalated"
    """The ladder called the people of its next step."""
    ASKED = "asked"
    """The resident was asked whether all is well."""
    ANSWERED = "answered"
    """The resident answered."""
    UNANSWERED = "unanswered"
    """Nobody answered and nobody took the matter: a prompt became a page."""
    REOPENED = "reopened"
    CLOSED = "closed"
    COMMENT = "comment"
    # why not
    BELOW_ALERT = "below_alert"
    """Digest findings and unknowns open no alert."""
    PART_OF_OUTAGE = "part_of_outage"
    """It follows from an outage of many homes, which has an alert of its own."""
    ALREADY_OPEN = "already_open"
    ALREADY_CLOSED = "already_closed"
    """It is older than the word by which somebody closed the matter: late data never opens an alert again."""
    NOT_OPEN = "not_open"


class Step(StrEnum):
    """What somebody does about an alert, in the order in which it is usually done."""

    CALL_RESIDENT = "call_resident"  # 本人に電話
    CALL_CONTACT = "call_contact"  # 緊急連絡先に電話
    CALL_WELFARE = "call_welfare"  # 民生委員・協力員に連絡
    CALL_KEYHOLDER = "call_keyholder"  # 鍵を預かる人に連絡
    VISIT = "visit"  # 訪問
    POLICE = "police"  # 警察立会いで入室
    AMBULANCE = "ambulance"  # 119番


class Result(StrEnum):
    """How a step went, or that it has begun."""

    STARTED = "started"
    """The call is being made; somebody is on the way."""
    NO_ANSWER = "no_answer"
    REACHED = "reached"
    """That person answered, and can help or has told what is the matter."""
    ARRIVED = "arrived"
    """Somebody stands at the door."""
    ENTERED = "entered"
    """Somebody is with the resident, or knows that nobody is there."""


class Outcome(StrEnum):
    """What was found; true, false and not-the-resident follow from it."""

    SPOKE_SAFE = "spoke_safe"  # 本人と会話・無事
    FAMILY_SAFE = "family_safe"  # 家族確認・無事
    VISIT_SAFE = "visit_safe"  # 訪問・無事
    AWAY = "away"  # 外出・宿泊
    HOSPITAL = "hospital"  # 入院・入所
    VISITOR = "visitor"  # 来客・介助
    DEVICE_FAULT = "device_fault"  # 機器故障・電池
    COMMUNICATION = "communication"  # 通信断
    FALSE_ALARM = "false_alarm"  # 誤検知(理由)
    DRILL = "drill"  # 訓練・試験
    SUPPORT = "support"  # 支援につないだ
    EMERGENCY = "emergency"  # 救急搬送
    DEATH = "death"  # 死亡発見
    UNREACHED = "unreached"  # 連絡つかず継続
    ANSWERED = "answered"  # 本人応答 (closed by the system: the resident was asked, and answered that all is well)
    HELP = "help"  # 本人が助けを求めた (closed by the system: the call opened a page of its own)
    RESUMED = "resumed"  # 活動再開 (closed by the system: the resident, device or gateway was seen again)


@dataclass(frozen=True, slots=True)
class Alert:
    """One open matter of one home, or a closed one."""

    id: int
    home: HomeId
    cause: str
    kind: str
    subject: Subject
    state: State
    level: Level
    onset: Instant
    raised_at: Instant
    opened_at: Instant
    """Processing time at which the alert came to be open (or held)."""
    late: bool
    room: str | None
    finding: str
    evidence: Evidence
    text_ja: str
    text_en: str
    owner: str | None
    """Staff login of the person who claimed it."""
    outcome: Outcome | None
    ended_at: Instant | None
    """Event time at which the matter itself ended, where it did."""
    version: int
    """Counts transitions; every change names the version it was made on (compare and set)."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One append-only row of an alert's history."""

    alert: int
    version: int
    """The version that this transition made, 1, 2, 3 ..."""
    from_state: State | None
    to_state: State
    reason: Reason
    by: str
    """Staff login, or ``kehai`` for the system."""
    at: Instant
    """The deadline or the event that caused it, not the moment of noticing."""
    logged_at: Instant
    """Processing time."""
    level: Level
    note: str = ""
    outcome: Outcome | None = None
    step: Step | None = None
    result: Result | None = None
    assignee: str | None = None
    """Staff login of the owner that an assignment named."""
