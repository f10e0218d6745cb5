// SPDX-License-Identifier: Apache-2.0
// Which files of a repository a pull takes: by default what running the model needs, with a report
// of what stays behind and why.

/// A choice of files.
public struct Selection: Sendable, Equatable {
  /// Takes only files that match one of these; empty takes the default.
  public var include: [FilePattern]
  /// Leaves out files that match one of these, after `include`.
  public var exclude: [FilePattern]
  /// Takes every file, also duplicate formats.
  public var everything: Bool

  /// What running needs, unless patterns say otherwise.
  public init(include: [String] = [], exclude: [String] = [], everything: Bool = false) {
    self.include = include.map { FilePattern($0) }
    self.exclude = exclude.map { FilePattern($0) }
    self.everything = everything
  }

  /// Exactly these paths, whatever characters they have.
  public static func only(_ paths: [String]) -> Selection {
    Selection(
      include: paths.map { path in
        path.reduce(into: "") { text, character in
          text += "*?[".contains(character) ? "[\(character)]" : "\(character)"
        }
      })
  }

  /// Why a file stays behind.
  public enum Reason: String, Sendable, CaseIterable {
    /// The user's patterns.
    case patterns = "left out by pattern"
    /// The same weights in a format that is not used here.
    case duplicateFormat = "weights in another format"
    /// The same weights once more in safetensors.
    case duplicateWeights = "the same weights again"
    /// Code: never run here.
    case code = "code, never run here"
    /// Anything else that running does not need.
    case notNeeded = "not needed to run"
  }

  /// The outcome for a listing.
  public struct Outcome: Sendable {
    /// Files to fetch, in the listing's order.
    public let taken: [RepoFile]
    /// Files left out, with the reason.
    public let leftOut: [(file: RepoFile, reason: Reason)]
    /// Bytes of the taken files.
    public var byteCount: Int { taken.reduce(0) { $0 &+ $1.byteCount } }

    public init(taken: [RepoFile], leftOut: [(file: RepoFile, reason: Reason)]) {
      self.taken = taken
      self.leftOut = leftOut
    }
  }

  /// Sorts the files of a listing.
  public func apply(to listing: RepoListing) -> Outcome {
    let rules = RunningNeeds(listing)
    var taken: [RepoFile] = []
    var leftOut: [(file: RepoFile, reason: Reason)] = []
    for file in listing.files {
      if let reason = reasonToLeave(file, rules) { leftOut.append((file, reason)) } else { taken.append(file) }
    }
    return Outcome(taken: taken, leftOut: leftOut)
  }

  private func reasonToLeave(_ file: RepoFile, _ rules: RunningNeeds) -> Reason? {
    let path = file.path.description
    if exclude.contains(where: { $0.matches(path) }) { return .patterns }
    if !include.isEmpty { return include.contains { $0.matches(path) } ? nil : .patterns }
    return everything ? nil : rules.reasonToLeave(file)
  }
}

/// What running a model needs of a repository, told by names alone.
struct RunningNeeds {
  private let hasModelWeights: Bool
  private let hasSafetensors: Bool
  private let loneGGUF: String?

  init(_ listing: RepoListing) {
    let names = listing.files.filter { $0.path.isTopLevel }.map(\.path.name)
    hasModelWeights = names.contains { Self.isModelWeights($0) }
    hasSafetensors = names.contains { $0.hasSuffix(".safetensors") }
    let quantized = listing.files.map(\.path.description).filter { $0.hasSuffix(".gguf") }
    loneGGUF = quantized.count == 1 ? quantized[0] : nil
  }

  /// `model.safetensors` and `model-00001-of-00002.safetensors`: what transformers loads by default.
  private static func isModelWeights(_ name: String) -> Bool {
    name == "model.safetensors" || (name.hasPrefix("model-") && name.hasSuffix(".safetensors"))
  }

  func reasonToLeave(_ file: RepoFile) -> Selection.Reason? {
    let name = file.path.name.lowercased()
    let suffix = name.split(separator: ".").last.map(String.init) ?? ""
    if suffix == "gguf" { return !hasSafetensors && file.path.description == loneGGUF ? nil : .duplicateFormat }
    if Self.otherWeights.contains(suffix) { return .duplicateFormat }
    if Self.code.contains(suffix) { return .code }
    guard file.path.isTopLevel else { return Self.neededBelow(file.path) ? nil : .notNeeded }
    if suffix == "safetensors" {
      return hasModelWeights && !Self.isModelWeights(file.path.name) ? .duplicateWeights : nil
    }
    if name.hasSuffix(".index.json") { return name.hasSuffix(".safetensors.index.json") ? nil : .duplicateFormat }
    return Self.isNeeded(name, suffix) ? nil : .notNeeded
  }

  private static let otherWeights: Set<String> = [
    "bin", "pt", "pth", "ckpt", "onnx", "onnx_data", "h5", "msgpack", "ot", "tflite", "pb", "mlmodel", "npz", "pkl",
    "engine", "llamafile", "ggml", "tar", "zip",
  ]
  private static let code: Set<String> = ["py", "ipynb", "sh", "js"]
  private static let texts = ["readme", "license", "licence", "notice", "copying", "use_policy", "usage_policy"]

  private static func isNeeded(_ name: String, _ suffix: String) -> Bool {
    if ["json", "jinja", "model", "tiktoken", "spm"].contains(suffix) { return true }
    if ["merges.txt", "vocab.txt", "special_tokens_map.txt"].contains(name) { return true }
    return texts.contains { name.hasPrefix($0) }
  }

  /// Further chat templates, and the module configurations of embedding models (`1_Pooling/config.json`).
  private static func neededBelow(_ path: RepoPath) -> Bool {
    let parts = path.description.split(separator: "/")
    guard parts.count == 2 else { return false }
    if parts[0] == "additional_chat_templates" { return parts[1].hasSuffix(".jinja") }
    guard let digit = parts[0].first, digit.isASCII, digit.isNumber, parts[0].contains("_") else { return false }
    return parts[1] == "config.json" || parts[1] == "model.safetensors"
  }
}
