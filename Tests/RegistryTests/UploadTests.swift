// SPDX-License-Identifier: Apache-2.0
// Uploads: in one piece, in many, mounted, broken and gone on.

import Basics
import Hub
import Registry
import Support
import Synchronization
import Testing

@Suite struct UploadTests {
  @Test("a blob of any size arrives", arguments: [0, 1, 1000, 64 << 10, (64 << 10) + 1, 300_000])
  func sizes(byteCount: Int) async throws {
    let rig = try Rig()
    let (client, blob) = (try rig.client(), try rig.blob(byteCount))
    let progress = Mutex<[Int]>([])
    let outcome = try await client.bring(blob) { count in progress.withLock { $0.append(count) } }
    #expect(outcome == .uploaded)
    #expect(rig.has(blob))
    #expect(rig.registry.records("PATCH").count == max(0, (byteCount - 1) / (64 << 10)))
    #expect(progress.withLock { $0.last } == byteCount)
    #expect(try await client.bring(blob) == .present)
    #expect(rig.registry.records("POST").count == 1)
    rig.registry.stop()
  }

  @Test("a blob of another repository is mounted; where that is refused, it is sent", arguments: [false, true])
  func mount(isRefused: Bool) async throws {
    let rig = try Rig()
    let blob = try rig.blob(100_000)
    rig.registry.add(try Files.read(blob.path), to: "org/other")
    rig.registry.state.withLock { $0.refusesMounts = isRefused }
    let outcome = try await rig.client().bring(blob, mountingFrom: ["org/none", "org/other"])
    #expect(outcome == (isRefused ? .uploaded : .mounted))
    #expect(rig.has(blob))
    rig.registry.stop()
  }

  @Test("a connection that breaks costs the bytes on their way, not those that came")
  func resume() async throws {
    let rig = try Rig()
    let blob = try rig.blob(512 << 10)
    rig.registry.state.withLock {
      $0.faults = [RegistryFault(.patch, .cutBody(after: 40_000), times: 3), RegistryFault(.put, .cutBody(after: 10))]
    }
    #expect(try await rig.client().bring(blob) == .uploaded)
    #expect(rig.has(blob))
    #expect(rig.registry.state.withLock { $0.receivedByteCount } == blob.byteCount)
    #expect(rig.registry.records("POST").count == 1)
    rig.registry.stop()
  }

  @Test("an interrupted push goes on in the next run")
  func journal() async throws {
    let rig = try Rig()
    let blob = try rig.blob(512 << 10)
    rig.registry.state.withLock { $0.faults = [RegistryFault(.patch, .status(418), times: nil)] }
    let client = try rig.client()
    let journal = UploadJournal(folder: rig.folder.path, client.address)
    #expect(await problem { _ = try await client.bring(blob, journal: journal) }?.code == "registry.refused")
    rig.registry.state.withLock { state in
      state.faults = []
      state.receivedByteCount = 0
      let session = state.uploads.keys.first ?? ""
      state.uploads[session]?.bytes = Array((try? Files.read(blob.path))?.prefix(200_000) ?? [])
    }
    #expect(try await rig.client().bring(blob, journal: journal) == .uploaded)
    #expect(rig.has(blob))
    #expect(rig.registry.state.withLock { $0.receivedByteCount } == blob.byteCount - 200_000)
    #expect(try Files.list(rig.folder.path).filter { $0.hasSuffix(".upload") }.isEmpty)
    rig.registry.stop()
  }

  @Test("a session that the registry has forgotten begins anew, and not for ever")
  func lost() async throws {
    let rig = try Rig()
    let blob = try rig.blob(300_000)
    rig.registry.state.withLock { $0.faults = [RegistryFault(.patch, .cutAndForget(after: 1000), times: 2)] }
    #expect(try await rig.client().bring(blob) == .uploaded)
    #expect(rig.has(blob))
    let other = try rig.blob(300_000, seed: 2)
    rig.registry.state.withLock { $0.faults = [RegistryFault(.patch, .status(404), times: nil)] }
    #expect(await problem { _ = try await rig.client().bring(other) } != nil)
    #expect(rig.registry.records("PATCH").count < 20)
    rig.registry.stop()
  }

  @Test("a registry that takes no pieces gets the whole in one request")
  func wholeOnly() async throws {
    let rig = try Rig()
    let blob = try rig.blob(300_000)
    rig.registry.state.withLock { $0.refusesPieces = true }
    #expect(try await rig.client().bring(blob) == .uploaded)
    #expect(rig.has(blob))
    #expect(rig.registry.records("PUT").count == 1)
    rig.registry.stop()
  }

  @Test("bytes that differ from their digest are not accepted, and the user is told which")
  func damaged() async throws {
    let rig = try Rig()
    let blob = try rig.blob(1000)
    let wrong = Blob(digest: Digest.of([1]), byteCount: 1000, path: blob.path, place: "model.safetensors")
    let found = await problem { _ = try await rig.client().bring(wrong) }
    guard case .wrongUpload("model.safetensors", _) = found else {
      Issue.record("\(String(describing: found))")
      return
    }
    let short = Blob(digest: blob.digest, byteCount: 2000, path: blob.path, place: "short")
    #expect(await problem { _ = try await rig.client().bring(short) }?.status == .network)
    rig.registry.stop()
  }

  @Test("a server in trouble is asked again; one that refuses is not", arguments: [500, 503, 429, 403, 418])
  func statuses(status: Int) async throws {
    let rig = try Rig()
    let blob = try rig.blob(1000)
    rig.registry.state.withLock { $0.faults = [RegistryFault(.uploadStart, .status(status), times: 2)] }
    let found = await problem { _ = try await rig.client().bring(blob) }
    #expect((found == nil) == (status == 429 || status >= 500))
    #expect(rig.registry.records("POST").count == (found == nil ? 3 : 1))
    if status == 403 { #expect(found?.status == .auth) }
    rig.registry.stop()
  }
}
