// SPDX-License-Identifier: Apache-2.0
// GET /v1/models and /v1/models/{id}

internal import Basics
internal import Hummingbird

extension API {
  /// All models that can be asked for.
  func models(_ request: Request, _ context: ServerContext) async throws -> Response {
    let models: [ServableModel]
    do {
      models = try await pool.list()
    } catch {
      throw APIError(error)
    }
    var list: [JSONValue] = []
    for model in models { list.append(await description(model)) }
    return Response(["object": "list", "data": .array(list)])
  }

  /// One model; its name may contain slashes.
  func model(_ request: Request, _ context: ServerContext) async throws -> Response {
    let name = Self.percentDecoded(context.parameters.getCatchAll().joined(separator: "/"))
    do {
      return Response(await description(try await pool.find(name)))
    } catch {
      throw APIError(error, model: name)
    }
  }

  /// `%2F` and the like as the bytes they stand for; what is no such triple stays.
  private static func percentDecoded(_ text: String) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(2).compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
      if byte == UInt8(ascii: "%"), digits.count == 2 {
        bytes.append(UInt8(digits[0] * 16 + digits[1]))
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func description(_ model: ServableModel) async -> JSONValue {
    [
      "id": .string(model.name), "object": "model", "created": JSONValue(model.created),
      "owned_by": .string(model.owner), "loaded": .bool(await pool.isLoaded(model.base ?? model.name)),
    ]
  }
}
