package compat;

import static compat.Check.equal;
import static compat.Check.isTrue;
import static compat.Check.thrown;
import static compat.Context.count;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.api.workflowservice.v1.DescribeWorkflowExecutionRequest;
import io.temporal.api.workflowservice.v1.PauseWorkflowExecutionRequest;
import io.temporal.api.workflowservice.v1.ResetWorkflowExecutionRequest;
import io.temporal.api.workflowservice.v1.UnpauseWorkflowExecutionRequest;
import io.temporal.api.workflowservice.v1.WorkflowServiceGrpc.WorkflowServiceBlockingStub;
import io.temporal.client.UpdateOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.client.WorkflowUpdateStage;
import io.temporal.workflow.Async;
import io.temporal.workflow.ChildWorkflowOptions;
import io.temporal.workflow.Promise;
import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.UpdateMethod;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What operators do to workflows that run: reset them and pause them. */
public final class Controlling {
  private Controlling() {}

  public static final Map<String, Scenario> scenarios =
      Map.of("reset", Controlling::reset, "pause-workflow", Controlling::pauseWorkflow);

  public static final Class<?>[] workflows = {JourneyImpl.class, CompanionImpl.class};

  @ActivityInterface
  public interface Visiting {
    String visit(String stop);
  }

  public static final class VisitingImpl implements Visiting {
    @Override
    public String visit(String stop) {
      return stop;
    }
  }

  @WorkflowInterface
  public interface Companion {
    @WorkflowMethod
    String run();

    @SignalMethod
    void tell();
  }

  /** Waits for a word, and outlives what is reset. */
  public static final class CompanionImpl implements Companion {
    private boolean told = false;

    @Override
    public String run() {
      Workflow.await(() -> told);
      return "companion";
    }

    @Override
    public void tell() {
      told = true;
    }
  }

  @WorkflowInterface
  public interface Journey {
    @WorkflowMethod
    List<String> run();

    @SignalMethod
    void note(String stop);

    @SignalMethod
    void arrive();

    @UpdateMethod
    int change(String stop);

    @QueryMethod
    List<String> stops();
  }

  public static final class JourneyImpl implements Journey {
    private final List<String> seen = new ArrayList<>();
    private boolean arrived = false;

    @Override
    public List<String> run() {
      String id = Workflow.getInfo().getWorkflowId() + "-companion";
      Companion companion =
          Workflow.newChildWorkflowStub(
              Companion.class, ChildWorkflowOptions.newBuilder().setWorkflowId(id).build());
      Promise<String> companionResult = Async.function(companion::run);
      Workflow.getWorkflowExecution(companion).get();
      ActivityOptions tenSeconds =
          ActivityOptions.newBuilder().setStartToCloseTimeout(Duration.ofSeconds(10)).build();
      seen.add(Workflow.newActivityStub(Visiting.class, tenSeconds).visit("first"));
      Workflow.await(() -> arrived);
      seen.add(companionResult.get());
      return seen;
    }

    @Override
    public void note(String stop) {
      seen.add(stop);
    }

    @Override
    public void arrive() {
      arrived = true;
    }

    @Override
    public int change(String stop) {
      seen.add(stop);
      return seen.size();
    }

    @Override
    public List<String> stops() {
      return seen;
    }
  }

  private static void untilStops(WorkflowStub stub, String... expected) throws Exception {
    Check.eventually(
        "the stops are " + List.of(expected),
        Duration.ofMinutes(3),
        () -> sorted(stub.query("stops", String[].class)).equals(sorted(expected)));
  }

  private static List<String> sorted(String... stops) {
    return List.of(stops).stream().sorted().toList();
  }

  private static WorkflowStub setOut(Context context) throws Exception {
    WorkflowStub stub = context.start(Journey.class);
    untilStops(stub, "first");
    return stub;
  }

  private static int askChange(WorkflowStub stub, String stop) {
    UpdateOptions<Integer> change =
        UpdateOptions.newBuilder(Integer.class)
            .setUpdateName("change")
            .setUpdateId("the-change")
            .setWaitForStage(WorkflowUpdateStage.COMPLETED)
            .build();
    return stub.startUpdate(change, stop).getResult();
  }

  private static List<String> arrive(Context context, WorkflowStub stub) {
    stub.signal("arrive");
    context.stub(stub.getExecution().getWorkflowId() + "-companion").signal("tell");
    return sorted(stub.getResult(String[].class));
  }

  static void reset(Context context) throws Exception {
    WorkflowStub base = setOut(context);
    WorkflowExecution execution = base.getExecution();
    long point =
        context.events(base).stream()
            .filter(HistoryEvent::hasWorkflowTaskCompletedEventAttributes)
            .mapToLong(HistoryEvent::getEventId)
            .max()
            .orElseThrow();
    base.signal("note", "signalled");
    equal(askChange(base, "changed"), 3, "the change's answer");
    String runId =
        context
            .service()
            .resetWorkflowExecution(
                ResetWorkflowExecutionRequest.newBuilder()
                    .setNamespace(context.namespace())
                    .setWorkflowExecution(execution)
                    .setReason("wrong turn")
                    .setWorkflowTaskFinishEventId(point)
                    .setRequestId("the-reset")
                    .build())
            .getRunId();
    equal(
        context.status(context.stub(execution)),
        WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED,
        "the old run");
    WorkflowStub again = context.stub(execution.toBuilder().setRunId(runId).build());
    untilStops(again, "first", "signalled", "changed");
    // The update was answered anew, under its id.
    isTrue(askChange(again, "not asked again") <= 3, "the change was not asked again");
    equal(arrive(context, again), List.of("changed", "companion", "first", "signalled"), "stops");
    equal(
        count(context.events(again), EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED), 1L, "updates taken over");
  }

  static void pauseWorkflow(Context context) throws Exception {
    WorkflowStub stub = setOut(context);
    WorkflowServiceBlockingStub service = context.service();
    String id = stub.getExecution().getWorkflowId();
    service.pauseWorkflowExecution(
        PauseWorkflowExecutionRequest.newBuilder()
            .setNamespace(context.namespace())
            .setWorkflowId(id)
            .setIdentity("operator")
            .setReason("look at it")
            .setRequestId("a-pause")
            .build());
    var described =
        service.describeWorkflowExecution(
            DescribeWorkflowExecutionRequest.newBuilder()
                .setNamespace(context.namespace())
                .setExecution(stub.getExecution())
                .build());
    equal(
        described.getWorkflowExecutionInfo().getStatus(),
        WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED,
        "status");
    equal(described.getWorkflowExtendedInfo().getPauseInfo().getReason(), "look at it", "reason");
    stub.signal("note", "while paused");
    Throwable refused = thrown(RuntimeException.class, () -> askChange(stub, "not now"));
    while (refused.getCause() != null) {
      refused = refused.getCause();
    }
    equal(
        Check.instance(StatusRuntimeException.class, refused).getStatus().getCode(),
        Status.Code.FAILED_PRECONDITION,
        "what an update of a paused workflow is told");
    service.unpauseWorkflowExecution(
        UnpauseWorkflowExecutionRequest.newBuilder()
            .setNamespace(context.namespace())
            .setWorkflowId(id)
            .setIdentity("operator")
            .setReason("looked")
            .setRequestId("a-pause")
            .build());
    untilStops(stub, "first", "while paused");
    equal(arrive(context, stub), List.of("companion", "first", "while paused"), "stops");
  }
}
