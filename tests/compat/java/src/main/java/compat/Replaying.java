package compat;

import io.temporal.api.history.v1.History;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.WorkflowExecutionMetadata;
import io.temporal.common.WorkflowExecutionHistory;
import io.temporal.testing.ReplayResults;
import io.temporal.testing.WorkflowReplayer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** The histories of every workflow that the other scenarios have run, under the code that made them, in the official replayer. */
public final class Replaying {
  private Replaying() {}

  public static final Map<String, Scenario> afterwards = Map.of("replay-all", Replaying::replayAll);

  private static final Class<?>[] withOwnWorkers = {
    Dispatching.TickingImpl.class,
    Dispatching.EagerTickImpl.class,
    Dispatching.OutlivesWorkerImpl.class,
    Heartbeat.ResumableImpl.class,
    Versions.StayingImpl.class,
    Versions.MovingImpl.class
  };

  /** The replayer of this SDK knows no such event: it is written without the workflow's code, behind all that there is to replay. */
  private static WorkflowExecutionHistory withoutTermination(WorkflowExecutionHistory history) {
    List<HistoryEvent> events = history.getEvents();
    if (!Context.last(events).hasWorkflowExecutionTerminatedEventAttributes()) {
      return history;
    }
    var shortened = History.newBuilder().addAllEvents(events.subList(0, events.size() - 1)).build();
    return new WorkflowExecutionHistory(shortened, history.getWorkflowExecution().getWorkflowId());
  }

  static void replayAll(Context context) throws Exception {
    TreeSet<String> types = new TreeSet<>();
    List<WorkflowExecutionHistory> histories = new ArrayList<>();
    for (WorkflowExecutionMetadata found :
        context.client.listExecutions("TaskQueue STARTS_WITH 'java-'").toList()) {
      var execution = found.getExecution();
      WorkflowExecutionHistory history =
          context.client.fetchHistory(execution.getWorkflowId(), execution.getRunId());
      // One that no worker has answered for is nobody's doing.
      if (history.getEvents().stream().noneMatch(HistoryEvent::hasWorkflowTaskCompletedEventAttributes)) {
        continue;
      }
      types.add(found.getWorkflowType());
      histories.add(withoutTermination(history));
    }
    List<Class<?>> classes = new ArrayList<>(List.of(withOwnWorkers));
    for (Class<?>[] topic : Main.workflows) {
      classes.addAll(List.of(topic));
    }
    ReplayResults results =
        WorkflowReplayer.replayWorkflowExecutions(histories, false, classes.toArray(Class<?>[]::new));
    List<String> failures = new ArrayList<>();
    for (ReplayResults.ReplayError error : results.allErrors()) {
      failures.add(error.workflowId + ": " + error.exception);
    }
    Check.equal(failures, List.of(), "histories that do not replay");
    Check.isTrue(types.size() >= 30, "many types of workflows were replayed: " + types);
  }
}
