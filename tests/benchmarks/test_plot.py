from xml.etree import ElementTree

from benchmarks.plot import Bar, Panel, draw

SVG = "{http://www.w3.org/2000/svg}"


def rectangles(svg: str) -> list[ElementTree.Element]:
    return ElementTree.fromstring(svg).findall(f"{SVG}rect")


def test_bars_are_to_scale_from_zero() -> None:
    panel = Panel("A load", [Bar("first", 2, "2.00", own=True), Bar("second", 4, "4.00", own=False)])
    first, second = rectangles(draw([panel], "All"))
    assert int(second.attrib["width"]) == 2 * int(first.attrib["width"])
    assert first.attrib["class"] == "bar own"
    assert second.attrib["class"] == "bar"


def test_all_is_inside() -> None:
    bars = [Bar(f"server {index}", index, f"{index}", own=False) for index in range(1, 17)]
    svg = draw([Panel("One", bars), Panel("Two", bars)], "All")
    root = ElementTree.fromstring(svg)
    width, height = int(root.attrib["width"]), int(root.attrib["height"])
    for rectangle in rectangles(svg):
        assert int(rectangle.attrib["x"]) + int(rectangle.attrib["width"]) < width - 40
        assert int(rectangle.attrib["y"]) + int(rectangle.attrib["height"]) < height
    tops = [int(rectangle.attrib["y"]) for rectangle in rectangles(svg)]
    assert tops == sorted(set(tops))


def test_light_and_dark_and_markup() -> None:
    svg = draw([Panel("a < b & c", [Bar("x", 0, "0", own=False)])], 'the "plot"')
    ElementTree.fromstring(svg)
    assert "prefers-color-scheme: dark" in svg
    assert "a &lt; b &amp; c" in svg


def test_no_bars() -> None:
    assert rectangles(draw([Panel("Nothing", [])], "All")) == []
