#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a promotion costs a fleet: 1,000 hosts that make 100 clones each as soon as the new generation is
current. A simulation of flows on links (max-min fair, in steps of 50 ms), with the sizes that were measured
for windows of 1 MiB and objects of 4 MiB; no network is used.

  fleet.py            a table for docs/benchmarks.md
  fleet.py --json     the same figures
  fleet.py --test     checks what must hold whatever the figures are"""
import argparse
import json
import sys

GBIT = 125e6  # bytes a second
HOSTS, CLONES, RACK = 1000, 100, 40
# A Debian 12 disk of 4 GiB with 560 MB of data, as windows of 1 MiB, zstd (docs/benchmarks.md, "Bytes between
# two generations").
WHOLE = 184e6
INDEX = 25e3
# A first boot reads that much of the disk before login, over nbdkit-curl.
BOOT_READS = 33e6
OVERLAY_SECONDS = 0.004  # one overlay and its seed, measured
RBD_CLONE_SECONDS = 0.03  # assumed; 0.073 was measured by librbd on a busy two-core cluster in memory


def fetch_bytes(changed):
    """What a host that has the last generation fetches when that part of the windows changed."""
    return INDEX + WHOLE * changed


def simulate(hosts, size, origin, uplink, port, rack=None, cache=None, step=0.05, limit=36000):
    """Seconds until each host has `size` bytes. Without racks all come over one link of `origin` bytes a
    second; with racks a cache per rack fetches once over its `uplink` and passes on what it has, at `cache`
    bytes a second. `port`: a host's own link."""
    done = []
    if rack is None:
        left = [size] * hosts
        time = 0.0
        while left and time < limit:
            rate = min(port, origin / len(left))
            time += step
            left = [rest - rate * step for rest in left]
            done += [time for rest in left if rest <= 0]
            left = [rest for rest in left if rest > 0]
        return done
    racks = (hosts + rack - 1) // rack
    cached = [0.0] * racks
    members = [[0.0] * min(rack, hosts - i * rack) for i in range(racks)]
    time = 0.0
    while len(done) < hosts and time < limit:
        time += step
        active = sum(1 for have in cached if have < size)
        for i in range(racks):
            if cached[i] < size:
                cached[i] = min(size, cached[i] + min(uplink, origin / active) * step)
            waiting = sum(1 for have in members[i] if have < size)
            if not waiting:
                continue
            rate = min(port, cache / waiting)
            for j, have in enumerate(members[i]):
                if have < size:
                    members[i][j] = min(cached[i], have + rate * step)
                    if members[i][j] >= size:
                        done.append(time)
    return done


def rbd(hosts, clones, cluster, port, metadata_rate):
    """Nothing is fetched before the first clone. The clones' headers are small writes to the cluster, which
    takes `metadata_rate` of them a second; then every machine that boots reads from the cluster."""
    clones_ready = max(clones * RBD_CLONE_SECONDS, hosts * clones / metadata_rate)
    # The first boot of a host; later ones read the same objects from caches of OSDs
    boot = simulate(hosts, BOOT_READS, cluster, None, port)
    return clones_ready, max(boot)


def scenarios():
    rows = []
    for changed in (0.03, 0.30, 1.0):
        size = fetch_bytes(changed)
        for name, times in (
            ("one origin, 10 Gbit/s", simulate(HOSTS, size, 10 * GBIT, None, GBIT)),
            ("one origin, 40 Gbit/s", simulate(HOSTS, size, 40 * GBIT, None, GBIT)),
            (
                "a cache per rack, origin 10 Gbit/s",
                simulate(HOSTS, size, 10 * GBIT, 10 * GBIT, GBIT, RACK, 10 * GBIT),
            ),
        ):
            rows.append(
                {
                    "changed": changed,
                    "way": name,
                    "bytes_per_host": round(size),
                    "origin_bytes": round(size * (HOSTS if "one origin" in name else HOSTS / RACK)),
                    "median": round(sorted(times)[HOSTS // 2], 1),
                    "last": round(max(times) + CLONES * OVERLAY_SECONDS, 1),
                }
            )
    clones_ready, boot = rbd(HOSTS, CLONES, 100 * GBIT, GBIT, 5000)
    rows.append(
        {
            "changed": None,
            "way": "Ceph RBD, 100 Gbit/s, 5,000 clones a second",
            "bytes_per_host": 0,
            "origin_bytes": 0,
            "median": round(clones_ready, 1),
            "last": round(clones_ready, 1),
            "first_boot": round(clones_ready + boot, 1),
        }
    )
    return rows


def table(rows):
    lines = [
        "| windows changed | way | each host fetches | the origin sends | half of the hosts after | the last host has its 100 clones after |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        share = "any" if row["changed"] is None else f"{row['changed']:.0%}"
        lines.append(
            f"| {share} | {row['way']} | {row['bytes_per_host'] / 1e6:.1f} MB | {row['origin_bytes'] / 1e9:.2f} GB "
            f"| {row['median']} s | {row['last']} s |"
        )
    return "\n".join(lines)


def test():
    fast, slow = simulate(100, 1e8, 10 * GBIT, None, GBIT), simulate(100, 1e8, GBIT, None, GBIT)
    assert len(fast) == len(slow) == 100
    assert abs(max(fast) - 100 * 1e8 / (10 * GBIT)) < 0.2, max(fast)  # the origin's link is what counts
    assert max(slow) > 9 * max(fast)
    assert abs(max(simulate(2, 1e8, 10 * GBIT, None, GBIT)) - 0.8) < 0.1  # the host's own link counts
    cached = simulate(1000, 1e8, 10 * GBIT, 10 * GBIT, GBIT, 40, 10 * GBIT)
    assert len(cached) == 1000 and max(cached) < max(simulate(1000, 1e8, 10 * GBIT, None, GBIT))
    assert max(cached) >= 0.95 * 40 * 1e8 / (10 * GBIT)  # no cache is faster than its link
    assert fetch_bytes(0.03) < fetch_bytes(0.3) < fetch_bytes(1) == INDEX + WHOLE
    print("fleet.py: all checks hold")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--test", action="store_true")
    given = parser.parse_args()
    if given.test:
        test()
        sys.exit(0)
    figures = scenarios()
    print(json.dumps(figures, indent=2) if given.json else table(figures))
