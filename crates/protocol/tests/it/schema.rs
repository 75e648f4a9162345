//! What serde writes is what the schemas say, and nothing but that.

use jsonschema::Validator;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use yilian_protocol::{
    codec::Text,
    governance::NodeAddress,
    limits::{
        BLOCK_TRANSACTIONS_MAX, CONSENSUS_MAX, CONSISTENCY_MAX, CROSSINGS_MAX, DELEGATES_MAX,
        EPOCH_BLOCKS_MIN, FINALITY_MAX, HOLDERS_MAX, LOOKUPS_MAX, NAME_MAX, PAGE_MAX, PATH_MAX,
        PRIVATE_BLOCK_MAX, PRIVATE_PATH_MAX, PROOFS_MAX, REASON_MAX, RECORDS_MAX, RESULTS_MAX,
        SEARCHES_MAX, STATE_PATH_MAX, STATE_VALUE_MAX, TRACE_EVENT_MAX, TRACE_PROOF_MAX,
        TRACE_PUSHES_MAX, TRANSACTION_MAX,
    },
    refusal::{Outcome, Refusal},
    schema::{JsonSchema, Schemas},
};

use crate::{answers, mail, values};

/// A value as JSON, the schema of its type, and whether the type reads another JSON.
struct Answer {
    /// Of the type.
    name: String,
    json: Value,
    schema: Validator,
    reads: fn(&Value) -> bool,
}

fn answer<T: Serialize + DeserializeOwned + JsonSchema>(value: &T) -> Answer {
    Answer {
        name: T::schema_name().into_owned(),
        json: serde_json::to_value(value).unwrap(),
        schema: validator::<T>(),
        reads: |json| serde_json::from_value::<T>(json.clone()).is_ok(),
    }
}

fn validator<T: JsonSchema>() -> Validator {
    let mut schemas = Schemas::default();
    let mut schema = schemas.of::<T>().to_value();
    schema["components"] = json!({ "schemas": schemas.into_components() });
    jsonschema::draft202012::new(&schema).unwrap()
}

impl Answer {
    /// The same with another value at `pointer`.
    fn with(&self, pointer: &str, value: Value) -> Value {
        let mut json = self.json.clone();
        *json.pointer_mut(pointer).expect(pointer) = value;
        json
    }

    fn is_valid(&self, json: &Value) -> bool {
        self.schema.is_valid(json)
    }
}

/// Adds the answers' types to `schemas`, and gives a value of each.
macro_rules! answers {
    ($($value:expr),* $(,)?) => {{
        let mut schemas = Schemas::default();
        let mut all = Vec::new();
        $(for value in $value {
            note(&mut schemas, &value);
            all.push(answer(&value));
        })*
        (schemas, all)
    }};
}

fn note<T: JsonSchema>(schemas: &mut Schemas, _: &T) {
    schemas.of::<T>();
}

fn all() -> (Schemas, Vec<Answer>) {
    answers![
        [answers::status()],
        [Outcome::Applied, Outcome::Refused(Refusal::Malformed)].map(answers::receipt),
        [answers::seal_receipt()],
        [answers::proven_state()],
        [answers::block()],
        [answers::page(vec![answers::member_entry()])],
        [answers::page(answers::certificate_entries())],
        [answers::page(vec![answers::record_entry()])],
        [answers::page(vec![answers::trace_entry()])],
        [answers::page(vec![values::usage()])],
        answers::certificate_entries(),
        [answers::record_entry()],
        [values::index()],
        [answers::pointers()],
        [answers::found()],
        [answers::crossed()],
        answers::reencapsulated(),
        [values::sealed_partial()],
        [mail::page()],
        [mail::blind_signed()],
        answers::log_heads(),
        [values::log_block()],
        [answers::open_entries()],
        [answers::log_inclusion()],
        [answers::grant_entry()],
        answers::errors(),
    ]
}

