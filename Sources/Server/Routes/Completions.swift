// SPDX-License-Identifier: Apache-2.0
// POST /v1/completions

internal import Basics
internal import Hummingbird
internal import Inference
internal import Synchronization
internal import Tokenizers

extension API {
  /// Continues texts as they are.
  func completions(_ request: Request, _ context: ServerContext) async throws -> Response {
    let asked = try CompletionRequest(try await body(of: request, context))
    let headers = try headers(ignored: asked.common.ignored)
    let lease = try await lease(asked.common.model)
    let model = lease.model
    let prompts = try await Blocking.run("prompt") {
      asked.prompts.map { prompt -> EchoedPrompt in
        switch prompt {
        case .tokens(let tokens): EchoedPrompt(tokens, text: nil, tokenizer: model.tokenizer)
        case .text(let text): EchoedPrompt(model.tokenizer.encode(text), text: text, tokenizer: model.tokenizer)
        }
      }
    }
    let answers = try submit(lease.adapted(requests(asked, prompts, model)), to: model, field: "prompt")
    let writer = CompletionWriter(
      header: AnswerHeader(prefix: "cmpl", model: lease.name), tokenText: model.tokenText, asked: asked,
      prompts: prompts)
    let count = asked.common.count
    if asked.common.streams {
      return stream(
        answers, headers: headers, lease: lease, context: context,
        usage: { asked.common.includesUsage ? writer.usage($0) : nil }, isFirst: { $0 % count == 0 },
        send: { writer.chunks($0) })
    }
    let whole = try await collect(answers, count: prompts.count * count, lease: lease, context: context)
    return Response(writer.whole(whole), headers: headers)
  }

  /// One for each answer: those to the first prompt come first.
  private func requests(
    _ asked: CompletionRequest, _ prompts: [EchoedPrompt], _ model: RunningModel
  ) -> [GenerationRequest] {
    prompts.flatMap { prompt in
      (0..<asked.common.count).map { choice in
        var request = GenerationRequest(
          prompt: prompt.tokens, sampling: asked.common.sampling(defaults: model.defaults),
          maxTokens: asked.common.maxTokens)
        request.stopStrings = asked.common.stops
        request.endTokens = model.endTokens
        request.scoreCount = asked.scoreCount
        request.promptScoreCount = asked.echoes ? asked.scoreCount : nil
        request.timeLimit = asked.common.timeLimit
        request.choice = UInt32(choice)
        return request
      }
    }
  }
}

/// Writes the objects of one completion request; the choices keep count of their characters.
private final class CompletionWriter: Sendable {
  private let header: AnswerHeader
  private let asked: CompletionRequest
  private let prompts: [EchoedPrompt]
  private let choices: Mutex<[CompletionChoice]>

  init(header: AnswerHeader, tokenText: TokenText, asked: CompletionRequest, prompts: [EchoedPrompt]) {
    self.header = header
    self.asked = asked
    self.prompts = prompts
    choices = Mutex(
      (0..<prompts.count * asked.common.count).map {
        CompletionChoice($0, tokenText: tokenText, scoreCount: asked.scoreCount)
      })
  }

  func whole(_ answers: [CollectedAnswer]) -> JSONValue {
    var usage = Usage()
    let list = choices.withLock { choices in
      answers.enumerated().map { index, answer in
        usage.add(answer.statistics, isFirst: index % asked.common.count == 0)
        return choices[index].whole(answer, echo: asked.echoes ? prompts[index / asked.common.count] : nil)
      }
    }
    var object = header.object("text_completion", choices: list)
    object["usage"] = usage.json
    object["timings"] = usage.timings
    return .object(object)
  }

  func chunks(_ event: Answers.Event) -> [JSONValue] {
    let prompt = prompts[event.answer / asked.common.count]
    let choice = choices.withLock { choices -> JSONValue? in
      switch event.event {
      case .started:
        asked.echoes && asked.scoreCount == nil ? choices[event.answer].echo(prompt, scores: nil) : nil
      case .promptScores(let scores): choices[event.answer].echo(prompt, scores: scores)
      case .piece(let piece): choices[event.answer].piece(piece)
      case .finished(let reason, _): reason.wireName.map { choices[event.answer].closing($0) }
      }
    }
    guard let choice else { return [] }
    var object = header.object("text_completion", choices: [choice])
    if asked.common.includesUsage { object["usage"] = .null }
    return [.object(object)]
  }

  func usage(_ usage: Usage) -> JSONValue {
    var object = header.object("text_completion", choices: [])
    object["usage"] = usage.json
    object["timings"] = usage.timings
    return .object(object)
  }
}
