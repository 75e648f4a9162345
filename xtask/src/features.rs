//! One feature set: what programs and tests share is built once, and no program has what only
//! tests may have.
//!
//! Cargo builds a dependency anew for every set of features, and with it all that depends on it.
//! Which sets a command builds is said by `cargo tree`; the workspace's manifest says what is
//! pinned so that they agree.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};

use crate::{run, test};

/// What the first command of the README builds; every other program adds only what is not in it.
const FIRST: &str = "yilian-app";

/// What else is built to be run.
const PROGRAMS: &[&str] = &["yilian-node", "yilian-bench"];

/// What only tests may have: made-up keys and votes, hooks into an engine.
const TEST_ONLY: &[&str] = &[
    "arbitrary",
    "fuzz",
    "mocks",
    "simulation",
    "test-traits",
    "test-utils",
];

/// What the tests build a second time, with this feature: the engine as the simulation drives it.
/// Nothing else of the consensus depends on either.
const APART: &[(&str, &str)] = &[
    ("commonware-glue", "test-utils"),
    ("yilian-node", "simulation"),
];

/// What a peer of the benchmarks needs for its macros, with fewer features: two small packages, a
/// second each.
const OF_PEERS: &[&str] = &["crc32fast", "memchr"];

/// A package and its version -> the feature sets that it is built with.
type Builds = BTreeMap<String, BTreeSet<Features>>;
type Features = BTreeSet<String>;

fn is_of_peer(line: &str) -> bool {
    let package = line.split(' ').next();
    package.is_some_and(|package| OF_PEERS.contains(&package))
}

pub fn run() -> anyhow::Result<()> {
    let first = builds(&["--package", FIRST], "normal,build")?;
    let mut faults = test_only(&first);
    for program in PROGRAMS {
        let other = builds(&["--package", program], "normal,build")?;
        faults.extend(test_only(&other));
        let anew = |line| format!("{program} builds anew what {FIRST} has: {line}");
        let found = anew_in(&other, &first).into_iter();
        let found = found.filter(|line| !(program == &"yilian-bench" && is_of_peer(line)));
        faults.extend(found.map(anew));
    }
    let tests = builds(test::TOGETHER, "normal,build,dev")?;
    let anew = |line| format!("{FIRST} builds anew what the tests have: {line}");
    let shared = anew_in(&with_apart(first), &tests);
    faults.extend(shared.into_iter().map(anew));
    if faults.is_empty() {
        eprintln!("features: programs and tests agree on what they share");
        return Ok(());
    }
    bail!("features differ:\n  {}", faults.join("\n  "))
}

/// What cargo builds for `packages`, along `edges`.
fn builds(packages: &[&str], edges: &str) -> anyhow::Result<Builds> {
    let how = [
        "tree", "--locked", "--prefix", "none", "--format", "{p}\t{f}", "--edges", edges,
    ];
    let tree = run::output("cargo", &[&how, packages].concat())?;
    let builds = parse(&String::from_utf8(tree)?)?;
    if builds.is_empty() {
        bail!("`cargo tree` lists nothing for {}", packages.join(" "));
    }
    Ok(builds)
}

/// Lines of `NAME vVERSION (NOTES)`, a tab, features by commas, and maybe ` (*)` for what was
/// listed before.
fn parse(tree: &str) -> anyhow::Result<Builds> {
    let mut builds = Builds::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let line = line.strip_suffix(" (*)").unwrap_or(line);
        let (package, features) = line.split_once('\t').context("no tab")?;
        let mut words = package.split(' ');
        let name = words.next().context("no name")?;
        let version = words.next().context("no version")?;
        let features = features.split(',').filter(|feature| !feature.is_empty());
        builds
            .entry(format!("{name} {version}"))
            .or_default()
            .insert(features.map(str::to_owned).collect());
    }
    Ok(builds)
}

/// Built for the compiler's helpers too, in a moment: what they take of it does not matter.
const SMALL: &[&str] = &["foldhash"];