fn named<'a>(all: &'a [Answer], name: &str) -> &'a Answer {
    all.iter().find(|answer| answer.name == name).expect(name)
}

/// Every place of `json` with its value: its pointer (RFC 6901).
fn places(json: &Value) -> Vec<(String, &Value)> {
    let inner: Vec<(String, &Value)> = match json {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(place, item)| (place.to_string(), item))
            .collect(),
        Value::Object(members) => members.iter().map(|(k, v)| (k.clone(), v)).collect(),
        _ => Vec::new(),
    };
    let mut all = vec![(String::new(), json)];
    for (step, value) in inner {
        let below = places(value).into_iter();
        all.extend(below.map(|(pointer, value)| (format!("/{step}{pointer}"), value)));
    }
    all
}

#[test]
fn what_serde_writes_is_valid_and_read_again() {
    let (_, all) = all();
    for answer in &all {
        let checked = answer.schema.validate(&answer.json);
        let fault = checked.err().map(|fault| fault.to_string());
        assert_eq!(fault, None, "{}: {}", answer.name, answer.json);
        assert!((answer.reads)(&answer.json), "{}", answer.name);
    }
}

/// Text that a person or another program wrote: whatever its length or words.
const FREE_TEXT: [&str; 3] = ["version", "message", "what"];
/// Text of people, which has a length.
const NAMES: [&str; 4] = ["name", "subject", "reason", "case"];
/// What may be absent.
const OPTIONS: [&str; 9] = [
    "latest",
    "binding",
    "revoked",
    "check",
    "last_chunk",
    "prescription",
    "address",
    "candidate",
    "secret",
];

/// What cannot stand in the place of `value`, which is called `name` there.
fn wrong(name: &str, value: &Value) -> Vec<Value> {
    match value {
        Value::Null => vec![json!(0), json!(true), json!(""), json!([]), json!({})],
        Value::Bool(_) => vec![json!(0), json!("true"), Value::Null],
        Value::Number(_) => vec![json!(-1), json!(1.5), json!("1"), Value::Null],
        Value::Array(_) => vec![json!({}), json!("")],
        Value::Object(_) => vec![json!([]), json!(""), json!({})],
        Value::String(text) => wrong_text(name, text),
    }
}

fn wrong_text(name: &str, text: &str) -> Vec<Value> {
    let mut wrong = vec![json!(0), json!([]), json!({})];
    if NAMES.contains(&name) {
        wrong.extend([json!(""), json!("a\u{1b}[2J"), json!("\n")]);
    } else if !FREE_TEXT.contains(&name) {
        wrong.extend([json!(format!("{text}0")), json!(format!("{text} "))]);
        wrong.extend([json!(format!(" {text}")), json!(format!("x{text}"))]);
    }
    let is_hex = !text.is_empty() && text.bytes().all(|it| it.is_ascii_hexdigit());
    if is_hex && text.len().is_multiple_of(2) {
        wrong.extend([json!(&text[1..]), json!(format!("{}g", &text[1..]))]);
        let large = text.to_uppercase();
        wrong.extend((large != *text).then(|| json!(large)));
    }
    wrong
}

#[test]
fn nothing_else_stands_in_a_value_s_place() {
    let (_, all) = all();
    for answer in &all {
        for (pointer, value) in places(&answer.json) {
            let name = pointer.rsplit('/').next().unwrap_or_default();
            for wrong in wrong(name, value) {
                let mutant = answer.with(&pointer, wrong.clone());
                assert!(
                    !answer.is_valid(&mutant),
                    "{}{pointer}: {wrong}",
                    answer.name
                );
            }
        }
    }
}

