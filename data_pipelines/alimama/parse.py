"""The formats of Alimama's four tables: CSV with a header each."""

from __future__ import annotations

LABEL, USER, TIME, AD = "clk", "user", "time_stamp", "adgroup_id"
CATEGORY, BRAND, PRICE = "cate_id", "brand", "price"
AD_FIELDS = (CATEGORY, "campaign_id", "customer", BRAND)
CONTEXT_FIELD = "pid"
PROFILE_KEY = "userid"
# The last name ends in a space in the published file.
PROFILE_COLUMNS = {
    name: name
    for name in (
        "cms_segid",
        "cms_group_id",
        "final_gender_code",
        "age_level",
        "pvalue_level",
        "shopping_level",
        "occupation",
    )
} | {"new_user_class_level": "new_user_class_level "}
BEHAVIOR_COLUMNS = {"history_cate_id": "cate", "history_brand": "brand"}
# Midnight of 13 May 2017 in China, where the logs come from, and in UTC, where the published
# splits cut: what lies between validates.
TRAIN_UNTIL, TEST_FROM = 1_494_604_800, 1_494_633_600
_ABSENT = "NULL"


def known(text: str) -> str:
    """A cell, empty where the file says that nothing is known."""
    return "" if text == _ABSENT else text
