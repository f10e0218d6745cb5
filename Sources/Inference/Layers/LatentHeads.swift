// SPDX-License-Identifier: Apache-2.0
// Latent attention around the attention kernel, in the absorbed form: queries meet compressed vectors, and what a head
// attended to is expanded to its value afterwards.

import CKernels
import Models

extension Forward {
  /// Queries and key from the products: a row's query of each head is its rotated part, then its plain part through the
  /// head's matrix; the key is the shared rotated part, then the compressed vector, which is the value too.
  func prepare(_ latent: LatentPlan, _ plan: LayerPlan, tokens: Int) {
    let stride = plan.heads.query_stride
    let (plain, rotated, rank) = (latent.plainSize, latent.ropeSize, latent.rank)
    if var narrow = latent.narrowQuery {
      var up = latent.queryUp
      narrow.tokens = Int32(tokens)
      ck_project(pool, isa, &narrow, &up, 1, space.scratch)
    }
    RowWork(
      isa: isa, norm: latent.compressionNorm, rows: latent.compressed, stride: stride, width: rank, count: tokens
    ).run(pool)
    for token in 0..<tokens {
      let (from, key) = (latent.compressed + token * stride, latent.key + token * stride)
      key.update(from: from + rank, count: rotated)
      (key + rotated).update(from: from, count: rank)
      let (raw, queries) = (latent.rawQueries + token * stride, latent.queries + token * stride)
      for head in 0..<latent.heads {
        (queries + head * (rotated + rank)).update(from: raw + head * (plain + rotated) + plain, count: rotated)
      }
    }
    for head in 0..<latent.heads {
      var input = ck_input(
        x: latent.rawQueries + head * (plain + rotated), stride: stride, inputs: Int32(plain), tokens: Int32(tokens),
        norm: ck_norm())
      ck_project(pool, isa, &input, latent.keys + head, 1, space.scratch)
    }
  }

  /// The heads' values from what they attended to.
  func expand(_ latent: LatentPlan, tokens: Int) {
    for head in 0..<latent.heads {
      var input = ck_input(
        x: space.attended + head * latent.rank, stride: latent.heads * latent.rank, inputs: Int32(latent.rank),
        tokens: Int32(tokens), norm: ck_norm())
      ck_project(pool, isa, &input, latent.values + head, 1, space.scratch)
    }
  }
}
