/**
 * Where Pawl does not answer as the reference server does, and why. A difference that is not listed fails its story, and so does an entry that no
 * story shows any more.
 */

export interface KnownDifference {
  /** The beginning of the names of the stories that show it. */
  readonly stories: string;
  /** What differs: the call and the path of the field, as the failing test prints them. */
  readonly where: RegExp;
  readonly why: string;
}

export const knownDifferences: readonly KnownDifference[] = [
  {
    stories: "",
    where: /refused\.details\.\d+: expected nothing but got \{"type":"type\.googleapis\.com\/google\.rpc\.RetryInfo"/,
    why: "Whoever is refused for want of room is told when to try again.",
  },
  {
    stories: "queue-",
    where: /^DescribeTaskQueue.*effectiveRateLimit: .* but got nothing$/,
    why: "Pawl has no rate of its own for a queue: there is one when workers or operators set it.",
  },
  {
    stories: "queue-describe",
    where: /^DescribeTaskQueue.*typesInfo.*stats: expected nothing/,
    why: "The reference server has no numbers for a queue that it has not loaded; Pawl says that they are 0.",
  },
  {
    stories: "",
    where:
      /^DescribeWorkflowExecution.*\.(pendingWorkflowTask|pendingActivities|pendingChildren|pendingNexusOperations): .* but got nothing$/,
    why: "The reference server goes on showing what was pending when a run closed; a closed run of Pawl's has nothing pending.",
  },
  {
    stories: "",
    where: /requestIdInfos\.(r\d|two)\.eventId/,
    why: "The start's request id is shown at the started event; the reference server shows the signal's event under the type of the start.",
  },
  {
    stories: "endpoint-life",
    where: /endpoint\.createdTime/,
    why: "A Nexus endpoint that was changed still says when it was created.",
  },
  {
    stories: "reset-nexus-cancelling",
    where: /./,
    why: "A request to cancel an operation outlives a reset; the reference server forgets it, and the handler may never hear of it.",
  },
  {
    stories: "upsert-search-attributes",
    where: /TemporalChangeVersion\.metadata\.type/,
    why: "An attribute that is removed carries no type in its event.",
  },
  {
    stories: "",
    where: /SignaledEventAttributes\.requestId/,
    why: "The request id of a signal between workflows is derived from its sender, so that it is recognised after a restart; the reference server draws a random one.",
  },
  {
    stories: "",
    where: /TaskStartedEventAttributes\.identity: expected (nothing|"history-service")/,
    why: "A workflow task that was made for an update and became a normal one while a worker had it names that worker.",
  },
  {
    stories: "schedule-",
    where:
      /refused\.message: expected "(workflow not found for ID: temporal-sys-scheduler|schedule not found|Can't load workflow|WorkflowId exceeds)/,
    why: "Refusals speak of the schedule and its id, not of the workflow that the reference server makes of it.",
  },
  {
    stories: "schedule-times-each-half-hour-back",
    where: /times\.\d+: expected/,
    why: "When the clock is set back, times within the hour that comes twice come twice; the reference server leaves some of them out, here an hour and a half.",
  },
  {
    stories: "schedule-conflict-token",
    where:
      /^UpdateSchedule\.[23]\.(answer: expected \{\}|refused: expected nothing but got .*mismatched conflict token)/,
    why: "An update of what has changed since it was seen is refused; the reference server says that all is well and drops it.",
  },
  {
    stories: "schedule-bad-",
    where: /^(Create|Patch)Schedule\.\d+\.(answer: expected|refused: expected nothing)/,
    why: "What could only fail when the schedule acts is refused when it is made: no action, no workflow id, a bad retry policy, a range without a start.",
  },
  {
    stories: "update-with-start-running",
    where: /\.link: expected nothing/,
    why: "An update with start whose update was answered before gets the same links again.",
  },
  {
    stories: "bad-startworkflowexecution-otherwise",
    where: /refused/,
    why: "Pawl limits identities too, and names the weight that is wrong.",
  },
  {
    stories: "bad-",
    where: /is not a valid value for search attribute/,
    why: "The message quotes the value.",
  },
  {
    stories: "bad-",
    where:
      /WorkflowExecution\.\d+\.refused\.(status: expected 5 but got 3|message: expected "workflow not found for ID: x|details: expected .*NotFoundFailure)/,
    why: "A workflow id that is too long is refused as such, where the reference server looks for the workflow.",
  },
  {
    stories: "bad-activity-by-id",
    where: /^RecordActivityTaskHeartbeatById\.\d+\.refused/,
    why: "Pawl limits the identity of a heartbeat as it does that of every other answer.",
  },
  {
    stories: "bad-token-respondquerytaskcompleted",
    where: /Invalid TaskToken/,
    why: "What is no token at all is refused in the words for a query's token that is incomplete.",
  },
  {
    stories: "bad-command-",
    where: /TaskQueue=name:/,
    why: "The message shows the queue's name, not Go's text form of the message.",
  },
  {
    stories: "bad-command-namespace",
    where: /./,
    why: "A command for another namespace fails the workflow task; the reference server refuses the answer of the worker with NOT_FOUND and lets the task time out.",
  },
  {
    stories: "pause-ended-",
    where: /searchAttributes\.indexedFields\.TemporalPauseInfo: expected .* but got nothing$/,
    why: "Only activities that are pending are shown as paused; the reference server goes on to list a workflow by one that has ended.",
  },
  {
    stories: "options-",
    where: /currentRetryInterval: expected "(120|90) s" but got "(60|70) s"/,
    why: "After a change of options the wait is that of the new policy; the reference server computes it as if one more attempt had failed.",
  },
  {
    stories: "options-bad",
    where: /^UpdateActivityOptions\.16\./,
    why: "A mask that names an unknown field is refused; the reference server changes nothing and says that all is well.",
  },
  {
    stories: "options-next-attempt",
    where: /^PollActivityTaskQueue\.6\.answer\.(startToClose|heartbeat)Timeout\./,
    why: "A worker is told the timeouts that its attempt has after a change of options; the reference server tells those of the command.",
  },
  {
    stories: "unpause-jitter",
    where: /^UnpauseActivity\.7\.refused/,
    why: "A negative jitter is refused before the activity is looked for; the reference server does not look at it.",
  },
  {
    stories: "reset-running-later",
    where: /./,
    why: "The attempt that runs while it is reset may still heartbeat and complete; the reference server refuses its answers unless it is the first, and lets it time out.",
  },
  {
    stories: "standalone-list",
    where:
      /indexedFields\.TemporalNamespaceDivision|searchAttributes: expected \{"indexedFields":\{"TemporalNamespaceDivision/,
    why: "Activities have lists of their own, and need no division to be told apart from workflows.",
  },
  {
    stories: "standalone-list",
    where: /answer: expected \{\} but got nothing$|invalid search attribute: WorkflowType/,
    why: "A filter by the type of workflows is refused: no activity has one.",
  },
  {
    stories: "standalone-list",
    where: /ListActivityExecutions.*refused\.(status: expected 2|message: expected "something went wrong)/,
    why: "A page token that is none is the caller's mistake, and said to be.",
  },
  {
    stories: "standalone-everything",
    where: /BatcherUser\.metadata\.type/,
    why: "Search attributes carry their type, as those of workflows do.",
  },
];

/** The entry that a line of differences belongs to. */
export function knownAs(story: string, line: string): KnownDifference | undefined {
  return knownDifferences.find(({ stories, where }) => story.startsWith(stories) && where.test(line));
}
