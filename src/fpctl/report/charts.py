"""Charts as SVG that a page embeds: no script, no style of their own, colours from the page's variables.

pygal draws; its scripts, style sheets and comments are removed, because a page with a strict
Content-Security-Policy allows none, and because its colours would not follow the dark mode. What is left has the
classes that `assets/report.css` paints. Every chart has a title that screen readers say, and is next to a table
with the same numbers; a bar says what it is when the pointer is on it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from fpctl.report.estate import RuleNoise, Series

BARS = 15
"""How many rules are drawn; the table next to the chart has all of them."""
_SVG = "http://www.w3.org/2000/svg"
_LABEL = 32


def noise_chart(rules: Sequence[RuleNoise]) -> str | None:
    """Return horizontal bars of the events at the clauses of the noisiest rules: left over, and suppressed.

    None where no number is known.
    """
    pygal = _pygal()
    shown = [one for one in rules if one.events][:BARS]
    if not shown:
        return None
    shown.reverse()  # pygal draws the first at the bottom
    chart = pygal.HorizontalStackedBar(**_settings(height=60 + 30 * len(shown)))
    chart.x_labels = [_short(one.name) for one in shown]
    chart.add("left over", [one.remaining for one in shown])
    chart.add("suppressed", [one.suppressed for one in shown])
    return _svg(
        chart,
        "noise",
        "Events at the clauses of each rule in its last complete run, left over and suppressed",
        ("left over", "suppressed"),
    )


def daily_chart(days: Sequence[Any], series: Sequence[Series]) -> str | None:
    """Return stacked bars of the events that were suppressed on each day, by exclusion; None where there are none."""
    pygal = _pygal()
    if not days or not series:
        return None
    chart = pygal.StackedBar(**_settings(height=320), show_minor_x_labels=False, truncate_label=10)
    chart.x_labels = [day.isoformat() for day in days]
    step = max(len(days) // 6, 1)
    chart.x_labels_major = [day.isoformat() for number, day in enumerate(days) if number % step == 0]
    for one in series:
        chart.add(one.name, list(one.values))
    return _svg(
        chart, "daily", "Events suppressed by the runs of each day, stacked by exclusion", [one.name for one in series]
    )


def sparkline(values: Sequence[int | None], title: str) -> str:
    """Return a small line of numbers; unknown ones are gaps. `title` says what they are."""
    width, height = 120, 24
    known = [value for value in values if value is not None]
    top = max(known, default=0) or 1
    step = width / max(len(values) - 1, 1)
    runs: list[list[str]] = [[]]
    for number, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{number * step:.1f},{height - 2 - (height - 4) * value / top:.1f}")
    root = ElementTree.Element(
        "svg", {"xmlns": _SVG, "class": "sparkline", "viewBox": f"0 0 {width} {height}", "role": "img"}
    )
    ElementTree.SubElement(root, "title").text = title
    for points in runs:
        if len(points) == 1:
            x, y = points[0].split(",")
            ElementTree.SubElement(root, "circle", {"cx": x, "cy": y, "r": "1.5"})
        elif points:
            ElementTree.SubElement(root, "polyline", {"points": " ".join(points)})
    return ElementTree.tostring(root, encoding="unicode")


def load_charts() -> None:
    """Load the library that draws."""
    _pygal()


def _pygal() -> Any:
    """Return pygal, without the hook that it puts into Python's imports.

    The hook is for plug-ins of a name that nothing has any more, and speaks a protocol that Python 3.12 removed.
    """
    import sys

    import pygal

    sys.meta_path[:] = [one for one in sys.meta_path if type(one).__name__ != "PluginImportFixer"]
    return pygal


def _settings(height: int) -> dict[str, Any]:
    _pygal()
    from pygal.style import Style

    return {
        # Only the sizes matter: pygal leaves room for labels by them.
        "style": Style(label_font_size=12, major_label_font_size=12),
        "js": [],
        "css": [],
        "width": 900,
        "height": height,
        "margin": 4,
        "spacing": 4,
        "explicit_size": False,
        # The page has a legend of its own: pygal's does not wrap on a phone.
        "show_legend": False,
        "show_y_guides": True,
        "print_values": False,
        "value_formatter": lambda value: f"{value:,.0f}" if value is not None else "unknown",
        "no_data_text": "",
    }


def _svg(chart: Any, name: str, title: str, names: Sequence[str]) -> str:
    """Return a chart's SVG without scripts, styles, comments and random ids.

    Args:
        names: of the series, in their order.
    """
    chart.uuid = name
    root = _as_standard(chart.render_tree())
    for parent in list(root.iter()):
        for child in list(parent):
            overlay = {"text-overlay", "tooltip-overlay"} & set(child.get("class", "").split())
            if child.tag in ("script", "style", "title") or overlay:
                parent.remove(child)
        for attribute in [key for key in parent.attrib if key == "style" or key.startswith("on")]:
            del parent.attrib[attribute]
        for attribute, value in parent.attrib.items():
            if "." in value and attribute != "class":
                parent.set(attribute, _LONG_NUMBER.sub(lambda found: f"{float(found[0]):.1f}", value))
    for number, series in enumerate(names):
        for group in root.iter("g"):
            if group.get("class") == f"series serie-{number} color-{number}":
                _say_values(group, series)
    root.attrib.pop("id", None)
    root.set("role", "img")
    root.set("aria-label", title)
    root.set("class", f"chart chart-{name}")
    text: str = ElementTree.tostring(root, encoding="unicode")
    return text


_LONG_NUMBER = re.compile(r"\d+\.\d{2,}")


def _say_values(series: ElementTree.Element, name: str) -> None:
    """Let the bars of a series say what they are, in place of what pygal keeps for its script; empty ones go."""
    for parent in list(series.iter("g")):
        for bar in [one for one in parent if one.get("class") == "bar"]:
            said = {one.get("class", ""): one.text or "" for one in bar.iter("desc")}
            if said.get("value", "0") in ("0", "unknown", ""):
                parent.remove(bar)
                continue
            for one in list(bar.iter("desc")):
                bar.remove(one)
            for rect in bar.iter("rect"):
                rect.attrib = {key: rect.attrib[key] for key in ("x", "y", "width", "height")} | {"class": "rect"}
            ElementTree.SubElement(bar, "title").text = f"{said.get('x_label', '')}: {said['value']} {name}"


def _as_standard(node: Any) -> ElementTree.Element:
    """Return a copy in the standard library's tree (pygal uses lxml's where that is installed)."""
    copy = ElementTree.Element(node.tag.rpartition("}")[2], dict(node.attrib))
    copy.text, copy.tail = node.text, node.tail
    if copy.tag == "svg":
        copy.set("xmlns", _SVG)
    copy.extend(_as_standard(child) for child in node if isinstance(child.tag, str))
    return copy


def _short(name: str) -> str:
    return name if len(name) <= _LABEL else f"{name[: _LABEL - 1]}…"
