//! The API's description, OpenAPI 3.1, made from one table. A test walks the table against the router.

use serde_json::{Value, json};
use yilian_protocol::limits::{OBJECT_MAX, REQUEST_MAX, TRANSACTION_MAX};

/// One route: method, path, what it does, what it takes, what it answers.
struct Route {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    body: Option<&'static str>,
    answer: &'static str,
}

const fn get(path: &'static str, answer: &'static str, summary: &'static str) -> Route {
    Route {
        method: "get",
        path,
        summary,
        body: None,
        answer,
    }
}

const fn post(
    path: &'static str,
    body: &'static str,
    answer: &'static str,
    summary: &'static str,
) -> Route {
    Route {
        method: "post",
        path,
        summary,
        body: Some(body),
        answer,
    }
}

const ROUTES: &[Route] = &[
    get(
        "/v1/status",
        "Status",
        "The node's chain, genesis, and how far it is",
    ),
    post(
        "/v1/transactions",
        "Transaction",
        "Receipt",
        "Order a transaction; answers when it is final",
    ),
    post(
        "/v1/visits",
        "SealRequest",
        "SealReceipt",
        "Store sealed objects and put their records onto the chain",
    ),
    get("/v1/visits/{nym}", "RecordPage", "The records of a visit"),
    get(
        "/v1/receipts/{id}",
        "Receipt",
        "The proof that a transaction is final",
    ),
    post(
        "/v1/proofs",
        "StateKeys",
        "ProvenState",
        "What stands at some keys of the state, with the proof of it",
    ),
    get("/v1/blocks/{height}", "Block", "A final block"),
    get("/v1/members", "MemberPage", "The members"),
    get(
        "/v1/members/{id}/certificates",
        "CertificatePage",
        "The certificates of a member",
    ),
    get(
        "/v1/certificates/{id}",
        "CertificateEntry",
        "A certificate, and whether it is revoked",
    ),
    get(
        "/v1/records/{id}",
        "RecordEntry",
        "What the chain knows of a record",
    ),
    get(
        "/v1/records/{id}/object",
        "Octets",
        "The sealed object of a record",
    ),
    get(
        "/v1/objects/{id}",
        "Octets",
        "The sealed object of a record, if this node keeps it itself; for other nodes",
    ),
    post(
        "/v1/relays",
        "Relay",
        "Receipt",
        "Keep a member's sealed objects and order the transaction that its node signed for them; for followers",
    ),
    get(
        "/v1/records/{id}/index",
        "RecordIndex",
        "The record's index entries",
    ),
    get(
        "/v1/traces/{id}",
        "TracePage",
        "The entries of a pack's trace, its events sealed, from the place `from` on",
    ),
    post(
        "/v1/lookups",
        "LookupRequest",
        "Pointers",
        "What stands at some addresses of an index",
    ),
    post(
        "/v1/searches",
        "Searches",
        "Found",
        "The records that some trapdoors find",
    ),
    post(
        "/v1/crossings",
        "Crossings",
        "Crossed",
        "Whether records have the keywords of some cross tags",
    ),
    post(
        "/v1/reencapsulations",
        "OneShot",
        "Reencapsulated",
        "Turn a record towards a reader, once; nothing is kept",
    ),
    post(
        "/v1/deposits",
        "SealedDeposit",
        "Nothing",
        "Give a key holder its shares of a grant's rekeys; passed on to it",
    ),
    get(
        "/v1/grants/{id}",
        "GrantEntry",
        "What the chain knows of a grant",
    ),
    post(
        "/v1/asks",
        "HolderAsk",
        "SignedPartial",
        "Ask a key holder for its part of a record under a grant; passed on to it",
    ),
    get(
        "/v1/logs/{hospital}",
        "LogHead",
        "How far a hospital's private chain is",
    ),
    get(
        "/v1/logs/{hospital}/blocks/{height}",
        "LogBlock",
        "A block of a hospital's private chain",
    ),
    get(
        "/v1/logs/{hospital}/open",
        "OpenEntries",
        "The entries of a hospital's private chain that are in no block yet",
    ),
    post(
        "/v1/log-checks",
        "LogCheck",
        "LogBlock",
        "Close a block over entries that another workstation checked",
    ),
    get(
        "/v1/logs/{hospital}/entries/{index}/proof",
        "LogInclusion",
        "That an entry stands among the first `size` of a hospital's private chain",
    ),
    post(
        "/v1/uses",
        "UsesRequest",
        "UsePage",
        "Tell a grant's patient how a key holder's shares were used; passed on to it",
    ),
];

