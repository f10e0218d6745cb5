// SPDX-License-Identifier: Apache-2.0
// LoRA adapters for tests, as PEFT or mlx-lm write them: rank 3, scale 2, factors made of a formula.

import Basics

/// Makes the folders of adapters.
public struct AdapterBuilder: Sendable {
  /// A matrix to be changed.
  public struct Target: Sendable {
    public var path: String
    public var outputs: Int
    public var inputs: Int

    public init(path: String, outputs: Int, inputs: Int) {
      (self.path, self.outputs, self.inputs) = (path, outputs, inputs)
    }
  }

  public let targets: [Target]
  /// Rank of all factors.
  public static let rank = 3

  public init(_ targets: [Target]) { self.targets = targets }

  /// Some matrices of a fixture, with the sizes they have there.
  public init(fixture name: String, _ paths: [String]) throws {
    let (header, _) = try Self.header(of: name)
    self.init(
      paths.compactMap { path in
        guard let shape = header["\(path).weight"]?["shape"]?.arrayValue?.compactMap(\.intValue), shape.count == 2
        else {
          return nil
        }
        return Target(path: path, outputs: shape[0], inputs: shape[1])
      })
  }

  private static func value(_ a: Int, _ b: Int, _ seed: Int) -> Float {
    Float((a * 7 + b * 13 + seed * 29) % 31 - 15) / 160
  }
  private func up(_ number: Int, _ row: Int, _ k: Int, _ seed: Int) -> Float { Self.value(row, k, seed * 31 - number) }
  private func down(_ number: Int, _ k: Int, _ column: Int, _ seed: Int) -> Float {
    Self.value(k, column, seed + number)
  }

  /// Whose files an adapter consists of.
  public enum Layout: Sendable, CaseIterable { case peft, mlx }

  /// An adapter's folder.
  public func folder(seed: Int, layout: Layout = .peft) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    var tensors: [(name: String, shape: [Int], values: [Float])] = []
    for (number, target) in targets.enumerated() {
      let (rank, inputs, outputs) = (Self.rank, target.inputs, target.outputs)
      if layout == .mlx {
        let downs = (0..<inputs * rank).map { down(number, $0 % rank, $0 / rank, seed) }
        let ups = (0..<rank * outputs).map { up(number, $0 % outputs, $0 / outputs, seed) }
        tensors.append(("\(target.path).lora_a", [inputs, rank], downs))
        tensors.append(("\(target.path).lora_b", [rank, outputs], ups))
        continue
      }
      let prefix = "base_model.model.\(target.path)"
      let downs = (0..<rank * inputs).map { down(number, $0 / inputs, $0 % inputs, seed) }
      let ups = (0..<rank * outputs).map { up(number, $0 / rank, $0 % rank, seed) }
      tensors.append(("\(prefix).lora_A.weight", [rank, inputs], downs))
      tensors.append(("\(prefix).lora_B.weight", [outputs, rank], ups))
    }
    switch layout {
    case .peft:
      try folder.write(SafetensorsBuilder.floats(tensors), to: "adapter_model.safetensors")
      try folder.write(#"{"peft_type": "LORA", "r": 3, "lora_alpha": 6}"#, to: "adapter_config.json")
    case .mlx:
      try folder.write(SafetensorsBuilder.floats(tensors), to: "adapters.safetensors")
      try folder.write(
        #"{"fine_tune_type": "lora", "lora_parameters": {"rank": 3, "scale": 2.0}}"#, to: "adapter_config.json")
    }
    return folder
  }

  /// A fixture of bfloat16 weights with adapters added to its matrices, everything in float32.
  public func fused(fixture name: String, seeds: [Int]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let (header, data) = try Self.header(of: name)
    var tensors: [(name: String, shape: [Int], values: [Float])] = []
    for (tensor, entry) in header where tensor != "__metadata__" {
      let shape = entry["shape"]?.arrayValue?.compactMap(\.intValue) ?? []
      let offsets = entry["data_offsets"]?.arrayValue?.compactMap(\.intValue) ?? [0, 0]
      var values = stride(from: offsets[0], to: offsets[1], by: 2).map {
        Float(bitPattern: UInt32(data[$0]) << 16 | UInt32(data[$0 + 1]) << 24)
      }
      if let number = targets.firstIndex(where: { "\($0.path).weight" == tensor }) {
        for seed in seeds {
          for index in values.indices {
            let (row, column) = (index / shape[1], index % shape[1])
            for k in 0..<Self.rank { values[index] += 2 * up(number, row, k, seed) * down(number, k, column, seed) }
          }
        }
      }
      tensors.append((tensor, shape, values))
    }
    try folder.write(SafetensorsBuilder.floats(tensors), to: "model.safetensors")
    try folder.write(try Fixtures.bytes("models/\(name)/config.json"), to: "config.json")
    return folder
  }

  /// A fixture's header and what follows it.
  private static func header(of name: String) throws -> (JSONObject, [UInt8]) {
    let file = try Fixtures.bytes("models/\(name)/model.safetensors")
    let size = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    return (try JSONReader.parse(Array(file[8..<8 + size])).objectValue ?? [:], Array(file[(8 + size)...]))
  }
}
