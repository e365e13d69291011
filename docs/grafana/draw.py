#!/usr/bin/python3
"""Draws the dashboard as a picture, where neither Prometheus nor Grafana is at hand.

    docs/grafana/draw.py [--seconds 60]      writes dashboard.svg beside itself

It runs a server (MILLRACE_BINARY, or the newest build/*/millrace) with some load, takes samples of /metrics, and works out the panels of
millrace.json from them: of PromQL it knows what stands there, with rates over ten seconds in place of a minute.
"""
import argparse
import http.client
import json
import os
import re
import sys
import threading
import time
from xml.sax.saxutils import escape

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tests", "clients"))
from millrace_server import launch  # noqa: E402

RATE_S = 10
CELL_W, CELL_H, GAP, MARGIN = 38, 26, 8, 16
COLORS = ("#3274d9", "#e0752d", "#56a64b", "#e02f44", "#8f3bb8", "#b7a300", "#19a3a3", "#c4162a", "#705da0", "#447ebc")
LOAD = (
    "CREATE STREAM orders (id BIGINT KEY, city VARCHAR, amount DOUBLE) WITH (KAFKA_TOPIC = 'orders', VALUE_FORMAT = 'JSON', PARTITIONS = 4);",
    "CREATE TABLE by_city AS SELECT city, COUNT(*) AS orders, SUM(amount) AS total FROM orders GROUP BY city;",
    "CREATE STREAM large AS SELECT * FROM orders WHERE amount > 50;",
    "CREATE TABLE by_minute AS SELECT city, COUNT(*) AS n FROM orders WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY city;")


class Client:
    def __init__(self, place):
        self.place = place

    def ask(self, method, path, body=None, headers={}):
        connection = http.client.HTTPConnection(self.place, timeout=60)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            assert answer.status < 300, text
            return text
        finally:
            connection.close()


