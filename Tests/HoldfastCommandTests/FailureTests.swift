import Foundation
import Glibc
import ObjectStore
import TestSupport
import Testing

@Suite("Bad input and bad stores")
struct FailureTests {
    /// A push of one file that fails: the text and the JSON of it.
    private func failure(
        _ sandbox: Sandbox, _ arguments: [String] = [], code: Int32 = 1, with changes: [String: String?] = [:]
    ) async throws -> (text: String, error: JSONValue) {
        try sandbox.write("storage/a", "a")
        let text = try await sandbox.program(Sandbox.binary, ["push"] + arguments, with: changes)
        #expect(text.code == code)
        #expect(text.out == "")
        let json = try await sandbox.program(Sandbox.binary, ["push", "--json"] + arguments, with: changes)
        #expect(json.code == code)
        return (text.err, try json.json["error"])
    }

    @Test("No such bucket is said with bucket, code and request id, and what to do")
    func noBucket() async throws {
        let server = try await TestServer.shared(.ministack)
        try await Sandbox.run { sandbox in
            let (text, error) = try await failure(sandbox.using(server), ["--store", "s3://no-such-bucket-here"])
            #expect(error["code"].string == "no-such-bucket")
            for part in [
                "bucket 'no-such-bucket-here'", "NoSuchBucket", "HTTP 404", "request id ", "hint: Create the bucket",
            ] {
                #expect(text.contains(part), "\(part)")
            }
            #expect(error["hint"].string != nil)
        }
    }

    @Test("A wrong secret is said", arguments: TestServerKind.selected(where: \.rejectsWrongSecret))
    func wrongSecret(_ kind: TestServerKind) async throws {
        let server = try await TestServer.shared(kind)
        try await Sandbox.run { sandbox in
            let (text, error) = try await failure(
                sandbox.using(server), with: ["AWS_SECRET_ACCESS_KEY": "not-the-secret-of-this-key"])
            #expect(["unauthenticated", "denied"].contains(error["code"].string))
            #expect(error["hint"].string != nil)
            #expect(!text.contains("not-the-secret-of-this-key"))
        }
    }

    @Test("A missing right to list is said as that, and is never an empty memory", arguments: ["pull", "push", "ls"])
    func noList(_ command: String) async throws {
        let server = try await TestServer.shared(.ministack)
        let key = try #require(server.identities.noList)
        try await Sandbox.run { sandbox in
            let sandbox = sandbox.using(server, as: key)
            try sandbox.write("storage/a", "a")
            let run = try await sandbox.holdfast(command)
            #expect(run.code == 1)
            #expect(run.out == "")
            #expect(run.err.contains("cannot list bucket"))
            #expect(run.err.contains("Allow s3:ListBucket on arn:aws:s3:::\(server.bucket)"))
            let json = try await sandbox.holdfast(command, "--json")
            #expect(try json.json["error"]["code"].string == "denied")
            #expect(try json.json["success"].bool == false)
        }
    }

    @Test("A missing right to write names the key and the right")
    func readOnly() async throws {
        let server = try await TestServer.shared(.ministack)
        let key = try #require(server.identities.readOnly)
        try await Sandbox.run { sandbox in
            let sandbox = sandbox.using(server, as: key)
            let (text, error) = try await failure(sandbox)
            #expect(error["code"].string == "denied")
            let memory = sandbox.mirrorPrefix.dropLast("storage/".count)
            #expect(text.contains("cannot write '\(memory)packs/"))
            #expect(text.contains("Allow s3:PutObject on arn:aws:s3:::\(server.bucket)/"))
        }
    }

    @Test("A host that does not answer is said as that")
    func unreachable() async throws {
        try await Sandbox.run { sandbox in
            let environment = [
                "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret-secret", "AWS_MAX_ATTEMPTS": "1",
                "HOLDFAST_STORE": "s3://bucket", "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
            ]
            let (text, error) = try await failure(sandbox, ["--allow-insecure-endpoint"], with: environment)
            #expect(error["code"].string == "unreachable")
            #expect(text.contains("http://127.0.0.1:1: Connection refused"))
        }
    }

    @Test("No credentials is said with the places where they could be")
    func noCredentials() async throws {
        try await Sandbox.run { sandbox in
            let (text, error) = try await failure(sandbox, ["--store", "s3://bucket"])
            #expect(error["code"].string == "no-credentials")
            #expect(error["hint"].string?.contains("AWS_ACCESS_KEY_ID") == true)
            #expect(text.contains("credentials file"))
        }
    }

