"""Patterns that are made of activities: polling, sagas, people who answer, wrappers, deadlines."""

import asyncio
import functools
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError

with workflow.unsafe.imports_passed_through():
    from temporalio.api.enums.v1 import PendingActivityState
    from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

    from harness import Context, Scenario, events_of, eventually, expect, expect_cause, expect_error, expect_that
    from harness import names_of, one

TEN_SECONDS = timedelta(seconds=10)
ONCE = RetryPolicy(maximum_attempts=1)

# What activities did, in order, by workflow id.
deeds: dict[str, list[str]] = {}


def note(deed: str) -> int:
    """How often this was done before for the same workflow."""
    done = deeds.setdefault(str(activity.info().workflow_id), [])
    done.append(deed)
    return done.count(deed) - 1


def auto_heartbeat(run: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Heartbeats ten times in each heartbeat timeout for as long as the activity runs, which need not know of it."""

    @functools.wraps(run)
    async def beating(*args: Any) -> Any:
        every = activity.info().heartbeat_timeout

        async def beat() -> None:
            while every:
                await asyncio.sleep(every.total_seconds() / 10)
                activity.heartbeat("beating")

        beater = asyncio.create_task(beat())
        try:
            return await run(*args)
        finally:
            beater.cancel()

    return beating


@activity.defn
@auto_heartbeat
async def sleep_unaware(seconds: float) -> str:
    note("begun")
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        note("cancelled")
        raise
    return "slept"


@workflow.defn
class AutoHeartbeat:
    @workflow.run
    async def run(self, seconds: float) -> str:
        return await workflow.execute_activity(
            sleep_unaware,
            seconds,
            start_to_close_timeout=timedelta(minutes=1),
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=ONCE,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )


async def auto_heartbeat_scenario(context: Context) -> None:
    async def start(seconds: float) -> WorkflowHandle[AutoHeartbeat, str]:
        return await context.client.start_workflow(
            AutoHeartbeat.run, seconds, id=context.new_id(), task_queue=context.task_queue
        )

    outliving, cancelled = await start(12), await start(60)

    async def begun() -> bool:
        return cancelled.id in deeds

    await eventually(begun, "the activity begins")
    await cancelled.cancel()
    expect_cause(await expect_error(WorkflowFailureError, cancelled.result()), CancelledError)
    expect(deeds[cancelled.id], ["begun", "cancelled"])
    expect(await outliving.result(), "slept", "an activity that is longer than its heartbeat timeout")


@activity.defn
async def work_until_deadline(items: int) -> dict[str, Any]:
    info = activity.info()
    assert info.start_to_close_timeout
    deadline = info.started_time + info.start_to_close_timeout
    done = 0
    while done < items and deadline.timestamp() - time.time() > 5:
        await asyncio.sleep(0.1)
        done += 1
        activity.heartbeat(done)
    return {"done": done, "whole": done == items}


@workflow.defn
class DeadlineAware:
    @workflow.run
    async def run(self, items: int) -> dict[str, Any]:
        return await workflow.execute_activity(
            work_until_deadline,
            items,
            start_to_close_timeout=timedelta(seconds=10),
            heartbeat_timeout=timedelta(seconds=5),
            retry_policy=ONCE,
        )


async def deadline_aware(context: Context) -> None:
    async def outcome(items: int) -> dict[str, Any]:
        return await context.client.execute_workflow(
            DeadlineAware.run, items, id=context.new_id(), task_queue=context.task_queue
        )

    few, many = await asyncio.gather(outcome(3), outcome(1000))
    expect(few, {"done": 3, "whole": True})
    expect_that(0 < many["done"] < 1000 and not many["whole"], f"a part is done before the deadline: {many}")


@dataclass
class Order:
    order_id: str
    amount: int


@activity.defn
async def validate_quickly(order: Order) -> str:
    note("validated locally")
    if order.amount < 0:
        raise ApplicationError("no amount can be negative", type="InvalidOrder", non_retryable=True)
    if order.amount > 1000:
        raise ApplicationError("too much for a quick look")
    return "valid"


@activity.defn
async def validate_thoroughly(order: Order) -> str:
    note("validated remotely")
    expect(activity.info().is_local, False, "the fallback is a local activity")
    return "valid after all"


@activity.defn
async def process_payment(order: Order) -> str:
    note("paid")
    return f"{order.order_id} paid"


@workflow.defn
class ProcessOrder:
    @workflow.run
    async def run(self, order: Order) -> list[str]:
        try:
            valid = await workflow.execute_local_activity(
                validate_quickly,
                order,
                start_to_close_timeout=timedelta(seconds=5),
                local_retry_threshold=timedelta(seconds=5),
                retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=3),
            )
        except ApplicationError as error:
            # Other than that of a normal activity, this SDK throws a local one's failure as it is.
            if error.type == "InvalidOrder":
                raise
            valid = await workflow.execute_activity(validate_thoroughly, order, start_to_close_timeout=TEN_SECONDS)
        return [valid, await workflow.execute_activity(process_payment, order, start_to_close_timeout=TEN_SECONDS)]


async def local_activity_fallback(context: Context) -> None:
    async def start(amount: int) -> WorkflowHandle[ProcessOrder, list[str]]:
        return await context.client.start_workflow(
            ProcessOrder.run,
            Order("A-7", amount),
            id=context.new_id(),
            task_queue=context.task_queue,
            # Enough that no local activity is done twice.
            task_timeout=timedelta(minutes=1),
        )

    small, large, invalid = await start(10), await start(5000), await start(-1)
    expect(await small.result(), ["valid", "A-7 paid"])
    expect(deeds[small.id], ["validated locally", "paid"])
    expect(await large.result(), ["valid after all", "A-7 paid"])
    expect(deeds[large.id], 3 * ["validated locally"] + ["validated remotely", "paid"])
    names = names_of(await events_of(large))
    expect([names.count(each) for each in ("MARKER_RECORDED", "ACTIVITY_TASK_SCHEDULED")], [1, 2])
    error = expect_cause(await expect_error(WorkflowFailureError, invalid.result()), ApplicationError)
    expect(error.type, "InvalidOrder")
    expect(deeds[invalid.id], ["validated locally"])


tokens: dict[str, bytes] = {}
APPROVAL = "approval"


@activity.defn
async def notify_request_created(title: str) -> None:
    note(f"asked for {title}")


@activity.defn
async def await_decision(title: str) -> dict[str, Any]:
    tokens[str(activity.info().workflow_id)] = activity.info().task_token
    activity.raise_complete_async()


@activity.defn
async def execute_approved(title: str) -> None:
    note(f"did {title}")


@workflow.defn
class HumanApproval:
    @workflow.run
    async def run(self, title: str) -> dict[str, Any]:
        await workflow.execute_activity(notify_request_created, title, start_to_close_timeout=TEN_SECONDS)
        decision = await workflow.execute_activity(
            await_decision,
            title,
            activity_id=APPROVAL,
            start_to_close_timeout=timedelta(days=7),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        if decision["approved"]:
            await workflow.execute_activity(execute_approved, title, start_to_close_timeout=TEN_SECONDS)
        return decision


async def answer(client: Client, arguments: list[str]) -> None:
    """The whole life of the process in which people decide. It knows task tokens, in hex, or a workflow's id."""
    for how, ticket in zip(arguments[::2], arguments[1::2]):
        if how == "approve-by-id":
            by_id = client.get_async_activity_handle(workflow_id=ticket, run_id=None, activity_id=APPROVAL)
            await by_id.complete({"approved": True, "approver": "bob"})
            continue
        handle = client.get_async_activity_handle(task_token=bytes.fromhex(ticket))
        if how == "approve":
            await handle.complete({"approved": True, "approver": "alice"})
        elif how == "decline":
            await handle.complete({"approved": False, "approver": "carol"})
        elif how == "fail":
            await handle.fail(ApplicationError("Rejected by compliance", non_retryable=True))
        else:
            await handle.report_cancellation("nobody decided")


async def human_approval(context: Context) -> None:
    runs = {
        how: await context.client.start_workflow(
            HumanApproval.run, "a loan", id=context.new_id(), task_queue=context.task_queue
        )
        for how in ("approve", "approve-by-id", "decline", "fail", "cancel")
    }

    async def all_asked() -> bool:
        return all(run.id in tokens for run in runs.values())

    await eventually(all_asked, "every workflow asks for a decision")
    await runs["cancel"].cancel()

    async def cancel_requested() -> bool:
        pending = (await runs["cancel"].describe()).raw_description.pending_activities
        return [each.state for each in pending] == [PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED]

    await eventually(cancel_requested, "the activity's cancellation is requested")
    arguments = [sys.argv[0], "answer"]
    for how, run in runs.items():
        arguments += [how, run.id if how == "approve-by-id" else tokens[run.id].hex()]
    arguments += ["--address", context.address, "--namespace", context.namespace]
    process = await asyncio.create_subprocess_exec(sys.executable, "-B", *arguments)
    expect(await process.wait(), 0, "exit code of the process that answers")

    expect(await runs["approve"].result(), {"approved": True, "approver": "alice"})
    expect(await runs["approve-by-id"].result(), {"approved": True, "approver": "bob"})
    expect(await runs["decline"].result(), {"approved": False, "approver": "carol"})
    failed = expect_cause(await expect_error(WorkflowFailureError, runs["fail"].result()), ActivityError)
    expect(expect_cause(failed, ApplicationError).message, "Rejected by compliance")
    expect_cause(await expect_error(WorkflowFailureError, runs["cancel"].result()), CancelledError)
    cancelled = one(await events_of(runs["cancel"]), "ACTIVITY_TASK_CANCELED").activity_task_canceled_event_attributes
    expect(cancelled.details.payloads[0].data, b'"nobody decided"')
    expect(deeds[runs["approve"].id], ["asked for a loan", "did a loan"])
    expect(deeds[runs["decline"].id], ["asked for a loan"])


async def approval_over_http(context: Context) -> None:
    """Whoever runs this approves the first, fails the second and answers a link to the third, over HTTP."""
    approved, failed, linked = [
        await context.client.start_workflow(
            HumanApproval.run, "a loan", id=context.new_id(), task_queue=context.task_queue
        )
        for _ in range(3)
    ]
    ids = [run.id for run in (approved, failed, linked)]

    async def all_asked() -> bool:
        return all(workflow_id in tokens for workflow_id in ids)

    await eventually(all_asked, "every workflow asks for a decision")
    await context.announce([tokens[workflow_id] for workflow_id in ids])
    expect(await approved.result(), {"approved": True, "approver": "alice"})
    error = expect_cause(await expect_error(WorkflowFailureError, failed.result()), ActivityError)
    expect(expect_cause(error, ApplicationError).message, "Rejected by compliance")
    expect(await linked.result(), {"approved": False, "approver": "bob"})


@activity.defn
async def poll_often() -> str:
    while note("polled") < 4:
        activity.heartbeat()
        await asyncio.sleep(0.05)
    return "ready"


@activity.defn
async def poll_once() -> str:
    if note("polled") < 3:
        raise ApplicationError("not ready yet", type="NotReady")
    return "ready"


@activity.defn
async def look(at: str) -> bool:
    done = deeds.setdefault(at, [])
    done.append("polled")
    return len(done) == 5


@workflow.defn
class Periodic:
    """Looks twice in each of its runs."""

    @workflow.run
    async def run(self) -> str:
        for _ in range(2):
            if await workflow.execute_activity(look, workflow.info().workflow_id, start_to_close_timeout=TEN_SECONDS):
                return "ready"
            await workflow.sleep(0.05)
        workflow.continue_as_new()


@workflow.defn
class Polling:
    @workflow.run
    async def run(self, how: str) -> str:
        if how == "frequent":
            return await workflow.execute_activity(
                poll_often, start_to_close_timeout=timedelta(minutes=1), heartbeat_timeout=timedelta(seconds=5)
            )
        if how == "infrequent":
            return await workflow.execute_activity(
                poll_once,
                start_to_close_timeout=TEN_SECONDS,
                retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=100), backoff_coefficient=1),
            )
        return await workflow.execute_child_workflow(Periodic.run, id=f"{workflow.info().workflow_id}-child")


