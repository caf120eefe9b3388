package compat;

/** Returns when all that it expects holds, throws what does not. */
@FunctionalInterface
public interface Scenario {
  void run(Context context) throws Exception;
}
