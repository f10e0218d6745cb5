// SPDX-License-Identifier: Apache-2.0

import Basics
import Support

extension TemporaryFolder {
  /// Puts a file into the folder without waiting for the disk, in place of one of the same name.
  func scratch(_ bytes: [UInt8], _ name: String) throws -> String {
    let target = "\(path)/\(name)"
    try Files.remove(target)
    try OpenFile.creating(target).write(bytes.span)
    return target
  }
}
