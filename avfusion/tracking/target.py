"""One object that the engine `flow` follows: its window, its last mask, its looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from avfusion.clip import Frame, Mask
from avfusion.metrics.vos import region_similarity
from avfusion.tracking import Example
from avfusion.tracking.appearance import Appearance, Planes
from avfusion.tracking.evidence import STRONGEST, Calibration, GuidedFilter, expected_overlap, log_odds, settle
from avfusion.tracking.motion import affine_field, fine_flow, fit_affine, reliability, sources, thrown
from avfusion.tracking.pace import HARDLY_SEEN, WHOLE, Pace
from avfusion.tracking.parts import widest_gap, without_strays
from avfusion.tracking.scene import Scene
from avfusion.tracking.window import Field, Window, cut_luma, cut_mask, cut_planes, resample, window_around


@dataclass(frozen=True)
class TargetSettings:
    """Weights are factors on log odds; distances are in work pixels."""

    most_pixels: int = 40_000
    margin: float = 0.3
    flow_stride_px: int = 3
    check_stride_px: int = 4
    surest: float = 0.9
    distance_weight: float = 0.2
    colour_weight: float = 0.3
    part_weight: float = 0.5
    plate_weight: float = 1.0
    motion_weight: float = 1.0
    motion_for: float = 0.3
    colour_reach_px: float = 10.0
    plate_reach_px: float = 50.0
    edge_radius_px: int = 4
    edge_softness: float = 0.002
    pull: float = 2.0
    rounds: int = 1
    learning_rate: float = 0.1
    flow_weight: float = 1.0
    eye_weight: float = 0.5


Eye = Callable[[Planes, Field], Field]
"""Log odds float32 [h, w] of the object at every work pixel, from the planes and what is believed without it."""


HIDDEN_BELOW = 0.6
"""An object that shows less than this share of its usual area is taken to be partly hidden."""

FADE = 0.9
"""How fast parts that have not been seen for a while are given up, a frame."""

SHOWN_LEAST = 0.5
"""An object shows at least this share of the area it had where it was surely seen, or it is partly hidden."""

SAME_OVERLAP = 0.2
"""A correction that overlaps less than this with what was followed means something else."""

CORRECTION_RATE = 0.5
"""How much a corrected frame counts for the colours beside all frames before it."""

USUAL_PACE = 0.1
"""How fast the usual area follows the area that is seen."""


class Target:
    """State of one object. `look` finds it in a frame, `learn` takes over what was decided for that frame."""

    def __init__(
        self,
        number: int,
        frame: Frame,
        mask: Mask,
        settings: TargetSettings,
        eye: Eye | None = None,
        sure: Sequence[Example] = (),
    ) -> None:
        self._number = number
        self._eye = eye
        self._settings = settings
        self._mask = mask
        self.window = self._window_at(cv2.boundingRect(mask.view(np.uint8)))
        self.probability = cut_mask(mask, self.window)
        self._planes = cut_planes(frame.yuv, self.window)
        known = [(example.frame, example.masks[number]) for example in sure if number in example.masks]
        windows = [self._window_at(cv2.boundingRect(own.view(np.uint8))) for _, own in known]
        views = [
            (cut_planes(other.yuv, window), cut_mask(own, window))
            for (other, own), window in zip(known, windows, strict=True)
        ]
        self._appearance = Appearance(self._planes, self.probability, settings.margin, views)
        self._expected = self.probability
        self._trust = 1.0
        self._whole = self.probability
        self._usual_area = max(float(mask.sum()), *(SHOWN_LEAST * float(own.sum()) for _, own in known), 1.0)
        self._seen = min(1.0, float(mask.sum()) / self._usual_area)
        self._alike = self.probability > 0.5
        self._gap = 1.5 * widest_gap(self.probability)
        self._by_plate, self._by_motion = Calibration(), Calibration()
        self._pace = Pace()

    def look(self, scene: Scene) -> None:
        """Sets `window` and `probability` float32 [h, w] for the scene's frame."""
        old = self.window
        left, top, width, height = self._box()
        dx, dy = self._pace.shift(scene, self._mask, (left + width / 2, top + height / 2), self._seen)
        self.window = window = self._window_at((left + dx, top + dy, width, height))
        planes = cut_planes(scene.frame.yuv, window)
        before = cut_luma(scene.before.yuv[0], window.moved(-dx, -dy))
        back = fine_flow(planes[0], before, self._settings.flow_stride_px)
        forth = fine_flow(before, planes[0], self._settings.check_stride_px)
        trust = reliability(back, forth)

        earlier = _between(window.moved(-dx, -dy), old)
        x, y = sources(back)
        x, y = x * np.float32(earlier[0]) + np.float32(earlier[2]), y * np.float32(earlier[1]) + np.float32(earlier[3])
        carried = _look_up_inside(self.probability, x, y)
        was = resample(self.probability, *earlier, window.shape)
        expected = carried - (1 - trust) * np.maximum(carried - thrown(was, forth), 0)
        self._whole = resample(self._whole, *earlier, window.shape)

        odds = self._odds(scene, planes, back, trust, expected, (x, y), (dx, dy))
        smooth = GuidedFilter(planes[0], self._settings.edge_radius_px, self._settings.edge_softness)
        settled = settle(odds, smooth, self._settings.pull, self._settings.rounds)
        if self._eye is not None:
            odds = self._settings.flow_weight * odds + self._settings.eye_weight * self._eye(planes, settled)
            settled = settle(odds, smooth, self._settings.pull, self._settings.rounds)
        # Hidden objects come out elsewhere, in pieces.
        self.probability = settled if self._seen < WHOLE else without_strays(settled, self._gap)
        self._planes, self._expected = planes, expected
        sure = expected > 0.5
        self._trust = float(trust[sure].mean()) if sure.any() else 0.0

    def learn(self, masks: Mapping[int, Mask]) -> float:
        """Takes over the masks bool [H, W] decided for the frame just looked at; gives the confidence 0..1."""
        mask = masks[self._number]
        for number, other in masks.items():
            if number != self._number:
                self.probability = self.probability * (1 - cut_mask(other, self.window))
        area = float(mask.sum())
        self._seen = min(1.0, area / max(self._usual_area, 1.0))
        self._mask = mask
        if self._seen < HARDLY_SEEN:
            self._whole = np.asarray(cv2.dilate(self._whole, np.ones((3, 3), np.uint8)))
        self._whole = np.maximum(self.probability, self._whole * np.float32(FADE if self._seen > HIDDEN_BELOW else 1))
        self._usual_area += USUAL_PACE * self._seen * (area - self._usual_area)
        rate = self._settings.learning_rate * self._trust * self._seen
        self._appearance.learn(self._planes, self.probability, self._expected, rate)
        return self._confidence()

    def may_be(self, mask: Mask) -> bool:
        """Whether a correction bool [H, W] is one of what is followed here, and lies where it is looked for."""
        window = self.window
        x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
        inside = window.x0 <= x and window.y0 <= y
        inside &= x + width <= window.x0 + window.width_px and y + height <= window.y0 + window.height_px
        return inside and region_similarity(mask, self._mask) > SAME_OVERLAP

    def correct(self, mask: Mask, *, turns: bool) -> None:
        """Takes over a mask bool [H, W] for the frame last looked at; what is known of hidden parts stays.

        turns: from here on time runs the other way.
        """
        if turns:
            self._pace.turn()
        self._mask = mask
        self.probability = cut_mask(mask, self.window)
        area = float(mask.sum())
        self._usual_area = max(self._usual_area, area)
        self._seen = area / max(self._usual_area, 1.0)
        hidden = self._whole if self._seen < HIDDEN_BELOW else np.zeros_like(self._whole)
        self._whole = np.maximum(self.probability, hidden)
        self._appearance.learn(self._planes, self.probability, self.probability, CORRECTION_RATE)

    def claim(self, scene: Scene) -> Mask:
        """Coarse pixels, bool [h, w], that are or may be the object: those the background must not be learnt from."""
        claimed = self.probability
        if self._seen < WHOLE:
            claimed = np.maximum(np.maximum(claimed, self._whole), self._alike)
        by_x, by_y, at_x, at_y = _to_coarse(self.window, scene.scale)
        back = np.array([[1 / by_x, 0, -at_x / by_x], [0, 1 / by_y, -at_y / by_y]], np.float32)
        height, width = scene.coarse.shape[:2]
        return cv2.warpAffine(claimed, back, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP) > 0.1

    def _confidence(self) -> float:
        """What flow alone believes is sharp even where it is wrong; with the network, doubt shows."""
        if self._eye is None:
            return self._trust * self._seen
        return expected_overlap(self.probability) * min(1.0, self._seen / HIDDEN_BELOW)

    def _box(self) -> tuple[int, int, int, int]:
        """The full-size rectangle (x, y, width, height) that holds the object, its hidden parts too."""
        window = self.window
        x, y, width, height = cv2.boundingRect((np.maximum(self._whole, self.probability) > 0.5).view(np.uint8))
        left, top = window.x0 + x * window.scale_x, window.y0 + y * window.scale_y
        return round(left), round(top), round(width * window.scale_x), round(height * window.scale_y)

    def _window_at(self, box: tuple[int, int, int, int]) -> Window:
        settings = self._settings
        return window_around(box, self._mask.shape, margin=settings.margin, most_pixels=settings.most_pixels)

    def _odds(
        self,
        scene: Scene,
        planes: Planes,
        back: Field,
        trust: Field,
        expected: Field,
        source: tuple[Field, Field],
        shift: tuple[int, int],
    ) -> Field:
        """Log odds float32 [h, w] of all the evidence together."""
        settings = self._settings
        surely = np.where(expected > 0.8, trust, 0)
        surely_not = (expected < 0.2).astype(np.float32)
        depth = _depth(expected)
        reach = np.exp(-((np.minimum(depth, 0) / np.float32(settings.colour_reach_px)) ** 2))
        plate_reach = np.exp(-((np.minimum(depth, 0) / np.float32(settings.plate_reach_px)) ** 2))

        odds = log_odds(expected, settings.surest) * (np.float32(0.1) + np.float32(0.9) * trust)
        odds += np.float32(settings.distance_weight) * np.clip(depth / 6, -4, 4)
        hidden = max(0.0, 1 - self._seen / HIDDEN_BELOW)
        # Where hidden parts should be, nothing is expected either way, and colour is asked as if it were close.
        around = np.float32(hidden) * cv2.dilate(self._whole, np.ones((9, 9), np.uint8))
        odds += around * np.maximum(-odds, 0)
        reach = np.maximum(reach, around)
        if hidden > 0:
            surely_not = surely_not * (around < 0.5)
        plate = self._plate_odds(scene, surely, surely_not)
        odds += settings.plate_weight * np.where(plate > 0, plate_reach * plate, plate)
        # What is new in the picture may be the object though it is not near: there, too, colour is asked.
        colour_reach = np.maximum(reach, plate_reach * np.clip(plate / STRONGEST, 0, 1))
        colour = settings.colour_weight * self._appearance.everywhere(planes)
        self._alike = (plate > 0) & (colour > settings.colour_weight)
        odds += colour_reach * (colour + settings.part_weight * self._appearance.by_part(planes, *source))
        motion = self._motion_odds(scene, back, expected, surely, surely_not, shift)
        odds += settings.motion_weight * reach * np.where(motion > 0, settings.motion_for * motion, motion)
        return odds.astype(np.float32)

    def _plate_odds(self, scene: Scene, surely: Field, surely_not: Field) -> Field:
        """What the background plate says: 0 where it has nothing to say."""
        window = self.window
        height, width = scene.coarse.shape[:2]
        scale_x, scale_y = scene.scale
        left, top = int(window.x0 / scale_x), int(window.y0 / scale_y)
        columns = slice(left, min(width, int((window.x0 + window.width_px) / scale_x) + 2))
        rows = slice(top, min(height, int((window.y0 + window.height_px) / scale_y) + 2))
        by_x, by_y, at_x, at_y = _to_coarse(window, scene.scale)
        place = (by_x, by_y, at_x - left, at_y - top, window.shape)
        miss = resample(scene.plate.mismatch(scene.coarse, rows, columns), *place)
        trust = resample(np.ascontiguousarray(scene.plate.trust[rows, columns]), *place)
        known = trust > 0.3
        inside, outside = surely * known, surely_not * known
        if inside.sum() < 0.2 * surely.sum():
            return np.zeros(window.shape, np.float32)
        odds = self._by_plate.odds(miss, inside, outside)
        # An old plate that fits still speaks for background; one that does not fit may only be out of date.
        return np.where(odds > 0, odds * trust, odds * known)

    def _motion_odds(
        self, scene: Scene, back: Field, expected: Field, surely: Field, surely_not: Field, shift: tuple[int, int]
    ) -> Field:
        """Whether pixels move as the object does, or as the background does."""
        window = self.window
        rows, columns = np.nonzero(expected[::3, ::3] > 0.5)
        if len(rows) < 20:
            return np.zeros(window.shape, np.float32)
        points = np.column_stack([columns, rows]) * 3.0
        weights = surely[::3, ::3][rows, columns].astype(np.float64) + 1e-3
        own = affine_field(fit_affine(points, back[::3, ::3][rows, columns].astype(np.float64), weights), window.shape)
        ground = resample(scene.background, *_to_coarse(window, scene.scale), window.shape)
        ground_x = (ground[..., 0] * scene.scale[0] + shift[0]) / window.scale_x
        ground_y = (ground[..., 1] * scene.scale[1] + shift[1]) / window.scale_y
        from_ground = cv2.magnitude(back[..., 0] - ground_x, back[..., 1] - ground_y)
        from_own = cv2.magnitude(back[..., 0] - own[..., 0], back[..., 1] - own[..., 1])
        share = (from_ground + np.float32(0.3)) / (from_ground + from_own + np.float32(0.6))
        return self._by_motion.odds(np.minimum(share, 0.999), surely, surely_not)


