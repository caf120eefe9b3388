package compat;

import static compat.Check.equal;
import static compat.Check.instance;
import static compat.Check.isTrue;
import static compat.Check.thrown;
import static compat.Context.count;
import static compat.Context.one;

import io.nexusrpc.Operation;
import io.nexusrpc.OperationException;
import io.nexusrpc.Service;
import io.nexusrpc.handler.HandlerException;
import io.nexusrpc.handler.HandlerException.ErrorType;
import io.nexusrpc.handler.OperationHandler;
import io.nexusrpc.handler.OperationImpl;
import io.nexusrpc.handler.ServiceImpl;
import io.temporal.api.common.v1.Callback;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.api.nexus.v1.EndpointSpec;
import io.temporal.api.nexus.v1.EndpointTarget;
import io.temporal.api.operatorservice.v1.CreateNexusEndpointRequest;
import io.temporal.api.operatorservice.v1.OperatorServiceGrpc;
import io.temporal.api.workflowservice.v1.DescribeWorkflowExecutionRequest;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.NexusOperationFailure;
import io.temporal.failure.TimeoutFailure;
import io.temporal.nexus.Nexus;
import io.temporal.nexus.WorkflowRunOperation;
import io.temporal.testing.WorkflowReplayer;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.NexusOperationCancellationType;
import io.temporal.workflow.NexusOperationHandle;
import io.temporal.workflow.NexusOperationOptions;
import io.temporal.workflow.NexusServiceOptions;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Workflows that call Nexus operations, and the handlers that serve them: at once, or with a workflow of their own. */
public final class Calling {
  private Calling() {}

  public static final Map<String, Scenario> scenarios =
      Map.of(
          "nexus-operation", Calling::nexusOperation,
          "nexus-failure", Calling::nexusFailure,
          "nexus-cancel", Calling::nexusCancel);

  public static final Class<?>[] workflows = {
    DeliveryImpl.class, AskPriceImpl.class, HaveDeliveredImpl.class, CancelDeliveryImpl.class
  };

  /** What a caller wants done: `how` says what becomes of it. */
  public record Purchase(String id, String how) {}

  @Service
  public interface Shop {
    @Operation
    int price(Purchase purchase);

    @Operation
    String deliver(Purchase purchase);
  }

  @ServiceImpl(service = Shop.class)
  public static final class ShopImpl {
    private final Journal<Boolean> asked = new Journal<>();

    @OperationImpl
    public OperationHandler<Purchase, Integer> price() {
      return OperationHandler.sync((context, details, purchase) -> answer(purchase));
    }

    private int answer(Purchase purchase) throws OperationException {
      asked.add(purchase.id(), true);
      int attempt = asked.of(purchase.id()).size();
      switch (purchase.how()) {
        case "busy":
          if (attempt < 3) {
            throw new HandlerException(ErrorType.UNAVAILABLE, "busy");
          }
          break;
        case "unknown":
          throw new HandlerException(ErrorType.NOT_FOUND, "no such order");
        case "fail":
          throw OperationException.failed("not for sale");
        case "slow":
          try {
            Thread.sleep(60_000);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          break;
        default:
      }
      return attempt;
    }

    @OperationImpl
    public OperationHandler<Purchase, String> deliver() {
      return WorkflowRunOperation.fromWorkflowMethod(
          (context, details, purchase) -> {
            WorkflowOptions options = WorkflowOptions.newBuilder().setWorkflowId(deliveryId(purchase.id())).build();
            return Nexus.getOperationContext().getWorkflowClient().newWorkflowStub(Delivery.class, options)::run;
          });
    }
  }

  private static String deliveryId(String callerId) {
    return "delivery-" + callerId;
  }

  /** What a handler starts for an order. */
  @WorkflowInterface
  public interface Delivery {
    @WorkflowMethod
    String run(Purchase purchase);
  }

  public static final class DeliveryImpl implements Delivery {
    @Override
    public String run(Purchase purchase) {
      if (purchase.how().equals("fail")) {
        throw ApplicationFailure.newFailure("nobody at home", "Undelivered", "here");
      }
      Workflow.sleep(purchase.how().equals("wait") ? Duration.ofHours(1) : Duration.ofMillis(100));
      return purchase.id() + " delivered";
    }
  }

  private static Shop shopAt(String endpoint, NexusOperationOptions.Builder options) {
    return Workflow.newNexusServiceStub(
        Shop.class,
        NexusServiceOptions.newBuilder().setEndpoint(endpoint).setOperationOptions(options.build()).build());
  }

