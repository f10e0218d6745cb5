// SPDX-License-Identifier: Apache-2.0
// Where a server finds models. The model library is one; tests have another.

public import Inference

/// A model that can be served.
public struct ServableModel: Sendable, Equatable {
  /// The name clients use.
  public var name: String
  /// The folder with its config, tokenizer and weights.
  public var folder: String
  /// Seconds since 1970 of its arrival.
  public var created: Int
  /// The owner's name, such as the part before the slash.
  public var owner: String
  /// Where its packed weights are kept; nil keeps none.
  public var packCache: PackCache?
  /// Adapters that are loaded with the model.
  public var adapters: [ServableAdapter] = []
  /// The one of them that the name means; `base` is then the name of the model as it is.
  public var adapter: String?
  public var base: String?

  /// The name under which it is loaded: a model and its adapters are one.
  var loadedName: String { base ?? name }

  public init(name: String, folder: String, created: Int, owner: String, packCache: PackCache? = nil) {
    self.name = name
    self.folder = folder
    self.created = created
    self.owner = owner
    self.packCache = packCache
  }
}

/// A LoRA adapter that clients ask for as if it were a model.
public struct ServableAdapter: Sendable, Equatable {
  public var name: String
  public var folder: String

  public init(name: String, folder: String) {
    self.name = name
    self.folder = folder
  }
}

/// Models by name. Calls may block; the server makes them on threads of their own.
public protocol ModelSource: Sendable {
  /// All models that can be served.
  func list() throws -> [ServableModel]
  /// The model a client means by a name: also by an alias or a shortened name; nil when there is none.
  func open(_ name: String) throws -> ServableModel?
}
