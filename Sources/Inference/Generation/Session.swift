// SPDX-License-Identifier: Apache-2.0
// The only door to a running model: requests in through a bounded queue, events out as a stream.

internal import Models
public import Tokenizers
internal import Synchronization

/// A model with its engine thread. Safe to use from anywhere; closing it, or letting go of it, ends
/// the thread and what it still answers.
public final class Session: Sendable {
  /// How a session works.
  public struct Options: Sendable {
    /// Most requests in the batch.
    public var running: Int
    /// Most requests waiting for their turn.
    public var waiting: Int
    /// Keeps finished sequences for requests that begin the same.
    public var reusesPrefixes: Bool
    /// Whether guesses of several tokens are verified in one step; the text is the same either way.
    public var speculation: Speculation

    /// When guesses are verified.
    public enum Speculation: Sendable {
      case off
      /// Where it pays by what has been measured.
      case adaptive
      /// Every guess there is, for tests and measurements.
      case always
    }

    public init(
      running: Int = 16, waiting: Int = 256, reusesPrefixes: Bool = true, speculation: Speculation = .adaptive
    ) {
      self.running = running
      self.waiting = waiting
      self.reusesPrefixes = reusesPrefixes
      self.speculation = speculation
    }
  }

  /// The model that runs.
  public let model: LoadedModel
  /// Turns the model's tokens into text.
  public let tokenizer: Tokenizer
  /// Longest sequence, prompt and answer together: the context, or less when the cache holds less.
  public let capacity: Int
  private let inbox: Inbox

  /// Starts the engine. Blocks while buffers are made: not for the cooperative pool.
  /// - Parameter draft: a model that writes ahead for this one; its text stays the same.
  /// - Throws: `GenerationProblem.engine` when the model's buffers or cache do not fit, `.unsuitableDraft`.
  public init(
    _ model: LoadedModel, tokenizer: Tokenizer, options: Options = Options(), draft: Draft? = nil
  ) throws(GenerationProblem) {
    if let draft {
      try Draft.check(draft.tokenizer, for: tokenizer)
      guard draft.model.architecture.isAttentive else {
        throw .unsuitableDraft(why: "its layers keep a state that cannot be taken back")
      }
    }
    var options = options
    options.running = max(1, min(options.running, model.options.sequences, model.options.stepTokens))
    let inbox = Inbox(limit: options.waiting)
    let outcome = EngineThread.start(model, tokenizer: tokenizer, inbox: inbox, options: options, draft: draft)
    switch outcome {
    case .success(let capacity): self.capacity = capacity
    case .failure(let problem): throw problem
    }
    self.model = model
    self.tokenizer = tokenizer
    self.inbox = inbox
  }

  deinit { inbox.close() }

  /// Queues a request.
  ///
  /// The stream holds one `.started` unless the request ends in the queue, then pieces, then one
  /// `.finished`. It is buffered without bound, which the request's token limit bounds. Dropping the
  /// stream, or ending the task that reads it, cancels the request.
  /// - Throws: `GenerationProblem` when the request is invalid, the queue is full or the session closed.
  public func generate(_ request: GenerationRequest) throws(GenerationProblem) -> AsyncStream<GenerationEvent> {
    let (stream, events) = AsyncStream.makeStream(of: GenerationEvent.self)
    let cancelled = flag(for: events)
    try submit([request], cancelled: cancelled) { _, event in
      events.yield(event)
      if case .finished = event { events.finish() }
    }
    return stream
  }

  /// Queues several requests that belong together, all or none of them; see `generate`.
  ///
  /// The stream ends when all have finished.
  public func answers(to requests: [GenerationRequest]) throws(GenerationProblem) -> Answers {
    let (stream, events) = AsyncStream.makeStream(of: Answers.Event.self)
    let cancelled = flag(for: events)
    let inbox = inbox
    let unfinished = Countdown(requests.count)
    try submit(requests, cancelled: cancelled) { answer, event in
      events.yield(Answers.Event(answer: answer, event: event))
      if case .finished = event, unfinished.reachesZero() { events.finish() }
    }
    return Answers(events: stream) {
      cancelled.set()
      inbox.wake()
    }
  }

  /// A flag that is set when nobody reads the stream any more.
  private func flag<Event>(for events: AsyncStream<Event>.Continuation) -> CancelFlag {
    let cancelled = CancelFlag()
    let inbox = inbox
    events.onTermination = { reason in
      guard case .cancelled = reason else { return }
      cancelled.set()
      inbox.wake()
    }
    return cancelled
  }

  private func submit(
    _ requests: [GenerationRequest], cancelled: CancelFlag,
    deliver: @escaping @Sendable (Int, GenerationEvent) -> Void
  ) throws(GenerationProblem) {
    for request in requests {
      try request.validate(vocabulary: model.architecture.vocabularySize, capacity: capacity)
      if let name = request.adapter, !model.adapterNames.contains(name) { throw .unknownAdapter(name: name) }
    }
    let common = UInt64.random(in: .min ... .max)
    let tickets = requests.enumerated().map { index, request in
      Ticket(request, seed: request.sampling.seed ?? common, cancelled: cancelled) { deliver(index, $0) }
    }
    try inbox.submit(tickets)
  }

  /// What the engine is doing.
  public var activity: EngineActivity { inbox.activity }

  /// Ends what is running and waiting, and returns when the engine has let go of its memory.
  public func close() async {
    inbox.close()
    await inbox.exit()
  }
}
