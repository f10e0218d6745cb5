// SPDX-License-Identifier: Apache-2.0
// The door to the transfer thread: an async call in, a typed answer out.

internal import Basics
internal import Synchronization

/// Moves bytes over HTTP. All requests share one thread and one pool of connections; when the value
/// goes away, the thread ends and what still runs fails as cancelled.
public final class Transfer: Sendable {
  private let loop: TransferLoop
  private let nextID = Atomic<UInt64>(1)

  /// Starts the thread.
  /// - Throws: `TransferFailure.unusable` when libcurl or the system has no means for it.
  public init(_ network: NetworkSettings = NetworkSettings()) throws(TransferFailure) {
    guard let loop = TransferLoop(network) else { throw .unusable("libcurl could not be started") }
    guard NamedThread.start("transfer", { loop.run() }) else { throw .unusable("no thread for transfers") }
    self.loop = loop
  }

  deinit { loop.stop() }

  /// Lets transfers that wait for room in their sinks go on at once.
  func wake() { loop.wake() }

  /// Asks and waits for the whole answer, body in memory.
  public func send(_ request: Request) async throws(TransferFailure) -> Response {
    try await send(request, into: nil)
  }

  /// Asks and hands the body to `sink` as it comes; cancelling the task ends the transfer at once.
  package func send(_ request: Request, into sink: (any BodySink)?) async throws(TransferFailure) -> Response {
    let id = nextID.add(1, ordering: .relaxed).oldValue
    let loop = loop
    if Task.isCancelled { throw .cancelled }
    let result: Result<Response, TransferFailure> = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let exchange = Exchange(id: id, request, sink: sink, loop: loop) { continuation.resume(returning: $0) }
        loop.start(exchange)
        // A cancellation that came before the start found nothing to cancel.
        if Task.isCancelled { loop.cancel(id) }
      }
    } onCancel: {
      loop.cancel(id)
    }
    return try result.get()
  }
}