#[test]
fn nothing_is_null_but_what_may_be_absent() {
    let (_, all) = all();
    for answer in &all {
        for (pointer, value) in places(&answer.json) {
            let name = pointer.rsplit('/').next().unwrap_or_default();
            let is_listed = ["Pointers", "FoundList"].contains(&answer.name.as_str())
                && name.parse::<usize>().is_ok()
                && !value.is_object();
            // - what is optional elsewhere, and not here
            let is_always = pointer.contains("/delegates/") || answer.name == "Status";
            let optional = is_listed || OPTIONS.contains(&name) && !is_always;
            let mutant = answer.with(&pointer, Value::Null);
            assert_eq!(
                answer.is_valid(&mutant),
                optional,
                "{}{pointer}",
                answer.name
            );
        }
    }
}

#[test]
fn every_field_is_there() {
    let (_, all) = all();
    for answer in &all {
        for (pointer, value) in places(&answer.json) {
            for field in value
                .as_object()
                .into_iter()
                .flatten()
                .map(|(field, _)| field)
            {
                let mut rest = value.clone();
                rest.as_object_mut().unwrap().remove(field);
                let mutant = answer.with(&pointer, rest);
                assert!(
                    !answer.is_valid(&mutant),
                    "{}{pointer}: {field}",
                    answer.name
                );
            }
        }
    }
}

/// A later version may add a field; an answer with two choices in one is none.
#[test]
fn a_field_more_is_allowed_where_it_is_read() {
    let (_, all) = all();
    let mut refused = 0;
    for answer in &all {
        for (pointer, value) in places(&answer.json) {
            let Some(mut more) = value.as_object().cloned() else {
                continue;
            };
            more.insert("more".to_owned(), json!(1));
            let mutant = answer.with(&pointer, more.into());
            let read = (answer.reads)(&mutant);
            assert_eq!(answer.is_valid(&mutant), read, "{}{pointer}", answer.name);
            refused += usize::from(!read);
        }
    }
    let choices = values::bodies().len() * 2 + 1;
    assert_eq!(
        refused, choices,
        "bodies and their outcomes, and a receipt's outcome"
    );
}

/// `json` as often as `count` says.
fn times(json: &Value, count: usize) -> Value {
    Value::Array(vec![json.clone(); count])
}

#[test]
fn a_list_has_no_item_over_its_limit() {
    let (_, all) = all();
    // - at last: whether serde reads one more, as it does of a plain `Vec`
    for (name, pointer, limit, read) in [
        (
            "Status",
            "/genesis/governance/delegates",
            DELEGATES_MAX,
            false,
        ),
        ("Receipt", "/inclusion/path", PATH_MAX, false),
        ("ProvenState", "/proofs", PROOFS_MAX, false),
        ("ProvenState", "/proofs/0/place/path", STATE_PATH_MAX, false),
        ("Block", "/transactions", BLOCK_TRANSACTIONS_MAX, true),
        (
            "Block",
            "/transactions/3/body/seal/records",
            RECORDS_MAX,
            false,
        ),
        (
            "Block",
            "/transactions/3/body/seal/index",
            RECORDS_MAX,
            false,
        ),
        (
            "Block",
            "/transactions/4/body/create-grant/grant/holders",
            HOLDERS_MAX,
            false,
        ),
        (
            "Block",
            "/transactions/6/body/append-trace/terms/pushes",
            TRACE_PUSHES_MAX,
            false,
        ),
        (
            "Block",
            "/transactions/8/body/anchor/consistency",
            CONSISTENCY_MAX,
            false,
        ),
        ("MemberEntryPage", "/entries", PAGE_MAX, true),
        ("UsePage", "/entries", PAGE_MAX, true),
        ("Pointers", "", LOOKUPS_MAX, true),
        ("FoundList", "", SEARCHES_MAX, false),
        ("FoundList", "/0/records", RESULTS_MAX as usize, true),
        ("booleanList", "", CROSSINGS_MAX, false),
        ("PrivateBlock", "/entries", PRIVATE_BLOCK_MAX, false),
        ("OpenEntries", "/entries", PRIVATE_BLOCK_MAX, false),
        ("PrivateInclusion", "/path", PRIVATE_PATH_MAX, false),
        ("GrantEntry", "/grant/holders", HOLDERS_MAX, false),
    ] {
        let answer = named(&all, name);
        let items = answer.json.pointer(pointer).expect(pointer).as_array();
        let items = items.expect(pointer);
        let item = items.iter().min_by_key(|item| item.to_string().len());
        let item = item.expect(pointer);
        let full = answer.with(pointer, times(item, limit));
        assert!(
            answer.is_valid(&full) && (answer.reads)(&full),
            "{name}{pointer}"
        );
        let over = answer.with(pointer, times(item, limit + 1));
        assert!(!answer.is_valid(&over), "{name}{pointer}");
        assert_eq!((answer.reads)(&over), read, "{name}{pointer}");
    }
}

