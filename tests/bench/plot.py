# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as a picture: an SVG with two bars for each pair, on a logarithmic axis of seconds."""
import html
import math

LABEL, BARS, RIGHT = 250, 520, 130
ROW, BAR, TOP, BOTTOM = 52, 15, 56, 40
OURS, PEER, GRID = "#1f6f8b", "#b0b7bd", "#dde1e4"
STYLE = ("text{font:13px sans-serif;fill:#22282d}.small{font-size:11px;fill:#5b646b}"
         "@media(prefers-color-scheme:dark){text{fill:#e6e9eb}.small{fill:#a9b1b8}}")


def pairs_of(results, names):
    """Rows with both sides measured, in the order of `names` (the last result with a name counts); all of
    them without `names`."""
    rows = {row["name"]: row for result in results for row in result.get("rows", []) if "ratio" in row}
    return [rows[name] for name in names if name in rows] if names else list(rows.values())


def seconds(value):
    return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"


def axis(rows):
    """The powers of ten around all values."""
    values = [row[side]["median"] for row in rows for side in ("ours", "peer")]
    first, last = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return first, max(last, first + 1)


def svg(results, names=()):
    rows = pairs_of(results, names)
    if not rows:
        raise ValueError("no pair in these results" + (f" has a name of {', '.join(names)}" if names else ""))
    first, last = axis(rows)
    width, height = LABEL + BARS + RIGHT, TOP + ROW * len(rows) + BOTTOM

    def at(value):
        return LABEL + BARS * (math.log10(value) - first) / (last - first)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
        "<title>imgforge against its peers, seconds</title>",
        f"<style>{STYLE}</style>",
        f'<rect x="{LABEL}" y="14" width="12" height="12" fill="{OURS}"/><text x="{LABEL + 18}" y="25">imgforge</text>',
        f'<rect x="{LABEL + 110}" y="14" width="12" height="12" fill="{PEER}"/><text x="{LABEL + 128}" y="25">the peer named beside it</text>',
    ]
    for power in range(first, last + 1):
        x = at(10.0**power)
        out.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 12}" y2="{height - BOTTOM + 6}" stroke="{GRID}"/>'
            f'<text class="small" x="{x:.1f}" y="{height - BOTTOM + 22}" text-anchor="middle">{seconds(10.0**power)}</text>'
        )
    for index, row in enumerate(rows):
        y = TOP + ROW * index
        out.append(
            f'<text x="{LABEL - 12}" y="{y + 12}" text-anchor="end">{html.escape(row["name"])}</text>'
            f'<text class="small" x="{LABEL - 12}" y="{y + 29}" text-anchor="end">{html.escape(row["peer_name"])}</text>'
        )
        for offset, side, colour in ((0, "ours", OURS), (BAR + 2, "peer", PEER)):
            end = at(row[side]["median"])
            note = seconds(row[side]["median"]) + (
                f" ({row['ratio']['median']:.2f})" if side == "ours" else ""
            )
            out.append(
                f'<rect x="{LABEL}" y="{y + offset}" width="{max(end - LABEL, 1):.1f}" height="{BAR}" fill="{colour}"/>'
                f'<text class="small" x="{end + 6:.1f}" y="{y + offset + 12}">{note}</text>'
            )
    return "\n".join([*out, "</svg>"]) + "\n"
