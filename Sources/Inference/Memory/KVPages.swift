// SPDX-License-Identifier: Apache-2.0
// The paged key/value cache: fixed-size pages of one pool, a table of pages for each sequence.
//
// A page holds the keys and values of `pageTokens` tokens for all layers. The pool's addresses are
// reserved at once and become resident page by page; freed pages are used again last in, first out,
// so that memory follows the longest use, not the budget. Sequences that begin alike may share pages: one that writes
// into a page others use too gets a copy of its own first.

/// Pages, sequences and their tables.
struct KVPages: ~Copyable {
  /// What is known of an open sequence.
  struct Slot {
    var generation: UInt32 = 0
    var isOpen = false
    /// Tokens cached.
    var length = 0
    var pageCount = 0
    /// Tokens the sequence is known to reach.
    var expectedLength = 0
    /// Place of its adapter among the model's; -1 for none.
    var adapter = -1
  }

  let pageTokens: Int
  let pageBytes: Int
  let pageLimit: Int
  /// Tokens a single sequence may have.
  let contextLength: Int
  let pagesPerSequence: Int
  private let pool: AnonymousMemory
  /// [sequences, pagesPerSequence]: page numbers.
  private let tables: AnonymousMemory
  var slots: [Slot]
  private var freeSlots: [Int32]
  private var freePages: [Int32] = []
  /// How many sequences use each page that was ever used.
  private var users: [Int32] = []

  /// Makes an empty cache.
  /// - Parameter byteBudget: the pool's largest size; at least one page is needed.
  init(
    pageTokens: Int, pageBytes: Int, byteBudget: Int, sequences: Int, contextLength: Int
  ) throws(InferenceProblem) {
    let pagesPerSequence = contextLength.roundedUp(to: pageTokens) / pageTokens
    let pageLimit = min(byteBudget / pageBytes, pagesPerSequence * sequences)
    guard pageLimit > 0 else { throw .cacheFull(neededBytes: pageBytes, budgetBytes: byteBudget) }
    let pool = try AnonymousMemory(byteCount: pageLimit * pageBytes, hugePages: true)
    let tables = try AnonymousMemory(byteCount: sequences * pagesPerSequence * 4, hugePages: false)
    self.pageTokens = pageTokens
    self.pageBytes = pageBytes
    self.pageLimit = pageLimit
    self.contextLength = contextLength
    self.pagesPerSequence = pagesPerSequence
    self.pool = pool
    self.tables = tables
    slots = Array(repeating: Slot(), count: sequences)
    freeSlots = (0..<Int32(sequences)).reversed()
  }

  /// Start of the pool; page n lies at n * pageBytes.
  var base: UnsafeMutableRawPointer { pool.base }

  /// The page numbers of a sequence.
  func table(_ slot: Int32) -> UnsafeMutablePointer<Int32> {
    tables.base.assumingMemoryBound(to: Int32.self) + Int(slot) * pagesPerSequence
  }

  /// Tokens that could still be cached, over all sequences, in whole pages.
  var freeTokens: Int { (freePages.count + pageLimit - users.count) * pageTokens }

  /// Pages that so many tokens of a sequence need.
  private func pageCount(_ tokens: Int) -> Int { tokens.roundedUp(to: pageTokens) / pageTokens }

  /// The slot of a sequence.
  /// - Throws: `invalidSequence` when it was released.
  func slot(of sequence: SequenceID) throws(InferenceProblem) -> Int32 {
    guard isOpen(sequence) else { throw .invalidSequence }
    return sequence.slot
  }

  func isOpen(_ sequence: SequenceID) -> Bool {
    let index = Int(sequence.slot)
    return slots.indices.contains(index) && slots[index].isOpen
      && slots[index].generation == sequence.generation
  }

