"""Groups remember the places that they hold, however often they are merged."""

from small_korea import small_korea


def test_members_add_up_over_two_merges():
    once = small_korea().aggregate(countries={"KOR": "EAST", "JPN": "EAST"})
    assert once.meta["members"] == {"EAST": ["KOR", "JPN"]}
    twice = once.aggregate(countries={"EAST": "ASIA", "CHN": "ASIA"})
    assert twice.meta["members"] == {"ASIA": ["KOR", "JPN", "CHN"]}


def test_countries_that_stay_alone_are_no_groups():
    assert small_korea().aggregate(sectors={"coal": "all"}).meta["members"] == {}
