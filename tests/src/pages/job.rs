//! The documentation's CI jobs in YAML.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::program::find;
use crate::requirement::Missing;

/// Parses YAML with somebody else's parser.
///
/// # Errors
///
/// If ruby isn't installed.
pub fn read(yaml: &str) -> Result<Value, Missing> {
    let mut ruby = Command::new(find("ruby")?)
        .args([
            "-ryaml",
            "-rjson",
            "-e",
            "puts JSON.dump(YAML.safe_load(STDIN.read))",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ruby can be run");
    let mut pipe = ruby.stdin.take().expect("stdin is a pipe");
    pipe.write_all(yaml.as_bytes()).expect("ruby reads");
    drop(pipe);
    let output = ruby.wait_with_output().expect("ruby can be waited for");
    assert!(output.status.success(), "this is no YAML:\n{yaml}");
    Ok(serde_json::from_slice(&output.stdout).expect("JSON"))
}

/// The only job of a page's snippet, in GitHub's or GitLab's format.
fn only(job: &Value) -> &Value {
    let jobs = job["jobs"].as_object().or(job.as_object()).expect("jobs");
    let is_job = |job: &&Value| !job["script"].is_null() || !job["steps"].is_null();
    jobs.values().find(is_job).expect("a job with a script")
}

/// The scripts of the job: in GitLab's format all in one shell, in GitHub's each in its own.
pub fn scripts(job: &Value) -> Vec<String> {
    let lines = |list: &Value| -> Vec<String> {
        let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter()
            .map(|line| line.as_str().expect("a line of a script").to_owned())
            .collect()
    };
    let job = only(job);
    if let Some(steps) = job["steps"].as_array() {
        return steps
            .iter()
            .filter_map(|step| step["run"].as_str().map(str::to_owned))
            .collect();
    }
    let all = [lines(&job["before_script"]), lines(&job["script"])].concat();
    assert!(!all.is_empty(), "the job has a script: {job}");
    vec![all.join("\n")]
}

/// The variables that the job itself sets; `secret` returns the value of `${{ secrets.NAME }}`.
pub fn variables(job: &Value, secret: impl Fn(&str) -> String) -> Vec<(String, String)> {
    let job = only(job);
    let set = [&job["env"], &job["variables"]];
    set.into_iter()
        .filter_map(Value::as_object)
        .flatten()
        .map(|(name, value)| {
            let value = value.as_str().expect("a variable is text");
            let named = value
                .strip_prefix("${{ secrets.")
                .and_then(|rest| rest.strip_suffix(" }}"));
            (name.clone(), named.map_or_else(|| value.to_owned(), &secret))
        })
        .collect()
}
