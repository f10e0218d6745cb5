// SPDX-License-Identifier: Apache-2.0
// Which `model_type` is described by which file of Architectures: a new one adds a line here.

internal import Basics

/// The architectures this program runs.
public enum Registry {
  /// Reads a config into a description.
  private typealias Describe = @Sendable (ConfigReader) throws(ModelProblem) -> Architecture

  private static let table: [(modelType: String, describe: Describe)] = [
    ("llama", Llama.describe),
    ("mistral", Mistral.describe),
    ("ministral", Mistral.describe),
    ("ministral3", Mistral.describeThird),
    ("qwen2", Qwen2.describe),
    ("qwen2_moe", Qwen2MoE.describe),
    ("qwen3", Qwen3.describe),
    ("phi", Phi.describe),
    ("phi3", Phi3.describe),
    ("gemma2", Gemma2.describe),
    ("gemma3_text", Gemma3.describe),
    ("olmo2", OLMo2.describe),
    ("olmo3", OLMo2.describeThird),
    ("granite", Granite.describe),
    ("starcoder2", StarCoder2.describe),
    ("mixtral", Mixtral.describe),
    ("qwen3_moe", Qwen3MoE.describe),
    ("qwen3_next", Qwen3Next.describe),
    ("gpt_oss", GptOss.describe),
    ("deepseek_v2", DeepSeek.describeV2),
    ("deepseek_v3", DeepSeek.describeV3),
    ("kimi_k2", DeepSeek.describeV3),
    ("smollm3", SmolLM3.describe),
  ]

  /// Every `model_type` that is supported, sorted.
  public static var modelTypes: [String] {
    (table.map(\.modelType) + TextPart.known.map(\.modelType)).sorted()
  }

  /// Finds the description of a config by its `model_type`.
  static func architecture(_ config: JSONValue, _ naming: TensorNaming) throws(ModelProblem) -> Architecture {
    guard let object = config.objectValue else {
      throw .invalidConfig(key: "content", reason: "an object is needed, \(config.kindName) was found")
    }
    var reader = ConfigReader(object, naming: naming)
    if let type = reader.value("model_type")?.stringValue,
      let part = TextPart.known.first(where: { $0.modelType == type })
    {
      reader = try part.reader(reader)
    }
    guard let name = try reader.optionalString("model_type") else {
      throw reader.problem("model_type", "it is missing")
    }
    guard let entry = table.first(where: { $0.modelType == name }) else {
      if EncoderArchitecture.modelTypes.contains(name) { throw .encoder(name: name) }
      throw .unsupportedArchitecture(name: name, known: modelTypes + EncoderArchitecture.modelTypes)
    }
    return try entry.describe(reader)
  }
}
