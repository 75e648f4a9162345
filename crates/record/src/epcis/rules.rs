//! What the shapes of events do not say: members that need or exclude each other (EPCIS 2.0,
//! sections 7.3 and 7.4).

use serde_json::Value;

use super::{
    EventType,
    check::{FaultKind, Walk, parse_time},
};

/// Checks one event.
pub(super) fn check(kind: EventType, value: &Value, walk: &mut Walk) {
    match kind {
        EventType::Object => object(value, walk),
        EventType::Aggregation | EventType::Association => family(kind, value, walk),
        EventType::Transformation => transformation(value, walk),
        EventType::Transaction => {}
    }
    for list in [
        "quantityList",
        "childQuantityList",
        "inputQuantityList",
        "outputQuantityList",
    ] {
        each(value, list, walk, |item, walk| {
            // 7.3.3.3: a unit belongs to a number.
            if has(item, "uom") && !has(item, "quantity") {
                walk.fault(FaultKind::Rule("uom needs a quantity"));
            }
        });
    }
    each(value, "sensorElementList", walk, |element, walk| {
        period(element, walk);
        each(element, "sensorReport", walk, report);
    });
}

/// 7.4.1: `recordTime` is ignored in what is captured, and is the repository's own in an answer,
/// which records nothing before it happened.
pub(super) fn recorded(value: &Value, walk: &mut Walk) {
    let time = |name: &str| parse_time(value.get(name)?.as_str()?);
    let times = time("recordTime").zip(time("eventTime"));
    if times.is_some_and(|(recorded, happened)| recorded < happened) {
        walk.within(".recordTime".to_owned(), |walk| {
            walk.fault(FaultKind::Rule("is before eventTime"));
        });
    }
}

fn has(value: &Value, name: &str) -> bool {
    value.get(name).is_some()
}

fn says(value: &Value, name: &str) -> bool {
    let list = value.get(name).and_then(Value::as_array);
    list.is_some_and(|list| !list.is_empty())
}

fn action(value: &Value) -> Option<&str> {
    value.get("action")?.as_str()
}

/// Looks at each item of a list, if there is one.
fn each(value: &Value, list: &str, walk: &mut Walk, look: impl Fn(&Value, &mut Walk)) {
    let items = value.get(list).and_then(Value::as_array);
    for (index, item) in items.into_iter().flatten().enumerate() {
        walk.within(format!(".{list}[{index}]"), |walk| look(item, walk));
    }
}

/// 7.4.2: master data of instances and lots is given when they begin.
fn object(value: &Value, walk: &mut Walk) {
    if has(value, "ilmd") && action(value).is_some_and(|action| action != "ADD") {
        walk.fault(FaultKind::Rule("ilmd is for the action ADD only"));
    }
}

/// 7.4.3 and 7.4.7: only an observation of an aggregation may leave the parent out; only what takes
/// everything away may leave the children out.
fn family(kind: EventType, value: &Value, walk: &mut Walk) {
    let observes = action(value) == Some("OBSERVE");
    if kind == EventType::Aggregation && !observes && !has(value, "parentID") {
        walk.fault(FaultKind::Missing("parentID".to_owned()));
    }
    let children = says(value, "childEPCs") || says(value, "childQuantityList");
    if action(value) != Some("DELETE") && !children {
        let name = "childEPCs or childQuantityList".to_owned();
        walk.fault(FaultKind::Missing(name));
    }
}

/// 7.4.6: what goes in and what comes out, or the transformation that joins several events.
fn transformation(value: &Value, walk: &mut Walk) {
    let side = |names: [&str; 2]| names.into_iter().any(|name| says(value, name));
    if has(value, "transformationID") {
        return;
    }
    if !side(["inputEPCList", "inputQuantityList"]) {
        let name = "inputEPCList or inputQuantityList (or transformationID)".to_owned();
        walk.fault(FaultKind::Missing(name));
    }
    if !side(["outputEPCList", "outputQuantityList"]) {
        let name = "outputEPCList or outputQuantityList (or transformationID)".to_owned();
        walk.fault(FaultKind::Missing(name));
    }
}

fn period(element: &Value, walk: &mut Walk) {
    let time = |name: &str| parse_time(element.get("sensorMetadata")?.get(name)?.as_str()?);
    let ends = time("startTime").zip(time("endTime"));
    if ends.is_some_and(|(start, end)| start > end) {
        walk.fault(FaultKind::Rule("startTime is after endTime"));
    }
}

/// 7.3.7: which members of a sensor's report belong together. Three rules of the text are not held:
/// a unit without a value, a microorganism beside a substance, and times after the event's. GS1's
/// own examples break them, and they mislead nobody.
fn report(report: &Value, walk: &mut Walk) {
    let has = |name: &str| has(report, name);
    let measured = ["value", "minValue", "maxValue", "meanValue", "percValue"]
        .into_iter()
        .any(has);
    let rules = [
        // A number without its unit is no temperature: nobody could tell whether a cold chain
        // held.
        (
            has("type") && measured && !has("uom"),
            "a measured value needs its uom",
        ),
        (has("sDev") && !has("meanValue"), "sDev needs meanValue"),
        (
            has("percRank") != has("percValue"),
            "percRank and percValue need each other",
        ),
        (
            has("component") && !(has("value") && has("uom")),
            "component needs value and uom",
        ),
    ];
    for (_, rule) in rules.into_iter().filter(|(broken, _)| *broken) {
        walk.fault(FaultKind::Rule(rule));
    }
}
