package compat;

import static compat.Check.equal;
import static compat.Check.instance;
import static compat.Check.isTrue;
import static compat.Check.thrown;
import static compat.Context.count;
import static compat.Context.last;
import static compat.Context.one;

import com.google.protobuf.util.Timestamps;
import compat.RunningActivities.Approved;
import compat.RunningActivities.Ticket;
import io.temporal.activity.ActivityOptions;
import io.temporal.activity.LocalActivityOptions;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.enums.v1.RetryState;
import io.temporal.api.enums.v1.TimeoutType;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.ActivityCompletionClient;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowStub;
import io.temporal.common.RetryOptions;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.TimeoutFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Activities of every kind, and timers. */
public final class Running {
  private Running() {}

  static final Duration TEN_SECONDS = Duration.ofSeconds(10);

  public static final Map<String, Scenario> scenarios =
      Map.of(
          "activities", Running::activities,
          "retries", Running::retries,
          "non-retryable", Running::nonRetryable,
          "activity-timeouts", Running::activityTimeouts,
          "local-activity", Running::localActivity,
          "timer", Running::timer,
          "async-completion", Running::asyncCompletion,
          "eager-start", Running::eagerStart);

  public static final Class<?>[] workflows = {
    SequenceAndParallelImpl.class,
    RetryingImpl.class,
    RejectedImpl.class,
    TimingOutImpl.class,
    LocalImpl.class,
    TimersImpl.class,
    ApprovalImpl.class
  };

  private static RunningActivities stub(ActivityOptions.Builder options) {
    return Workflow.newActivityStub(RunningActivities.class, options.build());
  }

  private static ActivityOptions.Builder startToClose(Duration timeout) {
    return ActivityOptions.newBuilder().setStartToCloseTimeout(timeout);
  }

  @WorkflowInterface
  public interface SequenceAndParallel {
    @WorkflowMethod
    List<Integer> run(int number);
  }

  public static final class SequenceAndParallelImpl implements SequenceAndParallel {
    private final RunningActivities activities = stub(startToClose(TEN_SECONDS));

    @Override
    public List<Integer> run(int number) {
      for (int round = 0; round < 3; round++) {
        number = activities.doubled(number);
      }
      List<Promise<Integer>> promises = new ArrayList<>();
      for (int index = 0; index < 5; index++) {
        promises.add(Async.function(activities::doubled, number + index));
      }
      return promises.stream().map(Promise::get).toList();
    }
  }

  private static List<?> listResult(WorkflowStub stub) {
    return stub.getResult(List.class);
  }

  static void activities(Context context) {
    WorkflowStub stub = context.start(SequenceAndParallel.class, 1);
    equal(listResult(stub), List.of(16, 18, 20, 22, 24), "result");
    List<HistoryEvent> events = context.events(stub);
    equal(
        events.subList(0, 3).stream().map(HistoryEvent::getEventType).toList(),
        List.of(
            EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
            EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
            EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED),
        "first events");
    equal(count(events, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED), 8L, "scheduled");
    equal(count(events, EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED), 8L, "started");
    equal(count(events, EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED), 8L, "completed");
    equal(last(events).getEventType(), EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, "last event");
  }

  @WorkflowInterface
  public interface Retrying {
    @WorkflowMethod
    int run();
  }

  public static final class RetryingImpl implements Retrying {
    @Override
    public int run() {
      RetryOptions policy =
          RetryOptions.newBuilder().setInitialInterval(Duration.ofMillis(200)).setBackoffCoefficient(2).build();
      return stub(startToClose(TEN_SECONDS).setRetryOptions(policy)).failTwice();
    }
  }

