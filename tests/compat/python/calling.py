"""Workflows that call Nexus operations, and the handlers that serve them: at once, or with a workflow of their own."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import nexusrpc
import nexusrpc.handler
from temporalio import nexus, workflow
from temporalio.exceptions import ApplicationError, CancelledError, NexusOperationError, TimeoutError

with workflow.unsafe.imports_passed_through():
    from temporalio.api.nexus.v1 import EndpointSpec, EndpointTarget
    from temporalio.api.operatorservice.v1 import CreateNexusEndpointRequest
    from temporalio.client import WorkflowFailureError, WorkflowHandle
    from temporalio.worker import Replayer

    from harness import Context, Scenario, events_of, eventually, expect, expect_cause, expect_error, expect_that
    from harness import names_of, one


@dataclass
class Order:
    """What a caller wants done: `how` says what becomes of it."""

    id: str
    how: str = "done"


@nexusrpc.service
class Shop:
    price: nexusrpc.Operation[Order, int]
    deliver: nexusrpc.Operation[Order, str]


@workflow.defn
class Delivery:
    """What a handler starts for an order."""

    @workflow.run
    async def run(self, order: Order) -> str:
        if order.how == "fail":
            raise ApplicationError("nobody at home", "here", type="Undelivered")
        if order.how == "wait":
            await asyncio.sleep(3600)
        await asyncio.sleep(0.1)
        return f"{order.id} delivered"


@nexusrpc.handler.service_handler(service=Shop)
class ShopHandler:
    def __init__(self) -> None:
        self.asked: dict[str, int] = {}

    @nexusrpc.handler.sync_operation
    async def price(self, _context: nexusrpc.handler.StartOperationContext, order: Order) -> int:
        attempt = self.asked[order.id] = self.asked.get(order.id, 0) + 1
        if order.how == "busy" and attempt < 3:
            raise nexusrpc.HandlerError("busy", type=nexusrpc.HandlerErrorType.UNAVAILABLE)
        if order.how == "unknown":
            raise nexusrpc.HandlerError("no such order", type=nexusrpc.HandlerErrorType.NOT_FOUND)
        if order.how == "fail":
            raise nexusrpc.OperationError("not for sale", state=nexusrpc.OperationErrorState.FAILED)
        if order.how == "slow":
            await asyncio.sleep(60)
        return attempt

    @nexus.workflow_run_operation
    async def deliver(self, context: nexus.WorkflowRunOperationContext, order: Order) -> nexus.WorkflowHandle[str]:
        return await context.start_workflow(Delivery.run, order, id=f"delivery-{order.id}")


@dataclass
class Call:
    endpoint: str
    order: Order
    cancellation: str = "WAIT_COMPLETED"
    seconds: float = 60


@workflow.defn
class AskPrice:
    @workflow.run
    async def run(self, call: Call) -> int:
        shop = workflow.create_nexus_client(service=Shop, endpoint=call.endpoint)
        timeout = timedelta(seconds=call.seconds)
        return await shop.execute_operation(Shop.price, call.order, schedule_to_close_timeout=timeout)


@workflow.defn
class HaveDelivered:
    @workflow.run
    async def run(self, call: Call) -> str:
        shop = workflow.create_nexus_client(service=Shop, endpoint=call.endpoint)
        return await shop.execute_operation(Shop.deliver, call.order)


@workflow.defn
class CancelDelivery:
    """Cancels the operation once it has started, and tells when it hears that it is over."""

    @workflow.run
    async def run(self, call: Call) -> str:
        shop = workflow.create_nexus_client(service=Shop, endpoint=call.endpoint)
        cancellation = workflow.NexusOperationCancellationType[call.cancellation]
        delivery = await shop.start_operation(Shop.deliver, call.order, cancellation_type=cancellation)
        delivery.cancel()
        try:
            return await delivery
        except NexusOperationError as error:
            expect_that(isinstance(error.__cause__, CancelledError), f"{error.__cause__!r} is a cancellation")
        if call.cancellation == "TRY_CANCEL":
            # Whoever ends at once may be gone before the request to cancel is.
            await workflow.sleep(1)
        return "cancelled"


async def make_endpoint(context: Context) -> str:
    name = context.new_id()
    target = EndpointTarget(worker=EndpointTarget.Worker(namespace=context.namespace, task_queue=context.task_queue))
    request = CreateNexusEndpointRequest(spec=EndpointSpec(name=name, target=target))
    context.workflow_ids.remove(name)
    await context.client.operator_service.create_nexus_endpoint(request)
    return name


class Caller:
    """Starts workflows that call operations of an endpoint of the scenario's own."""

    def __init__(self, context: Context, endpoint: str) -> None:
        self.context = context
        self.endpoint = endpoint

    @staticmethod
    async def of(context: Context) -> "Caller":
        return Caller(context, await make_endpoint(context))

    async def start(self, run: object, how: str, **more: object) -> "WorkflowHandle[object, object]":
        workflow_id = self.context.new_id(f"-{how}")
        call = Call(self.endpoint, Order(workflow_id, how), **more)  # type: ignore[arg-type]
        return await self.context.client.start_workflow(
            run, call, id=workflow_id, task_queue=self.context.task_queue  # type: ignore[call-overload]
        )

    def delivery_of(self, caller: "WorkflowHandle[object, object]") -> "WorkflowHandle[object, object]":
        return self.context.client.get_workflow_handle(f"delivery-{caller.id}")


