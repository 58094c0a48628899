# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""A real browser, driven by its own protocol over a pipe, and what a page of ours must be in it."""

import base64
import json
import os
import pathlib
import select
import subprocess

PROGRAM = "chromium-headless-shell"
OPTIONS = ["--no-sandbox", "--disable-gpu", "--no-proxy-server", "--remote-debugging-pipe"]
SCREENSHOTS = pathlib.Path(__file__).resolve().parent.parent / "build/screenshots"
SCREENS = {"desktop": (1280, 800, False), "phone": (360, 740, True)}
SCHEMES = ("light", "dark")
PATIENCE = 60  # s
AA = 4.5  # WCAG 2.2, 1.4.3; for all sizes, though large text may have 3
# Every text with its colour and the first ground below it that is not transparent.
TEXTS = """(() => {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const text = walker.currentNode.textContent.trim();
        if (!text) continue;
        let element = walker.currentNode.parentElement, ground = element;
        while (getComputedStyle(ground).backgroundColor === 'rgba(0, 0, 0, 0)') ground = ground.parentElement;
        found.push([text, getComputedStyle(element).color, getComputedStyle(ground).backgroundColor,
                    parseFloat(getComputedStyle(element).fontSize)]);
    }
    return [found, document.documentElement.scrollWidth, innerWidth, document.styleSheets.length, document.title];
})()"""

SUBMIT = """(fields, button) => {
    const form = document.forms[0];
    if (!form) return false;
    for (const [name, value] of Object.entries(fields)) if (form.elements[name]) form.elements[name].value = value;
    form.requestSubmit(button ? document.querySelector(`button[name=${button}]`) : null);
    return true;
}"""


class Chromium:
    """@argv starts it with OPTIONS; it ends when its pipe does."""

    def __init__(self, argv, **more):
        there, self.sends = os.pipe()
        self.receives, back = os.pipe()

        def pipes():
            os.dup2(there, 100), os.dup2(back, 101)
            os.dup2(100, 3), os.dup2(101, 4)

        self.process = subprocess.Popen(argv, preexec_fn=pipes, pass_fds=(3, 4), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
        os.close(there), os.close(back)
        self.number, self.rest = 0, b""
        self.on = {}  # event: what is done at it
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Page.enable")
        self.ask("Log.enable")
        self.events = []

    session = None

    def receive(self):
        while b"\0" not in self.rest:
            assert select.select([self.receives], [], [], PATIENCE)[0], "the browser says nothing any more"
            part = os.read(self.receives, 65536)
            assert part, "the browser has gone away"
            self.rest += part
        message, self.rest = self.rest.split(b"\0", 1)
        message = json.loads(message)
        if message.get("method") in self.on:
            self.on[message["method"]](message["params"])
        return message

    def ask(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.sends, json.dumps(message).encode() + b"\0")
        while True:
            message = self.receive()
            if message.get("id") == self.number:
                assert "error" not in message, message
                return message["result"]
            self.__dict__.setdefault("events", []).append(message)

    def _wait_loaded(self):
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.receive())

    def open(self, url):
        self.events.clear()
        self.ask("Page.navigate", url=url)
        self._wait_loaded()

    def submit(self, fields, button=None):
        """Fills in what the page's first form has of @fields, and presses its button; false where there is no form."""
        self.events.clear()
        if not self.evaluate(f"({SUBMIT})({json.dumps(fields)}, {json.dumps(button)})"):
            return False
        self._wait_loaded()
        return True

    def evaluate(self, script):
        return self.ask("Runtime.evaluate", expression=script, returnByValue=True)["result"]["value"]

    def complaints(self):
        return [event["params"]["entry"]["text"] for event in self.events if event.get("method") == "Log.entryAdded"]

    def end(self):
        self.process.kill()
        self.process.wait()
        os.close(self.sends), os.close(self.receives)


def luminance(color):
    channels = [int(float(part)) / 255 for part in color[color.index("(") + 1:-1].split(",")[:3]]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a, b):
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def use_scheme(browser, scheme):
    browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


def look_at_page(browser, name, heading, sentence):
    """Says it what it must, and can people read it: light and dark, on a desktop and a phone? Four pictures of it."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    grounds = set()
    for scheme in SCHEMES:
        use_scheme(browser, scheme)
        for screen, (width, height, mobile) in SCREENS.items():
            browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
            texts, wide, inner, sheets, title = browser.evaluate(TEXTS)
            said = " ".join(" ".join(text for text, *_ in texts).replace(" .", ".").replace(" :", ":").split())
            assert heading in said and sentence in said and title == f"{heading} - tessera", said
            assert (sheets, wide) == (1, inner), screen  # styled, and nothing beside the screen
            assert inner == width
            for text, color, ground, size in texts:
                assert contrast(color, ground) >= AA, (scheme, text, color, ground)
                assert size >= 15
            grounds.add((scheme, texts[0][2]))
            picture = base64.b64decode(browser.ask("Page.captureScreenshot")["data"])
            (SCREENSHOTS / f"{name}-{scheme}-{screen}.png").write_bytes(picture)
    assert len({ground for _, ground in grounds}) == 2
    browser.ask("Emulation.clearDeviceMetricsOverride")
