"""`kill -9` in the middle, then `canary run` again: the same run goes on, and no order or fill is doubled or lost."""

import json

from tests.e2e.house import House
from tests.e2e.test_whole_run import assert_books_equal


def test_a_killed_run_goes_on_where_it_was_and_is_handed_off(house: House) -> None:
    run = house.rehearse()
    house.open_positions()
    run.kill()
    begun = house.journal("run_started")
    ended = house.begin("run", "--account", house.account).wait()
    assert (ended.code, ended.err.splitlines()[-1]) == (0, "RESULT DONE exit=0"), ended
    assert house.journal("run_started") == begun
    assert house.journal("run_resumed")[0].run_id == begun[0].run_id
    assert [entry.data["step"] for entry in house.journal("step_finished")].count("gate 0") == 1
    assert_books_equal(house)
    assert json.loads(house.canary("positions", "--json").out)["unprotected"] == []
