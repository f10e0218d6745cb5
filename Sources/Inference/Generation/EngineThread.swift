// SPDX-License-Identifier: Apache-2.0
// The thread that owns a model's forward pass. It is also the first worker of the kernels' pool, so that
// what it has just computed is in its core's cache when it samples.

internal import Basics
internal import Models
internal import Synchronization
internal import Tokenizers

/// Starts the one thread of a session.
enum EngineThread {
  /// Handed from the new thread to the one that waits for it.
  private final class Handover: Sendable {
    private let outcome = Mutex<Result<Int, GenerationProblem>?>(nil)
    private let bell = Bell()

    func give(_ result: Result<Int, GenerationProblem>) {
      outcome.withLock { $0 = result }
      bell.ring()
    }

    func take() -> Result<Int, GenerationProblem> {
      bell.wait()
      return outcome.withLock { $0 ?? .failure(.noThread) }
    }
  }

  /// Starts the thread and waits until its buffers are made.
  /// - Returns: the longest sequence that fits, in tokens.
  static func start(
    _ model: LoadedModel, tokenizer: Tokenizer, inbox: Inbox, options: Session.Options, draft: Draft?
  ) -> Result<Int, GenerationProblem> {
    let handover = Handover()
    let isStarted = NamedThread.start("engine") {
      defer { inbox.leave() }
      do throws(InferenceProblem) {
        let forward = try Forward(model)
        let capacity = min(
          model.options.contextLength ?? model.architecture.contextLength, forward.freeTokens)
        var scheduler = try Scheduler(
          forward, tokenizer: tokenizer, inbox: inbox, options: options, capacity: capacity, draft: draft)
        handover.give(.success(capacity))
        scheduler.run()
      } catch {
        handover.give(.failure(.engine(error)))
      }
    }
    return isStarted ? handover.take() : .failure(.noThread)
  }
}
