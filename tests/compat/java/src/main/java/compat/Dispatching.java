package compat;

import static compat.Check.equal;
import static compat.Check.isTrue;
import static compat.Context.count;
import static compat.DispatchActivities.allowed;
import static compat.DispatchActivities.deedTimes;

import compat.DispatchActivities.Left;
import io.temporal.activity.ActivityCancellationType;
import io.temporal.activity.ActivityOptions;
import io.temporal.activity.LocalActivityOptions;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.enums.v1.TaskQueueType;
import io.temporal.api.taskqueue.v1.RateLimit;
import io.temporal.api.workflowservice.v1.UpdateTaskQueueConfigRequest;
import io.temporal.client.WorkflowStub;
import io.temporal.common.RetryOptions;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.TimeoutFailure;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerOptions;
import io.temporal.workflow.Async;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.Promise;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/** How activities come to workers, are held back, taken away, and tried again. */
public final class Dispatching {
  private Dispatching() {}

  public static final Map<String, Scenario> scenarios =
      Map.of(
          "cancellation-types", Dispatching::cancellationTypes,
          "next-retry-delay", Dispatching::nextRetryDelay,
          "local-activity-long", Dispatching::localActivityLong,
          "local-activity-backoff", Dispatching::localActivityBackoff,
          "rate-limit", Dispatching::rateLimit,
          "eager-activity", Dispatching::eagerActivity,
          "worker-shutdown", Dispatching::workerShutdown);

  public static final Class<?>[] workflows = {
    CancelTypesImpl.class, DelayedImpl.class, NappingImpl.class, LocalBackoffImpl.class
  };

  private static DispatchActivities stub(ActivityOptions.Builder options) {
    return Workflow.newActivityStub(DispatchActivities.class, options.build());
  }

  private static ActivityOptions.Builder oneMinute() {
    return ActivityOptions.newBuilder().setStartToCloseTimeout(Duration.ofMinutes(1));
  }

  private static RetryOptions retryAfter(Duration interval) {
    return RetryOptions.newBuilder().setInitialInterval(interval).build();
  }

  private static int done(WorkflowStub stub, String deed) {
    return deedTimes.of(stub.getExecution().getWorkflowId() + "/" + deed).size();
  }

  private static void untilDone(WorkflowStub stub, String deed) throws Exception {
    Check.eventually("the activity has " + deed, Duration.ofMinutes(1), () -> done(stub, deed) == 1);
  }

  /** How long after the first attempt the second one came. */
  private static Duration untilSecond(WorkflowStub stub) {
    List<Long> tried = deedTimes.of(stub.getExecution().getWorkflowId() + "/tried");
    return Duration.ofNanos(tried.get(1) - tried.get(0));
  }

  @WorkflowInterface
  public interface CancelTypes {
    @WorkflowMethod
    String run(ActivityCancellationType type);

    @SignalMethod
    void goOn();
  }

  public static final class CancelTypesImpl implements CancelTypes {
    private int told = 0;

    @Override
    public String run(ActivityCancellationType type) {
      DispatchActivities activities =
          stub(
              oneMinute()
                  .setHeartbeatTimeout(Duration.ofSeconds(10))
                  .setRetryOptions(RetryOptions.newBuilder().setMaximumAttempts(1).build())
                  .setCancellationType(type));
      List<Promise<Void>> running = new ArrayList<>();
      CancellationScope scope =
          Workflow.newCancellationScope(() -> running.add(Async.procedure(activities::cleanUpSlowly)));
      scope.run();
      Workflow.await(() -> told > 0);
      scope.cancel();
      try {
        running.get(0).get();
      } catch (ActivityFailure failure) {
        if (!(failure.getCause() instanceof CanceledFailure)) {
          throw failure;
        }
        // What the activity was left to do must not end with the workflow.
        if (type == ActivityCancellationType.ABANDON) {
          Workflow.await(() -> told > 1);
        }
        return "cancelled";
      }
      return "not cancelled";
    }

    @Override
    public void goOn() {
      told++;
    }
  }

  /** What comes of a cancelled activity. */
  private record Cancelled(boolean endedBefore, long requested, long cancelled) {}

