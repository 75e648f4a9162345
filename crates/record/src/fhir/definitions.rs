//! The definitions of R4 as a table, read once.
//!
//! # Format of `r4.table`
//! UTF-8, one record a line, fields separated by tabs. The header ends with `sha256`, the hash of
//! all that follows it. Then
//! ```text
//! V name url [open]             a value set; `open`: the standard does not list its codes, and any
//!                               passes
//! S system code code ..         codes of the value set above
//! P name [expression]           a primitive type, and the standard's regular expression for tests
//! T name kind base              a type: `resource`, `abstract`, `complex`, or `backbone`
//! E name min max types [set]    an element of the type above; `name[x]` is a choice; max `*` is no
//!                               limit; types are separated by `|`, targets of references stand in
//!                               parentheses: `Reference(Patient,Group)`
//! ```
//! An element that its type's base has in the same form is left out.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use super::primitive::Primitive;

/// The embedded table is not as `cargo xtask fhir` wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct TableFault {
    /// Line of the table, from 1; 0 for the whole.
    line: usize,
    reason: &'static str,
}

/// All types and value sets.
#[derive(Debug)]
pub(super) struct Definitions {
    types: Vec<Type>,
    by_name: HashMap<&'static str, TypeId>,
    value_sets: Vec<ValueSet>,
    /// Of type `Element`, which holds `id` and `extension` of primitives.
    pub(super) element: TypeId,
}

/// Index of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TypeId(usize);

/// Index of a value set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ValueSetId(usize);

#[derive(Debug)]
pub(super) struct Type {
    name: &'static str,
    pub(super) kind: Kind,
    pub(super) elements: Vec<Element>,
    /// JSON member -> element and the type it has under that name.
    properties: HashMap<String, Property>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Primitive(Primitive),
    Complex,
    Resource,
    /// `Resource` and `DomainResource`: a place for any resource.
    Abstract,
}

#[derive(Clone, Debug)]
pub(super) struct Element {
    /// With `[x]` for a choice.
    pub(super) name: &'static str,
    pub(super) min: u32,
    /// `None`: no limit.
    pub(super) max: Option<u32>,
    types: Vec<TypeUse>,
    pub(super) binding: Option<ValueSetId>,
}

#[derive(Clone, Debug)]
struct TypeUse {
    id: TypeId,
    /// Types a reference may lead to; empty: any.
    targets: Vec<TypeId>,
}

#[derive(Clone, Copy, Debug)]
struct Property {
    element: usize,
    variant: usize,
}

/// What a JSON member means in a type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub(super) index: usize,
    pub(super) element: &'static Element,
    pub(super) kind: TypeId,
    pub(super) targets: &'static [TypeId],
}

#[derive(Debug)]
pub(super) struct ValueSet {
    pub(super) url: &'static str,
    open: bool,
    systems: Vec<(&'static str, HashSet<&'static str>)>,
}

impl Definitions {
    /// The definitions of this build.
    pub(super) fn embedded() -> Result<&'static Self, TableFault> {
        static EMBEDDED: OnceLock<Result<Definitions, TableFault>> = OnceLock::new();
        EMBEDDED
            .get_or_init(|| parse(TABLE))
            .as_ref()
            .map_err(Clone::clone)
    }

    /// The concrete resource type called `name`.
    pub(super) fn resource(&self, name: &str) -> Option<TypeId> {
        let id = *self.by_name.get(name)?;
        (self.get(id)?.kind == Kind::Resource).then_some(id)
    }

    pub(super) fn get(&self, id: TypeId) -> Option<&Type> {
        self.types.get(id.0)
    }

    pub(super) fn name(&self, id: TypeId) -> &'static str {
        self.get(id).map_or("", |found| found.name)
    }

    pub(super) fn value_set(&self, id: ValueSetId) -> Option<&ValueSet> {
        self.value_sets.get(id.0)
    }

    /// The type of any name, abstract and primitive ones included.
    #[cfg(test)]
    pub(super) fn any(&self, name: &str) -> Option<&Type> {
        self.get(*self.by_name.get(name)?)
    }

    #[cfg(test)]
    pub(super) fn types(&self) -> impl Iterator<Item = &Type> {
        self.types.iter()
    }
}

impl Type {
    #[cfg(test)]
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// What the JSON member `name` means here.
    pub(super) fn member(&'static self, name: &str) -> Option<Member> {
        let property = self.properties.get(name)?;
        let element = self.elements.get(property.element)?;
        let variant = element.types.get(property.variant)?;
        Some(Member {
            index: property.element,
            element,
            kind: variant.id,
            targets: &variant.targets,
        })
    }

