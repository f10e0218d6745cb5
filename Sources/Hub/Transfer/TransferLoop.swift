// SPDX-License-Identifier: Apache-2.0
// The transfer thread: one curl_multi loop for all connections, woken when there is a request.

internal import CCurl
internal import Glibc
internal import Synchronization

/// The loop and its inbox.
///
/// Sendable: the inbox is a mutex and `curl_multi_wakeup` may be called from anywhere; everything
/// else belongs to the thread in `run`.
final class TransferLoop: @unchecked Sendable {
  private enum Command {
    case start(Exchange)
    case cancel(UInt64)
    case stop
  }

  private let inbox = Mutex<[Command]>([])
  private let multi: UnsafeMutableRawPointer
  private let network: NetworkSettings
  private var running: [UnsafeMutableRawPointer: Exchange] = [:]
  private var handles: [UInt64: UnsafeMutableRawPointer] = [:]
  private var budget: RateBudget?
  private var isStopping = false

  /// Nil when libcurl has no memory.
  init?(_ network: NetworkSettings) {
    guard Self.isReady, let multi = curl_multi_init() else { return nil }
    self.multi = multi
    self.network = network
    budget = network.bytesPerSecond.map { RateBudget(bytesPerSecond: $0, now: .now) }
    _ = ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, 32)
  }

  deinit { curl_multi_cleanup(multi) }

  /// libcurl's own start, once in a process.
  private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  // MARK: From any thread

  func start(_ exchange: Exchange) { post(.start(exchange)) }
  func cancel(_ id: UInt64) { post(.cancel(id)) }
  func stop() { post(.stop) }
  func wake() { curl_multi_wakeup(multi) }

  private func post(_ command: Command) {
    inbox.withLock { $0.append(command) }
    curl_multi_wakeup(multi)
  }

  // MARK: On the transfer thread

  /// Whether the rate limit leaves room.
  var mayReceive: Bool { budget?.isOpen ?? true }
  /// Counts received bytes against the rate limit.
  func spend(_ count: Int) { budget?.spend(count) }

  /// Runs until `stop`.
  func run() {
    while !isStopping {
      for command in inbox.withLock({ commands in
        let all = commands
        commands.removeAll()
        return all
      }) {
        obey(command)
      }
      budget?.refill(now: .now)
      resumePaused()
      var active: Int32 = 0
      _ = curl_multi_perform(multi, &active)
      collectFinished()
      // Paused transfers are offered room again soon; otherwise libcurl's own timers decide.
      let hasPaused = running.values.contains { $0.isPaused }
      _ = curl_multi_poll(multi, nil, 0, hasPaused ? 5 : 1000, nil)
    }
    for handle in Array(running.keys) { remove(handle)?.fail(.cancelled) }
  }

  private func obey(_ command: Command) {
    switch command {
    case .start(let exchange):
      guard let handle = exchange.prepare(network) else {
        return exchange.fail(.unusable("libcurl could not make a transfer"))
      }
      running[handle] = exchange
      handles[exchange.id] = handle
      let added = curl_multi_add_handle(multi, handle)
      if added != CURLM_OK { remove(handle)?.fail(.unusable(String(cString: curl_multi_strerror(added)))) }
    case .cancel(let id):
      if let handle = handles[id] { remove(handle)?.fail(.cancelled) }
    case .stop:
      isStopping = true
    }
  }

  private func resumePaused() {
    guard mayReceive else { return }
    for exchange in Array(running.values) where exchange.isPaused { exchange.resume() }
  }

  private func collectFinished() {
    var left: Int32 = 0
    while let message = curl_multi_info_read(multi, &left) {
      guard message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle else { continue }
      let code = ccurl_message_result(message)
      remove(handle)?.finish(code)
    }
  }

  private func remove(_ handle: UnsafeMutableRawPointer) -> Exchange? {
    guard let exchange = running.removeValue(forKey: handle) else { return nil }
    handles[exchange.id] = nil
    curl_multi_remove_handle(multi, handle)
    return exchange
  }
}
