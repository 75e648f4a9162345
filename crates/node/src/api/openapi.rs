//! The API's description, OpenAPI 3.1: made from the table of calls and from the types themselves.

#![allow(
    clippy::indexing_slicing,
    reason = "members of JSON objects are set here, which cannot panic"
)]

use std::sync::LazyLock;

use axum::body::Bytes;
use serde_json::{Map, Value, json};
use yilian_protocol::{
    call::{
        CallError, Caller, Encoding as _, Method, ParameterKind, ParameterRow, Registry, Row,
        ServedBy, http,
    },
    schema::Schemas,
};

use crate::service::Node;

/// The description of a node's API, as JSON. It is written once: whoever asks for it many times,
/// and reads none of it, takes neither time nor memory.
pub(super) fn document() -> Bytes {
    static WRITTEN: LazyLock<Bytes> = LazyLock::new(|| described().to_string().into());
    WRITTEN.clone()
}

fn described() -> Value {
    let mut described = Paths::default();
    yilian_protocol::call::register::<Node>(&mut described);
    let Paths { paths, schemas } = described;
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Yilian 医链 node",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "Bodies are canonical octets of the crate yilian-protocol (module codec), \
                so that what is signed is what is sent. Answers are JSON; ids, keys and points are \
                hex digits; times are milliseconds since 1970. Every error is a CallError.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.into_components(),
            "securitySchemes": { "member": {
                "type": "mutualTLS",
                "description": "A certificate of a member that may act, under the consortium's root",
            } },
        },
    })
}

#[derive(Default)]
struct Paths {
    paths: Map<String, Value>,
    schemas: Schemas,
}

impl<S> Registry<S> for Paths {
    fn register<C: ServedBy<S>>(&mut self) {
        let row = C::ROW;
        let answer = match C::Encoding::MEDIA_TYPE {
            None => json!({ "204": { "description": "Done" } }),
            Some(media_type) => {
                let schema = C::Encoding::schema(&mut self.schemas);
                let max = row.answer_max;
                json!({ "200": {
                    "description": format!("At most {max} bytes"),
                    "content": { media_type: { "schema": schema } },
                } })
            }
        };
        let error = self.schemas.of::<CallError>();
        let operation = operation(&row, answer, json!(error));
        let path = format!("{}{}", http::PREFIX, row.path);
        let entry = self.paths.entry(path).or_insert_with(|| json!({}));
        entry[row.method.name().to_ascii_lowercase()] = operation;
    }
}

fn operation(row: &Row, answer: Value, error: Value) -> Value {
    let mut responses = answer;
    let json = json!({ "schema": error });
    responses["default"] =
        json!({ "description": "Why not", "content": { "application/json": json } });
    let mut operation = json!({
        "operationId": row.name,
        "tags": [row.contract],
        "summary": row.summary.trim(),
        "parameters": row.parameters.iter().map(|it| parameter(row, it)).collect::<Vec<_>>(),
        "responses": responses,
    });
    if let Some(name) = row.body {
        operation["requestBody"] = body(row, name);
    }
    if row.caller == Caller::Member {
        operation["security"] = json!([{ "member": [] }]);
    }
    operation
}

fn body(row: &Row, name: &str) -> Value {
    let schema = json!({ "type": "string", "format": "binary", "maxLength": row.body_max });
    json!({
        "required": row.method == Method::Post,
        "description": format!(
            "Canonical encoding of yilian-protocol's {name}, at most {} bytes", row.body_max
        ),
        "content": { "application/octet-stream": { "schema": schema } },
    })
}

fn parameter(row: &Row, parameter: &ParameterRow) -> Value {
    let mut schema = match parameter.kind {
        ParameterKind::Hex { digits } => {
            json!({ "type": "string", "pattern": format!("^[0-9a-f]{{{digits}}}$") })
        }
        ParameterKind::Integer { max } => {
            json!({ "type": "integer", "minimum": 0, "maximum": max })
        }
    };
    if let Some(default) = parameter.default {
        schema["default"] = default
            .parse()
            .map_or(Value::Null, |number: u64| json!(number));
    }
    let place = if row.is_in_path(parameter.name) {
        "path"
    } else {
        "query"
    };
    json!({
        "name": parameter.name,
        "in": place,
        "required": parameter.default.is_none(),
        "schema": schema,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_that_is_named_is_there() {
        let document = described();
        let text = document.to_string();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            let schema = document.pointer(&format!("/components/schemas/{name}"));
            assert!(schema.is_some(), "{name} is missing");
        }
    }

    /// Found by a program that makes requests of the description: it asked for a block behind the
    /// last number that there is.
    #[test]
    fn every_number_in_a_path_or_query_has_its_largest() {
        let text = described()["paths"].to_string();
        assert!(text.contains("\"maximum\":18446744073709551615"));
        assert!(text.contains("\"maximum\":4294967295"));
        let numbers = text.matches("\"type\":\"integer\"").count();
        assert_eq!(text.matches("\"maximum\":").count(), numbers);
    }

    #[test]
    fn every_call_is_described_once() {
        let document = described();
        let operations = document["paths"].as_object().unwrap().values();
        let operations = operations.flat_map(|methods| methods.as_object().unwrap().values());
        let mut names: Vec<_> = operations
            .map(|operation| operation["operationId"].as_str().unwrap())
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "operationIds are unique");
        assert!(names.contains(&"seal") && names.contains(&"inclusion"));
    }
}
