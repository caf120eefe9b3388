package compat;

import static compat.Check.equal;

import com.google.protobuf.FieldMask;
import io.grpc.StatusRuntimeException;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.api.deployment.v1.WorkerDeploymentVersion;
import io.temporal.api.enums.v1.TaskQueueType;
import io.temporal.api.taskqueue.v1.TaskQueue;
import io.temporal.api.workflow.v1.VersioningOverride;
import io.temporal.api.workflow.v1.WorkflowExecutionOptions;
import io.temporal.api.workflowservice.v1.DescribeTaskQueueRequest;
import io.temporal.api.workflowservice.v1.SetWorkerDeploymentCurrentVersionRequest;
import io.temporal.api.workflowservice.v1.UpdateWorkflowExecutionOptionsRequest;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.common.VersioningBehavior;
import io.temporal.common.VersioningOverride.PinnedVersioningOverride;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerDeploymentOptions;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerOptions;
import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import io.temporal.workflow.WorkflowVersioningBehavior;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.UUID;

/** Versions of workers: runs that keep to theirs, runs that move, and those that go where they were told to. */
public final class Versions {
  private Versions() {}

  public static final Map<String, Scenario> scenarios = Map.of("worker-versions", Versions::workerVersions);

  /** They have workers of their own. */
  static final Class<?>[] workflows = {StayingImpl.class, MovingImpl.class};

  @ActivityInterface
  public interface Building {
    String whichBuild();
  }

  public interface Asking {
    @SignalMethod
    void go(String what);

    @QueryMethod
    List<String> builds();
  }

  @WorkflowInterface
  public interface Staying extends Asking {
    @WorkflowMethod(name = "Staying")
    List<String> run();
  }

  @WorkflowInterface
  public interface Moving extends Asking {
    @WorkflowMethod(name = "Moving")
    List<String> run();
  }

  /** Asks, at each signal, which build does its activities; ends at "end". */
  private abstract static class AskingImpl implements Asking {
    private final Queue<String> pending = new ArrayDeque<>();
    private final List<String> builds = new ArrayList<>();

    List<String> ask() {
      ActivityOptions options =
          ActivityOptions.newBuilder().setStartToCloseTimeout(Duration.ofSeconds(10)).build();
      do {
        builds.add(Workflow.newActivityStub(Building.class, options).whichBuild());
        Workflow.await(() -> !pending.isEmpty());
      } while (!pending.remove().equals("end"));
      return builds;
    }

    @Override
    public void go(String what) {
      pending.add(what);
    }

    @Override
    public List<String> builds() {
      return builds;
    }
  }

  public static final class StayingImpl extends AskingImpl implements Staying {
    @Override
    @WorkflowVersioningBehavior(VersioningBehavior.PINNED)
    public List<String> run() {
      return ask();
    }
  }

  public static final class MovingImpl extends AskingImpl implements Moving {
    @Override
    @WorkflowVersioningBehavior(VersioningBehavior.AUTO_UPGRADE)
    public List<String> run() {
      return ask();
    }
  }

  /** Workers of one deployment, and where it sends their work. */
  private record Deployment(Context context, String name) {
    WorkerFactory startWorker(String buildId) {
      WorkerFactory factory = WorkerFactory.newInstance(context.client);
      WorkerDeploymentOptions deployment =
          WorkerDeploymentOptions.newBuilder()
              .setUseVersioning(true)
              .setVersion(new io.temporal.common.WorkerDeploymentVersion(name, buildId))
              .build();
      Worker worker = factory.newWorker(name, WorkerOptions.newBuilder().setDeploymentOptions(deployment).build());
      worker.registerWorkflowImplementationTypes(workflows);
      worker.registerActivitiesImplementations((Building) () -> buildId);
      factory.start();
      return factory;
    }

    /** A version is known some moments after its first worker has come, and the reference server tells its queues in its own time. */
    void setCurrent(String buildId) throws Exception {
      var request =
          SetWorkerDeploymentCurrentVersionRequest.newBuilder()
              .setNamespace(context.namespace())
              .setDeploymentName(name)
              .setBuildId(buildId)
              .build();
      Check.eventually(
          "build " + buildId + " is current",
          Duration.ofMinutes(3),
          () -> {
            try {
              context.service().setWorkerDeploymentCurrentVersion(request);
            } catch (StatusRuntimeException e) {
              return false;
            }
            return buildId.equals(currentOf(TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW))
                && buildId.equals(currentOf(TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY));
          });
    }