/// The description.
pub(super) fn document() -> Value {
    let mut paths = serde_json::Map::new();
    for route in ROUTES {
        let entry = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(methods) = entry.as_object_mut() {
            methods.insert(route.method.to_owned(), operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Yilian 医链 node",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0" },
            "description": "Bodies are canonical octets of the crate yilian-protocol (module codec), so that what is signed is what is sent. \
                Answers are JSON; ids, keys and points are hex digits; times are milliseconds since 1970. Every error is an Error.",
        },
        "paths": paths,
        "components": { "schemas": schemas() },
    })
}

fn operation(route: &Route) -> Value {
    let responses = match route.answer {
        "Nothing" => json!({ "204": { "description": "Done" }, "default": error() }),
        name => json!({ "200": answer(name), "default": error() }),
    };
    let mut operation = json!({
        "summary": route.summary,
        "parameters": parameters(route.path, route.answer),
        "responses": responses,
    });
    if let (Some(name), Some(members)) = (route.body, operation.as_object_mut()) {
        members.insert("requestBody".to_owned(), body(name));
    }
    operation
}

fn body(name: &str) -> Value {
    let limit = match name {
        "SealRequest" | "Relay" => REQUEST_MAX,
        "SealedDeposit" => super::DEPOSIT_BODY_MAX,
        "Transaction" => TRANSACTION_MAX,
        _ => super::SMALL_BODY_MAX,
    };
    json!({
        "required": true,
        "description": format!("Canonical encoding of yilian-protocol's {name}, at most {limit} bytes"),
        "content": octets(),
    })
}

fn octets() -> Value {
    json!({ "application/octet-stream": { "schema": { "type": "string", "format": "binary" } } })
}

fn parameters(path: &str, answer: &str) -> Value {
    let names = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = names
        .map(|name| {
            let schema = match name {
                "height" | "index" => json!({ "type": "integer", "minimum": 0 }),
                "nym" => json!({ "type": "string", "pattern": "^[0-9a-f]{96}$" }),
                _ => json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" }),
            };
            json!({ "name": name, "in": "path", "required": true, "schema": schema })
        })
        .collect();
    if answer == "LogInclusion" {
        let schema = json!({ "type": "integer", "minimum": 1 });
        parameters
            .push(json!({ "name": "size", "in": "query", "required": true, "schema": schema }));
    }
    if answer.ends_with("Page") {
        let schema = json!({ "type": "integer", "minimum": 0, "default": 0 });
        parameters.push(json!({ "name": "from", "in": "query", "schema": schema }));
    }
    Value::Array(parameters)
}

fn answer(name: &str) -> Value {
    if name == "Octets" {
        return json!({
            "description": format!("At most {OBJECT_MAX} bytes"),
            "content": octets(),
        });
    }
    let schema = json!({ "$ref": format!("#/components/schemas/{name}") });
    json!({ "description": name, "content": { "application/json": { "schema": schema } } })
}

fn error() -> Value {
    let schema = json!({ "$ref": "#/components/schemas/Error" });
    json!({ "description": "Why not", "content": { "application/json": { "schema": schema } } })
}