#[test]
fn a_record_s_index_has_sixteen_entries_or_a_double_of_that_up_to_512() {
    let (_, all) = all();
    let index = named(&all, "RecordIndex");
    for count in (0..=65).chain([127, 128, 129, 192, 255, 256, 257, 511, 512, 513, 1024]) {
        let json = times(&index.json[0], count);
        let is_one = [16, 32, 64, 128, 256, 512].contains(&count);
        assert_eq!(index.is_valid(&json), is_one, "{count}");
        assert_eq!((index.reads)(&json), is_one, "{count}");
    }
}

#[test]
fn bytes_and_texts_are_no_longer_than_their_limit() {
    let (_, all) = all();
    for (name, pointer, limit, unit) in [
        ("Receipt", "/finality", FINALITY_MAX, "0f"),
        ("Receipt", "/header/consensus", CONSENSUS_MAX, "0f"),
        ("SealReceipt", "/transaction", TRANSACTION_MAX, "0f"),
        (
            "ProvenState",
            "/proofs/0/operation/value",
            STATE_VALUE_MAX,
            "0f",
        ),
        (
            "Block",
            "/transactions/6/body/append-trace/proof",
            TRACE_PROOF_MAX,
            "0f",
        ),
        (
            "TraceEntryPage",
            "/entries/0/shared/event",
            TRACE_EVENT_MAX,
            "0f",
        ),
        ("Status", "/genesis/name", NAME_MAX, "x"),
        (
            "CertificateEntryPage",
            "/entries/1/revoked/reason",
            REASON_MAX,
            "x",
        ),
    ] {
        let answer = named(&all, name);
        for (count, is_one) in [(1, true), (limit, true), (limit + 1, false)] {
            let json = answer.with(pointer, unit.repeat(count).into());
            assert_eq!(answer.is_valid(&json), is_one, "{name}{pointer} {count}");
            assert_eq!((answer.reads)(&json), is_one, "{name}{pointer} {count}");
        }
    }
}

#[test]
fn numbers_are_as_large_as_their_type_holds() {
    let (_, all) = all();
    let (u32_over, u8_over) = (u64::from(u32::MAX) + 1, 256);
    for (name, pointer, good, bad) in [
        ("Status", "/latest/time", u64::MAX, json!(-1)),
        ("Status", "/latest/height", 0, json!(-1)),
        ("Receipt", "/header/count", u32_over - 1, json!(u32_over)),
        ("UsePage", "/total", u32_over - 1, json!(u32_over)),
        (
            "GrantEntry",
            "/grant/threshold",
            u8_over - 1,
            json!(u8_over),
        ),
        (
            "Status",
            "/genesis/governance/epoch_blocks",
            EPOCH_BLOCKS_MIN.into(),
            json!(EPOCH_BLOCKS_MIN - 1),
        ),
    ] {
        let answer = named(&all, name);
        let good = answer.with(pointer, good.into());
        assert!(
            answer.is_valid(&good) && (answer.reads)(&good),
            "{name}{pointer}"
        );
        let bad = answer.with(pointer, bad);
        assert!(
            !answer.is_valid(&bad) && !(answer.reads)(&bad),
            "{name}{pointer}"
        );
    }
}

