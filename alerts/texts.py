"""What is said to people outside the pages: short, in their language, and without personal data.

A message names the home by its alias (``302``, ``north stairs``), never the resident; who it is stands behind the link,
which asks for a log-in.
"""

from __future__ import annotations

from alerts.asking import Answer
from alerts.channels.channel import Choice, Message
from alerts.digests import Figures
from alerts.notices import Purpose
from domain.alerts import Alert
from domain.clock import Instant
from domain.findings import Level
from domain.localtime import LocalTime

KINDS: dict[str, tuple[str, str]] = {
    "inactivity": ("動きがありません", "no sign of life"),
    "not_returned": ("外出から戻っていません", "has not come back"),
    "late_rising": ("起床の動きがありません", "has not got up"),
    "night_wandering": ("夜間に動き回っています", "moving about at night"),
    "bathroom_long": ("浴室・トイレから出ていません", "long in the bathroom"),
    "door_at_night": ("夜間に玄関が開きました", "door at night"),
    "door_left_open": ("玄関が開いたままです", "door left open"),
    "heat": ("室温が高くなっています", "too hot"),
    "cold": ("室温が低くなっています", "too cold"),
    "gateway_silent": ("中継器の通信がありません", "the gateway is silent"),
    "device_silent": ("センサーの通信がありません", "a sensor is silent"),
    "device_stuck": ("センサーの異常", "a sensor is at fault"),
    "battery_low": ("電池の残量低下", "battery low"),
    "clock_wrong": ("中継器の時計のずれ", "a gateway's clock is wrong"),
    "routine_drift": ("生活リズムの変化", "the days have changed"),
    "fleet_outage": ("多数の住戸が同時に通信断", "many homes are silent at once"),
    "help_called": ("本人が助けを求めています", "the resident calls for help"),
    "service_down": ("システムの異常", "a part of the system is down"),
}
"""What an alert is about, in a few words: (Japanese, English)."""
_RESENT = ("【再送】", "[sent again] ")
_LEVELS = {Level.PAGE: ("【緊急】", "[ACT NOW] "), Level.PROMPT: ("【確認】", "[LOOK] ")}


def compose(
    purpose: Purpose,
    key: str,
    *,
    language: str = "ja",
    alert: Alert | None = None,
    alias: str = "",
    area: str = "",
    link: str = "",
    local: LocalTime | None = None,
    resent: bool = False,
    token: str = "",
) -> Message:
    """The message of a notification. ``link`` is where to act on it; ``alias`` and ``area`` are the home's, ``token`` is the
    question's.
    """
    ja = language != "en"
    if alert is None:
        subject, body = _test(ja)
        return Message(key, language, subject, body, link, resent=resent, tag="test")
    kind = KINDS.get(alert.kind, (alert.kind, alert.kind))[0 if ja else 1]
    where = alias or ("システム" if ja else "the system")
    if purpose is Purpose.ASK:
        return Message(
            key, language, *_question(ja), link, alert.level, resent, f"ask-{alert.id}", _choices(ja, token)
        )  # fmt: skip
    if purpose is Purpose.OVER:
        subject = f"【対応中・終了】{where} {kind}" if ja else f"[taken or over] {where}: {kind}"
        body = (
            "ほかの職員が対応しているか、終了しました。向かう必要はありません。"
            if ja
            else "Somebody has it in hand, or it is over: you need not go."
        )
        return Message(key, language, subject, body, link, alert.level, resent, f"alert-{alert.id}")
    again = (_RESENT[0] if ja else _RESENT[1]) if resent else ""
    subject = f"{again}{_LEVELS.get(alert.level, ('', ''))[0 if ja else 1]}{where} {kind}"
    lines = [subject.removeprefix(again), _since(alert, ja, local)]
    if area:
        lines.append(f"地区: {area}" if ja else f"Area: {area}")
    if resent:
        lines.append(
            "この連絡は再送です。前の連絡が届いているかもしれません。" if ja else "This may have reached you before."
        )
    lines.append("リンクから対応を開始してください。" if ja else "Say by the link that you are going.")
    return Message(key, language, subject, "\n".join(line for line in lines if line), link, alert.level, resent,
                   f"alert-{alert.id}")  # fmt: skip


def digest(key: str, told: Figures, *, language: str = "ja", link: str = "", resent: bool = False) -> Message:
    """A few figures, and nothing of anybody: who and where stands behind the link."""
    ja = language != "en"
    again = (_RESENT[0] if ja else _RESENT[1]) if resent else ""
    number = told.pages + told.prompts
    if ja:
        subject = f"{again}【まとめ】対応が必要な通知 {number}件"
        lines = [
            f"至急対応 {told.pages}件、確認 {told.prompts}件。",
            f"うち担当者なし {told.unowned}件、誰とも連絡がついていないもの {told.unreached}件。",
            f"機器・システムの異常 {told.equipment}件。外出・入院中 {told.away}件。",
            f"24時間以内に終了 {told.closed}件。",
        ]
    else:
        subject = f"{again}[summary] open alerts: {number}"
        lines = [
            f"Act now: {told.pages}. Look into it: {told.prompts}.",
            f"Of these without an owner: {told.unowned}. In which nobody was reached: {told.unreached}.",
            f"Equipment and system: {told.equipment}. Away or in hospital: {told.away}.",
            f"Closed within 24 hours: {told.closed}.",
        ]
    return Message(key, language, subject, "\n".join(lines), link, resent=resent, tag="digest")


def _since(alert: Alert, ja: bool, local: LocalTime | None) -> str:
    if local is None:
        return ""
    onset, raised = _clock(alert.onset, local, ja), _clock(alert.raised_at, local, ja)
    late = ("(遅れて判明)" if ja else " (known late)") if alert.late else ""
    return f"{onset} から。{raised} に検知{late}。" if ja else f"Since {onset}, noticed {raised}{late}."


def _clock(at: Instant, local: LocalTime, ja: bool) -> str:
    day = local.date(at)
    return f"{day.month}月{day.day}日 {local.hhmm(at)}" if ja else f"{day.isoformat()} {local.hhmm(at)}"


def _question(ja: bool) -> tuple[str, str]:
    if ja:
        return (
            "おかわりありませんか",
            "みまもりセンターです。げんきなら「だいじょうぶ」をおしてください。たすけがいるときは「たすけて」をおしてください。",
        )
    return ("Are you well?", "This is the care centre. Choose “I am well”, or “I need help”, behind the link.")


def _choices(ja: bool, token: str) -> tuple[Choice, ...]:
    if not token:
        return ()
    well, help_me = ("だいじょうぶ", "たすけて") if ja else ("I am well", "I need help")
    return (Choice(well, f"{Answer.WELL} {token}"), Choice(help_me, f"{Answer.HELP} {token}"))


def _test(ja: bool) -> tuple[str, str]:
    if ja:
        return ("【試験】連絡の確認", "この連絡は試験です。届いていれば、連絡先は正しく登録されています。")
    return ("[test] Can you be reached?", "This is a test. If you read it, you can be reached this way.")
