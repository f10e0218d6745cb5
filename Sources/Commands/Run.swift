// SPDX-License-Identifier: Apache-2.0
// `impetus run`: asks a model, once or in a conversation.

import ArgumentParser
import Basics
import Glibc
import Inference
import Library
import Models
import Tokenizers

struct Run: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Ask a model, once or in a conversation.",
    discussion: """
      The prompt is the argument, or stdin when that is no terminal; without either a conversation begins, which ends with
      Ctrl-D. Ctrl-C ends an answer. Only the answer goes to stdout. Without a name it is the model of the configuration
      (default_model in config.json, or IMPETUS_MODEL), or the only one there is.

      Examples:
        impetus run SmolLM2-135M-Instruct:q4 "What is gravity?"
        impetus run org/model --temperature 0 --stats < question.txt
        impetus run ./folder
        impetus run SmolLM2-135M-Instruct --adapter ./style "What is gravity?"
      """)

  @Argument(help: "Name or folder of the model.", completion: ModelCompletion.kind)
  var model: String?

  @Argument(help: "What to ask.")
  var prompt: String?

  @Option(name: .long, help: "Text that tells the model how to behave.")
  var system: String?

  @Flag(name: .long, help: "Continue the prompt as plain text, without the chat template.")
  var raw = false

  @Option(
    name: .long,
    help: ArgumentHelp("Folder of a LoRA adapter to add; several are added together.", valueName: "folder"),
    completion: .directory)
  var adapter: [String] = []

  @OptionGroup var sampling: SamplingOptions
  @OptionGroup var engine: EngineOptions
  @OptionGroup var storeOptions: StoreOptions

  @Flag(name: .long, help: "Print speed, time to the first token and peak memory on stderr.")
  var stats = false

  func run() async throws {
    let located = try storeOptions.usable(orDefault: model)
    let folder = located.folder
    var options = LoadedModel.Options(
      precise: engine.precise, threads: engine.threads, contextLength: engine.context, kvBits: try engine.cacheBits,
      sequences: 2)
    options.packCache = engine.noPackCache ? nil : located.packCache
    if !adapter.isEmpty {
      options.adapters = [NamedAdapter(name: Self.adapterName, adapters: try adapter.map { try Adapter.open($0) })]
    }
    // The vocabulary takes as long to read as the weights take to be mapped.
    async let reading = blocking { _ in try Tokenizer(folder: folder) }
    let model = try LoadedModel.load(folder: folder, options: options)
    let tokenizer = try await reading
    let chat = raw ? nil : try ChatFormat(folder: folder, tokenizer: tokenizer)
    let draft = try engine.draft.map { name in
      try Draft.load(folder: try storeOptions.locate(name).folder, for: model, tokenizer: tokenizer)
    }
    let session = try Session(
      model, tokenizer: tokenizer, options: Session.Options(speculation: engine.speculation), draft: draft)
    var conversation = system.map { [ChatMessage(.system, $0)] } ?? []
    if isSingle {
      let text = prompt ?? String(decoding: StandardInput.all(), as: UTF8.self)
      conversation.append(ChatMessage(.user, text))
      _ = try await answer(conversation, chat, session)
      try await blocking { _ in model.settle() }
      return
    }
    while let line = ask() {
      if line.isEmpty { continue }
      conversation.append(ChatMessage(.user, line))
      let text = try await answer(conversation, chat, session)
      conversation.append(ChatMessage(.assistant, text))
    }
    try await blocking { _ in model.settle() }
  }

  private static let adapterName = "adapter"

  /// Whether there is one question only.
  private var isSingle: Bool { prompt != nil || isatty(0) != 1 }

  /// A line of the person's; nil at the end.
  private func ask() -> String? {
    Output.error.write(Style(for: .error).bold("> "), now: true)
    return readLine()
  }

  /// Prints the model's answer as it comes.
  private func answer(_ messages: [ChatMessage], _ chat: ChatFormat?, _ session: Session) async throws -> String {
    let tokens: [TokenID]
    if let chat {
      tokens = try chat.prompt(messages)
    } else {
      tokens = session.tokenizer.encode(messages.map(\.content).joined(separator: "\n"), parseSpecial: false)
    }
    var request = GenerationRequest(
      prompt: tokens, sampling: sampling.parameters(session.model.snapshot.generation), maxTokens: sampling.maxTokens)
    request.stopStrings = sampling.stop
    request.adapter = adapter.isEmpty ? nil : Self.adapterName
    request.endTokens = try session.model.snapshot.endTokens(session.tokenizer)
    let channels = chat.flatMap { $0.hasChannels ? ChannelReader() : nil }
    request.skipsSpecialTokens = channels == nil
    let answers = try session.answers(to: [request])
    return try await Interrupts.shared.handling({ answers.cancel() }) { try await show(answers, channels) }
  }

  /// - Parameter channels: tells what is thought, which goes to the person at the terminal only, from the answer.
  private func show(_ answers: Answers, _ channels: ChannelReader?) async throws -> String {
    var (text, channels) = ("", channels)
    func show(_ parts: [AnswerPart]) {
      for part in parts {
        switch part {
        case .text(let piece):
          text += piece
          Output.standard.write(piece, now: true)
        case .reasoning(let thought):
          if isatty(2) == 1 { Output.error.write(Style(for: .error).dim(thought.harmless), now: true) }
        case .call: break
        }
      }
    }
    for await event in answers.events {
      switch event.event {
      case .started, .promptScores: continue
      case .piece(let piece): show(channels?.append(piece.text) ?? [.text(piece.text)])
      case .finished(let reason, let statistics):
        show(channels?.finish() ?? [])
        Output.standard.line()
        if case .failed(let problem) = reason { throw problem }
        if stats { report(statistics) }
        // A conversation goes on; a single question was all there was.
        if case .cancelled = reason, isSingle { throw CancellationError() }
        if case .length = reason, sampling.maxTokens == nil { note("the answer ends here: the context is full") }
      }
    }
    return text
  }

  private func report(_ statistics: GenerationStatistics) {
    func rate(_ value: Double?) -> String { value.map { "\(Quantity.decimal($0, places: 1)) tok/s" } ?? "-" }
    note("prompt \(statistics.promptTokens) tokens, \(rate(statistics.promptTokensPerSecond))")
    note("answer \(statistics.generatedTokens) tokens, \(rate(statistics.decodeTokensPerSecond))")
    if statistics.draftedTokens > 0 {
      note("guessed ahead \(statistics.draftedTokens) tokens, \(statistics.acceptedTokens) right")
    }
    if let time = statistics.timeToFirstToken { note("first token after \(Quantity.duration(time))") }
    note("peak memory \(Quantity.bytes(Memory.peakResident))")
  }
}

