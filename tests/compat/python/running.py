"""Activities of every kind, and timers."""

import asyncio
import time
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, TimeoutError, TimeoutType

with workflow.unsafe.imports_passed_through():
    from temporalio.client import WorkflowFailureError

    from harness import Context, Scenario, events_of, eventually, expect, expect_cause, expect_error, expect_that
    from harness import names_of, one

SECOND = timedelta(seconds=1)
TEN_SECONDS = timedelta(seconds=10)
ONCE = RetryPolicy(maximum_attempts=1)

# When each attempt of a workflow's activity began, by workflow id.
attempts: dict[str, list[float]] = {}


@activity.defn
async def double(number: int) -> int:
    return number * 2


@workflow.defn
class SequenceAndParallel:
    @workflow.run
    async def run(self, number: int) -> list[int]:
        for _ in range(3):
            number = await workflow.execute_activity(double, number, start_to_close_timeout=TEN_SECONDS)
        return await asyncio.gather(
            *(
                workflow.execute_activity(double, number + index, start_to_close_timeout=TEN_SECONDS)
                for index in range(5)
            )
        )


async def activities(context: Context) -> None:
    handle = await context.client.start_workflow(
        SequenceAndParallel.run, 1, id=context.new_id(), task_queue=context.task_queue
    )
    expect(await handle.result(), [16, 18, 20, 22, 24])
    events = await events_of(handle)
    names = names_of(events)
    expect(names[:3], ["WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED"])
    for name in ("ACTIVITY_TASK_SCHEDULED", "ACTIVITY_TASK_STARTED", "ACTIVITY_TASK_COMPLETED"):
        expect(names.count(name), 8, name)
    expect(names[-1], "WORKFLOW_EXECUTION_COMPLETED")


@activity.defn
async def fail_twice() -> int:
    info = activity.info()
    attempts.setdefault(str(info.workflow_id), []).append(time.monotonic())
    if info.attempt < 3:
        raise ApplicationError(f"attempt {info.attempt} fails", type="Flaky")
    return info.attempt


@workflow.defn
class Retrying:
    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_activity(
            fail_twice,
            start_to_close_timeout=TEN_SECONDS,
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200), backoff_coefficient=2),
        )


async def retries(context: Context) -> None:
    handle = await context.client.start_workflow(Retrying.run, id=context.new_id(), task_queue=context.task_queue)
    expect(await handle.result(), 3, "the attempt that succeeded")
    first, second, third = attempts[handle.id]
    expect_that(second - first >= 0.2, f"the first backoff took {second - first} s")
    expect_that(third - second >= 0.4, f"the second backoff took {third - second} s")
    started = one(await events_of(handle), "ACTIVITY_TASK_STARTED").activity_task_started_event_attributes
    expect(started.attempt, 3, "attempt in history")
    expect(started.last_failure.message, "attempt 2 fails")
    expect(started.last_failure.application_failure_info.type, "Flaky")


@activity.defn
async def reject(how: str) -> None:
    attempts.setdefault(str(activity.info().workflow_id), []).append(time.monotonic())
    if how == "non-retryable":
        raise ApplicationError("no such account", {"account": 7}, type="InvalidInput", non_retryable=True)
    if how == "by type":
        raise ApplicationError("listed by the policy", type="NotFound")
    raise ValueError("an ordinary error")


@workflow.defn
class Rejected:
    @workflow.run
    async def run(self, how: str) -> None:
        await workflow.execute_activity(
            reject,
            how,
            start_to_close_timeout=TEN_SECONDS,
            retry_policy=RetryPolicy(
                initial_interval=timedelta(milliseconds=10),
                maximum_attempts=2,
                non_retryable_error_types=["NotFound"],
            ),
        )


async def non_retryable(context: Context) -> None:
    for how, error_type, retry_state, tries in (
        ("non-retryable", "InvalidInput", "NON_RETRYABLE_FAILURE", 1),
        ("by type", "NotFound", "NON_RETRYABLE_FAILURE", 1),
        ("ordinary", "ValueError", "MAXIMUM_ATTEMPTS_REACHED", 2),
    ):
        workflow_id = context.new_id()
        error = await expect_error(
            WorkflowFailureError,
            context.client.execute_workflow(Rejected.run, how, id=workflow_id, task_queue=context.task_queue),
        )
        activity_error = expect_cause(error, ActivityError)
        expect(activity_error.activity_type, "reject")
        expect(activity_error.retry_state.name, retry_state, how)
        application_error = expect_cause(activity_error, ApplicationError)
        expect(application_error.type, error_type)
        expect(len(attempts[workflow_id]), tries, f"attempts when {how}")
        if how == "non-retryable":
            expect(application_error.details, ({"account": 7},))
            expect(application_error.non_retryable, True)


