"""How fast the live page is: python -m tests.lecture.live.speed [MODEL ...]

Pictures a second while one draws, and the milliseconds from a movement of the pen to the answer on the screen, in a
headless Chromium that draws without a GPU. The network is untrained: that makes no difference.
"""

import sys

from tests.lecture import chromium
from tests.lecture.live.served import serving, studio

DRAW = """(async () => {
  const box = pad.getBoundingClientRect(), waits = [], start = performance.now();
  const pen = (kind, x, y) => pad.dispatchEvent(new PointerEvent(kind, { pointerId: 1, bubbles: true,
    clientX: box.left + x, clientY: box.top + y }));
  pad.setPointerCapture = () => {};
  pen("pointerdown", 60, 60);
  for (let k = 0; performance.now() - start < 4000; k++) {
    const before = performance.now();
    pen("pointermove", 140 + 80 * Math.sin(k / 9), 140 + 80 * Math.cos(k / 7));
    while (looking) await new Promise(done => setTimeout(done, 0));
    await new Promise(requestAnimationFrame);
    waits.push(performance.now() - before);
  }
  pen("pointerup", 60, 60);
  waits.sort((a, b) => a - b);
  const at = share => waits[Math.floor(waits.length * share)];
  return [waits.length / (performance.now() - start) * 1000, at(0.5), at(0.95)];
})()"""


def main(models):
    for model in models:
        with serving(studio(model)) as server, chromium.Chromium() as browser:
            browser.open(f"{server.address}#class=3")
            browser.wait("seen !== null && !looking")
            rate, median, slow = browser.run(DRAW)
            print(f"{model}: {rate:.0f} pictures a second; pen to answer {median:.0f} ms, 95 % below {slow:.0f} ms")


if __name__ == "__main__":
    main(sys.argv[1:] or ["mlp", "lenet", "cnn", "transformer", "resnet"])
