#!/usr/bin/env bash
# Mermaid: a <br/> in a label undoes the escapes behind and before it; a line break in its place does not.
#
# Versions: mermaid 11.17.2 and 11.4.1, Playwright 1.65.2, Debian's Chromium (needs node and a Chromium).
# Behaviour: "a#42;b#42;" (numbers for two asterisks) shows a*b*, as documented, and so does it below another line that
#   ends in a line break. With <br/> between the lines the numbers are characters again before labels are looked
#   through: $$x$$ becomes a formula and fa:fa-car an icon, which is nothing where there is no icon font; in 11.4.1
#   *b* is emphasis, `b` prints "Unsupported markdown: codespan", and so does an e-mail address or a link.
# Why it matters: <br/> is what its documentation and most generators use; names from a model then vanish or become
#   something else, though each character was escaped as documented.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q playwright==1.65.2
for version in 11.17.2 11.4.1; do
    (mkdir "$folder/$version" && cd "$folder/$version" && npm pack --silent "mermaid@$version" >/dev/null && tar xzf ./*.tgz)
done

cd "$folder" && venv/bin/python - <<'PYTHON'
import shutil

from playwright.sync_api import sync_playwright

NAMES = {"formula": "$$x$$", "icon": "fa:fa-car", "emphasis": "*b*", "code": "`b`", "address": "a@b.c"}
LOST = {"11.17.2": {"formula", "icon"}, "11.4.1": set(NAMES)}
DRAW = """async (text) => {
  const { svg } = await mermaid.render("g", text);
  document.body.innerHTML = svg;
  return document.querySelector("g.node .nodeLabel").innerText.split("\\n").pop().trim();
}"""

with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
    for version, lost in LOST.items():
        page = browser.new_page()
        page.set_content("<!doctype html>")
        page.add_script_tag(path=f"{version}/package/dist/mermaid.min.js")
        for what, name in NAMES.items():
            escaped = "".join(c if c.isalnum() else f"#{ord(c)};" for c in name)
            shown = {
                way: page.evaluate(DRAW, f'flowchart TB\n  n["first{joint}{escaped}"]')
                for way, joint in (("line break", "\n"), ("<br/>", "<br/>"))
            }
            print(version, what, shown)
            assert shown["line break"] == name
            assert (shown["<br/>"] != name) == (what in lost), what
    browser.close()
PYTHON
