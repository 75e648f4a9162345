//! JSON schemas of what a node answers, derived from the types that serde writes: JSON Schema
//! 2020-12, which is what OpenAPI 3.1 takes.
//!
//! A type's schema stands under the type's name and is referred to as `#/components/schemas/NAME`;
//! its doc comments are the descriptions. It describes what is *written*: hex digits are small, an
//! absent value is `null` and not left out. Fields that a later version adds are allowed
//! everywhere but beside the name of a choice. Whole numbers go up to 2^64 - 1, which is more than
//! a double holds: a reader in JavaScript takes care.

use std::collections::BTreeMap;

pub use schemars::JsonSchema;
use schemars::{
    Schema, SchemaGenerator,
    generate::SchemaSettings,
    json_schema,
    transform::{RecursiveTransform, Transform as _},
};

/// Schemas by name, and what refers to them.
#[derive(Debug)]
pub struct Schemas(SchemaGenerator);

impl Default for Schemas {
    fn default() -> Self {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        let settings = settings.with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self(settings.into_generator())
    }
}

impl Schemas {
    /// The schema of `T`: a reference for a type with a name of its own, which is kept for
    /// [`Schemas::into_components`] with all that it refers to.
    pub fn of<T: JsonSchema>(&mut self) -> Schema {
        finished(self.0.subschema_for::<T>())
    }

    /// The schemas of all types that were asked for, and of the types in them, by name.
    #[must_use]
    pub fn into_components(mut self) -> BTreeMap<String, Schema> {
        let components = self.0.take_definitions(false).into_iter();
        components
            .filter_map(|(name, schema)| Some((name, finished(schema.try_into().ok()?))))
            .collect()
    }
}

/// What the derive leaves out, or has for Rust's own documentation only.
fn finished(mut schema: Schema) -> Schema {
    RecursiveTransform(|schema: &mut Schema| {
        bound_integer(schema);
        unlink_description(schema);
    })
    .transform(&mut schema);
    schema
}

/// Names the largest number of the wide formats, as the derive does of the narrow ones.
fn bound_integer(schema: &mut Schema) {
    let largest = match schema.get("format").and_then(|format| format.as_str()) {
        Some("uint32") => u64::from(u32::MAX),
        Some("uint64") => u64::MAX,
        _ => return,
    };
    let object = schema.ensure_object();
    object.entry("maximum").or_insert_with(|| largest.into());
}

/// Rustdoc's links lead nowhere outside of Rust: their text stays.
fn unlink_description(schema: &mut Schema) {
    let description = schema.get("description").and_then(|text| text.as_str());
    if let Some(plain) = description.map(unlinked) {
        schema.insert("description".to_owned(), plain.into());
    }
}

/// `[text](target)` and ``[`text`]`` without their brackets and target.
fn unlinked(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        let Some((label, after)) = link.split_once(']') else {
            break;
        };
        let target = after.strip_prefix('(').and_then(|it| it.split_once(')'));
        plain.push_str(before);
        match target {
            Some(_) => plain.push_str(label),
            None if label.starts_with('`') => plain.push_str(label),
            None => plain.extend(["[", label, "]"]),
        }
        rest = target.map_or(after, |(_, after)| after);
    }
    plain + rest
}

/// `BYTES` bytes in hex digits.
pub(crate) fn digits<const BYTES: usize>(_: &mut SchemaGenerator) -> Schema {
    let digits = 2 * BYTES;
    json_schema!({ "type": "string", "pattern": format!("^[0-9a-f]{{{digits}}}$") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_left_as_their_text() {
        for (text, plain) in [
            ("See [`Terms::commitment`].", "See `Terms::commitment`."),
            ("see [`a`](crate::b::a), [c](d)", "see `a`, c"),
            ("[0, 1] and [", "[0, 1] and ["),
            ("none", "none"),
        ] {
            assert_eq!(unlinked(text), plain);
        }
    }
}
