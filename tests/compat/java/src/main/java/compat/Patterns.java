package compat;

import static compat.Check.equal;
import static compat.Check.instance;
import static compat.Check.isTrue;
import static compat.Check.thrown;
import static compat.Context.count;
import static compat.Context.one;
import static compat.PatternActivities.deeds;
import static compat.PatternActivities.tokens;

import compat.PatternActivities.Decision;
import compat.PatternActivities.Order;
import compat.PatternActivities.Part;
import io.temporal.activity.ActivityCancellationType;
import io.temporal.activity.ActivityOptions;
import io.temporal.activity.LocalActivityOptions;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.enums.v1.PendingActivityState;
import io.temporal.client.ActivityCompletionClient;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowStub;
import io.temporal.common.RetryOptions;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.workflow.ChildWorkflowOptions;
import io.temporal.workflow.Saga;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Patterns that are made of activities: polling, sagas, people who answer, wrappers, deadlines. */
public final class Patterns {
  private Patterns() {}

  public static final Map<String, Scenario> scenarios =
      Map.of(
          "auto-heartbeat", Patterns::autoHeartbeat,
          "deadline-aware", Patterns::deadlineAware,
          "local-activity-fallback", Patterns::localActivityFallback,
          "human-approval", Patterns::humanApproval,
          "approval-over-http", Patterns::approvalOverHttp,
          "polling", Patterns::polling,
          "saga", Patterns::saga,
          "error-classification", Patterns::errorClassification);

  public static final Class<?>[] workflows = {
    AutoHeartbeatImpl.class,
    DeadlineAwareImpl.class,
    ProcessOrderImpl.class,
    HumanApprovalImpl.class,
    PollingImpl.class,
    PeriodicImpl.class,
    BookingImpl.class,
    ClassifiedImpl.class
  };

  private static final RetryOptions ONCE = RetryOptions.newBuilder().setMaximumAttempts(1).build();

  private static ActivityOptions.Builder within(Duration startToClose) {
    return ActivityOptions.newBuilder().setStartToCloseTimeout(startToClose);
  }

  private static PatternActivities stub(ActivityOptions.Builder options) {
    return Workflow.newActivityStub(PatternActivities.class, options.build());
  }

  private static PatternActivities stub() {
    return stub(within(Duration.ofSeconds(10)));
  }

  private static List<String> deedsOf(WorkflowStub stub) {
    return deeds.of(stub.getExecution().getWorkflowId());
  }

  /** The cause of the activity's failure that the workflow fails with. */
  private static ApplicationFailure activityCause(WorkflowStub stub) {
    Throwable cause = thrown(WorkflowFailedException.class, () -> stub.getResult(Object.class)).getCause();
    return instance(ApplicationFailure.class, instance(ActivityFailure.class, cause).getCause());
  }

  private static void isCancelled(WorkflowStub stub) {
    Throwable cause = thrown(WorkflowFailedException.class, () -> stub.getResult(Object.class)).getCause();
    instance(CanceledFailure.class, cause);
  }

  @WorkflowInterface
  public interface AutoHeartbeat {
    @WorkflowMethod
    String run(long ms);
  }

  public static final class AutoHeartbeatImpl implements AutoHeartbeat {
    @Override
    public String run(long ms) {
      return stub(
              within(Duration.ofMinutes(1))
                  .setHeartbeatTimeout(Duration.ofSeconds(10))
                  .setRetryOptions(ONCE)
                  .setCancellationType(ActivityCancellationType.WAIT_CANCELLATION_COMPLETED))
          .sleepUnaware(ms);
    }
  }

  static void autoHeartbeat(Context context) throws Exception {
    WorkflowStub outliving = context.start(AutoHeartbeat.class, 12_000);
    WorkflowStub cancelled = context.start(AutoHeartbeat.class, 60_000);
    Check.eventually("the activity begins", Duration.ofMinutes(1), () -> deedsOf(cancelled).size() == 1);
    cancelled.cancel();
    isCancelled(cancelled);
    equal(deedsOf(cancelled), List.of("begun", "cancelled"), "deeds");
    equal(outliving.getResult(String.class), "slept", "an activity that is longer than its heartbeat timeout");
  }

