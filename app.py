"""The page: for `make app`, `python app.py`, `gradio app.py` and a Hugging Face Space, which runs this file."""

import sys

import spaces  # noqa: F401  on ZeroGPU this must come before anything that imports torch

from avfusion.errors import AvfusionError
from avfusion.ui.page import build_page, launch

demo = build_page()

if __name__ == "__main__":
    try:
        launch(demo)
    except AvfusionError as error:
        sys.exit(str(error))
