"""A page in a real browser, with the network off, as somebody reads it."""

from __future__ import annotations

from typing import Any

import pytest

MARKS = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""What a browser's driver leaves open is not ours."""

VIEWS = [(390, 844), (1440, 900)]

SMALL_TEXT = """() => {
  const small = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (node.closest(".wiring.fit")) continue;  // a picture as wide as the page: see full_size
    if (!walk.currentNode.textContent.trim() || !node.checkVisibility()) continue;
    if (["SCRIPT", "STYLE", "OPTION"].includes(node.tagName)) continue;
    let size = parseFloat(getComputedStyle(node).fontSize);
    const drawn = node instanceof SVGElement && node.getScreenCTM();
    if (drawn) size *= Math.hypot(drawn.c, drawn.d);  // upright words are turned
    if (size < 11.95) small.push(`${size} ${node.tagName} ${walk.currentNode.textContent}`);
  }
  return small.slice(0, 5);
}"""

FAINT_TEXT = """() => {
  const bend = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const parts = [0.2126, 0.7152, 0.0722];
  const light = (rgb) => parts.reduce((sum, w, i) => sum + w * bend(rgb[i] / 255), 0);
  const read = (text) => text.match(/[\\d.]+/g).map(Number);
  const clear = (colour) => colour.length === 4 && !colour[3];
  const faint = [];
  const text = "h1, h2, h3, h4, p, dt, dd, td, th, .name, .value, .remark";
  for (const node of document.querySelectorAll(text + ", .answer, .number, .legend")) {
    if (!node.checkVisibility() || !node.textContent.trim()) continue;
    if (node.closest("svg")) continue;
    let below = node, ground = read(getComputedStyle(node).backgroundColor);
    while (clear(ground)) {
      below = below.parentElement;
      ground = read(getComputedStyle(below).backgroundColor);
    }
    const [a, b] = [light(read(getComputedStyle(node).color)), light(ground)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${node.className} ${node.textContent}`);
  }
  return faint.slice(0, 5);
}"""


class Reader:
    """A page as somebody reads it, and everything the browser complained about."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page = browser.new_context(offline=True, **options).new_page()
        self.page.on("console", lambda said: self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address)

    def overflow(self) -> int:
        """How much wider the page is than the window."""
        return self.page.evaluate(
            "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
        )

    def full_size(self) -> None:
        """Shows the pictures that fit the page in full size."""
        for button in self.page.locator("button.full").all():
            button.click()

    def shown(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()