    /// Whether `name` looks like a variant of one of the choices here.
    pub(super) fn resembles_choice(&self, name: &str) -> bool {
        let stems = self
            .elements
            .iter()
            .filter_map(|element| element.name.strip_suffix("[x]"));
        let mut rests = stems.filter_map(|stem| name.strip_prefix(stem));
        rests.any(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()))
    }
}

impl Element {
    /// Whether JSON spells it as an array.
    pub(super) fn is_list(&self) -> bool {
        self.max != Some(1)
    }
}

impl ValueSet {
    /// Whether `code`, of whatever system, is in the set.
    pub(super) fn has_code(&self, code: &str) -> bool {
        self.open || self.systems.iter().any(|(_, codes)| codes.contains(code))
    }

    /// Whether `code` of `system` is in the set.
    pub(super) fn has_coding(&self, system: &str, code: &str) -> bool {
        self.open
            || self
                .systems
                .iter()
                .any(|(name, codes)| *name == system && codes.contains(code))
    }
}

/// A type as it stands in the table.
struct Row {
    name: &'static str,
    kind: &'static str,
    base: &'static str,
    elements: Vec<(usize, &'static str)>,
}

fn parse(table: &'static str) -> Result<Definitions, TableFault> {
    let fault = |line, reason| TableFault { line, reason };
    let (header, rest) = table
        .split_once("\nsha256\t")
        .ok_or(fault(0, "no checksum in the header"))?;
    let (checksum, body) = rest
        .split_once('\n')
        .ok_or(fault(0, "no end of the header"))?;
    if hex(&Sha256::digest(body.as_bytes())) != checksum {
        return Err(fault(0, "the checksum differs"));
    }
    let first_line = header.lines().count() + 2;
    let mut value_sets = Vec::new();
    let mut sets_by_name = HashMap::new();
    let mut rows: Vec<Row> = Vec::new();
    for (offset, text) in body.lines().enumerate() {
        let line = first_line + offset;
        let (tag, fields) = text.split_once('\t').ok_or(fault(line, "no tag"))?;
        match tag {
            "V" => {
                let (name, set) = value_set(fields).ok_or(fault(line, "not a value set"))?;
                sets_by_name.insert(name, ValueSetId(value_sets.len()));
                value_sets.push(set);
            }
            "S" => {
                let set = value_sets
                    .last_mut()
                    .ok_or(fault(line, "codes of no value set"))?;
                let mut fields = fields.split('\t');
                let system = fields.next().ok_or(fault(line, "no system"))?;
                set.systems.push((system, fields.collect()));
            }
            "P" => {
                let name = fields.split('\t').next().unwrap_or(fields);
                rows.push(Row {
                    name,
                    kind: "primitive",
                    base: "",
                    elements: Vec::new(),
                });
            }
            "T" => rows.push(type_row(fields).ok_or(fault(line, "not a type"))?),
            "E" => {
                let row = rows
                    .last_mut()
                    .ok_or(fault(line, "an element of no type"))?;
                row.elements.push((line, fields));
            }
            _ => return Err(fault(line, "unknown tag")),
        }
    }
    link(&rows, value_sets, &sets_by_name)
}

fn link(
    rows: &[Row],
    value_sets: Vec<ValueSet>,
    sets_by_name: &HashMap<&'static str, ValueSetId>,
) -> Result<Definitions, TableFault> {
    let fault = |line, reason| TableFault { line, reason };
    let by_name: HashMap<_, _> = rows
        .iter()
        .enumerate()
        .map(|(index, row)| (row.name, TypeId(index)))
        .collect();
    let mut types: Vec<Type> = Vec::with_capacity(rows.len());
    for row in rows {
        let kind = kind(row).ok_or(fault(0, "unknown kind of type"))?;
        let mut elements = match row.base {
            "" => Vec::new(),
            // Bases come before what is made of them.
            base => by_name
                .get(base)
                .and_then(|id| types.get(id.0))
                .ok_or(fault(0, "a base behind its heir"))?
                .elements
                .clone(),
        };
        for (line, fields) in &row.elements {
            let own =
                element(fields, &by_name, sets_by_name).ok_or(fault(*line, "not an element"))?;
            match elements
                .iter_mut()
                .find(|inherited| inherited.name == own.name)
            {
                Some(inherited) => *inherited = own,
                None => elements.push(own),
            }
        }
        let properties = properties(&elements, rows);
        types.push(Type {
            name: row.name,
            kind,
            elements,
            properties,
        });
    }
    let element = *by_name.get("Element").ok_or(fault(0, "no type Element"))?;
    Ok(Definitions {
        types,
        by_name,
        value_sets,
        element,
    })
}

fn value_set(fields: &'static str) -> Option<(&'static str, ValueSet)> {
    let mut fields = fields.split('\t');
    let (name, url) = (fields.next()?, fields.next()?);
    Some((
        name,
        ValueSet {
            url,
            open: fields.next() == Some("open"),
            systems: Vec::new(),
        },
    ))
}

fn type_row(fields: &'static str) -> Option<Row> {
    let mut fields = fields.split('\t');
    let (name, kind, base) = (fields.next()?, fields.next()?, fields.next()?);
    Some(Row {
        name,
        kind,
        base,
        elements: Vec::new(),
    })
}

fn kind(row: &Row) -> Option<Kind> {
    match row.kind {
        "primitive" => Primitive::named(row.name).map(Kind::Primitive),
        "complex" | "backbone" => Some(Kind::Complex),
        "resource" => Some(Kind::Resource),
        "abstract" => Some(Kind::Abstract),
        _ => None,
    }
}

fn element(
    fields: &'static str,
    types: &HashMap<&'static str, TypeId>,
    value_sets: &HashMap<&'static str, ValueSetId>,
) -> Option<Element> {
    let mut fields = fields.split('\t');
    let name = fields.next()?;
    let min = fields.next()?.parse().ok()?;
    let max = match fields.next()? {
        "*" => None,
        number => Some(number.parse().ok()?),
    };
    let variants = fields.next()?.split('|').map(|text| type_use(text, types));
    let variants = variants.collect::<Option<Vec<_>>>()?;
    let binding = match fields.next() {
        Some(set) => Some(*value_sets.get(set)?),
        None => None,
    };
    Some(Element {
        name,
        min,
        max,
        types: variants,
        binding,
    })
}

fn type_use(text: &'static str, types: &HashMap<&'static str, TypeId>) -> Option<TypeUse> {
    let Some((name, targets)) = text.split_once('(') else {
        return Some(TypeUse {
            id: *types.get(text)?,
            targets: Vec::new(),
        });
    };
    let targets = targets
        .strip_suffix(')')?
        .split(',')
        .map(|target| types.get(target).copied());
    Some(TypeUse {
        id: *types.get(name)?,
        targets: targets.collect::<Option<_>>()?,
    })
}

fn properties(elements: &[Element], rows: &[Row]) -> HashMap<String, Property> {
    let mut properties = HashMap::new();
    for (index, element) in elements.iter().enumerate() {
        let Some(stem) = element.name.strip_suffix("[x]") else {
            properties.insert(
                element.name.to_owned(),
                Property {
                    element: index,
                    variant: 0,
                },
            );
            continue;
        };
        for (variant, choice) in element.types.iter().enumerate() {
            let name = rows.get(choice.id.0).map_or("", |row| row.name);
            let mut letters = name.chars();
            let first = letters
                .next()
                .map_or(' ', |first| first.to_ascii_uppercase());
            let key = format!("{stem}{first}{}", letters.as_str());
            properties.insert(
                key,
                Property {
                    element: index,
                    variant,
                },
            );
        }
    }
    properties
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Made by `cargo xtask fhir`.
const TABLE: &str = include_str!("r4.table");

#[cfg(test)]
mod tests {
    use super::*;

    fn embedded() -> &'static Definitions {
        Definitions::embedded().unwrap()
    }

    /// The value set of resource types lists the same types as the definitions: 148 of R4, two of
    /// which are abstract.
    #[test]
    fn all_resource_types_of_r4_are_there() {
        let definitions = embedded();
        let listed = definitions
            .value_sets
            .iter()
            .find(|set| set.url.ends_with("/resource-types"));
        let codes: HashSet<_> = listed
            .unwrap()
            .systems
            .iter()
            .flat_map(|(_, codes)| codes.iter().copied())
            .collect();
        assert_eq!(codes.len(), 148);
        for code in codes {
            let id = *definitions.by_name.get(code).unwrap();
            let is_abstract = matches!(code, "Resource" | "DomainResource");
            assert_eq!(definitions.resource(code).is_none(), is_abstract, "{code}");
            assert_eq!(definitions.name(id), code);
        }
        let concrete = definitions
            .types
            .iter()
            .filter(|of| of.kind == Kind::Resource)
            .count();
        assert_eq!(concrete, 146);
    }

    #[test]
    fn known_answers() {
        let element = |of: &str, name: &str| {
            let of = embedded().any(of).unwrap();
            let member = of.member(name).unwrap();
            let targets: Vec<_> = member
                .targets
                .iter()
                .map(|target| embedded().name(*target))
                .collect();
            let element = member.element;
            (
                element.min,
                element.max,
                embedded().name(member.kind),
                targets,
            )
        };
        assert_eq!(element("Patient", "name"), (0, None, "HumanName", vec![]));
        assert_eq!(
            element("Patient", "deceasedDateTime"),
            (0, Some(1), "dateTime", vec![])
        );
        assert_eq!(element("Patient", "id"), (0, Some(1), "id", vec![]));
        assert_eq!(
            element("Patient", "contained"),
            (0, None, "Resource", vec![])
        );
        assert_eq!(
            element("Patient.contact", "id"),
            (0, Some(1), "string", vec![])
        );
        assert_eq!(
            element("Patient.contact", "modifierExtension"),
            (0, None, "Extension", vec![])
        );
        assert_eq!(
            element("Observation", "status"),
            (1, Some(1), "code", vec![])
        );
        assert_eq!(
            element("Encounter", "subject"),
            (0, Some(1), "Reference", vec!["Group", "Patient"])
        );
        assert_eq!(
            element("Bundle.entry", "link"),
            (0, None, "Bundle.link", vec![])
        );
        assert_eq!(
            element("Bundle.entry.response", "outcome"),
            (0, Some(1), "Resource", vec![])
        );
        assert_eq!(element("Age", "comparator"), (0, Some(1), "code", vec![]));
        assert_eq!(element("Extension", "url"), (1, Some(1), "uri", vec![]));
        assert_eq!(element("Extension", "valueBase64Binary").2, "base64Binary");
        assert_eq!(
            element("Questionnaire.item", "item").2,
            "Questionnaire.item"
        );
        assert_eq!(element("Narrative", "div"), (1, Some(1), "xhtml", vec![]));
        // Added by the publisher of the source, not in R4.
        for (of, name) in [
            ("Meta", "project"),
            ("Meta", "compartment"),
            ("Binary", "url"),
        ] {
            assert!(
                embedded().any(of).unwrap().member(name).is_none(),
                "{of}.{name}"
            );
        }
    }

    #[test]
    fn every_primitive_is_known_and_every_backbone_used() {
        for of in embedded().types() {
            if of.name().contains('.') {
                let (parent, name) = of.name().rsplit_once('.').unwrap();
                let member = embedded().any(parent).unwrap().member(name).unwrap();
                assert_eq!(embedded().name(member.kind), of.name());
            }
        }
        for (name, _) in table_primitives() {
            assert_eq!(Primitive::named(name).unwrap().name(), name);
        }
        assert_eq!(table_primitives().count(), 20);
    }

    fn table_primitives() -> impl Iterator<Item = (&'static str, &'static str)> {
        TABLE
            .lines()
            .filter_map(|line| line.strip_prefix("P\t"))
            .map(|row| row.split_once('\t').unwrap_or((row, "")))
    }

    #[test]
    fn value_sets_know_system_and_code() {
        let of = |name: &str| {
            let mut sets = embedded().value_sets.iter();
            sets.find(|set| set.url.ends_with(name)).unwrap()
        };
        let clinical = of("/condition-clinical");
        let system = "http://terminology.hl7.org/CodeSystem/condition-clinical";
        assert!(clinical.has_coding(system, "active"));
        assert!(
            clinical.has_coding(system, "remission"),
            "nested below inactive"
        );
        assert!(!clinical.has_coding("http://other.example", "active"));
        assert!(!clinical.has_coding(system, "cured"));
        assert!(
            of("/mimetypes").has_code("application/dicom"),
            "not listed by the standard"
        );
        assert!(!of("/administrative-gender").has_code("Male"));
    }

    #[test]
    fn a_damaged_table_is_refused() {
        let damaged = |text: String| parse(Box::leak(text.into_boxed_str())).unwrap_err();
        let changed = TABLE.replacen("E\tname\t0", "E\tname\t1", 1);
        assert_eq!(damaged(changed).reason, "the checksum differs");
        assert_eq!(
            damaged("fhir\t4.0.1\n".to_owned()).reason,
            "no checksum in the header"
        );
        let signed = |body: &str| format!("x\nsha256\t{}\n{body}", hex(&Sha256::digest(body)));
        for body in [
            "Q\tx\n",
            "E\tname\t0\t1\tstring\n",
            "T\tA\tcomplex\tB\n",
            "P\tnone\n",
            "S\ta\n",
            "x",
        ] {
            damaged(signed(body));
        }
    }
}
