// SPDX-License-Identifier: Apache-2.0
// Media types of the OCI image and ModelPack (CNCF model-spec) formats, and which file is of which.

/// The media types the store reads and writes.
enum MediaType {
  static let manifest = "application/vnd.oci.image.manifest.v1+json"
  static let index = "application/vnd.oci.image.index.v1+json"
  static let model = "application/vnd.cncf.model.manifest.v1+json"
  static let config = "application/vnd.cncf.model.config.v1+json"
  static let weight = "application/vnd.cncf.model.weight.v1.raw"
  static let weightConfig = "application/vnd.cncf.model.weight.config.v1.raw"
  static let document = "application/vnd.cncf.model.doc.v1.raw"
  static let code = "application/vnd.cncf.model.code.v1.raw"
  static let dataset = "application/vnd.cncf.model.dataset.v1.raw"

  /// Types that a layer may have: the content is the file itself.
  static let layers: Set<String> = [weight, weightConfig, document, code, dataset]

  /// The type of a model's file by its name.
  static func layer(_ path: String) -> String {
    let name = path.split(separator: "/").last.map { $0.lowercased() } ?? path
    let suffix = name.split(separator: ".").last.map(String.init) ?? name
    switch suffix {
    case "safetensors", "gguf", "bin", "pt", "pth", "onnx", "npz": return weight
    case "py", "sh", "ipynb": return code
    case "md", "pdf", "png", "jpg", "rst", "html": return document
    default:
      let isDocument = ["license", "notice", "readme", "use_policy"].contains { name.hasPrefix($0) }
      return isDocument ? document : weightConfig
    }
  }
}

/// Names of annotations.
enum Annotation {
  static let filePath = "org.cncf.model.filepath"
  static let source = "org.opencontainers.image.source"
  static let revision = "org.opencontainers.image.revision"
  static let licenses = "org.opencontainers.image.licenses"
  static let title = "org.opencontainers.image.title"
  static let referenceName = "org.opencontainers.image.ref.name"
}
