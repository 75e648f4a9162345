//! Public items that nobody else names.
//!
//! The analysis is of names, not of types. An item of a library counts as named when its name is a
//! word of the code of another crate, of a test, benchmark or example, or of the signature of
//! another public item of its own crate. So two items of one name hide each other; what is found is
//! dead for sure, or kept for a reason that [`KEPT`] gives. Modules that are not public themselves
//! are left to the compiler, which knows what is dead in them.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Fault, File,
    source::{Source, without_tests, words},
};

/// Items that nobody else names, and why they are public all the same.
pub const KEPT: &[(&str, &str, &str)] = &[];

/// Programs, and the crate that a program is of: nobody else can name what is in them.
const PROGRAMS: [&str; 2] = ["crates/app/", "crates/node/src/main.rs"];

pub fn unnamed(sources: &[(&File, Source)]) -> Vec<Fault> {
    let codes: Vec<(&str, String)> = sources
        .iter()
        .map(|(file, source)| (file.path.as_str(), source.code()))
        .collect();
    let named = named_outside(&codes);
    let mut faults = Vec::new();
    let mut met = BTreeSet::new();
    for (library, files) in libraries(&codes) {
        let items: Vec<Item> = files
            .iter()
            .filter(|(path, _)| is_reachable(path, &codes))
            .flat_map(|(path, code)| items(path, without_tests(code)))
            .collect();
        for item in &items {
            let outside = named.get(library.as_str());
            let is_named = outside.is_some_and(|words| words.contains(item.name.as_str()))
                || items.iter().any(|other| other.shows(item));
            if is_named {
                continue;
            }
            let kept =
                |(path, name, _): &&(&str, &str, &str)| *path == item.path && *name == item.name;
            match KEPT.iter().find(kept) {
                Some((path, name, _)) => drop(met.insert((*path, *name))),
                None => faults.push(format!(
                    "{}: nobody else names the public `{}`",
                    item.path, item.name
                )),
            }
        }
    }
    for (path, name, _) in KEPT
        .iter()
        .filter(|(path, name, _)| !met.contains(&(*path, *name)))
    {
        faults.push(format!("{path}: `{name}` is named: take it off the list"));
    }
    faults
}

/// A public item.
struct Item {
    path: String,
    name: String,
    /// What its users see: all of it but a function's body.
    signature: String,
}

impl Item {
    fn shows(&self, other: &Self) -> bool {
        let itself = self.path == other.path && self.name == other.name;
        !itself && words(&self.signature).any(|word| word == other.name)
    }
}

/// `crates/NAME/src`, or nothing for what is no library.
fn library_of(path: &str) -> Option<&str> {
    if PROGRAMS.iter().any(|program| path.starts_with(program)) {
        return None;
    }
    let (crate_name, rest) = path.strip_prefix("crates/")?.split_once('/')?;
    rest.starts_with("src/").then_some(crate_name)
}

fn libraries<'a>(codes: &'a [(&str, String)]) -> BTreeMap<String, Vec<(&'a str, &'a str)>> {
    let mut libraries: BTreeMap<String, Vec<(&str, &str)>> = BTreeMap::new();
    for (path, code) in codes {
        if let Some(library) = library_of(path) {
            let files = libraries.entry(library.to_owned()).or_default();
            files.push((path, code));
        }
    }
    libraries
}

/// For each library, the words of all code that is not its own.
fn named_outside<'a>(codes: &'a [(&str, String)]) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let names: BTreeSet<&str> = codes
        .iter()
        .filter_map(|(path, _)| library_of(path))
        .collect();
    let outside = |library: &&str| {
        let others = codes
            .iter()
            .filter(|(path, _)| library_of(path) != Some(library));
        others.flat_map(|(_, code)| words(code)).collect()
    };
    names
        .into_iter()
        .map(|name| (name, outside(&name)))
        .collect()
}

