package compat;

import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInfo;
import io.temporal.activity.ActivityInterface;
import io.temporal.client.ActivityCompletionException;
import io.temporal.client.ActivityWorkerShutdownException;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;

/** What the workflows of {@link Dispatching} call. */
@ActivityInterface
public interface DispatchActivities {
  void cleanUpSlowly();

  int askForDelay();

  int takeNap(long ms);

  int tryLocally();

  void tick();

  Left untilShutdown();

  /** What one attempt leaves to the next. */
  record Left(int attempt, String details) {}

  /** When activities did something, in nanoseconds of this process, by workflow id and what it was. */
  Journal<Long> deedTimes = new Journal<>();

  /** What activities may do, by workflow id and what it is: they wait for it, so that nothing hangs on who is faster. */
  Journal<Boolean> allowed = new Journal<>();

  final class Impl implements DispatchActivities {
    private static ActivityInfo note(String deed) {
      ActivityInfo info = Activity.getExecutionContext().getInfo();
      deedTimes.add(info.getWorkflowId() + "/" + deed, System.nanoTime());
      return info;
    }

    @Override
    public void cleanUpSlowly() {
      ActivityExecutionContext context = Activity.getExecutionContext();
      String id = note("begun").getWorkflowId();
      try {
        while (allowed.of(id + "/finished").isEmpty()) {
          context.heartbeat(null);
          RunningActivities.sleep(100);
        }
      } catch (ActivityCompletionException e) {
        while (allowed.of(id + "/cleaned up").isEmpty()) {
          RunningActivities.sleep(100);
        }
        note("cleaned up");
        throw e;
      }
      note("finished");
    }

    @Override
    public int askForDelay() {
      int attempt = note("tried").getAttempt();
      if (attempt == 1) {
        throw ApplicationFailure.newBuilder()
            .setMessage("not before a second from now")
            .setType("Delayed")
            .setNextRetryDelay(Duration.ofSeconds(1))
            .build();
      }
      return attempt;
    }

    @Override
    public int takeNap(long ms) {
      String id = note("napped").getWorkflowId();
      RunningActivities.sleep(ms);
      return deedTimes.of(id + "/napped").size();
    }

    @Override
    public int tryLocally() {
      int attempt = note("tried").getAttempt();
      if (attempt == 1) {
        throw ApplicationFailure.newFailure("once more, much later", "Flaky");
      }
      return attempt;
    }

    @Override
    public void tick() {
      note("ticked");
    }

    @Override
    public Left untilShutdown() {
      ActivityExecutionContext context = Activity.getExecutionContext();
      int attempt = context.getInfo().getAttempt();
      if (attempt > 1) {
        return new Left(attempt, context.getHeartbeatDetails(String.class).orElse(""));
      }
      note("begun");
      while (true) {
        try {
          context.heartbeat("half way");
          Thread.sleep(50);
        } catch (ActivityWorkerShutdownException | InterruptedException e) {
          throw ApplicationFailure.newFailure("the worker is shutting down", "Shutdown");
        }
      }
    }
  }
}
