# SPDX-License-Identifier: BSL-1.0
"""Echo: the server under the load client, and the CPU time that the server spent on each request."""

import os
import pathlib
import re
import selectors
import subprocess
import time

START_LIMIT_S = 10
METRICS = {"requests/s": "requests/s", "p50": "p50_us", "p99": "p99_us", "p99.9": "p99.9_us"}


class Failure(Exception):
    pass


def measure(program, row, client):
    if not client.is_file():
        raise Failure(f"{client} is not built")
    server = subprocess.Popen(
        [program, "echo", "--workers", str(row.workers), "--port", "0"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        port = wait_for_port(server)
        before = cpu_seconds(server.pid)
        load = run_client(client, port, row)
        spent = cpu_seconds(server.pid) - before
        if server.poll() is not None:
            raise Failure("the server died under load")
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
    figures = {metric: load[word] for word, metric in METRICS.items()}
    return {**figures, "server_cpu_us": spent * 1e6 / load["requests"]}


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


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_client(client, port, row):
    command = [client, "--port", port, "--connections", row.sizes["connections"], "--seconds", row.sizes["seconds"]]
    try:
        ended = subprocess.run(
            [str(word) for word in command], capture_output=True, text=True, timeout=row.sizes["seconds"] + 30)
    except subprocess.TimeoutExpired:
        raise Failure("the load client did not end") from None
    if ended.returncode != 0:
        words = ended.stderr.strip().splitlines()
        raise Failure(f"the load client ended with status {ended.returncode}{', ' + words[-1] if words else ''}")
    found = re.findall(r"^\s*(requests|requests/s|p50|p99|p99\.9)\s+([\d.]+)", ended.stdout, re.MULTILINE)
    load = {word: float(value) for word, value in found}
    if not load.get("requests") or not METRICS.keys() <= load.keys():
        raise Failure("the load client's output is not understood")
    return load
