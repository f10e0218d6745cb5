// SPDX-License-Identifier: Apache-2.0
// Shell completions from the parser. Model names carry colons, at which bash splits words: the
// script is wrapped so that `run smollm2:q<Tab>` works.

import ArgumentParser

/// The three scripts and where they are kept.
enum Completions {
  /// File name in `completions/` and its text.
  static func all() -> [(fileName: String, text: String)] {
    [
      ("impetus.bash", bash(Impetus.completionScript(for: .bash))),
      ("_impetus", Impetus.completionScript(for: .zsh) + "\n"),
      ("impetus.fish", Impetus.completionScript(for: .fish) + "\n"),
    ]
  }

  /// Joins the words that bash split at colons, completes, and cuts what is before the last colon.
  private static func bash(_ script: String) -> String {
    script + """


      _impetus_with_colons() {
          local words=() word joined=false index=0
          for ((index = 0; index <= COMP_CWORD; index++)); do
              word=${COMP_WORDS[index]}
              if [[ $word == : || $joined == true ]] && ((${#words[@]} > 1)); then
                  words[${#words[@]} - 1]+=$word
                  [[ $word == : ]] && joined=true || joined=false
              else
                  words+=("$word")
              fi
          done
          COMP_WORDS=("${words[@]}")
          COMP_CWORD=$((${#words[@]} - 1))
          local current=${COMP_WORDS[COMP_CWORD]}
          _impetus "$1" "$current" "${COMP_WORDS[COMP_CWORD - 1]}"
          if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
              local before=${current%"${current##*:}"}
              COMPREPLY=("${COMPREPLY[@]#"$before"}")
          fi
      }
      complete -o filenames -F _impetus_with_colons impetus

      """
  }
}