async def operation_cause(handle: "WorkflowHandle[object, object]", cause: type[BaseException]) -> BaseException:
    """The cause of the operation's failure that a workflow fails with."""
    error = await expect_error(WorkflowFailureError, handle.result())
    return expect_cause(expect_cause(error, NexusOperationError), cause)


async def nexus_operation(context: Context) -> None:
    caller = await Caller.of(context)
    simple = await caller.start(AskPrice.run, "done")
    expect(await simple.result(), 1, "what a handler answers")
    expect(names_of(await events_of(simple))[4:6], ["NEXUS_OPERATION_SCHEDULED", "NEXUS_OPERATION_COMPLETED"])
    busy = await caller.start(AskPrice.run, "busy")
    expect(await busy.result(), 3, "attempts until a busy handler answers")

    delivered = await caller.start(HaveDelivered.run, "done")
    expect(await delivered.result(), f"{delivered.id} delivered", "what the handler's workflow returns")
    events = await events_of(delivered)
    linked = one(events, "NEXUS_OPERATION_STARTED").links[0].workflow_event
    expect(linked.workflow_id, f"delivery-{delivered.id}", "the workflow that the caller's event links to")
    [start, *_] = await events_of(caller.delivery_of(delivered))
    callback = start.workflow_execution_started_event_attributes.completion_callbacks[0]
    expect(callback.links[0].workflow_event.workflow_id, delivered.id, "the workflow that the handler's links to")

    replayer = Replayer(workflows=[AskPrice, HaveDelivered])
    for handle in (simple, busy, delivered):
        await replayer.replay_workflow(await handle.fetch_history())


async def nexus_failure(context: Context) -> None:
    caller = await Caller.of(context)
    refused, failed, undelivered, slow = [
        await caller.start(AskPrice.run, "unknown"),
        await caller.start(AskPrice.run, "fail"),
        await caller.start(HaveDelivered.run, "fail"),
        await caller.start(AskPrice.run, "slow", seconds=2),
    ]
    error = await operation_cause(refused, nexusrpc.HandlerError)
    expect(getattr(error, "type"), nexusrpc.HandlerErrorType.NOT_FOUND, "the handler's error")
    expect_that("not for sale" in str(await operation_cause(failed, ApplicationError)), "the operation's error")
    error = await operation_cause(undelivered, ApplicationError)
    expect([getattr(error, "type"), *getattr(error, "details")], ["Undelivered", "here"], "the failure of the workflow")
    await operation_cause(slow, TimeoutError)


async def nexus_cancel(context: Context) -> None:
    caller = await Caller.of(context)
    kinds = ["WAIT_COMPLETED", "WAIT_REQUESTED", "TRY_CANCEL", "ABANDON"]
    callers = [await caller.start(CancelDelivery.run, "wait", cancellation=kind) for kind in kinds]
    for kind, handle in zip(kinds, callers):
        expect(await handle.result(), "cancelled", kind)
        names = names_of(await events_of(handle))
        expect("NEXUS_OPERATION_CANCEL_REQUESTED" in names, kind != "ABANDON", f"{kind}: a request to cancel")
        expect_that(kind != "WAIT_COMPLETED" or "NEXUS_OPERATION_CANCELED" in names, f"{kind}: the end was waited for")
        await Replayer(workflows=[CancelDelivery]).replay_workflow(await handle.fetch_history())
        delivery = caller.delivery_of(handle)
        if kind == "ABANDON":
            await delivery.terminate()
        else:
            expect_cause(await expect_error(WorkflowFailureError, delivery.result()), CancelledError)

    async def all_told() -> bool:
        callbacks = (await caller.delivery_of(callers[0]).describe()).raw_description.callbacks
        return callbacks[0].attempt == 1

    await eventually(all_told, "the end of the handler's workflow is told")


workflows = [Delivery, AskPrice, HaveDelivered, CancelDelivery]
activity_functions: list[object] = []
nexus_handlers = [ShopHandler()]
scenarios: dict[str, Scenario] = {
    "nexus-operation": nexus_operation,
    "nexus-failure": nexus_failure,
    "nexus-cancel": nexus_cancel,
}
