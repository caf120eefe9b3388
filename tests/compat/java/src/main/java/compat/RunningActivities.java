package compat;

import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInfo;
import io.temporal.activity.ActivityInterface;
import io.temporal.failure.ApplicationFailure;
import java.util.Map;

/** What the workflows of {@link Running} call. */
@ActivityInterface
public interface RunningActivities {
  int doubled(int number);

  int failTwice();

  void reject(String how);

  void hang(boolean heartbeatFirst);

  void alwaysFail();

  int localSquare(int number);

  Approved requestHumanApproval(String title);

  /** What a human answers. */
  record Approved(boolean approved, String approver) {}

  /** How to complete an activity from outside. */
  record Ticket(byte[] token, String activityId) {}

  /** When each attempt of a workflow's activity began, in nanoseconds of this process, by workflow id. */
  Journal<Long> attempts = new Journal<>();

  /** By workflow id and title. */
  Journal<Ticket> tickets = new Journal<>();

  final class Impl implements RunningActivities {
    @Override
    public int doubled(int number) {
      return number * 2;
    }

    @Override
    public int failTwice() {
      int attempt = noteAttempt().getAttempt();
      if (attempt < 3) {
        throw ApplicationFailure.newFailure("attempt " + attempt + " fails", "Flaky");
      }
      return attempt;
    }

    @Override
    public void reject(String how) {
      noteAttempt();
      switch (how) {
        case "non-retryable" ->
            throw ApplicationFailure.newNonRetryableFailure("no such account", "InvalidInput", Map.of("account", 7));
        case "by type" -> throw ApplicationFailure.newFailure("listed by the policy", "NotFound");
        default -> throw new IllegalStateException("an ordinary error");
      }
    }

    @Override
    public void hang(boolean heartbeatFirst) {
      noteAttempt();
      if (heartbeatFirst) {
        Activity.getExecutionContext().heartbeat("half way");
      }
      sleep(10_000);
    }

    @Override
    public void alwaysFail() {
      throw ApplicationFailure.newFailure("not today", "NotToday");
    }

    @Override
    public int localSquare(int number) {
      ActivityInfo info = noteAttempt();
      if (!info.isLocal()) {
        throw ApplicationFailure.newNonRetryableFailure("the activity is not local", "NotLocal");
      }
      if (info.getAttempt() == 1) {
        throw ApplicationFailure.newFailure("once more, locally", "OnceMore");
      }
      return number * number;
    }

    @Override
    public Approved requestHumanApproval(String title) {
      ActivityExecutionContext context = Activity.getExecutionContext();
      ActivityInfo info = context.getInfo();
      tickets.add(info.getWorkflowId() + "/" + title, new Ticket(info.getTaskToken(), info.getActivityId()));
      context.doNotCompleteOnReturn();
      return null;
    }

    private static ActivityInfo noteAttempt() {
      ActivityInfo info = Activity.getExecutionContext().getInfo();
      attempts.add(info.getWorkflowId(), System.nanoTime());
      return info;
    }
  }

  /** Interrupted when the worker shuts down. */
  static void sleep(long ms) {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("the worker shuts down", e);
    }
  }
}
