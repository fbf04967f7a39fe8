"""What is remembered of what was told or learned lately, and what is forgotten."""

from netsec_tui.sources.recent import Recent


def test_what_was_put_is_known_until_as_many_others_were():
    memory = Recent(3)
    for number in range(4):
        memory.put(number, str(number))
        assert [memory.get(known) for known in range(number + 1)] == [str(n) for n in range(number + 1)]
    memory.put(0, "anew")
    for number in (4, 5, 6):
        memory.put(number, "")
    assert memory.get(0) == "anew"
    assert memory.get(1) is None


def test_memory_has_an_end():
    memory = Recent(3)
    for number in range(100):
        memory.put(number, number)
        assert sum(memory.get(known) is not None for known in range(100)) <= 6
    for _ in range(100):  # what is put again takes no more room
        memory.put(99, -1)
    assert memory.get(97) == 97
