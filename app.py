"""The page: for `make app`, `python app.py`, `gradio app.py` and a Hugging Face Space, which runs this file."""

import spaces  # noqa: F401  on ZeroGPU this must come before anything that imports torch

from avfusion.ui.page import build_page, launch

demo = build_page()

if __name__ == "__main__":
    launch(demo)
