"""Workflows that answer updates, speak to each other, follow each other, and say things of themselves."""

import uuid
from datetime import timedelta

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes, WorkflowIDConflictPolicy

with workflow.unsafe.imports_passed_through():
    from temporalio.api.enums.v1 import IndexedValueType
    from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
    from temporalio.client import (
        WithStartWorkflowOperation,
        WorkflowExecutionStatus,
        WorkflowFailureError,
        WorkflowUpdateFailedError,
        WorkflowUpdateStage,
    )
    from temporalio.exceptions import ApplicationError, CancelledError, ChildWorkflowError, WorkflowAlreadyStartedError
    from temporalio.service import RPCError

    from harness import Context, Scenario, events_of, eventually, expect, expect_cause, expect_error, names_of, one

COLOR = SearchAttributeKey.for_keyword("PythonColor")
TRIES = SearchAttributeKey.for_int("PythonTries")


@workflow.defn
class Account:
    """Its balance changes by updates, until it is closed."""

    def __init__(self) -> None:
        self.balance = 0
        self.granted = False
        self.closed = False

    @workflow.run
    async def run(self) -> int:
        await workflow.wait_condition(lambda: self.closed and workflow.all_handlers_finished())
        return self.balance

    @workflow.update
    async def deposit(self, amount: int) -> int:
        self.balance += amount
        return self.balance

    @deposit.validator
    def check_deposit(self, amount: int) -> None:
        if amount <= 0:
            raise ApplicationError("only more than nothing", type="TooLittle")

    @workflow.update
    async def withdraw(self, amount: int) -> int:
        await workflow.wait_condition(lambda: self.granted)
        if amount > self.balance:
            raise ApplicationError("more than there is", type="Overdrawn")
        self.balance -= amount
        return self.balance

    @workflow.signal
    def grant(self) -> None:
        self.granted = True

    @workflow.signal
    def close(self) -> None:
        self.closed = True


async def updates(context: Context) -> None:
    account = await context.client.start_workflow(Account.run, id=context.new_id(), task_queue=context.task_queue)
    expect(await account.execute_update(Account.deposit, 100, id="first"), 100)
    expect(await account.execute_update(Account.deposit, 100, id="first"), 100, "the same id is the same update")
    events = len(await events_of(account))
    refused = await expect_error(WorkflowUpdateFailedError, account.execute_update(Account.deposit, -1))
    expect(expect_cause(refused, ApplicationError).type, "TooLittle")
    expect(len(await events_of(account)), events, "a refused update leaves no event")

    waiting = await account.start_update(Account.withdraw, 30, wait_for_stage=WorkflowUpdateStage.ACCEPTED)
    overdrawn = await account.start_update(Account.withdraw, 1_000, wait_for_stage=WorkflowUpdateStage.ACCEPTED)
    await account.signal(Account.grant)
    expect(await waiting.result(), 70)
    expect(await account.get_update_handle(waiting.id, result_type=int).result(), 70, "asked for later")
    failed = await expect_error(WorkflowUpdateFailedError, overdrawn.result())
    expect(expect_cause(failed, ApplicationError).type, "Overdrawn")
    await account.signal(Account.close)
    expect(await account.result(), 70)
    names = names_of(await events_of(account))
    expect(names.count("WORKFLOW_EXECUTION_UPDATE_ACCEPTED"), 3)
    expect(names.count("WORKFLOW_EXECUTION_UPDATE_COMPLETED"), 3)
    await expect_error(RPCError, account.execute_update(Account.deposit, 1))


async def update_with_start(context: Context) -> None:
    workflow_id = context.new_id()

    def starting() -> WithStartWorkflowOperation[Account, int]:
        return WithStartWorkflowOperation(
            Account.run,
            id=workflow_id,
            task_queue=context.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )

    runs = set()
    for expected in (5, 10):
        operation = starting()
        balance = await context.client.execute_update_with_start_workflow(
            Account.deposit, 5, start_workflow_operation=operation
        )
        expect(balance, expected)
        runs.add((await operation.workflow_handle()).result_run_id)
    expect(len(runs), 1, "runs that were started")
    account = context.client.get_workflow_handle_for(Account.run, workflow_id)
    await account.signal(Account.close)
    expect(await account.result(), 10)