  mutating func open(expectedLength: Int, adapter: Int = -1) throws(InferenceProblem) -> SequenceID {
    guard let slot = freeSlots.popLast() else { throw .tooManySequences(limit: slots.count) }
    let generation = slots[Int(slot)].generation &+ 1
    slots[Int(slot)] = Slot(
      generation: generation, isOpen: true, expectedLength: expectedLength, adapter: adapter)
    return SequenceID(slot: slot, generation: generation)
  }

  mutating func release(_ sequence: SequenceID) {
    guard isOpen(sequence) else { return }
    shorten(sequence.slot, to: 0)
    slots[Int(sequence.slot)].isOpen = false
    freeSlots.append(sequence.slot)
  }

  /// Keeps the first `length` tokens and the pages they need.
  mutating func shorten(_ slot: Int32, to length: Int) {
    let index = Int(slot)
    let kept = min(max(length, 0), slots[index].length)
    if kept < slots[index].length { slots[index].expectedLength = 0 }
    slots[index].length = kept
    trimPages(slot, tokens: kept)
  }

  /// Frees pages beyond those `tokens` tokens need.
  private mutating func trimPages(_ slot: Int32, tokens: Int) {
    let needed = pageCount(tokens)
    let pages = table(slot)
    while slots[Int(slot)].pageCount > needed {
      slots[Int(slot)].pageCount -= 1
      leavePage(pages[slots[Int(slot)].pageCount])
    }
  }

  /// Gives an empty sequence the first `length` tokens of another: it uses the same pages.
  mutating func share(_ length: Int, of donor: Int32, with slot: Int32) {
    let length = min(length, slots[Int(donor)].length)
    guard slots[Int(slot)].pageCount == 0, slot != donor, length > 0 else { return }
    let (source, pages) = (table(donor), table(slot))
    let count = pageCount(length)
    for index in 0..<count {
      users[Int(source[index])] += 1
      pages[index] = source[index]
    }
    slots[Int(slot)].pageCount = count
    slots[Int(slot)].length = length
  }

  /// Makes sure a sequence has pages of its own for `count` tokens more.
  /// - Throws: `contextExceeded`, or `cacheFull` when the pool has no page left; pages got for this
  ///   sequence before that are given back.
  mutating func reserve(_ slot: Int32, count: Int) throws(InferenceProblem) {
    let length = slots[Int(slot)].length
    guard length + count <= contextLength else {
      throw .contextExceeded(length: length + count, limit: contextLength)
    }
    let needed = pageCount(length + count)
    // The page that the last tokens filled in part.
    let begun = count > 0 && length % pageTokens > 0 ? length / pageTokens : nil
    let copied = begun.map { users[Int(table(slot)[$0])] > 1 } ?? false
    let missing = needed - slots[Int(slot)].pageCount + (copied ? 1 : 0)
    guard missing <= freePages.count + pageLimit - users.count else {
      throw .cacheFull(neededBytes: missing * pageBytes, budgetBytes: pageLimit * pageBytes)
    }
    let pages = table(slot)
    if let begun, copied {
      let (shared, own) = (pages[begun], takePage())
      (base + Int(own) * pageBytes).copyMemory(from: base + Int(shared) * pageBytes, byteCount: pageBytes)
      leavePage(shared)
      pages[begun] = own
    }
    while slots[Int(slot)].pageCount < needed {
      pages[slots[Int(slot)].pageCount] = takePage()
      slots[Int(slot)].pageCount += 1
    }
  }

  /// Gives back pages reserved beyond the sequence's length.
  mutating func unreserve(_ slot: Int32) { trimPages(slot, tokens: slots[Int(slot)].length) }

  /// Counts tokens whose keys and values have been written.
  mutating func advance(_ slot: Int32, by count: Int) { slots[Int(slot)].length += count }

  private mutating func takePage() -> Int32 {
    if let page = freePages.popLast() {
      users[Int(page)] = 1
      return page
    }
    users.append(1)
    return Int32(users.count - 1)
  }

  private mutating func leavePage(_ page: Int32) {
    users[Int(page)] -= 1
    if users[Int(page)] == 0 { freePages.append(page) }
  }
}
