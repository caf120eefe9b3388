"""Signals and queries."""

import asyncio
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import QueryRejectCondition

with workflow.unsafe.imports_passed_through():
    from temporalio.client import (
        WorkflowExecutionStatus,
        WorkflowHandle,
        WorkflowQueryFailedError,
        WorkflowQueryRejectedError,
    )
    from temporalio.service import RPCError, RPCStatusCode

    from harness import Context, Scenario, events_of, eventually, expect, expect_error, names_of


@activity.defn
async def pause(seconds: float) -> None:
    await asyncio.sleep(seconds)


@workflow.defn
class Basket:
    """Collects what is signalled until it is checked out."""

    def __init__(self) -> None:
        self.items: list[str] = []
        self.checked_out = False

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: self.checked_out)
        # Signals that arrive during the last activity are still received, in the task after it.
        await workflow.execute_activity(pause, 0.05, start_to_close_timeout=timedelta(seconds=10))
        return self.items

    @workflow.signal
    def add(self, item: str, count: int) -> None:
        self.items.extend([item] * count)

    @workflow.signal(name="check-out")
    def check_out(self) -> None:
        self.checked_out = True

    @workflow.query
    def size(self) -> int:
        return len(self.items)

    @workflow.query
    def has(self, item: str) -> bool:
        return item in self.items

    @workflow.query
    def broken(self) -> str:
        raise ValueError("this query cannot be answered")


async def signal(context: Context) -> None:
    handle = await context.client.start_workflow(Basket.run, id=context.new_id(), task_queue=context.task_queue)
    for item, count in (("apple", 1), ("pear", 2), ("plum", 1)):
        await handle.signal(Basket.add, args=[item, count])
    await handle.signal("check-out")
    expect(await handle.result(), ["apple", "pear", "pear", "plum"])
    expect(names_of(await events_of(handle)).count("WORKFLOW_EXECUTION_SIGNALED"), 4)
    late = await expect_error(RPCError, handle.signal("check-out"))
    expect(late.status, RPCStatusCode.NOT_FOUND, "a signal after the end")
    nobody = context.client.get_workflow_handle("python-nobody")
    expect((await expect_error(RPCError, nobody.signal("check-out"))).status, RPCStatusCode.NOT_FOUND)


async def signal_with_start(context: Context) -> None:
    workflow_id = context.new_id()

    async def add(item: str) -> WorkflowHandle[Basket, list[str]]:
        return await context.client.start_workflow(
            Basket.run,
            id=workflow_id,
            task_queue=context.task_queue,
            start_signal="add",
            start_signal_args=[item, 1],
        )

    first = await add("apple")
    second = await add("pear")
    expect(second.result_run_id, first.result_run_id, "the run that the second call found")
    await first.signal("check-out")
    expect(await first.result(), ["apple", "pear"])
    names = names_of(await events_of(first))
    expect(names[:3], ["WORKFLOW_EXECUTION_STARTED", "WORKFLOW_EXECUTION_SIGNALED", "WORKFLOW_TASK_SCHEDULED"])
    third = await add("plum")
    expect(third.result_run_id == first.result_run_id, False, "a new run after the end")
    await third.signal("check-out")
    expect(await third.result(), ["plum"])


async def query(context: Context) -> None:
    handle = await context.client.start_workflow(Basket.run, id=context.new_id(), task_queue=context.task_queue)
    expect(await handle.query(Basket.size), 0, "before any signal")
    await handle.signal(Basket.add, args=["apple", 2])
    expect(await handle.query(Basket.size), 2, "a query sees the signal before it")
    expect(await handle.query(Basket.has, "apple"), True)
    expect(await handle.query(Basket.has, "pear"), False)
    unknown = await expect_error(WorkflowQueryFailedError, handle.query("weight"))
    expect("weight" in str(unknown), True, f"the unknown query is named in {unknown}")
    broken = await expect_error(WorkflowQueryFailedError, handle.query(Basket.broken))
    expect(str(broken), "this query cannot be answered")
    await handle.signal("check-out")
    await handle.result()
    expect(await handle.query(Basket.size), 2, "after the end")
    rejected = await expect_error(
        WorkflowQueryRejectedError, handle.query(Basket.size, reject_condition=QueryRejectCondition.NOT_OPEN)
    )
    expect(rejected.status, WorkflowExecutionStatus.COMPLETED)
    names = names_of(await events_of(handle))
    expect(names.count("WORKFLOW_EXECUTION_SIGNALED"), 2, "signals in history")
    nobody = context.client.get_workflow_handle("python-nobody")
    expect((await expect_error(RPCError, nobody.query("size"))).status, RPCStatusCode.NOT_FOUND)


@workflow.defn
class Busy:
    """Signalled while an activity runs, queried all the time: queries ride on workflow tasks and go past them."""

    def __init__(self) -> None:
        self.rounds = 0
        self.stopped = False

    @workflow.run
    async def run(self) -> int:
        while not self.stopped:
            await workflow.execute_activity(pause, 0.01, start_to_close_timeout=timedelta(seconds=10))
            self.rounds += 1
        return self.rounds

    @workflow.signal
    def stop(self) -> None:
        self.stopped = True

    @workflow.query
    def progress(self) -> int:
        return self.rounds


async def query_while_busy(context: Context) -> None:
    handle = await context.client.start_workflow(Busy.run, id=context.new_id(), task_queue=context.task_queue)
    seen: list[int] = []

    async def twenty_answers() -> bool:
        seen.append(await handle.query(Busy.progress))
        return len(seen) >= 20 and seen[-1] >= 3

    await eventually(twenty_answers, "twenty queries are answered")
    expect(seen, sorted(seen), "a later query never sees less")
    await handle.signal(Busy.stop)
    rounds = await handle.result()
    expect(rounds >= seen[-1], True, "the result counts what the queries saw")
    expect(await handle.query(Busy.progress), rounds)


scenarios: dict[str, Scenario] = {
    "signal": signal,
    "signal-with-start": signal_with_start,
    "query": query,
    "query-while-busy": query_while_busy,
}
workflows: list[type] = [Basket, Busy]
activity_functions = [pause]
