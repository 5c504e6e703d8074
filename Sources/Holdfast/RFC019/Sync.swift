import Basics
import Logging
import ObjectStore
import S3Store

/// Uploads the storage directory to S3: `syncToS3` of RFC-019 §5.
///
/// Errors are logged and in the result; nothing is thrown, so that storage trouble never ends the agent's run.
public func syncToS3(_ options: SyncOptions) async -> SyncResult {
    await sync(.upload, options) { await $0.push() }
}

/// Downloads the storage directory from S3: `syncFromS3` of RFC-019 §5.
///
/// All files arrive, or none. An empty memory is no error. Errors are logged and in the result; nothing is thrown.
public func syncFromS3(_ options: SyncOptions) async -> SyncResult {
    await sync(.download, options) { await $0.pull(PullOptions(onConflict: options.conflictPolicy)) }
}

private func sync(
    _ direction: SyncDirection, _ options: SyncOptions, _ work: @Sendable (Memory) async -> SyncResult
) async -> SyncResult {
    guard options.config.enabled else { return .disabled }
    let logger = options.logger
    logger.info(
        direction == .upload ? "Syncing storage to S3" : "Syncing storage from S3",
        metadata: ["bucket": "\(options.config.bucket)", "repo": "\(options.repo)"])
    let result = await run(options, work)
    switch (result.error, result.objectCount, direction) {
    case (let error?, _, _):
        logger.error("S3 sync failed", metadata: ["error": "\(error.message)", "reason": "\(error.code)"])
    case (nil, 0, .download): logger.info("No S3 objects found - starting fresh")
    case (nil, _, _):
        logger.info(
            "S3 sync complete (\(direction.rawValue))",
            metadata: ["objectCount": "\(result.objectCount)", "totalBytes": "\(result.totalBytes)"])
    }
    return result
}

private func run(_ options: SyncOptions, _ work: @Sendable (Memory) async -> SyncResult) async -> SyncResult {
    do {
        let location = try MemoryLocation(
            prefix: options.config.prefix, agent: options.agentIdentity, repository: options.repo)
        let meter = TransferMeter()
        return try await withS3Client(
            options.config, credentials: options.credentials, meter: meter, logger: options.logger
        ) { store in
            let memory = Memory(
                store: store, location: location,
                options: Memory.Options(
                    storage: options.storagePath, exclusions: options.exclusions,
                    concurrency: options.config.concurrency, stateDirectory: options.stateDirectory,
                    writer: options.writer),
                meter: meter, logger: options.logger)
            return await work(memory)
        }
    } catch {
        return .failed(SyncError(error))
    }
}
