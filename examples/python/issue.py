# SPDX-License-Identifier: Apache-2.0
# Prints a token made by the key named on the command line.  Refused: prints the problem's code to stderr and exits with 1.
import http.client, json, os, socket, sys


class UnixConnection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.environ.get("SIGNER_SOCKET", "/run/signer/signer.sock"))


connection = UnixConnection("signer", timeout=10)
connection.request("POST", f"/v1/keys/{sys.argv[1]}/tokens", json.dumps({"claims": {"sub": "client-1"}}),
                   {"Content-Type": "application/json"})
response = connection.getresponse()
reply = json.load(response)
if response.status != 200:
    sys.exit(reply["code"])
print(reply["token"])
