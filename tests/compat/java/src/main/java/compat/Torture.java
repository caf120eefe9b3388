package compat;

import io.temporal.activity.Activity;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;
import io.temporal.activity.ActivityOptions;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowExecutionMetadata;
import io.temporal.common.RetryOptions;
import io.temporal.testing.WorkflowReplayer;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.workflow.Async;
import io.temporal.workflow.Promise;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What the torture test does in this language: a worker with a ledger of every effect, and the official replayer over what has come of it. */
public final class Torture {
  private Torture() {}

  private static final String QUEUE = "torture-java";

  @ActivityInterface
  public interface Effects {
    /** Has its effect once per workflow and step, however often it is tried. */
    @ActivityMethod(name = "apply")
    String apply(String step);

    /** Completed from outside. */
    @ActivityMethod(name = "approve")
    String approve();
  }

  public static final class EffectsImpl implements Effects {
    private final Path ledger;

    EffectsImpl(Path ledger) {
      this.ledger = ledger;
    }

    @Override
    public String apply(String step) {
      String key = Activity.getExecutionContext().getInfo().getWorkflowId() + "/" + step;
      try {
        Files.writeString(ledger, key + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return key;
    }

    @Override
    public String approve() {
      Activity.getExecutionContext().doNotCompleteOnReturn();
      return null;
    }
  }

  @WorkflowInterface
  public interface TortureWorkflow {
    @WorkflowMethod(name = "torture")
    Map<String, Object> run(Map<String, Integer> order);

    @SignalMethod
    void bump(int value);
  }

  public static final class TortureImpl implements TortureWorkflow {
    private final List<Integer> signals = new ArrayList<>();
    private final Effects effects =
        Workflow.newActivityStub(
            Effects.class,
            ActivityOptions.newBuilder()
                .setStartToCloseTimeout(Duration.ofSeconds(20))
                .setRetryOptions(
                    RetryOptions.newBuilder()
                        .setInitialInterval(Duration.ofMillis(100))
                        .setMaximumInterval(Duration.ofSeconds(1))
                        .build())
                .build());

    @Override
    public Map<String, Object> run(Map<String, Integer> order) {
      List<String> applied = new ArrayList<>();
      for (int step = 0; step < order.get("steps"); step++) {
        applied.add(effects.apply("step-" + step));
      }
      Workflow.sleep(50);
      Promise<String> left = Async.function(effects::apply, "left");
      Promise<String> right = Async.function(effects::apply, "right");
      applied.add(left.get());
      applied.add(right.get());
      Workflow.await(() -> signals.size() >= order.get("signals"));
      String approval = effects.approve();
      applied.add(effects.apply("last"));
      return Map.of("effects", applied, "signals", signals, "approval", approval);
    }

    @Override
    public void bump(int value) {
      signals.add(value);
    }
  }

  static void startWorker(WorkflowClient client, String ledger) {
    WorkerFactory factory = WorkerFactory.newInstance(client);
    Worker worker = factory.newWorker(QUEUE);
    worker.registerWorkflowImplementationTypes(TortureImpl.class);
    worker.registerActivitiesImplementations(new EffectsImpl(Path.of(ledger)));
    factory.start();
    System.out.println("ready");
  }

  static void replay(WorkflowClient client) throws Exception {
    int replayed = 0;
    for (WorkflowExecutionMetadata found : client.listExecutions("TaskQueue = '" + QUEUE + "'").toList()) {
      var execution = found.getExecution();
      WorkflowReplayer.replayWorkflowExecution(
          client.fetchHistory(execution.getWorkflowId(), execution.getRunId()), TortureImpl.class);
      replayed++;
    }
    System.out.println("{\"replayed\":" + replayed + "}");
  }
}