def parse(page):
    """{name: {labels: value}}, labels as a tuple of pairs."""
    samples = {}
    for line in page.splitlines():
        if found := re.match(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)", line):
            name, labels, value = found.groups()
            pairs = tuple(sorted(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")))
            samples.setdefault(name, {})[pairs] = float(value)
    return samples


def series_of(expression, history):
    """{labels: [(time, value)]} of one of the dashboard's expressions."""
    expression = expression.strip()
    if found := re.fullmatch(r"topk\((\d+), (.*)\)", expression):
        all_series = series_of(found[2], history)
        ranked = sorted(all_series.items(), key=lambda each: -max(value for _, value in each[1]))
        return dict(ranked[:int(found[1])])
    if found := re.fullmatch(r"(.*) > 0", expression):
        return {labels: points for labels, points in series_of(found[1], history).items() if any(value > 0 for _, value in points)}
    if found := re.fullmatch(r"time\(\) - (.*)", expression):
        return {labels: [(at, at - value) for at, value in points] for labels, points in series_of(found[1], history).items()}
    if found := re.fullmatch(r"(?:sum by|sum|max)(?: \(([\w, ]+)\))? ?\((.*)\)", expression):
        kept = [each.strip() for each in (found[1] or "").split(",")]
        join = max if expression.startswith("max") else sum
        sums = {}
        for labels, points in series_of(found[2], history).items():
            group = tuple(pair for pair in labels if pair[0] in kept)
            for at, value in points:
                sums.setdefault(group, {}).setdefault(at, []).append(value)
        return {group: [(at, join(values)) for at, values in sorted(by_time.items())] for group, by_time in sums.items()}
    if found := re.fullmatch(r"(rate|increase)\((\w+)(?:\{.*\})?\[\w+\]\)", expression):
        points = series_of(found[2], history)
        return {labels: differences(values, found[1] == "rate") for labels, values in points.items()}
    name = re.fullmatch(r"(\w+)(?:\{.*\})?", expression)[1]
    found = {}
    for at, samples in history:
        for labels, value in samples.get(name, {}).items():
            found.setdefault(labels, []).append((at, value))
    return found


def differences(points, is_rate):
    out = []
    for index, (at, value) in enumerate(points):
        before = next(((then, old) for then, old in points if at - then <= RATE_S), points[0])
        span = at - before[0]
        out.append((at, (value - before[1]) / (span if is_rate and span else 1)))
    return out[1:] or [(points[0][0], 0)]


def shown(value, unit):
    if unit == "bytes":
        for name in ("B", "KiB", "MiB", "GiB", "TiB"):
            if value < 1024 or name == "TiB":
                return f"{value:.3g} {name}"
            value /= 1024
    if unit == "s":
        return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"
    for size, name in ((1e9, " G"), (1e6, " M"), (1e3, " K")):
        if value >= size:
            return f"{value / size:.3g}{name}"
    return f"{value:.3g}" + ("/s" if unit == "ops" else "")


def legend_of(target, labels, name):
    text = target.get("legendFormat") or ""
    for key, value in labels:
        text = re.sub(r"\{\{ *%s *\}\}" % key, lambda _: value, text)
    text = re.sub(r"\{\{.*?\}\}", "", text).strip()
    return text or ", ".join(value for _, value in labels) or name


class Picture:
    def __init__(self, width, height):
        self.parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="11">',
                      f'<rect width="{width}" height="{height}" fill="#f4f5f8"/>']

    def text(self, x, y, text, **more):
        style = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
        self.parts.append(f'<text x="{x:.0f}" y="{y:.0f}"{style}>{escape(text)}</text>')

    def box(self, x, y, w, h):
        self.parts.append(f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="3" fill="white" stroke="#dcdfe6"/>')

    def line(self, points, color, width=1.5):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width}"/>')

    def save(self, path):
        with open(path, "w", encoding="utf-8") as out:
            out.write("\n".join([*self.parts, "</svg>"]) + "\n")


def draw_panel(picture, panel, history):
    grid = panel["gridPos"]
    x, y = MARGIN + grid["x"] * CELL_W, MARGIN + 24 + grid["y"] * CELL_H
    w, h = grid["w"] * CELL_W - GAP, grid["h"] * CELL_H - GAP
    picture.box(x, y, w, h)
    picture.text(x + 8, y + 16, panel["title"], font_weight="bold", fill="#333")
    unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit", "short")
    lines = [(legend_of(target, labels, "value"), points) for target in panel["targets"]
             for labels, points in series_of(target["expr"], history).items() if points]
    if panel["type"] == "stat":
        told = "   ".join(f"{name}: {shown(points[-1][1], unit)}".removeprefix("value: ") for name, points in lines) or "-"
        return picture.text(x + w / 2, y + h / 2 + 16, told, text_anchor="middle", font_size=20, fill="#3274d9")
    if not lines:
        return picture.text(x + w / 2, y + h / 2, "nothing", text_anchor="middle", fill="#999")
    left, right, top, bottom = x + 62, x + w - 10, y + 28, y + h - 46
    most = max(value for _, points in lines for _, value in points) or 1
    begin, end = history[0][0], history[-1][0]
    for step in range(5):
        at = bottom - (bottom - top) * step / 4
        picture.line([(left, at), (right, at)], "#e6e8ee", 1)
        picture.text(left - 6, at + 4, shown(most * step / 4, unit), text_anchor="end", fill="#777")
    for seconds in range(0, int(end - begin) + 1, max(10, int(end - begin) // 40 * 10)):
        picture.text(left + (right - left) * seconds / (end - begin), bottom + 14, f"{seconds} s", text_anchor="middle", fill="#777")
    for index, (name, points) in enumerate(lines):
        picture.line([(left + (right - left) * (at - begin) / (end - begin), bottom - (bottom - top) * value / most) for at, value in points],
                     COLORS[index % len(COLORS)])
    at = left - 50
    for index, (name, _) in enumerate(lines):
        name = name if len(name) < 30 else name[:28] + "…"
        if at + 6.2 * len(name) + 16 > right:
            picture.text(at, bottom + 34, "…", fill="#777")
            break
        picture.line([(at, bottom + 30), (at + 10, bottom + 30)], COLORS[index % len(COLORS)], 3)
        picture.text(at + 13, bottom + 34, name, fill="#333")
        at += 6.2 * len(name) + 26


def load(client, is_over):
    """Writes, more and less of it, as a consumer reads along."""
    begun, number = time.monotonic(), 0
    client.ask("POST", "/consumers/reports", {"name": "one", "format": "json", "auto.offset.reset": "earliest"})
    reader = "/consumers/reports/instances/one"
    client.ask("POST", f"{reader}/subscription", {"topics": ["orders"]})
    while not is_over.is_set():
        count = 200 + int(300 * abs(((time.monotonic() - begun) % 20) / 10 - 1))
        records = [{"value": {"CITY": f"c{(number + each) % 7}", "AMOUNT": (number + each) * 37 % 100}} for each in range(count)]
        client.ask("POST", "/topics/orders", {"records": records}, {"Content-Type": "application/vnd.kafka.json.v2+json"})
        number += count
        client.ask("GET", f"{reader}/records?timeout=50&max_bytes=20000", None, {"Accept": "application/vnd.kafka.json.v2+json"})
        time.sleep(0.05)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=int, default=60)
    seconds = arguments.parse_args().seconds
    with open(os.path.join(HERE, "millrace.json"), encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    server, history, is_over = launch(), [], threading.Event()
    try:
        client = Client(server.http)
        for statement in LOAD:
            client.ask("POST", "/ksql", {"ksql": statement})
        writer = threading.Thread(target=load, args=(client, is_over), daemon=True)
        writer.start()
        end = time.time() + seconds
        while time.time() < end:
            history.append((time.time(), parse(client.ask("GET", "/metrics"))))
            time.sleep(1)
        is_over.set()
        writer.join()
    finally:
        server.stop()
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    picture = Picture(2 * MARGIN + 24 * CELL_W - GAP, 2 * MARGIN + 24 + rows * CELL_H - GAP)
    picture.text(MARGIN, MARGIN + 10, f"Millrace: {seconds} seconds of some load", font_size=15, font_weight="bold", fill="#222")
    for panel in panels:
        draw_panel(picture, panel, history)
    picture.save(os.path.join(HERE, "dashboard.svg"))


if __name__ == "__main__":
    main()
