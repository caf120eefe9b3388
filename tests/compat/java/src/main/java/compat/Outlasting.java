package compat;

import static compat.Check.equal;
import static compat.Context.count;

import io.temporal.activity.Activity;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.WorkflowStub;
import io.temporal.common.RetryOptions;
import io.temporal.testing.WorkflowReplayer;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;

/**
 * A workflow, its worker and its client go on while the server is killed and started again: whoever runs this kills it
 * meanwhile.
 */
public final class Outlasting {
  private Outlasting() {}

  private static final int ROUNDS = 40;
  private static final int SIGNALS = 20;

  public static final Map<String, Scenario> scenarios = Map.of("outlive-server", Outlasting::outliveServer);

  public static final Class<?>[] workflows = {OutlastingImpl.class};

  /** The rounds that were marked, by workflow id. */
  static final Journal<Integer> marked = new Journal<>();

  @ActivityInterface
  public interface Marking {
    int mark(int number);
  }

  public static final class MarkingImpl implements Marking {
    @Override
    public int mark(int number) {
      marked.add(Activity.getExecutionContext().getInfo().getWorkflowId(), number);
      RunningActivities.sleep(50);
      return number;
    }
  }

  @WorkflowInterface
  public interface OutlastingWorkflow {
    @WorkflowMethod(name = "Outlasting")
    List<Integer> run(int rounds, int signals);

    @SignalMethod
    void receive(int number);
  }

  public static final class OutlastingImpl implements OutlastingWorkflow {
    private final List<Integer> received = new ArrayList<>();
    private final Marking marking =
        Workflow.newActivityStub(
            Marking.class,
            ActivityOptions.newBuilder()
                .setStartToCloseTimeout(Duration.ofSeconds(2))
                .setRetryOptions(RetryOptions.newBuilder().setInitialInterval(Duration.ofMillis(100)).build())
                .build());

    @Override
    public List<Integer> run(int rounds, int signals) {
      Workflow.await(() -> !received.isEmpty());
      for (int number = 0; number < rounds; number++) {
        marking.mark(number);
        Workflow.sleep(20);
      }
      Workflow.await(() -> received.size() >= signals);
      return received;
    }

    @Override
    public void receive(int number) {
      received.add(number);
    }
  }

  static void outliveServer(Context context) throws Exception {
    // What a killed server's worker had in hand is given out again after this long.
    WorkflowStub stub =
        context.start(
            context.options().setWorkflowTaskTimeout(Duration.ofSeconds(2)), OutlastingWorkflow.class, ROUNDS, SIGNALS);
    context.announce();
    List<Integer> numbers = new ArrayList<>();
    for (int number = 0; number < SIGNALS; number++) {
      numbers.add(number);
      stub.signal("receive", number);
      Thread.sleep(150);
    }
    equal(stub.getResult(List.class), numbers, "every signal once, in order");
    equal(new HashSet<>(marked.of(stub.getExecution().getWorkflowId())).size(), ROUNDS, "rounds");
    List<HistoryEvent> events = context.events(stub);
    equal(count(events, EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED), (long) ROUNDS, "completed activities");
    equal(count(events, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED), (long) SIGNALS, "signals in history");
    WorkflowReplayer.replayWorkflowExecution(
        context.client.fetchHistory(stub.getExecution().getWorkflowId()), OutlastingImpl.class);
  }
}
