/// The contract between a GitHub runner and an action: inputs, outputs, state, commands, summary.
public enum RunnerContract {}
