"""The drawings of the demo courses, by name: each takes the width it may fill, in points."""

import math
from collections.abc import Callable, Sequence

from reportlab.graphics.shapes import (
    Circle,
    Drawing,
    Ellipse,
    Group,
    Line,
    Path,
    Polygon,
    PolyLine,
    Rect,
    String,
)
from reportlab.lib import colors

BLUE, PALE, INK = colors.HexColor("#2166ac"), colors.HexColor("#d6e6f4"), colors.HexColor("#1b2430")
GREY, SAND, RED = colors.HexColor("#9aa5b1"), colors.HexColor("#e3c99a"), colors.HexColor("#c0503c")
GREEN, WHITE = colors.HexColor("#4f9d69"), colors.white
Point = tuple[float, float]


def label(
    x: float, y: float, text: str, size: float = 8, anchor: str = "middle", fill: object = INK
) -> String:
    return String(x, y, text, fontName="Sans", fontSize=size, textAnchor=anchor, fillColor=fill)


def line(start: Point, end: Point, fill: object = GREY, width: float = 0.8, dashes: object = None) -> Line:
    return Line(*start, *end, strokeColor=fill, strokeWidth=width, strokeDashArray=dashes)


def curve(points: Sequence[Point], fill: object, dashes: object = None) -> PolyLine:
    flat = [number for point in points for number in point]
    return PolyLine(flat, strokeColor=fill, strokeWidth=1.6, strokeDashArray=dashes)


def cells(x: float, y: float, size: float, values: Sequence[int], fills: Sequence[object]) -> Group:
    """A row of numbered boxes; white text on the dark ones."""
    row = Group()
    for place, (value, fill) in enumerate(zip(values, fills, strict=True)):
        left = x + place * size
        row.add(Rect(left, y, size, size, fillColor=fill, strokeColor=GREY, strokeWidth=0.6))
        row.add(
            label(left + size / 2, y + size / 2 - 3, str(value), fill=WHITE if fill in (BLUE, RED) else INK)
        )
    return row


def binary_search(width: float) -> Drawing:
    values = [3, 5, 8, 14, 19, 23, 27, 33, 41, 48, 52, 60]
    drawing, size = Drawing(width, 128), 26
    low, high, y = 0, len(values) - 1, 92
    while True:
        middle = (low + high) // 2
        fills = [BLUE if i == middle else PALE if low <= i <= high else WHITE for i in range(len(values))]
        drawing.add(cells(16, y, size, values, fills))
        sign = "=" if values[middle] == 52 else "<"
        drawing.add(label(16 + 12 * size + 14, y + 9, f"{values[middle]} {sign} 52", anchor="start"))
        if values[middle] == 52:
            return drawing
        low, y = middle + 1, y - 38


def growth(width: float) -> Drawing:
    drawing, height = Drawing(width, 200), 155
    left, bottom, across = 40, 28, width - 130
    top = 100.0
    drawing.add(line((left, bottom), (left + across, bottom), INK))
    drawing.add(line((left, bottom), (left, bottom + height), INK))
    drawing.add(label(left + across / 2, 4, "size of the input, n"))
    drawing.add(label(left, bottom + height + 8, "steps"))
    for tick in (5, 10, 15, 20):
        drawing.add(label(left + across * tick / 20, bottom - 10, str(tick), 7))
    for tick in (25, 50, 75, 100):
        drawing.add(label(left - 5, bottom + height * tick / top - 2, str(tick), 7, "end"))
    curves: list[tuple[str, Callable[[float], float], object]] = [
        ("log₂ n", lambda n: math.log2(n), GREEN),
        ("n", lambda n: n, BLUE),
        ("n log₂ n", lambda n: n * math.log2(n), SAND),
        ("n²", lambda n: n * n, RED),
    ]
    for name, steps, fill in curves:
        sizes = [n / 4 for n in range(4, 81) if steps(n / 4) <= top]
        points = [(left + across * n / 20, bottom + height * steps(n) / top) for n in sizes]
        drawing.add(curve(points, fill))
        drawing.add(label(points[-1][0] + 5, points[-1][1] - 2, name, anchor="start"))
    return drawing


