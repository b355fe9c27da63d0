"""How good a result is: one file for each kind of result.

`vos` scores masks against true masks as DAVIS does, `avs`, `avs_semantic` and `rvos` as the audio-visual and the
referring benchmarks do; `flicker` measures unsteadiness over time without any truth; `semantic` scores named segments
as ADE20K and COCO's panoptic task do.
"""
