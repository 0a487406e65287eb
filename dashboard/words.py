"""The words that pages show for the words of the code. Each is a message of the catalogue, in English."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.auditor import Wrong
from alerts.digests import Occasion
from alerts.notices import Purpose
from alerts.outbox import How, Stand
from alerts.places import Due
from detectors.outlook.advice import Idea
from detectors.outlook.delays import Part, Reach
from detectors.outlook.sight import Sees, Why
from domain.alerts import Outcome, Reason, Result, State, Step
from domain.feedback import Lesson, Means
from domain.findings import Level, Unknown
from domain.modes import ModeEnd, ModeKind
from domain.readings import Quantity
from domain.status import Observability, Resident
from registry.audit import Event
from registry.staff import Role


def _n(message: str) -> str:
    """Mark a message for the catalogue without translating it yet."""
    return message


mark = _n


RESIDENT: Mapping[Resident, str] = {
    Resident.ACTIVE: _n("Active"),
    Resident.QUIET: _n("Quiet, as usual"),
    Resident.OVERDUE: _n("No sign of life"),
    Resident.AWAY: _n("Out"),
    Resident.UNKNOWN: _n("Cannot say"),
}
MODE: Mapping[ModeKind, str] = {
    ModeKind.AWAY: _n("Away"),
    ModeKind.HOSPITAL: _n("In hospital"),
    ModeKind.VISITOR: _n("A visitor is staying"),
}
MODE_END: Mapping[ModeEnd, str] = {
    ModeEnd.BACK: _n("Said to be over"),
    ModeEnd.REPLACED: _n("Something else was said"),
    ModeEnd.CAME_BACK: _n("Life was seen in the empty home"),
    ModeEnd.EXPIRED: _n("Its time was over"),
}
OBSERVABILITY: Mapping[Observability, str] = {
    Observability.CLEAR: _n("Everything reports"),
    Observability.PARTIAL: _n("Some sensors are silent"),
    Observability.BLIND: _n("Nothing can be seen"),
    Observability.NOT_INSTALLED: _n("Not installed yet"),
}
LEVEL: Mapping[Level, str] = {
    Level.PAGE: _n("Act now"),
    Level.PROMPT: _n("Look into it"),
    Level.DIGEST: _n("For the summary"),
}
STATE: Mapping[State, str] = {
    State.HELD: _n("Held"),
    State.OPEN: _n("Open"),
    State.CLAIMED: _n("Claimed"),
    State.WORKING: _n("Being worked on"),
    State.CLOSED: _n("Closed"),
}
KIND: Mapping[str, str] = {
    "inactivity": _n("No sign of life"),
    "not_returned": _n("Has not come back"),
    "device_silent": _n("Sensor silent"),
    "battery_low": _n("Battery low"),
    "heat": _n("Heat"),
    "cold": _n("Cold"),
    "door_left_open": _n("Door left open"),
    "door_at_night": _n("Door at night"),
    "bathroom_long": _n("Long in the bathroom"),
    "late_rising": _n("Not up yet"),
    "night_wandering": _n("Walking about at night"),
    "routine_drift": _n("Change of routine"),
    "gateway_silent": _n("Gateway silent"),
    "device_stuck": _n("Sensor stuck"),
    "clock_wrong": _n("Clock wrong"),
    "fleet_outage": _n("Many homes silent"),
    "help_called": _n("The resident calls for help"),
    "service_down": _n("A part of the system is down"),
    "state_unreadable": _n("Started anew"),
}
REASON: Mapping[Reason, str] = {
    Reason.RAISED: _n("Raised"),
    Reason.RAISED_LATE: _n("Raised late: it could not be known before"),
    Reason.OUTLASTED: _n("Raised after an outage of many homes: this one is still silent"),
    Reason.PART_OF_OUTAGE: _n("Part of an outage of many homes"),
    Reason.HELD_FOR_BACKLOG: _n("Held while older readings were read"),
    Reason.ENDED_IN_BACKLOG: _n("Over before it could be known"),
    Reason.LEVEL_UP: _n("Rose in level"),
    Reason.LEVEL_DOWN: _n("Fell in level"),
    Reason.REFRESHED: _n("Raised again"),
    Reason.ACTIVITY: _n("A sign of life, or the device spoke again"),
    Reason.LATE_ACTIVITY: _n("An older sign of life arrived late"),
    Reason.WENT_OUT: _n("Went out"),
    Reason.CONFIGURATION: _n("The device was taken away"),
    Reason.CLAIMED: _n("Claimed"),
    Reason.RELEASED: _n("Given back"),
    Reason.ASSIGNED: _n("Assigned"),
    Reason.STEP: _n("Step taken"),
    Reason.LAPSED: _n("No step was taken in time: everybody is called again"),
    Reason.ESCALATED: _n("Others were called"),
    Reason.ASKED: _n("The resident was asked"),
    Reason.ANSWERED: _n("The resident answered"),
    Reason.UNANSWERED: _n("Nobody answered: it became a page"),
    Reason.REOPENED: _n("Reopened"),
    Reason.CLOSED: _n("Closed"),
    Reason.COMMENT: _n("Comment"),
}
STEP: Mapping[Step, str] = {
    Step.CALL_RESIDENT: _n("Call the resident"),
    Step.CALL_CONTACT: _n("Call a contact"),
    Step.CALL_WELFARE: _n("Call the welfare commissioner"),
    Step.CALL_KEYHOLDER: _n("Call who holds the key"),
    Step.VISIT: _n("Visit"),
    Step.POLICE: _n("Enter with the police"),
    Step.AMBULANCE: _n("Call an ambulance (119)"),
}
RESULT: Mapping[Result, str] = {
    Result.STARTED: _n("Started"),
    Result.NO_ANSWER: _n("No answer"),
    Result.REACHED: _n("Reached"),
    Result.ARRIVED: _n("At the door"),
    Result.ENTERED: _n("Went in"),
}
NEXT: Mapping[Due, str] = {
    Due.ASK: _n("The resident is being asked."),
    Due.ANSWER: _n("The resident was asked. Without an answer by %(time)s it becomes a page."),
    Due.LAPSE: _n("Without another step of %(name)s by %(time)s, others are called."),
    Due.OLD: _n("Nothing was written about it for a week: it calls nobody any more."),
}
NEXT_SILENCED = _n("Nobody is called until %(time)s: silenced (%(why)s).")
NEXT_BEHIND = _n("Nobody is called about it while another alert stands from which it follows.")
NEXT_CALLED = _n("Next: at %(time)s %(names)s is called.")
NEXT_NOBODY = _n("Next: %(time)s, and nobody is on call then: everybody is called after it.")
OCCASION: Mapping[Occasion, str] = {
    Occasion.MORNING: _n("Every morning, when the quiet hours end"),
    Occasion.SHIFT: _n("When a shift of mine begins, outside the quiet hours"),
}
PURPOSE: Mapping[Purpose, str] = {
    Purpose.ALERT: _n("Called"),
    Purpose.ASK: _n("Asked"),
    Purpose.OVER: _n("Told that it is taken or over"),
    Purpose.DIGEST: _n("Summary"),
    Purpose.TEST: _n("Test"),
    Purpose.WATCHDOG: _n("Watchdog"),
}
HOW: Mapping[How, str] = {
    How.SENT: _n("Taken over by the provider"),
    How.TRANSIENT: _n("Not taken for now; tried again"),
    How.PERMANENT: _n("Refused"),
    How.OVER_QUOTA: _n("Over the quota; the next way was tried"),
    How.UNKNOWN: _n("Nobody knows whether it arrived; sent again"),
}
STAND: Mapping[Stand, str] = {
    Stand.WAITING: _n("Waiting to be sent"),
    Stand.SENDING: _n("On its way"),
    Stand.SENT: _n("Sent"),
    Stand.FAILED: _n("Could not be sent"),
    Stand.CANCELLED: _n("Not needed any more"),
}
OUTCOME: Mapping[Outcome, str] = {
    Outcome.SPOKE_SAFE: _n("Spoke with the resident: safe"),
    Outcome.FAMILY_SAFE: _n("Family confirmed: safe"),
    Outcome.VISIT_SAFE: _n("Visited: safe"),
    Outcome.AWAY: _n("Out or staying elsewhere"),
    Outcome.HOSPITAL: _n("In hospital or a care home"),
    Outcome.VISITOR: _n("A visitor or helper was there"),
    Outcome.DEVICE_FAULT: _n("Sensor fault or battery"),
    Outcome.COMMUNICATION: _n("Communication failure"),
    Outcome.FALSE_ALARM: _n("False alarm (say why)"),
    Outcome.DRILL: _n("Drill or test"),
    Outcome.SUPPORT: _n("Brought to other support"),
    Outcome.EMERGENCY: _n("Taken to hospital by ambulance"),
    Outcome.DEATH: _n("Found dead"),
    Outcome.UNREACHED: _n("Not reached; somebody goes on trying"),
    Outcome.ANSWERED: _n("The resident answered that all is well (closed by the system)"),
    Outcome.HELP: _n("The resident called for help, which is a page of its own (closed by the system)"),
    Outcome.RESUMED: _n("Activity resumed (closed by the system)"),
}
MEANS: Mapping[Means, str] = {
    Means.ANSWER: _n("The resident answered that all is well"),
    Means.CALL: _n("The resident was reached by telephone"),
    Means.VISIT: _n("The resident was met on a visit"),
    Means.OUTCOME: _n("Somebody had spoken with the resident"),
}
LESSON: Mapping[Lesson, str] = {
    Lesson.HOSPITAL: _n("Nothing is learnt from when it began until the resident is back."),
    Lesson.NOTHING: _n("No habit: the silence is not learnt."),
}
"""Of those that are the same whatever the alert was about."""
CHOICES = tuple(outcome for outcome in Outcome if outcome not in (Outcome.ANSWERED, Outcome.HELP, Outcome.RESUMED))
"""The outcomes that a person may choose."""
DEVICE: Mapping[Quantity, str] = {
    Quantity.MOTION: _n("Motion"),
    Quantity.DOOR: _n("Door"),
    Quantity.TEMPERATURE: _n("Temperature"),
    Quantity.HUMIDITY: _n("Humidity"),
    Quantity.POWER: _n("Power"),
    Quantity.BUTTON: _n("Button"),
    Quantity.BED: _n("Bed"),
    Quantity.BATTERY: _n("Battery"),
    Quantity.LINK: _n("Radio link"),
    Quantity.OTHER: _n("Other"),
}
EVIDENCE: Mapping[str, str] = {
    "since": _n("Last sign of life"),
    "room": _n("Room"),
    "silent_s": _n("Silent for"),
    "limit_s": _n("Limit for this hour"),
    "blind_s": _n("Of it not seen"),
    "not_before": _n("Could not have been noticed before"),
    "comparable": _n("Silences begun around this hour, 28 days"),
    "longer": _n("Of them longer than this one"),
    "longest_s": _n("The longest of them"),
    "survival": _n("Of 100 silences begun then, so long or longer"),
    "usual_longest_s": _n("The longest so far"),
    "line_s": _n("Longest silence of nine days in ten, this hour"),
    "scale": _n("Limit over that, by the page budget"),
    "factor": _n("Correction by this home's own long silences"),
    "price_factor": _n("Correction by this home's own long silences"),
    "learnt_days": _n("Days learnt from"),
    "prior": _n("Version of what homes in general do"),
    "last_exit": _n("Outer door last moved"),
    "devices_alive": _n("Sensors that are heard"),
    "devices": _n("Sensors in the home"),
    "silent_devices": _n("Silent sensors"),
    "away_s": _n("Out for"),
    "usually_up": _n("Usually up by"),
    "up_limit": _n("Limit of this morning"),
    "latest_up": _n("At the latest by"),
    "mornings": _n("Mornings compared"),
    "mornings_before": _n("Such mornings before, 28 days"),
    "morning_signs": _n("Signs of life this morning"),
    "free_day": _n("Sunday or holiday"),
    "began": _n("Began"),
    "rooms": _n("Rooms"),
    "room_changes": _n("Changes of room within 90 minutes"),
    "room_changes_limit": _n("Limit for this home"),
    "usual_room_changes": _n("9 of 10 nights, at most"),
    "most_room_changes": _n("The most of them"),
    "nights": _n("Nights compared"),
    "wbgt_c": _n("WBGT, estimated"),
    "limit_wbgt_c": _n("Limit of WBGT"),
    "temperature_c": _n("Temperature"),
    "limit_c": _n("Limit of temperature"),
    "humidity_percent": _n("Humidity"),
    "lasted_s": _n("For"),
    "usual_stay_s": _n("99 of 100 stays, 28 days, within"),
    "stays": _n("Stays known"),
    "open_s": _n("Open for"),
    "out_s": _n("Nothing indoors for"),
    "nights_before": _n("Such nights before, 28 days"),
    "remembered_days": _n("Looked back over"),
    "door": _n("Door"),
    "device": _n("Device"),
    "device_kind": _n("Kind of device"),
    "fault": _n("What is wrong"),
    "every_s": _n("Every"),
    "most_per_hour": _n("Movements in its busiest hour"),
    "lived_hours": _n("Hours in which others saw life and it did not"),
    "usual_lived_hours": _n("The most of them so far"),
    "expected": _n("Movements expected of it meanwhile"),
    "last_heard": _n("Last heard"),
    "check_in_s": _n("Should speak every"),
    "battery_percent": _n("Battery"),
    "gateway": _n("Gateway"),
    "last_vouched": _n("Last heard"),
    "clock": _n("Shown by"),
    "clock_behind_s": _n("Behind by"),
    "stamps_ahead": _n("Readings from the future"),
    "silent_homes": _n("Homes that fell silent"),
    "of_homes": _n("Out of"),
    "homes": _n("Some of them"),
    "area": _n("Area"),
    "software": _n("Program"),
    "detector": _n("Rule"),
    "reason": _n("Reason"),
    "week_from": _n("Week from"),
    "days_seen": _n("Days seen in this week"),
    "days_compared": _n("Days compared with"),
    "changes": _n("What has changed"),
    "active_minutes": _n("Active in a day, now"),
    "usual_active_minutes": _n("Active in a day, before"),
}
"""Keys of a finding's evidence, in the order in which a page shows them."""
EVIDENCE_OF: Mapping[str, Mapping[str, str]] = {
    "inactivity": {"usual_longest_s": _n("Usual longest silence of a day, this hour")},
    "not_returned": {
        "limit_s": _n("Asked about after"),
        "comparable": _n("Absences known of such hours"),
        "expected": _n("Expected back"),
    },
}
"""Kind -> keys that mean something else in its evidence."""
EVIDENCE_WORDS: Mapping[str, Mapping[str, str]] = {
    "detector": KIND,
    "fault": {
        "without_end": _n("It fires without a pause"),
        "like_a_machine": _n("It fires like a machine"),
        "too_often": _n("It fires far too often"),
        "stays_on": _n("It stays on"),
        "flat": _n("It measures the same all the time"),
        "sees_nothing": _n("It sees nothing"),
    },
    "clock": {
        "unset": _n("Readings that no synchronised clock has dated"),
        "ahead": _n("Readings from the future"),
        "offset": _n("Its heartbeats"),
    },
}
"""Key -> what its values are called."""
DRIFT: Mapping[str, str] = {
    "visits": _n("visits to the toilet a night"),
    "morning": _n("active from 5 to 11 o'clock"),
    "afternoon": _n("active from 11 to 17 o'clock"),
    "evening": _n("active from 17 to 23 o'clock"),
    "night": _n("active from 23 to 5 o'clock"),
    "out": _n("out of the home in a day"),
    "rise": _n("gets up"),
    "bed": _n("goes to bed"),
    "is": _n("regularity of the days (IS)"),
    "iv": _n("restlessness within a day (IV)"),
    "ra": _n("contrast of day and night (RA)"),
}
"""What a change of daily life is a change of."""
UNKNOWN: Mapping[Unknown, str] = {
    Unknown.BLIND: _n("Part of the time could not be seen"),
    Unknown.WARMING_UP: _n("Too little is known of this home yet"),
    Unknown.LOW_BATTERY: _n("A battery is low"),
}
PART: Mapping[Part, str] = {
    Part.MORNING: _n("Morning"),
    Part.DAY: _n("By day"),
    Part.EVENING: _n("Evening"),
    Part.NIGHT: _n("Night"),
}
REACH: Mapping[Reach, str] = {
    Reach.NOTICED: _n("noticed"),
    Reach.TOO_LATE: _n("not noticed within eight hours"),
    Reach.TAKEN_FOR_OUT: _n("taken to be out: noticed only as an absence that is too long"),
    Reach.NEVER_SEEN: _n("nothing is ever seen here at this time"),
}
SEES: Mapping[Sees, str] = {
    Sees.SEES: _n("Sees"),
    Sees.PARTLY: _n("Sees in part"),
    Sees.LEARNING: _n("Learning"),
    Sees.BLIND: _n("Cannot see"),
}
WHY: Mapping[Why, str] = {
    Why.NO_MOTION: _n("no motion sensor in any room"),
    Why.NO_EXIT_DOOR: _n("no sensor at the door that leads out"),
    Why.NO_THERMOMETER: _n("no thermometer"),
    Why.NO_BATHROOM: _n("no sensor in bathroom or toilet"),
    Why.NO_DAY_ROOM: _n("no sensor in a room in which the day is spent"),
    Why.IRREGULAR: _n("the mornings of this home are too late or too irregular"),
    Why.ONE_ROOM: _n("only one room has a sensor"),
    Why.NO_CHECK_IN: _n("no device has a time by which it must speak"),
    Why.NO_BATTERY: _n("no device runs on a battery"),
    Why.NO_GATEWAY: _n("no gateway has reported"),
    Why.LEFT_UNSEEN: _n("people leave the bathroom unseen here, so that a long stay means nothing"),
    Why.GATEWAY_SILENT: _n("the gateway is silent"),
    Why.DEVICE_SILENT: _n("silent: %(devices)s"),
    Why.DEVICE_STUCK: _n("stuck: %(devices)s"),
    Why.BATTERY_LOW: _n("battery low, may fall silent soon: %(devices)s"),
    Why.CLOCK_WRONG: _n("the gateway's clock is wrong: times are not sure"),
    Why.SWITCHED_OFF: _n("switched off by the rules of this home"),
    Why.AWAY: _n("staff say that nobody is at home"),
    Why.VISITOR: _n("staff say that somebody else is in the home"),
    Why.ABSENCES: _n("%(learnt)s of %(needed)s absences known"),
    Why.DAYS: _n("%(learnt)s of %(needed)s days known"),
    Why.STAYS: _n("%(learnt)s of %(needed)s stays known"),
}
IDEA: Mapping[Idea, str] = {
    Idea.EXIT_DOOR: _n("A sensor at the door that leads out"),
    Idea.SECOND_EXIT: _n("A sensor at another way out, or a second one at this door"),
    Idea.BEDROOM: _n("A motion sensor in the room where the resident sleeps"),
    Idea.BED: _n("A bed sensor"),
    Idea.SECOND_SENSOR: _n("A second motion sensor in %(room)s, or a power plug on what is used there"),
}
_WOULD_HAVE_TOLD = _n(
    "%(concerned)s of the %(setting)s silences that set these limits are of this kind. Assumed: it would have told "
    "of one movement in the middle of each."
)
IDEA_WHY: Mapping[Idea, str] = {
    Idea.EXIT_DOOR: _n(
        "%(concerned)s of the %(setting)s silences that set these limits began or ended in the hall by day. Assumed: they "
        "were absences, which the sensor would have told."
    ),
    Idea.SECOND_EXIT: _n(
        "%(concerned)s of the %(setting)s silences that set these limits ended with the outer door, though nobody was seen to "
        "go out. Assumed: they were absences, which the sensor would have told."
    ),
    Idea.BEDROOM: _WOULD_HAVE_TOLD,
    Idea.BED: _WOULD_HAVE_TOLD,
    Idea.SECOND_SENSOR: _WOULD_HAVE_TOLD,
}
DEAD_LETTER: Mapping[str, str] = {
    "not_json": _n("Not readable"),
    "unknown_version": _n("Unknown version"),
    "wrong_shape": _n("Wrong shape"),
    "unknown_topic": _n("Unknown topic"),
    "unknown_gateway": _n("Unknown gateway"),
    "wrong_gateway": _n("Speaks for another gateway"),
    "unknown_device": _n("Unknown device"),
    "bad_value": _n("Impossible value"),
    "bad_time": _n("Impossible time"),
    "far_future": _n("Far in the future"),
    "oversized": _n("Too large"),
    "retained": _n("Retained message"),
    "scattered": _n("Too many gaps"),
    "key_conflict": _n("Same number, other content (a copied card?)"),
    "fault": _n("A fault of this program: please report it"),
    "lost": _n("Lost in the gateway"),
}
LETTER_STATE: Mapping[str, str] = {
    "kept": _n("Kept"),
    "stored": _n("Stored later"),
    "discarded": _n("Discarded"),
}
LOSS: Mapping[str, str] = {
    "spool full": _n("its memory was full"),
    "disk full": _n("its disk was full"),
    "disk refused": _n("its disk failed"),
}
"""Reasons that our own gateways give; any other is shown as it was told."""
GATEWAY_EVENT: Mapping[str, str] = {
    "spool_copied": _n("Its memory is a copy of another gateway's: it began anew"),
    "spool_broken": _n("Its memory was damaged: it began anew"),
    "taken_over": _n("Another gateway has connected under its name"),
}
WRONG: Mapping[Wrong, str] = {
    Wrong.NO_NEXT_STEP: _n("Nothing is due about it: nobody would ever be called. Please report it."),
    Wrong.WRONG_STEP: _n("What is due does not fit it. Please report it."),
    Wrong.NOBODYS_STEP: _n("Something is due though it is closed. Please report it."),
    Wrong.OVERDUE: _n("What was due has not happened: is the watch running?"),
    Wrong.REACHES_NOBODY: _n("Nobody who would be called has an address that works."),
    Wrong.BAD_POLICY: _n("Its policy cannot be read: the wider one holds. Save it anew."),
}
ROLE: Mapping[Role, str] = {
    Role.VIEWER: _n("Viewer"),
    Role.STAFF: _n("Staff"),
    Role.MANAGER: _n("Manager"),
    Role.ADMINISTRATOR: _n("Administrator"),
    Role.AUDITOR: _n("Auditor"),
}
EVENT: Mapping[str, str] = {
    Event.LOGGED_IN: _n("Logged in"),
    Event.LOG_IN_FAILED: _n("Log-in failed"),
    Event.LOGGED_OUT: _n("Logged out"),
    Event.LOOKED: _n("Looked"),
    Event.DID: _n("Changed or answered something"),
    Event.REFUSED: _n("Was refused"),
    Event.EXPORTED: _n("Saved as a file"),
    Event.ACCOUNT: _n("Changed an account"),
}
LOOKED_FOR: Mapping[str, str] = {
    "day": _n("To see how the day goes"),
    "alert": _n("To answer an alert, or to look it up"),
    "outlook": _n("To see how soon we would notice something"),
    "rules": _n("To see on which rules the home is watched"),
    "week": _n("To read or print the weekly summary"),
    "looks": _n("To see who looked"),
    "other": _n("Another page about the home"),
}
"""What ``dashboard.access.PURPOSES`` says."""
SHIFT_PROBLEMS = (
    _n("Choose at least one day of the week on which the shift begins."),
    _n("A shift begins between 00:00 and 23:59 and lasts from a minute to a week."),
    _n("The end of the cover lies before its beginning: exchange them."),
    _n("A cover lasts a year at most: change the shifts instead."),
    _n("Nobody can stand in for themselves: choose another person."),
    _n("The name of a rota has at most 40 characters and no ':'."),
    _n("Every rung waits for the day, and a page must not: let at least one call at night."),
)
"""What ``registry.rota`` and ``alerts.policy`` refuse."""
ADDRESS_REFUSED = (
    _n("That is no push subscription: paste what the browser's PushManager gave, as JSON."),
    _n("That is no LINE user id: it is a U followed by 32 hexadecimal digits."),
    _n("That is no web address: write it as https://example.org/path."),
    _n("That is no e-mail address: write it as somebody@example.org."),
    _n("That is no address that may be used here: see Apprise's list, as ntfys://example.org/topic."),
)
"""What a channel says of an address that it refuses."""
SILENCE_REFUSED = (
    _n("That time is past: choose one that is still to come."),
    _n("A silence lasts 30 days at most: choose a nearer time, and say it anew then."),
    _n("Say why nobody is to be called: whoever comes next must know."),
)
"""What ``alerts.silences`` refuses."""
CHANNEL_SAID = frozenset(
    [
        _n("The server cannot be reached, or its certificate is not trusted."),
        _n("The server's name is not known."),
        _n("The server took the call and never answered in time."),
        _n("The server takes no more messages for now."),
        _n("The server knows no such address."),
        _n("The server cannot take it for now."),
        _n("The server refuses the message."),
        _n("The mail server never said whether it took the message."),
        _n("The mail server cannot be reached, or does not speak SMTP."),
        _n("The mail server refuses the receiver."),
        _n("The mail server refuses the message."),
        _n("The mail server does not take the receiver for now."),
        _n("The mail server does not take the message for now."),
        _n("The mail server does not let us send: look at user, password and sender."),
        _n("The message cannot be encrypted for this browser, or the VAPID key is none."),
        _n("The push service does not accept our key: look at key_file and contact."),
        _n("The VAPID key cannot be read: make one with 'kehai channels key'."),
        _n("The file with the channel's secret cannot be read: give this user the right to."),
        _n("LINE takes no more messages for now, or for this month."),
        _n("LINE does not know the token: put a valid one into its file."),
        _n("LINE refuses the message, or knows no such user."),
        _n("LINE's answer about the quota is none."),
        _n("Apprise does not understand this address any more."),
        _n("The service did not take the message; Apprise does not say why."),
        _n("They have no address on this channel any more."),
        _n("There is nothing to say any more."),
        _n("The channel broke down; see the log."),
        _n("A later message took its place."),
        _n("Another channel reached them."),
        _n("It was cut off, and nobody knows whether it arrived."),
        _n("The provider neither answered nor let go in time."),
    ]
)
"""The sentences of channels and of the outbox in the delivery record; a status that ends one, as in (503), stays as it is."""