@activity.defn
async def hang(heartbeat_first: bool) -> None:
    attempts.setdefault(str(activity.info().workflow_id), []).append(time.monotonic())
    if heartbeat_first:
        activity.heartbeat("half way")
    await asyncio.sleep(10)


@activity.defn
async def always_fail() -> None:
    raise ApplicationError("not today")


def describe_timeout(error: ActivityError) -> dict[str, Any]:
    cause = error.cause
    if not isinstance(cause, TimeoutError) or cause.type is None:
        return {"cause": repr(cause), "retry": error.retry_state.name if error.retry_state else None}
    return {
        "type": cause.type.name,
        "retry": error.retry_state.name if error.retry_state else None,
        "heartbeat": list(cause.last_heartbeat_details),
        "under": cause.cause.message if isinstance(cause.cause, FailureError) else None,
    }


@workflow.defn
class TimingOut:
    @workflow.run
    async def run(self, which: str) -> dict[str, Any]:
        twice = RetryPolicy(initial_interval=timedelta(milliseconds=50), maximum_attempts=2)
        try:
            if which == "start to close":
                await workflow.execute_activity(hang, False, start_to_close_timeout=3 * SECOND, retry_policy=twice)
            elif which == "heartbeat":
                await workflow.execute_activity(
                    hang, True, start_to_close_timeout=TEN_SECONDS, heartbeat_timeout=5 * SECOND, retry_policy=ONCE
                )
            elif which == "schedule to start":
                await workflow.execute_activity(
                    hang,
                    False,
                    task_queue="nobody-polls-here",
                    schedule_to_start_timeout=SECOND / 2,
                    start_to_close_timeout=TEN_SECONDS,
                )
            elif which == "schedule to close":
                await workflow.execute_activity(hang, False, schedule_to_close_timeout=SECOND / 2)
            else:
                # The next attempt would come after the deadline.
                await workflow.execute_activity(
                    always_fail,
                    schedule_to_close_timeout=3 * TEN_SECONDS,
                    retry_policy=RetryPolicy(initial_interval=6 * TEN_SECONDS),
                )
        except ActivityError as error:
            return describe_timeout(error)
        raise ApplicationError("the activity did not time out", non_retryable=True)


async def activity_timeouts(context: Context) -> None:
    async def outcome(which: str) -> tuple[dict[str, Any], str]:
        workflow_id = context.new_id()
        return await context.client.execute_workflow(
            TimingOut.run, which, id=workflow_id, task_queue=context.task_queue
        ), workflow_id

    (close, close_id), (heartbeat, _), (start, _), (overall, _), (no_time, _) = await asyncio.gather(
        *map(outcome, ("start to close", "heartbeat", "schedule to start", "schedule to close", "no time to retry"))
    )
    expect(close["type"], TimeoutType.START_TO_CLOSE.name)
    expect(close["retry"], "MAXIMUM_ATTEMPTS_REACHED")
    expect(len(attempts[close_id]), 2, "attempts that timed out")
    expect(heartbeat["type"], TimeoutType.HEARTBEAT.name)
    expect(heartbeat["heartbeat"], ["half way"], "last heartbeat details")
    expect(start["type"], TimeoutType.SCHEDULE_TO_START.name)
    expect(overall["type"], TimeoutType.SCHEDULE_TO_CLOSE.name)
    expect(overall["retry"], "TIMEOUT")
    expect(no_time, {"cause": "ApplicationError('not today')", "retry": "TIMEOUT"})


@activity.defn
async def local_square(number: int) -> int:
    info = activity.info()
    expect_that(info.is_local, "the activity is not local")
    if info.attempt == 1:
        raise ApplicationError("once more, locally")
    return number * number


@workflow.defn
class Local:
    @workflow.run
    async def run(self, number: int) -> int:
        return await workflow.execute_local_activity(
            local_square,
            number,
            start_to_close_timeout=TEN_SECONDS,
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=10), maximum_attempts=3),
        )


