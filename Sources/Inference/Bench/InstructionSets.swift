// SPDX-License-Identifier: Apache-2.0
// The kernel sets of this processor, and the one in use.

internal import CKernels
internal import Glibc

/// Kernels are compiled for several instruction sets; one is chosen when the program starts.
public enum InstructionSets {
  /// Names of the sets this processor can run, the slowest first.
  public static var supported: [String] { all.filter { ck_isa_supported($0) }.map(name) }

  /// Name of the set in use: the fastest, or the one `IMPETUS_ISA` asks for.
  public static var chosen: String { name(ck_isa_detect()) }

  /// What is wrong with the set `IMPETUS_ISA` asks for, if it is not in use.
  public static var complaint: String? {
    guard let wish = getenv("IMPETUS_ISA").map({ String(cString: $0) }) else { return nil }
    let reason: String
    switch ck_isa_choose(wish).wish {
    case CK_WISH_UNKNOWN: reason = "is no kernel set (\(all.map(name).joined(separator: ", ")))"
    case CK_WISH_UNSUPPORTED: reason = "does not run on this processor (\(supported.joined(separator: ", ")) do)"
    default: return nil
    }
    return "IMPETUS_ISA: \"\(wish)\" \(reason); \(chosen) is used"
  }

  private static let all = (0..<CK_ISA_COUNT).map { ck_isa(rawValue: UInt32($0)) }

  private static func name(_ isa: ck_isa) -> String { String(cString: ck_isa_name(isa)) }
}
