// SPDX-License-Identifier: Apache-2.0
// `/metrics` in Prometheus' text format 0.0.4.

internal import Inference

/// Writes metrics, family by family.
struct MetricsPage {
  private(set) var text = ""

  /// - Parameter engines: what each loaded model's engine is doing.
  init(_ counters: Counters.State, engines: [(model: String, activity: EngineActivity)], connections: Int) {
    engine(engines)
    let models = counters.models.sorted { $0.key < $1.key }
    counter(
      "impetus_prompt_tokens_total", "Prompt tokens of finished answers.",
      models.map { ([("model", $0)], $1.promptTokens) })
    counter(
      "impetus_cached_tokens_total", "Prompt tokens that were in the cache already.",
      models.map { ([("model", $0)], $1.cachedTokens) })
    counter("impetus_generated_tokens_total", "Tokens generated.", models.map { ([("model", $0)], $1.generatedTokens) })
    counter(
      "impetus_answers_total", "Finished answers by the way they ended.",
      models.flatMap { name, model in
        model.finished.sorted { $0.key < $1.key }.map { ([("model", name), ("reason", $0)], $1) }
      })
    histogram(
      "impetus_time_to_first_token_seconds", "From the request to its first token.", models.map { ($0, $1.firstToken) })
    histogram("impetus_inter_token_seconds", "Mean time between an answer's tokens.", models.map { ($0, $1.tokenTime) })
    histogram("impetus_queue_seconds", "From the request to the first work on it.", models.map { ($0, $1.queueTime) })
    counter(
      "impetus_model_loads_total", "Models loaded.",
      counters.loads.sorted { $0.key < $1.key }.map { ([("model", $0)], $1) })
    counter("impetus_model_load_failures_total", "Models that could not be loaded.", [([], counters.failedLoads)])
    counter("impetus_model_evictions_total", "Models that made room for others.", [([], counters.evictions)])
    counter(
      "impetus_http_responses_total", "Responses by status.",
      counters.responses.sorted { $0.key < $1.key }.map { ([("status", "\($0)")], $1) })
    counter(
      "impetus_refusals_total", "Refused requests by their error code.",
      counters.refusals.sorted { $0.key < $1.key }.map { ([("code", $0)], $1) })
    family("impetus_connections", "Connections open.", "gauge", [([], "\(connections)")])
  }

  private mutating func engine(_ engines: [(model: String, activity: EngineActivity)]) {
    func rows(_ value: (EngineActivity) -> Int) -> [([(String, String)], String)] {
      engines.map { ([("model", $0.model)], "\(value($0.activity))") }
    }
    family("impetus_requests_running", "Requests in the batch.", "gauge", rows(\.running))
    family("impetus_requests_waiting", "Requests in the queue.", "gauge", rows(\.waiting))
    family("impetus_kv_cache_tokens", "Tokens the key/value cache has room for.", "gauge", rows(\.cacheTokens))
    family("impetus_kv_cache_free_tokens", "Tokens more that fit into it.", "gauge", rows(\.freeCacheTokens))
    family("impetus_idle_prefixes", "Finished sequences kept for reuse.", "gauge", rows(\.idleSequences))
    family("impetus_steps_total", "Steps of the engine.", "counter", rows(\.steps))
    family(
      "impetus_mixed_steps_total", "Steps that read a prompt while others were answered.", "counter", rows(\.mixedSteps)
    )
    family("impetus_preemptions_total", "Times a request gave its cache to others.", "counter", rows(\.preemptions))
    family("impetus_drafted_tokens_total", "Tokens guessed ahead and verified.", "counter", rows(\.draftedTokens))
    family("impetus_accepted_tokens_total", "Guessed tokens that were right.", "counter", rows(\.acceptedTokens))
  }

  private mutating func counter(_ name: String, _ help: String, _ rows: [([(String, String)], Int)]) {
    family(name, help, "counter", rows.map { ($0, "\($1)") })
  }

  private mutating func histogram(_ name: String, _ help: String, _ rows: [(model: String, Counters.Histogram)]) {
    guard !rows.isEmpty else { return }
    head(name, help, "histogram")
    for (model, histogram) in rows {
      for (bound, count) in zip(histogram.bounds, histogram.counts) {
        line("\(name)_bucket", [("model", model), ("le", "\(bound)")], "\(count)")
      }
      line("\(name)_bucket", [("model", model), ("le", "+Inf")], "\(histogram.count)")
      line("\(name)_sum", [("model", model)], "\(histogram.sum)")
      line("\(name)_count", [("model", model)], "\(histogram.count)")
    }
  }

  private mutating func family(_ name: String, _ help: String, _ type: String, _ rows: [([(String, String)], String)]) {
    guard !rows.isEmpty else { return }
    head(name, help, type)
    for (labels, value) in rows { line(name, labels, value) }
  }

  private mutating func head(_ name: String, _ help: String, _ type: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }

  private mutating func line(_ name: String, _ labels: [(String, String)], _ value: String) {
    let list = labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
    text += list.isEmpty ? "\(name) \(value)\n" : "\(name){\(list)} \(value)\n"
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
