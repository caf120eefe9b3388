"""What operators do to workflows that run: reset them, pause them, and start them again while they are there."""

from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import WorkflowIDConflictPolicy

with workflow.unsafe.imports_passed_through():
    from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
    from temporalio.api.enums.v1 import EventType
    from temporalio.api.enums.v1 import WorkflowExecutionStatus as ExecutionStatus
    from temporalio.api.enums.v1 import WorkflowIdConflictPolicy as ConflictPolicy
    from temporalio.api.taskqueue.v1 import TaskQueue
    from temporalio.api.workflow.v1 import OnConflictOptions
    from temporalio.api.workflowservice.v1 import (
        DeleteWorkflowExecutionRequest,
        DescribeWorkflowExecutionRequest,
        PauseWorkflowExecutionRequest,
        ResetWorkflowExecutionRequest,
        StartWorkflowExecutionRequest,
        UnpauseWorkflowExecutionRequest,
    )
    from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
    from temporalio.service import RPCError, RPCStatusCode
    from temporalio.worker import Replayer

    from harness import Context, Scenario, events_of, eventually, expect, expect_error, expect_that, names_of, one

TEN_SECONDS = timedelta(seconds=10)


@activity.defn
async def visit(stop: str) -> str:
    return stop


@workflow.defn
class Companion:
    """Waits for its parent's word, and outlives what is reset."""

    def __init__(self) -> None:
        self.told = False

    @workflow.run
    async def run(self) -> str:
        await workflow.wait_condition(lambda: self.told)
        return "companion"

    @workflow.signal
    def tell(self) -> None:
        self.told = True


@workflow.defn
class Journey:
    def __init__(self) -> None:
        self.seen: list[str] = []
        self.arrived = False

    @workflow.run
    async def run(self) -> list[str]:
        companion = await workflow.start_child_workflow(
            Companion.run, id=f"{workflow.info().workflow_id}-companion"
        )
        self.seen.append(await workflow.execute_activity(visit, "first", start_to_close_timeout=TEN_SECONDS))
        await workflow.wait_condition(lambda: self.arrived)
        self.seen.append(await companion)
        return self.seen

    @workflow.signal
    def note(self, stop: str) -> None:
        self.seen.append(stop)

    @workflow.update
    def change(self, stop: str) -> int:
        self.seen.append(stop)
        return len(self.seen)

    @workflow.signal
    def arrive(self) -> None:
        self.arrived = True

    @workflow.query
    def stops(self) -> list[str]:
        return self.seen


Handle = WorkflowHandle[Journey, list[str]]


async def set_out(context: Context) -> Handle:
    handle = await context.client.start_workflow(Journey.run, id=context.new_id(), task_queue=context.task_queue)

    async def begun() -> bool:
        return await handle.query(Journey.stops) == ["first"]

    await eventually(begun, "the first stop is seen")
    return handle


async def reset(context: Context) -> None:
    handle = await set_out(context)
    base_run_id = handle.first_execution_run_id or ""
    completed = [
        event.event_id
        for event in await events_of(handle)
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    ]
    await handle.signal(Journey.note, "signalled")
    expect(await handle.execute_update(Journey.change, "changed", id="the-change"), 3)
    request = ResetWorkflowExecutionRequest(
        namespace=context.namespace,
        workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=base_run_id),
        reason="wrong turn",
        workflow_task_finish_event_id=completed[-1],
        request_id="the-reset",
    )
    run_id = (await context.client.workflow_service.reset_workflow_execution(request)).run_id

    again = context.client.get_workflow_handle_for(Journey.run, handle.id, run_id=run_id)
    expect((await context.client.get_workflow_handle(handle.id, run_id=base_run_id).describe()).status, WorkflowExecutionStatus.TERMINATED)

    async def same_stops() -> bool:
        return await again.query(Journey.stops) == ["signalled", "changed", "first"]

    await eventually(same_stops, "the new run has seen what the old one had")
    # What had been said comes before what the workflow does anew. The update is answered anew too, under its id.
    expect(await again.execute_update(Journey.change, "not asked again", id="the-change"), 2)
    await again.signal(Journey.arrive)
    await context.client.get_workflow_handle(f"{handle.id}-companion").signal(Companion.tell)
    expect(await again.result(), ["signalled", "changed", "first", "companion"])
    names = names_of(await events_of(again))
    expect_that("WORKFLOW_EXECUTION_UPDATE_ADMITTED" in names, f"the update is in {names}")
    for run in (base_run_id, run_id):
        history = await context.client.get_workflow_handle(handle.id, run_id=run).fetch_history()
        await Replayer(workflows=[Journey]).replay_workflow(history)


