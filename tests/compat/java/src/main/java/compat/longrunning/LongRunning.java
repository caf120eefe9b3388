package compat.longrunning;

import static compat.Check.equal;
import static compat.Check.instance;
import static compat.Check.isTrue;
import static compat.Check.thrown;

import compat.Check;
import compat.Context;
import compat.Scenario;
import compat.longrunning.BatchProcessingActivity.BatchResult;
import io.temporal.activity.ActivityCancellationType;
import io.temporal.activity.ActivityOptions;
import io.temporal.api.enums.v1.EventType;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowStub;
import io.temporal.common.RetryOptions;
import io.temporal.failure.CanceledFailure;
import io.temporal.worker.Worker;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * What the document on long-running activities promises of its programs: they resume where they were, and clean up when they are cancelled.
 */
public final class LongRunning {
  private LongRunning() {}

  public static final Map<String, Scenario> scenarios =
      Map.of(
          "seed-progress", LongRunning::progress,
          "seed-cancellation", LongRunning::cancellation,
          "seed-batch", LongRunning::batch);

  public static final Class<?>[] workflows = {
    ProcessFileImpl.class, ProcessFileOrCleanUpImpl.class, ProcessAllImpl.class
  };

  public static void registerActivities(Worker worker) {
    worker.registerActivitiesImplementations(new FileProcessingActivityImpl(), new BatchProcessingActivityImpl());
  }

  static void sleep(long ms) {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("the worker shuts down", e);
    }
  }

  private static <T> T stub(Class<T> activities, Duration heartbeatTimeout) {
    return Workflow.newActivityStub(
        activities,
        ActivityOptions.newBuilder()
            .setStartToCloseTimeout(Duration.ofHours(1))
            .setHeartbeatTimeout(heartbeatTimeout)
            .setRetryOptions(RetryOptions.newBuilder().setInitialInterval(Duration.ofMillis(100)).build())
            .setCancellationType(ActivityCancellationType.WAIT_CANCELLATION_COMPLETED)
            .build());
  }

  @WorkflowInterface
  public interface ProcessFile {
    @WorkflowMethod
    void run(String filePath);
  }

  public static final class ProcessFileImpl implements ProcessFile {
    @Override
    public void run(String filePath) {
      stub(FileProcessingActivity.class, Duration.ofSeconds(30)).processLargeFile(filePath);
    }
  }

  @WorkflowInterface
  public interface ProcessFileOrCleanUp {
    @WorkflowMethod
    void run(String filePath);
  }

  public static final class ProcessFileOrCleanUpImpl implements ProcessFileOrCleanUp {
    @Override
    public void run(String filePath) {
      stub(FileProcessingActivity.class, Duration.ofSeconds(10)).processLargeFileOrCleanUp(filePath);
    }
  }

  @WorkflowInterface
  public interface ProcessAll {
    @WorkflowMethod
    BatchResult run(List<String> itemIds);
  }

  public static final class ProcessAllImpl implements ProcessAll {
    @Override
    public BatchResult run(List<String> itemIds) {
      return stub(BatchProcessingActivity.class, Duration.ofSeconds(5)).processBatch(itemIds);
    }
  }

  private static Stream<String> lines(int from, int to) {
    return IntStream.range(from, to).mapToObj(number -> "line " + number);
  }

  private static Path fileOf(int lines) throws Exception {
    Path file = Files.createTempFile("compat-", ".txt");
    Files.write(file, lines(0, lines).toList());
    return file;
  }

  static void progress(Context context) throws Exception {
    Path file = fileOf(450);
    try {
      WorkflowStub stub = context.start(ProcessFile.class, file.toString());
      stub.getResult(Void.class);
      // The 251st line fails. The retry resumes after the 200 lines of the last heartbeat.
      equal(
          FileProcessingActivityImpl.seen.of(stub.getExecution().getWorkflowId()),
          Stream.concat(lines(0, 251), lines(200, 450)).toList(),
          "lines");
      checkSecondAttempt(context, stub, "the disk has gone");
    } finally {
      Files.delete(file);
    }
  }

  private static void checkSecondAttempt(Context context, WorkflowStub stub, String lastFailure) {
    var started =
        Context.one(context.events(stub), EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED)
            .getActivityTaskStartedEventAttributes();
    equal(started.getAttempt(), 2, "attempt");
    equal(started.getLastFailure().getMessage(), lastFailure, "last failure");
  }

  static void cancellation(Context context) throws Exception {
    Path file = fileOf(240);
    try {
      WorkflowStub stub = context.start(ProcessFileOrCleanUp.class, file.toString());
      String id = stub.getExecution().getWorkflowId();
      Check.eventually(
          "some lines are processed", Duration.ofMinutes(1), () -> FileProcessingActivityImpl.seen.of(id).size() > 5);
      stub.cancel();
      var failed = thrown(WorkflowFailedException.class, () -> stub.getResult(Void.class));
      instance(CanceledFailure.class, failed.getCause());
      isTrue(FileProcessingActivityImpl.cleanedUp.contains(id), "the activity cleans up");
      isTrue(FileProcessingActivityImpl.seen.of(id).size() < 240, "the file was not read to its end");
    } finally {
      Files.delete(file);
    }
  }

  static void batch(Context context) {
    WorkflowStub stub = context.start(ProcessAll.class, List.of("a", "bad-1", "b", "stuck", "c", "bad-2", "d"));
    equal(stub.getResult(BatchResult.class), new BatchResult(5, 2), "result");
    // The first attempt gets stuck and misses its heartbeat; the second goes on with the item after the last heartbeat.
    equal(
        BatchProcessingActivityImpl.seen.of(stub.getExecution().getWorkflowId()),
        List.of("a", "bad-1", "b", "stuck", "stuck", "c", "bad-2", "d"),
        "items");
    checkSecondAttempt(context, stub, "activity Heartbeat timeout");
  }
}
