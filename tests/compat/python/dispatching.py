"""How activities come to workers, are held back, taken away, and tried again."""

import asyncio
import time
import uuid
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError

with workflow.unsafe.imports_passed_through():
    from temporalio.api.enums.v1 import TaskQueueType
    from temporalio.api.taskqueue.v1 import RateLimit
    from temporalio.api.workflowservice.v1 import UpdateTaskQueueConfigRequest
    from temporalio.worker import Worker

    from harness import Context, Scenario, events_of, eventually, expect, expect_that, names_of

TEN_SECONDS = timedelta(seconds=10)
ONCE = RetryPolicy(maximum_attempts=1)

# What activities did, and when, by workflow id.
deeds: dict[str, list[tuple[str, float]]] = {}


def note(deed: str) -> int:
    """How often this was done before for the same workflow."""
    done = deeds.setdefault(str(activity.info().workflow_id), [])
    done.append((deed, time.monotonic()))
    return len(deeds_of(str(activity.info().workflow_id), deed)) - 1


def deeds_of(workflow_id: str, deed: str) -> list[float]:
    return [at for each, at in deeds.get(workflow_id, []) if each == deed]


# What activities may do, by workflow id: they wait for it, so that nothing hangs on who is faster.
allowed: set[tuple[str, str]] = set()


@activity.defn
async def clean_up_slowly() -> None:
    note("begun")
    workflow_id = str(activity.info().workflow_id)
    try:
        while (workflow_id, "finished") not in allowed:
            activity.heartbeat()
            await asyncio.sleep(0.1)
        note("finished")
    except asyncio.CancelledError:
        while (workflow_id, "cleaned up") not in allowed:
            await asyncio.sleep(0.1)
        note("cleaned up")
        raise


@workflow.defn
class CancelTypes:
    def __init__(self) -> None:
        self.told = 0

    @workflow.signal
    def go_on(self) -> None:
        self.told += 1

    @workflow.run
    async def run(self, cancellation_type: int) -> str:
        handle = workflow.start_activity(
            clean_up_slowly,
            start_to_close_timeout=timedelta(minutes=1),
            heartbeat_timeout=TEN_SECONDS,
            retry_policy=ONCE,
            cancellation_type=workflow.ActivityCancellationType(cancellation_type),
        )
        await workflow.wait_condition(lambda: self.told > 0)
        handle.cancel()
        try:
            await handle
        except ActivityError as error:
            if not isinstance(error.cause, CancelledError):
                raise
            # What the activity was left to do must not end with the workflow.
            if cancellation_type == workflow.ActivityCancellationType.ABANDON:
                await workflow.wait_condition(lambda: self.told > 1)
            return "cancelled"
        return "not cancelled"


async def cancellation_types(context: Context) -> None:
    async def outcome(cancellation_type: workflow.ActivityCancellationType, end: str) -> tuple[bool, list[int]]:
        """Whether the activity had ended before the workflow, and the numbers of events about its cancellation."""
        handle = await context.client.start_workflow(
            CancelTypes.run, cancellation_type, id=context.new_id(), task_queue=context.task_queue
        )

        async def done(deed: str) -> bool:
            return len(deeds_of(handle.id, deed)) == 1

        async def answered_twice() -> bool:
            return names_of(await events_of(handle)).count("WORKFLOW_TASK_COMPLETED") == 2

        await eventually(lambda: done("begun"), "the activity begins")
        await handle.signal(CancelTypes.go_on)
        if cancellation_type == workflow.ActivityCancellationType.ABANDON:
            await eventually(answered_twice, "the workflow has abandoned the activity")
        if cancellation_type != workflow.ActivityCancellationType.TRY_CANCEL:
            allowed.add((handle.id, end))
        if end == "finished":
            await eventually(lambda: done(end), "the abandoned activity finishes")
            await handle.signal(CancelTypes.go_on)
        expect(await handle.result(), "cancelled")
        ended_before = await done(end)
        allowed.add((handle.id, end))
        await eventually(lambda: done(end), f"the activity has {end}")
        names = names_of(await events_of(handle))
        return ended_before, [names.count(f"ACTIVITY_TASK_{each}") for each in ("CANCEL_REQUESTED", "CANCELED")]

    kinds = workflow.ActivityCancellationType
    tried, waited, abandoned = await asyncio.gather(
        outcome(kinds.TRY_CANCEL, "cleaned up"),
        outcome(kinds.WAIT_CANCELLATION_COMPLETED, "cleaned up"),
        outcome(kinds.ABANDON, "finished"),
    )
    expect(tried, (False, [1, 0]), "try to cancel")
    expect(waited, (True, [1, 1]), "wait for the cancellation")
    expect(abandoned, (True, [0, 0]), "abandon")


