"""The scenes of all exercises, by the id of the exercise; each lesson has a module."""

from importlib import import_module

from grading.scene import Scene

MODULES = {"S": "streaming", "V": "vector_store", "R": "realtime", "A": "audio"}


def scene_of(id: str) -> type[Scene]:
    """The scene of an exercise; a lesson's module is imported when it is first needed."""
    module = import_module(f"grading.scenes.{MODULES[id[0]]}_scenes")
    found: type[Scene] = module.SCENES[id]
    return found