/// Whether every module on the way to the file is public.
fn is_reachable(path: &str, codes: &[(&str, String)]) -> bool {
    let Some((root, inner)) = path.split_once("/src/") else {
        return false;
    };
    let inner = inner.trim_end_matches(".rs").trim_end_matches("/mod");
    if matches!(inner, "lib" | "main") {
        return true;
    }
    let modules: Vec<&str> = inner.split('/').collect();
    let declared_in = |depth: usize| match depth {
        0 => vec![format!("{root}/src/lib.rs")],
        depth => {
            let above = modules[..depth].join("/");
            vec![
                format!("{root}/src/{above}.rs"),
                format!("{root}/src/{above}/mod.rs"),
            ]
        }
    };
    modules.iter().enumerate().all(|(depth, module)| {
        let declared_in = declared_in(depth);
        codes.iter().any(|(path, code)| {
            declared_in.iter().any(|file| file == path)
                && (code.contains(&format!("pub mod {module};"))
                    // What a private module's parent hands on is not looked into.
                    || code.contains(&format!("pub mod {module} {{")))
        })
    })
}

const KINDS: [&str; 8] = [
    "fn", "struct", "enum", "trait", "type", "const", "static", "union",
];

/// The public items of a file, those within `impl` blocks too.
fn items(path: &str, code: &str) -> Vec<Item> {
    let mut items = Vec::new();
    for (at, _) in code.match_indices("pub ") {
        if at > 0 && !code[..at].ends_with(char::is_whitespace) {
            continue;
        }
        let rest = &code[at + 4..];
        let mut before = rest.split_whitespace();
        let Some(kind) = before.find(|word| !matches!(*word, "async" | "unsafe" | "extern")) else {
            continue;
        };
        let mut name = before.next().unwrap_or_default();
        // `pub const fn name`.
        if kind == "const" && name == "fn" {
            name = before.next().unwrap_or_default();
        }
        let name = words(name).next().unwrap_or_default();
        // A macro's `$name` is nobody's name.
        if !KINDS.contains(&kind) || name.is_empty() || rest.contains(&format!("${name}")) {
            continue;
        }
        let is_function = kind == "fn" || rest.starts_with("const fn");
        items.push(Item {
            path: path.to_owned(),
            name: name.to_owned(),
            signature: signature(rest, is_function).to_owned(),
        });
    }
    items
}

/// Up to the body of a function, or to the end of another item.
fn signature(rest: &str, is_function: bool) -> &str {
    let mut depth = 0_usize;
    for (at, character) in rest.char_indices() {
        match character {
            '{' if is_function => return &rest[..at],
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && character == '}' {
                    return &rest[..=at];
                }
            }
            ';' if depth == 0 => return &rest[..at],
            _ => {}
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(files: &[(&str, &str)]) -> Vec<Fault> {
        let files: Vec<File> = files
            .iter()
            .map(|(path, text)| File {
                path: (*path).into(),
                text: (*text).into(),
            })
            .collect();
        let sources: Vec<_> = files
            .iter()
            .map(|file| (file, Source::new(&file.text)))
            .collect();
        let mut faults = unnamed(&sources);
        faults.retain(|fault| !fault.contains("take it off"));
        faults
    }

    const LIB: (&str, &str) = ("crates/a/src/lib.rs", "pub mod b;\nmod c;");

    #[test]
    fn an_item_that_only_its_own_crate_names_is_found() {
        let b =
            "pub struct D;\npub fn e() -> D { f() }\npub(crate) fn f() {}\npub const G: u8 = 1;";
        let user = ("crates/h/src/lib.rs", "fn i() { a::b::e() } // G");
        let found = faults(&[LIB, ("crates/a/src/b.rs", b), user]);
        assert_eq!(
            found,
            ["crates/a/src/b.rs: nobody else names the public `G`"]
        );
        let test = ("crates/a/tests/it/main.rs", "a::b::G");
        assert!(faults(&[LIB, ("crates/a/src/b.rs", b), user, test]).is_empty());
    }

    #[test]
    fn private_modules_programs_and_own_tests_are_left_aside() {
        let private = ("crates/a/src/c.rs", "pub fn d() {}");
        let program = ("crates/app/src/x.rs", "pub fn e() {}");
        assert!(faults(&[LIB, private, program]).is_empty());
        let tested = "pub fn d() {}\n#[cfg(test)]\nmod tests { fn e() { super::d() } }";
        assert_eq!(faults(&[LIB, ("crates/a/src/b.rs", tested)]).len(), 1);
    }
}