def _between(here: Window, there: Window) -> tuple[float, float, float, float]:
    """Factors and offsets that bring a work pixel of `here` to work pixels of `there`: (by_x, by_y, at_x, at_y)."""
    by_x, by_y = here.scale_x / there.scale_x, here.scale_y / there.scale_y
    at_x = (0.5 * here.scale_x + here.x0 - there.x0) / there.scale_x - 0.5
    at_y = (0.5 * here.scale_y + here.y0 - there.y0) / there.scale_y - 0.5
    return by_x, by_y, at_x, at_y


def _to_coarse(window: Window, scale: tuple[float, float]) -> tuple[float, float, float, float]:
    """The same from a work pixel to pixels of the coarse picture."""
    by_x, by_y = window.scale_x / scale[0], window.scale_y / scale[1]
    return by_x, by_y, (0.5 * window.scale_x + window.x0) / scale[0] - 0.5, 0.5 * by_y + window.y0 / scale[1] - 0.5


def _look_up_inside(values: Field, x: Field, y: Field) -> Field:
    """values at real-valued places, 0 outside."""
    return np.asarray(
        cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0), np.float32
    )


def _depth(expected: Field) -> Field:
    """Distance to the expected outline in work pixels, positive inside, float32 [h, w]."""
    inside = expected > 0.5
    if not inside.any():
        return np.full(expected.shape, -50, np.float32)
    within = cv2.distanceTransform(inside.view(np.uint8), cv2.DIST_L2, 3)
    outside = cv2.distanceTransform((~inside).view(np.uint8), cv2.DIST_L2, 3)
    return np.where(inside, within, -outside)
