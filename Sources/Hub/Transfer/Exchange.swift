// SPDX-License-Identifier: Apache-2.0
// One running request: a libcurl handle, what it has received so far, and who waits for it.

internal import CCurl

/// A request on the transfer thread.
///
/// Sendable by confinement: made by the asking task, handed over once through the loop's inbox, and
/// from then on touched by the transfer thread alone.
final class Exchange: @unchecked Sendable {
  let id: UInt64
  let request: Request
  let sink: (any BodySink)?
  private let completion: @Sendable (Result<Response, TransferFailure>) -> Void

  private var handle: UnsafeMutableRawPointer?
  private var headerList: UnsafeMutablePointer<curl_slist>?
  private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
  private var started = ContinuousClock.now
  private var deadline = Duration.zero

  private var head = ResponseHead()
  private var headerByteCount = 0
  private var sentByteCount = 0
  private var bodyBegan = false
  private var sinkAccepts = false
  private var body: [UInt8] = []
  private var ending: Ending?
  /// Whether the transfer waits for room in its sink or in the rate budget.
  private(set) var isPaused = false
  /// The loop that runs it, for the rate budget. Unowned: the loop outlives its exchanges.
  private unowned let loop: TransferLoop

  /// Why a callback stopped the transfer.
  private enum Ending {
    case enough
    case failure(TransferFailure)
  }

  init(
    id: UInt64, _ request: Request, sink: (any BodySink)?, loop: TransferLoop,
    completion: @escaping @Sendable (Result<Response, TransferFailure>) -> Void
  ) {
    self.id = id
    self.request = request
    self.sink = sink
    self.loop = loop
    self.completion = completion
    errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
  }

  deinit {
    if let handle { curl_easy_cleanup(handle) }
    if let headerList { curl_slist_free_all(headerList) }
    errorText.deallocate()
  }

  /// Makes the libcurl handle; nil when libcurl has no memory for one.
  func prepare(_ network: NetworkSettings) -> UnsafeMutableRawPointer? {
    guard let handle = curl_easy_init() else { return nil }
    self.handle = handle
    started = .now
    let byteCount = max(request.expectedByteCount, request.upload?.byteCount ?? 0)
    deadline = request.patience.time(for: byteCount, limit: network.bytesPerSecond)
    setBasics(handle)
    setNetwork(handle, network)
    setHeaders(handle)
    setMethod(handle)
    return handle
  }

