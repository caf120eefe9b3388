package compat;

import static compat.Check.equal;
import static compat.Check.isTrue;
import static compat.Check.thrown;
import static compat.Context.count;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.enums.v1.PendingActivityState;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.WorkflowExecutionDescription;
import io.temporal.client.WorkflowExecutionMetadata;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowStub;
import io.temporal.common.RetryOptions;
import io.temporal.common.WorkflowExecutionHistory;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.testing.WorkflowReplayer;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerFactoryOptions;
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

/** What a client can see of workflows from outside, and what replaying their histories shows. */
public final class Observing {
  private Observing() {}

  public static final Map<String, Scenario> scenarios =
      Map.of(
          "describe-list-count", Observing::describeListCount,
          "big-history", Observing::bigHistory,
          "replay", Observing::replay);

  public static final Class<?>[] workflows = {ObservedImpl.class, StepsImpl.class};

  @ActivityInterface
  public interface Stepping {
    int step(int number);

    void failForNow();
  }

  public static final class SteppingImpl implements Stepping {
    @Override
    public int step(int number) {
      return number;
    }

    @Override
    public void failForNow() {
      throw ApplicationFailure.newFailure("not yet", "NotYet");
    }
  }

  private static Stepping stepping(RetryOptions policy) {
    return Workflow.newActivityStub(
        Stepping.class,
        ActivityOptions.newBuilder().setStartToCloseTimeout(Duration.ofSeconds(10)).setRetryOptions(policy).build());
  }

  /** Runs one activity, then waits with another one in retry until it is let go. */
  @WorkflowInterface
  public interface Observed {
    @WorkflowMethod
    String run();

    @SignalMethod
    void go();
  }

  public static final class ObservedImpl implements Observed {
    private boolean letGo;

    @Override
    public String run() {
      stepping(null).step(1);
      Stepping retried = stepping(RetryOptions.newBuilder().setInitialInterval(Duration.ofMinutes(1)).build());
      List<Promise<Void>> pending = new ArrayList<>();
      CancellationScope scope =
          Workflow.newCancellationScope(() -> pending.add(Async.procedure(retried::failForNow)));
      scope.run();
      Workflow.await(() -> letGo);
      scope.cancel();
      try {
        pending.get(0).get();
        throw ApplicationFailure.newNonRetryableFailure("the activity was not cancelled", "NotCancelled");
      } catch (ActivityFailure expected) {
        return "seen";
      }
    }

    @Override
    public void go() {
      letGo = true;
    }
  }

  static void describeListCount(Context context) throws Exception {
    WorkflowStub stub =
        context.start(context.options().setMemo(Map.of("customer", "c-17", "tries", 3)), Observed.class);
    Check.eventually(
        "the second activity waits for its second attempt",
        Duration.ofMinutes(1),
        () -> {
          var pending = stub.describe().getRawDescription().getPendingActivitiesList();
          return pending.size() == 1 && pending.get(0).getAttempt() == 2;
        });
    WorkflowExecutionDescription described = stub.describe();
    equal(described.getExecution(), stub.getExecution(), "execution");
    equal(described.getWorkflowType(), "Observed", "type");
    equal(described.getTaskQueue(), context.taskQueue, "task queue");
    equal(described.getStatus(), WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING, "status");
    checkMemo(described);
    equal(described.getCloseTime(), null, "close time");
    var pending = described.getRawDescription().getPendingActivities(0);
    equal(pending.getActivityType().getName(), "FailForNow", "pending activity");
    equal(pending.getState(), PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED, "its state");
    equal(pending.getLastFailure().getMessage(), "not yet", "its last failure");

    stub.signal("go");
    equal(stub.getResult(String.class), "seen", "result");
    WorkflowExecutionDescription closed = stub.describe();
    equal(closed.getStatus(), WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED, "status");
    isTrue(closed.getCloseTime() != null, "there is a close time");
    equal(closed.getHistoryLength(), (long) context.events(stub).size(), "history length");
    equal(closed.getRawDescription().getPendingActivitiesCount(), 0, "pending activities after the end");
    checkLists(context, stub);
    thrown(WorkflowNotFoundException.class, () -> context.stub("java-nobody").describe());
  }

  private static void checkMemo(WorkflowExecutionMetadata metadata) {
    equal(metadata.getMemo("customer", String.class), "c-17", "memo");
    equal(metadata.getMemo("tries", Integer.class), 3, "memo");
  }