fn schemas() -> Value {
    let id = json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" });
    let time = json!({ "type": "integer", "description": "ms since 1970-01-01T00:00:00Z" });
    let admitted = object(&[
        ("height", json!({ "type": "integer" })),
        ("time", time.clone()),
    ]);
    let free = json!({ "type": "object" });
    let page = |entry: &str| {
        let entry = json!({ "$ref": format!("#/components/schemas/{entry}") });
        object(&[
            ("entries", json!({ "type": "array", "items": entry })),
            ("total", json!({ "type": "integer" })),
        ])
    };
    json!({
        "Error": object(&[
            ("code", json!({ "type": "string", "enum":
                ["refused", "invalid", "too-large", "not-found", "busy", "unavailable", "unreachable"] })),
            ("rule", json!({ "type": "string", "description": "with code `refused`: the rule that was broken" })),
            ("message", json!({ "type": "string" })),
        ]),
        "Status": object(&[
            ("version", json!({ "type": "string" })), ("chain", id.clone()), ("genesis", free.clone()),
            ("latest", admitted.clone()), ("waiting", json!({ "type": "integer" })),
            ("objects", json!({ "type": "integer" })), ("object_bytes", json!({ "type": "integer" })),
        ]),
        "Receipt": object(&[
            ("transaction", id.clone()), ("outcome", json!({})), ("header", free.clone()),
            ("finality", json!({ "type": "string" })), ("inclusion", free.clone()),
        ]),
        "SealReceipt": object(&[
            ("transaction", json!({ "type": "string", "maxLength": 2 * TRANSACTION_MAX })),
            ("receipt", json!({ "$ref": "#/components/schemas/Receipt" })),
        ]),
        "ProvenState": object(&[
            ("header", free.clone()), ("finality", json!({ "type": "string" })),
            ("proofs", json!({ "type": "array", "items": free.clone() })),
        ]),
        "Block": object(&[
            ("id", id.clone()), ("header", free.clone()), ("finality", json!({ "type": "string" })),
            ("transactions", json!({ "type": "array", "items": free.clone() })),
        ]),
        "LogHead": object(&[("size", json!({ "type": "integer" })), ("latest", json!({}))]),
        "LogBlock": object(&[
            ("header", free.clone()), ("signature", json!({ "type": "string" })), ("check", json!({})),
            ("entries", json!({ "type": "array", "items": free.clone() })),
        ]),
        "OpenEntries": object(&[
            ("previous", id.clone()), ("first", json!({ "type": "integer" })),
            ("entries", json!({ "type": "array", "items": free.clone() })),
        ]),
        "LogInclusion": object(&[
            ("index", json!({ "type": "integer" })), ("size", json!({ "type": "integer" })),
            ("path", json!({ "type": "array", "items": id.clone() })),
        ]),
        "SignedPartial": object(&[
            ("holder", id.clone()), ("partial", json!({ "type": "string", "pattern": "^[0-9a-f]{832}$" })),
            ("signature", json!({ "type": "string" })),
        ]),
        "Use": object(&[
            ("record", id.clone()), ("reader", id.clone()), ("purpose", json!({ "type": "string" })), ("at", time.clone()),
        ]),
        "UsePage": page("Use"),
        "MemberEntry": object(&[("member", free.clone()), ("admitted", admitted.clone())]),
        "MemberPage": page("MemberEntry"),
        "CertificateEntry": object(&[
            ("certificate", free.clone()), ("admitted", admitted.clone()), ("revoked", json!({})),
        ]),
        "CertificatePage": page("CertificateEntry"),
        "RecordEntry": object(&[
            ("sealed", object(&[("record", id.clone()), ("capsule", json!({ "type": "string" }))])),
            ("nym", json!({ "type": "string" })), ("hospital", id.clone()), ("admitted", admitted.clone()),
        ]),
        "RecordPage": page("RecordEntry"),
        "RecordIndex": json!({ "type": "array", "items": { "type": "string" } }),
        "Pointers": json!({ "type": "array", "items": { "type": ["string", "null"] } }),
        "Found": json!({ "type": "array", "items": object(&[
            ("records", json!({ "type": "array", "items": { "type": ["string", "null"] } })),
        ]) }),
        "TraceEntry": object(&[
            ("item", object(&[
                ("shared", id.clone()), ("key", json!({ "type": "string" })), ("late", json!({ "type": "boolean" })),
            ])),
            ("shared", object(&[
                ("pass", free.clone()), ("action", json!({ "type": "string" })), ("event", json!({ "type": "string" })),
                ("admitted", admitted.clone()),
            ])),
        ]),
        "TracePage": page("TraceEntry"),
        "Crossed": json!({ "type": "array", "items": { "type": "boolean" } }),
        "Reencapsulated": object(&[
            ("form", json!({ "type": "string", "enum": ["gt", "lv"] })), ("value", json!({ "type": "string" })),
        ]),
        "GrantEntry": object(&[
            ("grant", free), ("state", json!({ "type": "string", "enum": ["active", "paused", "revoked"] })),
            ("admitted", admitted.clone()), ("changed", admitted), ("changes", json!({ "type": "integer" })),
        ]),
    })
}

fn object(properties: &[(&str, Value)]) -> Value {
    let properties: serde_json::Map<String, Value> = properties
        .iter()
        .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
        .collect();
    json!({ "type": "object", "properties": properties })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_that_is_named_is_there() {
        let document = document();
        let text = document.to_string();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            let schema = document.pointer(&format!("/components/schemas/{name}"));
            assert!(schema.is_some(), "{name} is missing");
        }
        assert_eq!(document["paths"].as_object().unwrap().len(), 29);
    }
}
