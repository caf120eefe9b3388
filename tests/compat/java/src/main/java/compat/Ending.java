package compat;

import static compat.Check.equal;
import static compat.Check.instance;
import static compat.Check.isTrue;
import static compat.Check.thrown;
import static compat.Context.count;
import static compat.Context.last;
import static compat.Context.one;

import io.temporal.activity.Activity;
import io.temporal.activity.ActivityCancellationType;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.enums.v1.TimeoutType;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.api.enums.v1.WorkflowIdConflictPolicy;
import io.temporal.api.enums.v1.WorkflowIdReusePolicy;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.ActivityCompletionException;
import io.temporal.client.WorkflowExecutionAlreadyStarted;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.common.RetryOptions;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.TerminatedFailure;
import io.temporal.failure.TimeoutFailure;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** The ways in which a workflow ends, and what a second start with its id gives. */
public final class Ending {
  private Ending() {}

  public static final Map<String, Scenario> scenarios =
      Map.of(
          "cancel", Ending::cancel,
          "terminate", Ending::terminate,
          "workflow-failure", Ending::workflowFailure,
          "run-timeout", Ending::runTimeout,
          "workflow-retry", Ending::workflowRetry,
          "already-started", Ending::alreadyStarted);

  public static final Class<?>[] workflows = {
    CancellableImpl.class, ObedientImpl.class, FailingImpl.class, FailOnceImpl.class
  };

  @ActivityInterface
  public interface Deeds {
    void reserveForLong();

    void compensate();

    void refuse();
  }

  /** What activities did, in order, by workflow id: "begun", "cleaned up", "compensated". */
  static final Journal<String> deeds = new Journal<>();

  public static final class DeedsImpl implements Deeds {
    private static void note(String deed) {
      deeds.add(Activity.getExecutionContext().getInfo().getWorkflowId(), deed);
    }

    @Override
    public void reserveForLong() {
      ActivityExecutionContext context = Activity.getExecutionContext();
      note("begun");
      try {
        while (true) {
          context.heartbeat(null);
          RunningActivities.sleep(50);
        }
      } catch (ActivityCompletionException e) {
        note("cleaned up");
        throw e;
      }
    }

    @Override
    public void compensate() {
      note("compensated");
    }

    @Override
    public void refuse() {
      ApplicationFailure root = ApplicationFailure.newFailure("the root of it", "Root");
      throw ApplicationFailure.newNonRetryableFailureWithCause("refused", "Refusal", root);
    }
  }

  private static Deeds stub(ActivityOptions.Builder options) {
    return Workflow.newActivityStub(Deeds.class, options.build());
  }

  private static ActivityOptions.Builder tenSeconds() {
    return ActivityOptions.newBuilder().setStartToCloseTimeout(Duration.ofSeconds(10));
  }

  @WorkflowInterface
  public interface Cancellable {
    @WorkflowMethod
    void run();
  }

  public static final class CancellableImpl implements Cancellable {
    @Override
    public void run() {
      Deeds cancellable =
          stub(
              ActivityOptions.newBuilder()
                  .setStartToCloseTimeout(Duration.ofMinutes(1))
                  .setHeartbeatTimeout(Duration.ofSeconds(10))
                  .setCancellationType(ActivityCancellationType.WAIT_CANCELLATION_COMPLETED));
      try {
        cancellable.reserveForLong();
      } catch (ActivityFailure failure) {
        // What must still run is not cancelled with the workflow.
        Workflow.newDetachedCancellationScope(() -> stub(tenSeconds()).compensate()).run();
        throw failure;
      }
    }
  }

  static void cancel(Context context) throws Exception {
    WorkflowStub stub = context.start(Cancellable.class);
    String id = stub.getExecution().getWorkflowId();
    Check.eventually("the activity begins", Duration.ofMinutes(1), () -> !deeds.of(id).isEmpty());
    stub.cancel();
    instance(CanceledFailure.class, failure(stub).getCause());
    equal(deeds.of(id), List.of("begun", "cleaned up", "compensated"), "deeds");
    equal(context.status(stub), WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CANCELED, "status");
    List<HistoryEvent> events = context.events(stub);
    equal(count(events, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED), 1L, "cancel requests");
    equal(count(events, EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED), 1L, "cancel requests of the activity");
    equal(count(events, EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED), 1L, "cancelled activities");
    equal(last(events).getEventType(), EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, "last event");
  }

  private static WorkflowFailedException failure(WorkflowStub stub) {
    return thrown(WorkflowFailedException.class, () -> stub.getResult(String.class));
  }

  /** Does as it is told; "wait" is for ever. */
  @WorkflowInterface
  public interface Obedient {
    @WorkflowMethod
    String run(String then);
  }

  public static final class ObedientImpl implements Obedient {
    @Override
    public String run(String then) {
      if (then.equals("wait")) {
        Workflow.await(() -> false);
      }
      if (then.equals("fail")) {
        throw ApplicationFailure.newFailure("as told", "ToldToFail", Map.of("order", 12));
      }
      return then;
    }
  }

