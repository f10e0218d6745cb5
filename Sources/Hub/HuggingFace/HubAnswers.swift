// SPDX-License-Identifier: Apache-2.0
// The hub's refusals as problems, by the table of statuses and X-Error-Code.

/// What was asked, to word a refusal.
struct HubQuestion: Sendable {
  /// Nil for a question about all of the hub.
  var repository: RepoID?
  var revision: String?
  var path: RepoPath?
  let endpoint: WebAddress
  let token: Token?

  /// What is asked for, in messages.
  var subject: String { repository?.description ?? "the hub's search" }

  /// The problem of an answer that is neither a success nor worth another attempt.
  func problem(_ response: Response, from address: WebAddress) -> HubProblem {
    let head = response.head
    let message = ServerMessage.text(response)
    let name = subject
    switch (head.status, head.value("x-error-code")) {
    case (404, _) where repository == nil: return .notAHub(host: address.place, why: "it has no search")
    case (_, "GatedRepo"): return .gated(repository: name, page: page, hasToken: token != nil)
    case (401, "RepoNotFound"), (404, "RepoNotFound"): return missing
    case (404, "RevisionNotFound"): return .revisionNotFound(repository: name, revision: revision ?? "main")
    case (404, "EntryNotFound"): return .fileNotFound(repository: name, path: path?.description ?? "")
    case (401, nil) where token != nil: return .badToken(source: token?.source ?? "")
    case (401, _): return missing
    case (403, _) where message.contains("is disabled"): return .disabled(repository: name)
    case (404, _): return unnamedAbsence
    case (200...299, _): return .notAHub(host: address.place, why: "status \(head.status)")
    default: return .refused(host: address.place, status: head.status, message: message)
    }
  }

  private var missing: HubProblem {
    token == nil
      ? .absentOrPrivate(repository: subject)
      : .repositoryNotFound(repository: subject)
  }

  /// Mirrors answer 404 without a code: name the most exact thing that was asked for.
  private var unnamedAbsence: HubProblem {
    if let path { return .fileNotFound(repository: subject, path: path.description) }
    return .repositoryNotFound(repository: subject)
  }

  /// The page where access is asked for.
  private var page: String { endpoint.below("/\(subject)") }
}
