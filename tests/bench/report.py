# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as text: lines for the terminal, tables for docs/benchmarks.md."""


def duration(seconds):
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def span(side):
    return f"{duration(side['median'])} [{duration(side['min'])} – {duration(side['max'])}]"


def cpu(row):
    """CPU time of both sides: what is left when other programs take turns on the same cores."""
    both = f" against {duration(row['peer_cpu']['median'])}" if "peer" in row else ""
    return f"{duration(row['cpu']['median'])}{both}"


def verdict(row):
    if row.get("goal") is None:
        return ""
    value = row["ratio"]["median"] if "ratio" in row else row["ours"]["median"]
    return (
        f"goal {'≤' if value <= row['goal'] else 'MISSED: ≤'} {row['goal']}{'' if 'ratio' in row else ' s'}"
    )


def speed(row, side):
    return f", {row['moved'] / row[side]['median'] / 1e9:.2f} GB/s" if row.get("moved") else ""


def line(row):
    for reason in ("skipped", "failed"):
        if reason in row:
            return f"{row['name']:<22} {reason}: {row[reason]}"
    text = f"{row['name']:<22} {span(row['ours'])}{speed(row, 'ours')}"
    if "peer" in row:
        ratio = row["ratio"]
        text += f" | {row['peer_name']} {span(row['peer'])}{speed(row, 'peer')} | ratio {ratio['median']:.2f} [{ratio['min']:.2f} – {ratio['max']:.2f}]"
    text += f" | CPU {cpu(row)}"
    return f"{text} | {verdict(row)}" if verdict(row) else text


def aligned(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows
    )


def growth_cells(rows):
    numbers = sorted({n for row in rows for n, _ in row["points"]})
    cells = [["grows with", "command", *map(str, numbers), "exponent", ""]]
    for row in rows:
        times = dict(map(tuple, row["points"]))
        note = "" if row["linear"] else "SUPERLINEAR"
        if "goal" in row:
            note = f"goal {'≤' if row['met'] else 'MISSED: ≤'} {row['goal']} s {note}".strip()
        cells.append(
            [
                row["axis"],
                row["command"],
                *(duration(times[n]) if n in times else "" for n in numbers),
                f"{row['exponent']:.2f}",
                note,
            ]
        )
    return cells


def growth_table(rows):
    return aligned(growth_cells(rows))


def memory_cells(rows):
    cells = [["command", "imgforge itself", "with all it started"]]
    for row in rows:
        if "failed" in row:
            cells.append([row["name"], "failed", row["failed"].splitlines()[0]])
        else:
            cells.append(
                [
                    f"{row['name']}: {row['what']}",
                    f"{row['own_kib'] / 1024:.0f} MiB",
                    f"{row['tree_kib'] / 1024:.0f} MiB",
                ]
            )
    return cells


def memory_table(rows):
    return aligned(memory_cells(rows))


def table(cells):
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "---|" * len(cells[0]), *lines[1:]])


def pair_cells(rows):
    cells = [["case", "imgforge", "peer", "ratio", "goal", "CPU time", "pairs", "load"]]
    for row in rows:
        if "ours" not in row:
            cells.append([row["name"], row.get("skipped") or "failed", *[""] * 6])
            continue
        peer = f"{row['peer_name']}: {span(row['peer'])}{speed(row, 'peer')}" if "peer" in row else "–"
        ratio = (
            f"**{row['ratio']['median']:.2f}** [{row['ratio']['min']:.2f} – {row['ratio']['max']:.2f}]"
            if "ratio" in row
            else "–"
        )
        goal = verdict(row).replace("goal ", "")
        cells.append(
            [
                f"{row['name']}: {row['what']}",
                span(row["ours"]) + speed(row, "ours"),
                peer,
                ratio,
                goal,
                cpu(row),
                str(row["pairs"]),
                f"{row['load']:.1f}",
            ]
        )
    return cells


def host_text(facts):
    tools = "; ".join(facts["tools"].values())
    kvm = "/dev/kvm opens" if facts["kvm"] else "no KVM"
    return (
        f"{facts['date']}, {facts['distribution']}, Linux {facts['kernel']}, {facts['cores']} × {facts['cpu']}, {facts['memory']}, "
        f"{kvm}, {facts['file_system']}; imgforge {facts['imgforge']['revision']}; load {facts['load']} → {facts.get('load_at_end', '?')}. {tools}."
    )


def markdown(results):
    parts = []
    for result in results:
        parts.append(host_text(result["host"]))
        if result.get("rows"):
            parts.append(table(pair_cells(result["rows"])))
        if result.get("growth"):
            parts.append(table(growth_cells(result["growth"])))
        if result.get("memory"):
            parts.append(table(memory_cells(result["memory"])))
    return "\n\n".join(parts)
