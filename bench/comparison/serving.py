# SPDX-License-Identifier: BSL-1.0
"""Shapes of a server: it serves in one process, and bench/load is its clients in another."""

import atexit
import functools
import os
import pathlib
import re
import resource
import selectors
import shutil
import subprocess
import tempfile
import time

from comparison import plan

START_LIMIT_S = 10
MORE_DESCRIPTORS = 100  # than connections


class Failure(Exception):
    pass


def start(program, row):
    """The server, and the command line of its clients but for the load program's name."""
    raise_descriptor_limit(row)
    server_only, shared = {}, {}
    if row.sizes.get("batch", 1) != 1:
        server_only["batch"] = row.sizes["batch"]
    if row.shape in plan.TLS:
        shared["certificate"], server_only["key"] = certificate()
    command = [program, plan.SERVERS[row.shape], "--workers", row.workers, "--port", 0, *words(server_only | shared)]
    server = subprocess.Popen(
        [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        of_clients = {
            "port": wait_for_port(server),
            "server": server.pid,
            "workers": client_threads(row),
            **{name: row.sizes[name] for name in ("connections", "seconds") if name in row.sizes},
        }
    except Failure:
        stop(server)
        raise
    return server, [row.shape, *words(of_clients | shared)]


def stop(server):
    server.kill()
    server.wait()
    server.stdout.close()


def words(arguments):
    return [word for name, value in arguments.items() for word in (f"--{name}", str(value))]


def client_threads(row):
    """One for each CPU that the server does not need."""
    return max(1, len(os.sched_getaffinity(0)) - row.workers) if "seconds" in row.sizes else 1


def raise_descriptor_limit(row):
    """For both programs, which inherit it."""
    needed = row.sizes.get("connections", 0) + MORE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise Failure(f"it needs {needed:,} descriptors, and this process may have {hard:,} (ulimit -Hn)")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def wait_for_port(server):
    text = b""
    deadline = time.monotonic() + START_LIMIT_S
    with selectors.DefaultSelector() as ready:
        ready.register(server.stdout, selectors.EVENT_READ)
        while ready.select(max(0, deadline - time.monotonic())):
            piece = os.read(server.stdout.fileno(), 4096)
            if not piece:
                raise Failure(f"the server ended with status {server.wait()}")
            text += piece
            if line := re.search(rb"^listening on \S+:(\d+)$", text, re.MULTILINE):
                return int(line[1])
    raise Failure(f"the server did not listen within {START_LIMIT_S} s")


def why_no_certificate():
    return "" if shutil.which("openssl") else "there is no openssl to make a certificate with"


@functools.cache
def certificate():
    """Made for this run: the paths of the certificate and of its key."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weft-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
               "-subj", "/CN=localhost", "-keyout", key, "-out", made]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as trouble:
        raise Failure(f"openssl makes no certificate: {trouble}") from None
    return made, key
