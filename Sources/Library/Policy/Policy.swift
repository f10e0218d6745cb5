// SPDX-License-Identifier: Apache-2.0
// What may be pulled and used on this machine: licences, organizations, formats and servers. Several files may say so;
// what one of them forbids no other allows (docs/store.md).

internal import Basics
internal import Hub
public import Store

/// What a policy is asked about.
public struct PolicySubject: Sendable {
  /// What the model is called.
  public var name: String
  /// The organization it came from; nil for models of no hub.
  public var organization: String?
  /// Licences by the hub's card or the manifest; nil when they are not to be judged.
  public var licenses: [String]?
  /// Paths of its files.
  public var paths: [String]
  /// The server it comes from; nil for models of no hub.
  public var server: String?

  public init(name: String, organization: String?, licenses: [String]?, paths: [String], server: String?) {
    self.name = name
    self.organization = organization
    self.licenses = licenses
    self.paths = paths
    self.server = server
  }

  /// A model of a store, by what its manifest says of its origin and not by the name it was given.
  public init(_ model: StoredModel, _ description: ModelDescription) {
    let origin = HubOrigin(description)
    self.init(
      name: model.reference.description, organization: origin?.repository.owner, licenses: description.origin.licenses,
      paths: model.manifest.files.map(\.path), server: origin?.endpoint)
  }

  /// A model that has been found.
  public init(_ model: LocatedModel) throws {
    if let stored = model.stored, let store = model.store {
      self.init(stored, try store.description(stored))
    } else {
      self.init(
        name: model.name, organization: nil, licenses: [], paths: try Files.list(model.folder), server: nil)
    }
  }
}

/// A policy file.
public struct ModelPolicy: Sendable, Equatable {
  /// Where it lies.
  public let path: String
  /// What is allowed; nil allows everything.
  public var licenses: [String]?
  public var organizations: [String]?
  public var formats: [String]?
  public var mirrors: [String]?

  private static let keys = ["licenses", "organizations", "formats", "mirrors"]

  /// Reads a policy.
  /// - Throws: `PolicyProblem.unreadable`: a policy that is not understood allows nothing.
  public init(path: String) throws(PolicyProblem) {
    func unreadable(_ why: String) -> PolicyProblem { .unreadable(path: path, why: why) }
    let json: JSONValue
    do { json = try JSONReader.parse(try Files.read(path, limit: 1 << 20)) } catch let problem as any Problem {
      throw unreadable(problem.description)
    } catch { throw unreadable("\(error)") }
    guard let object = json.objectValue else { throw unreadable("it is no JSON object") }
    for (key, _) in object where !Self.keys.contains(key) {
      throw unreadable("the rule \"\(key.prefix(64))\" is not known")
    }
    func list(_ key: String) throws(PolicyProblem) -> [String]? {
      guard let value = object[key] else { return nil }
      let texts = value.arrayValue?.compactMap(\.stringValue)
      guard let texts, texts.count == value.arrayValue?.count else { throw unreadable("\(key) is no list of texts") }
      return texts
    }
    self.path = path
    licenses = try list("licenses")
    organizations = try list("organizations")
    formats = try list("formats")
    mirrors = try list("mirrors")
  }

  /// - Throws: `PolicyProblem.refused`.
  func check(_ subject: PolicySubject) throws(PolicyProblem) {
    func refuse(_ rule: String, _ why: String) -> PolicyProblem {
      .refused(name: subject.name, rule: rule, policy: path, why: why)
    }
    if let mirrors, let server = subject.server {
      let plain = Self.trimmed(server)
      guard mirrors.contains(where: { Self.trimmed($0) == plain }) else {
        throw refuse("mirrors", "\(server) is not one of the servers that are allowed")
      }
    }
    if let organizations {
      // A model of no hub is `local`, which has to be allowed too.
      let organization = subject.organization ?? "local"
      guard Self.allows(organizations, organization) else {
        throw refuse("organizations", "it is from \(organization), which is not allowed")
      }
    }
    if let formats {
      for path in subject.paths {
        guard let format = WeightFileFormat.of(path), !Self.allows(formats, format) else { continue }
        throw refuse("formats", "\(path) is \(format), and only \(formats.joined(separator: ", ")) may be used")
      }
    }
    if let licenses, let found = subject.licenses {
      for license in found.isEmpty ? ["unknown"] : found where !Self.allows(licenses, license) {
        throw refuse("licenses", "its licence is \(license), which is not allowed")
      }
    }
  }

  private static func trimmed(_ address: String) -> String {
    String(address.hasSuffix("/") ? address.dropLast() : address[...]).lowercased()
  }

  /// Whether a list has a text, in any case; `*` stands for any letters.
  private static func allows(_ list: [String], _ text: String) -> Bool {
    list.contains { FilePattern($0.lowercased()).matches(text.lowercased()) }
  }
}

/// The format that a file of weights is in, by its name.
enum WeightFileFormat {
  static func of(_ path: String) -> String? {
    switch path.split(separator: ".").last.map({ $0.lowercased() }) {
    case "safetensors": "safetensors"
    case "gguf", "ggml": "gguf"
    case "bin", "pt", "pth", "ckpt", "pkl", "pickle", "joblib": "pickle"
    case "onnx", "onnx_data": "onnx"
    case "h5", "keras": "hdf5"
    case "npz", "npy": "numpy"
    case "msgpack": "msgpack"
    case "tflite": "tflite"
    default: nil
    }
  }
}

/// All policies of this machine and user.
public struct Policies: Sendable {
  /// In the order in which they are asked.
  public let all: [ModelPolicy]

  public init(_ all: [ModelPolicy]) { self.all = all }

  /// The machine's, the user's and the one that the environment names, as far as there are any.
  /// - Throws: `PolicyProblem.unreadable`, also when the one that the environment names is not there.
  public static func load(environment: [String: String], system: String = "/etc/impetus/policy.json") throws -> Policies
  {
    var paths = [system]
    if let folder = environment["XDG_CONFIG_HOME"], folder.hasPrefix("/") {
      paths.append("\(folder)/impetus/policy.json")
    } else if let home = environment["HOME"] {
      paths.append("\(home)/.config/impetus/policy.json")
    }
    paths = paths.filter { Files.kind($0) != nil }
    if let named = environment["IMPETUS_POLICY"], !named.isEmpty { paths.append(named) }
    return Policies(try paths.map { path throws(PolicyProblem) in try ModelPolicy(path: path) })
  }

  /// Whether a licence has to be known before anything is fetched.
  public var judgesLicenses: Bool { all.contains { $0.licenses != nil } }

  /// - Throws: `PolicyProblem.refused` by the first policy that forbids it.
  public func check(_ subject: PolicySubject) throws(PolicyProblem) {
    for policy in all { try policy.check(subject) }
  }
}