#[test]
fn a_name_is_text_that_shows_what_it_is() {
    let schema = validator::<Text<NAME_MAX>>();
    let codes = (0..=0xffff)
        .chain(0x1_bc00..0x1_d200)
        .chain(0xd_ff00..0xe_1100);
    for code in codes.filter_map(char::from_u32) {
        let read = Text::<NAME_MAX>::new(code).is_ok();
        assert_eq!(schema.is_valid(&json!(code)), read, "{code:?}");
    }
}

#[test]
fn an_address_is_one_that_can_be_dialled() {
    let schema = validator::<NodeAddress>();
    for (text, is_one) in [
        ("127.0.0.1:9000", true),
        ("255.249.199.90:65535", true),
        ("0.0.0.0:0", true),
        ("[2001:db8::1]:9000", true),
        ("[::ffff:10.0.0.1]:1", true),
        ("256.0.0.1:9000", false),
        ("1.2.3:9000", false),
        ("1.2.3.04:9000", false),
        ("1.2.3.4", false),
        ("::1:9000", false),
        ("node.example:9000", false),
        ("1.2.3.4:65536", false),
        ("[::1]:123456", false),
    ] {
        assert_eq!(schema.is_valid(&json!(text)), is_one, "{text}");
        let read = serde_json::from_value::<NodeAddress>(json!(text)).is_ok();
        assert_eq!(read, is_one, "{text}");
    }
}

#[test]
fn a_rule_s_name_is_one_of_the_table() {
    let schema = validator::<Refusal>();
    let names = Refusal::ALL.iter().map(|rule| rule.name());
    assert!(names.clone().all(|name| schema.is_valid(&json!(name))));
    assert!(!schema.is_valid(&json!("wrong-chains")));
    let mut schemas = Schemas::default();
    schemas.of::<Refusal>();
    let schema = schemas
        .into_components()
        .remove("Refusal")
        .unwrap()
        .to_value();
    assert_eq!(schema["enum"], json!(names.collect::<Vec<_>>()));
    assert_eq!(schema["oneOf"][0]["const"], "wrong-chain");
    assert_eq!(
        schema["oneOf"][0]["description"],
        "The transaction is of another chain."
    );
}

/// What is left open in `schema`, under the name `path`.
fn open(schema: &Value, path: &str, found: &mut Vec<String>) {
    let below = |key: &str, found: &mut Vec<String>| {
        for (place, choice) in schema[key].as_array().into_iter().flatten().enumerate() {
            open(choice, &format!("{path}/{key}/{place}"), found);
        }
    };
    let has = |keys: &[&str]| keys.iter().all(|key| schema.get(key).is_some());
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => Vec::from_iter(kind.as_str()),
    };
    let is_named = has(&["enum"]) || has(&["const"]);
    let is_closed = kinds.iter().all(|kind| match *kind {
        "null" | "boolean" => true,
        "integer" => has(&["minimum", "maximum"]),
        "string" => is_named || has(&["pattern"]) || is_free_text(path),
        "array" => has(&["items", "maxItems"]),
        "object" => {
            names(&schema["properties"]).is_some_and(|it| Some(it) == strings(&schema["required"]))
        }
        _ => false,
    });
    let is_something = !kinds.is_empty() || has(&["$ref"]) || has(&["oneOf"]) || has(&["anyOf"]);
    if !is_closed || !is_something {
        found.push(path.to_owned());
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        open(property, &format!("{path}/{name}"), found);
    }
    if let Some(items) = schema.get("items") {
        open(items, &format!("{path}/items"), found);
    } else {
        below("oneOf", found);
        below("anyOf", found);
    }
}

fn is_free_text(path: &str) -> bool {
    FREE_TEXT.contains(&path.rsplit('/').next().unwrap_or_default())
}

/// The names of an object's properties, which must be some.
fn names(properties: &Value) -> Option<Vec<String>> {
    let properties = properties.as_object().filter(|them| !them.is_empty())?;
    let mut names: Vec<String> = properties.keys().cloned().collect();
    names.sort();
    Some(names)
}