@activity.defn
async def ask_for_delay() -> int:
    if note("tried") == 0:
        raise ApplicationError("not before a second from now", next_retry_delay=timedelta(seconds=1))
    return activity.info().attempt


@workflow.defn
class Delayed:
    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_activity(
            ask_for_delay,
            start_to_close_timeout=TEN_SECONDS,
            retry_policy=RetryPolicy(initial_interval=timedelta(hours=1)),
        )


async def next_retry_delay(context: Context) -> None:
    workflow_id = context.new_id()
    attempt = await context.client.execute_workflow(Delayed.run, id=workflow_id, task_queue=context.task_queue)
    expect(attempt, 2, "the attempt that succeeded")
    first, second = deeds_of(workflow_id, "tried")
    expect_that(second - first >= 1, f"the second attempt came after {second - first} s")


@activity.defn
async def local_nap(seconds: float) -> int:
    note("napped")
    await asyncio.sleep(seconds)
    return len(deeds_of(str(activity.info().workflow_id), "napped"))


@workflow.defn
class LocalNap:
    @workflow.run
    async def run(self, seconds: float) -> int:
        return await workflow.execute_local_activity(local_nap, seconds, start_to_close_timeout=timedelta(minutes=1))


async def local_activity_long(context: Context) -> None:
    # One event loop serves all scenarios: it may be seconds late, and the heartbeat comes when a fifth of the timeout is left.
    handle = await context.client.start_workflow(
        LocalNap.run, 13, id=context.new_id(), task_queue=context.task_queue, task_timeout=timedelta(seconds=12)
    )
    expect(await handle.result(), 1, "how often it ran")
    names = names_of(await events_of(handle))
    expect([names.count(each) for each in ("WORKFLOW_TASK_TIMED_OUT", "MARKER_RECORDED")], [0, 1])
    tasks = names.count("WORKFLOW_TASK_COMPLETED")
    expect_that(tasks >= 2, f"{tasks} workflow tasks of 12 s held a local activity of 13 s")


@activity.defn
async def local_flaky() -> int:
    if note("tried") == 0:
        raise ApplicationError("once more, much later")
    return activity.info().attempt


@workflow.defn
class LocalBackoff:
    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_local_activity(
            local_flaky,
            start_to_close_timeout=TEN_SECONDS,
            local_retry_threshold=timedelta(milliseconds=500),
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=2)),
        )


async def local_activity_backoff(context: Context) -> None:
    handle = await context.client.start_workflow(LocalBackoff.run, id=context.new_id(), task_queue=context.task_queue)
    expect(await handle.result(), 2, "the attempt that succeeded")
    first, second = deeds_of(handle.id, "tried")
    expect_that(second - first >= 2, f"the second attempt came after {second - first} s")
    names = names_of(await events_of(handle))
    expect([names.count(each) for each in ("TIMER_STARTED", "TIMER_FIRED", "MARKER_RECORDED")], [1, 1, 2])


@activity.defn
async def tick() -> None:
    note("ticked")


@workflow.defn
class Ticking:
    @workflow.run
    async def run(self, ticks: int) -> None:
        await asyncio.gather(
            *(workflow.execute_activity(tick, start_to_close_timeout=timedelta(minutes=1)) for _ in range(ticks))
        )


