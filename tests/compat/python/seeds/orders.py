"""What the worker patterns promise: transient errors are retried, business errors are not, and the order is cancelled."""

import uuid

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from harness import Context, Scenario, expect, expect_cause, expect_error
from seeds import fakes
from seeds.orders_activities import (
    OrderInput,
    OrderResult,
    cancel_order_activity,
    create_order,
    process_payment,
    reserve_inventory,
    send_notification,
)
from seeds.orders_workflows import OrderWorkflow


def order_worker(client: Client, queue: str) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        workflows=[OrderWorkflow],
        activities=[create_order, process_payment, reserve_inventory, cancel_order_activity, send_notification],
    )


async def order_processing(context: Context) -> None:
    queue = f"python-order-processing-{uuid.uuid4()}"
    payments = "POST https://payments.example.com/charge"
    # As its own client, like the document's worker.
    client = await Client.connect(context.address, namespace=context.namespace)

    async def start_order_workflow(order: OrderInput) -> WorkflowHandle[OrderWorkflow, OrderResult]:
        return await client.start_workflow(
            OrderWorkflow.run, order, id=context.new_id(f"-{order.order_id}"), task_queue=queue
        )

    def new_order(amount: float) -> OrderInput:
        order_id = str(uuid.uuid4())
        return OrderInput(order_id, amount, [f"buyer of {order_id}", f"seller of {order_id}"])

    async with order_worker(client, queue):
        order = new_order(100)
        fakes.failing[f"{payments} {order.order_id}"] = 2
        result = await (await start_order_workflow(order)).result()
        expect(result, OrderResult(order.order_id, 100))
        expect(fakes.happened[f"{payments} {order.order_id}"], 3, "payments tried")
        expect([fakes.happened[f"email {name}"] for name in order.recipients], [1, 1], "mails")
        expect(fakes.happened[f"reserve {order.order_id}"], 1)

        declined = new_order(5000)
        failure = await expect_error(WorkflowFailureError, (await start_order_workflow(declined)).result())
        error = expect_cause(expect_cause(failure, ActivityError), ApplicationError)
        expect((error.message, error.type, error.non_retryable), ("Payment declined", "PaymentDeclined", True))
        expect(fakes.happened[f"{payments} {declined.order_id}"], 1, "declined payments tried")
        expect(fakes.stored["order"][declined.order_id], "cancelled")
        expect(fakes.happened[f"reserve {declined.order_id}"], 0)


async def order_test(context: Context) -> None:
    """The document's own test, on an environment that uses this server."""
    env = WorkflowEnvironment.from_client(context.client)
    queue = f"python-test-{uuid.uuid4()}"
    async with order_worker(env.client, queue):
        result = await env.client.execute_workflow(
            OrderWorkflow.run, OrderInput("test-1", 100), id=context.new_id(), task_queue=queue
        )
        expect(result.order_id, "test-1")


scenarios: dict[str, Scenario] = {"seed-order-processing": order_processing, "seed-order-test": order_test}
