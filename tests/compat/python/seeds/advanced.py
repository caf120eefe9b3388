"""What the document on advanced activity patterns, and the example of advanced activities, say of timeouts; and the mistakes that they warn of."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError

with workflow.unsafe.imports_passed_through():
    from temporalio.client import AsyncActivityHandle, WorkflowFailureError, WorkflowHandle
    from temporalio.service import RPCError, RPCStatusCode
    from temporalio.worker import Worker

    from harness import Context, Scenario, events_of, expect, expect_cause, expect_error, names_of, one

QUICK = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=3)

# The options that the documents give, in seconds: schedule-to-close, schedule-to-start, start-to-close, heartbeat.
OPTIONS: dict[str, tuple[float | None, float | None, float | None, float | None]] = {
    "quick lookup": (None, None, 30, None),
    "long process": (None, None, 3600, 30),
    "batch": (None, None, 7200, 60),
    "low priority": (None, 300, 600, None),
    "human task": (None, None, 7 * 86400, 0),
    "all in relation": (900, 300, 600, None),
    "file processing": (300, None, None, 30),
    "data migration": (600, None, None, 60),
    "deadline aware": (5, None, None, 2),
}

# What the server makes of them: what is not given is no limit, or that of the whole activity.
RESOLVED = {
    "quick lookup": (0, 0, 30, 0),
    "long process": (0, 0, 3600, 30),
    "batch": (0, 0, 7200, 60),
    "low priority": (0, 300, 600, 0),
    "human task": (0, 0, 7 * 86400, 0),
    "all in relation": (900, 300, 600, 0),
    "file processing": (300, 300, 300, 30),
    "data migration": (600, 600, 600, 60),
    "deadline aware": (5, 5, 5, 2),
}

# What activities did, in order, by workflow id.
deeds: dict[str, list[Any]] = {}
tokens: dict[str, bytes] = {}


def note(deed: Any) -> None:
    deeds.setdefault(str(activity.info().workflow_id), []).append(deed)


@activity.defn
async def look_up() -> str:
    return "found"


@workflow.defn
class Configured:
    @workflow.run
    async def run(self, kind: str) -> str:
        to_close, to_start, start_to_close, heartbeat = (
            None if seconds is None else timedelta(seconds=seconds) for seconds in OPTIONS[kind]
        )
        return await workflow.execute_activity(
            look_up,
            schedule_to_close_timeout=to_close,
            schedule_to_start_timeout=to_start,
            start_to_close_timeout=start_to_close,
            heartbeat_timeout=heartbeat,
            retry_policy=RetryPolicy(
                initial_interval=timedelta(seconds=1),
                backoff_coefficient=2,
                maximum_interval=timedelta(seconds=60),
                maximum_attempts=5,
                non_retryable_error_types=["InvalidInput", "NotFound"],
            ),
        )


@activity.defn
async def process_without_heartbeat(items: int) -> int:
    """A mistake: what the first attempt did is lost with it."""
    details = activity.info().heartbeat_details
    for index in range(details[0] if details else 0, items):
        note(index)
        if activity.info().attempt == 1 and index == 3:
            raise ApplicationError("the worker is lost")
    return items


@activity.defn
async def process_with_heartbeat(items: int) -> int:
    details = activity.info().heartbeat_details
    for index in range(details[0] if details else 0, items):
        if activity.info().attempt == 1 and index == 3:
            raise ApplicationError("the worker is lost")
        note(index)
        activity.heartbeat(index + 1)
    return items


@activity.defn
async def ask_human() -> str:
    tokens[str(activity.info().workflow_id)] = activity.info().task_token
    activity.raise_complete_async()


@activity.defn
async def charge_unclassified() -> None:
    """A mistake: a declined card is no different from a failing network, so it is charged again and again."""
    note("charge")
    raise RuntimeError("402 payment required")


@workflow.defn
class Mistaken:
    @workflow.run
    async def run(self, mistake: str) -> Any:
        second, minute = timedelta(seconds=1), timedelta(minutes=1)
        if mistake == "no heartbeat":
            run, arguments = process_without_heartbeat, [6]
        elif mistake == "heartbeat":
            run, arguments = process_with_heartbeat, [6]
        elif mistake == "short for a human":
            once = RetryPolicy(maximum_attempts=1)
            return await workflow.execute_activity(ask_human, start_to_close_timeout=second, retry_policy=once)
        else:
            run, arguments = charge_unclassified, []
        return await workflow.execute_activity(run, args=arguments, start_to_close_timeout=minute, retry_policy=QUICK)


def new_worker(context: Context, queue: str) -> Worker:
    return Worker(
        context.client,
        task_queue=queue,
        workflows=[Configured, Mistaken],
        activities=[look_up, process_without_heartbeat, process_with_heartbeat, ask_human, charge_unclassified],
    )


async def timeouts(context: Context) -> None:
    queue = f"python-configured-{uuid.uuid4()}"
    async with new_worker(context, queue):
        for kind, resolved in RESOLVED.items():
            handle = await context.client.start_workflow(Configured.run, kind, id=context.new_id(), task_queue=queue)
            expect(await handle.result(), "found")
            attributes = one(
                await events_of(handle), "ACTIVITY_TASK_SCHEDULED"
            ).activity_task_scheduled_event_attributes
            recorded = (
                attributes.schedule_to_close_timeout.ToSeconds(),
                attributes.schedule_to_start_timeout.ToSeconds(),
                attributes.start_to_close_timeout.ToSeconds(),
                attributes.heartbeat_timeout.ToSeconds(),
            )
            expect(recorded, resolved, kind)
            policy = attributes.retry_policy
            expect((policy.maximum_attempts, policy.maximum_interval.ToSeconds()), (5, 60))
            expect(list(policy.non_retryable_error_types), ["InvalidInput", "NotFound"])


async def mistakes(context: Context) -> None:
    queue = f"python-mistaken-{uuid.uuid4()}"

    async def start(mistake: str) -> WorkflowHandle[Mistaken, Any]:
        return await context.client.start_workflow(Mistaken.run, mistake, id=context.new_id(), task_queue=queue)

    async with new_worker(context, queue):
        lossy, careful, hasty, greedy = await asyncio.gather(
            *map(start, ("no heartbeat", "heartbeat", "short for a human", "unclassified"))
        )
        await asyncio.gather(lossy.result(), careful.result())
        expect(deeds[lossy.id], [0, 1, 2, 3, 0, 1, 2, 3, 4, 5], "without heartbeats all is done again")
        expect(deeds[careful.id], [0, 1, 2, 3, 4, 5], "with heartbeats nothing is")

        error = expect_cause(await expect_error(WorkflowFailureError, hasty.result()), ActivityError)
        expect_cause(error, TimeoutError)
        late: AsyncActivityHandle = context.client.get_async_activity_handle(task_token=tokens[hasty.id])
        refusal = await expect_error(RPCError, late.complete("approved, a minute later"))
        expect(refusal.status, RPCStatusCode.NOT_FOUND)
        expect(names_of(await events_of(hasty)).count("ACTIVITY_TASK_COMPLETED"), 0)

        await expect_error(WorkflowFailureError, greedy.result())
        expect(deeds[greedy.id], ["charge", "charge", "charge"], "a declined card is charged three times")


scenarios: dict[str, Scenario] = {"seed-timeouts": timeouts, "seed-mistakes": mistakes}
