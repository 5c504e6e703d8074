import NIOCore
import ObjectStore

/// What goes wrong with one request.
private enum Fault: String {
    case lostRequest, lostAnswer, lateEffect, delayedAnswer, conflict, ownSuccessTaken, serverError
    case serverErrorAfterEffect, throttled, cutShort, wrongByte, partialDelete, deniedList
}

extension WorldState {
    /// Lets a request take effect, or its answer arrive, or neither.
    mutating func perform(_ index: Int) {
        var call = calls[index]
        lastClient = call.client
        if let result = call.result { return finish(index, result, "arrives") }
        if call.isCancelled {
            switch dice.number(in: 0...2) {
            case 0: _ = apply(call)
            case 1: writeLater(call)
            default: break
            }
            return finish(index, .failure(call.request.error(.cancelled, "was cancelled")), "cancelled")
        }
        let gone = StoreResult.failure(call.request.error(.unreachable, "no answer came"))
        switch drawFault(for: call.request) {
        case nil:
            if case .get(let key, _, _) = call.request { spoiled[key] = nil }
            finish(index, apply(call))
        case .lostRequest: finish(index, gone, "request lost")
        case .lostAnswer:
            let result = apply(call)
            finish(index, gone, "\(name(result)), answer lost")
        case .lateEffect:
            writeLater(call)
            finish(index, gone, "still under way")
        case .delayedAnswer:
            let result = apply(call)
            call.result = result
            calls[index] = call
            note("\(clients[call.client].name) \(name(call.request)): \(name(result)), answer delayed")
        case .conflict: finish(index, .failure(call.request.error(.conflict, "another write is in flight")))
        case .ownSuccessTaken:
            let result = apply(call)
            if case .failure = result { return finish(index, result) }
            finish(index, .failure(call.request.error(.alreadyExists, "already exists")), "done, then repeated")
        case .serverError: finish(index, .failure(call.request.error(.server, "internal error")), "no effect")
        case .serverErrorAfterEffect:
            let result = apply(call)
            finish(index, .failure(call.request.error(.server, "internal error")), "\(name(result))")
        case .throttled: finish(index, .failure(call.request.error(.throttled, "slow down")))
        case .cutShort: finish(index, cutShort(apply(call), call.client), "cut short")
        case .wrongByte: finish(index, withWrongByte(apply(call), call.client), "wrong byte")
        case .partialDelete: finish(index, deletePart(call))
        case .deniedList: finish(index, .failure(call.request.error(.denied, "access denied")))
        }
    }

    private mutating func drawFault(for request: StoreRequest) -> Fault? {
        var possible: [(Fault, Int)] = [
            (.lostRequest, plan.lostRequest), (.lostAnswer, plan.lostAnswer), (.delayedAnswer, plan.delayedAnswer),
            (.serverError, plan.serverError), (.serverErrorAfterEffect, plan.serverError / 2),
            (.throttled, plan.throttled),
        ]
        switch request {
        case .put(_, _, .createOnly):
            possible += [
                (.lateEffect, plan.lateEffect), (.conflict, plan.conflict), (.ownSuccessTaken, plan.ownSuccessTaken),
            ]
        case .put: possible.append((.lateEffect, plan.lateEffect))
        case .delete: possible += [(.lateEffect, plan.lateEffect), (.partialDelete, plan.partialDelete)]
        case .get(let key, _, _) where spoiled[key, default: 0] < 2:
            possible.append((.cutShort, plan.cutShort))
            if key.text.contains("packs/") { possible.append((.wrongByte, plan.wrongByte)) }
        case .page: possible.append((.deniedList, plan.deniedList))
        case .get, .head, .holds: break
        }
        for (fault, rate) in possible where rate > 0 && dice.chance(rate) { return fault }
        return nil
    }

    private mutating func finish(_ index: Int, _ result: StoreResult, _ remark: String? = nil) {
        let call = calls.remove(at: index)
        note(
            "\(clients[call.client].name) \(name(call.request)): \(name(result))"
                + (remark.map { " (\($0))" } ?? ""))
        call.answer.resume(returning: result)
    }

    /// What the server does when a request has arrived.
    mutating func apply(_ call: ParkedCall) -> StoreResult {
        let request = call.request
        do throws(StoreError) {
            switch request {
            case .put(let key, let content, let rule):
                if rule == .overwrite, let refusal = refusal(of: key, request) { throw refusal }
                let write = Write(key, by: call.client, troubled: call.troubled)
                return .success(.info(try bucket.put(write, content, rule, wasFree: call.keyWasFree, at: now)))
            case .delete(let keys): return .success(.failures(keys.compactMap { remove($0, call) }))
            case .page(let prefix, let token, let limit):
                if let refusal = refusal(ofListing: prefix, request) { throw refusal }
                return .success(.page(bucket.page(prefix: prefix, after: token, limit: min(limit, 1000))))
            case .head(let key): return .success(.info(try find(key, request).info))
            case .holds(let key, let content): return .success(.same(try find(key, request).content == content))
            case .get(let key, let range, let ifMatch):
                let (info, content) = try find(key, request)
                if let ifMatch, ifMatch != info.etag {
                    throw request.error(.preconditionFailed, "has been replaced by another version")
                }
                let wanted = range ?? 0..<info.size
                guard wanted.lowerBound < info.size || wanted.isEmpty else {
                    throw request.error(.invalid, "starts at byte \(wanted.lowerBound) of \(info.size)")
                }
                let bytes = wanted.clamped(to: 0..<info.size)
                let slice = content.getSlice(at: content.readerIndex + Int(bytes.lowerBound), length: bytes.count)
                return .success(.content(info, bytes, slice ?? ByteBuffer(), broken: nil))
            }
        } catch {
            return .failure(error)
        }
    }