  private func setBasics(_ handle: UnsafeMutableRawPointer) {
    let patience = request.patience
    _ = ccurl_set_text(handle, CURLOPT_URL, request.address.text)
    _ = ccurl_set_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
    _ = ccurl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0)
    _ = ccurl_set_long(handle, CURLOPT_NOSIGNAL, 1)
    _ = ccurl_set_long(handle, CURLOPT_QUICK_EXIT, 1)  // never wait for a name look-up on the way out
    _ = ccurl_set_long(handle, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    _ = ccurl_set_long(handle, CURLOPT_BUFFERSIZE, 256 << 10)
    _ = ccurl_set_long(handle, CURLOPT_TCP_KEEPALIVE, 1)
    _ = ccurl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, max(1, patience.connect.milliseconds))
    _ = ccurl_set_long(handle, CURLOPT_LOW_SPEED_TIME, max(1, Int(patience.stall.seconds.rounded(.up))))
    _ = ccurl_set_long(handle, CURLOPT_LOW_SPEED_LIMIT, patience.slowBytesPerSecond)
    _ = ccurl_set_long(handle, CURLOPT_TIMEOUT_MS, max(1, deadline.milliseconds))
    _ = ccurl_set_pointer(handle, CURLOPT_ERRORBUFFER, errorText)
    let me = Unmanaged.passUnretained(self).toOpaque()  // alive as long as the loop holds it
    _ = ccurl_set_pointer(handle, CURLOPT_PRIVATE, me)
    _ = ccurl_set_receiver(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
      guard let bytes, let context else { return 0 }
      let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
      return exchange.receive(UnsafeRawBufferPointer(start: bytes, count: size * count))
    }
    _ = ccurl_set_pointer(handle, CURLOPT_WRITEDATA, me)
    _ = ccurl_set_receiver(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
      guard let bytes, let context else { return 0 }
      let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
      return exchange.receiveHeader(UnsafeRawBufferPointer(start: bytes, count: size * count))
    }
    _ = ccurl_set_pointer(handle, CURLOPT_HEADERDATA, me)
  }

  private func setNetwork(_ handle: UnsafeMutableRawPointer, _ network: NetworkSettings) {
    _ = ccurl_set_text(handle, CURLOPT_PROXY, network.proxy(for: request.address))
    _ = ccurl_set_text(handle, CURLOPT_NOPROXY, network.direct ?? "")
    _ = ccurl_set_long(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    if let file = network.authorityFile { _ = ccurl_set_text(handle, CURLOPT_CAINFO, file) }
    if let folder = network.authorityFolder { _ = ccurl_set_text(handle, CURLOPT_CAPATH, folder) }
  }

  private func setHeaders(_ handle: UnsafeMutableRawPointer) {
    for header in request.headers {
      headerList = curl_slist_append(headerList, "\(header.name): \(header.value)")
    }
    // No waiting for "100 Continue": some servers never say it. A refusal ends the sending all the same.
    if sendsBody { headerList = curl_slist_append(headerList, "Expect:") }
    if !request.acceptsCompression { headerList = curl_slist_append(headerList, "Accept-Encoding: identity") }
    _ = ccurl_set_list(handle, CURLOPT_HTTPHEADER, headerList)
    if request.acceptsCompression { _ = ccurl_set_text(handle, CURLOPT_ACCEPT_ENCODING, "") }
  }

  private var sendsBody: Bool { request.method != .get && request.method != .head }

  /// Without a function to seek with, libcurl cannot send a body again by itself when a kept connection breaks: whoever
  /// uploads has to ask first how much of it came.
  private func setMethod(_ handle: UnsafeMutableRawPointer) {
    if request.method == .head { _ = ccurl_set_long(handle, CURLOPT_NOBODY, 1) }
    guard sendsBody else { return }
    _ = ccurl_set_long(handle, CURLOPT_UPLOAD, 1)
    _ = ccurl_set_text(handle, CURLOPT_CUSTOMREQUEST, request.method.rawValue)
    _ = ccurl_set_offset(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(request.upload?.byteCount ?? 0))
    _ = ccurl_set_long(handle, CURLOPT_UPLOAD_BUFFERSIZE, 512 << 10)
    let me = Unmanaged.passUnretained(self).toOpaque()
    _ = ccurl_set_receiver(handle, CURLOPT_READFUNCTION) { bytes, size, count, context in
      guard let bytes, let context else { return Int(CURL_READFUNC_ABORT) }
      let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
      return exchange.give(UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
    }
    _ = ccurl_set_pointer(handle, CURLOPT_READDATA, me)
  }

  // MARK: Callbacks

  /// Gives the next bytes to be sent.
  private func give(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    guard let upload = request.upload else { return 0 }
    guard let count = upload.read(into: buffer, at: sentByteCount) else {
      ending = .failure(.unreadable(upload.path))
      return Int(CURL_READFUNC_ABORT)
    }
    sentByteCount += count
    upload.progress(sentByteCount)
    return count
  }

  /// libcurl's promise: a count other than the offered one ends the transfer with a write error.
  private static let refuse = 0

  private func receiveHeader(_ line: UnsafeRawBufferPointer) -> Int {
    headerByteCount += line.count
    guard headerByteCount <= request.headerLimit else {
      ending = .failure(.headersTooLarge(limit: request.headerLimit))
      return Self.refuse
    }
    // Trailers of a chunked body come here as well, and mean nothing to us.
    if !bodyBegan { head.take(line: String(decoding: line, as: UTF8.self)) }
    return line.count
  }

  private func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
    if !bodyBegan {
      bodyBegan = true
      sinkAccepts = sink?.accepts(head) ?? false
    }
    if let sink, sinkAccepts { return receive(bytes, into: sink) }
    body.append(contentsOf: bytes.prefix(max(0, request.bodyLimit - body.count)))
    guard body.count >= request.bodyLimit else { return bytes.count }
    // Of an error page the beginning is enough; an answer that was wanted whole is too large.
    ending = sink == nil ? .failure(.bodyTooLarge(limit: request.bodyLimit)) : .enough
    return Self.refuse
  }

  private func receive(_ bytes: UnsafeRawBufferPointer, into sink: any BodySink) -> Int {
    guard loop.mayReceive else { return pause() }
    switch sink.receive(bytes) {
    case .taken:
      loop.spend(bytes.count)
      return bytes.count
    case .full:
      return pause()
    case .enough:
      ending = .enough
      return Self.refuse
    }
  }

  private func pause() -> Int {
    isPaused = true
    return Int(CURL_WRITEFUNC_PAUSE)
  }

  /// Offers the held bytes again; the receive callback may pause it once more.
  func resume() {
    guard isPaused, let handle else { return }
    isPaused = false
    _ = curl_easy_pause(handle, CURLPAUSE_CONT)
  }

  // MARK: The end

  /// Tells the waiting task how the transfer ended.
  func finish(_ code: CURLcode) {
    switch ending {
    case .enough: completion(.success(Response(head: head, body: body)))
    case .failure(let failure): completion(.failure(failure))
    case nil:
      guard code == CURLE_OK else {
        return fail(
          .from(
            code, text: String(cString: errorText), stall: request.patience.stall, deadline: deadline,
            elapsed: .now - started))
      }
      if !bodyBegan, let sink { _ = sink.accepts(head) }  // an empty body is judged too
      completion(.success(Response(head: head, body: body)))
    }
  }

  /// Ends it without an answer.
  func fail(_ failure: TransferFailure) { completion(.failure(failure)) }
}
