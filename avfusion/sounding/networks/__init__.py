"""Networks that learn what sounds in a picture, as functions of named weights: nothing is loaded on import.

A part is a set of weights, drawn by `draw_...(dice, ...)` under names that begin with the part's own, and a function
that computes with them. B clips of T pictures each travel as B * T pictures wherever time plays no part.
"""
