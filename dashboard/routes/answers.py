"""The resident's answer: a page of two large buttons behind a link of one use, and a call-back for robots and telephones.

Nobody logs in here: the token is the key, it is good for one answer, and the page tells nothing about anybody.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from alerts.answers import take
from alerts.asking import Answer, Question, question_of
from alerts.book import StaleError
from dashboard.pages import render, speech_of
from dashboard.security import office_of
from domain.clock import SECOND

router = APIRouter()


@router.get("/answers/{token}")
def show(request: Request, token: str) -> Response:
    """The question."""
    question = _question(request, token)
    if question is None:
        return refuse(request)
    return render(request, "answer.html", session=None, token=token, done=question.answer, problem="")


@router.post("/answers/{token}")
def give(
    request: Request, token: str, said: Annotated[str, Form(max_length=10, alias="answer")] = "", via: str = "link"
) -> Response:
    """Take the answer; see ``alerts.answers``. A robot that asks for JSON is told what it did in JSON."""
    if said not in set(Answer):
        raise HTTPException(422, "Answer with well or help.")
    question = _question(request, token)
    if question is None:
        return refuse(request)
    office, robot = office_of(request), "application/json" in request.headers.get("accept", "")
    try:
        done = take(office.engine, question.token, Answer(said), via, office.clock.now(), office.pace)
    except StaleError:
        problem = speech_of(request).gettext("That did not get through: press it once more.")
        if robot:
            return JSONResponse({"done": "again", "problem": problem}, 503)
        return render(
            request, "answer.html", session=None, code=503, token=token, done=question.answer, problem=problem
        )
    if robot:
        return JSONResponse({"done": done.value})
    after = _question(request, token)
    assert after is not None  # noqa: S101 (no question is ever taken back)
    return render(request, "answer.html", session=None, token=token, done=after.answer, problem="")


def _question(request: Request, token: str) -> Question | None:
    with office_of(request).engine.connect() as connection:
        return question_of(connection, token[:100])


def refuse(request: Request) -> Response:
    """To whoever comes with what is none: there is no such page, and after many of them a pause."""
    office = office_of(request)
    wait = office.strangers.count(request.client.host if request.client else "", office.real.now())
    if wait == 0:
        raise HTTPException(404)
    return Response("Wait a moment, then try again.", 429, {"Retry-After": str(-(-wait // SECOND))}, "text/plain")