async def rate_limit(context: Context) -> None:
    queue = f"{context.task_queue}-limited-{uuid.uuid4()}"
    workflow_id = context.new_id()
    async with Worker(
        context.client,
        task_queue=queue,
        workflows=[Ticking],
        activities=[tick],
        max_task_queue_activities_per_second=5,
    ):
        await context.client.execute_workflow(Ticking.run, 20, id=workflow_id, task_queue=queue)
    ticked = deeds_of(workflow_id, "ticked")
    expect(len(ticked), 20, "ticks")
    # Five may come at once, the other fifteen at five a second.
    expect_that(ticked[-1] - ticked[0] > 2.5, f"20 ticks within {ticked[-1] - ticked[0]} s")


@workflow.defn
class EagerTick:
    @workflow.run
    async def run(self) -> str:
        try:
            await workflow.execute_activity(
                tick,
                schedule_to_start_timeout=timedelta(seconds=2),
                start_to_close_timeout=TEN_SECONDS,
            )
        except ActivityError as error:
            return type(error.cause).__name__
        return "ticked"


async def eager_activity(context: Context) -> None:
    for disabled, outcome in (False, "ticked"), (True, "TimeoutError"):
        queue = f"{context.task_queue}-eager-{uuid.uuid4()}"
        # From now on the queue itself gives no activity to anybody.
        await context.client.workflow_service.update_task_queue_config(
            UpdateTaskQueueConfigRequest(
                namespace=context.namespace,
                task_queue=queue,
                task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
                update_queue_rate_limit=UpdateTaskQueueConfigRequest.RateLimitUpdate(
                    rate_limit=RateLimit(requests_per_second=0)
                ),
            )
        )
        async with Worker(
            context.client,
            task_queue=queue,
            workflows=[EagerTick],
            activities=[tick],
            disable_eager_activity_execution=disabled,
        ):
            result = await context.client.execute_workflow(EagerTick.run, id=context.new_id(), task_queue=queue)
        expect(result, outcome, "an activity of a queue that gives none")


@activity.defn
async def until_shutdown() -> dict[str, Any]:
    info = activity.info()
    if info.attempt > 1:
        return {"attempt": info.attempt, "details": list(info.heartbeat_details)}
    note("begun")
    await activity.wait_for_worker_shutdown()
    activity.heartbeat("half way")
    raise ApplicationError("the worker is shutting down")


@workflow.defn
class OutlivesWorker:
    @workflow.run
    async def run(self) -> dict[str, Any]:
        return await workflow.execute_activity(
            until_shutdown,
            start_to_close_timeout=timedelta(minutes=1),
            heartbeat_timeout=TEN_SECONDS,
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=100)),
        )


async def worker_shutdown(context: Context) -> None:
    queue = f"{context.task_queue}-shut-down-{uuid.uuid4()}"

    def worker() -> Worker:
        return Worker(
            context.client,
            task_queue=queue,
            workflows=[OutlivesWorker],
            activities=[until_shutdown],
            graceful_shutdown_timeout=TEN_SECONDS,
        )

    async with worker():
        handle = await context.client.start_workflow(OutlivesWorker.run, id=context.new_id(), task_queue=queue)

        async def begun() -> bool:
            return len(deeds_of(handle.id, "begun")) == 1

        await eventually(begun, "the activity begins")
    async with worker():
        expect(await handle.result(), {"attempt": 2, "details": ["half way"]})


scenarios: dict[str, Scenario] = {
    "cancellation-types": cancellation_types,
    "next-retry-delay": next_retry_delay,
    "local-activity-long": local_activity_long,
    "local-activity-backoff": local_activity_backoff,
    "rate-limit": rate_limit,
    "eager-activity": eager_activity,
    "worker-shutdown": worker_shutdown,
}
workflows: list[type] = [CancelTypes, Delayed, LocalNap, LocalBackoff]
activity_functions = [clean_up_slowly, ask_for_delay, local_nap, local_flaky]
