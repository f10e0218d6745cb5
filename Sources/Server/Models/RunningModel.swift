// SPDX-License-Identifier: Apache-2.0
// A model in memory: its engine, tokenizer and chat format, and who is using it.

internal import Basics
internal import Inference
internal import Models
internal import Synchronization
internal import Tokenizers

/// A loaded model, shared by the requests that lease it.
final class RunningModel: Sendable {
  let name: String
  let created: Int
  let session: Session
  let tokenizer: Tokenizer
  let defaults: GenerationDefaults
  /// Tokens that end an answer.
  let endTokens: Set<Int32>
  let tokenText: TokenText
  /// The chat format, or why there is none: plain completion needs none.
  private let chat: Result<ChatFormat, ChatProblem>
  /// Requests that hold the model in memory.
  private let users = Atomic(0)

  /// Opens the model; takes seconds.
  /// - Parameter draft: folder of a model that writes ahead, if its vocabulary is this model's.
  init(_ model: ServableModel, options: LoadedModel.Options, session: Session.Options, draft: String? = nil) throws {
    name = model.loadedName
    created = model.created
    let tokenizer = try Tokenizer(folder: model.folder)
    var options = options
    options.packCache = model.packCache
    options.adapters = try model.adapters.map {
      NamedAdapter(name: $0.name, adapters: [try Adapter.open($0.folder)])
    }
    let loaded = try LoadedModel.load(folder: model.folder, options: options)
    do {
      chat = .success(try ChatFormat(folder: model.folder, tokenizer: tokenizer))
    } catch let problem as ChatProblem {
      chat = .failure(problem)
    }
    self.tokenizer = tokenizer
    defaults = loaded.snapshot.generation
    endTokens = try loaded.snapshot.endTokens(tokenizer)
    tokenText = TokenText(tokenizer)
    self.session = try Session(
      loaded, tokenizer: tokenizer, options: session, draft: try Self.draft(draft, for: loaded, model, tokenizer))
  }

  private static func draft(
    _ folder: String?, for loaded: LoadedModel, _ model: ServableModel, _ tokenizer: Tokenizer
  ) throws -> Draft? {
    guard let folder else { return nil }
    do {
      return try Draft.load(folder: folder, for: loaded, tokenizer: tokenizer)
    } catch GenerationProblem.unsuitableDraft {
      return nil
    }
  }

  /// The chat format.
  /// - Throws: `ChatProblem` when the model has none that works.
  func chatFormat() throws(ChatProblem) -> ChatFormat { try chat.get() }

  var isInUse: Bool { users.load(ordering: .acquiring) > 0 }

  fileprivate func retain() { users.add(1, ordering: .acquiringAndReleasing) }
  fileprivate func release() { users.subtract(1, ordering: .acquiringAndReleasing) }
}

/// Keeps a model in memory as long as it is held; the request's part of the bargain.
final class ModelLease: Sendable {
  let model: RunningModel
  /// The name it was asked for by, and the adapter which that means.
  let name: String
  let adapter: String?

  init(_ model: RunningModel, as found: ServableModel) {
    self.model = model
    (name, adapter) = (found.name, found.adapter)
    model.retain()
  }

  /// Requests as they go to the engine: with the adapter that was asked for.
  func adapted(_ requests: [GenerationRequest]) -> [GenerationRequest] {
    requests.map { request in
      var request = request
      request.adapter = adapter
      return request
    }
  }

  deinit { model.release() }
}
