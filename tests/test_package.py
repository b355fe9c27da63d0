"""What `import avfusion` offers."""

import avfusion


def test_every_public_name_is_there_and_comes_from_its_room():
    for name in avfusion.__all__:
        assert getattr(avfusion, name) is not None
    for name, room in avfusion._ROOM_OF.items():
        value = getattr(avfusion, name)
        assert getattr(value, "__module__", f"avfusion.{room}") in (f"avfusion.{room}", "typing", "numpy")


def test_a_misspelt_name_is_an_attribute_error():
    assert not hasattr(avfusion, "swop")