@workflow.defn
class Listener:
    """Hears one word, or of its cancellation."""

    def __init__(self) -> None:
        self.heard: str | None = None

    @workflow.run
    async def run(self) -> str:
        await workflow.wait_condition(lambda: self.heard is not None)
        return self.heard or ""

    @workflow.signal
    def word(self, what: str) -> None:
        self.heard = what


@workflow.defn
class Speaker:
    @workflow.run
    async def run(self, listener: str, cancelled: str, nobody: str) -> list[str]:
        await workflow.get_external_workflow_handle_for(Listener.run, listener).signal(Listener.word, "hello")
        await workflow.get_external_workflow_handle(cancelled).cancel()
        failures = []
        gone = workflow.get_external_workflow_handle(nobody)
        for speak in (gone.signal("word", "hello"), gone.cancel()):
            try:
                await speak
            except ApplicationError as error:
                failures.append(error.type or "")
        return failures


async def external_messages(context: Context) -> None:
    queue = context.task_queue
    listener = await context.client.start_workflow(Listener.run, id=context.new_id("-listener"), task_queue=queue)
    cancelled = await context.client.start_workflow(Listener.run, id=context.new_id("-cancelled"), task_queue=queue)
    speaker = await context.client.start_workflow(
        Speaker.run, args=[listener.id, cancelled.id, f"nobody-{uuid.uuid4()}"], id=context.new_id(), task_queue=queue
    )
    expect(len(await speaker.result()), 2, "failures of what is said to nobody")
    expect(await listener.result(), "hello")
    error = await expect_error(WorkflowFailureError, cancelled.result())
    expect_cause(error, CancelledError)
    names = names_of(await events_of(speaker))
    for event in ("EXTERNAL_WORKFLOW_EXECUTION_SIGNALED", "EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED"):
        expect(names.count(event), 1, event)
    for event in ("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED", "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED"):
        expect(names.count(event), 1, event)
    heard = one(await events_of(listener), "WORKFLOW_EXECUTION_SIGNALED")
    expect(heard.workflow_execution_signaled_event_attributes.external_workflow_execution.workflow_id, speaker.id)


@workflow.defn
class FailingChild:
    @workflow.run
    async def run(self) -> None:
        raise ApplicationError("no", type="Naughty")


@workflow.defn
class Parent:
    """Has children that outlast it, each by another policy; then one that fails, one that it cancels, and one that is there already."""

    @workflow.run
    async def run(self) -> list[str]:
        own = workflow.info().workflow_id
        for policy in workflow.ParentClosePolicy:
            if policy is not workflow.ParentClosePolicy.UNSPECIFIED:
                await workflow.start_child_workflow(
                    Listener.run, id=f"{own}-{policy.name}", parent_close_policy=policy
                )
        said: list[str] = []
        try:
            await workflow.execute_child_workflow(FailingChild.run)
        except ChildWorkflowError as error:
            cause = error.__cause__
            said.append(cause.type or "" if isinstance(cause, ApplicationError) else repr(cause))
        cancelled = await workflow.start_child_workflow(Listener.run, id=f"{own}-cancelled")
        cancelled.cancel()
        try:
            await cancelled
        except ChildWorkflowError as error:
            said.append(type(error.__cause__).__name__)
        try:
            await workflow.start_child_workflow(Listener.run, id=f"{own}-ABANDON")
        except WorkflowAlreadyStartedError:
            said.append("already started")
        return said


async def child_policies(context: Context) -> None:
    parent = await context.client.start_workflow(Parent.run, id=context.new_id(), task_queue=context.task_queue)
    expect(await parent.result(), ["Naughty", "CancelledError", "already started"])

    def child(policy: str):
        return context.client.get_workflow_handle(f"{parent.id}-{policy}")

    for policy, status in (
        ("TERMINATE", WorkflowExecutionStatus.TERMINATED),
        ("REQUEST_CANCEL", WorkflowExecutionStatus.CANCELED),
    ):

        async def has_ended() -> bool:
            return (await child(policy).describe()).status == status

        await eventually(has_ended, f"the child with {policy} is {status}")
    expect((await child("ABANDON").describe()).status, WorkflowExecutionStatus.RUNNING)
    await child("ABANDON").signal(Listener.word, "go on")
    expect(await child("ABANDON").result(), "go on")


@workflow.defn
class Counting:
    @workflow.run
    async def run(self) -> int:
        last = workflow.get_last_completion_result(int) if workflow.has_last_completion_result() else 0
        return last + 1


