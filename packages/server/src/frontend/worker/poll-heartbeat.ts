/**
 * What workers say of themselves along with a poll. It is recorded as if they had said it in a call of its own, because what is known of workers need not be
 * on the node of the queue that they poll.
 */
import type { Handler, Handlers } from "../handler.ts";

export function withPollHeartbeats(handlers: Handlers): Handlers {
  const { PollNexusTaskQueue: poll, RecordWorkerHeartbeat: record } = handlers;
  if (!poll || !record) return handlers;
  const PollNexusTaskQueue: Handler<"PollNexusTaskQueue"> = ({ workerHeartbeat, ...request }, call) => {
    const { namespace, identity } = request;
    // A poll is worth more than what comes with it: it goes on where that is refused or gets lost.
    if (workerHeartbeat.length > 0)
      void (async () => record({ namespace, identity, resourceId: "", workerHeartbeat }, call))().catch(
        () => undefined,
      );
    return poll({ ...request, workerHeartbeat: [] }, call);
  };
  return { ...handlers, PollNexusTaskQueue };
}