/// How the next token is chosen; what is left out is what the model's authors ask for.
struct SamplingOptions: ParsableArguments {
  @Option(name: .long, help: "Divides the logits; 0 takes the most likely token.")
  var temperature: Float?

  @Option(name: .long, help: "Keeps the fewest most likely tokens whose probabilities reach this sum.")
  var topP: Float?

  @Option(name: .long, help: "Keeps this many most likely tokens.")
  var topK: Int?

  @Option(name: .long, help: "Drops tokens less likely than this share of the most likely one.")
  var minP: Float?

  @Option(name: .long, help: "Makes tokens seen before less likely; 1 does nothing.")
  var repetitionPenalty: Float?

  @Option(name: .long, help: "Same seed, same prompt, same text.")
  var seed: UInt64?

  @Option(name: .long, help: "Most tokens to generate.")
  var maxTokens: Int?

  @Option(
    name: .long, help: ArgumentHelp("A text that ends the answer; may be given several times.", valueName: "text"))
  var stop: [String] = []

  /// The model's own defaults with what was given here put over them.
  func parameters(_ defaults: GenerationDefaults) -> SamplingParameters {
    var parameters = SamplingParameters(defaults: defaults)
    if let temperature { parameters.temperature = temperature }
    if let topP { parameters.topP = topP }
    if let topK { parameters.topK = topK }
    if let minP { parameters.minP = minP }
    if let repetitionPenalty { parameters.repetitionPenalty = repetitionPenalty }
    parameters.seed = seed
    return parameters
  }
}

/// How the engine works.
struct EngineOptions: ParsableArguments {
  @Flag(name: .long, help: "Compute in float32 on the weights as stored: slow, and exactly the reference's.")
  var precise = false

  @Option(name: .long, help: "Threads; every usable core when it is left out.")
  var threads: Int?

  @Option(name: .long, help: "Longest conversation in tokens; the model's own limit when it is left out.")
  var context: Int?

  @OptionGroup var cache: CacheOption

  @Option(
    name: .long,
    help: ArgumentHelp(
      "A smaller model of the same vocabulary that writes ahead; the text stays the same.", valueName: "model"),
    completion: ModelCompletion.kind)
  var draft: String?

  @Flag(name: .long, help: "Do not guess ahead what the text repeats. The text is the same either way.")
  var noSpeculation = false

  @Flag(name: .long, help: "Neither use nor keep packed weights in the store: pack them at every start.")
  var noPackCache = false

  var cacheBits: CacheBits { get throws { try cache.bits(precise: precise) } }

  /// Whether guesses are verified.
  var speculation: Session.Options.Speculation { noSpeculation ? .off : .adaptive }

  func validate() throws {
    guard draft == nil || !noSpeculation else {
      throw ValidationError("--draft and --no-speculation contradict each other")
    }
    _ = try cacheBits
  }
}
