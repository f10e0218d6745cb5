function __impetus_should_offer_completions_for_flags_or_options -a expected_commands
    set -l non_repeating_flags_or_options $argv[2..]
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __impetus_parse_tokens
    test "$commands" = "$expected_commands"; and return $non_repeating_flags_or_options_absent
end

function __impetus_should_offer_completions_for_positional -a expected_commands positional_index_comparison expected_positional_index
    set -l non_repeating_flags_or_options
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __impetus_parse_tokens
    test "$commands" = "$expected_commands" -a \( "$positional_index" "$positional_index_comparison" "$expected_positional_index" \)
end

function __impetus_parse_tokens -S
    set -l unparsed_tokens (__impetus_tokens -pc)
    switch $unparsed_tokens[1]
    case 'impetus'
        __impetus_parse_subcommand 0 'version' 'h/help'
        switch $unparsed_tokens[1]
        case 'pull'
            __impetus_parse_subcommand 1 'revision=' 'include=+' 'exclude=+' 'all' 'name=' 'endpoint=' 'connections=' 'limit-rate=' 'token-stdin' 'offline' 'dry-run' 'plain-http' 'store=' 'progress=' 'json' 'version' 'h/help'
        case 'push'
            __impetus_parse_subcommand 2 'mount=+' 'connections=' 'plain-http' 'store=' 'progress=' 'json' 'version' 'h/help'
        case 'import'
            __impetus_parse_subcommand 1 'name=' 'dtype=' 'expect-sha256=' 'force' 'store=' 'progress=' 'json' 'version' 'h/help'
        case 'list'
            __impetus_parse_subcommand 0 'q/quiet' 'store=' 'json' 'version' 'h/help'
        case 'show'
            __impetus_parse_subcommand 1 'store=' 'json' 'version' 'h/help'
        case 'path'
            __impetus_parse_subcommand 1 'store=' 'version' 'h/help'
        case 'verify'
            __impetus_parse_subcommand -r 1 'all' 'store=' 'progress=' 'json' 'version' 'h/help'
        case 'repair'
            __impetus_parse_subcommand -r 1 'endpoint=' 'store=' 'progress=' 'version' 'h/help'
        case 'quantize'
            __impetus_parse_subcommand 1 'bits=' 'group-size=' 'name=' 'report' 'force' 'threads=' 'store=' 'progress=' 'json' 'version' 'h/help'
        case 'convert'
            __impetus_parse_subcommand 1 'name=' 'force' 'store=' 'progress=' 'json' 'version' 'h/help'
        case 'fuse'
            __impetus_parse_subcommand 1 'adapter=+' 'o/name=' 'force' 'store=' 'progress=' 'json' 'version' 'h/help'
        case 'run'
            __impetus_parse_subcommand 2 'system=' 'raw' 'temperature=' 'top-p=' 'top-k=' 'min-p=' 'repetition-penalty=' 'seed=' 'max-tokens=' 'stop=+' 'precise' 'threads=' 'context=' 'store=' 'stats' 'version' 'h/help'
        case 'serve'
            __impetus_parse_subcommand 1 'host=' 'port=' 'max-models=' 'parallel=' 'queue=' 'allow-origin=+' 'allow-host=+' 'strict' 'api-key-file=' 'log-level=' 'precise' 'threads=' 'context=' 'store=' 'version' 'h/help'
        case 'share'
            __impetus_parse_subcommand -r 1 'host=' 'port=' 'api-key-file=' 'log-level=' 'store=' 'version' 'h/help'
        case 'bench'
            __impetus_parse_subcommand 1 'random=' 'bits=' 'group-size=' 'prompt=' 'decode=' 'batch=' 'depth=' 'repetitions=' 'threads=' 'precise' 'info' 'compare=' 'store=' 'json' 'version' 'h/help'
        case 'tokenize'
            __impetus_parse_subcommand 2 'special' 'bare' 'store=' 'json' 'version' 'h/help'
        case 'embed'
            __impetus_parse_subcommand -r 2 'threads=' 'store=' 'json' 'version' 'h/help'
        case 'rm'
            __impetus_parse_subcommand -r 1 'now' 'store=' 'json' 'version' 'h/help'
        case 'restore'
            __impetus_parse_subcommand 1 'store=' 'version' 'h/help'
        case 'export'
            __impetus_parse_subcommand -r 1 'o/output=' 'force' 'store=' 'progress=' 'version' 'h/help'
        case 'gc'
            __impetus_parse_subcommand 0 'dry-run' 'now' 'store=' 'json' 'version' 'h/help'
        case 'version'
            __impetus_parse_subcommand 0 'json' 'version' 'h/help'
        case 'debug'
            __impetus_parse_subcommand 0 'version' 'h/help'
            switch $unparsed_tokens[1]
            case 'forward'
                __impetus_parse_subcommand 0 'model=' 'precise' 'chunk=' 'threads=' 'version' 'h/help'
            case 'tokenize'
                __impetus_parse_subcommand 0 'tokenizer=' 'version' 'h/help'
            case 'template'
                __impetus_parse_subcommand 0 'version' 'h/help'
            case 'text-speed'
                __impetus_parse_subcommand -r 1 'tokenizer=' 'template=' 'rounds=' 'version' 'h/help'
            case 'manual'
                __impetus_parse_subcommand 0 'output=' 'version' 'h/help'
            case 'completions'
                __impetus_parse_subcommand 0 'output=' 'version' 'h/help'
            end
        case 'help'
            __impetus_parse_subcommand -r 1 'version'
        end
    end
