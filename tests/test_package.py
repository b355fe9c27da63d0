"""What `import avfusion` offers."""

from importlib import import_module

import avfusion


def test_every_public_name_is_there_and_comes_from_its_room():
    for name in avfusion.__all__:
        assert getattr(avfusion, name) is not None
    for name, room in avfusion._ROOM_OF.items():
        assert getattr(avfusion, name) is getattr(import_module(f"avfusion.{room}"), name)


def test_a_misspelt_name_is_an_attribute_error():
    assert not hasattr(avfusion, "swop")
