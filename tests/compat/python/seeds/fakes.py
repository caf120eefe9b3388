"""The outside world of these programs, in this process: web APIs, mail, stores. Every effect is counted, so that tests can tell once from twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from types import SimpleNamespace
from typing import Any

# How often something has happened, by a name of its own, e.g. "GET https://…" or "email alice".
happened: Counter[str] = Counter()
# How many of the next calls fail, by the same names.
failing: Counter[str] = Counter()
# What stores hold, by store and key.
stored: defaultdict[str, dict[str, Any]] = defaultdict(dict)


class RequestException(IOError):
    """As in `requests`."""


class HTTPStatusError(Exception):
    """As in `httpx`."""

    def __init__(self, status_code: int) -> None:
        super().__init__(f"status {status_code}")
        self.response = SimpleNamespace(status_code=status_code)


class Response:
    def __init__(self, status_code: int, body: Any) -> None:
        self.status_code = status_code
        self.body = body

    def json(self) -> Any:
        return self.body


class RequestsResponse(Response):
    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise RequestException(f"status {self.status_code}")


class HttpxResponse(Response):
    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise HTTPStatusError(self.status_code)


def answer(name: str) -> int:
    """The status that the call of this name gets."""
    happened[name] += 1
    if failing[name] > 0:
        failing[name] -= 1
        return 503
    return 200


def get(url: str) -> RequestsResponse:
    return RequestsResponse(answer(f"GET {url}"), {"url": url, "answer": 42})


def post(url: str, json: dict[str, Any], timeout: float) -> RequestsResponse:
    applicant = json["applicant_id"]
    return RequestsResponse(answer(f"POST {url} {applicant}"), {"score": 600 if "poor" in applicant else 720})


class AsyncClient:
    """As in `httpx`: orders over 1000 are declined."""

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def post(self, url: str, json: dict[str, Any]) -> HttpxResponse:
        status = answer(f"POST {url} {json['order_id']}")
        if json["amount"] > 1000:
            status = 402
        return HttpxResponse(status, {"order_id": json["order_id"], "charged": json["amount"]})


requests = SimpleNamespace(get=get, post=post, RequestException=RequestException)
httpx = SimpleNamespace(AsyncClient=AsyncClient, HTTPStatusError=HTTPStatusError)


async def send_email(recipient: str, *message: str) -> None:
    happened[f"email {recipient}"] += 1


async def store(kind: str, key: str, value: Any) -> None:
    """May fail after the effect, which is when idempotency is needed."""
    stored[kind][key] = value
    if failing[f"store {kind}"] > 0:
        failing[f"store {kind}"] -= 1
        raise ConnectionError(f"{kind}: stored, but the answer was lost")