  @WorkflowInterface
  public interface DeadlineAware {
    @WorkflowMethod
    Part run(int items);
  }

  public static final class DeadlineAwareImpl implements DeadlineAware {
    @Override
    public Part run(int items) {
      return stub(within(Duration.ofSeconds(10)).setHeartbeatTimeout(Duration.ofSeconds(5)).setRetryOptions(ONCE))
          .workUntilDeadline(items);
    }
  }

  static void deadlineAware(Context context) {
    WorkflowStub few = context.start(DeadlineAware.class, 3);
    WorkflowStub many = context.start(DeadlineAware.class, 1_000);
    equal(few.getResult(Part.class), new Part(3, true), "a few items");
    Part part = many.getResult(Part.class);
    isTrue(part.done() > 0 && part.done() < 1_000 && !part.whole(), "a part is done before the deadline: " + part);
  }

  @WorkflowInterface
  public interface ProcessOrder {
    @WorkflowMethod
    List<String> run(Order order);
  }

  public static final class ProcessOrderImpl implements ProcessOrder {
    private final PatternActivities local =
        Workflow.newLocalActivityStub(
            PatternActivities.class,
            LocalActivityOptions.newBuilder()
                .setStartToCloseTimeout(Duration.ofSeconds(5))
                .setLocalRetryThreshold(Duration.ofSeconds(5))
                .setRetryOptions(
                    RetryOptions.newBuilder().setInitialInterval(Duration.ofMillis(100)).setMaximumAttempts(3).build())
                .build());

    @Override
    public List<String> run(Order order) {
      String valid;
      try {
        valid = local.validateQuickly(order);
      } catch (ActivityFailure failure) {
        if (failure.getCause() instanceof ApplicationFailure cause && cause.getType().equals("InvalidOrder")) {
          throw failure;
        }
        valid = stub().validateThoroughly(order);
      }
      return List.of(valid, stub().processPayment(order));
    }
  }

  /** With time enough for a workflow task that no local activity is done twice. */
  private static WorkflowStub startOrder(Context context, int amount) {
    return context.start(
        context.options().setWorkflowTaskTimeout(Duration.ofMinutes(1)), ProcessOrder.class, new Order("A-7", amount));
  }

  static void localActivityFallback(Context context) {
    WorkflowStub small = startOrder(context, 10);
    WorkflowStub large = startOrder(context, 5_000);
    WorkflowStub invalid = startOrder(context, -1);
    String local = "validated locally";
    equal(small.getResult(List.class), List.of("valid", "A-7 paid"), "small");
    equal(deedsOf(small), List.of(local, "paid"), "deeds for small");
    equal(large.getResult(List.class), List.of("valid after all", "A-7 paid"), "large");
    equal(deedsOf(large), List.of(local, local, local, "validated remotely", "paid"), "deeds for large");
    var events = context.events(large);
    equal(count(events, EventType.EVENT_TYPE_MARKER_RECORDED), 1L, "markers");
    equal(count(events, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED), 2L, "activities");
    equal(activityCause(invalid).getType(), "InvalidOrder", "type");
    equal(deedsOf(invalid), List.of(local), "deeds for invalid");
  }

  @WorkflowInterface
  public interface HumanApproval {
    @WorkflowMethod
    Decision run(String title);
  }

  public static final class HumanApprovalImpl implements HumanApproval {
    @Override
    public Decision run(String title) {
      stub().notifyRequestCreated(title);
      ActivityOptions.Builder weeklong =
          within(Duration.ofDays(7)).setCancellationType(ActivityCancellationType.WAIT_CANCELLATION_COMPLETED);
      Decision decision = stub(weeklong).awaitDecision(title);
      if (decision.approved()) {
        stub().executeApproved(title);
      }
      return decision;
    }
  }

