//! Checks the source: modules don't depend on each other in cycles, and ARCHITECTURE.md names all of them.
//!
//! A unit is a module's file together with the folder of its name. This reads text, not types, without
//! comments, strings and test modules.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module's path from the crate's root.
type Module = Vec<String>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The checked crates.
fn crates() -> Vec<PathBuf> {
    let helpers = fs::read_dir(root().join("helpers")).expect("there are helpers");
    let mut crates: Vec<_> = helpers.map(|entry| entry.expect("an entry").path()).collect();
    crates.extend(["common", "bench", "tests/conformance"].map(|name| root().join(name)));
    crates.sort();
    crates
}

/// The modules of a crate with their text, without those for tests.
fn modules(krate: &Path) -> BTreeMap<Module, String> {
    let mut modules = BTreeMap::new();
    let mut folders = vec![krate.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of source") {
            let path = entry.expect("an entry").path();
            let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
            if ["tests", "testing", "bin"].contains(&stem.as_str()) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let below = path.strip_prefix(krate.join("src")).expect("it is below");
                let mut module: Module = below
                    .with_extension("")
                    .iter()
                    .map(|name| name.to_string_lossy().into_owned())
                    .collect();
                if matches!(stem.as_str(), "lib" | "main" | "mod") {
                    module.pop();
                }
                modules.insert(module, fs::read_to_string(&path).expect("source is text"));
            }
        }
    }
    modules
}

/// Names and punctuation, without comments, strings, characters and test modules.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => string_length(rest),
            '\'' => character_length(rest),
            c if c.is_alphanumeric() || c == '_' => {
                let is_part = |c: char| c.is_alphanumeric() || c == '_';
                let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                tokens.push(rest[..length].to_owned());
                length
            }
            ':' if rest.starts_with("::") => {
                tokens.push("::".to_owned());
                2
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(c.to_string());
                }
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    without_tests(&tokens)
}

fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a character literal, or of the quote before a lifetime.
fn character_length(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), _) => text[2..].find('\'').map_or(1, |end| end + 3),
        (_, Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

fn without_tests(tokens: &[String]) -> Vec<String> {
    let marker = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if !(tokens[at..].len() > 10 && tokens[at..at + 8] == marker && tokens[at + 9] == "{") {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let mut depth = 1;
        at += 10;
        while depth > 0 && at < tokens.len() {
            depth += i32::from(tokens[at] == "{") - i32::from(tokens[at] == "}");
            at += 1;
        }
    }
    kept
}

/// The paths in a module's text, each from the crate's root.
fn paths(module: &Module, tokens: &[String]) -> Vec<Module> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        if matches!(tokens[at].as_str(), "crate" | "super" | "self") && (at == 0 || tokens[at - 1] != "::") {
            let mut open = Vec::new();
            expand(&mut open, tokens, at, &mut found);
        }
    }
    found.iter().filter_map(|path| resolve(module, path)).collect()
}

/// Reads one path, with its branches in braces. Returns the index after it.
fn expand(before: &mut Module, tokens: &[String], mut at: usize, found: &mut Vec<Module>) -> usize {
    let start = before.len();
    loop {
        match tokens.get(at).map(String::as_str) {
            Some("{") => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    at = expand(before, tokens, at, found);
                    if tokens.get(at).is_some_and(|token| token == ",") {
                        at += 1;
                    }
                }
                at += 1;
                break;
            }
            Some(name) if name.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                before.push(name.to_owned());
                at += 1;
            }
            _ => {
                at += 1;
                found.push(before.clone());
                break;
            }
        }
        if tokens.get(at).is_some_and(|token| token == "::") {
            at += 1;
            continue;
        }
        found.push(before.clone());
        // Another name for it.
        while tokens
            .get(at)
            .is_some_and(|token| token == "as" || tokens[at - 1] == "as")
        {
            at += 1;
        }
        break;
    }
    before.truncate(start);
    at
}

fn resolve(module: &Module, path: &Module) -> Option<Module> {
    let mut base = match path.first()?.as_str() {
        "crate" => return Some(path[1..].to_vec()),
        _ => module.clone(),
    };
    let mut rest = path.as_slice();
    while let [first, after @ ..] = rest {
        match first.as_str() {
            "self" => {}
            "super" => {
                base.pop()?;
            }
            _ => break,
        }
        rest = after;
    }
    base.extend(rest.iter().cloned());
    Some(base)
}

/// The crate root's re-exports: `crate::Error` is a use of `error`.
fn handed_on(root: &[String]) -> BTreeMap<String, Module> {
    let mut found = Vec::new();
    for at in 1..root.len() {
        let is_public = root[at - 1] == "pub" || root[at - 1] == ")";
        if root[at] == "use" && is_public {
            expand(&mut Vec::new(), root, at + 1, &mut found);
        }
    }
    found
        .into_iter()
        .filter_map(|path| Some((path.last()?.clone(), resolve(&Vec::new(), &path)?)))
        .collect()
}

