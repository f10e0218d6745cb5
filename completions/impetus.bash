#!/bin/bash

__impetus_cursor_index_in_current_word() {
    local remaining="${COMP_LINE}"

    local word
    for word in "${COMP_WORDS[@]::COMP_CWORD}"; do
        remaining="${remaining##*([[:space:]])"${word}"*([[:space:]])}"
    done

    local -ir index="$((COMP_POINT - ${#COMP_LINE} + ${#remaining}))"
    if [[ "${index}" -le 0 ]]; then
        printf 0
    else
        printf %s "${index}"
    fi
}

# positional arguments:
#
# - 1: the current (sub)command's count of positional arguments
#
# required variables:
#
# - repeating_flags: the repeating flags that the current (sub)command can accept
# - non_repeating_flags: the non-repeating flags that the current (sub)command can accept
# - repeating_options: the repeating options that the current (sub)command can accept
# - non_repeating_options: the non-repeating options that the current (sub)command can accept
# - positional_number: value ignored
# - unparsed_words: unparsed words from the current command line
#
# modified variables:
#
# - non_repeating_flags: remove flags for this (sub)command that are already on the command line
# - non_repeating_options: remove options for this (sub)command that are already on the command line
# - positional_number: set to the current positional number
# - unparsed_words: remove all flags, options, and option values for this (sub)command
__impetus_offer_flags_options() {
    local -ir positional_count="${1}"
    positional_number=0

    local was_flag_option_terminator_seen=false
    local is_parsing_option_value=false

    local -ar unparsed_word_indices=("${!unparsed_words[@]}")
    local -i word_index
    for word_index in "${unparsed_word_indices[@]}"; do
        if "${is_parsing_option_value}"; then
            # This word is an option value:
            # Reset marker for next word iff not currently the last word
            [[ "${word_index}" -ne "${unparsed_word_indices[${#unparsed_word_indices[@]} - 1]}" ]] && is_parsing_option_value=false
            unset "unparsed_words[${word_index}]"
            # Do not process this word as a flag or an option
            continue
        fi

        local word="${unparsed_words["${word_index}"]}"
        if ! "${was_flag_option_terminator_seen}"; then
            case "${word}" in
            --)
                unset "unparsed_words[${word_index}]"
                # by itself -- is a flag/option terminator, but if it is the last word, it is the start of a completion
                if [[ "${word_index}" -ne "${unparsed_word_indices[${#unparsed_word_indices[@]} - 1]}" ]]; then
                    was_flag_option_terminator_seen=true
                fi
                continue
                ;;
            -*)
                # ${word} is a flag or an option
                # If ${word} is an option, mark that the next word to be parsed is an option value
                local option
                for option in "${repeating_options[@]}" "${non_repeating_options[@]}"; do
                    [[ "${word}" = "${option}" ]] && is_parsing_option_value=true && break
                done

                # Remove ${word} from ${non_repeating_flags} or ${non_repeating_options} so it isn't offered again
                local not_found=true
                local -i index
                for index in "${!non_repeating_flags[@]}"; do
                    if [[ "${non_repeating_flags[${index}]}" = "${word}" ]]; then
                        unset "non_repeating_flags[${index}]"
                        non_repeating_flags=("${non_repeating_flags[@]}")
                        not_found=false
                        break
                    fi
                done
                if "${not_found}"; then
                    for index in "${!non_repeating_flags[@]}"; do
                        if [[ "${non_repeating_flags[${index}]}" = "${word}" ]]; then
                            unset "non_repeating_flags[${index}]"
                            non_repeating_flags=("${non_repeating_flags[@]}")
                            break
                        fi
                    done
                fi
                unset "unparsed_words[${word_index}]"
                continue
                ;;
            esac
        fi

        # ${word} is neither a flag, nor an option, nor an option value
        if [[ "${positional_number}" -lt "${positional_count}" || "${positional_count}" -lt 0 ]]; then
            # ${word} is a positional
            ((positional_number++))
            unset "unparsed_words[${word_index}]"
        else
            if [[ -z "${word}" ]]; then
                # Could be completing a flag, option, or subcommand
                positional_number=-1
            else
                # ${word} is a subcommand or invalid, so stop processing this (sub)command
                positional_number=-2
            fi
            break
        fi
    done

    unparsed_words=("${unparsed_words[@]}")

    if\
        ! "${was_flag_option_terminator_seen}"\
        && ! "${is_parsing_option_value}"\
        && [[ ("${cur}" = -* && "${positional_number}" -ge 0) || "${positional_number}" -eq -1 ]]
    then
        COMPREPLY+=($(compgen -W "${repeating_flags[*]} ${non_repeating_flags[*]} ${repeating_options[*]} ${non_repeating_options[*]}" -- "${cur}"))
    fi
}

