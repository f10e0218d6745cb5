// SPDX-License-Identifier: Apache-2.0
// Streaming SHA-256 and SHA-1 by libcrypto: as fast as any, and curl loads it anyway.

internal import CCrypto
internal import CKernels

/// A running SHA-256. It can be put down and taken up again: by a copy, by a text of its state, or, between two steps of
/// the hash, by the eight words that stand for all bytes before.
public struct SHA256: Sendable {
  private var context = SHA256_CTX()

  public init() { unsafe SHA256_Init(&context) }

  /// Goes on where `state` was noted, by a program that was built for the same kind of machine.
  /// - Returns: nil for a text that is no such state.
  public init?(state: String) {
    guard let bytes = Hex.bytes(state), bytes.count == MemoryLayout<SHA256_CTX>.size else { return nil }
    unsafe withUnsafeMutableBytes(of: &context) { unsafe $0.copyBytes(from: bytes) }
    // The library trusts both to be within its buffers.
    guard context.num < 64, context.md_len == 32 else { return nil }
  }

  /// The state as hex digits.
  public var state: String { unsafe withUnsafeBytes(of: context) { unsafe Hex.text(Array($0)) } }

  /// Goes on where another hash stood after `byteCount` bytes, a multiple of 64.
  public init(from value: ChainingValue, byteCount: Int) {
    precondition(byteCount % Self.stepByteCount == 0, "SHA-256 has chaining values between its steps only")
    unsafe SHA256_Init(&context)
    let w = value.words
    context.h = (w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7])
    let bits = UInt64(byteCount) &* 8
    context.Nl = UInt32(truncatingIfNeeded: bits)
    context.Nh = UInt32(truncatingIfNeeded: bits >> 32)
  }

  /// Bytes that SHA-256 takes in at a step.
  static let stepByteCount = 64

  /// Takes in more bytes.
  public mutating func update(_ bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBytes { raw in
      let updated = unsafe SHA256_Update(&context, raw.baseAddress, raw.count)
      precondition(updated == 1, "libcrypto refused bytes")
    }
  }

  /// Takes in bytes for two hashes at once: where the processor can, in little more time than for one.
  public static func update(
    _ one: inout SHA256, _ first: Span<UInt8>, _ other: inout SHA256, _ second: Span<UInt8>
  ) {
    let count = min(first.count, second.count) / stepByteCount * stepByteCount
    let isPaired =
      one.context.num == 0 && other.context.num == 0 && count > 0
      && (unsafe first.withUnsafeBytes { first in
        unsafe second.withUnsafeBytes { second in
          unsafe withUnsafeMutableBytes(of: &one.context.h) { one in
            unsafe withUnsafeMutableBytes(of: &other.context.h) { other in
              unsafe ck_sha256_pair(
                one.baseAddress?.assumingMemoryBound(to: UInt32.self), first.baseAddress,
                other.baseAddress?.assumingMemoryBound(to: UInt32.self), second.baseAddress, count / stepByteCount)
            }
          }
        }
      })
    if isPaired {
      one.count(count)
      other.count(count)
    }
    let done = isPaired ? count : 0
    one.update(first.extracting(droppingFirst: done))
    other.update(second.extracting(droppingFirst: done))
  }

  /// Counts bytes that are in the words already.
  private mutating func count(_ byteCount: Int) {
    let bits = (UInt64(context.Nh) << 32 | UInt64(context.Nl)) &+ UInt64(byteCount) &* 8
    context.Nl = UInt32(truncatingIfNeeded: bits)
    context.Nh = UInt32(truncatingIfNeeded: bits >> 32)
  }

  /// What stands for all bytes so far; nil in the middle of a step.
  public var chainingValue: ChainingValue? {
    guard context.num == 0 else { return nil }
    let h = context.h
    return ChainingValue(words: [h.0, h.1, h.2, h.3, h.4, h.5, h.6, h.7])
  }

  /// The digest of everything so far.
  public var digest: Digest {
    var (copy, output) = (context, [UInt8](repeating: 0, count: 32))
    unsafe SHA256_Final(&output, &copy)
    return Digest(raw: output)
  }
}

/// A running SHA-1, for the identity git gives to small files; never for trust.
public struct SHA1: ~Copyable {
  private var hash = unsafe RunningHash(EVP_sha1())

  public init() {}
  /// Takes in more bytes.
  public mutating func update(_ bytes: Span<UInt8>) { hash.update(bytes) }
  /// 40 lower-case hex digits; ends the hash.
  public consuming func finish() -> String { Hex.text(hash.finish()) }

  /// The object id git gives to a file with this content: SHA-1 of `blob LENGTH NUL content`.
  public static func gitBlob(_ bytes: [UInt8]) -> String {
    var hasher = gitBlobHasher(byteCount: bytes.count)
    hasher.update(bytes.span)
    return hasher.finish()
  }

  /// A hasher that has seen git's header for a file of `byteCount` bytes.
  public static func gitBlobHasher(byteCount: Int) -> SHA1 {
    var hasher = SHA1()
    let header = Array("blob \(byteCount)\0".utf8)
    hasher.update(header.span)
    return hasher
  }
}

/// One libcrypto context. Allocation failure is the only error these calls know, and traps.
@safe private struct RunningHash: ~Copyable {
  private let context: OpaquePointer

  init(_ kind: OpaquePointer?) {
    guard let made = unsafe EVP_MD_CTX_new(), unsafe EVP_DigestInit_ex(made, kind, nil) == 1 else {
      preconditionFailure("libcrypto has no memory for a hash")
    }
    unsafe context = made
  }

  deinit { unsafe EVP_MD_CTX_free(context) }

  mutating func update(_ bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBytes { raw in
      let updated = unsafe EVP_DigestUpdate(context, raw.baseAddress, raw.count)
      precondition(updated == 1, "libcrypto refused bytes")
    }
  }

  borrowing func finish() -> [UInt8] {
    var output = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    let ended = unsafe EVP_DigestFinal_ex(context, &output, &count)
    precondition(ended == 1, "libcrypto could not end a hash")
    return Array(output[..<Int(count)])
  }
}
