//! The queries by which keywords are measured (tests/data/keywords), for the tests and for `cargo
//! xtask bench keywords`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde_json::{Value, json};
use yilian_protocol::Confidentiality;
use yilian_record::{
    encounter::visits,
    fhir::{Bundle, Resource},
    keyword::{Said, said},
    label::parts,
};

/// A query and what it must find.
pub struct Query {
    /// Language or sort of query: zh, en, code, brand, given, fresh, later, last.
    pub kind: &'static str,
    /// As it is typed.
    pub text: &'static str,
    /// Records by name, or codes as `=system:code`.
    finds: &'static str,
    /// Whether the row is of the third that nobody looks at while the index is tuned.
    pub held_out: bool,
}

/// What queries are run against: the index of a record, what it is, and what it says.
#[derive(Clone)]
pub struct Record {
    /// Names by which queries mean it: its own, or `=system:code` of each code or its display.
    pub names: BTreeSet<String>,
    /// Texts of its keywords.
    pub index: BTreeSet<String>,
    /// Displays and texts.
    pub texts: Vec<String>,
    /// Codes, each with the display after it.
    displays: Vec<(String, String)>,
}

/// How a query did.
pub struct Outcome {
    /// Records that it found of those that it must find.
    pub found: usize,
    /// Records that it must find.
    pub wanted: usize,
    /// Records that it found and should not.
    pub wrong: usize,
}

impl Outcome {
    /// Share of what must be found; all of nothing is all.
    pub fn recall(&self) -> f64 {
        share(self.found, self.wanted)
    }

    /// Share of what was found that is meant.
    pub fn precision(&self) -> f64 {
        share(self.found, self.found + self.wrong)
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts of some hundreds")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        1.0
    } else {
        part as f64 / whole as f64
    }
}

impl Query {
    /// Runs it against `records`, `matches` telling which are found.
    pub fn run(&self, records: &[Record], matches: impl Fn(&Record) -> bool) -> Outcome {
        let meant: Vec<&str> = self.finds.split(' ').filter(|name| *name != "-").collect();
        let mut outcome = Outcome {
            found: 0,
            wanted: 0,
            wrong: 0,
        };
        for record in records {
            let wanted = meant.iter().any(|name| record.names.contains(*name));
            let found = matches(record);
            outcome.wanted += usize::from(wanted);
            outcome.found += usize::from(wanted && found);
            outcome.wrong += usize::from(!wanted && found);
        }
        outcome
    }

    /// Whether it was written after the tables, and is counted apart.
    pub fn is_fresh(&self) -> bool {
        self.kind == "fresh"
    }

    /// Whether it is meant for the given patients of `../shared/data`.
    pub fn is_given(&self) -> bool {
        self.kind == "given"
    }

    /// Whether it is meant for [`later`] or [`last`], and was written with those.
    pub fn is_later(&self) -> bool {
        matches!(self.kind, "later" | "last")
    }
}

/// Whether an index answers a query.
pub fn answers(index: &BTreeSet<String>, query: &str) -> bool {
    let sought = yilian_record::keyword::query(query);
    !sought.is_empty()
        && sought
            .iter()
            .all(|keyword| index.contains(&keyword.to_text()))
}

/// All queries.
pub fn queries() -> Vec<Query> {
    let rows = rows(include_str!("../data/keywords/queries.tsv")).chain(self::rows(include_str!(
        "../data/keywords/queries-later.tsv"
    )));
    let queries = rows.filter_map(|(line, row)| match row.as_slice() {
        [kind, text, finds] => Some(Query {
            kind,
            text,
            finds,
            held_out: ["fresh", "last"].contains(kind) || hash(line).is_multiple_of(3),
        }),
        _ => None,
    });
    queries.collect()
}

fn rows(table: &'static str) -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| (line, line.split('\t').collect()))
}

/// FNV-1a (Fowler, Noll, Vo): the same on every machine and in every version.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The records of the repository.
pub fn own() -> Vec<Record> {
    records(include_str!("../data/keywords/records.tsv"))
}

/// More of them, written later.
pub fn later() -> Vec<Record> {
    records(include_str!("../data/keywords/records-later.tsv"))
}

/// Those of the queries that were written last.
pub fn last() -> Vec<Record> {
    records(include_str!("../data/keywords/records-last.tsv"))
}

fn records(table: &'static str) -> Vec<Record> {
    let mut resources: BTreeMap<&str, Vec<Resource>> = BTreeMap::new();
    for (line, row) in rows(table) {
        let [record, kind, system, code, display, text] = row[..] else {
            panic!("columns of {line}");
        };
        let resource = resource(kind, system, code, display, text);
        let resource = Resource::from_value(resource).unwrap_or_else(|_| panic!("{line}"));
        resources.entry(record).or_default().push(resource);
    }
    let records = resources.into_iter().map(|(name, resources)| Record {
        names: BTreeSet::from([name.to_owned()]),
        ..of(&resources.iter().collect::<Vec<_>>())
    });
    records.collect()
}