  @WorkflowInterface
  public interface AskPrice {
    @WorkflowMethod
    int run(String endpoint, Purchase purchase, int seconds);
  }

  public static final class AskPriceImpl implements AskPrice {
    @Override
    public int run(String endpoint, Purchase purchase, int seconds) {
      Duration timeout = Duration.ofSeconds(seconds);
      return shopAt(endpoint, NexusOperationOptions.newBuilder().setScheduleToCloseTimeout(timeout)).price(purchase);
    }
  }

  @WorkflowInterface
  public interface HaveDelivered {
    @WorkflowMethod
    String run(String endpoint, Purchase purchase);
  }

  public static final class HaveDeliveredImpl implements HaveDelivered {
    @Override
    public String run(String endpoint, Purchase purchase) {
      return shopAt(endpoint, NexusOperationOptions.newBuilder()).deliver(purchase);
    }
  }

  /** Cancels the operation once it has started, and tells when it hears that it is over. */
  @WorkflowInterface
  public interface CancelDelivery {
    @WorkflowMethod
    String run(String endpoint, Purchase purchase, NexusOperationCancellationType type);
  }

  public static final class CancelDeliveryImpl implements CancelDelivery {
    @Override
    public String run(String endpoint, Purchase purchase, NexusOperationCancellationType type) {
      Shop shop = shopAt(endpoint, NexusOperationOptions.newBuilder().setCancellationType(type));
      List<NexusOperationHandle<String>> running = new ArrayList<>();
      CancellationScope scope =
          Workflow.newCancellationScope(() -> running.add(Workflow.startNexusOperation(shop::deliver, purchase)));
      scope.run();
      running.get(0).getExecution().get();
      scope.cancel();
      try {
        running.get(0).getResult().get();
      } catch (NexusOperationFailure failure) {
        if (!(failure.getCause() instanceof CanceledFailure)) {
          throw failure;
        }
        // Whoever ends at once may be gone before the request to cancel is.
        if (type == NexusOperationCancellationType.TRY_CANCEL) {
          Workflow.sleep(1_000);
        }
        return "cancelled";
      }
      return "not cancelled";
    }
  }

  /** Makes an endpoint for the shared worker's queue. */
  private static String makeEndpoint(Context context) {
    String name = "java-" + UUID.randomUUID();
    EndpointTarget.Worker.Builder worker =
        EndpointTarget.Worker.newBuilder()
            .setNamespace(context.client.getOptions().getNamespace())
            .setTaskQueue(context.taskQueue);
    EndpointSpec.Builder spec =
        EndpointSpec.newBuilder().setName(name).setTarget(EndpointTarget.newBuilder().setWorker(worker));
    OperatorServiceGrpc.newBlockingStub(context.client.getWorkflowServiceStubs().getRawChannel())
        .createNexusEndpoint(CreateNexusEndpointRequest.newBuilder().setSpec(spec).build());
    return name;
  }

  private static WorkflowStub startCaller(
      Context context, Class<?> caller, String how, String endpoint, Object... more) {
    String id = context.newId("-" + how);
    List<Object> arguments = new ArrayList<>(List.of(endpoint, new Purchase(id, how)));
    arguments.addAll(List.of(more));
    return context.start(context.options().setWorkflowId(id), caller, arguments.toArray());
  }

  private static WorkflowStub deliveryOf(Context context, WorkflowStub caller) {
    return context.stub(deliveryId(caller.getExecution().getWorkflowId()));
  }

  private static void replay(Context context, List<WorkflowStub> callers) throws Exception {
    for (WorkflowStub stub : callers) {
      WorkflowReplayer.replayWorkflowExecution(
          context.client.fetchHistory(stub.getExecution().getWorkflowId()),
          AskPriceImpl.class,
          HaveDeliveredImpl.class,
          CancelDeliveryImpl.class);
    }
  }

