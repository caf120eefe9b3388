package compat;

import com.fasterxml.jackson.databind.ObjectMapper;
import compat.longrunning.LongRunning;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerOptions;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * <pre>
 * java compat.Main list
 * java compat.Main scenario NAME... --address 127.0.0.1:7233 --namespace default
 * </pre>
 *
 * Runs the scenarios at once, with one worker for all of them, and prints one line of JSON for each as it ends:
 * {"scenario": NAME, "ok": true, "ms": 12, "workflows": [IDS]} or {"scenario": NAME, "ok": false, "error": TEXT, ...}. The
 * exit code is 0 when all of them are ok.
 */
public final class Main {
  private Main() {}

  private static final long SCENARIO_WITHIN_S = 240;
  private static final Map<String, Scenario> scenarios = new TreeMap<>();

  static {
    for (var topic :
        List.of(
            Running.scenarios,
            Messaging.scenarios,
            Ending.scenarios,
            Observing.scenarios,
            Heartbeat.scenarios,
            Outlasting.scenarios,
            Patterns.scenarios,
            Dispatching.scenarios,
            Calling.scenarios,
            LongRunning.scenarios,
            Controlling.scenarios,
            Held.scenarios,
            Versions.scenarios,
            Replaying.afterwards)) {
      scenarios.putAll(topic);
    }
  }

  /** Those of the shared worker. */
  static final List<Class<?>[]> workflows =
      List.of(
          Running.workflows,
          Messaging.workflows,
          Ending.workflows,
          Observing.workflows,
          Outlasting.workflows,
          Patterns.workflows,
          Dispatching.workflows,
          Calling.workflows,
          LongRunning.workflows,
          Controlling.workflows,
          Held.workflows);

  public static void main(String[] arguments) throws Exception {
    List<String> names = new ArrayList<>();
    Map<String, String> options = new HashMap<>(Map.of("--address", "127.0.0.1:7233", "--namespace", "default"));
    for (int index = 0; index < arguments.length; index++) {
      if (arguments[index].startsWith("--")) {
        options.put(arguments[index], arguments[++index]);
      } else {
        names.add(arguments[index]);
      }
    }
    String command = names.remove(0);
    if (command.equals("list")) {
      scenarios.keySet().forEach(System.out::println);
      return;
    }
    String address = options.get("--address");
    WorkflowServiceStubs service =
        WorkflowServiceStubs.newServiceStubs(WorkflowServiceStubsOptions.newBuilder().setTarget(address).build());
    WorkflowClient client =
        WorkflowClient.newInstance(
            service, WorkflowClientOptions.newBuilder().setNamespace(options.get("--namespace")).build());
    if (command.equals("worker")) {
      Heartbeat.startWorker(client, names.get(0));
      // Until it is killed. Should the process that started it be gone before, so is its standard input.
      System.in.transferTo(OutputStream.nullOutputStream());
      System.exit(0);
    }
    if (command.equals("torture-worker")) {
      Torture.startWorker(client, names.get(0));
      System.in.transferTo(OutputStream.nullOutputStream());
      System.exit(0);
    }
    if (command.equals("torture-replay")) {
      Torture.replay(client);
      System.exit(0);
    }
    if (command.equals("answer")) {
      Patterns.answer(client, names);
      System.exit(0);
    }
    // The SDK's threads need not end before the process does.
    System.exit(runScenarios(names, client, address) ? 0 : 1);
  }

  private static boolean runScenarios(List<String> names, WorkflowClient client, String address) throws Exception {
    String queue = "java-" + UUID.randomUUID();
    WorkerFactory factory = WorkerFactory.newInstance(client);
    // Often, so that cancellation is soon seen and a heartbeat is not late on a busy machine.
    WorkerOptions options = WorkerOptions.newBuilder().setMaxHeartbeatThrottleInterval(Duration.ofMillis(200)).build();
    Worker worker = factory.newWorker(queue, options);
    for (Class<?>[] topic : workflows) {
      worker.registerWorkflowImplementationTypes(topic);
    }
    worker.registerActivitiesImplementations(
        new RunningActivities.Impl(),
        new Messaging.PausingImpl(),
        new Ending.DeedsImpl(),
        new Observing.SteppingImpl(),
        new Outlasting.MarkingImpl(),
        new PatternActivities.Impl(),
        new DispatchActivities.Impl(),
        new Controlling.VisitingImpl(),
        new Held.BeatingImpl());
    LongRunning.registerActivities(worker);
    worker.registerNexusServiceImplementation(new Calling.ShopImpl());
    factory.start();
    ExecutorService threads = Executors.newCachedThreadPool();
    List<Callable<Boolean>> tasks = new ArrayList<>();
    List<Callable<Boolean>> last = new ArrayList<>();
    for (String name : names) {
      (Replaying.afterwards.containsKey(name) ? last : tasks)
          .add(() -> runScenario(new Context(name, client, address, queue), threads));
    }
    boolean ok = true;
    for (Future<Boolean> result : threads.invokeAll(tasks)) {
      ok &= result.get();
    }
    for (Callable<Boolean> task : last) {
      ok &= task.call();
    }
    factory.shutdownNow();
    return ok;
  }

  private static boolean runScenario(Context context, ExecutorService threads) throws Exception {
    Map<String, Object> outcome = new LinkedHashMap<>();
    outcome.put("scenario", context.name);
    long began = System.nanoTime();
    Future<?> running =
        threads.submit(
            () -> {
              scenarios.get(context.name).run(context);
              return null;
            });
    String problem = problemOf(running);
    outcome.put("ok", problem == null);
    if (problem != null) {
      outcome.put("error", problem);
    }
    outcome.put("ms", (System.nanoTime() - began) / 1_000_000);
    outcome.put("workflows", context.workflowIds);
    System.out.println(new ObjectMapper().writeValueAsString(outcome));
    return problem == null;
  }

  private static String problemOf(Future<?> running) {
    try {
      running.get(SCENARIO_WITHIN_S, TimeUnit.SECONDS);
      return null;
    } catch (TimeoutException e) {
      return "the scenario takes too long";
    } catch (Exception e) {
      StringWriter text = new StringWriter();
      e.getCause().printStackTrace(new PrintWriter(text));
      return text.toString();
    }
  }
}
