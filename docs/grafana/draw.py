#!/usr/bin/python3
"""Draws the dashboard as a picture, where Grafana is not at hand.

    docs/grafana/draw.py [--seconds 120]      writes dashboard.svg beside itself

It runs a server (MILLRACE_BINARY, or the newest build/*/millrace) with some load, and Prometheus, which scrapes it and answers the
expressions of millrace.json.
"""
import argparse
import http.client
import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from xml.sax.saxutils import escape

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "tests", "clients"))
from millrace_server import launch  # noqa: E402

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


class Prometheus:
    """Scrapes the server each second."""

    def __init__(self, target):
        self.folder = tempfile.mkdtemp(prefix="millrace-prometheus-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.client = Client("127.0.0.1:%d" % free.getsockname()[1])
        with open(f"{self.folder}/prometheus.yml", "w", encoding="utf-8") as file:
            json.dump({"global": {"scrape_interval": "1s"},
                       "scrape_configs": [{"job_name": "millrace", "static_configs": [{"targets": [target]}]}]}, file)
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
             f"--web.listen-address={self.client.place}", "--log.level=error"])

    def series_of(self, expression, begin, end):
        """Returns [(labels, [(time, value)])]; series with a large last value come first."""
        query = {"query": expression.replace("$instance", ".*"), "start": begin, "end": end, "step": 1}
        answer = json.loads(self.client.ask("GET", "/api/v1/query_range?" + urllib.parse.urlencode(query)))
        found = [(tuple(sorted(each["metric"].items())), [(float(at), float(value)) for at, value in each["values"]])
                 for each in answer["data"]["result"]]
        most = re.match(r"topk\((\d+)", expression)  # topk() chooses series at each moment; the result can have more
        found.sort(key=lambda each: -max(value for _, value in each[1]))
        return found[:int(most[1])] if most else found

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


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


def legend_of(target, labels):
    text = target.get("legendFormat") or ""
    for key, value in labels:
        text = re.sub(r"\{\{ *%s *\}\}" % key, lambda _: value, text)
    text = re.sub(r"\{\{.*?\}\}", "", text).strip()
    return text or ", ".join(value for name, value in labels if name not in ("__name__", "job", "instance"))


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


def draw_panel(picture, panel, prometheus, begin, end):
    grid = panel["gridPos"]
    x, y = MARGIN + grid["x"] * CELL_W, MARGIN + 24 + grid["y"] * CELL_H
    w, h = grid["w"] * CELL_W - GAP, grid["h"] * CELL_H - GAP
    picture.box(x, y, w, h)
    picture.text(x + 8, y + 16, panel["title"], font_weight="bold", fill="#333")
    unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit", "short")
    lines = [(legend_of(target, labels), points) for target in panel["targets"]
             for labels, points in prometheus.series_of(target["expr"], begin, end)]
    if panel["type"] == "stat":
        return draw_numbers(picture, x, y, w, h, [(name, shown(points[-1][1], unit)) for name, points in lines])
    if not lines:
        return picture.text(x + w / 2, y + h / 2, "nothing", text_anchor="middle", fill="#999")
    left, right, top, bottom = x + 62, x + w - 10, y + 28, y + h - 62
    most = max(value for _, points in lines for _, value in points) or 1
    is_log = panel["fieldConfig"]["defaults"].get("custom", {}).get("scaleDistribution", {}).get("type") == "log"
    least = min((value for _, points in lines for _, value in points if value > 0), default=1) if is_log else 0

    def height_of(value):
        if not is_log:
            return value / most
        return 0 if value <= least or most == least else math.log(value / least) / math.log(most / least)
    for step in range(5):
        at = bottom - (bottom - top) * step / 4
        value = least * (most / least) ** (step / 4) if is_log else most * step / 4
        picture.line([(left, at), (right, at)], "#e6e8ee", 1)
        picture.text(left - 6, at + 4, shown(value, unit), text_anchor="end", fill="#777")
    for seconds in range(0, int(end - begin) + 1, max(10, int(end - begin) // 40 * 10)):
        is_last = seconds > 0.95 * (end - begin)
        picture.text(left + (right - left) * seconds / (end - begin), bottom + 14, f"{seconds} s",
                     text_anchor="end" if is_last else "middle", fill="#777")
    for index, (_, points) in enumerate(lines):
        picture.line([(left + (right - left) * (at - begin) / (end - begin), bottom - (bottom - top) * height_of(value)) for at, value in points],
                     COLORS[index % len(COLORS)])
    draw_legend(picture, left - 50, right, bottom + 34, [name for name, _ in lines])


def draw_numbers(picture, x, y, w, h, numbers):
    """Draws numbers side by side, each with its name below it."""
    numbers = numbers or [("", "-")]
    for index, (name, value) in enumerate(numbers):
        middle = x + w * (index + 0.5) / len(numbers)
        picture.text(middle, y + h / 2 + 10, value, text_anchor="middle", font_size=20, fill="#3274d9")
        picture.text(middle, y + h / 2 + 28, name, text_anchor="middle", fill="#777")


def draw_legend(picture, left, right, y, names):
    """Writes names in two lines; names that do not fit are only counted."""
    at, line = left, 0
    for index, name in enumerate(names):
        name = name if len(name) < 30 else name[:28] + "…"
        width = 6.2 * len(name) + 16
        if at + width > right - (40 if line == 1 else 0):
            if line == 1:
                return picture.text(at, y + 16, f"+ {len(names) - index}", fill="#777")
            at, line = left, 1
        picture.line([(at, y + 16 * line - 4), (at + 10, y + 16 * line - 4)], COLORS[index % len(COLORS)], 3)
        picture.text(at + 13, y + 16 * line, name, fill="#333")
        at += width + 10
    return None


def load(client, is_over):
    """Writes records at a rate that rises and falls, while a consumer reads them."""
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
    arguments.add_argument("--seconds", type=int, default=120)
    seconds = arguments.parse_args().seconds
    with open(os.path.join(HERE, "millrace.json"), encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    server, is_over = launch(), threading.Event()
    prometheus = Prometheus(server.http)
    try:
        client = Client(server.http)
        for statement in LOAD:
            client.ask("POST", "/ksql", {"ksql": statement})
        writer = threading.Thread(target=load, args=(client, is_over), daemon=True)
        writer.start()
        time.sleep(30)  # half of the range over which rates are computed
        begin = time.time()
        time.sleep(seconds)
        draw(panels, prometheus, begin, time.time())
        is_over.set()
        writer.join()
    finally:
        prometheus.stop()
        server.stop()


def draw(panels, prometheus, begin, end):
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    picture = Picture(2 * MARGIN + 24 * CELL_W - GAP, 2 * MARGIN + 24 + rows * CELL_H - GAP)
    picture.text(MARGIN, MARGIN + 10, f"Millrace: {end - begin:.0f} seconds of some load", font_size=15, font_weight="bold", fill="#222")
    for panel in panels:
        draw_panel(picture, panel, prometheus, begin, end)
    picture.save(os.path.join(HERE, "dashboard.svg"))


if __name__ == "__main__":
    main()