  private static Cancelled cancelled(Context context, ActivityCancellationType type) throws Exception {
    boolean abandoned = type == ActivityCancellationType.ABANDON;
    String end = abandoned ? "finished" : "cleaned up";
    WorkflowStub stub = context.start(CancelTypes.class, type);
    untilDone(stub, "begun");
    stub.signal("goOn");
    if (abandoned) {
      Check.eventually(
          "the workflow has abandoned the activity",
          Duration.ofMinutes(1),
          () -> count(context.events(stub), EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED) == 2);
    }
    String ending = stub.getExecution().getWorkflowId() + "/" + end;
    if (type != ActivityCancellationType.TRY_CANCEL) {
      allowed.add(ending, true);
    }
    if (abandoned) {
      untilDone(stub, end);
      stub.signal("goOn");
    }
    equal(stub.getResult(String.class), "cancelled", type.toString());
    boolean endedBefore = done(stub, end) == 1;
    allowed.add(ending, true);
    untilDone(stub, end);
    var events = context.events(stub);
    return new Cancelled(
        endedBefore,
        count(events, EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED),
        count(events, EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED));
  }

  static void cancellationTypes(Context context) throws Exception {
    Cancelled tried = cancelled(context, ActivityCancellationType.TRY_CANCEL);
    equal(tried, new Cancelled(false, 1, 0), "try to cancel");
    Cancelled waited = cancelled(context, ActivityCancellationType.WAIT_CANCELLATION_COMPLETED);
    equal(waited, new Cancelled(true, 1, 1), "wait for the cancellation");
    Cancelled abandoned = cancelled(context, ActivityCancellationType.ABANDON);
    equal(abandoned, new Cancelled(true, 0, 0), "abandon");
  }

  @WorkflowInterface
  public interface Delayed {
    @WorkflowMethod
    int run();
  }

  public static final class DelayedImpl implements Delayed {
    @Override
    public int run() {
      return stub(oneMinute().setRetryOptions(retryAfter(Duration.ofHours(1)))).askForDelay();
    }
  }

  static void nextRetryDelay(Context context) {
    WorkflowStub stub = context.start(Delayed.class);
    equal(stub.getResult(Integer.class), 2, "the attempt that succeeded");
    isTrue(untilSecond(stub).toMillis() >= 1_000, "the second attempt waits for a second");
  }

  @WorkflowInterface
  public interface Napping {
    @WorkflowMethod
    int run(long ms);
  }

  private static LocalActivityOptions.Builder local() {
    return LocalActivityOptions.newBuilder().setStartToCloseTimeout(Duration.ofMinutes(1));
  }

  public static final class NappingImpl implements Napping {
    @Override
    public int run(long ms) {
      return Workflow.newLocalActivityStub(DispatchActivities.class, local().build()).takeNap(ms);
    }
  }

  static void localActivityLong(Context context) {
    WorkflowStub stub =
        context.start(context.options().setWorkflowTaskTimeout(Duration.ofSeconds(12)), Napping.class, 13_000L);
    equal(stub.getResult(Integer.class), 1, "how often it ran");
    var events = context.events(stub);
    equal(count(events, EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT), 0L, "workflow tasks that timed out");
    equal(count(events, EventType.EVENT_TYPE_MARKER_RECORDED), 1L, "markers");
    long tasks = count(events, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED);
    isTrue(tasks >= 2, tasks + " workflow tasks of 12 s held a local activity of 13 s");
  }

  @WorkflowInterface
  public interface LocalBackoff {
    @WorkflowMethod
    int run();
  }

  public static final class LocalBackoffImpl implements LocalBackoff {
    @Override
    public int run() {
      // Without a limit of attempts or time, this SDK does not retry a local activity at all.
      RetryOptions twice = retryAfter(Duration.ofSeconds(2)).toBuilder().setMaximumAttempts(2).build();
      LocalActivityOptions options =
          local().setLocalRetryThreshold(Duration.ofMillis(500)).setRetryOptions(twice).build();
      return Workflow.newLocalActivityStub(DispatchActivities.class, options).tryLocally();
    }
  }

  static void localActivityBackoff(Context context) {
    WorkflowStub stub = context.start(LocalBackoff.class);
    equal(stub.getResult(Integer.class), 2, "the attempt that succeeded");
    isTrue(untilSecond(stub).toMillis() >= 2_000, "the second attempt waits");
    var events = context.events(stub);
    equal(count(events, EventType.EVENT_TYPE_TIMER_STARTED), 1L, "timers started");
    equal(count(events, EventType.EVENT_TYPE_TIMER_FIRED), 1L, "timers fired");
    equal(count(events, EventType.EVENT_TYPE_MARKER_RECORDED), 2L, "markers");
  }

  @WorkflowInterface
  public interface Ticking {
    @WorkflowMethod
    void run(int ticks);
  }

  public static final class TickingImpl implements Ticking {
    @Override
    public void run(int ticks) {
      List<Promise<Void>> promises = new ArrayList<>();
      for (int index = 0; index < ticks; index++) {
        promises.add(Async.procedure(stub(oneMinute())::tick));
      }
      Promise.allOf(promises).get();
    }
  }

