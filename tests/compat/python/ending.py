"""The ways in which a workflow ends, and what a second start with its id gives."""

import asyncio
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, TerminatedError, TimeoutError
from temporalio.exceptions import TimeoutType, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
    from temporalio.service import RPCError, RPCStatusCode

    from harness import Context, Scenario, events_of, eventually, expect, expect_cause, expect_error, names_of, one

TEN_SECONDS = timedelta(seconds=10)

# What activities did, in order, by workflow id: "begun", "cleaned up", "compensated".
deeds: dict[str, list[str]] = {}


def note(deed: str) -> None:
    deeds.setdefault(str(activity.info().workflow_id), []).append(deed)


@activity.defn
async def reserve_for_long() -> None:
    note("begun")
    try:
        while True:
            activity.heartbeat()
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        note("cleaned up")
        raise


@activity.defn
async def compensate() -> None:
    note("compensated")


@workflow.defn
class Cancellable:
    @workflow.run
    async def run(self) -> None:
        try:
            await workflow.execute_activity(
                reserve_for_long,
                start_to_close_timeout=timedelta(minutes=1),
                heartbeat_timeout=TEN_SECONDS,
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            )
        except ActivityError as error:
            # Python cancels the task of the workflow: what must still run is shielded from it.
            await asyncio.shield(workflow.execute_activity(compensate, start_to_close_timeout=TEN_SECONDS))
            raise error


async def cancel(context: Context) -> None:
    handle = await context.client.start_workflow(Cancellable.run, id=context.new_id(), task_queue=context.task_queue)

    async def begun() -> bool:
        return handle.id in deeds

    await eventually(begun, "the activity begins")
    await handle.cancel()
    error = await expect_error(WorkflowFailureError, handle.result())
    expect_cause(error, CancelledError)
    expect(deeds[handle.id], ["begun", "cleaned up", "compensated"])
    expect((await handle.describe()).status, WorkflowExecutionStatus.CANCELED)
    names = names_of(await events_of(handle))
    for name in ("WORKFLOW_EXECUTION_CANCEL_REQUESTED", "ACTIVITY_TASK_CANCEL_REQUESTED", "ACTIVITY_TASK_CANCELED"):
        expect(names.count(name), 1, name)
    expect(names[-1], "WORKFLOW_EXECUTION_CANCELED")


@workflow.defn
class Waiting:
    """Never ends of its own accord, unless it is told what to do."""

    @workflow.run
    async def run(self, then: str) -> str:
        if then == "wait":
            await workflow.wait_condition(lambda: False)
        if then == "fail":
            raise ApplicationError("as told", {"order": 12}, type="ToldToFail")
        return then


async def terminate(context: Context) -> None:
    handle = await context.client.start_workflow(
        Waiting.run, "wait", id=context.new_id(), task_queue=context.task_queue
    )
    await handle.terminate("a detail", reason="the test says so")
    error = await expect_error(WorkflowFailureError, handle.result())
    terminated = expect_cause(error, TerminatedError)
    expect(str(terminated), "the test says so")
    expect((await handle.describe()).status, WorkflowExecutionStatus.TERMINATED)
    attributes = one(
        await events_of(handle), "WORKFLOW_EXECUTION_TERMINATED"
    ).workflow_execution_terminated_event_attributes
    expect(attributes.reason, "the test says so")
    expect(attributes.details.payloads[0].data, b'"a detail"')
    expect((await expect_error(RPCError, handle.terminate())).status, RPCStatusCode.NOT_FOUND, "once more")
    # Cancelling what has ended is what the caller wanted, so it is no error.
    await handle.cancel()


@activity.defn
async def refuse() -> None:
    try:
        raise ValueError("the root of it")
    except ValueError as error:
        raise ApplicationError("refused", type="Refusal", non_retryable=True) from error


@workflow.defn
class Failing:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(refuse, start_to_close_timeout=TEN_SECONDS)


