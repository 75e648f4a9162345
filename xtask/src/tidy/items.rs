//! Public items that nobody else names.
//!
//! The analysis is of names, not of types. An item of a library counts as named when its name is a
//! word of the code of another crate, of a test, benchmark or example, or of the signature of
//! another public item of its own crate. So two items of one name hide each other; what is found is
//! dead for sure, or kept for a reason that [`KEPT`] gives. Of modules that are not public, what
//! their crate hands on with `pub use` is looked at, methods included; the rest is left to the
//! compiler, which knows what is dead in it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Fault, File,
    source::{Source, without_tests, words},
};

/// Why items that nobody else names are public all the same, and which they are.
pub const KEPT: &[(&str, &[(&str, &str)])] = &[
    (
        "a limit: whoever is refused by it can look it up",
        &[
            ("crates/protocol/src/limits.rs", "TRACE_WINDOW_MAX"),
            ("crates/record/src/epcis/mod.rs", "FAULTS_MAX"),
            ("crates/record/src/epcis/mod.rs", "CONTEXT_BYTES_MAX"),
            ("crates/record/src/fhir/mod.rs", "VALUES_MAX"),
            ("crates/record/src/fhir/mod.rs", "RESOURCE_DEPTH_MAX"),
            ("crates/record/src/fhir/mod.rs", "ISSUES_MAX"),
            ("crates/record/src/keyword/mod.rs", "WORD_MAX"),
            ("crates/record/src/synthetic/mod.rs", "PATIENTS_MAX"),
        ],
    ),
    (
        "named by a macro only, which users of the crate may use",
        &[
            ("crates/protocol/src/call/encoding.rs", "Octets"),
            ("crates/protocol/src/fixed.rs", "FixedSize"),
        ],
    ),
    (
        "for the crate's own program, which is another crate to the compiler",
        &[("crates/node/src/config.rs", "read_again")],
    ),
    (
        "an answer that the product does not ask for, and its users may",
        &[
            ("crates/record/src/fhir/issue.rs", "severity"),
            ("crates/record/src/media.rs", "detect"),
        ],
    ),
    (
        "its own crate's, and public since before this check: to be narrowed when its file is touched",
        &[
            ("crates/client/src/session.rs", "trace_heads"),
            ("crates/record/src/fhir/resource.rs", "all_references"),
            ("crates/record/src/terminology/mod.rs", "CodeSystem"),
            ("crates/record/src/subject.rs", "foreign_to"),
            ("crates/client/src/trace/business.rs", "action_of"),
            ("crates/client/src/trace/business.rs", "is_expired"),
            ("crates/client/src/session.rs", "log_check"),
            ("crates/client/src/people.rs", "member_among"),
            ("crates/node/src/keyholder.rs", "reencapsulate_once"),
            ("crates/node/src/private_chain.rs", "PERIOD"),
            ("crates/node/src/private_chain.rs", "close_checked"),
            ("crates/node/src/order/peering.rs", "PeerIdError"),
            ("crates/node/src/order/simulation.rs", "Starting"),
            ("crates/node/src/service/mod.rs", "Neighbour"),
            ("crates/protocol/src/authored.rs", "author_commitment"),
            ("crates/protocol/src/codec.rs", "remaining"),
            ("crates/protocol/src/fixed.rs", "from_hex"),
            ("crates/record/src/epcis/event.rs", "biz_location"),
            ("crates/record/src/epcis/event.rs", "biz_transactions"),
            ("crates/record/src/fhir/bundle.rs", "bundle_type"),
            ("crates/record/src/gs1/symbol.rs", "gs1_data_matrix"),
        ],
    ),
];

fn kept() -> impl Iterator<Item = (&'static str, &'static str)> {
    KEPT.iter().flat_map(|(_, items)| items.iter().copied())
}

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
        let items = public_items(&files, &codes);
        for item in items.iter().filter(|item| !item.name.is_empty()) {
            let outside = named.get(library.as_str());
            let is_named = outside.is_some_and(|words| words.contains(item.name.as_str()))
                || items.iter().any(|other| other.shows(item));
            let place = (item.path.as_str(), item.name.as_str());
            match kept().find(|kept| *kept == place) {
                _ if is_named => {}
                Some(kept) => drop(met.insert(kept)),
                None => faults.push(format!(
                    "{}: nobody else names the public `{}`",
                    item.path, item.name
                )),
            }
        }
    }
    for (path, name) in kept().filter(|kept| !met.contains(kept)) {
        faults.push(format!("{path}: `{name}` is named: take it off the list"));
    }
    faults
}

