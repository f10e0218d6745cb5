// SPDX-License-Identifier: Apache-2.0
// What comes into the store from elsewhere: manifests, archives, lock files.

import Basics
import Library
import Store

extension FuzzTarget {
  private static let digests = ["sha256:", String(repeating: "0", count: 64), String(repeating: "a", count: 40)]

  static let manifest = FuzzTarget(
    name: "manifest",
    mutator: Mutator(
      dictionary: json + digests + [
        "../", "/", "\\u002e\\u002e/", "\"size\":-1", "\"size\":1e30", "\"layers\":[]", "\"config\":{}",
        "application/vnd.cncf.model.weight.v1.raw", "org.cncf.model.filepath",
      ], limit: 1 << 14, isText: true),
    seeds: { try files("\($0)/fuzz/manifest") },
    run: { input, _ in
      let manifest = try Manifest(bytes: input, place: "input")
      for file in manifest.files {
        let parts = file.path.split(separator: "/", omittingEmptySubsequences: false)
        precondition(!parts.contains("..") && !parts.contains(""), "a path leaves its folder")
      }
      precondition(manifest.byteCount >= 0)
    })

  static let lockFile = FuzzTarget(
    name: "lock-file",
    mutator: Mutator(
      dictionary: json + digests + ["../", "\"version\":1", "\"models\":[]", "\"recipe\":{}", "org/model:main"],
      limit: 1 << 14, isText: true),
    seeds: { try files("\($0)/fuzz/lock-file") },
    run: { input, _ in
      let lock = try LockFile(bytes: input, path: "input")
      let again = try LockFile(bytes: lock.bytes, path: "again")
      precondition(again == lock, "what was written is not what is read")
    })

  static let archive = FuzzTarget(
    name: "archive",
    mutator: Mutator(
      dictionary: ["../", "/", "ustar", "\u{0}", "7777777", "path=", "GNU.sparse.size="], limit: 1 << 14, isText: false),
    seeds: { try files("\($0)/fuzz/archive") },
    run: { input, scratch in
      let (path, folder) = ("\(scratch)/archive", "\(scratch)/out")
      try put(input, at: path)
      try Files.removeTree(folder)
      try Files.makeFolders(folder)
      _ = try Archive.extract(path, to: folder, limits: Archive.Limits(entries: 100, byteCount: 16 << 20))
      let names = try Files.list(scratch)
      precondition(names.allSatisfy { ["archive", "out"].contains($0) }, "a file lies outside")
    })
}
