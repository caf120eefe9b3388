package compat.longrunning;

import compat.Journal;
import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.client.ActivityCompletionException;
import java.io.BufferedReader;
import java.io.FileReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * As shown, with two corrections: what reading a file may throw is caught, and cancellation is the exception that a heartbeat of this SDK
 * throws, {@link ActivityCompletionException}.
 */
public class FileProcessingActivityImpl implements FileProcessingActivity {
  /** The lines that were seen, by workflow id. */
  static final Journal<String> seen = new Journal<>();

  /** The workflows whose activity has cleaned up. */
  static final Set<String> cleanedUp = ConcurrentHashMap.newKeySet();

  @Override
  public void processLargeFile(String filePath) {
    ActivityExecutionContext context = Activity.getExecutionContext();
    Optional<Integer> lastProcessedLine = context.getHeartbeatDetails(Integer.class);
    int startLine = lastProcessedLine.orElse(0);

    try (BufferedReader reader = new BufferedReader(new FileReader(filePath))) {
      for (int i = 0; i < startLine; i++) {
        reader.readLine();
      }

      String line;
      int currentLine = startLine;
      while ((line = reader.readLine()) != null) {
        processLine(line);
        currentLine++;

        if (currentLine % 100 == 0) {
          context.heartbeat(currentLine);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void processLargeFileOrCleanUp(String filePath) {
    ActivityExecutionContext context = Activity.getExecutionContext();
    Optional<Integer> lastProcessedLine = context.getHeartbeatDetails(Integer.class);
    int currentLine = lastProcessedLine.orElse(0);

    try (BufferedReader reader = new BufferedReader(new FileReader(filePath))) {
      for (int i = 0; i < currentLine; i++) {
        reader.readLine();
      }

      String line;
      while ((line = reader.readLine()) != null) {
        context.heartbeat(currentLine);
        processLineSlowly(line);
        currentLine++;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (ActivityCompletionException e) {
      cleanupResources();
      throw e;
    }
  }

  private static String workflowId() {
    return Activity.getExecutionContext().getInfo().getWorkflowId();
  }

  private static void processLine(String line) {
    boolean before = seen.of(workflowId()).contains(line);
    seen.add(workflowId(), line);
    // As a machine fails in the middle, once.
    if (line.equals("line 250") && !before) {
      throw new IllegalStateException("the disk has gone");
    }
  }

  private static void processLineSlowly(String line) {
    processLine(line);
    LongRunning.sleep(20);
  }

  private static void cleanupResources() {
    cleanedUp.add(workflowId());
  }
}