/// The public items of a library: of its public modules, and what it hands on of the others.
fn public_items(files: &[(&str, &str)], codes: &[(&str, String)]) -> Vec<Item> {
    let handed_on: BTreeSet<&str> = files.iter().flat_map(|(_, code)| handed_on(code)).collect();
    let public = |(path, code): &(&str, &str)| {
        let is_public = is_public(path, codes);
        let mut items = items(path, without_tests(code));
        items.retain(|item| is_public || item.is_handed_on(&handed_on));
        items
    };
    files.iter().flat_map(public).collect()
}

/// A public item.
struct Item {
    path: String,
    name: String,
    /// What its users see: all of it but a function's body.
    signature: String,
    /// The head of the `impl` that it stands in, if in one.
    head: Option<String>,
}

impl Item {
    fn shows(&self, other: &Self) -> bool {
        let itself = self.path == other.path && self.name == other.name;
        !itself && words(&self.signature).any(|word| word == other.name)
    }

    fn is_handed_on(&self, names: &BTreeSet<&str>) -> bool {
        match &self.head {
            Some(head) => words(head).any(|word| names.contains(word)),
            None => names.contains(self.name.as_str()),
        }
    }
}

/// The names that a file makes public though their module is not.
fn handed_on(code: &str) -> impl Iterator<Item = &str> {
    code.match_indices("pub use ").flat_map(|(at, _)| {
        let statement = code[at..].split(';').next().unwrap_or_default();
        words(statement).skip(2)
    })
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
fn is_public(path: &str, codes: &[(&str, String)]) -> bool {
    let Some((root, inner)) = path.split_once("/src/") else {
        return false;
    };
    let inner = inner.trim_end_matches(".rs").trim_end_matches("/mod");
    if matches!(inner, "lib" | "main") {
        return true;
    }
    let modules: Vec<&str> = inner.split('/').collect();
    modules.iter().enumerate().all(|(depth, module)| {
        let parents = parents(root, &modules[..depth]);
        let declares = |code: &str| code.contains(&format!("pub mod {module};"));
        codes
            .iter()
            .any(|(path, code)| parents.iter().any(|parent| parent == path) && declares(code))
    })
}

/// The files that may hold the module of this name.
fn parents(root: &str, modules: &[&str]) -> Vec<String> {
    if modules.is_empty() {
        return vec![format!("{root}/src/lib.rs")];
    }
    let above = modules.join("/");
    vec![
        format!("{root}/src/{above}.rs"),
        format!("{root}/src/{above}/mod.rs"),
    ]
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
        if !KINDS.contains(&kind) {
            continue;
        }
        // A macro's `$name` is nobody's name, but what stands beside it is shown.
        let name = match name.starts_with('$') {
            true => "",
            false => words(name).next().unwrap_or_default(),
        };
        let is_function = kind == "fn" || rest.starts_with("const fn");
        items.push(Item {
            path: path.to_owned(),
            name: name.to_owned(),
            signature: signature(rest, is_function).to_owned(),
            head: head(&code[..at]),
        });
    }
    items
}

/// The head of the `impl` that is open behind `before`.
fn head(before: &str) -> Option<String> {
    let line = before.rsplit('\n').next()?;
    if line.is_empty() {
        return None;
    }
    let at = before.rfind("\nimpl")?;
    let head = before[at..].split('{').next()?;
    Some(head.to_owned())
}

/// Up to the body of a function, or to the end of another item.
fn signature(rest: &str, is_function: bool) -> &str {
    let mut depth = 0_usize;
    for (at, character) in rest.char_indices() {
        match character {
            '{' if is_function && depth == 0 => return &rest[..at],
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

    #[test]
    fn what_a_private_module_hands_on_is_looked_at_with_its_methods() {
        let lib = ("crates/a/src/lib.rs", "mod c;\npub use c::D;");
        let c = "pub struct D;\nimpl D {\n    pub fn e() {}\n}\npub struct F;";
        let user = ("crates/h/src/lib.rs", "a::D");
        let found = faults(&[lib, ("crates/a/src/c.rs", c), user]);
        assert_eq!(
            found,
            ["crates/a/src/c.rs: nobody else names the public `e`"]
        );
    }
}