  static void retries(Context context) {
    WorkflowStub stub = context.start(Retrying.class);
    equal(stub.getResult(Integer.class), 3, "the attempt that succeeded");
    List<Long> began = RunningActivities.attempts.of(stub.getExecution().getWorkflowId());
    equal(began.size(), 3, "attempts");
    isTrue(began.get(1) - began.get(0) >= 200_000_000L, "the first backoff lasted");
    isTrue(began.get(2) - began.get(1) >= 400_000_000L, "the second backoff lasted twice as long");
    var started =
        one(context.events(stub), EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED).getActivityTaskStartedEventAttributes();
    equal(started.getAttempt(), 3, "attempt in history");
    equal(started.getLastFailure().getMessage(), "attempt 2 fails", "last failure in history");
    equal(started.getLastFailure().getApplicationFailureInfo().getType(), "Flaky", "its type");
  }

  @WorkflowInterface
  public interface Rejected {
    @WorkflowMethod
    void run(String how);
  }

  public static final class RejectedImpl implements Rejected {
    @Override
    public void run(String how) {
      RetryOptions policy =
          RetryOptions.newBuilder()
              .setInitialInterval(Duration.ofMillis(10))
              .setMaximumAttempts(2)
              .setDoNotRetry("NotFound")
              .build();
      stub(startToClose(TEN_SECONDS).setRetryOptions(policy)).reject(how);
    }
  }

  private record Refusal(String how, String type, RetryState retryState, int tries) {}

  static void nonRetryable(Context context) {
    for (Refusal refusal :
        List.of(
            new Refusal("non-retryable", "InvalidInput", RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE, 1),
            new Refusal("by type", "NotFound", RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE, 1),
            new Refusal(
                "ordinary", "java.lang.IllegalStateException", RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED, 2))) {
      WorkflowStub stub = context.start(Rejected.class, refusal.how);
      var failed = thrown(WorkflowFailedException.class, () -> stub.getResult(Void.class));
      var activityFailure = instance(ActivityFailure.class, failed.getCause());
      equal(activityFailure.getActivityType(), "Reject", "activity type");
      equal(activityFailure.getRetryState(), refusal.retryState, refusal.how);
      var failure = instance(ApplicationFailure.class, activityFailure.getCause());
      equal(failure.getType(), refusal.type, refusal.how);
      String workflowId = stub.getExecution().getWorkflowId();
      equal(RunningActivities.attempts.of(workflowId).size(), refusal.tries, "attempts when " + refusal.how);
      if (refusal.how.equals("non-retryable")) {
        equal(failure.getDetails().get(Map.class), Map.of("account", 7), "details");
        isTrue(failure.isNonRetryable(), "the failure is non-retryable");
      }
    }
  }

  /** What a workflow sees of a timeout. */
  public record TimedOut(TimeoutType type, RetryState retry, String heartbeat, String cause) {}

  @WorkflowInterface
  public interface TimingOut {
    @WorkflowMethod
    TimedOut run(String which);
  }

  public static final class TimingOutImpl implements TimingOut {
    private static final Duration HALF_A_SECOND = Duration.ofMillis(500);

    private static RetryOptions retry(Duration initialInterval, int maximumAttempts) {
      return RetryOptions.newBuilder()
          .setInitialInterval(initialInterval)
          .setMaximumAttempts(maximumAttempts)
          .build();
    }

    private static ActivityOptions.Builder options(String which) {
      return switch (which) {
        case "start to close" -> startToClose(Duration.ofSeconds(3)).setRetryOptions(retry(Duration.ofMillis(50), 2));
        case "heartbeat" ->
            startToClose(TEN_SECONDS).setHeartbeatTimeout(Duration.ofSeconds(5)).setRetryOptions(retry(HALF_A_SECOND, 1));
        case "schedule to start" ->
            startToClose(TEN_SECONDS).setTaskQueue("nobody-polls-here").setScheduleToStartTimeout(HALF_A_SECOND);
        case "schedule to close" -> ActivityOptions.newBuilder().setScheduleToCloseTimeout(HALF_A_SECOND);
        // The next attempt would come after the deadline.
        default ->
            ActivityOptions.newBuilder()
                .setScheduleToCloseTimeout(Duration.ofSeconds(30))
                .setRetryOptions(retry(Duration.ofMinutes(1), 0));
      };
    }

