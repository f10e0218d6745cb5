// SPDX-License-Identifier: Apache-2.0
// Calls of functions in answers: which form the model writes them in, and the state of each stream.

internal import Basics
internal import Inference
internal import Models
internal import Synchronization

/// How the calls of a request's answers are read.
struct ToolReading: Sendable {
  let form: ToolCallForm
  let names: Set<String>
  let types: ParameterTypes
  let allowsSeveral: Bool
  /// Whether the answers have to show control tokens, since calls begin with one.
  let needsControlTokens: Bool

  /// Nil when the request has no tools, and the model's answers are plain.
  /// - Throws: `APIError` when the model's template knows none.
  init?(_ asked: ToolRequest, _ model: RunningModel) throws {
    let format: ChatFormat
    do { format = try model.chatFormat() } catch { throw APIError(error) }
    guard !asked.tools.isEmpty || format.hasChannels else { return nil }
    guard let form = format.toolCallForm else {
      throw APIError.unsupported("tools", "The chat template of this model knows no tools.")
    }
    self.form = form
    names = asked.names
    types = ParameterTypes(asked.tools)
    allowsSeveral = asked.allowsSeveral
    needsControlTokens = format.hasControlTokensInCalls
  }

  /// For one answer.
  func reader() -> AnswerReader {
    form == .channels ? .channels(ChannelReader()) : .calls(ToolCallReader(form, names: names, types: types))
  }
}

/// The answers of one streamed request. Events come one after the other; the lock only says so to the compiler.
final class CallStream: Sendable {
  private struct Answer {
    var reader: AnswerReader
    var callCount = 0
  }

  private let tools: ToolReading
  private let answers: Mutex<[Answer]>

  init(_ tools: ToolReading, count: Int) {
    self.tools = tools
    answers = Mutex((0..<count).map { _ in Answer(reader: tools.reader()) })
  }

  /// The chunks that an event becomes.
  func chunks(_ event: Answers.Event, _ answer: ChatAnswer) -> [JSONValue] {
    answers.withLock { answers in
      let index = event.answer
      switch event.event {
      case .started: return [answer.opening(index)]
      case .promptScores: return []
      case .piece(let piece):
        let parts = answers[index].reader.append(piece.text)
        return write(parts, &answers[index], index, answer) + answer.scores(index, piece.tokens)
      case .finished(let reason, _):
        let rest = write(answers[index].reader.finish(), &answers[index], index, answer)
        let name = answer.reason(reason, calls: answers[index].callCount)
        return rest + (name.map { [answer.closing(index, $0)] } ?? [])
      }
    }
  }

  private func write(
    _ parts: [AnswerPart], _ state: inout Answer, _ index: Int, _ answer: ChatAnswer
  ) -> [JSONValue] {
    parts.compactMap { part in
      switch part {
      case .text(let text): return answer.text(index, text)
      case .reasoning(let text): return answer.reasoning(index, text)
      case .call(let call):
        guard state.callCount == 0 || tools.allowsSeveral else { return nil }
        defer { state.callCount += 1 }
        return answer.call(index, call, number: state.callCount)
      }
    }
  }
}