__impetus_add_completions() {
    local completion
    while IFS='' read -r completion; do
        COMPREPLY+=("${completion}")
    done < <(IFS=$'\n' compgen "${@}" -- "${cur}")
}

__impetus_custom_complete() {
    if [[ -n "${cur}" || -z ${COMP_WORDS[${COMP_CWORD}]} || "${COMP_LINE:${COMP_POINT}:1}" != ' ' ]]; then
        local -ar words=("${COMP_WORDS[@]}")
    else
        local -ar words=("${COMP_WORDS[@]::${COMP_CWORD}}" '' "${COMP_WORDS[@]:${COMP_CWORD}}")
    fi

    "${COMP_WORDS[0]}" "${@}" "${words[@]}"
}

_impetus() {
    local state
    state="$(shopt -p;shopt -po)"
    trap "${state//$'\n'/;}" RETURN
    shopt -s extglob
    set +o history +o posix

    local -xr SAP_SHELL=bash
    local -x SAP_SHELL_VERSION
    SAP_SHELL_VERSION="$(IFS='.';printf %s "${BASH_VERSINFO[*]}")"
    local -r SAP_SHELL_VERSION

    local -r cur="${2}"
    local -r prev="${3}"

    local -i positional_number
    local -a unparsed_words=("${COMP_WORDS[@]:1:${COMP_CWORD}}")

    local -a repeating_flags=()
    local -a non_repeating_flags=(--version -h --help)
    local -a repeating_options=()
    local -a non_repeating_options=()
    __impetus_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    search|plan|pull|push|import|adopt|list|show|path|verify|repair|du|tag|cp|diff|lock|sync|outdated|update|doctor|quantize|convert|fuse|run|serve|share|bench|perplexity|tokenize|template|embed|rm|restore|export|gc|version|debug|help)
        # Offer subcommand argument completions
        "_impetus_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        COMPREPLY+=($(compgen -W 'search plan pull push import adopt list show path verify repair du tag cp diff lock sync outdated update doctor quantize convert fuse run serve share bench perplexity tokenize template embed rm restore export gc version debug help' -- "${cur}"))
        ;;
    esac
}

_impetus_search() {
    repeating_flags=()
    non_repeating_flags=(--fits --token-stdin --json --version -h --help)
    repeating_options=(--filter --endpoint)
    non_repeating_options=(--author --task --sort --max-parameters --limit --proxy --ca-file)
    __impetus_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--author')
        return
        ;;
    '--filter')
        return
        ;;
    '--task')
        return
        ;;
    '--sort')
        return
        ;;
    '--max-parameters')
        return
        ;;
    '--limit')
        return
        ;;
    '--endpoint')
        return
        ;;
    '--proxy')
        return
        ;;
    '--ca-file')
        __impetus_add_completions -f
        return
        ;;
    esac
}

_impetus_plan() {
    repeating_flags=()
    non_repeating_flags=(--token-stdin --json --version -h --help)
    repeating_options=(--endpoint)
    non_repeating_options=(--revision --context --proxy --ca-file --store)
    __impetus_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--revision')
        return
        ;;
    '--context')
        return
        ;;
    '--endpoint')
        return
        ;;
    '--proxy')
        return
        ;;
    '--ca-file')
        __impetus_add_completions -f
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac
}

