// SPDX-License-Identifier: Apache-2.0
// LoRA adapters: for some matrices W [outputs, inputs] of a model, W + scale · up · down with up [outputs, rank] and
// down [rank, inputs].
//
// PEFT    adapter_model.safetensors, adapter_config.json. `base_model.model.PATH.lora_A.weight` is down,
//         `.lora_B.weight` is up; of embeddings `.lora_embedding_A` is up transposed, `.lora_embedding_B` down transposed.
//         scale = lora_alpha / rank, or / √rank with use_rslora.
// mlx-lm  adapters.safetensors, adapter_config.json. `PATH.lora_a` is down transposed, `PATH.lora_b` up transposed; of
//         embeddings lora_a is up and lora_b down. scale = lora_parameters.scale.

internal import Basics
internal import Checkpoints
internal import Tensors

/// An adapter of a folder.
public struct Adapter: Sendable {
  /// Path of the folder.
  public let folder: String
  /// The matrices it changes, in the order of their paths.
  public let updates: [AdapterUpdate]
  /// Names of the files it was read from.
  public let files: [String]

  /// Opens an adapter and checks that all of it is understood.
  /// - Throws: `ModelProblem`, `CheckpointProblem`, `FileProblem`, `JSONProblem`.
  public static func open(_ folder: String) throws -> Adapter {
    let configPath = "\(folder)/adapter_config.json"
    guard Files.isFile(configPath) else {
      throw ModelProblem.notAModel(path: folder, missing: "adapter_config.json")
    }
    guard
      let object = try JSONReader.parse(try Files.read(configPath, limit: 1 << 20), limits: .lastKeyWins).objectValue
    else { throw ModelProblem.invalidFile(path: configPath, reason: "an object is needed") }
    let config = ConfigReader(object)
    for (file, isPEFT) in [("adapter_model.safetensors", true), ("adapters.safetensors", false)] {
      guard Files.isFile("\(folder)/\(file)") else { continue }
      let reader = AdapterReader(checkpoint: try SafetensorsFile("\(folder)/\(file)"), config: config)
      let updates = isPEFT ? try reader.peft() : try reader.mlx()
      guard !updates.isEmpty else {
        throw ModelProblem.invalidFile(path: "\(folder)/\(file)", reason: "it changes no matrix")
      }
      return Adapter(folder: folder, updates: updates, files: ["adapter_config.json", file])
    }
    throw ModelProblem.notAModel(path: folder, missing: "adapter_model.safetensors or adapters.safetensors")
  }
}

/// What an adapter adds to one matrix.
public struct AdapterUpdate: Sendable {
  /// A factor as it lies in the file.
  struct Factor: Sendable {
    var view: TensorView
    var isTransposed: Bool

    var rows: Int { view.shape[isTransposed ? 1 : 0] }
    var columns: Int { view.shape[isTransposed ? 0 : 1] }

    func floats(_ path: String) throws(ModelProblem) -> [Float] {
      let stored: [Float]
      do { stored = try view.floats() } catch {
        throw .wrongType(name: path, expected: "F32, F16 or BF16", found: view.dtype.rawValue)
      }
      guard stored.allSatisfy(\.isFinite) else {
        throw .invalidTensor(name: path, reason: "the adapter holds values that are no finite numbers")
      }
      return isTransposed
        ? IntegerMatrix.transposed(stored, rows: view.shape[0], columns: view.shape[1]) : stored
    }
  }

  /// Module path.
  public let path: String
  /// What the product is multiplied with.
  public let scale: Float
  let up: Factor
  let down: Factor
  /// Whether the file does not say which of two readings is meant; the matrix's shape decides.
  let mayBeEmbedding: Bool

  /// The factors for a matrix of a size: up [outputs, rank], multiplied with the scale, and down [rank, inputs].
  /// - Throws: `ModelProblem.invalidTensor` when they do not fit it.
  public func factors(outputs: Int, inputs: Int) throws(ModelProblem) -> (up: [Float], down: [Float], rank: Int) {
    var (up, down) = (up, down)
    if mayBeEmbedding, up.rows != outputs || down.columns != inputs {
      (up, down) = (Factor(view: down.view, isTransposed: false), Factor(view: up.view, isTransposed: false))
    }
    guard up.rows == outputs, down.columns == inputs, up.columns == down.rows else {
      throw .invalidTensor(
        name: path,
        reason: "the adapter is for \(up.rows) × \(down.columns), the matrix is \(outputs) × \(inputs)")
    }
    let scale = scale
    return (try up.floats(path).map { $0 * scale }, try down.floats(path), up.columns)
  }

  /// Inputs of the matrix, as far as the file alone says.
  public func inputs(outputs: Int) -> Int {
    mayBeEmbedding && up.rows != outputs && down.view.shape[0] == outputs ? up.view.shape[1] : down.columns
  }
}
