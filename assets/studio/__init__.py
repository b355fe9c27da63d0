"""The rendering code of the bundled example: every picture and movement is computed here, nothing is loaded.

`noise` and `solids` are the tools; `meadow`, `robot` and `shading` make the picture; `motion` and `sound` say what
happens when; `shot` puts one frame together; `backgrounds` paints the replacement backgrounds; `encode` writes files.
"""
