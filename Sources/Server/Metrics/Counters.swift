// SPDX-License-Identifier: Apache-2.0
// What the server counts, for `/metrics`.

internal import Inference
internal import Synchronization

/// Counts and distributions since the start.
final class Counters: Sendable {
  /// A distribution by upper bounds, as Prometheus has it.
  struct Histogram {
    let bounds: [Double]
    private(set) var counts: [Int]
    private(set) var sum: Double = 0
    private(set) var count = 0

    init(_ bounds: [Double]) {
      self.bounds = bounds
      counts = Array(repeating: 0, count: bounds.count)
    }

    mutating func add(_ value: Double) {
      sum += value
      count += 1
      for index in bounds.indices where value <= bounds[index] { counts[index] += 1 }
    }
  }

  /// Of one model.
  struct Model {
    var promptTokens = 0
    var cachedTokens = 0
    var generatedTokens = 0
    /// Answers by the way they ended.
    var finished: [String: Int] = [:]
    var firstToken = Histogram([0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60])
    var tokenTime = Histogram([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1])
    var queueTime = Histogram([0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60])
  }

  struct State {
    var models: [String: Model] = [:]
    /// Responses by status.
    var responses: [Int: Int] = [:]
    /// Refusals by their code.
    var refusals: [String: Int] = [:]
    var loads: [String: Int] = [:]
    var loadSeconds: [String: Double] = [:]
    var failedLoads = 0
    var evictions = 0
  }

  private let state = Mutex(State())

  var current: State { state.withLock { $0 } }

  func responded(_ status: Int) { state.withLock { $0.responses[status, default: 0] += 1 } }
  func refused(_ code: String) { state.withLock { $0.refusals[code, default: 0] += 1 } }
  func loadFailed() { state.withLock { $0.failedLoads += 1 } }
  func evicted() { state.withLock { $0.evictions += 1 } }

  func loaded(_ model: String, _ time: Duration) {
    state.withLock { state in
      state.loads[model, default: 0] += 1
      state.loadSeconds[model, default: 0] += time.seconds
    }
  }

  /// Counts an answer that has ended.
  func finished(_ name: String, _ reason: FinishReason, _ statistics: GenerationStatistics) {
    state.withLock { state in
      var model = state.models[name] ?? Model()
      model.promptTokens += statistics.promptTokens
      model.cachedTokens += statistics.cachedTokens
      model.generatedTokens += statistics.generatedTokens
      model.finished[reason.metricName, default: 0] += 1
      model.queueTime.add(statistics.queueTime.seconds)
      if let time = statistics.timeToFirstToken { model.firstToken.add(time.seconds) }
      if statistics.generatedTokens > 1 {
        model.tokenTime.add(statistics.decodeTime.seconds / Double(statistics.generatedTokens - 1))
      }
      state.models[name] = model
    }
  }
}

extension FinishReason {
  fileprivate var metricName: String {
    switch self {
    case .stop: "stop"
    case .length: "length"
    case .timeout: "timeout"
    case .cancelled: "cancelled"
    case .failed: "failed"
    }
  }
}
