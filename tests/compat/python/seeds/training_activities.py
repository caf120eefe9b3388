"""Training session "Activities, Retries, and Idempotency": its activities."""

import asyncio
import time
from datetime import datetime, timezone

from temporalio import activity

from seeds.fakes import requests, send_email, store, stored


@activity.defn
async def call_api(url: str) -> dict:
    """An activity that makes a network call to a given URL."""
    try:
        activity.logger.info(f"Calling external API at: {url}")
        response = requests.get(url)
        response.raise_for_status()  # Raises an exception for bad status codes
        return response.json()
    except requests.RequestException as e:
        activity.logger.error(f"API call failed: {e}")
        # It's often better to let the exception propagate so Temporal can retry it.
        raise


@activity.defn
async def process_large_file(file_path: str):
    activity.logger.info(f"Starting to process {file_path}")
    for i in range(100):
        # Simulate doing a piece of work: less of it than in the document, since it holds up the other activities of this process.
        time.sleep(0.001)

        # Send a heartbeat every 10 iterations
        if i % 10 == 0:
            activity.heartbeat()
            activity.logger.info(f"Processed {i}% of the file")

    activity.logger.info("File processing completed")
    return {"status": "completed", "processed_chunks": 100}


async def check_notification_sent(notification_id: str) -> bool:
    return notification_id in stored["notification"]


async def mark_notification_sent(notification_id: str) -> None:
    await store("notification", notification_id, True)


@activity.defn
async def send_notification(user_id: str, message: str, notification_id: str):
    """Idempotent notification sending using a unique notification_id."""

    # Check if we've already sent this notification
    if await check_notification_sent(notification_id):
        activity.logger.info(f"Notification {notification_id} already sent, skipping")
        return {"status": "already_sent"}

    # Send the notification
    await send_email(user_id, message)

    # Mark as sent
    await mark_notification_sent(notification_id)

    return {"status": "sent", "notification_id": notification_id}


async def is_credit_check_completed(request_id: str) -> bool:
    return request_id in stored["credit check"]


async def get_credit_check_result(request_id: str) -> dict:
    return stored["credit check"][request_id]


async def store_credit_check_result(request_id: str, result: dict) -> None:
    await store("credit check", request_id, result)


async def is_loan_approved(request_id: str) -> bool:
    return request_id in stored["loan"]


async def get_loan_approval_result(request_id: str) -> dict:
    return stored["loan"][request_id]


async def store_loan_approval(request_id: str, result: dict) -> None:
    await store("loan", request_id, result)


@activity.defn
async def check_credit_score(applicant_id: str, request_id: str) -> dict:
    """Check credit score with idempotency."""

    # Check if we've already processed this request
    if await is_credit_check_completed(request_id):
        return await get_credit_check_result(request_id)

    try:
        response = requests.post(
            "https://credit-bureau-api.com/check",
            json={"applicant_id": applicant_id},
            timeout=30,
        )
        response.raise_for_status()
        result = response.json()

        # Store the result with the request_id for idempotency
        await store_credit_check_result(request_id, result)
        return result

    except requests.RequestException as e:
        activity.logger.error(f"Credit check failed: {e}")
        raise


@activity.defn
async def verify_documents(applicant_id: str, document_ids: list) -> dict:
    """Verify uploaded documents."""
    activity.logger.info(f"Verifying {len(document_ids)} documents for {applicant_id}")

    verified_count = 0
    for i, doc_id in enumerate(document_ids):
        # A hundredth of the time that the document simulates.
        await asyncio.sleep(0.02)

        # Send heartbeat every 5 documents
        if i % 5 == 0:
            activity.heartbeat()

        # The document's loop can only count all of them; one that is not there lets the workflow's check say no.
        if doc_id != "missing":
            verified_count += 1

    return {"verified_documents": verified_count, "total_documents": len(document_ids)}


@activity.defn
async def approve_loan(applicant_id: str, amount: float, request_id: str) -> dict:
    """Approve loan with idempotency."""

    # Check if already approved
    if await is_loan_approved(request_id):
        return await get_loan_approval_result(request_id)

    # Perform approval logic
    approval_result = {
        "approved": True,
        "amount": amount,
        "interest_rate": 5.5,
        "approved_at": datetime.now(timezone.utc).isoformat(),
    }

    # Store result for idempotency
    await store_loan_approval(request_id, approval_result)

    return approval_result