async def polling(context: Context) -> None:
    for how, polls in (("frequent", 5), ("infrequent", 4), ("periodic", 5)):
        workflow_id = context.new_id()
        result = await context.client.execute_workflow(
            Polling.run, how, id=workflow_id, task_queue=context.task_queue
        )
        expect(result, "ready", how)
        polled = deeds[f"{workflow_id}-child" if how == "periodic" else workflow_id]
        expect(polled, polls * ["polled"], how)


@activity.defn
async def book(what: str) -> None:
    note(f"book {what}")
    if what == "car":
        raise ApplicationError("no cars left", type="SoldOut", non_retryable=True)


@activity.defn
async def cancel_booking(what: str) -> None:
    # A compensation is retried until it succeeds.
    if note(f"cancel {what}") == 0:
        raise ApplicationError("try again")


@workflow.defn
class Saga:
    @workflow.run
    async def run(self) -> None:
        booked: list[str] = []
        try:
            for what in ("flight", "hotel", "car"):
                await workflow.execute_activity(book, what, start_to_close_timeout=TEN_SECONDS)
                booked.append(what)
        except ActivityError:
            for what in reversed(booked):
                await workflow.execute_activity(
                    cancel_booking,
                    what,
                    start_to_close_timeout=TEN_SECONDS,
                    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=50)),
                )
            raise


