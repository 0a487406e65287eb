"""The wet-bulb globe temperature indoors, estimated from air temperature and relative humidity."""

from __future__ import annotations

from math import atan, sqrt


def wet_bulb(celsius: float, humidity: float) -> float:
    """Wet-bulb temperature in degrees Celsius at sea level; ``humidity`` in percent.

    Stull 2011, "Wet-Bulb Temperature from Relative Humidity and Air Temperature", J. Appl. Meteor. Climatol. 50, 2267,
    equation 1: within 1 degree from 5 to 99 % and -20 to 50 degrees.
    """
    humidity = min(99.0, max(5.0, humidity))
    wet: float = (
        celsius * atan(0.151977 * sqrt(humidity + 8.313659))
        + atan(celsius + humidity)
        - atan(humidity - 1.676331)
        + 0.00391838 * humidity**1.5 * atan(0.023101 * humidity)
        - 4.686035
    )
    return wet


def wbgt_indoors(celsius: float, humidity: float) -> float:
    """0.7 x wet bulb + 0.3 x air temperature, rounded to a tenth of a degree: ISO 7243 without sun or radiant heat.

    An estimate: a room with a hot ceiling or a stove is worse than it says.
    """
    return round(0.7 * wet_bulb(celsius, humidity) + 0.3 * celsius, 1)
