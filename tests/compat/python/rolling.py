"""Workers that are replaced by others while there is work."""

import asyncio
import uuid
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

with workflow.unsafe.imports_passed_through():
    from temporalio.worker import PollerBehaviorAutoscaling, Worker

    from harness import Context, Scenario, events_of, expect

WORKERS = 6
STARTS_PER_WORKER = 30


@activity.defn
async def double(number: int) -> int:
    return 2 * number


@workflow.defn
class Doubling:
    @workflow.run
    async def run(self, steps: int) -> int:
        result = 1
        for _ in range(steps):
            result = await workflow.execute_activity(double, result, start_to_close_timeout=timedelta(seconds=10))
        return result


async def worker(context: Context, queue: str) -> Worker:
    # A client has one worker for a task queue.
    client = await Client.connect(context.address, namespace=context.namespace)
    pollers = PollerBehaviorAutoscaling(minimum=1, maximum=10, initial=2)
    return Worker(
        client,
        task_queue=queue,
        workflows=[Doubling],
        activities=[double],
        workflow_task_poller_behavior=pollers,
        activity_task_poller_behavior=pollers,
        # Otherwise the SDK cancels what it has begun, and a slow process has begun what it has not come to yet.
        graceful_shutdown_timeout=timedelta(seconds=60),
    )


async def rolling_workers(context: Context) -> None:
    queue = f"{context.task_queue}-rolling-{uuid.uuid4()}"
    namespace = await context.client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=context.namespace)
    )
    current = await worker(context, queue)
    running = asyncio.create_task(current.run())
    handles = []
    for _ in range(WORKERS):
        for _ in range(STARTS_PER_WORKER):
            handles.append(
                await context.client.start_workflow(Doubling.run, 3, id=context.new_id(), task_queue=queue)
            )
            await asyncio.sleep(0.01)
        replacement = await worker(context, queue)
        replacing = asyncio.create_task(replacement.run())
        await current.shutdown()
        await running
        current, running = replacement, replacing
    results = await asyncio.gather(*(handle.result() for handle in handles))
    await current.shutdown()
    await running
    expect(results, [8] * len(handles), "results")
    if not namespace.namespace_info.capabilities.worker_poll_complete_on_shutdown:
        return
    # A server that says so ends the polls itself, and tells a worker that nothing comes any more after it has sent it what it was given: SDKs drop what
    # arrives later. This one may still read both at once when its process is short of time, and lose a task; never, as without that, one for each poll.
    again = []
    for handle in handles:
        started = [event.activity_task_started_event_attributes for event in await events_of(handle)]
        again += [attributes.last_failure for attributes in started if attributes.attempt > 1]
    if len(again) >= WORKERS:
        raise AssertionError(f"{len(again)} activities were tried again: {again}")


scenarios: dict[str, Scenario] = {"rolling-workers": rolling_workers}
