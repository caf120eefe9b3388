package compat;

import static compat.Check.equal;
import static compat.Check.isTrue;
import static compat.Check.thrown;
import static compat.Context.count;

import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.enums.v1.QueryRejectCondition;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.BatchRequest;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowQueryConditionallyRejectedException;
import io.temporal.client.WorkflowQueryException;
import io.temporal.client.WorkflowStub;
import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Signals and queries. */
public final class Messaging {
  private Messaging() {}

  public static final Map<String, Scenario> scenarios =
      Map.of(
          "signal", Messaging::signal,
          "signal-with-start", Messaging::signalWithStart,
          "query", Messaging::query,
          "query-while-busy", Messaging::queryWhileBusy);

  public static final Class<?>[] workflows = {BasketImpl.class, BusyImpl.class};

  @ActivityInterface
  public interface Pausing {
    void pause(long ms);
  }

  public static final class PausingImpl implements Pausing {
    @Override
    public void pause(long ms) {
      RunningActivities.sleep(ms);
    }
  }

  private static Pausing pausing() {
    return Workflow.newActivityStub(
        Pausing.class, ActivityOptions.newBuilder().setStartToCloseTimeout(Duration.ofSeconds(10)).build());
  }

  /** Collects what is signalled until it is checked out. */
  @WorkflowInterface
  public interface Basket {
    @WorkflowMethod
    List<String> run();

    @SignalMethod
    void add(String item, int count);

    @SignalMethod(name = "check-out")
    void checkOut();

    @QueryMethod
    int size();

    @QueryMethod
    boolean has(String item);

    @QueryMethod
    String broken();
  }

  public static final class BasketImpl implements Basket {
    private final List<String> items = new ArrayList<>();
    private boolean checkedOut;

    @Override
    public List<String> run() {
      Workflow.await(() -> checkedOut);
      // Signals that arrive during the last activity are still received, in the task after it.
      pausing().pause(50);
      return items;
    }

    @Override
    public void add(String item, int count) {
      for (int each = 0; each < count; each++) {
        items.add(item);
      }
    }

    @Override
    public void checkOut() {
      checkedOut = true;
    }

    @Override
    public int size() {
      return items.size();
    }

    @Override
    public boolean has(String item) {
      return items.contains(item);
    }

    @Override
    public String broken() {
      throw new IllegalStateException("this query cannot be answered");
    }
  }

  static void signal(Context context) {
    Basket basket = context.client.newWorkflowStub(Basket.class, context.options().build());
    WorkflowClient.start(basket::run);
    basket.add("apple", 1);
    basket.add("pear", 2);
    WorkflowStub stub = WorkflowStub.fromTyped(basket);
    stub.signal("add", "plum", 1);
    basket.checkOut();
    equal(stub.getResult(List.class), List.of("apple", "pear", "pear", "plum"), "items");
    equal(count(context.events(stub), EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED), 4L, "signals in history");
    for (WorkflowStub late : List.of(stub, context.stub("java-nobody"))) {
      thrown(
          WorkflowNotFoundException.class,
          () -> {
            late.signal("check-out");
            return null;
          });
    }
  }

  static void signalWithStart(Context context) {
    WorkflowOptions options = context.options().build();
    WorkflowExecution first = addWithStart(context, options, "apple");
    WorkflowExecution second = addWithStart(context, options, "pear");
    equal(second.getRunId(), first.getRunId(), "the run that the second call found");
    WorkflowStub stub = context.stub(first);
    stub.signal("check-out");
    equal(stub.getResult(List.class), List.of("apple", "pear"), "items");
    equal(
        context.events(stub).subList(0, 3).stream().map(HistoryEvent::getEventType).toList(),
        List.of(
            EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
            EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
            EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED),
        "first events");
    WorkflowExecution third = addWithStart(context, options, "plum");
    isTrue(!third.getRunId().equals(first.getRunId()), "a new run after the end");
    context.stub(third).signal("check-out");
    equal(context.stub(third).getResult(List.class), List.of("plum"), "items of the new run");
  }

  private static WorkflowExecution addWithStart(Context context, WorkflowOptions options, String item) {
    Basket basket = context.client.newWorkflowStub(Basket.class, options);
    BatchRequest request = context.client.newSignalWithStartRequest();
    request.add(basket::run);
    request.add(basket::add, item, 1);
    return context.client.signalWithStart(request);
  }

  static void query(Context context) {
    WorkflowStub stub = context.start(Basket.class);
    Basket basket = context.client.newWorkflowStub(Basket.class, stub.getExecution().getWorkflowId());
    equal(basket.size(), 0, "before any signal");
    basket.add("apple", 2);
    equal(basket.size(), 2, "a query sees the signal before it");
    equal(basket.has("apple"), true, "has apple");
    equal(basket.has("pear"), false, "has pear");
    var unknown = thrown(WorkflowQueryException.class, () -> stub.query("weight", Integer.class));
    isTrue(unknown.getCause().getMessage().contains("weight"), "the unknown query is named in " + unknown.getCause());
    var broken = thrown(WorkflowQueryException.class, basket::broken);
    isTrue(broken.getCause().getMessage().contains("this query cannot be answered"), "the reason is in " + broken.getCause());
    basket.checkOut();
    stub.getResult(List.class);
    equal(basket.size(), 2, "after the end");
    WorkflowClient onlyOpen =
        WorkflowClient.newInstance(
            context.client.getWorkflowServiceStubs(),
            WorkflowClientOptions.newBuilder(context.client.getOptions())
                .setQueryRejectCondition(QueryRejectCondition.QUERY_REJECT_CONDITION_NOT_OPEN)
                .build());
    WorkflowStub rejecting = onlyOpen.newUntypedWorkflowStub(stub.getExecution().getWorkflowId());
    var rejected =
        thrown(WorkflowQueryConditionallyRejectedException.class, () -> rejecting.query("size", Integer.class));
    equal(
        rejected.getWorkflowExecutionStatus(),
        WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED,
        "status of the rejection");
    thrown(WorkflowNotFoundException.class, () -> context.stub("java-nobody").query("size", Integer.class));
  }

  /** Queried all the time while activities run: queries ride on workflow tasks and go past them. */
  @WorkflowInterface
  public interface Busy {
    @WorkflowMethod
    int run();

    @SignalMethod
    void stop();

    @QueryMethod
    int progress();
  }

  public static final class BusyImpl implements Busy {
    private int rounds;
    private boolean stopped;

    @Override
    public int run() {
      Pausing pausing = pausing();
      for (; !stopped; rounds++) {
        pausing.pause(10);
      }
      return rounds;
    }

    @Override
    public void stop() {
      stopped = true;
    }

    @Override
    public int progress() {
      return rounds;
    }
  }

  static void queryWhileBusy(Context context) throws Exception {
    WorkflowStub stub = context.start(Busy.class);
    List<Integer> seen = new ArrayList<>();
    Check.eventually(
        "twenty queries are answered",
        Duration.ofMinutes(1),
        () -> {
          seen.add(stub.query("progress", Integer.class));
          return seen.size() >= 20 && seen.get(seen.size() - 1) >= 3;
        });
    equal(seen, seen.stream().sorted().toList(), "a later query never sees less");
    stub.signal("stop");
    int rounds = stub.getResult(Integer.class);
    isTrue(rounds >= seen.get(seen.size() - 1), "the result counts what the queries saw");
    equal(stub.query("progress", Integer.class), rounds, "after the end");
  }
}
