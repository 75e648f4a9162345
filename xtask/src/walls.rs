//! Who may import whom: the table of docs/ARCHITECTURE.md, checked against what cargo sees.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::run;

/// Crate -> what it may import of ours. A crate that is not here may not exist.
const ROOMS: &[(&str, &[&str])] = &[
    ("crypto", &[]),
    ("protocol", &["crypto"]),
    ("proof", &[]),
    ("record", &["protocol"]),
    ("ledger", &["protocol", "crypto", "proof"]),
    ("client", &["protocol", "crypto", "proof", "record"]),
    // The pages' files, and what of the product runs in browsers.
    ("assets", &[]),
    ("wallet", &["crypto", "protocol", "record", "client"]),
    ("node", &["protocol", "crypto", "ledger", "assets"]),
    (
        "app",
        &[
            "crypto", "protocol", "proof", "record", "ledger", "client", "node",
        ],
    ),
    // Development only: the same engine on a deterministic runtime.
    ("sim", &["crypto", "protocol", "ledger", "client", "node"]),
    (
        "bench",
        &[
            "crypto", "protocol", "proof", "record", "ledger", "client", "node",
        ],
    ),
];

/// What a crate's tests may import besides: a node to speak to, which the crate itself never links.
/// It is not followed: nobody gets a neighbour's tests.
const TESTS: &[(&str, &[&str])] = &[("client", &["node"])];

/// No way, however long, may lead from the first to the second: plaintext must not be linkable
/// there.
const UNREACHABLE: &[(&str, &str)] = &[
    ("node", "record"),
    ("ledger", "record"),
    ("node", "client"),
    ("node", "wallet"),
    ("client", "node"),
];

type Edges = BTreeMap<String, BTreeSet<String>>;

pub fn run() -> anyhow::Result<()> {
    let metadata = run::output("cargo", &["metadata", "--format-version", "1", "--no-deps"])?;
    let metadata: Value = serde_json::from_slice(&metadata).context("cargo metadata")?;
    let faults = faults(&edges(&metadata));
    if faults.is_empty() {
        eprintln!("walls: every import is in the table");
        return Ok(());
    }
    bail!("walls are broken:\n  {}", faults.join("\n  "))
}

/// Imports between our crates. Those of tests count too, but for the ones that [`TESTS`] names:
/// what a test needs, a neighbour will soon need.
fn edges(metadata: &Value) -> Edges {
    let packages = metadata["packages"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let imports = |package: &Value| {
        let from = ours(&package["name"])?.to_owned();
        let dependencies = package["dependencies"].as_array()?.iter();
        let imports = dependencies.filter_map(|dependency| {
            let to = ours(&dependency["name"])?;
            let tests_only = dependency["kind"] == "dev" && may_test_with(&from, to);
            (!tests_only).then(|| to.to_owned())
        });
        let imports = imports.collect();
        Some((from, imports))
    };
    packages.iter().filter_map(imports).collect()
}

fn ours(name: &Value) -> Option<&str> {
    name.as_str()?.strip_prefix("yilian-")
}

fn may_test_with(from: &str, to: &str) -> bool {
    let rows = TESTS.iter().filter(|(name, _)| *name == from);
    rows.flat_map(|(_, allowed)| *allowed)
        .any(|name| *name == to)
}

fn faults(edges: &Edges) -> Vec<String> {
    let table: BTreeMap<&str, &[&str]> = ROOMS.iter().copied().collect();
    let mut faults = Vec::new();
    for (from, targets) in edges {
        let Some(allowed) = table.get(from.as_str()) else {
            faults.push(format!("{from} has no row in the table"));
            continue;
        };
        for to in targets.iter().filter(|to| !allowed.contains(&to.as_str())) {
            faults.push(format!(
                "{from} imports {to}, which the table does not allow"
            ));
        }
    }
    for (from, to) in UNREACHABLE {
        if reachable(edges, from).contains(*to) {
            faults.push(format!("{from} reaches {to}"));
        }
    }
    faults
}

fn reachable<'a>(edges: &'a Edges, from: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut rest: Vec<&str> = edges
        .get(from)
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    while let Some(next) = rest.pop() {
        if found.insert(next) {
            rest.extend(edges.get(next).into_iter().flatten().map(String::as_str));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> Edges {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        edges
            .iter()
            .map(|(from, to)| ((*from).to_owned(), owned(to)))
            .collect()
    }

    #[test]
    fn the_table_itself_keeps_plaintext_from_nodes() {
        assert_eq!(faults(&graph(ROOMS)), Vec::<String>::new());
    }

    #[test]
    fn an_import_outside_the_table_is_named() {
        let faults = faults(&graph(&[("protocol", &["crypto", "ledger"])]));
        assert_eq!(
            faults,
            ["protocol imports ledger, which the table does not allow"]
        );
    }

    #[test]
    fn a_detour_to_plaintext_is_found() {
        let faults = faults(&graph(&[("node", &["ledger"]), ("ledger", &["record"])]));
        assert!(
            faults.contains(&"node reaches record".to_owned()),
            "{faults:?}"
        );
    }

    /// What cargo says of one package with one import of the kind, `null` for a normal one.
    fn metadata(from: &str, to: &str, kind: Value) -> Value {
        let [from, to] = [from, to].map(|name| format!("yilian-{name}"));
        json!({ "packages": [{ "name": from, "dependencies": [{ "name": to, "kind": kind }] }] })
    }

    #[test]
    fn only_tests_of_people_may_start_a_node() {
        let dev = edges(&metadata("client", "node", json!("dev")));
        assert_eq!(dev, graph(&[("client", &[])]));
        assert_eq!(faults(&dev), Vec::<String>::new());
        for kind in [Value::Null, json!("build")] {
            assert_eq!(
                faults(&edges(&metadata("client", "node", kind))),
                [
                    "client imports node, which the table does not allow",
                    "client reaches node"
                ]
            );
        }
    }

    #[test]
    fn tests_have_no_other_freedom() {
        for (from, to) in [("node", "client"), ("node", "record"), ("ledger", "record")] {
            let faults = faults(&edges(&metadata(from, to, json!("dev"))));
            let reached = format!("{from} reaches {to}");
            assert!(faults.contains(&reached), "{faults:?}");
        }
        let faults = faults(&edges(&metadata("protocol", "node", json!("dev"))));
        assert_eq!(
            faults,
            ["protocol imports node, which the table does not allow"]
        );
    }

    #[test]
    fn a_new_crate_needs_a_row() {
        assert_eq!(
            faults(&graph(&[("cupboard", &[])])),
            ["cupboard has no row in the table"]
        );
    }
}
