"""What every scenario is given, and how it says what it expects."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHandle


@dataclass
class Context:
    """One scenario's client, the queue of the shared worker, and the ids that it has used so far."""

    name: str
    client: Client
    address: str
    namespace: str
    task_queue: str
    workflow_ids: list[str] = field(default_factory=list)

    def new_id(self, suffix: str = "") -> str:
        workflow_id = f"python-{self.name}{suffix}-{uuid.uuid4()}"
        self.workflow_ids.append(workflow_id)
        return workflow_id

    async def announce(self, tokens: Sequence[bytes] = ()) -> None:
        """Says that the workflows so far have started, and what tokens there are; goes on when whoever runs this says so with a line."""
        announcement = {
            "scenario": self.name,
            "running": True,
            "workflows": self.workflow_ids,
            "tokens": [base64.b64encode(token).decode() for token in tokens],
        }
        print(json.dumps(announcement), flush=True)
        await asyncio.to_thread(sys.stdin.readline)


Scenario = Callable[[Context], Awaitable[None]]


def expect(actual: Any, expected: Any, what: str = "") -> None:
    if actual != expected:
        raise AssertionError(f"{what or 'value'}: expected {expected!r}, got {actual!r}")


def expect_that(condition: bool, what: str) -> None:
    if not condition:
        raise AssertionError(what)


async def expect_error(error_type: type[BaseException], awaitable: Awaitable[Any]) -> Any:
    """The error, when it is of that very type or one below."""
    try:
        result = await awaitable
    except error_type as error:
        return error
    raise AssertionError(f"expected {error_type.__name__}, got the result {result!r}")


def expect_cause(error: BaseException, error_type: type[BaseException]) -> Any:
    """The cause, when it is of that type; Temporal's errors carry theirs in `cause`, as `__cause__`."""
    expect_that(isinstance(error.__cause__, error_type), f"the cause of {error!r} is {error.__cause__!r}")
    return error.__cause__


async def eventually(check: Callable[[], Awaitable[bool]], what: str, within_s: float = 180) -> None:
    give_up = time.monotonic() + within_s
    while not await check():
        if time.monotonic() > give_up:
            raise AssertionError(f"not within {within_s} s: {what}")
        await asyncio.sleep(0.05)


async def events_of(handle: WorkflowHandle[Any, Any]) -> list[HistoryEvent]:
    """The whole history; event ids are checked to be 1..n."""
    history = await handle.fetch_history()
    events = list(history.events)
    expect([event.event_id for event in events], list(range(1, len(events) + 1)), "event ids")
    return events


def names_of(events: list[HistoryEvent]) -> list[str]:
    return [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in events]


def one(events: list[HistoryEvent], name: str) -> HistoryEvent:
    found = [event for event in events if EventType.Name(event.event_type) == f"EVENT_TYPE_{name}"]
    expect(len(found), 1, f"number of {name} events")
    return found[0]