  static void nexusOperation(Context context) throws Exception {
    String endpoint = makeEndpoint(context);
    WorkflowStub simple = startCaller(context, AskPrice.class, "done", endpoint, 60);
    equal(simple.getResult(Integer.class), 1, "what a handler answers");
    one(context.events(simple), EventType.EVENT_TYPE_NEXUS_OPERATION_COMPLETED);
    equal(count(context.events(simple), EventType.EVENT_TYPE_NEXUS_OPERATION_STARTED), 0L, "starts of what is done");
    WorkflowStub busy = startCaller(context, AskPrice.class, "busy", endpoint, 60);
    equal(busy.getResult(Integer.class), 3, "attempts until a busy handler answers");

    WorkflowStub delivered = startCaller(context, HaveDelivered.class, "done", endpoint);
    String id = delivered.getExecution().getWorkflowId();
    equal(delivered.getResult(String.class), id + " delivered", "what the handler's workflow returns");
    HistoryEvent started = one(context.events(delivered), EventType.EVENT_TYPE_NEXUS_OPERATION_STARTED);
    String linked = started.getLinks(0).getWorkflowEvent().getWorkflowId();
    equal(linked, deliveryId(id), "the workflow that the caller's event links to");
    Callback callback =
        context
            .client
            .fetchHistory(deliveryId(id))
            .getEvents()
            .get(0)
            .getWorkflowExecutionStartedEventAttributes()
            .getCompletionCallbacks(0);
    equal(callback.getLinks(0).getWorkflowEvent().getWorkflowId(), id, "the workflow that the handler's links to");
    replay(context, List.of(simple, busy, delivered));
  }

  /** The cause of the operation's failure that a workflow fails with. */
  private static <E extends Throwable> E operationCause(Class<E> type, WorkflowStub caller) {
    Throwable failed = thrown(WorkflowFailedException.class, () -> caller.getResult(Object.class));
    return instance(type, instance(NexusOperationFailure.class, failed.getCause()).getCause());
  }

  static void nexusFailure(Context context) {
    String endpoint = makeEndpoint(context);
    WorkflowStub refused = startCaller(context, AskPrice.class, "unknown", endpoint, 60);
    WorkflowStub failed = startCaller(context, AskPrice.class, "fail", endpoint, 60);
    WorkflowStub undelivered = startCaller(context, HaveDelivered.class, "fail", endpoint);
    WorkflowStub slow = startCaller(context, AskPrice.class, "slow", endpoint, 2);
    equal(operationCause(HandlerException.class, refused).getErrorType(), ErrorType.NOT_FOUND, "the handler's error");
    String told = operationCause(ApplicationFailure.class, failed).getOriginalMessage();
    isTrue(told.contains("not for sale"), "the operation's error: " + told);
    ApplicationFailure failure = operationCause(ApplicationFailure.class, undelivered);
    equal(failure.getType(), "Undelivered", "the type of the workflow's failure");
    equal(failure.getDetails().get(String.class), "here", "the details of the workflow's failure");
    operationCause(TimeoutFailure.class, slow);
  }

  static void nexusCancel(Context context) throws Exception {
    String endpoint = makeEndpoint(context);
    List<WorkflowStub> callers = new ArrayList<>();
    for (NexusOperationCancellationType type : NexusOperationCancellationType.values()) {
      callers.add(startCaller(context, CancelDelivery.class, "wait", endpoint, type));
    }
    for (NexusOperationCancellationType type : NexusOperationCancellationType.values()) {
      WorkflowStub caller = callers.get(type.ordinal());
      equal(caller.getResult(String.class), "cancelled", type.toString());
      List<HistoryEvent> events = context.events(caller);
      boolean abandoned = type == NexusOperationCancellationType.ABANDON;
      long requests = count(events, EventType.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED);
      equal(requests, abandoned ? 0L : 1L, type + ": requests to cancel");
      if (type == NexusOperationCancellationType.WAIT_COMPLETED) {
        one(events, EventType.EVENT_TYPE_NEXUS_OPERATION_CANCELED);
      }
      WorkflowStub delivery = deliveryOf(context, caller);
      if (abandoned) {
        delivery.terminate("abandoned");
      } else {
        Throwable ended = thrown(WorkflowFailedException.class, () -> delivery.getResult(String.class));
        instance(CanceledFailure.class, ended.getCause());
      }
    }
    replay(context, callers);
    WorkflowStub first = deliveryOf(context, callers.get(0));
    DescribeWorkflowExecutionRequest request =
        DescribeWorkflowExecutionRequest.newBuilder()
            .setNamespace(context.client.getOptions().getNamespace())
            .setExecution(first.getExecution())
            .build();
    Check.eventually(
        "the end of the handler's workflow is told",
        Duration.ofMinutes(1),
        () ->
            context
                    .client
                    .getWorkflowServiceStubs()
                    .blockingStub()
                    .describeWorkflowExecution(request)
                    .getCallbacks(0)
                    .getAttempt()
                == 1);
  }
}
