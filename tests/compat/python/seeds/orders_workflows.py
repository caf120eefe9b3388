"""Worker patterns: the order workflow that the document's worker runs, with the timeouts and retries that it recommends."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from seeds.orders_activities import (
    NotificationInput,
    OrderInput,
    OrderResult,
    PaymentInput,
    cancel_order_activity,
    create_order,
    process_payment,
    reserve_inventory,
    send_notification,
)

MINUTE = timedelta(minutes=1)
THREE_TIMES = RetryPolicy(maximum_attempts=3, initial_interval=timedelta(milliseconds=100))


@workflow.defn
class OrderWorkflow:
    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        await workflow.execute_activity(
            create_order, order, start_to_close_timeout=MINUTE, retry_policy=THREE_TIMES
        )
        try:
            payment = await workflow.execute_activity(
                process_payment,
                PaymentInput(order.order_id, order.amount),
                start_to_close_timeout=MINUTE,
                retry_policy=THREE_TIMES,
            )
        except ActivityError:
            await workflow.execute_activity(
                cancel_order_activity, order.order_id, start_to_close_timeout=MINUTE, retry_policy=THREE_TIMES
            )
            raise
        await workflow.execute_activity(
            reserve_inventory, order.order_id, start_to_close_timeout=MINUTE, retry_policy=THREE_TIMES
        )
        await workflow.execute_activity(
            send_notification,
            NotificationInput(order.recipients, "Your order", f"Order {order.order_id} is on its way"),
            start_to_close_timeout=timedelta(minutes=10),
            heartbeat_timeout=MINUTE,
        )
        return OrderResult(payment.order_id, payment.charged)
