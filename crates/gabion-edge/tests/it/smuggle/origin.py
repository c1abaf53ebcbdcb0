"""An origin made of Python's http.server: tells every request it saw as a line of JSON."""

import json
import socketserver
import sys
import threading
import signal
from http.server import BaseHTTPRequestHandler

LOCK = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "edge"

    def log_message(self, *args):
        pass

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            length = int(self.headers.get("Content-Length", "0"))
            body = self.rfile.read(length)
            return body if len(body) == length else None
        body = b""
        while True:
            line = self.rfile.readline()
            if not line:
                return None
            size = int(line, 16)
            chunk = self.rfile.read(size)
            if len(chunk) < size or self.rfile.readline() != b"\r\n":
                return None
            body += chunk
            if size == 0:
                return body

    def answer(self):
        body = self.body()
        if body is None:
            self.close_connection = True
            return
        seen = {
            "id": self.headers.get("X-Request-Id", ""),
            "method": self.command,
            "target": self.path,
            "body": body.decode(),
            "status": 200,
        }
        with LOCK:
            print(json.dumps(seen), flush=True)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"ok")


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
Server(sys.argv[1], Handler).serve_forever()
