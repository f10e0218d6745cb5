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
        case 'run'
            __impetus_parse_subcommand 2 'system=' 'raw' 'temperature=' 'top-p=' 'top-k=' 'min-p=' 'repetition-penalty=' 'seed=' 'max-tokens=' 'stop=+' 'precise' 'threads=' 'context=' 'stats' 'version' 'h/help'
        case 'tokenize'
            __impetus_parse_subcommand 2 'special' 'bare' 'json' 'version' 'h/help'
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
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'run' -d 'Ask a model, once or in a conversation.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'tokenize' -d 'Show the tokens a model makes of a text.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'version' -d 'Print the version and what this machine offers.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'debug' -d 'Look into single parts: JSON lines in, JSON lines out.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus" -eq 1' -fa 'help' -d 'Show subcommand help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus run" -eq 1' -fa '(__impetus_complete_directories)'
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
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run" stats' -l 'stats' -d 'Print speed, time to the first token and peak memory on stderr.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus run" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus tokenize" -eq 1' -fa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus tokenize" special' -l 'special' -d 'Take control tokens in the text for what they are.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus tokenize" bare' -l 'bare' -d 'Leave out the tokens that the model puts around a text.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus tokenize" json' -l 'json' -d 'Print JSON on stdout instead of text; errors become JSON on stderr.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus tokenize" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus tokenize" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus version" json' -l 'json' -d 'Print JSON on stdout instead of text; errors become JSON on stderr.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus version" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus version" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus debug" -eq 1' -fa 'forward' -d 'Answer lines of tokens with the logits of a model.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus debug" -eq 1' -fa 'tokenize' -d 'Answer lines of texts with tokens, and lines of tokens with texts.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_positional "impetus debug" -eq 1' -fa 'template' -d 'Answer lines of templates and contexts with the rendered text.'
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
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug manual" output' -l 'output' -d 'Folder to write to.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug manual" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug manual" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug completions" output' -l 'output' -d 'Folder to write to.' -rfa '(__impetus_complete_directories)'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug completions" version' -l 'version' -d 'Show the version.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus debug completions" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'impetus' -n '__impetus_should_offer_completions_for_flags_or_options "impetus help" version' -l 'version' -d 'Show the version.'