async def pause_workflow(context: Context) -> None:
    handle = await set_out(context)
    service = context.client.workflow_service
    by = {"namespace": context.namespace, "workflow_id": handle.id, "identity": "operator", "request_id": "a-pause"}
    await service.pause_workflow_execution(PauseWorkflowExecutionRequest(**by, reason="look at it"))
    # The SDK itself cannot read the description of a paused workflow.
    described = await service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=context.namespace, execution=WorkflowExecution(workflow_id=handle.id)
        )
    )
    expect(described.workflow_execution_info.status, ExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED)
    expect(described.workflow_extended_info.pause_info.reason, "look at it")
    await handle.signal(Journey.note, "while paused")
    refused = await expect_error(RPCError, handle.execute_update(Journey.change, "not now"))
    expect(refused.status, RPCStatusCode.FAILED_PRECONDITION)
    await service.unpause_workflow_execution(UnpauseWorkflowExecutionRequest(**by, reason="looked"))

    async def noted() -> bool:
        return await handle.query(Journey.stops) == ["first", "while paused"]

    await eventually(noted, "what came while it was paused is seen")
    await handle.signal(Journey.arrive)
    await context.client.get_workflow_handle(f"{handle.id}-companion").signal(Companion.tell)
    expect(await handle.result(), ["first", "while paused", "companion"])
    await Replayer(workflows=[Journey]).replay_workflow(await handle.fetch_history())


async def join_running(context: Context) -> None:
    handle = await set_out(context)
    service = context.client.workflow_service
    request = StartWorkflowExecutionRequest(
        namespace=context.namespace,
        workflow_id=handle.id,
        workflow_type=WorkflowType(name="Journey"),
        task_queue=TaskQueue(name=context.task_queue),
        request_id="the-second-start",
        workflow_id_conflict_policy=ConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
        on_conflict_options=OnConflictOptions(attach_request_id=True),
    )
    for _ in range(2):
        joined = await service.start_workflow_execution(request)
        expect((joined.run_id, joined.started), (handle.first_execution_run_id, False))
        reference = joined.link.workflow_event.request_id_ref
        expect(reference.request_id, "the-second-start")
        expect(reference.event_type, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED)
    described = await service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=context.namespace, execution=WorkflowExecution(workflow_id=handle.id)
        )
    )
    info = described.workflow_extended_info.request_id_infos["the-second-start"]
    names = names_of(await events_of(handle))
    expect(names.count("WORKFLOW_EXECUTION_OPTIONS_UPDATED"), 1)
    expect(names[info.event_id - 1], "WORKFLOW_EXECUTION_OPTIONS_UPDATED")
    # By the SDK's own means it is the same run.
    same = await context.client.start_workflow(
        Journey.run,
        id=handle.id,
        task_queue=context.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    expect(same.first_execution_run_id, handle.first_execution_run_id)
    await handle.signal(Journey.arrive)
    await context.client.get_workflow_handle(f"{handle.id}-companion").signal(Companion.tell)
    expect(await handle.result(), ["first", "companion"])
    await Replayer(workflows=[Journey]).replay_workflow(await handle.fetch_history())


async def delay_and_delete(context: Context) -> None:
    delay = timedelta(seconds=1.5)
    handle = await context.client.start_workflow(
        Companion.run, id=context.new_id(), task_queue=context.task_queue, start_delay=delay
    )

    async def begun() -> bool:
        return "WORKFLOW_TASK_COMPLETED" in names_of(await events_of(handle))

    await eventually(begun, "its delay is over")
    events = await events_of(handle)
    waited = one(events, "WORKFLOW_TASK_SCHEDULED").event_time.ToDatetime() - events[0].event_time.ToDatetime()
    expect_that(waited >= delay, f"waited {waited}")
    await handle.signal(Companion.tell)
    expect(await handle.result(), "companion")

    await context.client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=context.namespace, workflow_execution=WorkflowExecution(workflow_id=handle.id)
        )
    )

    async def gone() -> bool:
        try:
            await handle.describe()
            return False
        except RPCError as error:
            return error.status == RPCStatusCode.NOT_FOUND

    await eventually(gone, "it is gone")
    refused = await expect_error(RPCError, handle.signal(Companion.tell))
    expect(refused.status, RPCStatusCode.NOT_FOUND)

    async def unlisted() -> bool:
        return (await context.client.count_workflows(f"WorkflowId = '{handle.id}'")).count == 0

    await eventually(unlisted, "no list has it")


scenarios: dict[str, Scenario] = {
    "reset": reset,
    "delay-and-delete": delay_and_delete,
    "pause-workflow": pause_workflow,
    "join-running": join_running,
}
workflows: list[type] = [Journey, Companion]
activity_functions = [visit]
