package compat;

import static compat.Check.equal;

import com.google.protobuf.FieldMask;
import com.google.protobuf.util.Durations;
import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInfo;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.api.enums.v1.PendingActivityState;
import io.temporal.api.workflow.v1.PendingActivityInfo;
import io.temporal.api.workflowservice.v1.PauseActivityRequest;
import io.temporal.api.workflowservice.v1.ResetActivityRequest;
import io.temporal.api.workflowservice.v1.UnpauseActivityRequest;
import io.temporal.api.workflowservice.v1.UpdateActivityOptionsRequest;
import io.temporal.client.ActivityPausedException;
import io.temporal.client.ActivityResetException;
import io.temporal.client.WorkflowStub;
import io.temporal.common.RetryOptions;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** What operators do to an activity of a workflow. */
public final class Held {
  private Held() {}

  public static final Map<String, Scenario> scenarios = Map.of("held-activity", Held::heldActivity);

  public static final Class<?>[] workflows = {HoldingImpl.class};

  @ActivityInterface
  public interface Beating {
    int beatUntilLetGo();
  }

  /** What the activity saw, in order, by workflow id. */
  private static final Journal<String> deeds = new Journal<>();

  /** The ids of workflows whose activity may end. */
  private static final Journal<Boolean> letGo = new Journal<>();

  public static final class BeatingImpl implements Beating {
    @Override
    public int beatUntilLetGo() {
      ActivityExecutionContext context = Activity.getExecutionContext();
      ActivityInfo info = context.getInfo();
      String id = info.getWorkflowId();
      deeds.add(id, "attempt " + info.getAttempt());
      try {
        while (letGo.of(id).isEmpty()) {
          context.heartbeat("beating");
          RunningActivities.sleep(50);
        }
      } catch (ActivityPausedException e) {
        deeds.add(id, "paused");
        throw e;
      } catch (ActivityResetException e) {
        deeds.add(id, "reset");
        throw e;
      }
      return info.getAttempt();
    }
  }

  @WorkflowInterface
  public interface Holding {
    @WorkflowMethod
    int run();
  }

  public static final class HoldingImpl implements Holding {
    @Override
    public int run() {
      ActivityOptions options =
          ActivityOptions.newBuilder()
              .setStartToCloseTimeout(Duration.ofSeconds(100))
              .setHeartbeatTimeout(Duration.ofSeconds(30))
              .setRetryOptions(RetryOptions.newBuilder().setInitialInterval(Duration.ofMillis(100)).build())
              .build();
      return Workflow.newActivityStub(Beating.class, options).beatUntilLetGo();
    }
  }

  private static void untilDeeds(WorkflowStub stub, String... expected) throws Exception {
    String id = stub.getExecution().getWorkflowId();
    Check.eventually(
        "the activity has seen " + List.of(expected),
        Duration.ofMinutes(3),
        () -> deeds.of(id).equals(List.of(expected)));
  }

  private static PendingActivityInfo pending(WorkflowStub stub) {
    return stub.describe().getRawDescription().getPendingActivities(0);
  }

  static void heldActivity(Context context) throws Exception {
    WorkflowStub stub = context.start(Holding.class);
    untilDeeds(stub, "attempt 1");
    String activityId = pending(stub).getActivityId();
    var service = context.service();
    service.resetActivity(
        ResetActivityRequest.newBuilder()
            .setNamespace(context.namespace())
            .setExecution(stub.getExecution())
            .setIdentity("operator")
            .setId(activityId)
            .build());
    untilDeeds(stub, "attempt 1", "reset", "attempt 2");

    service.pauseActivity(
        PauseActivityRequest.newBuilder()
            .setNamespace(context.namespace())
            .setExecution(stub.getExecution())
            .setIdentity("operator")
            .setId(activityId)
            .setReason("look at it")
            .build());
    untilDeeds(stub, "attempt 1", "reset", "attempt 2", "paused");
    Check.eventually(
        "it waits",
        Duration.ofMinutes(3),
        () -> pending(stub).getState() == PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED);
    equal(pending(stub).getPauseInfo().getManual().getReason(), "look at it", "reason");

    var changed =
        service.updateActivityOptions(
            UpdateActivityOptionsRequest.newBuilder()
                .setNamespace(context.namespace())
                .setExecution(stub.getExecution())
                .setIdentity("operator")
                .setId(activityId)
                .setActivityOptions(
                    io.temporal.api.activity.v1.ActivityOptions.newBuilder()
                        .setStartToCloseTimeout(Durations.fromSeconds(200)))
                .setUpdateMask(FieldMask.newBuilder().addPaths("start_to_close_timeout"))
                .build());
    equal(changed.getActivityOptions().getStartToCloseTimeout().getSeconds(), 200L, "timeout");
    service.unpauseActivity(
        UnpauseActivityRequest.newBuilder()
            .setNamespace(context.namespace())
            .setExecution(stub.getExecution())
            .setIdentity("operator")
            .setId(activityId)
            .build());
    untilDeeds(stub, "attempt 1", "reset", "attempt 2", "paused", "attempt 3");
    equal(pending(stub).getActivityOptions().getStartToCloseTimeout().getSeconds(), 200L, "timeout");
    letGo.add(stub.getExecution().getWorkflowId(), true);
    equal(stub.getResult(Integer.class), 3, "the attempt that ended");
  }
}