    private String currentOf(TaskQueueType type) {
      return context
          .service()
          .describeTaskQueue(
              DescribeTaskQueueRequest.newBuilder()
                  .setNamespace(context.namespace())
                  .setTaskQueue(TaskQueue.newBuilder().setName(name))
                  .setTaskQueueType(type)
                  .build())
          .getVersioningInfo()
          .getCurrentDeploymentVersion()
          .getBuildId();
    }

    WorkflowStub start(Class<?> workflow) {
      return context.start(options(), workflow);
    }

    WorkflowStub startPinned(Class<?> workflow, String buildId) {
      var version = new io.temporal.common.WorkerDeploymentVersion(name, buildId);
      return context.start(options().setVersioningOverride(new PinnedVersioningOverride(version)), workflow);
    }

    private WorkflowOptions.Builder options() {
      return context.options().setTaskQueue(name);
    }

    /** What an operator says of one workflow wins over its code, until he takes it back with null. */
    void pin(WorkflowStub stub, String buildId) {
      var options = WorkflowExecutionOptions.newBuilder();
      if (buildId != null) {
        var pinned =
            VersioningOverride.PinnedOverride.newBuilder()
                .setBehavior(VersioningOverride.PinnedOverrideBehavior.PINNED_OVERRIDE_BEHAVIOR_PINNED)
                .setVersion(WorkerDeploymentVersion.newBuilder().setDeploymentName(name).setBuildId(buildId));
        options.setVersioningOverride(VersioningOverride.newBuilder().setPinned(pinned));
      }
      context
          .service()
          .updateWorkflowExecutionOptions(
              UpdateWorkflowExecutionOptionsRequest.newBuilder()
                  .setNamespace(context.namespace())
                  .setWorkflowExecution(stub.getExecution())
                  .setWorkflowExecutionOptions(options)
                  .setUpdateMask(FieldMask.newBuilder().addPaths("versioning_override"))
                  .build());
    }
  }

  private static void untilBuilds(WorkflowStub stub, String... expected) throws Exception {
    Check.eventually(
        "its builds are " + List.of(expected),
        Duration.ofMinutes(3),
        () -> List.of(stub.query("builds", String[].class)).equals(List.of(expected)));
  }

  private static List<String> end(WorkflowStub stub) {
    stub.signal("go", "end");
    return List.of(stub.getResult(String[].class));
  }

  static void workerVersions(Context context) throws Exception {
    Deployment deployment = new Deployment(context, "java-" + UUID.randomUUID());
    List<WorkerFactory> workers = List.of(deployment.startWorker("1"), deployment.startWorker("2"));
    try {
      deployment.setCurrent("1");
      WorkflowStub staying = deployment.start(Staying.class);
      WorkflowStub moving = deployment.start(Moving.class);
      WorkflowStub held = deployment.start(Moving.class);
      for (WorkflowStub stub : List.of(staying, moving, held)) {
        untilBuilds(stub, "1");
      }
      deployment.pin(held, "1");
      deployment.setCurrent("2");
      for (WorkflowStub stub : List.of(staying, moving, held)) {
        stub.signal("go", "on");
      }
      untilBuilds(staying, "1", "1");
      untilBuilds(moving, "1", "2");
      untilBuilds(held, "1", "1");
      deployment.pin(held, null);
      held.signal("go", "on");
      untilBuilds(held, "1", "1", "2");
      WorkflowStub pinned = deployment.startPinned(Moving.class, "1");
      untilBuilds(pinned, "1");
      equal(end(staying), List.of("1", "1"), "builds of the pinned workflow");
      equal(end(moving), List.of("1", "2"), "builds of the workflow that moves");
      equal(end(held), List.of("1", "1", "2"), "builds of the workflow that was held");
      equal(end(pinned), List.of("1"), "builds of the workflow that was started for a build");
    } finally {
      workers.forEach(WorkerFactory::shutdownNow);
    }
  }
}
