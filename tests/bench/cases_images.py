# SPDX-License-Identifier: GPL-3.0-or-later
"""Images on their way in: a cloud image that is imported, and a disk that is pulled over HTTP."""
import os
import shutil
import subprocess
import time

from cases import Case
from measure import Command, quietly

DATA = 400 << 20  # of the image that is imported
PULLED = 560 << 20


class Images:
    def __init__(self, bench):
        self.bench = bench
        self.qcow2 = os.path.join(bench.folder, "cloud.qcow2")
        self.raw = os.path.join(bench.folder, "cloud.raw")
        self.web = os.path.join(bench.folder, "web")
        self.server = None
        self.url = ""

    def make_disk(self, path, data):
        """A disk as system images are: half of it compresses by half, the rest of its size is a hole."""
        with open(path, "wb") as out:
            for _ in range(data >> 20):
                out.write(os.urandom(1 << 19) + b"imgforge" * (1 << 16))
            out.truncate(4 << 30)

    def image(self):
        if not os.path.exists(self.qcow2):
            self.make_disk(self.raw, DATA)
            quietly(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", self.raw, self.qcow2])
            quietly(["qemu-img", "convert", "-f", "raw", "-O", "vmdk", self.raw, self.raw + ".vmdk"])
            os.unlink(self.raw)

    def home(self):
        home = self.bench.fresh("-home")
        return home, lambda: shutil.rmtree(home, ignore_errors=True)

    def ours(self, *words):
        home, away = self.home()
        return Command(
            [self.bench.imgforge, *words, "--json"],
            {"IMGFORGE_HOME": home, "IMGFORGE_IMMUTABLE": "off"},
            after=away,
        )

    def converted(self, source, kind):
        out = self.bench.fresh(".qcow2")
        words = f"qemu-img convert -f {kind} -O qcow2 {source} {out} && sha256sum {out}"
        return Command(["sh", "-c", words], after=lambda: os.unlink(out))

    def serve(self):
        """A pushed directory and the whole disk beside it, by nginx."""
        if self.server:
            return
        os.makedirs(self.web)
        disk = os.path.join(self.web, "whole.raw")
        self.make_disk(disk, PULLED)
        home, away = self.home()
        env = {"IMGFORGE_HOME": home, "IMGFORGE_IMMUTABLE": "off"}
        quietly([self.bench.imgforge, "images", "import", disk, "--name", "big", "--format", "raw"], env)
        quietly([self.bench.imgforge, "images", "push", "big", os.path.join(self.web, "golden")], env)
        away()
        os.truncate(disk, PULLED)
        port = 18000 + os.getpid() % 2000
        config = self.bench.write(
            "nginx.conf",
            f"""daemon off; pid {self.web}.pid; error_log {self.web}.log; user root; worker_processes 1;
events {{}} http {{ access_log off; sendfile on;
client_body_temp_path {self.web}.1; proxy_temp_path {self.web}.2;
fastcgi_temp_path {self.web}.3; uwsgi_temp_path {self.web}.4; scgi_temp_path {self.web}.5;
server {{ listen 127.0.0.1:{port}; root {self.web}; }} }}
""")
        self.server = subprocess.Popen(["nginx", "-c", config], stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{port}"
        for _ in range(100):
            if (
                subprocess.run(
                    ["curl", "-sfo", "/dev/null", self.url + "/golden/index.json"], check=False
                ).returncode
                == 0
            ):
                return
            time.sleep(0.1)
        raise RuntimeError("nginx does not answer after 10 s")

    def curl(self):
        out = self.bench.fresh(".raw")
        return Command(
            ["sh", "-c", f"curl -sf -o {out} {self.url}/whole.raw && sha256sum {out}"],
            after=lambda: os.unlink(out),
        )


def image_cases(bench):
    images = Images(bench)
    peer = "qemu-img convert; sha256sum"
    yield Case(
        "import/qcow2",
        "a cloud image of 400 MB comes in",
        lambda: images.ours("images", "import", images.qcow2, "--name", "cloud"),
        lambda: images.converted(images.qcow2, "qcow2"),
        peer,
        1.2,
        ("qemu-img", "sha256sum"),
        5,
        moved=DATA,
        ready=images.image,
    )
    yield Case(
        "import/vmdk",
        "the same from VMware",
        lambda: images.ours("images", "import", images.raw + ".vmdk", "--name", "cloud"),
        lambda: images.converted(images.raw + ".vmdk", "vmdk"),
        peer,
        1.2,
        ("qemu-img", "sha256sum"),
        5,
        moved=DATA,
        ready=images.image,
    )
    try:
        yield Case(
            "pull/curl",
            "a disk of 560 MB comes over HTTP on the loopback interface",
            lambda: images.ours("images", "pull", images.url + "/golden/big"),
            images.curl,
            "curl; sha256sum",
            1.25,
            ("nginx", "curl", "sha256sum"),
            5,
            moved=PULLED,
            ready=images.serve,
        )
    finally:
        if images.server:
            images.server.terminate()
            images.server.wait()
