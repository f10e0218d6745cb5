// SPDX-License-Identifier: Apache-2.0
// What every endpoint needs, and the steps they share: the model a request means, answers in pieces and whole.

internal import Basics
internal import HTTPTypes
internal import Hummingbird
internal import Inference
internal import Models
internal import NIOCore
internal import Synchronization

/// Whether the server takes new work.
final class ServerState: Sendable {
  private let draining = Atomic(false)
  var isDraining: Bool { draining.load(ordering: .relaxed) }
  func drain() { draining.store(true, ordering: .relaxed) }
}

/// The endpoints; each is in a file of its own under `Routes`.
struct API: Sendable {
  let configuration: ServerConfiguration
  let pool: ModelPool
  let counters: Counters
  let connections: Connections
  let state: ServerState

  /// A request's body as JSON.
  func body(of request: Request, _ context: ServerContext) async throws -> JSONValue {
    // A client that sends its body a byte at a time does not keep its place for ever.
    let channel = context.channel
    let deadline = channel.eventLoop.scheduleTask(in: TimeAmount(configuration.bodyTimeout)) {
      channel.close(promise: nil)
    }
    defer { deadline.cancel() }
    return try await request.json(limit: configuration.bodyLimit)
  }

  /// The model a request asks for, held in memory by the lease.
  func lease(_ name: String?) async throws -> ModelLease {
    guard let name = name ?? configuration.defaultModel else { throw APIError.missing("model") }
    do {
      return try await pool.lease(name)
    } catch {
      throw APIError(error, model: name)
    }
  }

  /// Hands requests to a model's engine.
  /// - Parameter field: the request's field that holds the prompt, for messages.
  func submit(_ requests: [GenerationRequest], to model: RunningModel, field: String) throws(APIError) -> Answers {
    let vocabulary = model.session.model.architecture.vocabularySize
    let biased = requests.lazy.flatMap(\.sampling.logitBias.keys).first { $0 < 0 || Int($0) >= vocabulary }
    if let biased {
      throw .invalid("logit_bias", "Invalid 'logit_bias': the model has no token \(biased).")
    }
    do {
      return try model.session.answers(to: requests)
    } catch {
      var refusal = APIError(error)
      if refusal.param == "messages" || refusal.param == "prompt" { refusal.param = field }
      throw refusal
    }
  }

  /// Headers that name the fields without effect.
  /// - Throws: 400 instead, when the server is strict.
  func headers(ignored: [String]) throws(APIError) -> HTTPFields {
    guard let first = ignored.first else { return [:] }
    guard !configuration.isStrict else {
      throw .unsupported(String(first.prefix(64)), "'\(first.prefix(64))' has no effect on this server.")
    }
    let names = ignored.prefix(32).map { Self.headerSafe($0) }
    return [.ignoredFields: names.joined(separator: ", ")]
  }

  private static func headerSafe(_ name: String) -> String {
    String(
      String.UnicodeScalarView(
        name.unicodeScalars.prefix(64).map { (0x21...0x7E).contains($0.value) && $0 != "," ? $0 : "?" }))
  }

  /// Waits for whole answers; a client that goes away ends them.
  func collect(
    _ answers: Answers, count: Int, lease: ModelLease, context: ServerContext
  ) async throws -> [CollectedAnswer] {
    let connection = connections[context.channel]
    let watch = connection?.onClose { answers.cancel() }
    defer { if let watch { connection?.forget(watch) } }
    var collected = [CollectedAnswer](repeating: CollectedAnswer(), count: count)
    for await event in answers.events {
      collected[event.answer].take(event.event)
      guard case .finished(let reason, let statistics) = event.event else { continue }
      counters.finished(lease.model.name, reason, statistics)
      if reason.apiError != nil { answers.cancel() }
    }
    if let error = collected.lazy.compactMap(\.reason.apiError).first { throw error }
    return collected
  }

  /// Sends answers piece by piece; a client that goes away ends them.
  /// - Parameter send: turns one event into chunks.
  func stream(
    _ answers: Answers, headers: HTTPFields, lease: ModelLease, context: ServerContext,
    usage: @escaping @Sendable (Usage) -> JSONValue?, isFirst: @escaping @Sendable (Int) -> Bool,
    send: @escaping @Sendable (Answers.Event) -> [JSONValue]
  ) -> Response {
    let connection = connections[context.channel]
    return EventStream.response(headers: headers) { writer in
      let watch = connection?.onClose { answers.cancel() }
      defer {
        if let watch { connection?.forget(watch) }
        answers.cancel()
      }
      var counts = Usage()
      var failure: APIError?
      var lost: (any Error)?
      for await event in answers.events {
        if case .finished(let reason, let statistics) = event.event {
          counters.finished(lease.model.name, reason, statistics)
          counts.add(statistics, isFirst: isFirst(event.answer))
          if let error = reason.apiError {
            failure = failure ?? error
            answers.cancel()
          }
        }
        guard failure == nil && lost == nil else { continue }
        do {
          for chunk in send(event) { try await writer.send(chunk) }
        } catch {
          // The client has gone; what is left only counts.
          lost = error
          answers.cancel()
        }
      }
      if let lost { throw lost }
      if Task.isCancelled { failure = .draining }
      if let failure {
        try await writer.send(failure.json)
        return try await writer.finish()
      } else if let chunk = usage(counts) {
        try await writer.send(chunk)
      }
      try await writer.done()
      try await writer.finish()
    }
  }
}