async def cron(context: Context) -> None:
    handle = await context.client.start_workflow(
        Counting.run, id=context.new_id(), task_queue=context.task_queue, cron_schedule="@every 1s"
    )
    first_run = handle.first_execution_run_id
    latest = context.client.get_workflow_handle(handle.id)

    async def has_gone_on() -> bool:
        description = await latest.describe()
        started = (await events_of(latest))[0].workflow_execution_started_event_attributes
        expect(started.first_execution_run_id, first_run)
        expect(started.cron_schedule, "@every 1s")
        return description.run_id != first_run and started.last_completion_result.payloads[0].data == b"2"

    await eventually(has_gone_on, "a third run knows the result of the second")
    await latest.terminate()


@workflow.defn
class Relay:
    @workflow.run
    async def run(self, laps: int, ran: list[str]) -> list[str]:
        ran = [*ran, workflow.info().run_id]
        if laps > 1:
            workflow.continue_as_new(args=[laps - 1, ran])
        return ran


async def continue_as_new(context: Context) -> None:
    handle = await context.client.start_workflow(
        Relay.run, args=[3, []], id=context.new_id(), task_queue=context.task_queue, memo={"baton": "red"}
    )
    runs = await handle.result()
    expect(len(set(runs)), 3, "runs")
    for index, run_id in enumerate(runs):
        run = context.client.get_workflow_handle(handle.id, run_id=run_id)
        description = await run.describe()
        expect(await description.memo(), {"baton": "red"})
        started = (await events_of(run))[0].workflow_execution_started_event_attributes
        expect(started.first_execution_run_id, runs[0])
        expect(started.continued_execution_run_id, runs[index - 1] if index > 0 else "")


@workflow.defn
class Telling:
    def __init__(self) -> None:
        self.done = False

    @workflow.run
    async def run(self) -> str:
        workflow.upsert_search_attributes([COLOR.value_set("blue"), TRIES.value_unset()])
        workflow.upsert_memo({"note": "changed", "gone": None})
        workflow.set_current_details("waiting for the end")
        await workflow.sleep(timedelta(milliseconds=1), summary="a short nap")
        await workflow.wait_condition(lambda: self.done)
        return str(workflow.memo_value("note"))

    @workflow.signal
    def finish(self) -> None:
        self.done = True


async def upserts(context: Context) -> None:
    types = {COLOR.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD, TRIES.name: IndexedValueType.INDEXED_VALUE_TYPE_INT}
    request = AddSearchAttributesRequest(namespace=context.namespace, search_attributes=types)
    await context.client.operator_service.add_search_attributes(request)
    handle = await context.client.start_workflow(
        Telling.run,
        id=context.new_id(),
        task_queue=context.task_queue,
        memo={"note": "first", "gone": 1, "kept": True},
        search_attributes=TypedSearchAttributes([SearchAttributePair(COLOR, "red"), SearchAttributePair(TRIES, 3)]),
        static_summary="tells things",
        static_details="of itself",
    )

    async def is_found() -> bool:
        query = f"{COLOR.name} = 'blue' AND {TRIES.name} IS NULL AND WorkflowId = '{handle.id}'"
        return (await context.client.count_workflows(query)).count == 1

    await eventually(is_found, "the workflow is found by its new color")
    description = await handle.describe()
    expect(description.typed_search_attributes.get(COLOR), "blue")
    expect(description.typed_search_attributes.get(TRIES), None)
    expect(await description.memo(), {"note": "changed", "kept": True})
    expect((await description.static_summary(), await description.static_details()), ("tells things", "of itself"))
    timer = one(await events_of(handle), "TIMER_STARTED")
    expect(timer.user_metadata.summary.data, b'"a short nap"')
    expect(await handle.query("__temporal_workflow_metadata", result_type=dict) is not None, True)
    await handle.signal(Telling.finish)
    expect(await handle.result(), "changed")


scenarios: dict[str, Scenario] = {
    "updates": updates,
    "update-with-start": update_with_start,
    "external-messages": external_messages,
    "child-policies": child_policies,
    "cron": cron,
    "continue-as-new": continue_as_new,
    "upserts": upserts,
}
workflows: list[type] = [
    Account,
    Listener,
    Speaker,
    FailingChild,
    Parent,
    Counting,
    Relay,
    Telling,
]
activity_functions: list = []
