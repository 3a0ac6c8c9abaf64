"""Serves one page; the standard library is all it needs besides its virtual environment."""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import distributions


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"prefix": sys.prefix, "packages": sorted(d.name for d in distributions())})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body.encode())


if __name__ == "__main__":
    if "--version" in sys.argv:
        print("service 1.0 in", sys.prefix)
    else:
        HTTPServer(("127.0.0.1", 8000), Handler).serve_forever()