_impetus_pull() {
    repeating_flags=()
    non_repeating_flags=(--all --offline --no-hf-cache --to-hf-cache --dry-run --force --token-stdin --plain-http --json --version -h --help)
    repeating_options=(--include --exclude --endpoint)
    non_repeating_options=(--revision --name --connections --limit-rate --quantize --group-size --proxy --ca-file --store --progress)
    __impetus_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--revision')
        return
        ;;
    '--include')
        return
        ;;
    '--exclude')
        return
        ;;
    '--name')
        return
        ;;
    '--connections')
        return
        ;;
    '--limit-rate')
        return
        ;;
    '--quantize')
        return
        ;;
    '--group-size')
        return
        ;;
    '--endpoint')
        return
        ;;
    '--proxy')
        return
        ;;
    '--ca-file')
        __impetus_add_completions -f
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    '--progress')
        __impetus_add_completions -W 'auto'$'\n''none'$'\n''plain'$'\n''ansi'$'\n''json'
        return
        ;;
    esac
}

_impetus_push() {
    repeating_flags=()
    non_repeating_flags=(--plain-http --json --version -h --help)
    repeating_options=(--mount)
    non_repeating_options=(--connections --store --progress)
    __impetus_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--mount')
        return
        ;;
    '--connections')
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    '--progress')
        __impetus_add_completions -W 'auto'$'\n''none'$'\n''plain'$'\n''ansi'$'\n''json'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion push -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_import() {
    repeating_flags=()
    non_repeating_flags=(--force --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--name --dtype --expect-sha256 --store --progress)
    __impetus_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--name')
        return
        ;;
    '--dtype')
        __impetus_add_completions -W 'bf16'$'\n''f16'$'\n''f32'
        return
        ;;
    '--expect-sha256')
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    '--progress')
        __impetus_add_completions -W 'auto'$'\n''none'$'\n''plain'$'\n''ansi'$'\n''json'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __impetus_add_completions -f
        return
        ;;
    esac
}

_impetus_adopt() {
    repeating_flags=()
    non_repeating_flags=(--convert --copy --force --dry-run --json --version -h --help)
    repeating_options=(--from)
    non_repeating_options=(--only --store --progress)
    __impetus_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--from')
        __impetus_add_completions -W 'hf'$'\n''llama.cpp'$'\n''ollama'$'\n''lmstudio'$'\n''folders'
        return
        ;;
    '--only')
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    '--progress')
        __impetus_add_completions -W 'auto'$'\n''none'$'\n''plain'$'\n''ansi'$'\n''json'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __impetus_add_completions -d
        return
        ;;
    esac
}

_impetus_list() {
    repeating_flags=()
    non_repeating_flags=(--quiet -q --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--store)
    __impetus_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac
}

_impetus_show() {
    repeating_flags=()
    non_repeating_flags=(--token-stdin --json --version -h --help)
    repeating_options=(--endpoint)
    non_repeating_options=(--proxy --ca-file --store)
    __impetus_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--endpoint')
        return
        ;;
    '--proxy')
        return
        ;;
    '--ca-file')
        __impetus_add_completions -f
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion show -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_path() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--store)
    __impetus_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion path -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_verify() {
    repeating_flags=()
    non_repeating_flags=(--all --rebuild --json --version -h --help)
    repeating_options=(--input)
    non_repeating_options=(--store --progress)
    __impetus_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--input')
        __impetus_add_completions -f
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    '--progress')
        __impetus_add_completions -W 'auto'$'\n''none'$'\n''plain'$'\n''ansi'$'\n''json'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion verify -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_repair() {
    repeating_flags=()
    non_repeating_flags=(--token-stdin --version -h --help)
    repeating_options=(--endpoint)
    non_repeating_options=(--proxy --ca-file --store --progress)
    __impetus_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--endpoint')
        return
        ;;
    '--proxy')
        return
        ;;
    '--ca-file')
        __impetus_add_completions -f
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    '--progress')
        __impetus_add_completions -W 'auto'$'\n''none'$'\n''plain'$'\n''ansi'$'\n''json'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion repair -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_du() {
    repeating_flags=()
    non_repeating_flags=(--json --version -h --help)
    repeating_options=()
    non_repeating_options=(--store)
    __impetus_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac
}

