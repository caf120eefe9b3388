package compat;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.client.WorkflowServiceException;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Callable;

/** How a scenario says what it expects. */
public final class Check {
  private Check() {}

  public static void equal(Object actual, Object expected, String what) {
    if (!Objects.equals(actual, expected)) {
      throw new AssertionError(what + ": expected " + expected + ", got " + actual);
    }
  }

  public static void isTrue(boolean condition, String what) {
    if (!condition) {
      throw new AssertionError("not so: " + what);
    }
  }

  /** What the action throws, when it is of that class. */
  public static <E extends Throwable> E thrown(Class<E> type, Callable<?> action) {
    Object result;
    try {
      result = action.call();
    } catch (Throwable error) {
      return instance(type, error);
    }
    throw new AssertionError("expected " + type.getSimpleName() + ", got the result " + result);
  }

  /** The error, checked to be of that class. */
  public static <E extends Throwable> E instance(Class<E> type, Throwable error) {
    if (!type.isInstance(error)) {
      throw new AssertionError("expected " + type.getSimpleName() + ", got " + error, error);
    }
    return type.cast(error);
  }

  /** Asks until the answer is yes. A query that nobody answers in time, as on a busy machine, is asked again. */
  public static void eventually(String what, Duration within, Callable<Boolean> check) throws Exception {
    long giveUp = System.nanoTime() + within.toNanos();
    while (!isSo(check)) {
      isTrue(System.nanoTime() < giveUp, "within " + within + ": " + what);
      Thread.sleep(50);
    }
  }

  private static boolean isSo(Callable<Boolean> check) throws Exception {
    try {
      return check.call();
    } catch (WorkflowServiceException e) {
      if (e.getCause() instanceof StatusRuntimeException status
          && status.getStatus().getCode() == Status.Code.DEADLINE_EXCEEDED) {
        return false;
      }
      throw e;
    }
  }
}
