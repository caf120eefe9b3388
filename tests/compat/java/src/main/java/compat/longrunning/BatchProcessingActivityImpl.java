package compat.longrunning;

import compat.Journal;
import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInfo;
import java.util.List;
import java.util.Optional;

public class BatchProcessingActivityImpl implements BatchProcessingActivity {
  /** The items that were seen, by workflow id. */
  static final Journal<String> seen = new Journal<>();

  static class ProgressState {
    int processedCount;
    int failedCount;
    String lastProcessedId;
  }

  @Override
  public BatchResult processBatch(List<String> itemIds) {
    ActivityExecutionContext context = Activity.getExecutionContext();
    Optional<ProgressState> details = context.getHeartbeatDetails(ProgressState.class);
    ProgressState progress = details.orElse(new ProgressState());

    int startIndex = itemIds.indexOf(progress.lastProcessedId) + 1;

    for (int i = startIndex; i < itemIds.size(); i++) {
      String itemId = itemIds.get(i);

      try {
        processItem(itemId);
        progress.processedCount++;
      } catch (Exception e) {
        progress.failedCount++;
      }

      progress.lastProcessedId = itemId;
      context.heartbeat(progress);
    }

    return new BatchResult(progress.processedCount, progress.failedCount);
  }

  private static void processItem(String itemId) {
    ActivityInfo info = Activity.getExecutionContext().getInfo();
    seen.add(info.getWorkflowId(), itemId);
    if (itemId.startsWith("bad")) {
      throw new IllegalArgumentException(itemId + " cannot be processed");
    }
    if (itemId.equals("stuck") && info.getAttempt() == 1) {
      LongRunning.sleep(3_600_000);
    }
  }
}