    @Override
    public TimedOut run(String which) {
      RunningActivities activities = stub(options(which));
      try {
        if (which.equals("no time to retry")) {
          activities.alwaysFail();
        } else {
          activities.hang(which.equals("heartbeat"));
        }
      } catch (ActivityFailure failure) {
        if (failure.getCause() instanceof TimeoutFailure timeout) {
          return new TimedOut(
              timeout.getTimeoutType(),
              failure.getRetryState(),
              timeout.getLastHeartbeatDetails().get(String.class),
              null);
        }
        String cause = ((ApplicationFailure) failure.getCause()).getOriginalMessage();
        return new TimedOut(null, failure.getRetryState(), null, cause);
      }
      throw ApplicationFailure.newNonRetryableFailure("the activity did not time out", "NoTimeout");
    }
  }

  static void activityTimeouts(Context context) {
    Map<String, WorkflowStub> stubs = new LinkedHashMap<>();
    for (String which :
        List.of("start to close", "heartbeat", "schedule to start", "schedule to close", "no time to retry")) {
      stubs.put(which, context.start(TimingOut.class, which));
    }
    Map<String, TimedOut> outcomes = new LinkedHashMap<>();
    stubs.forEach((which, stub) -> outcomes.put(which, stub.getResult(TimedOut.class)));
    TimedOut close = outcomes.get("start to close");
    equal(close.type, TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE, "type");
    equal(close.retry, RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED, "retry state");
    String closeId = stubs.get("start to close").getExecution().getWorkflowId();
    equal(RunningActivities.attempts.of(closeId).size(), 2, "attempts that timed out");
    equal(outcomes.get("heartbeat").type, TimeoutType.TIMEOUT_TYPE_HEARTBEAT, "type");
    equal(outcomes.get("heartbeat").heartbeat, "half way", "last heartbeat details");
    equal(outcomes.get("schedule to start").type, TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START, "type");
    TimedOut overall = outcomes.get("schedule to close");
    equal(overall.type, TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, "type");
    equal(overall.retry, RetryState.RETRY_STATE_TIMEOUT, "retry state");
    TimedOut expected = new TimedOut(null, RetryState.RETRY_STATE_TIMEOUT, null, "not today");
    equal(outcomes.get("no time to retry"), expected, "no time to retry");
  }

  @WorkflowInterface
  public interface Local {
    @WorkflowMethod
    int run(int number);
  }

  public static final class LocalImpl implements Local {
    @Override
    public int run(int number) {
      RetryOptions policy =
          RetryOptions.newBuilder().setInitialInterval(Duration.ofMillis(10)).setMaximumAttempts(3).build();
      LocalActivityOptions options =
          LocalActivityOptions.newBuilder().setStartToCloseTimeout(TEN_SECONDS).setRetryOptions(policy).build();
      return Workflow.newLocalActivityStub(RunningActivities.class, options).localSquare(number);
    }
  }

  static void localActivity(Context context) {
    WorkflowStub stub = context.start(Local.class, 9);
    equal(stub.getResult(Integer.class), 81, "result");
    List<HistoryEvent> events = context.events(stub);
    equal(count(events, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED), 0L, "activities in history");
    var marker = one(events, EventType.EVENT_TYPE_MARKER_RECORDED).getMarkerRecordedEventAttributes();
    isTrue(!marker.getMarkerName().isEmpty(), "the marker has a name");
    equal(RunningActivities.attempts.of(stub.getExecution().getWorkflowId()).size(), 2, "local attempts");
  }

  @WorkflowInterface
  public interface Timers {
    @WorkflowMethod
    long run();
  }

