"""How good a result is: one file for each kind of result.

`vos` scores masks against true masks as DAVIS does; `flicker` measures unsteadiness over time without any truth;
`semantic` scores named segments as ADE20K and COCO's panoptic task do.
"""
