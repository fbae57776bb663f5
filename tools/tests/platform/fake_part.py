"""A service with nothing behind it: answers /readyz, and does as told over HTTP. Run as `python -m fake_part run`.

POST /exit/N ends it with exit code N; POST /deaf makes it deaf to SIGTERM; POST /unready makes /readyz answer 503.
FAKE_FILE is written on SIGTERM, so that a test can see that it was asked and not killed.
"""

import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LACKING = '{"ready": false, "checks": {"database": true, "broker": false}}'
ready = threading.Event()
ready.set()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if ready.is_set() else 503)
        self.end_headers()
        said = f"{sys.argv[1:]} {os.environ.get('FAKE_WORD', '')}" if ready.is_set() else LACKING
        self.wfile.write(said.encode())

    def do_POST(self) -> None:
        _, what, *rest = self.path.split("/")
        if what == "exit":
            os._exit(int(rest[0]))
        ready.clear() if what == "unready" else signal_off.set()
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


signal_off = threading.Event()


def on_term(*_: object) -> None:
    if signal_off.is_set():
        return
    if "FAKE_FILE" in os.environ:
        with Path(os.environ["FAKE_FILE"]).open("a") as file:
            file.write("asked\n")
    threading.Thread(target=server.shutdown).start()


if __name__ == "__main__":
    if os.environ.get("FAKE_WORD") == "broken":
        sys.exit("broken from the start")
    port = next(value for name, value in os.environ.items() if name.startswith("FAKE") and name.endswith("_HTTP_PORT"))
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
    signal.signal(signal.SIGTERM, on_term)
    print("listening", port, flush=True)
    server.serve_forever()
