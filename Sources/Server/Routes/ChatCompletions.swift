// SPDX-License-Identifier: Apache-2.0
// POST /v1/chat/completions

internal import Basics
internal import Hummingbird
internal import Inference
internal import Models

extension API {
  /// Continues a conversation.
  func chatCompletions(_ request: Request, _ context: ServerContext) async throws -> Response {
    let asked = try ChatRequest(try await body(of: request, context))
    let headers = try headers(ignored: asked.common.ignored)
    let lease = try await lease(asked.common.model)
    let model = lease.model
    let tools = try ToolReading(asked.tools, model)
    let prompt = try await Blocking.run("prompt") {
      try model.chatFormat().prompt(
        asked.messages, tools: asked.tools.tools, variables: asked.templateVariables)
    }
    let answers = try submit(lease.adapted(requests(asked, prompt, model, tools)), to: model, field: "messages")
    let answer = ChatAnswer(
      header: AnswerHeader(prefix: "chatcmpl", model: lease.name), tokenText: model.tokenText,
      isScored: asked.scoreCount != nil, includesUsage: asked.common.includesUsage)
    if asked.common.streams {
      let called = tools.map { CallStream($0, count: asked.common.count) }
      return stream(
        answers, headers: headers, lease: lease, context: context,
        usage: { asked.common.includesUsage ? answer.usage($0) : nil }, isFirst: { $0 == 0 },
        send: { called?.chunks($0, answer) ?? Self.chunks($0, answer) })
    }
    var whole = try await collect(answers, count: asked.common.count, lease: lease, context: context)
    if let tools { for index in whole.indices { whole[index].readCalls(tools) } }
    var usage = Usage()
    for (index, part) in whole.enumerated() { usage.add(part.statistics, isFirst: index == 0) }
    return Response(answer.whole(whole, usage: usage), headers: headers)
  }

  private func requests(
    _ asked: ChatRequest, _ prompt: [Int32], _ model: RunningModel, _ tools: ToolReading?
  ) -> [GenerationRequest] {
    (0..<asked.common.count).map { choice in
      var request = GenerationRequest(
        prompt: prompt, sampling: asked.common.sampling(defaults: model.defaults), maxTokens: asked.common.maxTokens)
      request.stopStrings = asked.common.stops
      request.endTokens = model.endTokens
      request.scoreCount = asked.scoreCount
      if let tools { request.skipsSpecialTokens = !tools.needsControlTokens }
      request.timeLimit = asked.common.timeLimit
      request.choice = UInt32(choice)
      return request
    }
  }

  private static func chunks(_ event: Answers.Event, _ answer: ChatAnswer) -> [JSONValue] {
    switch event.event {
    case .started: [answer.opening(event.answer)]
    case .promptScores: []
    case .piece(let piece): [answer.piece(event.answer, piece)].compactMap { $0 }
    case .finished(let reason, _): reason.wireName.map { [answer.closing(event.answer, $0)] } ?? []
    }
  }
}