fn of(resources: &[&Resource]) -> Record {
    let keywords = yilian_record::keyword::keywords(resources.iter().copied());
    let mut names = BTreeSet::new();
    let mut texts = Vec::new();
    let mut displays = Vec::new();
    for resource in resources {
        if ["Claim", "ExplanationOfBenefit"].contains(&resource.resource_type().as_str()) {
            continue;
        }
        let mut last = None;
        for said in said(resource.value()) {
            match said {
                Said::Text(text) => {
                    texts.push(text.to_owned());
                    displays.extend(last.take().map(|code| (code, text.to_owned())));
                }
                Said::Code { system, code } => {
                    let system = system.unwrap_or_default();
                    let short = SYSTEMS.iter().find(|(_, url)| *url == system);
                    last = short.map(|(short, _)| format!("={short}:{code}"));
                    names.extend(last.clone());
                }
            }
        }
    }
    Record {
        names,
        index: keywords.texts().collect(),
        texts,
        displays,
    }
}

/// Parts of the visits of the given patients; none where the folder is missing.
pub fn given() -> Vec<Record> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for up in ["../../shared/data", "../../../shared/data"] {
        for folder in ["fhir-synthea-r4", "fhir-synthea-r4-heavy"] {
            let entries = std::fs::read_dir(data.join(up).join(folder));
            paths.extend(
                entries
                    .into_iter()
                    .flatten()
                    .flatten()
                    .map(|entry| entry.path()),
            );
        }
    }
    paths.sort();
    let bundles = paths.iter().filter(|path| {
        let name = path.to_string_lossy();
        name.ends_with(".json") && !name.contains("Information")
    });
    let mut records = Vec::new();
    for path in bundles {
        let bytes = std::fs::read(path).unwrap_or_default();
        let bundle = Bundle::parse(&bytes).unwrap_or_else(|_| panic!("{}", path.display()));
        for visit in visits(bundle).unwrap_or_else(|_| panic!("{}", path.display())) {
            for part in parts(&visit) {
                if matches!(
                    part.confidentiality,
                    Confidentiality::Clinical | Confidentiality::Sensitive
                ) {
                    let content = Bundle::parse(&part.content).unwrap_or_else(|_| panic!("a part"));
                    let record = of(&content.resources().collect::<Vec<_>>());
                    records.push(Record {
                        index: part.keywords.texts().collect(),
                        ..record
                    });
                }
            }
        }
    }
    with_displays(records)
}

/// A record that has a code's display, as that of a reference, is meant by the code too.
fn with_displays(mut records: Vec<Record>) -> Vec<Record> {
    let mut codes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for record in &records {
        for (code, display) in &record.displays {
            let of = codes.entry(display.clone()).or_default();
            of.insert(code.clone());
        }
    }
    for record in &mut records {
        let named = record.texts.iter().filter_map(|text| codes.get(text));
        record.names.extend(named.flatten().cloned());
    }
    records
}

const SYSTEMS: &[(&str, &str)] = &[
    ("sct", "http://snomed.info/sct"),
    ("icd10", "http://hl7.org/fhir/sid/icd-10"),
    ("icd10cm", "http://hl7.org/fhir/sid/icd-10-cm"),
    ("icd10cn", "http://hl7.org/fhir/sid/icd-10-cn"),
    ("loinc", "http://loinc.org"),
    ("rxnorm", "http://www.nlm.nih.gov/research/umls/rxnorm"),
    ("atc", "http://www.whocc.no/atc"),
    ("cvx", "http://hl7.org/fhir/sid/cvx"),
    ("local", "http://example.org/ours"),
];

fn resource(kind: &str, system: &str, code: &str, display: &str, text: &str) -> Value {
    let url = SYSTEMS.iter().find(|(short, _)| *short == system);
    let members = [
        ("system", url.map_or("", |(_, url)| *url)),
        ("code", code),
        ("display", display),
    ];
    let given = members.iter().filter(|(_, value)| !value.is_empty());
    let coding: BTreeMap<&str, &str> = given.copied().collect();
    let mut concept = serde_json::Map::new();
    if !coding.is_empty() {
        concept.insert("coding".to_owned(), json!([coding]));
    }
    if !text.is_empty() {
        concept.insert("text".to_owned(), json!(text));
    }
    let member = match kind {
        "MedicationRequest" => "medicationCodeableConcept",
        "Immunization" => "vaccineCode",
        _ => "code",
    };
    json!({ "resourceType": kind, member: concept })
}
