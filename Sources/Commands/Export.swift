// SPDX-License-Identifier: Apache-2.0
// `impetus export`: models as one file or folder, for machines without a network.

import ArgumentParser
import Basics
import Library
import Store
import Synchronization

struct Export: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write models as one archive, or a folder, that import takes back.",
    discussion: """
      The archive is an OCI image layout in a tar file, which other tools read too. The same models make the same bytes on
      every machine. Compression follows from the name: .tar, .tar.gz or .tar.zst; weights hardly get smaller by it. Any
      other name makes a folder with the layout.

      Examples:
        impetus export SmolLM2-135M-Instruct:q4 --output smollm2.tar
        impetus export org/one org/two --output both.tar.zst
        impetus export org/model --output - | ssh host impetus import -
        impetus export org/model --output ./layout
      """)

  @Argument(help: "Names of models.", completion: ModelCompletion.kind)
  var models: [String]

  @Option(name: .shortAndLong, help: "The archive or folder to write; - is stdout.", completion: .file())
  var output: String

  @Flag(name: .long, help: "Replace the archive, or a folder with a layout, if there is one.")
  var force = false

  @OptionGroup var storeOptions: StoreOptions
  @OptionGroup var progress: ProgressOption

  func run() async throws {
    let (store, found) = try storeOptions.models(models)
    var name = output
    while name.count > 1, name.hasSuffix("/") { name.removeLast() }
    let path = name == "-" ? nil : name
    guard path != nil || !Output.standard.isTerminal else {
      throw ValidationError("stdout is a terminal; name a file with --output")
    }
    let isFolder = path.map { path in !Self.archiveSuffixes.contains { path.hasSuffix($0) } } ?? false
    if let path { try makeWay(path, isFolder: isFolder) }
    let compression: ModelStore.Compression =
      output.hasSuffix(".zst") ? .zstd : output.hasSuffix(".gz") || output.hasSuffix(".tgz") ? .gzip : .none
    let bar = ProgressLine("exporting", mode: progress.progress)
    let total = store.checks(found).reduce(0) { $0 + $1.descriptor.byteCount }
    try await blocking { isCancelled in
      defer { bar.finish() }
      var done = 0
      let tell: (Int) throws -> Void = { count in
        if isCancelled() { throw CancellationError() }
        done += count
        bar.update(done: done, total: total)
      }
      if let path, isFolder {
        try store.export(found, toFolder: path, progress: tell)
      } else {
        try store.export(found, to: path, compression: compression, progress: tell)
      }
    }
    note("wrote \(found.map(\.reference.description).joined(separator: ", ")): \(Quantity.bytes(total))")
  }

  private static let archiveSuffixes = [".tar", ".tar.gz", ".tgz", ".tar.zst"]

  /// Sees to it that nothing is in the way.
  private func makeWay(_ path: String, isFolder: Bool) throws {
    guard Files.kind(path) != nil else { return }
    // An empty folder is no loss, and what is no layout is not ours to remove.
    if isFolder, Files.isFolder(path) {
      let isEmpty = try Files.list(path).isEmpty
      guard isEmpty || force && Files.isFile("\(path)/oci-layout") && !Files.isFolder("\(path)/refs") else {
        throw CommandProblem.exists(path: path)
      }
      return try Files.removeTree(path)
    }
    guard force, !isFolder else { throw CommandProblem.exists(path: path) }
  }
}
