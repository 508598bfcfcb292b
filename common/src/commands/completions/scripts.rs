//! The scripts, which ask for candidates with the line up to the cursor.

/// Without a candidate, bash completes file names. It splits words at `:` and `=`, and the helper knows that.
pub(super) fn bash(program: &str) -> String {
    let function = function(program);
    format!(
        r#"{function}() {{
    local IFS=$'\n'
    COMPREPLY=($({program} completions bash "${{COMP_LINE:0:COMP_POINT}}" 2>/dev/null))
}}
complete -o default -F {function} {program}
"#
    )
}

pub(super) fn fish(program: &str) -> String {
    let function = function(program);
    format!(
        r"function _{function}
    set -l candidates ({program} completions fish (commandline --cut-at-cursor | string collect) 2>/dev/null)
    if test (count $candidates) -gt 0
        printf '%s\n' $candidates
    else
        __fish_complete_path (commandline --current-token)
    end
end
complete --command {program} --no-files --arguments '(_{function})'
"
    )
}

/// It works both as a file on `fpath` and in a profile.
pub(super) fn zsh(program: &str) -> String {
    let function = function(program);
    format!(
        r#"#compdef {program}
{function}() {{
    local -a candidates
    candidates=("${{(@f)$({program} completions zsh "${{(j: :)words[1,CURRENT]}}" 2>/dev/null)}}")
    if [[ -n ${{candidates[1]}} ]]; then
        compadd -- "${{candidates[@]}}"
    else
        _files
    fi
}}
if [[ ${{funcstack[1]}} == {function} ]]; then
    {function} "$@"
else
    compdef {function} {program}
fi
"#
    )
}

fn function(program: &str) -> String {
    format!("_{program}")
}
