// SPDX-License-Identifier: Apache-2.0
// What the server knows of its connections: whether the client is still there, and deadlines for those
// that open one and say nothing, or ask and do not read.

internal import NIOCore
internal import Synchronization

/// One client's connection.
final class Connection: Sendable {
  private struct State {
    var isClosed = false
    var handlers: [Int: @Sendable () -> Void] = [:]
    var next = 0
  }

  private let state = Mutex(State())
  private let channel: any Channel

  init(_ channel: any Channel) { self.channel = channel }

  /// Calls the handler when the client goes away, at once if it has.
  /// - Returns: what `forget` takes.
  func onClose(_ handler: @escaping @Sendable () -> Void) -> Int {
    let place = state.withLock { state -> Int? in
      guard !state.isClosed else { return nil }
      state.next += 1
      state.handlers[state.next] = handler
      return state.next
    }
    guard let place else {
      handler()
      return 0
    }
    return place
  }

  func forget(_ place: Int) { state.withLock { _ = $0.handlers.removeValue(forKey: place) } }

  fileprivate func closed() {
    let handlers = state.withLock { state in
      state.isClosed = true
      defer { state.handlers = [:] }
      return Array(state.handlers.values)
    }
    for handler in handlers { handler() }
  }

  /// Closes the connection a little later, so that an answer can still be read, whatever the client
  /// goes on sending.
  func closeSoon() {
    let channel = channel
    channel.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
  }
}

/// All open connections.
final class Connections: Sendable {
  private let open = Mutex<[ObjectIdentifier: Connection]>([:])

  var count: Int { open.withLock { $0.count } }

  /// The connection of a channel; nil in tests that have none.
  subscript(channel: any Channel) -> Connection? { open.withLock { $0[ObjectIdentifier(channel)] } }

  fileprivate func enter(_ channel: any Channel) -> Connection {
    let connection = Connection(channel)
    open.withLock { $0[ObjectIdentifier(channel)] = connection }
    return connection
  }

  fileprivate func leave(_ channel: any Channel) { open.withLock { $0[ObjectIdentifier(channel)] = nil } }
}

/// Watches a channel.
final class ConnectionHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = NIOAny

  private let connections: Connections
  private let headerTimeout: TimeAmount
  private let stallTimeout: TimeAmount
  private var connection: Connection?
  private var deadline: Scheduled<Void>?
  /// Runs while the client does not read what was sent to it.
  private var stall: Scheduled<Void>?

  /// Clients that close their side while an answer is due want it no more, but small answers that are
  /// on their way may still arrive.
  private let grace: TimeAmount
  /// When the connection itself ends.
  private let ending: TimeAmount

  init(_ connections: Connections, headerTimeout: Duration, stallTimeout: Duration, partingTime: Duration) {
    grace = TimeAmount(partingTime)
    ending = TimeAmount(partingTime * 20)
    self.connections = connections
    self.headerTimeout = TimeAmount(headerTimeout)
    self.stallTimeout = TimeAmount(stallTimeout)
  }

  func handlerAdded(context: ChannelHandlerContext) {
    connection = connections.enter(context.channel)
    let channel = context.channel
    deadline = context.eventLoop.scheduleTask(in: headerTimeout) { channel.close(promise: nil) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    // The first part of a request: its head is complete.
    deadline?.cancel()
    deadline = nil
    context.fireChannelRead(data)
  }

  func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    stall?.cancel()
    connections.leave(context.channel)
    connection?.closed()
    context.fireChannelInactive()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    stall?.cancel()
    stall = nil
    if !context.channel.isWritable {
      let channel = context.channel
      stall = context.eventLoop.scheduleTask(in: stallTimeout) { channel.close(promise: nil) }
    }
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .some(.inputClosed) = event as? ChannelEvent, let connection {
      let channel = context.channel
      context.eventLoop.scheduleTask(in: grace) { connection.closed() }
      context.eventLoop.scheduleTask(in: ending) { channel.close(promise: nil) }
    }
    context.fireUserInboundEventTriggered(event)
  }
}
