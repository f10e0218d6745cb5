// SPDX-License-Identifier: Apache-2.0
// A file in blocks: the unit in which bytes reach the disk and in which finished work is remembered.

internal import Synchronization

/// How a file is cut: equal blocks, the last one shorter.
struct BlockLayout: Sendable, Equatable {
  /// Size of the file.
  let byteCount: Int
  /// Size of every block but the last.
  let blockByteCount: Int

  /// Number of blocks; 0 for an empty file.
  var count: Int { (byteCount + blockByteCount - 1) / blockByteCount }
  /// The bytes of a block.
  func bytes(of block: Int) -> Range<Int> {
    let start = block * blockByteCount
    return start..<min(start + blockByteCount, byteCount)
  }
  /// The bytes of consecutive blocks.
  func bytes(of blocks: Range<Int>) -> Range<Int> {
    let start = min(blocks.lowerBound * blockByteCount, byteCount)
    return start..<max(start, min(blocks.upperBound * blockByteCount, byteCount))
  }
  /// The block that holds a byte.
  func block(at offset: Int) -> Int { offset / blockByteCount }
}

/// Memory for one block on its way to the disk.
///
/// Sendable by hand-over: it is filled by the transfer thread, given to the writer, and then back
/// to the pool; at no time do two of them hold it.
final class BlockBuffer: @unchecked Sendable {
  private let memory: UnsafeMutableRawBufferPointer
  private(set) var count = 0

  init(byteCount: Int) { memory = .allocate(byteCount: byteCount, alignment: 64) }
  deinit { memory.deallocate() }

  func clear() { count = 0 }

  /// Appends bytes; the caller keeps within the block.
  func append(_ bytes: UnsafeRawBufferPointer) {
    UnsafeMutableRawBufferPointer(rebasing: memory[count...]).copyMemory(from: bytes)
    count += bytes.count
  }

  /// What it holds.
  func withBytes<Value>(_ body: (UnsafeBufferPointer<UInt8>) -> Value) -> Value {
    body(UnsafeBufferPointer(rebasing: UnsafeRawBufferPointer(memory).assumingMemoryBound(to: UInt8.self)[..<count]))
  }
}

/// A bounded stock of buffers: when it is empty, transfers pause until the disk has caught up.
final class BlockPool: Sendable {
  private struct State {
    var idle: [BlockBuffer] = []
    var made = 0
    /// Whether somebody was refused since the last buffer came back.
    var isMissed = false
  }
  private let state = Mutex(State())
  private let byteCount: Int
  private let limit: Int
  private let wake: @Sendable () -> Void

  /// - Parameters:
  ///   - byteCount: Size of a block.
  ///   - limit: The most buffers that exist at a time.
  ///   - wake: Called when there is a buffer again after somebody was refused one.
  init(byteCount: Int, limit: Int, wake: @escaping @Sendable () -> Void = {}) {
    self.byteCount = byteCount
    self.limit = limit
    self.wake = wake
  }

  /// An empty buffer, or nil when all are in use.
  func take() -> BlockBuffer? {
    state.withLock { state in
      if let buffer = state.idle.popLast() { return buffer }
      guard state.made < limit else {
        state.isMissed = true
        return nil
      }
      state.made += 1
      return BlockBuffer(byteCount: byteCount)
    }
  }

  func give(_ buffer: BlockBuffer) {
    buffer.clear()
    let isMissed = state.withLock { state in
      state.idle.append(buffer)
      defer { state.isMissed = false }
      return state.isMissed
    }
    if isMissed { wake() }
  }
}

/// A fast 64-bit checksum: it tells whether a block on the disk is the one that was written, e.g.
/// after a power cut. It is no protection against anybody; the file's own hash is.
enum BlockChecksum {
  static func of(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
    let raw = UnsafeRawBufferPointer(bytes)
    // Four independent lanes keep the multiplier busy.
    var lanes = SIMD4<UInt64>(
      0x9E37_79B9_7F4A_7C15, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9, 0x85EB_CA77_C2B2_AE63)
    let factor: UInt64 = 0x9FB2_1C65_1E98_DF25
    var offset = 0
    while offset + 32 <= raw.count {
      for lane in 0..<4 {
        let word = raw.loadUnaligned(fromByteOffset: offset + lane * 8, as: UInt64.self)
        let mixed = (lanes[lane] ^ UInt64(littleEndian: word)) &* factor
        lanes[lane] = mixed ^ (mixed >> 29)
      }
      offset += 32
    }
    var hash = UInt64(raw.count)
    while offset < raw.count {
      hash = (hash ^ UInt64(raw[offset])) &* factor
      offset += 1
    }
    for lane in 0..<4 {
      hash = (hash ^ lanes[lane]) &* factor
      hash ^= hash >> 32
    }
    return hash
  }
}