/// What `other` builds with features that `known` does not build it with, though `known` builds it.
fn anew_in(other: &Builds, known: &Builds) -> Vec<String> {
    let shared = other
        .iter()
        .filter(|(package, _)| !SMALL.iter().any(|small| package.starts_with(*small)))
        .filter_map(|(package, sets)| Some((package, sets, known.get(package)?)));
    shared
        .flat_map(|(package, sets, known)| {
            let shown = |sets: &BTreeSet<Features>| {
                let sets = sets.iter().map(listed).collect::<Vec<String>>();
                sets.join(" and ")
            };
            sets.difference(known)
                .map(move |set| format!("{package} {}, not {}", listed(set), shown(known)))
        })
        .collect()
}

fn listed(features: &Features) -> String {
    let features: Vec<&str> = features.iter().map(String::as_str).collect();
    format!("[{}]", features.join(","))
}

/// Features for tests among those of a program.
fn test_only(builds: &Builds) -> Vec<String> {
    builds
        .iter()
        .filter(|(package, _)| ours_or_consensus(package))
        .flat_map(|(package, sets)| {
            let features = sets.iter().flatten();
            features
                .filter(|feature| TEST_ONLY.contains(&feature.as_str()))
                .map(move |feature| format!("a program has {package} with {feature}"))
        })
        .collect()
}

fn ours_or_consensus(package: &str) -> bool {
    package.starts_with("yilian-") || package.starts_with("commonware-")
}

/// With the features that the tests add to what stays apart.
fn with_apart(mut builds: Builds) -> Builds {
    for (package, sets) in &mut builds {
        let name = package.split(' ').next().unwrap_or(package);
        for (_, feature) in APART.iter().filter(|(apart, _)| *apart == name) {
            let grown = std::mem::take(sets).into_iter().map(|mut set| {
                set.insert((*feature).to_owned());
                set
            });
            *sets = grown.collect();
        }
    }
    builds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(lines: &[&str]) -> Builds {
        parse(&lines.join("\n")).unwrap_or_default()
    }

    #[test]
    fn a_build_for_the_compiler_is_a_build_of_its_own() {
        let builds = tree(&[
            "syn v2.0.1\tfull,parsing",
            "",
            "syn v2.0.1\tparsing (*)",
            "syn v3.0.0\t",
            "thing v1.0.0 (proc-macro) (/somewhere)\tstd",
        ]);
        let sets: Vec<usize> = builds.values().map(BTreeSet::len).collect();
        assert_eq!(sets, [2, 1, 1], "{builds:?}");
    }

    #[test]
    fn what_is_built_anew_is_named() {
        let first = tree(&["rustix v1.1.6\tfs,std", "syn v2.0.1\tfull"]);
        let other = tree(&["rustix v1.1.6\tstd", "syn v2.0.1\tfull"]);
        assert_eq!(
            anew_in(&other, &first),
            ["rustix v1.1.6 [std], not [fs,std]"]
        );
    }

    #[test]
    fn another_version_and_one_build_of_two_are_no_difference() {
        let first = tree(&["syn v2.0.1\tfull", "syn v2.0.1\tparsing"]);
        let other = tree(&["syn v2.0.1\tparsing", "syn v3.0.0\tfull"]);
        assert_eq!(anew_in(&other, &first), Vec::<String>::new());
    }

    #[test]
    fn a_mock_in_a_program_is_named() {
        let program = tree(&[
            "commonware-consensus v1.0.0\tmocks",
            "proptest v1.0.0\tfuzz",
        ]);
        assert_eq!(
            test_only(&program),
            ["a program has commonware-consensus v1.0.0 with mocks"]
        );
    }

    #[test]
    fn only_what_is_listed_stays_apart() {
        let tests = tree(&[
            "commonware-glue v1.0.0\ttest-utils",
            "commonware-p2p v1.0.0\tmocks",
        ]);
        let first = tree(&["commonware-glue v1.0.0\t", "commonware-p2p v1.0.0\t"]);
        let anew = anew_in(&with_apart(first), &tests);
        assert_eq!(anew, ["commonware-p2p v1.0.0 [], not [mocks]"]);
    }
}