async def workflow_failure(context: Context) -> None:
    own = await context.client.start_workflow(Waiting.run, "fail", id=context.new_id(), task_queue=context.task_queue)
    error = expect_cause(await expect_error(WorkflowFailureError, own.result()), ApplicationError)
    expect((error.message, error.type, error.details), ("as told", "ToldToFail", ({"order": 12},)))
    expect((await own.describe()).status, WorkflowExecutionStatus.FAILED)

    of_activity = await context.client.start_workflow(Failing.run, id=context.new_id(), task_queue=context.task_queue)
    activity_error = expect_cause(await expect_error(WorkflowFailureError, of_activity.result()), ActivityError)
    expect(activity_error.identity != "", True, "the identity of the worker is in the failure")
    refusal = expect_cause(activity_error, ApplicationError)
    expect((refusal.message, refusal.type), ("refused", "Refusal"))
    root = expect_cause(refusal, ApplicationError)
    expect((root.message, root.type), ("the root of it", "ValueError"))

    unknown = context.client.get_workflow_handle("python-nobody")
    expect((await expect_error(RPCError, unknown.result())).status, RPCStatusCode.NOT_FOUND)


async def run_timeout(context: Context) -> None:
    async def times_out(suffix: str, **timeout: timedelta) -> None:
        handle: WorkflowHandle[Waiting, str] = await context.client.start_workflow(
            Waiting.run, "wait", id=context.new_id(suffix), task_queue=context.task_queue, **timeout
        )
        error = expect_cause(await expect_error(WorkflowFailureError, handle.result()), TimeoutError)
        expect(error.type, TimeoutType.START_TO_CLOSE)
        expect((await handle.describe()).status, WorkflowExecutionStatus.TIMED_OUT)
        expect(names_of(await events_of(handle))[-1], "WORKFLOW_EXECUTION_TIMED_OUT")

    await asyncio.gather(
        times_out("-run", run_timeout=timedelta(seconds=1)),
        times_out("-execution", execution_timeout=timedelta(seconds=1)),
    )


async def workflow_retry(context: Context) -> None:
    handle = await context.client.start_workflow(
        FailOnce.run,
        id=context.new_id(),
        task_queue=context.task_queue,
        retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=3),
    )
    expect(await handle.result(), 2, "the attempt that succeeded")
    first_run = context.client.get_workflow_handle(handle.id, run_id=handle.result_run_id)
    last = (await events_of(first_run))[-1].workflow_execution_failed_event_attributes
    expect(last.failure.message, "the first run fails")
    expect((await handle.describe()).run_id, last.new_execution_run_id, "the first run names the second")


@workflow.defn
class FailOnce:
    @workflow.run
    async def run(self) -> int:
        attempt = workflow.info().attempt
        if attempt == 1:
            raise ApplicationError("the first run fails")
        return attempt


async def already_started(context: Context) -> None:
    workflow_id = context.new_id()

    async def start(
        then: str,
        reuse: WorkflowIDReusePolicy = WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        conflict: WorkflowIDConflictPolicy = WorkflowIDConflictPolicy.UNSPECIFIED,
    ) -> WorkflowHandle[Waiting, str]:
        return await context.client.start_workflow(
            Waiting.run,
            then,
            id=workflow_id,
            task_queue=context.task_queue,
            id_reuse_policy=reuse,
            id_conflict_policy=conflict,
        )

    running = await start("wait")
    error = await expect_error(WorkflowAlreadyStartedError, start("wait"))
    expect((error.workflow_id, error.workflow_type), (workflow_id, "Waiting"))
    expect(error.run_id, running.result_run_id, "the run that is in the way")

    existing = await start("wait", conflict=WorkflowIDConflictPolicy.USE_EXISTING)
    expect(existing.result_run_id, running.result_run_id, "USE_EXISTING")
    replacing = await start("done", conflict=WorkflowIDConflictPolicy.TERMINATE_EXISTING)
    expect_cause(await expect_error(WorkflowFailureError, running.result()), TerminatedError)
    expect(await replacing.result(), "done")

    await expect_error(WorkflowAlreadyStartedError, start("wait", WorkflowIDReusePolicy.REJECT_DUPLICATE))
    await expect_error(WorkflowAlreadyStartedError, start("wait", WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY))
    failing = await start("fail", WorkflowIDReusePolicy.ALLOW_DUPLICATE)
    await expect_error(WorkflowFailureError, failing.result())
    after_failure = await start("done", WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY)
    expect(await after_failure.result(), "done", "after a failed run")


scenarios: dict[str, Scenario] = {
    "cancel": cancel,
    "terminate": terminate,
    "workflow-failure": workflow_failure,
    "run-timeout": run_timeout,
    "workflow-retry": workflow_retry,
    "already-started": already_started,
}
workflows: list[type] = [Cancellable, Waiting, Failing, FailOnce]
activity_functions = [reserve_for_long, compensate, refuse]