end

function __impetus_tokens
    if test (string split -m 1 -f 1 -- . "$FISH_VERSION") -gt 3
        commandline --tokens-raw $argv
    else
        commandline -o $argv
    end
end

function __impetus_parse_subcommand -S -a positional_count
    argparse -s r -- $argv
    set -l option_specs $argv[2..]
    set -l is_repeating_positional $_flag_r
    set -el _flag_r
    set -a commands $unparsed_tokens[1]
    set positional_index 0
    while true
        set -e unparsed_tokens[1]
        argparse -sn "$commands" $option_specs -- $unparsed_tokens 2> /dev/null
        set unparsed_tokens $argv
        set positional_index (math $positional_index + 1)
        for non_repeating_flag_or_option in $non_repeating_flags_or_options
            if set -ql "_flag_$(string replace -a - _ -- $non_repeating_flag_or_option)"
                set non_repeating_flags_or_options_absent 1
                break
            end
        end
        test (count $unparsed_tokens) -eq 0 -o \( -z "$is_repeating_positional" -a "$positional_index" -gt "$positional_count" \) && break
    end
end

function __impetus_complete_directories
    set -l token (commandline -t)
    string match -- '*/' $token
    set -l subdirs $token*/
    printf %s\n $subdirs
end

function __impetus_custom_completion
    set -x SAP_SHELL fish
    set -x SAP_SHELL_VERSION $FISH_VERSION
    set -l tokens (__impetus_tokens -p)
    if test -z "$(__impetus_tokens -t)"
        set -l index (count (__impetus_tokens -pc))
        set tokens $tokens[..$index] \'\' $tokens[(math $index + 1)..]
    end
    command $tokens[1] $argv $tokens
end