  public static final class TimersImpl implements Timers {
    @Override
    public long run() {
      long began = Workflow.currentTimeMillis();
      Workflow.sleep(400);
      long slept = Workflow.currentTimeMillis() - began;
      List<Promise<Void>> slow = new ArrayList<>();
      CancellationScope scope =
          Workflow.newCancellationScope(() -> slow.add(Workflow.newTimer(Duration.ofHours(1))));
      scope.run();
      Promise.anyOf(slow.get(0), Workflow.newTimer(Duration.ofMillis(100))).get();
      scope.cancel();
      try {
        slow.get(0).get();
        throw ApplicationFailure.newNonRetryableFailure("the slow timer was not cancelled", "NotCancelled");
      } catch (CanceledFailure expected) {
        // The cancellation of the long timer is only on record once a workflow task has carried it.
        Workflow.sleep(10);
      }
      return slept;
    }
  }

  static void timer(Context context) {
    WorkflowStub stub = context.start(Timers.class);
    isTrue(stub.getResult(Long.class) >= 400, "the timer lasted in the workflow's time");
    List<HistoryEvent> events = context.events(stub);
    equal(count(events, EventType.EVENT_TYPE_TIMER_STARTED), 4L, "started");
    equal(count(events, EventType.EVENT_TYPE_TIMER_FIRED), 3L, "fired");
    equal(count(events, EventType.EVENT_TYPE_TIMER_CANCELED), 1L, "cancelled");
    long tookMs = firstMs(events, EventType.EVENT_TYPE_TIMER_FIRED) - firstMs(events, EventType.EVENT_TYPE_TIMER_STARTED);
    isTrue(tookMs >= 400, "the timer lasted in history");
  }

  private static long firstMs(List<HistoryEvent> events, EventType type) {
    HistoryEvent first = events.stream().filter(event -> event.getEventType() == type).findFirst().orElseThrow();
    return Timestamps.toMillis(first.getEventTime());
  }

  @WorkflowInterface
  public interface Approval {
    @WorkflowMethod
    List<String> run();
  }

  public static final class ApprovalImpl implements Approval {
    private final RunningActivities activities =
        stub(
            startToClose(Duration.ofDays(7))
                .setRetryOptions(RetryOptions.newBuilder().setMaximumAttempts(1).build()));

    @Override
    public List<String> run() {
      List<String> outcomes = new ArrayList<>();
      for (String title : List.of("by token", "by id", "refused")) {
        try {
          Approved answer = activities.requestHumanApproval(title);
          outcomes.add(answer.approved() + " by " + answer.approver());
        } catch (ActivityFailure failure) {
          outcomes.add(((ApplicationFailure) failure.getCause()).getOriginalMessage());
        }
      }
      return outcomes;
    }
  }

  static void asyncCompletion(Context context) throws Exception {
    WorkflowStub stub = context.start(Approval.class);
    ActivityCompletionClient completion = context.client.newActivityCompletionClient();
    byte[] token = ticket(stub, "by token").token();
    completion.heartbeat(token, "asked alice");
    completion.complete(token, new Approved(true, "alice"));
    Ticket byId = ticket(stub, "by id");
    completion.complete(
        stub.getExecution().getWorkflowId(),
        Optional.of(stub.getExecution().getRunId()),
        byId.activityId(),
        new Approved(true, "bob"));
    completion.completeExceptionally(
        ticket(stub, "refused").token(), ApplicationFailure.newNonRetryableFailure("Rejected by compliance", "Refusal"));
    equal(listResult(stub), List.of("true by alice", "true by bob", "Rejected by compliance"), "outcomes");
  }

  private static Ticket ticket(WorkflowStub stub, String title) throws Exception {
    String key = stub.getExecution().getWorkflowId() + "/" + title;
    Check.eventually(
        "the activity asks for approval " + title,
        Duration.ofMinutes(1),
        () -> !RunningActivities.tickets.of(key).isEmpty());
    return RunningActivities.tickets.of(key).get(0);
  }

  static void eagerStart(Context context) {
    WorkflowStub stub = context.start(context.options().setDisableEagerExecution(false), SequenceAndParallel.class, 2);
    equal(listResult(stub), List.of(32, 34, 36, 38, 40), "result");
    var started = context.events(stub).get(0).getWorkflowExecutionStartedEventAttributes();
    isTrue(started.getEagerExecutionAccepted(), "the server gave the first task with the start");
  }
}