  /**
   * The whole life of the process in which people decide. It knows task tokens, in hex, or the ids of a workflow and its activity with a
   * slash between.
   */
  static void answer(WorkflowClient client, List<String> decisions) {
    ActivityCompletionClient completion = client.newActivityCompletionClient();
    for (int index = 0; index + 1 < decisions.size(); index += 2) {
      String ticket = decisions.get(index + 1);
      if (decisions.get(index).equals("approve-by-id")) {
        String[] ids = ticket.split("/");
        completion.complete(ids[0], Optional.empty(), ids[1], new Decision(true, "bob"));
        continue;
      }
      byte[] token = HexFormat.of().parseHex(ticket);
      switch (decisions.get(index)) {
        case "approve" -> completion.complete(token, new Decision(true, "alice"));
        case "decline" -> completion.complete(token, new Decision(false, "carol"));
        case "fail" ->
            completion.completeExceptionally(
                token, ApplicationFailure.newNonRetryableFailure("Rejected by compliance", "Refusal"));
        default -> completion.reportCancellation(token, "nobody decided");
      }
    }
  }

  static void humanApproval(Context context) throws Exception {
    Map<String, WorkflowStub> runs = new LinkedHashMap<>();
    List<String> command =
        new ArrayList<>(
            List.of(
                ProcessHandle.current().info().command().orElseThrow(),
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "answer"));
    for (String how : List.of("approve", "approve-by-id", "decline", "fail", "cancel")) {
      WorkflowStub stub = context.start(HumanApproval.class, "a loan");
      runs.put(how, stub);
      String id = stub.getExecution().getWorkflowId();
      Check.eventually("it asks for a decision", Duration.ofMinutes(1), () -> tokens.of(id).size() == 1);
      String activityId = stub.describe().getRawDescription().getPendingActivities(0).getActivityId();
      String token = HexFormat.of().formatHex(tokens.of(id).get(0));
      command.addAll(List.of(how, how.equals("approve-by-id") ? id + "/" + activityId : token));
    }
    command.addAll(List.of("--address", context.address));
    command.addAll(List.of("--namespace", context.client.getOptions().getNamespace()));
    runs.get("cancel").cancel();
    Check.eventually(
        "the activity's cancellation is requested",
        Duration.ofMinutes(1),
        () ->
            runs.get("cancel").describe().getRawDescription().getPendingActivities(0).getState()
                == PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED);
    Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    equal(process.waitFor(), 0, "exit code of the process that answers");

    equal(runs.get("approve").getResult(Decision.class), new Decision(true, "alice"), "by token");
    equal(runs.get("approve-by-id").getResult(Decision.class), new Decision(true, "bob"), "by id");
    equal(runs.get("decline").getResult(Decision.class), new Decision(false, "carol"), "declined");
    equal(activityCause(runs.get("fail")).getOriginalMessage(), "Rejected by compliance", "failed");
    isCancelled(runs.get("cancel"));
    var event = one(context.events(runs.get("cancel")), EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED);
    var details = event.getActivityTaskCanceledEventAttributes().getDetails().getPayloads(0).getData();
    equal(details.toStringUtf8(), "\"nobody decided\"", "details of the cancellation");
    equal(deedsOf(runs.get("approve")), List.of("asked for a loan", "did a loan"), "deeds after approval");
    equal(deedsOf(runs.get("decline")), List.of("asked for a loan"), "deeds after refusal");
  }

  /** Whoever runs this approves the first, fails the second and answers a link to the third, over HTTP. */
  static void approvalOverHttp(Context context) throws Exception {
    List<WorkflowStub> runs = new ArrayList<>();
    byte[][] tickets = new byte[3][];
    for (int index = 0; index < tickets.length; index++) {
      WorkflowStub stub = context.start(HumanApproval.class, "a loan");
      String id = stub.getExecution().getWorkflowId();
      Check.eventually("it asks for a decision", Duration.ofMinutes(1), () -> tokens.of(id).size() == 1);
      runs.add(stub);
      tickets[index] = tokens.of(id).get(0);
    }
    context.announce(tickets);
    equal(runs.get(0).getResult(Decision.class), new Decision(true, "alice"), "approved");
    equal(activityCause(runs.get(1)).getOriginalMessage(), "Rejected by compliance", "failed");
    equal(runs.get(2).getResult(Decision.class), new Decision(false, "bob"), "answered by a link");
  }

  @WorkflowInterface
  public interface Polling {
    @WorkflowMethod
    String run(String how);
  }