    @Test(
        "An endpoint that would leak is refused before anything is sent, and the message says who set it",
        arguments: [
            "https://user:password@host.example", "http://169.254.169.254", "http://[fe80::1]", "https://[::1]:9000",
            "http://127.0.0.1:9000", "https://localhost", "http://host.example", "http://0x7f000001",
            "https://10.0.0.1",
            "https://host.example?x=password", "not a url", "ftp://host.example", "https://",
        ])
    func endpoint(_ url: String) async throws {
        try await Sandbox.run { sandbox in
            let environment = [
                "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret-secret", "HOLDFAST_STORE": "s3://b",
            ]
            let flag = try await failure(sandbox, ["--endpoint-url", url], code: 64, with: environment)
            #expect(flag.error["code"].string == "usage")
            #expect(flag.text.contains("--endpoint-url: "))
            #expect(!flag.text.contains("password@"))
            #expect(!flag.text.contains("x=password"))
            let variable = try await sandbox.holdfast("ls", with: environment.merging(["AWS_ENDPOINT_URL": url]) { $1 })
            #expect(variable.code == 64)
            #expect(variable.err.contains("AWS_ENDPOINT_URL: "))
        }
    }

    @Test("The metadata service is refused whatever the options")
    func metadata() async throws {
        try await Sandbox.run { sandbox in
            for url in ["http://169.254.169.254", "http://metadata.google.internal", "http://2852039166"] {
                _ = try await failure(
                    sandbox, ["--store", "s3://b", "--endpoint-url", url, "--allow-insecure-endpoint"], code: 64)
            }
        }
    }

    @Test("No repository is said, with the ways to name one")
    func noRepository() async throws {
        try await Sandbox.run { sandbox in
            let (text, error) = try await failure(sandbox, code: 64, with: ["HOLDFAST_REPO": nil])
            #expect(text.contains("--repo OWNER/NAME, HOLDFAST_REPO"))
            #expect(error["hint"].string != nil)
        }
    }

