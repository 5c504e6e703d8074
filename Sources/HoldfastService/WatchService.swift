/// Keeps memories in a store for as long as an agent runs.
public enum WatchService {}
