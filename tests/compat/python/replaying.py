"""The histories of every workflow that the other scenarios have run, under the code that made them, in the official replayer."""

from collections import Counter
from collections.abc import AsyncIterator

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

import calling
import controlling
import dispatching
import ending
import heartbeat
import messaging
import observing
import outlasting
import patterns
import relating
import rolling
import running
import standalone
import versions
from harness import Context, Scenario, expect, expect_that
from seeds import advanced, long_running_workflows, orders_workflows, training_workflows

topics = [running, messaging, ending, observing, outlasting, patterns, dispatching, standalone, calling, controlling, relating]
with_own_workers: list[type] = [
    dispatching.Ticking,
    dispatching.EagerTick,
    dispatching.OutlivesWorker,
    heartbeat.Resumable,
    rolling.Doubling,
    versions.Staying,
    versions.Moving,
    advanced.Configured,
    advanced.Mistaken,
    long_running_workflows.FileWorkflow,
    long_running_workflows.CancellableFileWorkflow,
    long_running_workflows.BatchWorkflow,
    orders_workflows.OrderWorkflow,
    training_workflows.MyDataWorkflow,
    training_workflows.MyDataWorkflowWithRetryPolicy,
    training_workflows.LoanApprovalWorkflow,
    training_workflows.LargeFileWorkflow,
    training_workflows.NotificationWorkflow,
]


async def replay_all(context: Context) -> None:
    replayer = Replayer(workflows=[workflow for topic in topics for workflow in topic.workflows] + with_own_workers)
    types: Counter[str] = Counter()

    async def histories() -> AsyncIterator[WorkflowHistory]:
        async for found in context.client.list_workflows("TaskQueue STARTS_WITH 'python-'"):
            handle = context.client.get_workflow_handle(found.id, run_id=found.run_id)
            history = await handle.fetch_history()
            # One that no worker has answered for is nobody's doing.
            if any(event.HasField("workflow_task_completed_event_attributes") for event in history.events):
                types[found.workflow_type] += 1
                yield history

    results = await replayer.replay_workflows(histories(), raise_on_replay_failure=False)
    expect(results.replay_failures, {}, "histories that do not replay, by run")
    expect_that(len(types) >= 30, f"many types of workflows were replayed: {types}")


scenarios: dict[str, Scenario] = {"replay-all": replay_all}