  static void terminate(Context context) {
    WorkflowStub stub = context.start(Obedient.class, "wait");
    stub.terminate("the test says so", "a detail");
    instance(TerminatedFailure.class, failure(stub).getCause());
    equal(context.status(stub), WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED, "status");
    var attributes =
        one(context.events(stub), EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED)
            .getWorkflowExecutionTerminatedEventAttributes();
    equal(attributes.getReason(), "the test says so", "reason");
    equal(attributes.getDetails().getPayloads(0).getData().toStringUtf8(), "\"a detail\"", "details");
    thrown(
        WorkflowNotFoundException.class,
        () -> {
          stub.terminate("once more");
          return null;
        });
    // Cancelling what has ended is what the caller wanted, so it is no error.
    stub.cancel();
  }

  @WorkflowInterface
  public interface Failing {
    @WorkflowMethod
    void run();
  }

  public static final class FailingImpl implements Failing {
    @Override
    public void run() {
      stub(tenSeconds()).refuse();
    }
  }

  static void workflowFailure(Context context) {
    WorkflowStub own = context.start(Obedient.class, "fail");
    var failure = instance(ApplicationFailure.class, failure(own).getCause());
    equal(
        List.of(failure.getOriginalMessage(), failure.getType(), failure.getDetails().get(Map.class)),
        List.of("as told", "ToldToFail", Map.of("order", 12)),
        "failure");
    equal(context.status(own), WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_FAILED, "status");

    var activityFailure = instance(ActivityFailure.class, failure(context.start(Failing.class)).getCause());
    isTrue(!activityFailure.getIdentity().isEmpty(), "the identity of the worker is in the failure");
    var refusal = instance(ApplicationFailure.class, activityFailure.getCause());
    equal(List.of(refusal.getOriginalMessage(), refusal.getType()), List.of("refused", "Refusal"), "of the activity");
    var root = instance(ApplicationFailure.class, refusal.getCause());
    equal(List.of(root.getOriginalMessage(), root.getType()), List.of("the root of it", "Root"), "its cause");

    thrown(WorkflowNotFoundException.class, () -> context.stub("java-nobody").getResult(String.class));
  }

  static void runTimeout(Context context) {
    Duration second = Duration.ofSeconds(1);
    for (WorkflowStub stub :
        List.of(
            context.start(context.options().setWorkflowRunTimeout(second), Obedient.class, "wait"),
            context.start(context.options().setWorkflowExecutionTimeout(second), Obedient.class, "wait"))) {
      var timeout = instance(TimeoutFailure.class, failure(stub).getCause());
      equal(timeout.getTimeoutType(), TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE, "timeout type");
      equal(context.status(stub), WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TIMED_OUT, "status");
      equal(
          last(context.events(stub)).getEventType(),
          EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
          "last event");
    }
  }

  @WorkflowInterface
  public interface FailOnce {
    @WorkflowMethod
    int run();
  }

  public static final class FailOnceImpl implements FailOnce {
    @Override
    public int run() {
      int attempt = Workflow.getInfo().getAttempt();
      if (attempt == 1) {
        throw ApplicationFailure.newFailure("the first run fails", "First");
      }
      return attempt;
    }
  }

  static void workflowRetry(Context context) {
    RetryOptions policy =
        RetryOptions.newBuilder().setInitialInterval(Duration.ofMillis(100)).setMaximumAttempts(3).build();
    WorkflowStub stub = context.start(context.options().setRetryOptions(policy), FailOnce.class);
    WorkflowExecution firstRun = stub.getExecution();
    equal(stub.getResult(Integer.class), 2, "the attempt that succeeded");
    var end =
        one(context.events(context.stub(firstRun)), EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED)
            .getWorkflowExecutionFailedEventAttributes();
    equal(end.getFailure().getMessage(), "the first run fails", "failure of the first run");
    String latest = context.stub(firstRun.getWorkflowId()).describe().getExecution().getRunId();
    equal(latest, end.getNewExecutionRunId(), "the first run names the second");
  }

  static void alreadyStarted(Context context) {
    WorkflowOptions options = context.options().build();
    WorkflowStub running = start(context, options, "wait", null, null);
    var refused = thrown(WorkflowExecutionAlreadyStarted.class, () -> start(context, options, "wait", null, null));
    equal(refused.getExecution(), running.getExecution(), "the run that is in the way");

    WorkflowStub existing =
        start(context, options, "wait", null, WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING);
    equal(existing.getExecution(), running.getExecution(), "USE_EXISTING");
    WorkflowStub replacing =
        start(context, options, "end", null, WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING);
    equal(replacing.getResult(String.class), "end", "TERMINATE_EXISTING");
    instance(TerminatedFailure.class, failure(context.stub(running.getExecution())).getCause());

    for (WorkflowIdReusePolicy reuse :
        List.of(
            WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
            WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY)) {
      thrown(WorkflowExecutionAlreadyStarted.class, () -> start(context, options, "wait", reuse, null));
    }
    failure(
        start(context, options, "fail", WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, null));
    WorkflowStub afterFailure =
        start(
            context,
            options,
            "end",
            WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
            null);
    equal(afterFailure.getResult(String.class), "end", "after a failed run");
  }

  /** With the same id again. */
  private static WorkflowStub start(
      Context context,
      WorkflowOptions options,
      String then,
      WorkflowIdReusePolicy reuse,
      WorkflowIdConflictPolicy conflict) {
    WorkflowOptions.Builder builder =
        WorkflowOptions.newBuilder(options).setWorkflowIdReusePolicy(reuse).setWorkflowIdConflictPolicy(conflict);
    return context.start(builder, Obedient.class, then);
  }
}
