"""
Long-running activities: progress, cancellation, complex progress. As shown, with two corrections. Cancellation reaches an `async` activity
where it awaits, so `process_line` is awaited there. And heartbeat details come back as plain data, so that `ProgressState` is made of them.
"""

import asyncio
from dataclasses import dataclass

from temporalio import activity

from seeds.fakes import happened, stored

# Lines and items seen, per file or item id.
seen: dict[str, list[str]] = {}


def process_line(line: str) -> None:
    name = activity.info().workflow_id or ""
    seen.setdefault(name, []).append(line.strip())
    # As a machine fails in the middle, once.
    if line.strip() == "line 250" and happened[f"crash {name}"] == 0:
        happened[f"crash {name}"] += 1
        raise ConnectionError("the disk has gone")


async def process_line_slowly(line: str) -> None:
    process_line(line)
    await asyncio.sleep(0.02)


def cleanup_resources() -> None:
    stored["cleaned up"][activity.info().workflow_id or ""] = True


@activity.defn
async def process_large_file(file_path: str) -> None:
    details = activity.info().heartbeat_details
    start_line = details[0] if details else 0

    with open(file_path, "r") as f:
        for i, line in enumerate(f):
            if i < start_line:
                continue

            process_line(line)

            if (i + 1) % 100 == 0:
                activity.heartbeat(i + 1)


@activity.defn
async def process_large_file_or_clean_up(file_path: str) -> None:
    details = activity.info().heartbeat_details
    current_line = details[0] if details else 0

    try:
        with open(file_path, "r") as f:
            for i, line in enumerate(f):
                if i < current_line:
                    continue

                activity.heartbeat(i)
                await process_line_slowly(line)
                current_line = i + 1
    except asyncio.CancelledError:
        cleanup_resources()
        raise


async def process_item(item_id: str) -> None:
    name = activity.info().workflow_id or ""
    seen.setdefault(name, []).append(item_id)
    if item_id.startswith("bad"):
        raise ValueError(f"{item_id} cannot be processed")
    if item_id == "stuck" and activity.info().attempt == 1:
        await asyncio.sleep(3600)


@dataclass
class ProgressState:
    processed_count: int = 0
    failed_count: int = 0
    last_processed_id: str = ""


@activity.defn
async def process_batch(item_ids: list[str]) -> dict:
    details = activity.info().heartbeat_details
    progress = ProgressState(**details[0]) if details else ProgressState()

    start_index = (
        item_ids.index(progress.last_processed_id) + 1
        if progress.last_processed_id
        else 0
    )

    for i in range(start_index, len(item_ids)):
        item_id = item_ids[i]

        try:
            await process_item(item_id)
            progress.processed_count += 1
        except Exception:
            progress.failed_count += 1

        progress.last_processed_id = item_id
        activity.heartbeat(progress)

    return {
        "processed_count": progress.processed_count,
        "failed_count": progress.failed_count,
    }