_impetus_tag() {
    repeating_flags=()
    non_repeating_flags=(--force --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--store)
    __impetus_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion tag -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_cp() {
    repeating_flags=()
    non_repeating_flags=(--force --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--to --store --progress)
    __impetus_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--to')
        __impetus_add_completions -d
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    '--progress')
        __impetus_add_completions -W 'auto'$'\n''none'$'\n''plain'$'\n''ansi'$'\n''json'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion cp -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_diff() {
    repeating_flags=()
    non_repeating_flags=(--json --version -h --help)
    repeating_options=()
    non_repeating_options=(--store --progress)
    __impetus_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--store')
        __impetus_add_completions -d
        return
        ;;
    '--progress')
        __impetus_add_completions -W 'auto'$'\n''none'$'\n''plain'$'\n''ansi'$'\n''json'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion diff -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    2)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion diff -- positional@1 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_lock() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--output -o --store)
    __impetus_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--output'|'-o')
        __impetus_add_completions -f
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion lock -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_sync() {
    repeating_flags=()
    non_repeating_flags=(--frozen --offline --token-stdin --json --version -h --help)
    repeating_options=(--input --endpoint)
    non_repeating_options=(--lock --proxy --ca-file --store --progress)
    __impetus_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--lock')
        __impetus_add_completions -f
        return
        ;;
    '--input')
        __impetus_add_completions -f
        return
        ;;
    '--endpoint')
        return
        ;;
    '--proxy')
        return
        ;;
    '--ca-file')
        __impetus_add_completions -f
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    '--progress')
        __impetus_add_completions -W 'auto'$'\n''none'$'\n''plain'$'\n''ansi'$'\n''json'
        return
        ;;
    esac
}

_impetus_outdated() {
    repeating_flags=()
    non_repeating_flags=(--token-stdin --json --version -h --help)
    repeating_options=(--endpoint)
    non_repeating_options=(--proxy --ca-file --store)
    __impetus_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--endpoint')
        return
        ;;
    '--proxy')
        return
        ;;
    '--ca-file')
        __impetus_add_completions -f
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion outdated -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_update() {
    repeating_flags=()
    non_repeating_flags=(--diff --yes --token-stdin --json --version -h --help)
    repeating_options=(--endpoint)
    non_repeating_options=(--proxy --ca-file --store --progress)
    __impetus_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--endpoint')
        return
        ;;
    '--proxy')
        return
        ;;
    '--ca-file')
        __impetus_add_completions -f
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    '--progress')
        __impetus_add_completions -W 'auto'$'\n''none'$'\n''plain'$'\n''ansi'$'\n''json'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion update -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_doctor() {
    repeating_flags=()
    non_repeating_flags=(--offline --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--endpoint --timeout --store)
    __impetus_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--endpoint')
        return
        ;;
    '--timeout')
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac
}

