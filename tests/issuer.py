"""A real OpenID Connect issuer for tests: discovery, keys, sign-in page, codes with PKCE, tokens signed with RSA."""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa


class Issuer:
    """Answers as OpenID Connect Core 1.0 and RFC 7636 say; `people` holds what it says of each, by user name.

    Parameters
    ----------
    secret : str
        Of the client ``console``, which has to name it at the token endpoint; "" makes it a public one.
    """

    def __init__(self, secret: str = "") -> None:
        self.keys = {"one": rsa.generate_private_key(public_exponent=65537, key_size=2048)}
        self.secret = secret
        self.people: dict[str, dict[str, Any]] = {"ann": {"name": "Ann 安", "scope": "openid faultwise:diagnose"}}
        self.claims: dict[str, Any] = {}  # said instead of what is right
        self.requests: list[str] = []  # paths
        self._codes: dict[str, dict[str, str]] = {}

    def __enter__(self) -> "Issuer":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"issuer": self}))
        self._server.daemon_threads = True
        # Another site than the console's 127.0.0.1, as an issuer is: browsers treat its redirects as foreign.
        self.url = f"http://localhost:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def token(self, kid: str = "one", key: object = None, algorithm: str = "RS256", **claims: object) -> str:
        """Sign a token for the audience ``faultwise``, with other claims where they are given."""
        now = datetime.now(UTC)
        said = {
            "iss": self.url,
            "aud": "faultwise",
            "sub": "ann",
            "exp": now + timedelta(minutes=5),
            "scope": "openid faultwise:diagnose",
        } | claims
        said = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(said, key or self.keys.get(kid), algorithm, headers={"kid": kid})

    def allow(self, asked: Mapping[str, str]) -> str:
        """Sign a person in, and return where their browser goes: back, with a code or with an error."""
        if asked.get("user") not in self.people:
            said = {"error": "access_denied"}
        else:
            said = {"code": secrets.token_urlsafe(16), "iss": self.url}
            self._codes[said["code"]] = dict(asked)
        return f"{asked['redirect_uri']}?{urlencode({**said, 'state': asked['state']})}"

    def redeem(self, form: Mapping[str, str], authorization: str) -> tuple[int, Any]:
        """Give an ID token for a code, once, to the client that it was made for and that knows the verifier."""
        asked = self._codes.pop(form.get("code", ""), None)
        if self.secret and authorization != "Basic " + base64.b64encode(f"console:{self.secret}".encode()).decode():
            return 401, {"error": "invalid_client"}
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if (
            asked is None
            or asked["code_challenge_method"] != "S256"
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant"}
        said = {"sub": asked["user"], "aud": "console", "nonce": asked["nonce"], **self.people[asked["user"]]}
        token = self.token(**{**said, **self.claims})
        return 200, {"token_type": "Bearer", "access_token": "opaque", "expires_in": 300, "id_token": token}

    def _configuration(self) -> dict[str, str]:
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
        return {"issuer": self.url, **{name: f"{self.url}/{path}" for name, path in ends.items()}}

    def _jwks(self) -> list[dict[str, str]]:
        to_jwk = jwt.algorithms.RSAAlgorithm.to_jwk
        return [
            to_jwk(one.public_key(), as_dict=True) | {"kid": kid, "alg": "RS256", "use": "sig"}
            for kid, one in self.keys.items()
        ]


def _single(query: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}


def _sign_in_page(asked: Mapping[str, str]) -> str:
    hidden = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in asked.items())
    return (
        f'<!doctype html><title>Issuer</title><form method="post" action="/authorize">{hidden}'
        '<label>User <input name="user"></label><button>Continue</button></form>'
    )


class _Handler(BaseHTTPRequestHandler):
    issuer: Issuer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, _single(urlsplit(self.path).query)
        self.issuer.requests.append(path)
        if path == "/.well-known/openid-configuration":
            self._json(200, self.issuer._configuration())
        elif path == "/jwks":
            self._json(200, {"keys": self.issuer._jwks()})
        elif path == "/authorize":
            self._send(200, "text/html; charset=utf-8", _sign_in_page(query))
        else:
            self._json(404, {})

    def do_POST(self) -> None:
        form = _single(self.rfile.read(int(self.headers["content-length"])).decode())
        if self.path == "/authorize":
            self._send(303, "text/plain", "", {"Location": self.issuer.allow(form)})
        else:
            status, body = self.issuer.redeem(form, self.headers.get("authorization", ""))
            self._json(status, body)

    def _json(self, status: int, body: Any) -> None:
        self._send(status, "application/json", json.dumps(body))

    def _send(self, status: int, kind: str, text: str, headers: Mapping[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass
