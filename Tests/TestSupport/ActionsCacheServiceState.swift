import Foundation
import NIOCore

/// All that an ``ActionsCacheService`` knows, and its control plane.
struct ActionsCacheServiceState {
    struct Entry {
        let scope: String
        let key: String
        let version: String
        let blob: String
        let number: Int
        var isFinalized = false
        var size = 0
    }

    var behaviour: ActionsCacheBehaviour
    var origin = ""
    var tokens: [String: [ActionsCacheService.Scope]] = [:]
    var faults: [ActionsCacheCall: [ActionsCacheFault]] = [:]
    var log: [ActionsCacheRequest] = []
    var entries: [Entry] = []
    var blobs = ActionsCacheBlobs()
    var signatures = ActionsCacheSignatures()
    /// Seconds, from an arbitrary start.
    var time = 1_000_000
    var mostAtOnce = 0
    private var atOnce = 0
    private var blobNumber = 0
    private var finished = 0

    init(_ behaviour: ActionsCacheBehaviour) { self.behaviour = behaviour }

    mutating func enter(_ request: StubRequest) {
        atOnce += 1
        mostAtOnce = max(mostAtOnce, atOnce)
        log.append(
            ActionsCacheRequest(
                call: Self.call(request), method: request.method, path: request.path, query: request.query,
                headers: request.headers.map { name, value in
                    (name, name.lowercased() == "authorization" ? "Bearer …" : value)
                }, bodyLength: request.bodyLength,
                body: request.bodyLength <= 1 << 16
                    ? String(decoding: request.body.readableBytesView, as: UTF8.self) : ""))
    }

    mutating func leave() { atOnce -= 1 }

    static let service = "/twirp/github.actions.results.api.v1.CacheService/"

    static func call(_ request: StubRequest) -> ActionsCacheCall {
        if request.path.hasPrefix("/twirp/") {
            return [
                "\(service)CreateCacheEntry": .create, "\(service)FinalizeCacheEntryUpload": .finalize,
                "\(service)GetCacheEntryDownloadURL": .lookUp,
            ][request.path] ?? .unknown
        }
        switch request.method {
        case "GET": return .get
        case "HEAD": return .head
        case "PUT" where request.query.contains("comp=blocklist"): return .putBlockList
        case "PUT" where request.query.contains("comp=block"): return .putBlock
        case "PUT": return .putBlob
        default: return .unknown
        }
    }

    mutating func answer(_ request: StubRequest) -> StubResponse {
        let call = Self.call(request)
        let isControl = request.path.hasPrefix("/twirp/")
        let fault = faults[call]?.isEmpty == false ? faults[call]?.removeFirst() ?? .none : .none
        switch fault {
        case .status(let status, let retryAfter):
            let headers = retryAfter.map { [(name: "Retry-After", value: "\($0)")] } ?? []
            return isControl
                ? Self.twirpError(status, "scripted", "a fault of the test", headers: headers)
                : ActionsCacheBlobs.error(status, "Scripted", headers: headers)
        // A refusal in the form of a success has its words in another field.
        case .message(200, _, let words): return Self.json(["ok": false, "message": words])
        case .message(let status, let code, let words): return Self.twirpError(status, code, words)
        case .gateway(let status): return .text("<html>a gateway's page</html>", status: status)
        case .reset: return .reset
        case .none, .resetAfterwards, .truncated, .stall, .otherRange: break
        }
        var ordinary = isControl ? control(request, call) : blob(request)
        switch fault {
        case .resetAfterwards: return .reset
        case .truncated, .stall:
            let bytes = Array(ordinary.body.readableBytesView)
            var ending = StubResponse.Ending.close
            if case .stall = fault { ending = .hang }
            return .truncatedBody(
                declaredLength: bytes.count, bytes: bytes.prefix(bytes.count / 2), status: ordinary.head?.status ?? 200,
                headers: (ordinary.head?.headers ?? []).filter { $0.name != "Content-Length" }, ending: ending)
        case .otherRange:
            ordinary.head?.headers.removeAll { $0.name == "Content-Range" }
            ordinary.head?.headers.append(("Content-Range", "bytes 1-\(ordinary.body.readableBytes)/1000000"))
            return ordinary
        default: return ordinary
        }
    }

    // MARK: Control plane

    static func twirpError(
        _ status: Int, _ code: String, _ message: String, headers: [(name: String, value: String)] = []
    ) -> StubResponse {
        json(["code": code, "msg": message], status: status, headers: headers)
    }

    private static func json(
        _ members: [String: Any], status: Int = 200, headers: [(name: String, value: String)] = []
    ) -> StubResponse {
        let data = (try? JSONSerialization.data(withJSONObject: members)) ?? Data()
        return StubResponse(
            status: status, headers: headers + [("Content-Type", "application/json")], body: ByteBuffer(bytes: data))
    }

    private func success(_ members: [String: Any]) -> StubResponse {
        guard behaviour.omitsDefaults else { return Self.json(members) }
        return Self.json(members.filter { !(($0.value as? Bool) == false) && !(($0.value as? String) == "") })
    }

    private mutating func control(_ request: StubRequest, _ call: ActionsCacheCall) -> StubResponse {
        guard call != .unknown else { return Self.twirpError(404, "bad_route", "no handler for path \(request.path)") }
        guard request.method == "POST", request.header("Content-Type") == "application/json",
            let body = try? JSONDecoder().decode(JSONValue.self, from: Data(request.body.readableBytesView)),
            body.object != nil
        else { return Self.twirpError(400, "malformed", "the json request could not be decoded") }
        guard let header = request.header("Authorization"), header.hasPrefix("Bearer "),
            let scopes = tokens[String(header.dropFirst(7))]
        else { return Self.twirpError(401, "unauthenticated", "invalid token") }
        let (key, version) = (body["key"].string ?? "", body["version"].string ?? "")
        guard (1...512).contains(key.utf16.count) else {
            return Self.twirpError(400, "invalid_argument", "key must be between 1 and 512 characters")
        }
        guard version.utf8.count == 64 else {
            return Self.twirpError(400, "invalid_argument", "version must be between 1 and 64 characters")
        }
        switch call {
        case .create: return create(key, version, scopes)
        case .finalize:
            let size = body["size_bytes"].isNull ? body["sizeBytes"] : body["size_bytes"]
            return finalize(key, version, size.string.flatMap { Int($0) } ?? size.int ?? 0, scopes)
        default:
            let keys = (body["restore_keys"].array ?? body["restoreKeys"].array ?? []).compactMap(\.string)
            return lookUp([key] + keys, version, scopes)
        }
    }

    private mutating func create(
        _ key: String, _ version: String, _ scopes: [ActionsCacheService.Scope]
    ) -> StubResponse {
        guard let scope = scopes.first(where: { $0.permission & 2 != 0 })?.scope else {
            return success([
                "ok": false, "signed_upload_url": "", "message": "cache write denied: token has no writable scopes",
            ])
        }
        if entries.contains(where: { $0.scope == scope && $0.key == key && $0.version == version }) {
            if behaviour.refusesWithoutWords { return success(["ok": false, "signed_upload_url": "", "message": ""]) }
            return Self.twirpError(
                409, "already_exists", "cache entry with the same key, version, and scope already exists")
        }
        let blob = reserve(key, version, scope)
        return success([
            "ok": true, "signed_upload_url": signed(blob, "cw", lifetime: behaviour.uploadLifetime), "message": "",
        ])
    }

    private mutating func reserve(_ key: String, _ version: String, _ scope: String) -> String {
        blobNumber += 1
        let blob = "/devstoreaccount1/actions-cache/blob-\(blobNumber)"
        entries.append(Entry(scope: scope, key: key, version: version, blob: blob, number: blobNumber))
        return blob
    }

    private mutating func finalize(
        _ key: String, _ version: String, _ size: Int, _ scopes: [ActionsCacheService.Scope]
    ) -> StubResponse {
        if behaviour.finalizeNotFound > 0 {
            behaviour.finalizeNotFound -= 1
            return Self.twirpError(404, "not_found", "cache entry not found")
        }
        guard size > 0 else {
            return Self.twirpError(400, "invalid_argument", "size_bytes must be greater than or equal to 1")
        }
        let writable = scopes.filter { $0.permission & 2 != 0 }.map(\.scope)
        guard
            let index = entries.firstIndex(where: {
                writable.contains($0.scope) && $0.key == key && $0.version == version
            }), let content = blobs.blobs[entries[index].blob]?.content, content.readableBytes == size
        else { return Self.twirpError(404, "not_found", "cache entry not found") }
        if !entries[index].isFinalized {
            var entry = entries.remove(at: index)
            (entry.isFinalized, entry.size) = (true, size)
            blobs.seal(entry.blob)
            entries.append(entry)
        }
        return success(["ok": true, "entry_id": "\(8_000_000_000 + blobNumber)", "message": ""])
    }

    private mutating func lookUp(
        _ keys: [String], _ version: String, _ scopes: [ActionsCacheService.Scope]
    ) -> StubResponse {
        let readable = scopes.filter { $0.permission & 1 != 0 }.map(\.scope)
        guard !readable.isEmpty else {
            return Self.twirpError(403, "permission_denied", "cache read denied: token has no readable scopes")
        }
        var visible = entries.filter { $0.isFinalized && $0.version == version }
        if behaviour.staleLookUps > 0 {
            behaviour.staleLookUps -= 1
            _ = visible.popLast()
        }
        for scope in readable {
            let own = visible.filter { $0.scope == scope }
            for key in keys {
                guard let entry = own.last(where: { $0.key == key }) ?? own.last(where: { $0.key.hasPrefix(key) })
                else {
                    continue
                }
                let url = signed(entry.blob, "r", lifetime: behaviour.downloadLifetime)
                return success(["ok": true, "signed_download_url": url, "matched_key": entry.key])
            }
        }
        return success(["ok": false, "signed_download_url": "", "matched_key": ""])
    }

    mutating func put(_ bytes: [UInt8], key: String, version: String, scope: String) {
        let blob = reserve(key, version, scope)
        blobs.store(ByteBuffer(bytes: bytes), blob)
        blobs.seal(blob)
        var entry = entries.removeLast()
        (entry.isFinalized, entry.size) = (true, bytes.count)
        entries.append(entry)
    }
}
