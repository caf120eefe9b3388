"""Activities that no workflow has asked for: started, waited for, listed, ended and held back by their client."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.client import (
    ActivityExecutionStatus,
    ActivityFailureError,
    ActivityHandle,
    ActivityOptionsKeys,
    PendingActivityState,
)
from temporalio.common import ActivityIDConflictPolicy, ActivityIDReusePolicy, RetryPolicy
from temporalio.exceptions import (
    ActivityAlreadyStartedError,
    ApplicationError,
    CancelledError,
    TerminatedError,
    TimeoutError,
    TimeoutType,
)

from harness import Context, Scenario, eventually, expect, expect_cause, expect_error, expect_that

TEN_SECONDS = timedelta(seconds=10)
ONCE = RetryPolicy(maximum_attempts=1)
QUICK = RetryPolicy(initial_interval=timedelta(milliseconds=100), backoff_coefficient=1)


@activity.defn
async def stand_alone(amount: int) -> dict[str, Any]:
    info = activity.info()
    expect_that(not info.in_workflow, "nobody but its client has asked for it")
    return {"id": info.activity_id, "run": info.activity_run_id, "attempt": info.attempt, "doubled": 2 * amount}


@activity.defn
async def fail_alone(until_attempt: int) -> int:
    attempt = activity.info().attempt
    if attempt < until_attempt:
        activity.heartbeat(attempt)
        raise ApplicationError(f"attempt {attempt}", type="NotYet")
    return [*activity.info().heartbeat_details, 0][0]


@activity.defn
async def wait_alone() -> str:
    try:
        while True:
            activity.heartbeat("waiting")
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        details = activity.cancellation_details()
        if details and details.paused:
            raise ApplicationError("held back") from None
        raise


async def start(context: Context, function: Any, *arguments: Any, **options: Any) -> ActivityHandle[Any]:
    options = {"start_to_close_timeout": TEN_SECONDS, "id": context.new_id()} | options
    context.workflow_ids.clear()
    return await context.client.start_activity(
        function, args=arguments, task_queue=options.pop("task_queue", context.task_queue), **options
    )


async def standalone(context: Context) -> None:
    handle = await start(context, stand_alone, 21)
    result = await handle.result()
    expect(result, {"id": handle.id, "run": handle.run_id, "attempt": 1, "doubled": 42})
    # Asked anew, by somebody who knows no more than the id.
    expect(await context.client.get_activity_handle(handle.id).result(), result)

    described = await handle.describe()
    expect(
        (described.activity_type, described.status, described.attempt, described.task_queue),
        ("stand_alone", ActivityExecutionStatus.COMPLETED, 1, context.task_queue),
    )
    query = f"ActivityId = '{handle.id}' AND ActivityType = 'stand_alone' AND ExecutionStatus = 'Completed'"
    await eventually(lambda: counts(context, query, 1), "it is counted")
    listed = [each async for each in context.client.list_activities(query)]
    expect([(each.activity_run_id, each.task_queue) for each in listed], [(handle.run_id, context.task_queue)])
    expect([each async for each in context.client.list_workflows(f"WorkflowId = '{handle.id}'")], [], "workflows")

    again = {"id": handle.id, "id_reuse_policy": ActivityIDReusePolicy.REJECT_DUPLICATE}
    error = await expect_error(ActivityAlreadyStartedError, start(context, stand_alone, 1, **again))
    expect(error.run_id, handle.run_id)
    second = await start(context, wait_alone, id=handle.id)
    expect_that(second.run_id != handle.run_id, "another run has the id now")
    await expect_error(ActivityAlreadyStartedError, start(context, wait_alone, id=handle.id))
    same = await start(context, wait_alone, id=handle.id, id_conflict_policy=ActivityIDConflictPolicy.USE_EXISTING)
    expect(same.run_id, second.run_id)
    await second.terminate()


async def counts(context: Context, query: str, count: int) -> bool:
    return (await context.client.count_activities(query)).count == count


async def endings(context: Context) -> None:
    retried = await start(context, fail_alone, 3, retry_policy=QUICK)
    expect(await retried.result(), 2, "the details of the second attempt's heartbeat")

    failed = await start(context, fail_alone, 9, retry_policy=RetryPolicy(maximum_attempts=2, initial_interval=timedelta(milliseconds=10)))
    error = await expect_error(ActivityFailureError, failed.result())
    cause = expect_cause(error, ApplicationError)
    expect((cause.message, cause.type), ("attempt 2", "NotYet"))

    late = await start(context, stand_alone, 1, schedule_to_start_timeout=timedelta(seconds=1), task_queue=f"{context.task_queue}-nobody")
    error = await expect_error(ActivityFailureError, late.result())
    expect(expect_cause(error, TimeoutError).type, TimeoutType.SCHEDULE_TO_START)

    heard = await start(context, wait_alone, heartbeat_timeout=timedelta(seconds=5))
    await eventually(lambda: is_running(heard), "a worker has it")
    await heard.cancel(reason="because")
    error = await expect_error(ActivityFailureError, heard.result())
    expect_cause(error, CancelledError)
    expect((await heard.describe()).status, ActivityExecutionStatus.CANCELED)

    unheard = await start(context, wait_alone, task_queue=f"{context.task_queue}-nobody")
    await unheard.terminate(reason="enough")
    error = await expect_error(ActivityFailureError, unheard.result())
    expect(expect_cause(error, TerminatedError).message, "enough")

    delayed = await start(context, stand_alone, 4, start_delay=timedelta(seconds=1))
    expect((await delayed.result())["doubled"], 8)
    described = await delayed.describe()
    expect_that(
        described.last_started_time is not None
        and described.last_started_time - described.schedule_time >= timedelta(milliseconds=999),
        "it began after its delay",
    )


async def is_running(handle: ActivityHandle[Any]) -> bool:
    return (await handle.describe()).run_state == PendingActivityState.STARTED


async def held(context: Context) -> None:
    handle = await start(context, stand_alone, 3, task_queue=f"{context.task_queue}-nobody")
    await handle.pause(reason="not now")
    described = await handle.describe()
    expect((described.status, described.run_state), (ActivityExecutionStatus.PAUSED, PendingActivityState.PAUSED))
    await handle.update_options([ActivityOptionsKeys.task_queue.value_set(context.task_queue)])
    expect((await handle.describe()).task_queue, context.task_queue)
    await handle.unpause()
    expect((await handle.result())["doubled"], 6)

    # An attempt that runs hears of the pause, fails into it, and another follows when it is over.
    running = await start(context, wait_alone, heartbeat_timeout=timedelta(seconds=5), retry_policy=QUICK)
    await eventually(lambda: is_running(running), "a worker has it")
    await running.pause()
    await eventually(lambda: is_paused(running), "its attempt has ended")
    await running.unpause()
    await eventually(lambda: is_running(running), "a worker has it again")
    expect((await running.describe()).attempt, 2)
    await running.cancel()
    expect_cause(await expect_error(ActivityFailureError, running.result()), CancelledError)


async def is_paused(handle: ActivityHandle[Any]) -> bool:
    return (await handle.describe()).run_state == PendingActivityState.PAUSED


workflows: list[type] = []
activity_functions = [stand_alone, fail_alone, wait_alone]
scenarios: dict[str, Scenario] = {
    "standalone-activity": standalone,
    "standalone-activity-endings": endings,
    "standalone-activity-held": held,
}