    private func find(
        _ key: ObjectKey, _ request: StoreRequest
    ) throws(StoreError) -> (info: ObjectInfo, content: ByteBuffer) {
        if let refusal = refusal(of: key, request) { throw refusal }
        guard let content = bucket.content(key), let info = bucket.info(key) else {
            throw plan.missingIsDenied
                ? request.error(.denied, "access denied") : request.error(.notFound, "does not exist")
        }
        return (info, content)
    }

    /// - Returns: why not.
    private mutating func remove(_ key: ObjectKey, _ call: ParkedCall) -> DeleteFailure? {
        if let refusal = refusal(of: key, call.request) { return DeleteFailure(key: key, error: refusal) }
        bucket.remove(key, troubled: call.troubled)
        trouble(key)
        return nil
    }

    private mutating func cutShort(_ result: StoreResult, _ client: Int) -> StoreResult {
        guard case .success(.content(let info, let range, var bytes, _)) = result, bytes.readableBytes > 0 else {
            return result
        }
        spoiled[info.key, default: 0] += 1
        clients[client].troubled.insert(info.key)
        let kind: StoreError.Kind = dice.chance(500) ? .corrupt : .unreachable
        bytes = bytes.readSlice(length: dice.number(in: 0...(bytes.readableBytes - 1))) ?? ByteBuffer()
        return .success(.content(info, range, bytes, broken: kind))
    }

    private mutating func withWrongByte(_ result: StoreResult, _ client: Int) -> StoreResult {
        guard case .success(.content(let info, let range, var bytes, _)) = result, bytes.readableBytes > 0 else {
            return result
        }
        spoiled[info.key, default: 0] += 1
        clients[client].troubled.insert(info.key)
        let place = bytes.readerIndex + dice.number(in: 0...(bytes.readableBytes - 1))
        let byte = bytes.getInteger(at: place, as: UInt8.self) ?? 0
        bytes.setInteger(byte ^ UInt8(1 << dice.number(in: 0...7)), at: place)
        return .success(.content(info, range, bytes, broken: nil))
    }

    private mutating func deletePart(_ call: ParkedCall) -> StoreResult {
        guard case .delete(let keys) = call.request else { return apply(call) }
        var failures: [DeleteFailure] = []
        for key in keys {
            if dice.chance(500) {
                if let failure = remove(key, call) { failures.append(failure) }
            } else {
                failures.append(
                    DeleteFailure(key: key, error: StoreError(.server, "delete", key: key, "internal error")))
            }
        }
        return .success(.failures(failures))
    }

    func name(_ request: StoreRequest) -> String {
        switch request {
        case .page(let prefix, let token, let limit):
            "lists \(prefix) by \(limit)\(token.map { " after \(shortened($0))" } ?? "")"
        case .delete(let keys): "deletes \(keys.map { shortened($0.text) }.joined(separator: ", "))"
        case .get(let key, let range, _): "reads \(shortened(key.text))\(range.map { " \($0)" } ?? "")"
        case .head(let key): "looks at \(shortened(key.text))"
        case .put(let key, let content, .overwrite): "writes \(shortened(key.text)) (\(content.readableBytes) B)"
        case .put(let key, let content, .createOnly): "creates \(shortened(key.text)) (\(content.readableBytes) B)"
        case .holds(let key, _): "compares \(shortened(key.text))"
        }
    }

    func name(_ result: StoreResult) -> String {
        switch result {
        case .success(.page(let page)): "\(page.objects.count) keys\(page.next == nil ? "" : " and more")"
        case .success(.failures(let failures)): failures.isEmpty ? "done" : "\(failures.count) not removed"
        case .success(.content(_, _, let bytes, _)): "\(bytes.readableBytes) B"
        case .success(.same(let same)): same ? "same" : "different"
        case .success(.info): "done"
        case .failure(let error): error.kind.rawValue
        }
    }
}

/// A key without the middle of its hash, for people.
package func shortened(_ key: String) -> String {
    key.split(separator: "/", omittingEmptySubsequences: false).map { part in
        part.utf8.count > 40 ? "\(part.prefix(12))…" : String(part)
    }.joined(separator: "/")
}