  public static final class PollingImpl implements Polling {
    @Override
    public String run(String how) {
      return switch (how) {
        case "frequent" -> stub(within(Duration.ofMinutes(1)).setHeartbeatTimeout(Duration.ofSeconds(5))).pollOften();
        case "infrequent" -> {
          RetryOptions steady =
              RetryOptions.newBuilder().setInitialInterval(Duration.ofMillis(100)).setBackoffCoefficient(1).build();
          yield stub(within(Duration.ofSeconds(10)).setRetryOptions(steady)).pollOnce();
        }
        default -> {
          String id = Workflow.getInfo().getWorkflowId() + "-child";
          ChildWorkflowOptions options = ChildWorkflowOptions.newBuilder().setWorkflowId(id).build();
          yield Workflow.newChildWorkflowStub(Periodic.class, options).run();
        }
      };
    }
  }

  @WorkflowInterface
  public interface Periodic {
    @WorkflowMethod(name = "Periodic")
    String run();
  }

  /** Looks twice in each of its runs. */
  public static final class PeriodicImpl implements Periodic {
    @Override
    public String run() {
      for (int times = 0; times < 2; times++) {
        if (stub().look()) {
          return "ready";
        }
        Workflow.sleep(50);
      }
      Workflow.newContinueAsNewStub(Periodic.class).run();
      return null;
    }
  }

  static void polling(Context context) {
    Map.of("frequent", 5, "infrequent", 4, "periodic", 5)
        .forEach(
            (how, polls) -> {
              WorkflowStub stub = context.start(Polling.class, how);
              equal(stub.getResult(String.class), "ready", how);
              String id = stub.getExecution().getWorkflowId() + (how.equals("periodic") ? "-child" : "");
              equal(deeds.of(id).size(), polls, how);
            });
  }

  @WorkflowInterface
  public interface Booking {
    @WorkflowMethod
    void run();
  }

  public static final class BookingImpl implements Booking {
    @Override
    public void run() {
      RetryOptions soon = RetryOptions.newBuilder().setInitialInterval(Duration.ofMillis(50)).build();
      PatternActivities activities = stub(within(Duration.ofSeconds(10)).setRetryOptions(soon));
      Saga saga = new Saga(new Saga.Options.Builder().build());
      try {
        for (String what : List.of("flight", "hotel", "car")) {
          activities.book(what);
          saga.addCompensation(activities::cancelBooking, what);
        }
      } catch (ActivityFailure failure) {
        saga.compensate();
        throw failure;
      }
    }
  }

  static void saga(Context context) {
    WorkflowStub stub = context.start(Booking.class);
    equal(activityCause(stub).getType(), "SoldOut", "type");
    equal(
        String.join(", ", deedsOf(stub)),
        "book flight, book hotel, book car, cancel hotel, cancel hotel, cancel flight, cancel flight",
        "deeds");
  }

  @WorkflowInterface
  public interface Classified {
    @WorkflowMethod
    boolean run(String request);
  }

  public static final class ClassifiedImpl implements Classified {
    @Override
    public boolean run(String request) {
      RetryOptions policy =
          RetryOptions.newBuilder()
              .setInitialInterval(Duration.ofMillis(100))
              .setBackoffCoefficient(2)
              .setMaximumInterval(Duration.ofSeconds(60))
              .setMaximumAttempts(5)
              .build();
      return stub(within(Duration.ofSeconds(30)).setRetryOptions(policy)).callExternal(request);
    }
  }

  static void errorClassification(Context context) {
    WorkflowStub limited = context.start(Classified.class, "rate limited");
    WorkflowStub invalid = context.start(Classified.class, "invalid");
    WorkflowStub unknown = context.start(Classified.class, "unknown");
    equal(limited.getResult(Boolean.class), true, "found");
    equal(deedsOf(limited).size(), 3, "calls until the limit lets one through");
    equal(activityCause(invalid).getOriginalMessage(), "Invalid input: no id", "failure");
    equal(deedsOf(invalid).size(), 1, "calls with invalid input");
    equal(unknown.getResult(Boolean.class), false, "what is not found is a result");
  }
}