async def local_activity(context: Context) -> None:
    handle = await context.client.start_workflow(Local.run, 9, id=context.new_id(), task_queue=context.task_queue)
    expect(await handle.result(), 81)
    events = await events_of(handle)
    expect("ACTIVITY_TASK_SCHEDULED" in names_of(events), False, "an activity in history")
    expect_that(bool(one(events, "MARKER_RECORDED").marker_recorded_event_attributes.marker_name), "marker has a name")


@workflow.defn
class Timers:
    @workflow.run
    async def run(self) -> float:
        began = workflow.now()
        await workflow.sleep(0.4)
        slept = (workflow.now() - began).total_seconds()
        done, pending = await workflow.wait(
            [asyncio.create_task(asyncio.sleep(0.1)), asyncio.create_task(asyncio.sleep(3600))],
            return_when=asyncio.FIRST_COMPLETED,
        )
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        # The cancellation of the long timer is only on record once a workflow task has carried it.
        await workflow.sleep(0.01)
        return slept


async def timer(context: Context) -> None:
    handle = await context.client.start_workflow(Timers.run, id=context.new_id(), task_queue=context.task_queue)
    slept = await handle.result()
    expect_that(slept >= 0.4, f"the timer of 0.4 s took {slept} s of workflow time")
    events = await events_of(handle)
    names = names_of(events)
    expect([names.count(f"TIMER_{what}") for what in ("STARTED", "FIRED", "CANCELED")], [4, 3, 1])
    started, fired = (events[names.index(f"TIMER_{what}")] for what in ("STARTED", "FIRED"))
    took = fired.event_time.ToNanoseconds() - started.event_time.ToNanoseconds()
    expect_that(took >= 400_000_000, f"the timer of 0.4 s fired after {took} ns")


tokens: dict[str, bytes] = {}


@activity.defn
async def request_human_approval(title: str) -> dict[str, Any]:
    info = activity.info()
    tokens[f"{info.workflow_id}/{title}"] = info.task_token
    activity.raise_complete_async()


@workflow.defn
class Approval:
    @workflow.run
    async def run(self) -> list[Any]:
        outcomes: list[Any] = []
        for title in ("by token", "by id", "refused"):
            try:
                outcomes.append(
                    await workflow.execute_activity(
                        request_human_approval,
                        title,
                        activity_id=title,
                        start_to_close_timeout=timedelta(days=7),
                        retry_policy=ONCE,
                    )
                )
            except ActivityError as error:
                outcomes.append(str(error.cause))
        return outcomes


async def async_completion(context: Context) -> None:
    handle = await context.client.start_workflow(Approval.run, id=context.new_id(), task_queue=context.task_queue)

    async def wait_for(title: str) -> None:
        async def waiting() -> bool:
            return f"{handle.id}/{title}" in tokens

        await eventually(waiting, f"the activity asks for approval {title}")

    await wait_for("by token")
    by_token = context.client.get_async_activity_handle(task_token=tokens[f"{handle.id}/by token"])
    await by_token.heartbeat("asked alice")
    await by_token.complete({"approved": True, "approver": "alice"})
    await wait_for("by id")
    await context.client.get_async_activity_handle(
        workflow_id=handle.id, run_id=handle.result_run_id, activity_id="by id"
    ).complete({"approved": True, "approver": "bob"})
    await wait_for("refused")
    await context.client.get_async_activity_handle(task_token=tokens[f"{handle.id}/refused"]).fail(
        ApplicationError("Rejected by compliance", non_retryable=True)
    )
    expect(
        await handle.result(),
        [
            {"approved": True, "approver": "alice"},
            {"approved": True, "approver": "bob"},
            "Rejected by compliance",
        ],
    )


async def eager_start(context: Context) -> None:
    handle = await context.client.start_workflow(
        SequenceAndParallel.run, 2, id=context.new_id(), task_queue=context.task_queue, request_eager_start=True
    )
    expect(await handle.result(), [32, 34, 36, 38, 40])
    attributes = (await events_of(handle))[0].workflow_execution_started_event_attributes
    expect(attributes.eager_execution_accepted, True, "the server gave the first task with the start")


scenarios: dict[str, Scenario] = {
    "activities": activities,
    "retries": retries,
    "non-retryable": non_retryable,
    "activity-timeouts": activity_timeouts,
    "local-activity": local_activity,
    "timer": timer,
    "async-completion": async_completion,
    "eager-start": eager_start,
}
workflows: list[type] = [SequenceAndParallel, Retrying, Rejected, TimingOut, Local, Timers, Approval]
activity_functions = [double, fail_twice, reject, hang, always_fail, local_square, request_human_approval]