def merge_sort(width: float) -> Drawing:
    drawing, size = Drawing(width, 206), 20
    levels = [
        [[5, 2, 8, 1, 9, 3, 7, 4]],
        [[5, 2, 8, 1], [9, 3, 7, 4]],
        [[5, 2], [8, 1], [9, 3], [7, 4]],
        [[2, 5], [1, 8], [3, 9], [4, 7]],
        [[1, 2, 5, 8], [3, 4, 7, 9]],
        [[1, 2, 3, 4, 5, 7, 8, 9]],
    ]
    for level, groups in enumerate(levels):
        y, share = 182 - level * 34, (width - 60) / len(groups)
        drawing.add(
            label(2, y + 7, "halve" if level in (1, 2) else "merge" if level > 2 else "", 7.5, "start", GREY)
        )
        for place, group in enumerate(groups):
            x = 50 + share * (place + 0.5) - size * len(group) / 2
            drawing.add(cells(x, y, size, group, [PALE if level > 2 else WHITE] * len(group)))
    return drawing


def partition(width: float) -> Drawing:
    drawing, size = Drawing(width, 92), 26
    before, after = [5, 2, 8, 1, 9, 3, 7, 4], [2, 1, 3, 4, 9, 8, 7, 5]
    drawing.add(cells(80, 58, size, before, [WHITE] * 7 + [BLUE]))
    drawing.add(cells(80, 14, size, after, [PALE] * 3 + [BLUE] + [SAND] * 4))
    drawing.add(label(70, 66, "before", anchor="end"))
    drawing.add(label(70, 22, "after", anchor="end"))
    drawing.add(label(80 + 1.5 * size, 2, "smaller than 4"))
    drawing.add(label(80 + 6 * size, 2, "4 or more"))
    return drawing


def zones(width: float) -> Drawing:
    drawing = Drawing(width, 236)
    names = [
        ("Sunlight zone", "0 to 200 m", "#8ec9ea"),
        ("Twilight zone", "to 1,000 m", "#4f9bd0"),
        ("Midnight zone", "to 4,000 m", "#235f98"),
        ("Abyss", "to 6,000 m", "#123a66"),
        ("Trenches", "to 10,900 m", "#0a1f3b"),
    ]
    for place, (name, depth, fill) in enumerate(names):
        y = 184 - place * 44
        drawing.add(Rect(60, y, width - 60, 44, fillColor=colors.HexColor(fill), strokeColor=None))
        text = INK if place < 2 else WHITE
        drawing.add(label(320, y + 18, name, 10, "start", text))
        drawing.add(label(52, y + 2, depth, 7.5, "end"))
    floor = [
        (60, 140),
        (110, 132),
        (150, 96),
        (190, 60),
        (250, 50),
        (270, 12),
        (285, 8),
        (300, 48),
        (300, 8),
        (60, 8),
    ]
    drawing.add(Polygon([n for p in floor for n in p], fillColor=SAND, strokeColor=None))
    drawing.add(label(76, 112, "shelf", 7.5, "start"))
    drawing.add(label(118, 60, "slope", 7.5, "start"))
    for ray in range(5):
        x = 190 + ray * 22
        drawing.add(line((x, 226), (x - 6, 190 if ray % 2 else 150), colors.HexColor("#fff3b0"), 1.4))
    return drawing


def pyramid(width: float) -> Drawing:
    drawing = Drawing(width, 142)
    levels = [
        ("phytoplankton, 1,000 kg", GREEN),
        ("zooplankton, 100 kg", PALE),
        ("herring, 10 kg", SAND),
        ("tuna, 1 kg", RED),
    ]
    middle = width * 0.36
    for place, (name, fill) in enumerate(levels):
        low, high = 130 - place * 32, 130 - (place + 1) * 32
        y = 6 + place * 33
        corners = [middle - low, y, middle + low, y, middle + high, y + 31, middle - high, y + 31]
        drawing.add(Polygon(corners, fillColor=fill, strokeColor=None))
        drawing.add(line((middle + (low + high) / 2, y + 15), (width * 0.69, y + 15)))
        drawing.add(label(width * 0.7, y + 12, name, anchor="start"))
    return drawing


