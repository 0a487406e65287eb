"""The resident's answer: a page of two large buttons behind a link of one use, and a call-back for robots and telephones.

Nobody logs in here: the token is the key, it is good for one answer, and the page tells nothing about anybody.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from alerts.answers import answer
from alerts.asking import Answer, question_of
from dashboard.pages import render
from dashboard.security import office_of

router = APIRouter()


@router.get("/answers/{token}")
def show(request: Request, token: str) -> Response:
    """The question."""
    with office_of(request).engine.connect() as connection:
        question = question_of(connection, token[:100])
    if question is None:
        raise HTTPException(404)
    return render(request, "answer.html", session=None, token=token, done=question.answer)


@router.post("/answers/{token}")
def take(
    request: Request, token: str, said: Annotated[str, Form(max_length=10, alias="answer")] = "", via: str = "link"
) -> Response:
    """Take the answer; see ``alerts.answers``. A robot that asks for JSON is told what it did in JSON."""
    if said not in set(Answer):
        raise HTTPException(422, "Answer with well or help.")
    office = office_of(request)
    with office.engine.begin() as connection:
        done = answer(connection, token[:100], Answer(said), via, office.clock.now(), office.pace)
    with office.engine.connect() as connection:
        question = question_of(connection, token[:100])
    if question is None:
        raise HTTPException(404)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"done": done.value})
    return render(request, "answer.html", session=None, token=token, done=question.answer)
