"""The page, in Gradio: one file a tab, and the small things that the tabs share."""