def polyp(width: float) -> Drawing:
    drawing, x = Drawing(width, 190), width * 0.4
    skeleton = [
        (x - 90, 8),
        (x - 84, 58),
        (x - 52, 52),
        (x - 46, 34),
        (x + 46, 34),
        (x + 52, 52),
        (x + 84, 58),
        (x + 90, 8),
    ]
    drawing.add(Polygon([n for p in skeleton for n in p], fillColor=SAND, strokeColor=None))
    drawing.add(Rect(x - 46, 34, 92, 84, rx=18, ry=18, fillColor=colors.HexColor("#f0b8a8"), strokeColor=RED))
    drawing.add(Rect(x - 30, 44, 60, 80, rx=14, ry=14, fillColor=colors.HexColor("#fbe3db"), strokeColor=RED))
    for side in (-1, 1):
        for reach in (16, 30, 44):
            tentacle = Path(fillColor=None, strokeColor=RED, strokeWidth=3)
            tentacle.moveTo(x + side * reach, 114)
            tentacle.curveTo(
                x + side * reach, 146, x + side * (reach + 22), 140, x + side * (reach + 26), 172
            )
            drawing.add(tentacle)
        for dot in range(8):
            drawing.add(Circle(x + side * 38, 48 + dot * 8.5, 2.6, fillColor=GREEN, strokeColor=None))
    drawing.add(Ellipse(x, 120, 18, 6, fillColor=INK, strokeColor=None))
    pointers = [
        ("tentacles with stinging cells", (x + 64, 158)), ("mouth", (x + 16, 120)), ("gut", (x + 20, 90)),
        ("algae in the inner layer", (x + 39, 62)), ("limestone cup", (x + 72, 34)),
    ]  # fmt: skip
    for name, (tip_x, tip_y) in pointers:
        drawing.add(line((tip_x, tip_y), (x + 112, tip_y)))
        drawing.add(label(x + 116, tip_y - 3, name, anchor="start"))
    return drawing


def reef(width: float) -> Drawing:
    drawing, share = Drawing(width, 112), width / 3
    stages = [("fringing reef", 46, 62), ("barrier reef", 24, 62), ("atoll", -6, 62)]
    for place, (name, top, base) in enumerate(stages):
        x = share * (place + 0.5)
        drawing.add(Rect(share * place + 4, 18, share - 8, 40, fillColor=PALE, strokeColor=None))
        peak = 50 + top
        drawing.add(Polygon([x - base, 18, x, max(peak, 30), x + base, 18], fillColor=GREY, strokeColor=None))
        if place == 2:
            drawing.add(Rect(x - 50, 18, 100, 22, fillColor=SAND, strokeColor=None))
        for side in (-1, 1):
            near, far = ((28, 44), (36, 56), (40, 60))[place]
            corners = [
                x + side * near,
                58,
                x + side * far,
                58,
                x + side * (far + 8),
                18,
                x + side * (near + 4),
                18,
            ]
            drawing.add(Polygon(corners, fillColor=RED if place < 2 else SAND, strokeColor=None))
            drawing.add(
                Rect(min(x + side * near, x + side * far), 55, far - near, 4, fillColor=RED, strokeColor=None)
            )
        drawing.add(label(x, 4, name))
    return drawing


def profile(width: float) -> Drawing:
    drawing = Drawing(width, 230)
    depths = [0, 25, 50, 100, 150, 200, 400, 800, 1500, 3000]
    warmth = [26.4, 26.3, 24.1, 20.2, 18.6, 17.5, 13.9, 8.2, 4.4, 2.9]
    oxygen = [205, 206, 214, 208, 196, 190, 168, 142, 222, 248]
    left, across, top = 50, width - 150, 205

    def down(depth: float) -> float:
        return top - (depth / 200 * 110 if depth <= 200 else 110 + (depth - 200) / 2800 * 85)

    drawing.add(Rect(left, 10, across, 195, fillColor=None, strokeColor=INK, strokeWidth=0.8))
    for depth in (0, 50, 100, 150, 200, 1000, 2000, 3000):
        drawing.add(label(left - 5, down(depth) - 3, f"{depth:,} m", 7, "end"))
        drawing.add(line((left, down(depth)), (left + across, down(depth)), PALE))
    by_warmth = [(left + across * t / 30, down(d)) for d, t in zip(depths, warmth, strict=True)]
    by_oxygen = [(left + across * (o - 120) / 140, down(d)) for d, o in zip(depths, oxygen, strict=True)]
    drawing.add(curve(by_warmth, RED))
    drawing.add(curve(by_oxygen, BLUE, [4, 3]))
    drawing.add(label(left, 215, "0 to 30 °C", 7.5, "start", RED))
    drawing.add(label(left + across, 215, "120 to 260 µmol/kg oxygen", 7.5, "end", BLUE))
    return drawing


FIGURES: dict[str, Callable[[float], Drawing]] = {
    figure.__name__: figure
    for figure in (binary_search, growth, merge_sort, partition, zones, pyramid, polyp, reef, profile)
}