async def saga(context: Context) -> None:
    handle = await context.client.start_workflow(Saga.run, id=context.new_id(), task_queue=context.task_queue)
    error = expect_cause(await expect_error(WorkflowFailureError, handle.result()), ActivityError)
    expect(expect_cause(error, ApplicationError).type, "SoldOut")
    undone = 2 * ["cancel hotel"] + 2 * ["cancel flight"]
    expect(deeds[handle.id], ["book flight", "book hotel", "book car"] + undone)


@activity.defn
async def call_external(request: str) -> dict[str, Any]:
    earlier = note(request)
    if request == "rate limited" and earlier < 2:
        raise ApplicationError("too many requests", type="RateLimit")
    if request == "invalid":
        raise ApplicationError("Invalid input: no id", type="InvalidInput", non_retryable=True)
    return {"found": request != "unknown"}


@workflow.defn
class Classified:
    @workflow.run
    async def run(self, request: str) -> dict[str, Any]:
        return await workflow.execute_activity(
            call_external,
            request,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(
                initial_interval=timedelta(milliseconds=100),
                backoff_coefficient=2,
                maximum_interval=timedelta(seconds=60),
                maximum_attempts=5,
            ),
        )


async def error_classification(context: Context) -> None:
    async def start(request: str) -> WorkflowHandle[Classified, dict[str, Any]]:
        return await context.client.start_workflow(
            Classified.run, request, id=context.new_id(), task_queue=context.task_queue
        )

    limited, invalid, unknown = await start("rate limited"), await start("invalid"), await start("unknown")
    expect(await limited.result(), {"found": True})
    expect(len(deeds[limited.id]), 3, "calls until the limit lets one through")
    error = expect_cause(await expect_error(WorkflowFailureError, invalid.result()), ActivityError)
    expect(expect_cause(error, ApplicationError).message, "Invalid input: no id")
    expect(len(deeds[invalid.id]), 1, "calls with invalid input")
    expect(await unknown.result(), {"found": False}, "what is not found is a result")


scenarios: dict[str, Scenario] = {
    "auto-heartbeat": auto_heartbeat_scenario,
    "deadline-aware": deadline_aware,
    "local-activity-fallback": local_activity_fallback,
    "human-approval": human_approval,
    "approval-over-http": approval_over_http,
    "polling": polling,
    "saga": saga,
    "error-classification": error_classification,
}
workflows: list[type] = [
    AutoHeartbeat,
    DeadlineAware,
    ProcessOrder,
    HumanApproval,
    Periodic,
    Polling,
    Saga,
    Classified,
]
activity_functions = [
    sleep_unaware,
    work_until_deadline,
    validate_quickly,
    validate_thoroughly,
    process_payment,
    notify_request_created,
    await_decision,
    execute_approved,
    poll_often,
    poll_once,
    look,
    book,
    cancel_booking,
    call_external,
]