  private static void checkLists(Context context, WorkflowStub stub) throws Exception {
    WorkflowStub other = context.start(Steps.class, 1, 1);
    other.getResult(Integer.class);
    String otherId = other.getExecution().getWorkflowId();
    String byId = "WorkflowId = '" + stub.getExecution().getWorkflowId() + "'";
    String both = "(" + byId + " OR WorkflowId = '" + otherId + "') AND ExecutionStatus = 'Completed'";
    // A visibility store of its own may be behind.
    Check.eventually(
        "both workflows are listed as completed",
        Duration.ofMinutes(1),
        () -> context.client.listExecutions(both).count() == 2);
    equal(ids(context, both + " AND WorkflowType = 'Steps'"), List.of(otherId), "workflows of that type");
    List<WorkflowExecutionMetadata> mine = context.client.listExecutions(byId).toList();
    equal(mine.size(), 1, "workflows of that id");
    equal(mine.get(0).getExecution(), stub.getExecution(), "execution");
    checkMemo(mine.get(0));
    equal(ids(context, byId + " AND ExecutionStatus = 'Running'"), List.of(), "running ones");
    equal(context.client.countWorkflows(both).getCount(), 2L, "count");
    equal(context.client.countWorkflows(byId + " AND ExecutionStatus = 'Failed'").getCount(), 0L, "failed ones");
    var bad = thrown(StatusRuntimeException.class, () -> context.client.listExecutions("WorkflowId ===").toList());
    equal(bad.getStatus().getCode(), Status.Code.INVALID_ARGUMENT, "a query that is none");
  }

  private static List<String> ids(Context context, String query) {
    return context.client.listExecutions(query).map(each -> each.getExecution().getWorkflowId()).toList();
  }

  @WorkflowInterface
  public interface Steps {
    @WorkflowMethod
    int run(int rounds, int width);
  }

  public static final class StepsImpl implements Steps {
    private final Stepping stepping = stepping(null);

    @Override
    public int run(int rounds, int width) {
      int total = 0;
      for (int round = 0; round < rounds; round++) {
        List<Promise<Integer>> batch = new ArrayList<>();
        for (int index = 0; index < width; index++) {
          batch.add(Async.function(stepping::step, round * width + index));
        }
        for (Promise<Integer> promise : batch) {
          total += promise.get();
        }
      }
      return total;
    }
  }

  /** Nothing is cached, so every workflow task comes with the whole history, page by page. */
  static void bigHistory(Context context) {
    String queue = context.taskQueue + "-uncached-" + UUID.randomUUID();
    WorkerFactory factory =
        WorkerFactory.newInstance(
            context.client, WorkerFactoryOptions.newBuilder().setWorkflowCacheSize(0).build());
    Worker worker = factory.newWorker(queue);
    worker.registerWorkflowImplementationTypes(StepsImpl.class);
    worker.registerActivitiesImplementations(new SteppingImpl());
    factory.start();
    try {
      WorkflowStub stub = context.start(context.options().setTaskQueue(queue), Steps.class, 40, 5);
      equal(stub.getResult(Integer.class), 200 * 199 / 2, "result");
      List<HistoryEvent> events = context.events(stub);
      equal(count(events, EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED), 200L, "activities");
      isTrue(events.size() > 600, events.size() + " events are many");
    } finally {
      factory.shutdownNow();
    }
  }

  /** What a careless change of {@link Steps} would be. */
  @WorkflowInterface
  public interface StepsInAnotherOrder {
    @WorkflowMethod(name = "Steps")
    int run(int rounds, int width);
  }

  public static final class StepsInAnotherOrderImpl implements StepsInAnotherOrder {
    @Override
    public int run(int rounds, int width) {
      Workflow.sleep(1_000);
      return rounds * width;
    }
  }

  static void replay(Context context) throws Exception {
    WorkflowStub observed = context.start(Observed.class);
    observed.signal("go");
    observed.getResult(String.class);
    WorkflowStub steps = context.start(Steps.class, 3, 4);
    steps.getResult(Integer.class);
    for (WorkflowStub stub : List.of(observed, steps)) {
      WorkflowExecutionHistory history = context.client.fetchHistory(stub.getExecution().getWorkflowId());
      WorkflowReplayer.replayWorkflowExecution(history, ObservedImpl.class, StepsImpl.class);
      // Through JSON too, as it is kept in files.
      WorkflowReplayer.replayWorkflowExecution(history.toJson(true), ObservedImpl.class, StepsImpl.class);
    }
    WorkflowExecutionHistory history = context.client.fetchHistory(steps.getExecution().getWorkflowId());
    thrown(
        RuntimeException.class,
        () -> {
          WorkflowReplayer.replayWorkflowExecution(history, StepsInAnotherOrderImpl.class);
          return "a clean replay of a changed workflow";
        });
  }
}
