package compat;

import static compat.Check.equal;

import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.api.common.v1.Payloads;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowStub;
import io.temporal.common.RetryOptions;
import io.temporal.common.converter.DefaultDataConverter;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerOptions;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** A heartbeat that outlives the process of its worker. */
public final class Heartbeat {
  private Heartbeat() {}

  private static final int ITEMS = 20;

  public static final Map<String, Scenario> scenarios = Map.of("heartbeat-resume", Heartbeat::heartbeatResume);

  /** How an attempt went. */
  public record Resumed(int attempt, int resumedAt, int processed) {}

  @ActivityInterface
  public interface Processing {
    Resumed processItems(int slowAfter);
  }

  public static final class ProcessingImpl implements Processing {
    @Override
    public Resumed processItems(int slowAfter) {
      ActivityExecutionContext context = Activity.getExecutionContext();
      int attempt = context.getInfo().getAttempt();
      int start = context.getHeartbeatDetails(Integer.class).orElse(0);
      for (int index = start; index < ITEMS; index++) {
        // The first attempt never gets past `slowAfter`: its process is killed there.
        if (attempt == 1 && index >= slowAfter) {
          RunningActivities.sleep(3_600_000);
        }
        RunningActivities.sleep(20);
        context.heartbeat(index + 1);
      }
      return new Resumed(attempt, start, ITEMS - start);
    }
  }

  @WorkflowInterface
  public interface Resumable {
    @WorkflowMethod
    Resumed run();
  }

  public static final class ResumableImpl implements Resumable {
    @Override
    public Resumed run() {
      ActivityOptions options =
          ActivityOptions.newBuilder()
              .setStartToCloseTimeout(Duration.ofMinutes(5))
              .setHeartbeatTimeout(Duration.ofSeconds(10))
              .setRetryOptions(RetryOptions.newBuilder().setInitialInterval(Duration.ofMillis(100)).build())
              .build();
      return Workflow.newActivityStub(Processing.class, options).processItems(7);
    }
  }

  /** The worker that is killed, and the one that takes over. */
  static WorkerFactory startWorker(WorkflowClient client, String queue) {
    WorkerFactory factory = WorkerFactory.newInstance(client);
    WorkerOptions options =
        WorkerOptions.newBuilder()
            .setMaxHeartbeatThrottleInterval(Duration.ofMillis(100))
            // The next task of the workflow is meant for the worker that was killed; after this long it is for any.
            .setStickyQueueScheduleToStartTimeout(Duration.ofSeconds(1))
            .build();
    Worker worker = factory.newWorker(queue, options);
    worker.registerWorkflowImplementationTypes(ResumableImpl.class);
    worker.registerActivitiesImplementations(new ProcessingImpl());
    factory.start();
    return factory;
  }

  static void heartbeatResume(Context context) throws Exception {
    String queue = context.taskQueue + "-killed-" + UUID.randomUUID();
    Process killed =
        new ProcessBuilder(
                ProcessHandle.current().info().command().orElseThrow(),
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "worker",
                queue,
                "--address",
                context.address,
                "--namespace",
                context.client.getOptions().getNamespace())
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    WorkflowStub stub;
    try {
      stub = context.start(context.options().setTaskQueue(queue), Resumable.class);
      Check.eventually(
          "the first worker's seventh heartbeat is recorded",
          Duration.ofMinutes(3),
          () -> recordedHeartbeat(stub) == 7);
    } finally {
      killed.destroyForcibly().waitFor();
    }
    WorkerFactory second = startWorker(context.client, queue);
    try {
      equal(stub.getResult(Resumed.class), new Resumed(2, 7, ITEMS - 7), "result");
    } finally {
      second.shutdownNow();
    }
  }

  private static int recordedHeartbeat(WorkflowStub stub) {
    var pending = stub.describe().getRawDescription().getPendingActivitiesList();
    if (pending.isEmpty() || !pending.get(0).hasHeartbeatDetails()) {
      return 0;
    }
    Optional<Payloads> details = Optional.of(pending.get(0).getHeartbeatDetails());
    return DefaultDataConverter.STANDARD_INSTANCE.fromPayloads(0, details, Integer.class, Integer.class);
  }
}
