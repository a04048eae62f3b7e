# SPDX-License-Identifier: Apache-2.0
"""https_server.py CERTIFICATE KEY PORT-FILE JWKS-FILE: serves over TLS on a free port of the loopback until it is killed."""
import http.server
import os
import ssl
import sys
import threading

certificate, key, port_file, jwks_file = sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            threading.Event().wait()
        if self.path == "/jwks":
            with open(jwks_file, "rb") as file:
                self.reply(200, file.read())
        elif self.path == "/large":
            self.reply(200, b" " * (2 << 20))
        elif self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "/jwks")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.reply(404, b"{}")

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
with open(port_file + ".new", "w") as file:
    file.write(str(server.server_address[1]))
os.rename(port_file + ".new", port_file)
server.serve_forever()
