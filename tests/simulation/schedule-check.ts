/**
 * What must hold of schedules and of the workflows that they start (I20): nothing is started early, no time is acted on twice, nothing runs side by
 * side that must not, and in the end each time is accounted for.
 */
import type { Run, ScheduleRun } from "@pawl/engine";
import { must } from "@pawl/engine/invariant";
import { enums, schedule } from "@pawl/protocol";
import type { World } from "./world.ts";

const { ALLOW_ALL } = enums.ScheduleOverlapPolicy;

export class ScheduleCheck {
  readonly #world: World;
  /** By run id of the schedule: which start each time of its spec was given. */
  readonly #fired = new Map<string, Map<number, string>>();
  /** Schedule ids of those to which somebody has said more than their spec does: that a time is acted on again, or passed over. */
  readonly #meddled = new Set<string>();
  /** Of all that there ever were. */
  readonly #policies = new Map<string, enums.ScheduleOverlapPolicy>();

  constructor(world: World) {
    this.#world = world;
  }

  /** To be called before it is done. */
  meddle(scheduleId: string): void {
    this.#meddled.add(scheduleId);
  }

  everHad(scheduleId: string): boolean {
    return this.#policies.has(scheduleId);
  }

  checkRun(run: ScheduleRun, before: ScheduleRun | undefined): void {
    const { scheduleId, runId } = run;
    const name = `schedule ${scheduleId}`;
    const policy = run.schedule.policies?.overlapPolicy ?? 0;
    this.#policies.set(scheduleId, policy);
    const { nowMs, backMs } = { nowMs: this.#world.machine.nowMs(), backMs: this.#world.machine.backMs };
    for (const { actualMs } of [...run.started, ...run.buffer])
      must(actualMs <= nowMs + backMs, "I20", `${name} acts ${actualMs - nowMs} ms early`);
    const inLine = run.started.filter(({ isAlongside }) => !isAlongside);
    must(inLine.length <= 1, "I20", `${name} has ${inLine.length} workflows at once, policy ${policy}`);
    if (!this.#meddled.has(scheduleId)) this.#checkOnce(run);
    if (!before) return;
    must(before.runId === runId, "I4", `${name} is two`);
    must(run.version >= before.version, "I2", `${name} goes back to version ${run.version}`);
    must(run.seenUntilMs >= before.seenUntilMs, "I20", `${name} looks at times that it has looked at`);
    if (run.counts.actions > before.counts.actions) this.#world.reached("schedule acts");
    if (run.counts.overlapSkipped > before.counts.overlapSkipped) this.#world.reached("schedule passes over a time");
    for (const [what, count] of Object.entries(run.counts))
      must(count >= before.counts[what as keyof typeof run.counts], "I2", `${name} counts ${what} down to ${count}`);
  }

  #checkOnce({ scheduleId, runId, started }: ScheduleRun): void {
    const fired = this.#fired.get(runId) ?? new Map<number, string>();
    this.#fired.set(runId, fired);
    for (const { nominalMs, requestId } of started) {
      const earlier = fired.get(nominalMs) ?? requestId;
      must(earlier === requestId, "I20", `schedule ${scheduleId} acts twice on ${new Date(nominalMs).toISOString()}`);
      fired.set(nominalMs, requestId);
    }
  }

  /** A workflow has come to be; `all` are those that there are. */
  checkStart({ workflowId, runId, start }: Run, all: readonly Run[]): void {
    const [, scheduleId = "", time = ""] = /^(s\d+)-(\d{4}-.*Z)$/.exec(workflowId) ?? [];
    const policy = this.#policies.get(scheduleId);
    if (policy === undefined) return;
    const earlyMs = Date.parse(time) - start.startedAtMs;
    must(earlyMs <= this.#world.machine.backMs, "I20", `${workflowId} is started ${earlyMs} ms before its time`);
    if (policy === ALLOW_ALL) return;
    const open = all.filter(
      (run) => run.status.type === "open" && run.runId !== runId && run.workflowId.startsWith(`${scheduleId}-`),
    );
    must(open.length === 0, "I20", `${workflowId} is started beside ${open[0]?.workflowId}, policy ${policy}`);
  }

  /** What a schedule has still to do; undefined when it is nothing. Until its time it waits, and when it is paused it does no more. */
  leftOf({ scheduleId, buffer, backfills, started, outbox, idleSinceMs, schedule }: ScheduleRun): string | undefined {
    const busy = buffer.length + backfills.length + started.length + outbox.size;
    if (busy === 0 && (idleSinceMs !== null || schedule.state?.paused)) return undefined;
    const running = started.map(({ workflowId }) => workflowId).join(", ");
    return `schedule ${scheduleId} (${buffer.length} wait, ${backfills.length} backfills, ${outbox.size} messages, ${running})`;
  }

  /** In the end: whatever the spec names was started, or is counted as not to be. */
  unaccounted(run: ScheduleRun): string | undefined {
    const { scheduleId, spec, createdAtMs, counts } = run;
    const state = schedule.ScheduleState.create({ ...run.schedule.state });
    if (this.#meddled.has(scheduleId) || state.paused || state.limitedActions) return undefined;
    let times = 0;
    for (let time = spec.next(createdAtMs, scheduleId); time; time = spec.next(time.nominalMs, scheduleId)) times += 1;
    const counted = counts.actions + counts.overlapSkipped + counts.missedCatchupWindow + counts.bufferDropped;
    return counted === times ? undefined : `schedule ${scheduleId}: ${times} times, ${JSON.stringify(counts)}`;
  }
}
