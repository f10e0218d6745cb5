// SPDX-License-Identifier: Apache-2.0
// What a model is and where it comes from: the manifest's config blob, in ModelPack's form.

public import Basics

/// Where a model comes from.
public struct Origin: Sendable, Equatable {
  /// The page of the repository, or the name of the imported file.
  public var source: String?
  /// The commit of the repository.
  public var revision: String?
  /// SPDX ids, or what the hub's card says.
  public var licenses: [String]

  public init(source: String? = nil, revision: String? = nil, licenses: [String] = []) {
    self.source = source
    self.revision = revision
    self.licenses = licenses
  }
}

/// How a model was made of others.
public struct Provenance: Sendable, Equatable {
  /// A file it was made of.
  public struct Input: Sendable, Equatable {
    public var path: String
    public var digest: Digest

    public init(path: String, digest: Digest) {
      self.path = path
      self.digest = digest
    }
  }

  /// The model it was made of, as it was called then, and its manifest.
  public var base: String?
  public var baseManifest: Digest?
  /// Every file that was read.
  public var inputs: [Input]
  /// What was done, with all settings: the same inputs and recipe give the same bytes.
  public var recipe: JSONObject
  /// Name and version of the program.
  public var tool: String

  public init(base: String?, baseManifest: Digest?, inputs: [Input], recipe: JSONObject, tool: String) {
    self.base = base
    self.baseManifest = baseManifest
    self.inputs = inputs
    self.recipe = recipe
    self.tool = tool
  }

  var json: JSONObject {
    var object = JSONObject()
    if let base { object["base"] = .string(base) }
    if let baseManifest { object["baseManifest"] = .string(baseManifest.description) }
    object["inputs"] = .array(
      inputs.map { .object(["path": .string($0.path), "digest": .string($0.digest.description)]) })
    object["recipe"] = .object(recipe)
    object["tool"] = .string(tool)
    return object
  }

  init?(_ json: JSONValue?) {
    guard let object = json?.objectValue else { return nil }
    base = object["base"]?.stringValue
    baseManifest = object["baseManifest"]?.stringValue.flatMap { Digest($0) }
    inputs = (object["inputs"]?.arrayValue ?? []).compactMap { input in
      guard let path = input["path"]?.stringValue, let digest = input["digest"]?.stringValue.flatMap({ Digest($0) })
      else { return nil }
      return Input(path: path, digest: digest)
    }
    recipe = object["recipe"]?.objectValue ?? JSONObject()
    tool = object["tool"]?.stringValue ?? ""
  }
}

/// The config blob.
public struct ModelDescription: Sendable, Equatable {
  /// What `model_type` of config.json says.
  public var architecture: String?
  /// Format of the weights: `safetensors`.
  public var format: String?
  /// Number of parameters, e.g. `135M`.
  public var parameters: String?
  /// Type of weights that are not quantized, e.g. `bfloat16`.
  public var precision: String?
  /// Such as `affine 4 bit, groups of 64`.
  public var quantization: String?
  /// Where it comes from.
  public var origin: Origin
  /// Set for a model made of another.
  public var provenance: Provenance?

  public init(
    architecture: String? = nil, format: String? = nil, parameters: String? = nil, precision: String? = nil,
    quantization: String? = nil, origin: Origin = Origin(), provenance: Provenance? = nil
  ) {
    self.architecture = architecture
    self.format = format
    self.parameters = parameters
    self.precision = precision
    self.quantization = quantization
    self.origin = origin
    self.provenance = provenance
  }

  /// Key of the provenance: beside ModelPack's own keys, under a name of ours.
  static let provenanceKey = "org.impetus.provenance"

  /// The blob's bytes.
  /// - Parameter files: the model's files, whose digests the format repeats.
  func bytes(name: String, files: [ModelFile]) -> [UInt8] {
    var descriptor: JSONObject = ["name": .string(name)]
    if let source = origin.source { descriptor["sourceURL"] = .string(source) }
    if let revision = origin.revision { descriptor["revision"] = .string(revision) }
    if !origin.licenses.isEmpty { descriptor["licenses"] = .array(origin.licenses.map { .string($0) }) }
    var config = JSONObject()
    for (key, value) in [
      ("architecture", architecture), ("format", format), ("paramSize", parameters), ("precision", precision),
      ("quantization", quantization),
    ] {
      if let value { config[key] = .string(value) }
    }
    var object: JSONObject = [
      "descriptor": .object(descriptor), "config": .object(config),
      "modelfs": .object([
        "type": "layers", "diffIds": .array(files.map { .string($0.digest.description) }),
      ]),
    ]
    if let provenance { object[Self.provenanceKey] = .object(provenance.json) }
    return JSONWriter.bytes(.object(object))
  }

  /// Reads a config blob; what is missing is nil.
  init(bytes: [UInt8], place: String) throws(StoreProblem) {
    let json: JSONValue
    do { json = try JSONReader.parse(bytes) } catch {
      throw .damagedManifest(place: place, why: error.description)
    }
    guard json["modelfs"]?.objectValue != nil else {
      throw .damagedManifest(place: place, why: "its config is no ModelPack config")
    }
    let (descriptor, config) = (json["descriptor"], json["config"])
    architecture = config?["architecture"]?.stringValue
    format = config?["format"]?.stringValue
    parameters = config?["paramSize"]?.stringValue
    precision = config?["precision"]?.stringValue
    quantization = config?["quantization"]?.stringValue
    origin = Origin(
      source: descriptor?["sourceURL"]?.stringValue, revision: descriptor?["revision"]?.stringValue,
      licenses: (descriptor?["licenses"]?.arrayValue ?? []).compactMap(\.stringValue))
    provenance = Provenance(json[Self.provenanceKey])
  }
}