_impetus_quantize() {
    repeating_flags=()
    non_repeating_flags=(--report --force --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--bits --group-size --name --threads --store --progress)
    __impetus_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--bits')
        return
        ;;
    '--group-size')
        return
        ;;
    '--name')
        return
        ;;
    '--threads')
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    '--progress')
        __impetus_add_completions -W 'auto'$'\n''none'$'\n''plain'$'\n''ansi'$'\n''json'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion quantize -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_convert() {
    repeating_flags=()
    non_repeating_flags=(--force --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--name --store --progress)
    __impetus_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--name')
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    '--progress')
        __impetus_add_completions -W 'auto'$'\n''none'$'\n''plain'$'\n''ansi'$'\n''json'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion convert -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_fuse() {
    repeating_flags=()
    non_repeating_flags=(--force --json --version -h --help)
    repeating_options=(--adapter)
    non_repeating_options=(-o --name --store --progress)
    __impetus_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--adapter')
        __impetus_add_completions -d
        return
        ;;
    '-o'|'--name')
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    '--progress')
        __impetus_add_completions -W 'auto'$'\n''none'$'\n''plain'$'\n''ansi'$'\n''json'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion fuse -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_run() {
    repeating_flags=()
    non_repeating_flags=(--raw --precise --no-speculation --no-pack-cache --stats --version -h --help)
    repeating_options=(--adapter --stop)
    non_repeating_options=(--system --temperature --top-p --top-k --min-p --repetition-penalty --seed --max-tokens --threads --context --kv-bits --draft --store)
    __impetus_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--system')
        return
        ;;
    '--adapter')
        __impetus_add_completions -d
        return
        ;;
    '--temperature')
        return
        ;;
    '--top-p')
        return
        ;;
    '--top-k')
        return
        ;;
    '--min-p')
        return
        ;;
    '--repetition-penalty')
        return
        ;;
    '--seed')
        return
        ;;
    '--max-tokens')
        return
        ;;
    '--stop')
        return
        ;;
    '--threads')
        return
        ;;
    '--context')
        return
        ;;
    '--kv-bits')
        __impetus_add_completions -W '16'$'\n''8'$'\n''4'
        return
        ;;
    '--draft')
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion run -- --draft "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion run -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_serve() {
    repeating_flags=()
    non_repeating_flags=(--strict --precise --no-speculation --no-pack-cache --version -h --help)
    repeating_options=(--adapter --allow-origin --allow-host)
    non_repeating_options=(--host --port --max-models --parallel --queue --api-key-file --log-level --threads --context --kv-bits --draft --store)
    __impetus_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--adapter')
        return
        ;;
    '--host')
        return
        ;;
    '--port')
        return
        ;;
    '--max-models')
        return
        ;;
    '--parallel')
        return
        ;;
    '--queue')
        return
        ;;
    '--allow-origin')
        return
        ;;
    '--allow-host')
        return
        ;;
    '--api-key-file')
        __impetus_add_completions -f
        return
        ;;
    '--log-level')
        return
        ;;
    '--threads')
        return
        ;;
    '--context')
        return
        ;;
    '--kv-bits')
        __impetus_add_completions -W '16'$'\n''8'$'\n''4'
        return
        ;;
    '--draft')
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion serve -- --draft "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion serve -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_share() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--host --port --api-key-file --log-level --store)
    __impetus_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--host')
        return
        ;;
    '--port')
        return
        ;;
    '--api-key-file')
        __impetus_add_completions -f
        return
        ;;
    '--log-level')
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion share -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_bench() {
    repeating_flags=()
    non_repeating_flags=(--precise --no-pack-cache --info --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--random --bits --group-size --mode --prompt --decode --batch --depth --repetitions --threads --texts --kv-bits --compare --store)
    __impetus_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--random')
        __impetus_add_completions -W 'llama-1b'$'\n''llama-3b'$'\n''llama-8b'$'\n''mistral-7b'$'\n''smollm2-135m'$'\n''smollm2-360m'$'\n''smollm2-1.7b'$'\n''qwen2.5-0.5b'$'\n''qwen2.5-1.5b'$'\n''qwen2.5-3b'$'\n''qwen2.5-7b'$'\n''qwen3-0.6b'$'\n''qwen3-1.7b'$'\n''qwen3-4b'$'\n''qwen3-8b'
        return
        ;;
    '--bits')
        return
        ;;
    '--group-size')
        return
        ;;
    '--mode')
        __impetus_add_completions -W 'affine'$'\n''mxfp4'$'\n''mxfp8'$'\n''nvfp4'
        return
        ;;
    '--prompt')
        return
        ;;
    '--decode')
        return
        ;;
    '--batch')
        return
        ;;
    '--depth')
        return
        ;;
    '--repetitions')
        return
        ;;
    '--threads')
        return
        ;;
    '--texts')
        __impetus_add_completions -f
        return
        ;;
    '--kv-bits')
        __impetus_add_completions -W '16'$'\n''8'$'\n''4'
        return
        ;;
    '--compare')
        __impetus_add_completions -f
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion bench -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_perplexity() {
    repeating_flags=()
    non_repeating_flags=(--precise --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--context --max-tokens --threads --kv-bits --progress --store)
    __impetus_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--context')
        return
        ;;
    '--max-tokens')
        return
        ;;
    '--threads')
        return
        ;;
    '--kv-bits')
        __impetus_add_completions -W '16'$'\n''8'$'\n''4'
        return
        ;;
    '--progress')
        __impetus_add_completions -W 'auto'$'\n''none'$'\n''plain'$'\n''ansi'$'\n''json'
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion perplexity -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    2)
        __impetus_add_completions -f
        return
        ;;
    esac
}

