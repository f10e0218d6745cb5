// SPDX-License-Identifier: Apache-2.0
// LoRA adapters as models of their own: one of the models served, and beside it a name for each adapter.

import ArgumentParser
import Basics
import Models
import Server

/// A source of models one of which is loaded with adapters.
struct AdaptedSource: ModelSource {
  private let source: LibrarySource
  private let base: ServableModel
  private let adapters: [ServableAdapter]

  /// Takes adapters as `name=folder`; their files are checked before anything is served.
  /// - Throws: `ValidationError` for what is no such pair, or a name that is taken; what opening an adapter throws.
  init(_ pairs: [String], of model: String, in source: LibrarySource) throws {
    guard let base = try source.open(model) else {
      throw ValidationError("--adapter goes with a model; there is no \(model)")
    }
    var adapters: [ServableAdapter] = []
    for pair in pairs {
      guard let sign = pair.firstIndex(of: "="), sign > pair.startIndex, pair.index(after: sign) < pair.endIndex else {
        throw ValidationError("--adapter takes name=folder, not \"\(pair)\"")
      }
      let adapter = ServableAdapter(name: String(pair[..<sign]), folder: String(pair[pair.index(after: sign)...]))
      guard try source.open(adapter.name) == nil, !adapters.contains(where: { $0.name == adapter.name }) else {
        throw ValidationError("there is a model \(adapter.name) already; give the adapter another name")
      }
      _ = try Adapter.open(adapter.folder)
      adapters.append(adapter)
    }
    self.source = source
    self.base = base
    self.adapters = adapters
  }

  func list() throws -> [ServableModel] {
    let models = try source.list()
    return models + adapters.map { named($0, of: base) }
  }

  func open(_ name: String) throws -> ServableModel? {
    if let adapter = adapters.first(where: { $0.name == name }) {
      return try source.open(base.name).map { named(adapter, of: $0) }
    }
    guard var model = try source.open(name) else { return nil }
    if model.name == base.name { model.adapters = adapters }
    return model
  }

  private func named(_ adapter: ServableAdapter, of model: ServableModel) -> ServableModel {
    var servable = model
    servable.name = adapter.name
    servable.adapters = adapters
    servable.adapter = adapter.name
    servable.base = model.name
    return servable
  }
}
