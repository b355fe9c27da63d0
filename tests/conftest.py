"""What every test starts from: a home of its own, no network for models, and the recordings where they lie."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# Networks in tests are tiny: a second thread costs more than it brings, and on a busy machine much more.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
# The part of the files, in order, by which the last one with a browser has come.
_BROWSERS_END = 0.5

# How long an example takes says more about the machine than about the law.
settings.register_profile("house", deadline=None)
settings.load_profile("house")


def point_home_into(folder: Path) -> dict[str, str]:
    """The environment in which nothing is read from or written to the user's own folders, and nothing is fetched."""
    return {
        "AVFUSION_HOME": str(folder / "avfusion"),
        "HF_HOME": str(folder / "huggingface"),
        "GRADIO_TEMP_DIR": str(folder / "gradio"),
        "HF_HUB_OFFLINE": "1",
        "GRADIO_ANALYTICS_ENABLED": "False",
    }


def pytest_configure(config: pytest.Config) -> None:
    """huggingface_hub and Gradio read these once, when they are first imported: so they must be right before that."""
    folder = tempfile.TemporaryDirectory(prefix="avfusion-tests-")
    config.add_cleanup(folder.cleanup)
    os.environ.update(point_home_into(Path(folder.name)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with a browser among the others, the last of them well before the end: two browsers at a time slow each
    other down more than a browser and something else, and no process should be left alone with one."""
    files: dict[Path, bool] = {}
    for item in items:
        in_browser = item.get_closest_marker("browser") is not None
        files[item.path] = files.get(item.path, False) or in_browser
        # A browser on a busy machine may answer late. The closing lines tell of every second try.
        if in_browser:
            item.add_marker(pytest.mark.flaky(reruns=1))
    turns: dict[Path, float] = {}
    for in_browser, share in ((True, _BROWSERS_END), (False, 1.0)):
        alike = [path for path, theirs in files.items() if theirs == in_browser]
        turns |= {path: share * place / len(alike) for place, path in enumerate(alike)}
    items.sort(key=lambda item: turns[item.path])


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh AVFUSION_HOME and its neighbours, outside `tmp_path`, which stays empty for the test."""
    folder = tmp_path_factory.mktemp("home")
    for name, value in point_home_into(folder).items():
        monkeypatch.setenv(name, value)
    return folder


def _without_recordings() -> None:
    if os.environ.get("CI"):
        pytest.fail(f"CI must run the tests on real recordings, and {SHARED_DATA} is not there", pytrace=False)
    pytest.skip(f"no recordings in {SHARED_DATA}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("real_data") and not SHARED_DATA.is_dir():
        _without_recordings()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The recordings with ground truth beside the repository. Tests that use it carry `@pytest.mark.real_data`."""
    if not SHARED_DATA.is_dir():
        _without_recordings()
    return SHARED_DATA
