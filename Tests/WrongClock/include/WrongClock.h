/// A clock that is wrong, for a command that is loaded with this library before its own: `LD_PRELOAD`.
///
/// Every function that tells the time of day tells it so many seconds later as `WRONG_CLOCK_SECONDS` says. Clocks that
/// only measure how long something takes go on as they are, and so do the times that the kernel gives to files.
