package compat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.api.workflowservice.v1.WorkflowServiceGrpc.WorkflowServiceBlockingStub;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;

/** What a scenario is given, and the ids that it has used so far. */
public final class Context {
  public final String name;
  public final WorkflowClient client;
  public final String address;
  /** The queue of the shared worker. */
  public final String taskQueue;

  public final List<String> workflowIds = new ArrayList<>();

  public Context(String name, WorkflowClient client, String address, String taskQueue) {
    this.name = name;
    this.client = client;
    this.address = address;
    this.taskQueue = taskQueue;
  }

  public WorkflowServiceBlockingStub service() {
    return client.getWorkflowServiceStubs().blockingStub();
  }

  public String namespace() {
    return client.getOptions().getNamespace();
  }

  public String newId(String suffix) {
    String id = "java-" + name + suffix + "-" + UUID.randomUUID();
    workflowIds.add(id);
    return id;
  }

  /**
   * Says that the workflows so far have started, and what tokens there are; goes on when whoever runs this says so with a line.
   */
  public void announce(byte[]... tokens) throws IOException {
    Map<String, Object> line =
        Map.of("scenario", name, "running", true, "workflows", workflowIds, "tokens", List.of(tokens));
    System.out.println(new ObjectMapper().writeValueAsString(new TreeMap<>(line)));
    Check.isTrue(System.in.read() == '\n', "a line says to go on");
  }

  /** Options with a new id, on the shared worker's queue. */
  public WorkflowOptions.Builder options() {
    return WorkflowOptions.newBuilder().setWorkflowId(newId("")).setTaskQueue(taskQueue);
  }

  public WorkflowStub start(Class<?> workflow, Object... arguments) {
    return start(options(), workflow, arguments);
  }

  public WorkflowStub start(WorkflowOptions.Builder options, Class<?> workflow, Object... arguments) {
    WorkflowStub stub = WorkflowStub.fromTyped(client.newWorkflowStub(workflow, options.build()));
    stub.start(arguments);
    return stub;
  }

  /** The latest run of that id. */
  public WorkflowStub stub(String workflowId) {
    return client.newUntypedWorkflowStub(workflowId);
  }

  public WorkflowStub stub(WorkflowExecution execution) {
    return client.newUntypedWorkflowStub(execution, Optional.empty());
  }

  public WorkflowExecutionStatus status(WorkflowStub stub) {
    return stub.describe().getStatus();
  }

  /** The whole history of a run; event ids are checked to be 1..n. */
  public List<HistoryEvent> events(WorkflowStub stub) {
    WorkflowExecution execution = stub.getExecution();
    List<HistoryEvent> events = client.fetchHistory(execution.getWorkflowId(), execution.getRunId()).getEvents();
    for (int index = 0; index < events.size(); index++) {
      Check.equal(events.get(index).getEventId(), index + 1L, "event id");
    }
    return events;
  }

  public static long count(List<HistoryEvent> events, EventType type) {
    return events.stream().filter(event -> event.getEventType() == type).count();
  }

  /** The one event of that type. */
  public static HistoryEvent one(List<HistoryEvent> events, EventType type) {
    Check.equal(count(events, type), 1L, "number of " + type);
    return events.stream().filter(event -> event.getEventType() == type).findFirst().orElseThrow();
  }

  public static HistoryEvent last(List<HistoryEvent> events) {
    return events.get(events.size() - 1);
  }
}