_impetus_tokenize() {
    repeating_flags=()
    non_repeating_flags=(--special --bare --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--store)
    __impetus_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion tokenize -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_template() {
    repeating_flags=()
    non_repeating_flags=(--check --no-prompt --json --version -h --help)
    repeating_options=(--set)
    non_repeating_options=(--messages --tools --store)
    __impetus_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--messages')
        __impetus_add_completions -o plusdirs -fX '!*.@(json)'
        return
        ;;
    '--tools')
        __impetus_add_completions -o plusdirs -fX '!*.@(json)'
        return
        ;;
    '--set')
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion template -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_embed() {
    repeating_flags=()
    non_repeating_flags=(--json --version -h --help)
    repeating_options=()
    non_repeating_options=(--prompt --threads --store)
    __impetus_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--prompt')
        return
        ;;
    '--threads')
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion embed -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_rm() {
    repeating_flags=()
    non_repeating_flags=(--now --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--store)
    __impetus_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion rm -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_restore() {
    repeating_flags=()
    non_repeating_flags=(--force --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--store)
    __impetus_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion restore -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_export() {
    repeating_flags=()
    non_repeating_flags=(--force --version -h --help)
    repeating_options=()
    non_repeating_options=(--output -o --store --progress)
    __impetus_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--output'|'-o')
        __impetus_add_completions -f
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    '--progress')
        __impetus_add_completions -W 'auto'$'\n''none'$'\n''plain'$'\n''ansi'$'\n''json'
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion export -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_impetus_gc() {
    repeating_flags=()
    non_repeating_flags=(--dry-run --now --packed --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--grace --store)
    __impetus_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--grace')
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac
}

_impetus_version() {
    repeating_flags=()
    non_repeating_flags=(--json --version -h --help)
    repeating_options=()
    non_repeating_options=()
    __impetus_offer_flags_options 0
}

_impetus_debug() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=()
    __impetus_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    forward|tokenize|template|text-speed|agreement|manual|completions)
        # Offer subcommand argument completions
        "_impetus_debug_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        COMPREPLY+=($(compgen -W 'forward tokenize template text-speed agreement manual completions' -- "${cur}"))
        ;;
    esac
}

_impetus_debug_forward() {
    repeating_flags=()
    non_repeating_flags=(--precise --version -h --help)
    repeating_options=()
    non_repeating_options=(--model --chunk --threads)
    __impetus_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--model')
        __impetus_add_completions -d
        return
        ;;
    '--chunk')
        return
        ;;
    '--threads')
        return
        ;;
    esac
}

_impetus_debug_tokenize() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--tokenizer)
    __impetus_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--tokenizer')
        __impetus_add_completions -d
        return
        ;;
    esac
}

_impetus_debug_template() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=()
    __impetus_offer_flags_options 0
}

_impetus_debug_text-speed() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--tokenizer --template --rounds)
    __impetus_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--tokenizer')
        __impetus_add_completions -d
        return
        ;;
    '--template')
        return
        ;;
    '--rounds')
        return
        ;;
    esac
}

_impetus_debug_agreement() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--context --max-tokens --threads --store)
    __impetus_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--context')
        return
        ;;
    '--max-tokens')
        return
        ;;
    '--threads')
        return
        ;;
    '--store')
        __impetus_add_completions -d
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __impetus_add_completions -W "$(__impetus_custom_complete ---completion debug agreement -- positional@0 "${COMP_CWORD}" "$(__impetus_cursor_index_in_current_word)")"
        return
        ;;
    2)
        __impetus_add_completions -f
        return
        ;;
    esac
}

_impetus_debug_manual() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--output)
    __impetus_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--output')
        __impetus_add_completions -d
        return
        ;;
    esac
}

_impetus_debug_completions() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--output)
    __impetus_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--output')
        __impetus_add_completions -d
        return
        ;;
    esac
}

_impetus_help() {
    repeating_flags=()
    non_repeating_flags=(--version)
    repeating_options=()
    non_repeating_options=()
    __impetus_offer_flags_options -1
}

complete -o filenames -F _impetus impetus

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
