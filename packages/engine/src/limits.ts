/** What the engine enforces by itself. Defaults of the reference server. */
export const limits = {
  /** Payloads of one command or event. */
  blobBytesMax: 2 * 1024 * 1024,
  idBytesMax: 1_000,
  historyEventsMax: 51_200,
  historyEventsWarn: 10_240,
  historyBytesMax: 50 * 1024 * 1024,
  historyBytesWarn: 10 * 1024 * 1024,
  /** What is kept of a run beside its history: the snapshot with memo and search attributes, pending things, buffered events. */
  stateBytesMax: 8 * 1024 * 1024,
  stateBytesWarn: 1024 * 1024,
  suggestContinueAsNewEvents: 4_096,
  suggestContinueAsNewBytes: 4 * 1024 * 1024,
  pendingActivitiesMax: 2_000,
  pendingChildrenMax: 2_000,
  pendingSignalsMax: 2_000,
  pendingCancelRequestsMax: 2_000,
  pendingNexusOperationsMax: 30,
  /** Names and values together, in bytes. */
  nexusHeaderBytesMax: 8 * 1024,
  signalsMax: 10_000,
  /** Events that wait for a workflow task in flight before it is taken back. */
  bufferedEventsMax: 100,
  bufferedBytesMax: 2 * 1024 * 1024,
  /** From so many updates of a run on, its worker is told to let it continue as new: nine tenths of `updatesMax`. */
  suggestContinueAsNewUpdates: 1_800,
  /** Default time that a worker has for a workflow task, and the most it may ask for. */
  workflowTaskTimeoutMs: 10_000,
  workflowTaskTimeoutMsMax: 120_000,
  /** How long a chain of workflow tasks that only keep local activities alive may last. */
  workflowTaskHeartbeatMsMax: 30 * 60_000,
  /** How long a workflow task made for an update alone waits for a worker. */
  speculativeScheduleToStartMs: 5_000,
  updatesInFlightMax: 10,
  updatesMax: 2_000,
  /** A workflow task that fails this often takes no update: its caller is told at once, since nobody may answer for long. */
  updateRefusedAttempt: 3,
  /** Events that a worker is shown again after its workflow task has rejected all updates and was dropped. */
  eventsShownAgainMax: 10,
  /** From this attempt on, the workflow task's timeout grows, so that a failing worker is not asked in a tight loop. */
  workflowTaskBackoffAttempt: 4,
  workflowTaskBackoffInitialMs: 5_000,
  workflowTaskBackoffMsMax: 10 * 60_000,
  /** Two runs of a chain start at least this far apart. */
  chainIntervalMsMin: 1_000,
  /** Who may wait to be told how a run ends. */
  callbacksMax: 2_000,
  /** From so many workflow tasks in a row on that came to nothing, lists show it. */
  reportedFailures: 5,
  /** From so many failed attempts on of an activity that is tried again, lists call its workflow stuck. */
  stuckAttempts: 10,
  /** Builds of workers that are remembered of a chain, the newest. */
  resetPointsMax: 20,
  /** Times of a schedule's spec that are excluded one by one, before the rest is taken for excluded too: two months of minutes. Takes some 0.1 s. */
  excludedTimesMax: 100_000,
  /** Calendars and intervals of a schedule, with those that are excluded. One that never matches takes some 0.2 ms, during which nothing else is done. */
  scheduleRulesMax: 500,
  /** Of the comment of each calendar. */
  calendarCommentBytesMax: 200,
  /** Actions of a schedule that wait for the one before them. */
  bufferedActionsMax: 1_000,
  /** Ranges of a schedule's past that are still to be filled in. While its actions wait, they do, and they are part of its state. */
  backfillsMax: 1_000,
  /** Times that a schedule looks at before it lets others have their turn: after a long stop, or in a backfill. */
  scheduleTimesAtOnceMax: 100,
  /** Patches of a schedule that are known again. */
  patchRequestIdsMax: 20,
  /** Of one answer that lists the times of a schedule. */
  matchingTimesMax: 1_000,
  /** What a schedule remembers of its actions, and tells of those to come. */
  recentActionsMax: 10,
  futureActionsMax: 10,
  catchupWindowMsDefault: 365 * 86_400_000,
  catchupWindowMsMin: 10_000,
  /** How long a schedule that will never act again is kept. */
  idleScheduleMs: 7 * 86_400_000,
  /** Links of one standalone activity, with those that later starts attached to it. */
  activityLinksMax: 100,
  /** Request ids of starts that were given an activity that was there; the newest are known again. */
  attachedRequestIdsMax: 100,
  /** A failure kept between attempts is cut to this. */
  retryFailureBytesMax: 4 * 1024,
} as const;