    @Test("The repository is taken from git")
    func repositoryFromGit() async throws {
        try await Sandbox.run { sandbox in
            let script = #"git init -q . && git remote add origin git@github.com:from/git.git && "$0" config --json"#
            let run = try await sandbox.program(
                "/bin/sh", ["-c", script, Sandbox.binary], with: ["HOLDFAST_REPO": nil])
            #expect(
                try run.json["settings"]["repo"]
                    == .object(["value": .string("from/git"), "source": .string("git remote origin")]))
        }
    }

    @Test("A file that cannot be read is named, and the rest is pushed")
    func unreadable() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/fine", "fine")
            try sandbox.write("storage/locked", "locked")
            chmod(sandbox.path("storage/locked"), 0)
            // Root reads everything: run as nobody, where that is possible.
            let isRoot = geteuid() == 0
            if isRoot { for name in ["", "storage", "home", "tmp"] { chmod(sandbox.path(name), 0o777) } }
            let run =
                isRoot
                ? try await sandbox.program(
                    "/usr/bin/setpriv",
                    ["--reuid=65534", "--clear-groups", Sandbox.readableBinary(sandbox), "push", "--json"])
                : try await sandbox.holdfast("push", "--json")
            #expect(run.code == 1)
            let json = try run.json
            #expect(json["problems"].array?.map { $0["path"].string } == ["locked"])
            #expect(json["problems"].array?.first?["reason"].string?.contains("Permission denied") == true)
            #expect(json["transferredObjects"].int == 1)
            #expect(json["error"]["code"].string == "incomplete")
        }
    }

    @Test("A name that is no text is saved, and named as missing in the mirror view, where keys are text")
    func notUTF8() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("storage/fine", "fine")
            let descriptor = open(
                [CChar](sandbox.path("storage/").utf8CString.dropLast()) + [-1, 0], O_CREAT | O_WRONLY, 0o644)
            try #require(descriptor >= 0)
            close(descriptor)
            let run = try await sandbox.holdfast("push", "--json")
            #expect(run.code == 0)
            #expect(try run.json["mirrorProblems"].array?.map { $0["path"].string } == ["\\xff"])
            #expect(run.err.contains("not in the mirror view: \\xff: "))
            #expect(try run.json["transferredObjects"].int == 2)
            let keys = try await sandbox.withStore {
                try await $0.list(prefix: sandbox.mirrorPrefix).collect().map(\.key.text)
            }
            #expect(keys == [sandbox.mirrorPrefix + "fine"])
            let before = try FileManager.default.contentsOfDirectory(atPath: sandbox.path("storage")).count
            try sandbox.remove("storage")
            #expect(try await sandbox.holdfast("pull").code == 0)
            #expect(try FileManager.default.contentsOfDirectory(atPath: sandbox.path("storage")).count == before)
        }
    }

    @Test(
        "A file that changes all the time is named, the rest is saved, and the snapshot keeps what it had of it",
        arguments: [true, false])
    func changing(isStored: Bool) async throws {
        try await StubStore.run { store, server, sandbox in
            var random = SeededGenerator(seed: 2)
            func content(_ count: Int) -> Data {
                Data((0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) })
            }
            if isStored {
                try sandbox.write("storage/large", "before")
                #expect(try await sandbox.holdfast("push", "--no-mirror").code == 0)
            }
            try sandbox.write("storage/large", content(20_000_000))
            try sandbox.write("storage/small", "small")
            // A full pack that arrives holds a part of the file, which is not done with yet. Each attempt finds it new.
            let file = sandbox.path("storage/large")
            store.answering { request in
                if request.method == "PUT", request.key.contains("/packs/"), request.bodyLength > 1_000_000 {
                    let handle = FileHandle(forWritingAtPath: file)
                    for start in stride(from: 0, to: 20_000_000, by: 1 << 16) {
                        try? handle?.seek(toOffset: UInt64(start))
                        handle?.write(Data([UInt8.random(in: .min ... .max), UInt8.random(in: .min ... .max)]))
                    }
                    try? handle?.close()
                }
                return nil
            }
            let run = try await sandbox.holdfast("push", "--no-mirror", "--json")
            // The writer may come to rest.
            #expect(run.code == 75)
            let json = try run.json
            #expect(json["error"]["code"].string == "incomplete")
            #expect(json["problems"].array?.map { $0["path"].string } == ["large"])
            #expect(json["problems"].array?.first?["reason"].string?.contains("changes all the time") == true)
            #expect(run.err.contains("  large: it changes all the time while it is read"))
            #expect(json["transferredObjects"].int == 1)
            #expect(json["snapshot"].string != nil)

            let other = sandbox.machine("other")
            #expect(try await other.holdfast("pull").code == 0)
            let saved = ["small": "small"].merging(isStored ? ["large": "before"] : [:]) { $1 }
            #expect(try sandbox.texts("other/storage") == saved)
            // Once it is left alone, it is saved.
            store.answering { _ in nil }
            #expect(try await sandbox.holdfast("push", "--no-mirror").code == 0)
            #expect(try await other.holdfast("pull").code == 0)
            #expect(try sandbox.tree("other/storage") == sandbox.tree("storage"))
        }
    }

    @Test("A symbolic link where a file shall be is left alone, and said")
    func link() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("outside", "outside")
            try FileManager.default.createSymbolicLink(
                atPath: sandbox.path("storage/a"), withDestinationPath: sandbox.path("outside"))
            try await sandbox.put("a", "there")
            try await sandbox.put("b", "there")
            for mode in ["--no-progress", "--force"] {
                let run = try await sandbox.holdfast("pull", "--json", mode)
                #expect(run.code == 1)
                #expect(try run.json["error"]["code"].string == "local-file")
                #expect(run.err.contains("symbolic link"))
                #expect(try sandbox.texts("storage") == ["a": "outside"])
            }
        }
    }

    @Test("A storage directory that is a file is said")
    func storageIsAFile() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("file", "x")
            for command in ["push", "pull"] {
                if command == "pull" { try await sandbox.put("a", "a") }
                let run = try await sandbox.holdfast(command, "--storage", "file")
                #expect(run.code == 1)
                #expect(run.out == "")
                #expect(run.err.contains("Not a directory"))
                #expect(run.err.contains("hint: A file stands where a directory is needed"))
                #expect(try sandbox.texts("").keys.contains("file"))
            }
        }
    }

    @Test("A store directory that cannot be written is said with the path")
    func storeIsAFile() async throws {
        try await Sandbox.run { sandbox in
            try sandbox.write("file", "x")
            let (text, error) = try await failure(sandbox, ["--store", "file://\(sandbox.path("file"))/store"])
            #expect(error["code"].string == "local-file")
            #expect(text.contains(sandbox.path("file")))
            #expect(error["hint"].string?.contains("A file stands where a directory is needed") == true)
        }
    }

    @Test("A pull onto a full disk says so and changes nothing")
    func diskFull() async throws {
        try await Sandbox.run { sandbox in
            // More than the disk holds; one that changes a file, and one that is new.
            try await sandbox.put("a", String(repeating: "a", count: 50_000))
            try await sandbox.put("b", String(repeating: "b", count: 50_000))
            guard mount("none", sandbox.path("storage"), "tmpfs", 0, "size=64k") == 0 else {
                // No right to mount: the device that is always full shows at least that the reason is told.
                let run = try await sandbox.program("/bin/sh", ["-c", #""$0" ls > /dev/full"#, Sandbox.binary])
                #expect(run.err.contains("No space left on device"))
                return
            }
            defer { umount2(sandbox.path("storage"), Int32(MNT_DETACH)) }
            try sandbox.write("storage/a", "old")
            let run = try await sandbox.holdfast("pull", "--force", "--json")
            #expect(run.code == 1)
            #expect(run.err.contains("No space left on device"))
            #expect(try run.json["error"]["hint"].string?.contains("Free some disk space") == true)
            #expect(try sandbox.tree("storage") == ["a": Data("old".utf8)])
        }
    }
}

extension Sandbox {
    /// A copy of the command that any user can run, wherever the build directory is.
    static func readableBinary(_ sandbox: Sandbox) -> String {
        let copy = sandbox.path("tmp/holdfast")
        try? FileManager.default.copyItem(atPath: binary, toPath: copy)
        chmod(copy, 0o755)
        return copy
    }
}
