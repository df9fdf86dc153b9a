# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image service needs of Keystone, and no more: tokens for one application credential with a
catalogue, and the middleware that turns a token into the headers that Keystone's own would set. As a program
it serves the first, as a paste filter it is the second. What is uploaded with the credential "damager"
arrives with one changed byte."""
import http.server
import json
import sys

TOKENS = {"builder": "token-of-the-tests", "damager": "token-that-damages"}
SECRET = "swordfish"


class Identity(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        identity = body["auth"]["identity"]
        good = (self.path == "/v3/auth/tokens" and identity["methods"] == ["application_credential"]
                and identity["application_credential"]["id"] in TOKENS
                and identity["application_credential"]["secret"] == SECRET)
        endpoint = {"interface": "public", "region_id": "here", "region": "here", "url": sys.argv[2]}
        answer = {"token": {"expires_at": "2100-01-01T00:00:00.000000Z",
                            "catalog": [{"type": "compute", "endpoints": []},
                                        {"type": "image", "name": "glance", "endpoints": [endpoint]}]}}
        text = json.dumps(answer if good else {"error": {"code": 401}}).encode()
        self.send_response(201 if good else 401)
        if good:
            self.send_header("X-Subject-Token", TOKENS[identity["application_credential"]["id"]])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *arguments):
        pass


class Damaging:
    def __init__(self, stream):
        self.stream, self.first = stream, True

    def read(self, *arguments):
        data = self.stream.read(*arguments)
        if self.first and len(data) > 100:
            self.first = False
            data = data[:100] + bytes([data[100] ^ 1]) + data[101:]
        return data


def filter_factory(global_conf, **local_conf):
    def make(application):
        def middleware(environ, start_response):
            token = environ.get("HTTP_X_AUTH_TOKEN")
            if token not in TOKENS.values():
                start_response("401 Unauthorized", [("Content-Type", "text/plain")])
                return [b"no token"]
            if token == TOKENS["damager"] and environ["REQUEST_METHOD"] == "PUT":
                environ["wsgi.input"] = Damaging(environ["wsgi.input"])
            environ.update(HTTP_X_IDENTITY_STATUS="Confirmed", HTTP_X_ROLES="admin,member,reader",
                           HTTP_X_USER_ID="user", HTTP_X_PROJECT_ID="project", HTTP_X_TENANT_ID="project")
            return application(environ, start_response)
        return middleware
    return make


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Identity).serve_forever()
