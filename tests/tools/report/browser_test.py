#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site of the store and the page of a build in a real browser, on a phone and on a desk, by day and by
night. The screenshots stay in the directory given, for people.

    browser_test.py SCREENSHOTS [HOME]      HOME: look at an existing store in place of the planted one
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

from chromium import Browser

from store import plant

HERE = pathlib.Path(__file__).resolve().parent
IMGFORGE = os.environ["IMGFORGE_BINARY"]
PHONE, DESK = 390, 1280


def imgforge(*arguments):
    done = subprocess.run(
        [IMGFORGE, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode != 0:
        sys.exit(
            f"FAILED: imgforge {' '.join(map(str, arguments))}: {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return done.stdout


def link_faults(page, links, root):
    """Links lead to files of the site."""
    for link in links:
        address = urllib.parse.urlparse(link)
        if address.scheme not in ("file", "data"):
            yield f"a link to {link}"
        elif address.scheme == "file":
            target = pathlib.Path(urllib.parse.unquote(address.path))
            if not target.is_file() or root not in target.parents:
                yield f"the link {link} of {page.name} leads to no file of the site"


def look(browser, page, root, screenshots):
    """Faults of one page in all its looks."""
    script = (HERE / "look.js").read_text(encoding="utf-8")
    for width in (PHONE, DESK):
        for dark in (False, True):
            name = f"{page.stem}-{'phone' if width == PHONE else 'desk'}-{'dark' if dark else 'light'}"
            fetched = browser.open(page.as_uri(), width, dark)
            seen = browser.run(f"{script}({width})")
            browser.screenshot(screenshots / f"{name}.png")
            if seen["texts"] < 5:
                yield f"{name}: only {seen['texts']} texts"
            yield from (f"{name}: {fault}" for fault in seen["faults"])
            yield from (f"{name}: {fault}" for fault in link_faults(page, seen["links"], root))
            yield from (f"{name}: fetches {url}" for url in fetched if not url.startswith(("file:", "data:")))


def the_judge_sees(browser, folder):
    """A page with one fault of each kind: what finds nothing there finds nothing anywhere."""
    page = folder / "bad.html"
    page.write_text(
        "<!doctype html><title>x</title><script>1</script><p style='color:#999'>pale</p><p style='width:5000px'>wide</p>"
        "<svg viewBox='0 0 720 9' width=360><text y=9 font-size=12>small</text></svg>",
        encoding="utf-8",
    )
    browser.open(page.as_uri(), PHONE, False)
    faults = " ".join(browser.run((HERE / "look.js").read_text(encoding="utf-8") + f"({PHONE})")["faults"])
    return all(word in faults for word in ("contrast 2.85", "pixels wide", "1 scripts", "is 6 pixels high"))


def main():
    if shutil.which("chromium") is None:
        print("SKIPPED: no chromium (apt install chromium)")
        sys.exit(77)
    screenshots = pathlib.Path(sys.argv[1])
    shutil.rmtree(screenshots, ignore_errors=True)
    screenshots.mkdir(parents=True)
    with tempfile.TemporaryDirectory(
        prefix="imgforge-browser-", dir=os.environ.get("TMPDIR", "/var/tmp")
    ) as folder:
        work = pathlib.Path(folder)
        home = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else work / "home"
        os.environ.update(IMGFORGE_HOME=str(home), IMGFORGE_IMMUTABLE="off")
        if len(sys.argv) < 3:
            plant(imgforge, home, work)
        site = work / "site"
        imgforge("report", "--site", site)
        runs = sorted(path.name for path in (home / "runs").iterdir() if (path / "record.json").exists())
        for number, run in enumerate(runs):
            imgforge("report", run, "--output", work / f"build-{number}.html")
        pages = sorted(site.rglob("*.html")) + sorted(work.glob("build-*.html"))
        browser = Browser()
        try:
            if not the_judge_sees(browser, work):
                sys.exit("FAILED: a bad page has no faults")
            faults = [
                fault
                for page in pages
                for fault in look(browser, page, site if site in page.parents else work, screenshots)
            ]
        finally:
            browser.close()
    print("\n".join(faults))
    print(f"{len(pages)} pages, screenshots in {screenshots}")
    sys.exit("FAILED" if faults or len(pages) < 4 else None)


main()
