"""What every test starts from: a home of its own, no network for models, and the recordings where they lie."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# Networks in tests are tiny: a second thread costs more than it brings, and on a busy machine much more.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

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
    """The page's take longest: first, so that no process is left alone with them in the end."""
    for item in items:
        # A browser on a busy machine may answer late. The closing lines tell of every second try.
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)


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
