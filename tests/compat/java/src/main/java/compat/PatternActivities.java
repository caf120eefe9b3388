package compat;

import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInfo;
import io.temporal.activity.ActivityInterface;
import io.temporal.client.ActivityCompletionException;
import io.temporal.failure.ApplicationFailure;
import java.util.Collections;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;

/** What the workflows of {@link Patterns} call. */
@ActivityInterface
public interface PatternActivities {
  String sleepUnaware(long ms);

  Part workUntilDeadline(int items);

  String validateQuickly(Order order);

  String validateThoroughly(Order order);

  String processPayment(Order order);

  void notifyRequestCreated(String title);

  Decision awaitDecision(String title);

  void executeApproved(String title);

  String pollOften();

  String pollOnce();

  boolean look();

  void book(String what);

  void cancelBooking(String what);

  boolean callExternal(String request);

  record Part(int done, boolean whole) {}

  record Order(String orderId, int amount) {}

  record Decision(boolean approved, String approver) {}

  /** What activities did, in order, by workflow id. */
  Journal<String> deeds = new Journal<>();

  /** Task tokens by workflow id. */
  Journal<byte[]> tokens = new Journal<>();

  final class Impl implements PatternActivities {
    /** How often this was done before for the same workflow. */
    private static int note(String deed) {
      String id = Activity.getExecutionContext().getInfo().getWorkflowId();
      int earlier = Collections.frequency(deeds.of(id), deed);
      deeds.add(id, deed);
      return earlier;
    }

    /**
     * Heartbeats ten times in each heartbeat timeout for as long as the work takes, which need not know of it. When that shows that the
     * activity is cancelled, the work is interrupted.
     */
    private static <T> T heartbeating(Supplier<T> work) {
      ActivityExecutionContext context = Activity.getExecutionContext();
      Thread worker = Thread.currentThread();
      AtomicReference<ActivityCompletionException> told = new AtomicReference<>();
      long everyMs = context.getInfo().getHeartbeatTimeout().toMillis() / 10;
      ScheduledExecutorService beating = Executors.newSingleThreadScheduledExecutor();
      Runnable beat =
          () -> {
            try {
              context.heartbeat("beating");
            } catch (ActivityCompletionException e) {
              told.set(e);
              worker.interrupt();
              throw e;
            }
          };
      beating.scheduleAtFixedRate(beat, everyMs, everyMs, TimeUnit.MILLISECONDS);
      try {
        return work.get();
      } catch (RuntimeException e) {
        throw told.get() == null ? e : told.get();
      } finally {
        beating.shutdownNow();
        if (told.get() != null) {
          Thread.interrupted();
        }
      }
    }

    @Override
    public String sleepUnaware(long ms) {
      return heartbeating(
          () -> {
            note("begun");
            try {
              Thread.sleep(ms);
            } catch (InterruptedException e) {
              note("cancelled");
              throw new IllegalStateException(e);
            }
            return "slept";
          });
    }

    @Override
    public Part workUntilDeadline(int items) {
      ActivityExecutionContext context = Activity.getExecutionContext();
      ActivityInfo info = context.getInfo();
      long deadlineMs = info.getCurrentAttemptScheduledTimestamp() + info.getStartToCloseTimeout().toMillis();
      int done = 0;
      while (done < items && deadlineMs - System.currentTimeMillis() > 5_000) {
        RunningActivities.sleep(100);
        context.heartbeat(++done);
      }
      return new Part(done, done == items);
    }

    @Override
    public String validateQuickly(Order order) {
      note("validated locally");
      if (order.amount() < 0) {
        throw ApplicationFailure.newNonRetryableFailure("no amount can be negative", "InvalidOrder");
      }
      if (order.amount() > 1_000) {
        throw ApplicationFailure.newFailure("too much for a quick look", "TooMuch");
      }
      return "valid";
    }

    @Override
    public String validateThoroughly(Order order) {
      note("validated remotely");
      Check.isTrue(!Activity.getExecutionContext().getInfo().isLocal(), "the fallback is no local activity");
      return "valid after all";
    }

    @Override
    public String processPayment(Order order) {
      note("paid");
      return order.orderId() + " paid";
    }

    @Override
    public void notifyRequestCreated(String title) {
      note("asked for " + title);
    }

    @Override
    public Decision awaitDecision(String title) {
      ActivityExecutionContext context = Activity.getExecutionContext();
      tokens.add(context.getInfo().getWorkflowId(), context.getTaskToken());
      context.doNotCompleteOnReturn();
      return null;
    }

    @Override
    public void executeApproved(String title) {
      note("did " + title);
    }

    @Override
    public String pollOften() {
      while (note("polled") < 4) {
        Activity.getExecutionContext().heartbeat(null);
        RunningActivities.sleep(50);
      }
      return "ready";
    }

    @Override
    public String pollOnce() {
      if (note("polled") < 3) {
        throw ApplicationFailure.newFailure("not ready yet", "NotReady");
      }
      return "ready";
    }

    @Override
    public boolean look() {
      return note("polled") == 4;
    }

    @Override
    public void book(String what) {
      note("book " + what);
      if (what.equals("car")) {
        throw ApplicationFailure.newNonRetryableFailure("no cars left", "SoldOut");
      }
    }

    @Override
    public void cancelBooking(String what) {
      // A compensation is retried until it succeeds.
      if (note("cancel " + what) == 0) {
        throw ApplicationFailure.newFailure("try again", "Flaky");
      }
    }

    @Override
    public boolean callExternal(String request) {
      int earlier = note(request);
      if (request.equals("rate limited") && earlier < 2) {
        throw ApplicationFailure.newFailure("too many requests", "RateLimit");
      }
      if (request.equals("invalid")) {
        throw ApplicationFailure.newNonRetryableFailure("Invalid input: no id", "InvalidInput");
      }
      return !request.equals("unknown");
    }
  }
}
