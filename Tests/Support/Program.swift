// SPDX-License-Identifier: Apache-2.0
// Runs the built program as a shell would.

import Basics
public import Glibc

/// The program beside the tests.
public enum Program {
  /// What a run left behind.
  public struct Run: Sendable {
    /// Exit code, or 128 plus the signal's number.
    public let status: Int32
    /// What it wrote to stdout.
    public let output: String
    /// What it wrote to stderr.
    public let errors: String
  }

  /// The binary in the folder the tests were built into.
  public static var path: String {
    "\(Files.parent(of: (try? Files.linkTarget("/proc/self/exe")) ?? CommandLine.arguments[0]))/impetus"
  }

  /// Where the shell looks for programs.
  public static var searchPath: String { getenv("PATH").map { String(cString: $0) } ?? "" }

  /// Starts the program and kills it (SIGKILL) after a while, if it is still running.
  public static func killed(
    _ arguments: [String], after microseconds: UInt32, environment: [String: String]
  ) throws {
    let process = try start(path, arguments, environment: environment)
    usleep(microseconds)
    kill(process, SIGKILL)
    ended(process)
  }

  /// Waits for the end of a process.
  /// - Returns: its exit code, or 128 plus the signal's number.
  @discardableResult
  public static func ended(_ process: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
  }

  /// Starts a program that goes on by itself, without input and output.
  /// - Parameter errors: the file that takes what it writes to stderr; nil drops it.
  /// - Returns: its process, to be ended and waited for.
  public static func start(
    _ program: String, _ arguments: [String], environment: [String: String] = [:], errors: String? = nil
  ) throws -> pid_t {
    var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for variable in variables { free(variable) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (descriptor, path) in zip([0, 1, 2] as [Int32], ["/dev/null", "/dev/null", errors ?? "/dev/null"]) {
      posix_spawn_file_actions_addopen(&actions, descriptor, path, O_RDWR | O_CREAT, 0o600)
    }
    var process: pid_t = 0
    let failed = posix_spawn(&process, program, &actions, nil, &words, &variables)
    guard failed == 0 else { throw FileProblem.system(operation: "start", path: program, number: failed) }
    return process
  }

  /// Runs the program to its end.
  /// - Parameters:
  ///   - program: another program's path.
  ///   - input: what stdin holds.
  ///   - environment: all variables it sees; nil passes on the test's own.
  public static func run(
    _ arguments: [String], of program: String = path, input: String = "", environment: [String: String]? = nil
  ) throws -> Run {
    let folder = try TemporaryFolder()
    let source = try folder.write(input, to: "in")
    let (output, errors) = ("\(folder.path)/out", "\(folder.path)/err")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, source, O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT, 0o600)
    var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var variables: [UnsafeMutablePointer<CChar>?] = (environment ?? [:]).map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for variable in variables { free(variable) } }
    var process: pid_t = 0
    let failed = variables.withUnsafeMutableBufferPointer { own in
      posix_spawn(&process, program, &actions, nil, &words, environment == nil ? environ : own.baseAddress)
    }
    guard failed == 0 else { throw FileProblem.system(operation: "start", path: program, number: failed) }
    return Run(
      status: ended(process), output: String(decoding: try Files.read(output), as: UTF8.self),
      errors: String(decoding: try Files.read(errors), as: UTF8.self))
  }
}
