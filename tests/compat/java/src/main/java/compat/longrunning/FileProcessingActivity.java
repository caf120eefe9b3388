package compat.longrunning;

import io.temporal.activity.ActivityInterface;

@ActivityInterface
public interface FileProcessingActivity {
  void processLargeFile(String filePath);

  /** The document's second form, under a name of its own. */
  void processLargeFileOrCleanUp(String filePath);
}
