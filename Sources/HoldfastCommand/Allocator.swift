import CFileIO

/// Makes the allocator keep memory that was freed, instead of giving it back to the system.
///
/// Frames and manifests are buffers of a MiB that come and go by the dozen. By default each is a mapping of its own, whose
/// pages the system fills with zeros each time, which takes some percent of a large pull. For commands that end soon and
/// need little: a save of a large database needs the memory for other things, and a process that lives for weeks should give
/// back what it needed once.
func keepFreedMemory() { holdfast_keep_freed_memory() }
