"""What a client can see of workflows from outside, and what replaying their histories shows."""

import asyncio
import uuid
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from temporalio.client import PendingActivityState, WorkflowExecutionStatus, WorkflowHistory
    from temporalio.service import RPCError, RPCStatusCode
    from temporalio.worker import Replayer, Worker

    from harness import Context, Scenario, events_of, eventually, expect, expect_error, names_of

TEN_SECONDS = timedelta(seconds=10)


@activity.defn
async def step(number: int) -> int:
    return number


@activity.defn
async def fail_for_now() -> None:
    raise ApplicationError("not yet", type="NotYet")


@workflow.defn
class Observed:
    """Runs one activity, then waits with another one in retry until it is let go."""

    def __init__(self) -> None:
        self.let_go = False

    @workflow.run
    async def run(self) -> str:
        await workflow.execute_activity(step, 1, start_to_close_timeout=TEN_SECONDS)
        pending = workflow.start_activity(
            fail_for_now,
            start_to_close_timeout=TEN_SECONDS,
            retry_policy=RetryPolicy(initial_interval=timedelta(minutes=1)),
        )
        await workflow.wait_condition(lambda: self.let_go)
        pending.cancel()
        return "seen"

    @workflow.signal
    def go(self) -> None:
        self.let_go = True


async def describe_list_count(context: Context) -> None:
    client = context.client
    handle = await client.start_workflow(
        Observed.run, id=context.new_id(), task_queue=context.task_queue, memo={"customer": "c-17", "tries": 3}
    )

    async def in_backoff() -> bool:
        pending = (await handle.describe()).raw_description.pending_activities
        return len(pending) == 1 and pending[0].attempt == 2

    await eventually(in_backoff, "the second activity waits for its second attempt")
    described = await handle.describe()
    expect(described.id, handle.id)
    expect(described.run_id, handle.result_run_id)
    expect(described.workflow_type, "Observed")
    expect(described.task_queue, context.task_queue)
    expect(described.status, WorkflowExecutionStatus.RUNNING)
    expect(await described.memo(), {"customer": "c-17", "tries": 3})
    expect(described.close_time, None)
    pending = described.raw_description.pending_activities[0]
    expect(pending.activity_type.name, "fail_for_now")
    expect(pending.state, int(PendingActivityState.SCHEDULED))
    expect(pending.last_failure.message, "not yet")

    await handle.signal(Observed.go)
    expect(await handle.result(), "seen")
    closed = await handle.describe()
    expect(closed.status, WorkflowExecutionStatus.COMPLETED)
    expect(closed.close_time is not None, True, "close time")
    expect(closed.history_length, len(await events_of(handle)), "history length")
    expect(len(closed.raw_description.pending_activities), 0, "pending activities after the end")
    builds = closed.search_attributes["BuildIds"]
    expect(any(str(each).startswith("unversioned:") for each in builds), True, f"the worker's build in {builds}")

    other_id = context.new_id("-other")
    await client.execute_workflow(Steps.run, args=[1, 1], id=other_id, task_queue=context.task_queue)
    by_id = f"WorkflowId = '{handle.id}'"
    both = f"({by_id} OR WorkflowId = '{other_id}') AND ExecutionStatus = 'Completed'"

    async def both_listed() -> bool:
        return len([each async for each in client.list_workflows(both)]) == 2

    # A visibility store of its own may be behind.
    await eventually(both_listed, "both workflows are listed as completed")
    expect([each.workflow_type async for each in client.list_workflows(f"{both} AND WorkflowType = 'Steps'")], ["Steps"])
    listed = [each async for each in client.list_workflows(by_id)]
    expect([(each.id, each.run_id) for each in listed], [(handle.id, handle.result_run_id)])
    expect(await listed[0].memo(), {"customer": "c-17", "tries": 3}, "memo in the list")
    expect([each.id async for each in client.list_workflows(f"{by_id} AND ExecutionStatus = 'Running'")], [])
    expect((await client.count_workflows(both)).count, 2)
    expect((await client.count_workflows(f"{by_id} AND ExecutionStatus = 'Failed'")).count, 0)
    paged = [each.id async for each in client.list_workflows(both, page_size=1)]
    expect(sorted(paged), sorted([handle.id, other_id]), "two pages of one")

    nobody = client.get_workflow_handle("python-nobody")
    expect((await expect_error(RPCError, nobody.describe())).status, RPCStatusCode.NOT_FOUND)
    bad = client.list_workflows("WorkflowId ===")
    expect((await expect_error(RPCError, anext(bad))).status, RPCStatusCode.INVALID_ARGUMENT, "a query that is none")


@workflow.defn
class Steps:
    @workflow.run
    async def run(self, rounds: int, width: int) -> int:
        total = 0
        for index in range(rounds):
            batch = (
                workflow.execute_activity(step, index * width + each, start_to_close_timeout=TEN_SECONDS)
                for each in range(width)
            )
            total += sum(await asyncio.gather(*batch))
        return total


async def big_history(context: Context) -> None:
    """Nothing is cached, so every workflow task comes with the whole history, page by page."""
    queue = f"{context.task_queue}-uncached-{uuid.uuid4()}"
    async with Worker(
        context.client, task_queue=queue, workflows=[Steps], activities=[step], max_cached_workflows=0
    ):
        handle = await context.client.start_workflow(Steps.run, args=[40, 5], id=context.new_id(), task_queue=queue)
        expect(await handle.result(), sum(range(200)))
    events = await events_of(handle)
    expect(names_of(events).count("ACTIVITY_TASK_COMPLETED"), 200)
    expect(len(events) > 600, True, f"{len(events)} events")
    small_pages = [event.event_id async for event in handle.fetch_history_events(page_size=7)]
    expect(small_pages, [event.event_id for event in events], "pages of seven")


@workflow.defn(name="Steps")
class StepsWithAnotherOrder:
    """What a careless change of `Steps` would be."""

    @workflow.run
    async def run(self, rounds: int, width: int) -> int:
        await workflow.sleep(1)
        return rounds * width


async def replay(context: Context) -> None:
    observed = await context.client.start_workflow(Observed.run, id=context.new_id(), task_queue=context.task_queue)
    await observed.signal(Observed.go)
    await observed.result()
    steps = await context.client.start_workflow(
        Steps.run, args=[3, 4], id=context.new_id("-steps"), task_queue=context.task_queue
    )
    await steps.result()
    replayer = Replayer(workflows=[Observed, Steps])
    for handle in (observed, steps):
        history = await handle.fetch_history()
        await replayer.replay_workflow(history)
        # Through JSON too, as it is kept in files.
        await replayer.replay_workflow(WorkflowHistory.from_json(handle.id, history.to_json()))
    changed = Replayer(workflows=[StepsWithAnotherOrder])
    result = await changed.replay_workflow(await steps.fetch_history(), raise_on_replay_failure=False)
    expect(isinstance(result.replay_failure, workflow.NondeterminismError), True, f"{result.replay_failure!r}")


scenarios: dict[str, Scenario] = {
    "describe-list-count": describe_list_count,
    "big-history": big_history,
    "replay": replay,
}
workflows: list[type] = [Observed, Steps]
activity_functions = [step, fail_for_now]