  static void rateLimit(Context context) {
    String queue = context.taskQueue + "-limited-" + UUID.randomUUID();
    WorkerFactory factory = WorkerFactory.newInstance(context.client);
    WorkerOptions options = WorkerOptions.newBuilder().setMaxTaskQueueActivitiesPerSecond(5).build();
    Worker worker = factory.newWorker(queue, options);
    worker.registerWorkflowImplementationTypes(TickingImpl.class);
    worker.registerActivitiesImplementations(new DispatchActivities.Impl());
    factory.start();
    try {
      WorkflowStub stub = context.start(context.options().setTaskQueue(queue), Ticking.class, 20);
      stub.getResult(Void.class);
      List<Long> ticked = deedTimes.of(stub.getExecution().getWorkflowId() + "/ticked");
      equal(ticked.size(), 20, "ticks");
      // Five may come at once, the other fifteen at five a second.
      isTrue(ticked.get(19) - ticked.get(0) > 2_500_000_000L, "20 ticks take their time");
    } finally {
      factory.shutdownNow();
    }
  }

  @WorkflowInterface
  public interface EagerTick {
    @WorkflowMethod
    String run();
  }

  public static final class EagerTickImpl implements EagerTick {
    @Override
    public String run() {
      try {
        stub(oneMinute().setScheduleToStartTimeout(Duration.ofSeconds(2))).tick();
      } catch (ActivityFailure failure) {
        return failure.getCause() instanceof TimeoutFailure ? "timed out" : failure.toString();
      }
      return "ticked";
    }
  }

  static void eagerActivity(Context context) {
    Map.of("ticked", false, "timed out", true)
        .forEach(
            (outcome, disabled) -> {
              String queue = context.taskQueue + "-eager-" + UUID.randomUUID();
              // From now on the queue itself gives no activity to anybody.
              var none = UpdateTaskQueueConfigRequest.RateLimitUpdate.newBuilder().setRateLimit(RateLimit.newBuilder());
              context
                  .client
                  .getWorkflowServiceStubs()
                  .blockingStub()
                  .updateTaskQueueConfig(
                      UpdateTaskQueueConfigRequest.newBuilder()
                          .setNamespace(context.client.getOptions().getNamespace())
                          .setTaskQueue(queue)
                          .setTaskQueueType(TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
                          .setUpdateQueueRateLimit(none)
                          .build());
              WorkerFactory factory = WorkerFactory.newInstance(context.client);
              Worker worker =
                  factory.newWorker(queue, WorkerOptions.newBuilder().setDisableEagerExecution(disabled).build());
              worker.registerWorkflowImplementationTypes(EagerTickImpl.class);
              worker.registerActivitiesImplementations(new DispatchActivities.Impl());
              factory.start();
              WorkflowStub stub = context.start(context.options().setTaskQueue(queue), EagerTick.class);
              String result = stub.getResult(String.class);
              factory.shutdownNow();
              equal(result, outcome, "an activity of a queue that gives none");
            });
  }

  @WorkflowInterface
  public interface OutlivesWorker {
    @WorkflowMethod
    Left run();
  }

  public static final class OutlivesWorkerImpl implements OutlivesWorker {
    @Override
    public Left run() {
      return stub(
              oneMinute()
                  .setHeartbeatTimeout(Duration.ofSeconds(10))
                  .setRetryOptions(retryAfter(Duration.ofMillis(100))))
          .untilShutdown();
    }
  }

  private static WorkerFactory startWorker(Context context, String queue) {
    WorkerFactory factory = WorkerFactory.newInstance(context.client);
    Worker worker = factory.newWorker(queue);
    worker.registerWorkflowImplementationTypes(OutlivesWorkerImpl.class);
    worker.registerActivitiesImplementations(new DispatchActivities.Impl());
    factory.start();
    return factory;
  }

  static void workerShutdown(Context context) throws Exception {
    String queue = context.taskQueue + "-shut-down-" + UUID.randomUUID();
    WorkerFactory first = startWorker(context, queue);
    WorkflowStub stub = context.start(context.options().setTaskQueue(queue), OutlivesWorker.class);
    untilDone(stub, "begun");
    first.shutdownNow();
    first.awaitTermination(30, TimeUnit.SECONDS);
    WorkerFactory second = startWorker(context, queue);
    try {
      equal(stub.getResult(Left.class), new Left(2, "half way"), "the second attempt");
    } finally {
      second.shutdownNow();
    }
  }
}
