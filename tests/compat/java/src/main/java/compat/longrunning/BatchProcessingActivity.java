package compat.longrunning;

import io.temporal.activity.ActivityInterface;
import java.util.List;

@ActivityInterface
public interface BatchProcessingActivity {
  BatchResult processBatch(List<String> itemIds);

  record BatchResult(int processedCount, int failedCount) {}
}