complete -c 'impetus' -f
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'pull' -d 'Get a model from the hub or a registry, or what is missing of it.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'push' -d 'Send a model to an OCI registry.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'import' -d 'Take a model from a folder, a GGUF or safetensors file, or an archive.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'list' -d 'List the models of the store.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'show' -d 'Show what a model is, where it comes from and which files it has.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'path' -d 'Print the folder with a model\'s files, for other programs.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'verify' -d 'Check models byte by byte, without the network.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'repair' -d 'Make damaged models whole again.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'quantize' -d 'Make a smaller variant of a model: 4 or 8 bits a weight, in MLX\'s layout.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'convert' -d 'Bring a GPTQ, AWQ, compressed-tensors or FP8 model into MLX\'s layout.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'fuse' -d 'Add LoRA adapters to a model\'s weights.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'run' -d 'Ask a model, once or in a conversation.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'serve' -d 'Serve the store\'s models over HTTP, for OpenAI\'s clients.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'share' -d 'Share models with other machines, read-only.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'bench' -d 'Measure how fast a model reads and writes on this machine.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'tokenize' -d 'Show the tokens a model makes of a text.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'embed' -d 'Make embeddings of texts with an encoder.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'rm' -d 'Remove models from the store.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'restore' -d 'Bring a removed model back out of the trash.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'export' -d 'Write models as one archive that import takes back.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'gc' -d 'Free the room of files that no model needs.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'version' -d 'Print the version and what this machine offers.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'debug' -d 'Look into single parts: JSON lines in, JSON lines out.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'help' -d 'Show subcommand help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus pull" revision' -l 'revision' -d 'Branch, tag or commit.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus pull"' -l 'include' -d 'Take only files that match; may be given several times.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus pull"' -l 'exclude' -d 'Leave out files that match; may be given several times.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus pull" all' -l 'all' -d 'Take every file, also weights in other formats.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus pull" name' -l 'name' -d 'The model\'s name in the store; the repository\'s when it is left out.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus pull" endpoint' -l 'endpoint' -d 'The hub\'s address.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus pull" connections' -l 'connections' -d 'Connections at a time.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus pull" limit-rate' -l 'limit-rate' -d 'Most bytes a second, such as 500K or 10M.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus pull" token-stdin' -l 'token-stdin' -d 'Read the hub\'s token from the first line of stdin.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus pull" offline' -l 'offline' -d 'Use no network: succeed when all is here already.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus pull" dry-run' -l 'dry-run' -d 'Say what would be fetched, and fetch nothing.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus pull" plain-http' -l 'plain-http' -d 'Ask registries on other machines by plain http too, without encryption.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus pull" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus pull" progress' -l 'progress' -d 'How progress is shown on stderr: auto, none, plain, ansi or json.' -rfka 'auto none plain ansi json'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus pull" json' -l 'json' -d 'Print JSON on stdout instead of text; errors become JSON on stderr.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus pull" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus pull" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus push" -eq 1' -fka '(__impetus_custom_completion ---completion push -- positional@0 (count (__impetus_tokens -pc)) (__impetus_tokens -tC))'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus push"' -l 'mount' -d 'Repository of the same registry that may have contents already; may be given several times.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus push" connections' -l 'connections' -d 'Files sent at a time.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus push" plain-http' -l 'plain-http' -d 'Ask registries on other machines by plain http too, without encryption.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus push" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus push" progress' -l 'progress' -d 'How progress is shown on stderr: auto, none, plain, ansi or json.' -rfka 'auto none plain ansi json'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus push" json' -l 'json' -d 'Print JSON on stdout instead of text; errors become JSON on stderr.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus push" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus push" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus import" -eq 1' -F
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus import" name' -l 'name' -d 'Name in the store, such as ORG/NAME or NAME:VARIANT; made of the file\'s when left out.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus import" dtype' -l 'dtype' -d 'Type of the weights made from GGUF: bf16, f16 or f32.' -rfka 'bf16 f16 f32'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus import" expect-sha256' -l 'expect-sha256' -d 'SHA-256 that the file, or the GGUF file in the archive, must have.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus import" force' -l 'force' -d 'Replace a model of the same name.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus import" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus import" progress' -l 'progress' -d 'How progress is shown on stderr: auto, none, plain, ansi or json.' -rfka 'auto none plain ansi json'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus import" json' -l 'json' -d 'Print JSON on stdout instead of text; errors become JSON on stderr.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus import" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus import" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus list" q quiet' -l 'quiet' -s 'q' -d 'Print only names, one a line.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus list" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus list" json' -l 'json' -d 'Print JSON on stdout instead of text; errors become JSON on stderr.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus list" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus list" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus show" -eq 1' -fka '(__impetus_custom_completion ---completion show -- positional@0 (count (__impetus_tokens -pc)) (__impetus_tokens -tC))'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus show" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus show" json' -l 'json' -d 'Print JSON on stdout instead of text; errors become JSON on stderr.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus show" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus show" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus path" -eq 1' -fka '(__impetus_custom_completion ---completion path -- positional@0 (count (__impetus_tokens -pc)) (__impetus_tokens -tC))'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus path" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus path" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus path" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus verify" -ge 1' -fka '(__impetus_custom_completion ---completion verify -- positional@0 (count (__impetus_tokens -pc)) (__impetus_tokens -tC))'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus verify" all' -l 'all' -d 'Check all models, which is the default.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus verify" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus verify" progress' -l 'progress' -d 'How progress is shown on stderr: auto, none, plain, ansi or json.' -rfka 'auto none plain ansi json'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus verify" json' -l 'json' -d 'Print JSON on stdout instead of text; errors become JSON on stderr.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus verify" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus verify" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus repair" -ge 1' -fka '(__impetus_custom_completion ---completion repair -- positional@0 (count (__impetus_tokens -pc)) (__impetus_tokens -tC))'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus repair" endpoint' -l 'endpoint' -d 'The hub\'s address.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus repair" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus repair" progress' -l 'progress' -d 'How progress is shown on stderr: auto, none, plain, ansi or json.' -rfka 'auto none plain ansi json'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus repair" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus repair" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus quantize" -eq 1' -fka '(__impetus_custom_completion ---completion quantize -- positional@0 (count (__impetus_tokens -pc)) (__impetus_tokens -tC))'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus quantize" bits' -l 'bits' -d 'Bits a weight: 2, 3, 4, 5, 6 or 8.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus quantize" group-size' -l 'group-size' -d 'Weights that share a scale: 32, 64 or 128.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus quantize" name' -l 'name' -d 'Name of the result, or `:VARIANT`; `:q4` and the like when it is left out.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus quantize" report' -l 'report' -d 'Compare the result with the source and say how far off it is.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus quantize" force' -l 'force' -d 'Replace a model of the same name.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus quantize" threads' -l 'threads' -d 'Threads; every usable core when it is left out.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus quantize" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus quantize" progress' -l 'progress' -d 'How progress is shown on stderr: auto, none, plain, ansi or json.' -rfka 'auto none plain ansi json'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus quantize" json' -l 'json' -d 'Print JSON on stdout instead of text; errors become JSON on stderr.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus quantize" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus quantize" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus convert" -eq 1' -fka '(__impetus_custom_completion ---completion convert -- positional@0 (count (__impetus_tokens -pc)) (__impetus_tokens -tC))'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus convert" name' -l 'name' -d 'Name of the result, or `:VARIANT`; `:mlx` when it is left out.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus convert" force' -l 'force' -d 'Replace a model of the same name.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus convert" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus convert" progress' -l 'progress' -d 'How progress is shown on stderr: auto, none, plain, ansi or json.' -rfka 'auto none plain ansi json'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus convert" json' -l 'json' -d 'Print JSON on stdout instead of text; errors become JSON on stderr.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus convert" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus convert" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus fuse" -eq 1' -fka '(__impetus_custom_completion ---completion fuse -- positional@0 (count (__impetus_tokens -pc)) (__impetus_tokens -tC))'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus fuse"' -l 'adapter' -d 'Folder of an adapter; may be given several times.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus fuse" name o' -s 'o' -l 'name' -d 'Name of the result, or `:VARIANT`; `:fused` when it is left out.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus fuse" force' -l 'force' -d 'Replace a model of the same name.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus fuse" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus fuse" progress' -l 'progress' -d 'How progress is shown on stderr: auto, none, plain, ansi or json.' -rfka 'auto none plain ansi json'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus fuse" json' -l 'json' -d 'Print JSON on stdout instead of text; errors become JSON on stderr.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus fuse" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus fuse" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus run" -eq 1' -fka '(__impetus_custom_completion ---completion run -- positional@0 (count (__impetus_tokens -pc)) (__impetus_tokens -tC))'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run" system' -l 'system' -d 'Text that tells the model how to behave.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run" raw' -l 'raw' -d 'Continue the prompt as plain text, without the chat template.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run" temperature' -l 'temperature' -d 'Divides the logits; 0 takes the most likely token.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run" top-p' -l 'top-p' -d 'Keeps the fewest most likely tokens whose probabilities reach this sum.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run" top-k' -l 'top-k' -d 'Keeps this many most likely tokens.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run" min-p' -l 'min-p' -d 'Drops tokens less likely than this share of the most likely one.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run" repetition-penalty' -l 'repetition-penalty' -d 'Makes tokens seen before less likely; 1 does nothing.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run" seed' -l 'seed' -d 'Same seed, same prompt, same text.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run" max-tokens' -l 'max-tokens' -d 'Most tokens to generate.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run"' -l 'stop' -d 'A text that ends the answer; may be given several times.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run" precise' -l 'precise' -d 'Compute in float32 on the weights as stored: slow, and exactly the reference\'s.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run" threads' -l 'threads' -d 'Threads; every usable core when it is left out.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run" context' -l 'context' -d 'Longest conversation in tokens; the model\'s own limit when it is left out.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run" stats' -l 'stats' -d 'Print speed, time to the first token and peak memory on stderr.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus serve" -eq 1' -fka '(__impetus_custom_completion ---completion serve -- positional@0 (count (__impetus_tokens -pc)) (__impetus_tokens -tC))'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus serve" host' -l 'host' -d 'Address to listen on.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus serve" port' -l 'port' -d 'Port to listen on; 0 takes a free one.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus serve" max-models' -l 'max-models' -d 'Models loaded at a time.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus serve" parallel' -l 'parallel' -d 'Requests answered together by each model.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus serve" queue' -l 'queue' -d 'Requests that may wait for each model.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus serve"' -l 'allow-origin' -d 'Web page that may use the server; may be given several times.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus serve"' -l 'allow-host' -d 'Name under which the server may be addressed while it listens on this machine only; several times.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus serve" strict' -l 'strict' -d 'Refuse request fields that have no effect.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus serve" api-key-file' -l 'api-key-file' -d 'File with keys of which a request must have one, one a line.' -rF
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus serve" log-level' -l 'log-level' -d 'What is logged on stderr: trace, debug, info, notice, warning, error or critical.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus serve" precise' -l 'precise' -d 'Compute in float32 on the weights as stored: slow, and exactly the reference\'s.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus serve" threads' -l 'threads' -d 'Threads; every usable core when it is left out.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus serve" context' -l 'context' -d 'Longest conversation in tokens; the model\'s own limit when it is left out.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus serve" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus serve" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus serve" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus share" -ge 1' -fka '(__impetus_custom_completion ---completion share -- positional@0 (count (__impetus_tokens -pc)) (__impetus_tokens -tC))'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus share" host' -l 'host' -d 'Address to listen on.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus share" port' -l 'port' -d 'Port to listen on; 0 takes a free one.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus share" api-key-file' -l 'api-key-file' -d 'File with keys of which a request must have one, one a line.' -rF
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus share" log-level' -l 'log-level' -d 'What is logged on stderr: trace, debug, info, notice, warning, error or critical.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus share" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus share" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus share" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus bench" -eq 1' -fka '(__impetus_custom_completion ---completion bench -- positional@0 (count (__impetus_tokens -pc)) (__impetus_tokens -tC))'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus bench" random' -l 'random' -d 'Random weights of a shape: llama-1b, llama-3b, llama-8b, mistral-7b, smollm2-135m, smollm2-360m, smollm2-1.7b, qwen2.5-0.5b, qwen2.5-1.5b, qwen2.5-3b, qwen2.5-7b, qwen3-0.6b, qwen3-1.7b, qwen3-4b, qwen3-8b, or a config.json.' -rfka 'llama-1b llama-3b llama-8b mistral-7b smollm2-135m smollm2-360m smollm2-1.7b qwen2.5-0.5b qwen2.5-1.5b qwen2.5-3b qwen2.5-7b qwen3-0.6b qwen3-1.7b qwen3-4b qwen3-8b'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus bench" bits' -l 'bits' -d 'With --random: bits a weight, 2, 3, 4, 5, 6 or 8; 16 for bfloat16. The config\'s own, else 4.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus bench" group-size' -l 'group-size' -d 'With --random: weights that share a scale, 32, 64 or 128. The config\'s own, else 64.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus bench" prompt' -l 'prompt' -d 'Tokens of a prompt; 0 leaves prompts out.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus bench" decode' -l 'decode' -d 'Tokens to decode; 0 leaves decoding out.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus bench" batch' -l 'batch' -d 'Texts at once, several numbers with commas.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus bench" depth' -l 'depth' -d 'Tokens that stand before, several numbers with commas.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus bench" repetitions' -l 'repetitions' -d 'Times each is measured.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus bench" threads' -l 'threads' -d 'Threads; every usable core when it is left out.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus bench" precise' -l 'precise' -d 'Compute in float32, as `run --precise` does.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus bench" info' -l 'info' -d 'Only measure the machine.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus bench" compare' -l 'compare' -d 'An earlier result, printed with --json, to compare with.' -rF
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus bench" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus bench" json' -l 'json' -d 'Print JSON on stdout instead of text; errors become JSON on stderr.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus bench" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus bench" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus tokenize" -eq 1' -fka '(__impetus_custom_completion ---completion tokenize -- positional@0 (count (__impetus_tokens -pc)) (__impetus_tokens -tC))'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus tokenize" special' -l 'special' -d 'Take control tokens in the text for what they are.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus tokenize" bare' -l 'bare' -d 'Leave out the tokens that the model puts around a text.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus tokenize" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus tokenize" json' -l 'json' -d 'Print JSON on stdout instead of text; errors become JSON on stderr.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus tokenize" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus tokenize" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus embed" -eq 1' -fka '(__impetus_custom_completion ---completion embed -- positional@0 (count (__impetus_tokens -pc)) (__impetus_tokens -tC))'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus embed" threads' -l 'threads' -d 'Threads; every usable core when it is left out.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus embed" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus embed" json' -l 'json' -d 'Print JSON on stdout instead of text; errors become JSON on stderr.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus embed" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus embed" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus rm" -ge 1' -fka '(__impetus_custom_completion ---completion rm -- positional@0 (count (__impetus_tokens -pc)) (__impetus_tokens -tC))'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus rm" now' -l 'now' -d 'Free the room at once; there is no way back.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus rm" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus rm" json' -l 'json' -d 'Print JSON on stdout instead of text; errors become JSON on stderr.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus rm" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus rm" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus restore" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus restore" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus restore" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus export" -ge 1' -fka '(__impetus_custom_completion ---completion export -- positional@0 (count (__impetus_tokens -pc)) (__impetus_tokens -tC))'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus export" o output' -l 'output' -s 'o' -d 'The file to write; - is stdout.' -rF
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus export" force' -l 'force' -d 'Replace the file if there is one.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus export" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus export" progress' -l 'progress' -d 'How progress is shown on stderr: auto, none, plain, ansi or json.' -rfka 'auto none plain ansi json'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus export" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus export" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus gc" dry-run' -l 'dry-run' -d 'Say what would be removed, and remove nothing.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus gc" now' -l 'now' -d 'Empty the trash and drop all unfinished downloads, however young.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus gc" store' -l 'store' -d 'Folder of the model store; else IMPETUS_HOME or the user\'s own.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus gc" json' -l 'json' -d 'Print JSON on stdout instead of text; errors become JSON on stderr.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus gc" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus gc" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus version" json' -l 'json' -d 'Print JSON on stdout instead of text; errors become JSON on stderr.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus version" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus version" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus debug" -eq 1' -fa 'forward' -d 'Answer lines of tokens with the logits of a model.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus debug" -eq 1' -fa 'tokenize' -d 'Answer lines of texts with tokens, and lines of tokens with texts.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus debug" -eq 1' -fa 'template' -d 'Answer lines of templates and contexts with the rendered text.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus debug" -eq 1' -fa 'text-speed' -d 'Measure loading a tokenizer, encoding files, and rendering a chat.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus debug" -eq 1' -fa 'manual' -d 'Write the manual pages.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus debug" -eq 1' -fa 'completions' -d 'Write the shell completions.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug forward" model' -l 'model' -d 'Folder of the model.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug forward" precise' -l 'precise' -d 'Compute in float32 on the weights as stored.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug forward" chunk' -l 'chunk' -d 'Tokens to feed in one step; 0 feeds the prompt at once.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug forward" threads' -l 'threads' -d 'Threads; every usable core when it is left out.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug forward" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug forward" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug tokenize" tokenizer' -l 'tokenizer' -d 'Folder with tokenizer.json.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug tokenize" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug tokenize" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug template" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug template" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug text-speed" tokenizer' -l 'tokenizer' -d 'Folder with tokenizer.json.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug text-speed" template' -l 'template' -d 'A chat template to render with 100 messages.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug text-speed" rounds' -l 'rounds' -d 'How often each is measured; the fastest counts.' -rfka ''
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug text-speed" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug text-speed" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug manual" output' -l 'output' -d 'Folder to write to.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug manual" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug manual" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug completions" output' -l 'output' -d 'Folder to write to.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug completions" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug completions" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus help" version' -l 'version' -d 'Show the version.'
