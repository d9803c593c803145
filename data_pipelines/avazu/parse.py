"""The format of Avazu's `train.csv`."""

from __future__ import annotations

import datetime

LABEL = "click"
TIME = "hour"
TIME_FIELDS = ("day", "weekday", "hour")
DEVICE_FIELDS = ("device_id", "device_ip", "device_model", "device_type", "device_conn_type")
OTHER_FIELDS = (
    "C1",
    "banner_pos",
    "site_id",
    "site_domain",
    "site_category",
    "app_id",
    "app_domain",
    "app_category",
    *DEVICE_FIELDS,
    *(f"C{number}" for number in range(14, 22)),
)
COLUMNS = (LABEL, TIME, *OTHER_FIELDS)


def parse_hour(text: str) -> datetime.datetime:
    """The moment of a text such as `14102100`: year, month, day and hour, two digits each."""
    if len(text) != 8:
        raise ValueError(text)
    return datetime.datetime.strptime(text, "%y%m%d%H")


def day(text: str) -> str:
    """Day of the month."""
    return str(parse_hour(text).day)


def weekday(text: str) -> str:
    """Day of the week, Monday 0."""
    return str(parse_hour(text).weekday())


def hour(text: str) -> str:
    """Hour of the day."""
    return str(parse_hour(text).hour)


def seconds(text: str) -> float:
    """Seconds since 1970, taking the time for UTC."""
    return parse_hour(text).replace(tzinfo=datetime.timezone.utc).timestamp()
