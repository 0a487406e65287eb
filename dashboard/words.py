"""The words that pages show for the words of the code. Each is a message of the catalogue, in English."""

from __future__ import annotations

from collections.abc import Mapping

from domain.alerts import Outcome, Reason, State
from domain.findings import Level
from domain.readings import Quantity
from domain.status import Observability, Resident


def _n(message: str) -> str:
    """Mark a message for the catalogue without translating it yet."""
    return message


RESIDENT: Mapping[Resident, str] = {
    Resident.ACTIVE: _n("Active"),
    Resident.QUIET: _n("Quiet, as usual"),
    Resident.OVERDUE: _n("No sign of life"),
    Resident.AWAY: _n("Out"),
    Resident.UNKNOWN: _n("Cannot say"),
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
    Reason.CLOSED: _n("Closed"),
    Reason.COMMENT: _n("Comment"),
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
    Outcome.RESUMED: _n("Activity resumed (closed by the system)"),
}
CHOICES = tuple(outcome for outcome in Outcome if outcome is not Outcome.RESUMED)
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
    "comparable": _n("Silences begun around this hour, 28 days"),
    "longer": _n("Of them longer than this one"),
    "longest_s": _n("The longest of them"),
    "learnt_days": _n("Days learnt from"),
    "last_exit": _n("Outer door last moved"),
    "silent_devices": _n("Silent sensors"),
    "away_s": _n("Out for"),
    "began": _n("Began"),
    "wbgt_c": _n("WBGT, estimated"),
    "temperature_c": _n("Temperature"),
    "humidity_percent": _n("Humidity"),
    "lasted_s": _n("For"),
    "usual_stay_s": _n("99 of 100 stays, 28 days, within"),
    "open_s": _n("Open for"),
    "out_s": _n("Nothing indoors for"),
    "nights_before": _n("Such nights before, 28 days"),
    "usually_up": _n("Usually up by"),
    "latest_up": _n("At the latest by"),
    "up_limit": _n("Limit of this morning"),
    "mornings": _n("Mornings compared"),
    "morning_signs": _n("Signs of life this morning"),
    "mornings_before": _n("Such mornings before, 28 days"),
    "rooms": _n("Rooms"),
    "room_changes": _n("Changes of room within an hour"),
    "room_changes_limit": _n("Limit for this home"),
    "usual_room_changes": _n("9 of 10 nights, at most"),
    "most_room_changes": _n("The most of them"),
    "nights": _n("Nights compared"),
    "device": _n("Device"),
    "last_heard": _n("Last heard"),
    "check_in_s": _n("Should speak every"),
    "battery_percent": _n("Battery"),
    "fault": _n("What is wrong"),
    "most_per_hour": _n("Movements in its busiest hour"),
    "usual_longest_s": _n("The longest so far"),
    "every_s": _n("Every"),
    "lived_hours": _n("Hours in which others saw life and it did not"),
    "usual_lived_hours": _n("The most of them so far"),
    "silent_homes": _n("Homes that fell silent"),
    "of_homes": _n("Out of"),
    "area": _n("Area"),
    "software": _n("Program"),
    "homes": _n("Some of them"),
    "gateway": _n("Gateway"),
    "clock": _n("Shown by"),
    "clock_behind_s": _n("Behind by"),
    "stamps_ahead": _n("Readings from the future"),
    "last_vouched": _n("Last heard"),
}
"""Keys of a finding's evidence that a page shows, in this order."""
SAID: Mapping[str, str] = {
    "without_end": _n("It fires without a pause"),
    "like_a_machine": _n("It fires like a machine"),
    "too_often": _n("It fires far too often"),
    "stays_on": _n("It stays on"),
    "flat": _n("It measures the same all the time"),
    "sees_nothing": _n("It sees nothing"),
    "offset": _n("Its heartbeats"),
    "ahead": _n("Readings from the future"),
    "unset": _n("Readings that no synchronised clock has dated"),
}
"""Words of the code that the evidence holds in the place of a number."""
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