fn strings(list: &Value) -> Option<Vec<String>> {
    let list = list.as_array()?.iter();
    let mut texts: Vec<String> = list
        .filter_map(|text| Some(text.as_str()?.into()))
        .collect();
    texts.sort();
    Some(texts)
}

#[test]
fn no_schema_leaves_anything_open() {
    let mut found = Vec::new();
    let (schemas, _) = all();
    for (name, schema) in schemas.into_components() {
        open(schema.as_value(), &name, &mut found);
    }
    assert_eq!(found, Vec::<String>::new());

    for free in [
        json!({}),
        json!(true),
        json!({ "description": "anything" }),
        json!({ "type": "object" }),
        json!({ "type": "object", "properties": { "a": {} }, "required": ["a"] }),
        json!({ "type": "object", "properties": { "a": { "type": "null" } } }),
        json!({ "type": "array", "items": { "type": "null" } }),
        json!({ "type": "array", "maxItems": 1 }),
        json!({ "type": "string" }),
        json!({ "type": "integer", "minimum": 0 }),
        json!({ "type": ["string", "null"] }),
        json!({ "anyOf": [{ "type": "null" }, {}] }),
    ] {
        open(&free, "", &mut found);
        assert!(!std::mem::take(&mut found).is_empty(), "{free}");
    }
}

/// Every reference in `json`.
fn references(json: &Value) -> Vec<&str> {
    let places = places(json).into_iter();
    let references = places.filter(|(pointer, _)| pointer.ends_with("/$ref"));
    references.filter_map(|(_, to)| to.as_str()).collect()
}

#[test]
fn references_lead_to_schemas_which_the_standard_takes() {
    let (schemas, _) = all();
    let components = json!(schemas.into_components());
    let components = components.as_object().unwrap();
    for (name, schema) in components {
        assert!(jsonschema::draft202012::meta::is_valid(schema), "{name}");
        // - OpenAPI 3.1.1 section 4.8.7: what a component may be called
        assert!(name.bytes().all(|it| it.is_ascii_alphanumeric()), "{name}");
        for reference in references(schema) {
            let to = reference.strip_prefix("#/components/schemas/");
            assert!(
                to.is_some_and(|to| components.contains_key(to)),
                "{reference}"
            );
        }
    }
    let pages: Vec<_> = components
        .keys()
        .filter(|name| name.ends_with("Page"))
        .collect();
    assert_eq!(
        pages,
        [
            "CertificateEntryPage",
            "KeptMailPage",
            "MemberEntryPage",
            "RecordEntryPage",
            "TraceEntryPage",
            "UsePage"
        ]
    );
}

#[test]
fn descriptions_are_the_types_own_words() {
    let (schemas, _) = all();
    let components = json!(schemas.into_components());
    for (pointer, value) in places(&components) {
        if pointer.ends_with("/description") && value.is_string() {
            let text = value.as_str().unwrap();
            assert!(
                !text.contains("[`") && !text.contains("]("),
                "{pointer}: {text}"
            );
        }
    }
    let described = |pointer: &str| components.pointer(pointer).expect(pointer).clone();
    assert_eq!(
        described("/TimeMs/description"),
        "Milliseconds since 1970-01-01T00:00:00Z."
    );
    assert_eq!(
        described("/Signature"),
        json!({
            "type": "string",
            "pattern": "^[0-9a-f]{128}$",
            "description": "signature (64 bytes)",
        })
    );
    assert_eq!(
        described("/Receipt/properties/finality"),
        json!({
            "type": "string",
            "pattern": "^([0-9a-f]{2})*$",
            "maxLength": 2 * FINALITY_MAX,
            "description": "The validators' certificate over the block.",
        })
    );
    assert_eq!(
        described("/Receipt/properties/header"),
        json!({
            "$ref": "#/components/schemas/Header",
            "description": "The header of its block.",
        })
    );
}
