package compat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What activities note for the scenarios of the same process: things in order, by a key, usually the workflow's id. */
public final class Journal<T> {
  private final Map<String, List<T>> entries = new HashMap<>();

  public synchronized void add(String key, T entry) {
    entries.computeIfAbsent(key, ignored -> new ArrayList<>()).add(entry);
  }

  public synchronized List<T> of(String key) {
    return List.copyOf(entries.getOrDefault(key, List.of()));
  }
}
