"""Profiles: which homes and residents are drawn, each a file ``<name>.toml`` beside this one."""

from __future__ import annotations

import random
import tomllib
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from domain.errors import ConfigurationError
from simulators.dwelling import draw_dwelling
from simulators.home import SimulatedHome, build_home
from simulators.person import Person, draw_person

HERE = Path(__file__).resolve().parent
DEFAULT = "alone"
Span = tuple[float, float]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Building(_Strict):
    """The table ``[home]``."""

    plan: Literal["flat", "house"] = "flat"
    sight: Span = (0.6, 0.98)
    """Least and most of the movements before a motion sensor that it sees."""
    unseen: float = Field(default=0.1, ge=0, le=1)
    """Part of the homes with a room without sensor."""
    moved_only: bool = False
    """Contacts only say that the door moved."""
    fridge: bool = False
    """There is a contact at the fridge."""
    thermometers: tuple[str, ...] = ("living", "bedroom")
    check_ins: bool = True
    """Devices check in and tell their battery."""
    couples: float = Field(default=0.0, ge=0, le=1)
    """Part of the homes with two residents."""
    cats: float = Field(default=0.0, ge=0, le=1)
    """Part of the homes with a cat."""


class Profile(_Strict):
    """What one file says."""

    tells: str
    """In one line, whose homes these are."""
    home: Building = Building()
    resident: dict[str, Span] = {}
    """Habit (a field of Person) -> the least and the most of it."""

    @field_validator("resident")
    @classmethod
    def _known(cls, habits: dict[str, Span]) -> dict[str, Span]:
        known = {field.name for field in fields(Person)}
        for name, (low, high) in habits.items():
            if name not in known:
                raise ValueError(f"there is no habit {name!r}")
            if low > high:
                raise ValueError(f"the least of {name!r} lies above the most")
        return habits


def names() -> list[str]:
    """The profiles that there are."""
    return sorted(file.stem for file in HERE.glob("*.toml"))


@cache
def profile(name: str) -> Profile:
    """Read one; raises ConfigurationError in one sentence."""
    if name not in names():
        raise ConfigurationError(f"There is no profile {name!r}: use one of {', '.join(names())}.")
    return parse_profile(name, (HERE / f"{name}.toml").read_text(encoding="utf-8"))


def parse_profile(name: str, text: str) -> Profile:
    """Read a profile's text; raises ConfigurationError in one sentence that names the key."""
    try:
        return Profile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"Profile {name} is not valid TOML ({error}): mend it.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"Profile {name}, {where}: {first['msg']}.") from error


def draw_home(chosen: Profile, home: str, zone: str, seed: str) -> SimulatedHome:
    """One home of a profile; the same seed gives the same one."""
    rng = random.Random(seed)  # noqa: S311 (a simulation)
    person, building = draw_person(rng, chosen.resident), chosen.home
    dwelling = draw_dwelling(
        rng,
        building.plan,
        sight=building.sight,
        unseen=building.unseen,
        moved_only=building.moved_only,
        fridge=building.fridge,
    )
    companion = draw_person(rng, chosen.resident)
    couple, cat = rng.random() < building.couples, rng.random() < building.cats
    return build_home(
        home, zone, person, seed, dwelling=dwelling, companion=companion if couple else None,
        cat=rng.uniform(5, 40) if cat else 0.0, thermometers=building.thermometers, check_ins=building.check_ins,
    )  # fmt: skip