/// The uses between the units of one folder, by their paths.
fn edges(modules: &BTreeMap<Module, String>) -> BTreeMap<Module, BTreeSet<Module>> {
    let read: BTreeMap<&Module, Vec<String>> = modules
        .iter()
        .map(|(module, text)| (module, tokens(text)))
        .collect();
    let handed_on = read
        .get(&Vec::new())
        .map(|root| handed_on(root))
        .unwrap_or_default();
    let mut edges: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for (module, tokens) in &read {
        for mut path in paths(module, tokens) {
            if let [first, rest @ ..] = path.as_slice()
                && !modules.contains_key(&vec![first.clone()])
                && let Some(origin) = handed_on.get(first)
            {
                path = origin.iter().chain(rest).cloned().collect();
            }
            let Some(target) = (1..=path.len())
                .rev()
                .map(|length| path[..length].to_vec())
                .find(|prefix| modules.contains_key(prefix))
            else {
                continue;
            };
            let common = module.iter().zip(&target).take_while(|(a, b)| a == b).count();
            if common < module.len() && common < target.len() {
                edges
                    .entry(module[..=common].to_vec())
                    .or_default()
                    .insert(target[..=common].to_vec());
            }
        }
    }
    edges
}

/// The units in cycles.
fn circles(edges: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<String> {
    let reached_from = |start: &Module| {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&Module> = edges.get(start).into_iter().flatten().collect();
        while let Some(unit) = open.pop() {
            if reached.insert(unit.clone()) {
                open.extend(edges.get(unit).into_iter().flatten());
            }
        }
        reached
    };
    edges
        .keys()
        .filter(|unit| reached_from(unit).contains(*unit))
        .map(|unit| unit.join("::"))
        .collect()
}

#[test]
fn no_units_depend_on_each_other_in_a_cycle() {
    for krate in crates() {
        let circles = circles(&edges(&modules(&krate)));
        assert!(circles.is_empty(), "{}: {circles:?}", krate.display());
    }
}

#[test]
fn control_units_that_use_each_other_are_caught() {
    let unit = |name: &str, text: &str| (name.split('/').map(str::to_owned).collect(), text.to_owned());
    let caught = |units: &[(&str, &str)]| {
        circles(&edges(
            &units.iter().map(|(name, text)| unit(name, text)).collect(),
        ))
    };
    assert_eq!(
        caught(&[("a", "use crate::b::X;"), ("b", "fn f() { super::a::y() }")]),
        ["a", "b"]
    );
    assert_eq!(
        caught(&[
            ("a", "use crate::{c, b::{self, X}};"),
            ("b", "use crate::a;"),
            ("c", "")
        ]),
        ["a", "b"]
    );
    assert_eq!(
        caught(&[
            ("a", "use crate::b;"),
            ("b", "// crate::a\nconst A: &str = \"crate::a\";")
        ]),
        [""; 0]
    );
    let test = "#[cfg(test)] mod tests { use crate::a; }";
    assert_eq!(caught(&[("a", "use crate::b;"), ("b", test)]), [""; 0]);
}

/// The paths in the code map of ARCHITECTURE.md.
fn mapped() -> Vec<String> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there");
    let map = text.split("## Code map").nth(1).expect("it has a code map");
    let map = map.split("\n## ").next().unwrap_or_default();
    let quoted = map.split('`').skip(1).step_by(2);
    quoted
        .filter(|path| path.contains('/') && !path.contains(' '))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_path_in_the_code_map_exists() {
    let missing: Vec<_> = mapped()
        .into_iter()
        .filter(|path| !root().join(path).exists())
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_module_is_in_the_code_map_or_below_one_that_is() {
    let mapped: Vec<PathBuf> = mapped()
        .into_iter()
        .map(|path| PathBuf::from(path).with_extension(""))
        .collect();
    let mut missing = Vec::new();
    for krate in crates() {
        let name = krate.strip_prefix(root()).expect("it is below").to_owned();
        if !(name.starts_with("common") || name.starts_with("helpers")) {
            continue;
        }
        for module in modules(&krate).into_keys().filter(|module| !module.is_empty()) {
            let path = name.join("src").join(module.iter().collect::<PathBuf>());
            let is_mapped = path.ancestors().any(|path| {
                path.starts_with(name.join("src"))
                    && path != name.join("src")
                    && mapped.iter().any(|known| known == path)
            });
            if !is_mapped {
                missing.push(path);
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}
