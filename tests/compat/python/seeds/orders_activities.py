"""Worker patterns: the activities of order processing. The document shows `process_payment` and `send_notification` and names the others."""

from dataclasses import dataclass, field

from temporalio import activity
from temporalio.exceptions import ApplicationError

from seeds.fakes import happened, httpx, send_email, stored


@dataclass
class OrderInput:
    order_id: str
    amount: float
    recipients: list[str] = field(default_factory=list)


@dataclass
class OrderResult:
    order_id: str
    charged: float


@dataclass
class PaymentInput:
    order_id: str
    amount: float


@dataclass
class PaymentResult:
    order_id: str
    charged: float


@dataclass
class NotificationInput:
    recipients: list[str]
    subject: str
    body: str


@activity.defn
async def process_payment(input: PaymentInput) -> PaymentResult:
    activity.logger.info(f"Processing payment for order {input.order_id}")
    try:
        async with httpx.AsyncClient() as client:
            response = await client.post(
                "https://payments.example.com/charge",
                json={"order_id": input.order_id, "amount": input.amount},
            )
            response.raise_for_status()
            return PaymentResult(**response.json())
    except httpx.HTTPStatusError as e:
        if e.response.status_code == 402:
            # Non-retryable: payment declined is a business error
            raise ApplicationError("Payment declined", non_retryable=True, type="PaymentDeclined")
        raise  # Retryable: transient HTTP errors


@activity.defn
async def send_notification(input: NotificationInput) -> None:
    for i, recipient in enumerate(input.recipients):
        # Heartbeat for long operations (required for activities > 60s)
        activity.heartbeat(f"Sending {i + 1}/{len(input.recipients)}")
        await send_email(recipient, input.subject, input.body)


@activity.defn
async def create_order(input: OrderInput) -> None:
    stored["order"][input.order_id] = "created"


@activity.defn
async def reserve_inventory(order_id: str) -> None:
    happened[f"reserve {order_id}"] += 1


@activity.defn
async def cancel_order_activity(order_id: str) -> None:
    stored["order"][order_id] = "cancelled"
