//! The EPCIS events of a medicine's way. An event about several packs names their class and number,
//! not each of them: a pack's buyer shall not learn the serial numbers of the others.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rand_core::CryptoRng;
use serde_json::{Value, json};
use yilian_crypto::trace::ReadingKey;
use yilian_protocol::TraceId;
use yilian_record::{
    epcis::{Action, Epc, Error, Event, EventBuilder, EventType},
    gs1::Identity,
};

use super::{Pack, business::is_expired};

/// The prefix of members that are Yilian's own.
pub(super) const PREFIX: &str = "urn:x-yilian:epcis:";
pub(super) const PARENT_TRACE: &str = "yilian:parentTrace";
pub(super) const PARENT_KEY: &str = "yilian:parentKey";
pub(super) const MIN_TEMPERATURE: &str = "yilian:minTemperature";
pub(super) const MAX_TEMPERATURE: &str = "yilian:maxTemperature";
/// Why a pack past its last day was dispensed all the same.
const EXPIRED_OVERRIDE: &str = "yilian:expiredOverride";
pub(super) const LOT: &str = "cbvmda:lotNumber";
pub(super) const EXPIRY: &str = "cbvmda:itemExpirationDate";
/// The disposition of a split pack (CBV 7.2.3).
pub(super) const PART: &str = "partially_dispensed";

/// Between which temperatures a medicine is kept, in degrees Celsius.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Storage {
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
}

/// Makes events that happen at one time and place.
#[derive(Debug, Clone)]
pub struct EventMaker<'a> {
    /// When.
    pub time: Timestamp,
    /// Where: an identifier, such as `urn:epc:id:sgln:0614141.07346.0`.
    pub place: Option<&'a str>,
    /// What a thermometer showed on the way here: lowest and highest, in degrees Celsius.
    pub temperature: Option<Storage>,
    /// Why packs past their last day are dispensed all the same; the trail keeps it.
    pub expired: Option<&'a str>,
}

impl EventMaker<'_> {
    /// Packs were made.
    ///
    /// # Errors
    /// When the event is not as EPCIS asks, as with a malformed place.
    pub fn commissioning(
        &self,
        packs: &[Pack],
        storage: Option<Storage>,
        rng: &mut impl CryptoRng,
    ) -> Result<Event, Error> {
        let mut data = serde_json::Map::new();
        if let Some(Identity::Gs1 { batch, expiry, .. }) = packs.first().map(Pack::identity) {
            data.insert(LOT.to_owned(), json!(batch.as_str()));
            data.insert(EXPIRY.to_owned(), json!(expiry.to_string()));
        }
        if let Some(Storage { min, max }) = storage {
            data.insert(MIN_TEMPERATURE.to_owned(), json!(min.to_string()));
            data.insert(MAX_TEMPERATURE.to_owned(), json!(max.to_string()));
        }
        let event = self.object(packs, "commissioning", "active", Action::Add, rng);
        let event = if data.is_empty() {
            event
        } else {
            event.with("ilmd", Value::Object(data))
        };
        event.build()
    }

    /// Packs were put into a carton, whose trace their readers may follow from here.
    ///
    /// # Errors
    /// As [`EventMaker::commissioning`].
    pub fn packing(
        &self,
        carton: &Pack,
        packs: &[Pack],
        rng: &mut impl CryptoRng,
    ) -> Result<Event, Error> {
        self.aggregation(carton, packs, "packing", Action::Add, rng)
            .with(PARENT_TRACE, json!(carton.trace().to_string()))
            .with(PARENT_KEY, json!(hex::encode(carton.reading().to_bytes())))
            .build()
    }

    /// Packs were taken out of a carton.
    ///
    /// # Errors
    /// As [`EventMaker::commissioning`].
    pub fn unpacking(
        &self,
        carton: &Pack,
        packs: &[Pack],
        rng: &mut impl CryptoRng,
    ) -> Result<Event, Error> {
        self.aggregation(carton, packs, "unpacking", Action::Delete, rng)
            .build()
    }

    /// Packs or cartons left.
    ///
    /// # Errors
    /// As [`EventMaker::commissioning`].
    pub fn shipping(&self, packs: &[Pack], rng: &mut impl CryptoRng) -> Result<Event, Error> {
        self.object(packs, "shipping", "in_transit", Action::Observe, rng)
            .build()
    }

    /// Packs or cartons arrived.
    ///
    /// # Errors
    /// As [`EventMaker::commissioning`].
    pub fn receiving(&self, packs: &[Pack], rng: &mut impl CryptoRng) -> Result<Event, Error> {
        self.object(packs, "receiving", "in_progress", Action::Observe, rng)
            .build()
    }

    /// Packs were looked at: by a regulator, or by a thermometer.
    ///
    /// # Errors
    /// As [`EventMaker::commissioning`].
    pub fn inspecting(&self, packs: &[Pack], rng: &mut impl CryptoRng) -> Result<Event, Error> {
        self.object(packs, "inspecting", "in_progress", Action::Observe, rng)
            .build()
    }

    /// A pack went to a patient, for the prescription called so.
    ///
    /// # Errors
    /// As [`EventMaker::commissioning`].
    pub fn dispensing(
        &self,
        packs: &[Pack],
        prescription: Option<&str>,
        rng: &mut impl CryptoRng,
    ) -> Result<Event, Error> {
        let event = self.object(packs, "dispensing", "dispensed", Action::Delete, rng);
        self.given_out(event, packs, prescription).build()
    }

    /// Part of a split pack went to a patient; the rest stays where it is.
    ///
    /// # Errors
    /// As [`EventMaker::commissioning`].
    pub fn dispensing_part(
        &self,
        packs: &[Pack],
        prescription: Option<&str>,
        rng: &mut impl CryptoRng,
    ) -> Result<Event, Error> {
        let event = self.object(packs, "dispensing", PART, Action::Observe, rng);
        self.given_out(event, packs, prescription).build()
    }

    /// Packs were destroyed.
    ///
    /// # Errors
    /// As [`EventMaker::commissioning`].
    pub fn destroying(&self, packs: &[Pack], rng: &mut impl CryptoRng) -> Result<Event, Error> {
        self.object(packs, "destroying", "destroyed", Action::Delete, rng)
            .build()
    }

    /// Packs are called back. The vocabulary has a disposition for it, and no step.
    ///
    /// # Errors
    /// As [`EventMaker::commissioning`].
    pub fn recall(&self, packs: &[Pack], rng: &mut impl CryptoRng) -> Result<Event, Error> {
        self.object(packs, "holding", "recalled", Action::Observe, rng)
            .build()
    }

    /// Declares `wrong` wrong: the same event again, with the declaration, as EPCIS 7.3.4.4 has it.
    /// `right` is the event that holds instead.
    ///
    /// # Errors
    /// As [`EventMaker::commissioning`].
    pub fn correction(
        &self,
        wrong: &Event,
        did_not_occur: bool,
        right: Option<&str>,
    ) -> Result<Event, Error> {
        let mut declaration = json!({
            "declarationTime": format!("{:.3}", self.time),
            "reason": if did_not_occur { "did_not_occur" } else { "incorrect_data" },
        });
        if let (Some(members), Some(right)) = (declaration.as_object_mut(), right) {
            members.insert("correctiveEventIDs".to_owned(), json!([right]));
        }
        let mut value = wrong.as_value().clone();
        if let Some(members) = value.as_object_mut() {
            members.insert("errorDeclaration".to_owned(), declaration);
        }
        Event::parse(value.to_string().as_bytes())
    }

    /// For what prescription, and why although a pack is past its last day.
    fn given_out(
        &self,
        event: EventBuilder,
        packs: &[Pack],
        prescription: Option<&str>,
    ) -> EventBuilder {
        let event = prescribed(event, prescription);
        let mut identities = packs.iter().map(Pack::identity);
        match self.expired {
            Some(reason) if identities.any(|pack| is_expired(pack, self.time)) => {
                event.with(EXPIRED_OVERRIDE, json!(reason))
            }
            _ => event,
        }
    }

    fn builder(&self, kind: EventType, rng: &mut impl CryptoRng) -> EventBuilder {
        let event = EventBuilder::new(kind, self.time, &uuid(rng))
            .with("@context", context())
            .read_point(self.place);
        let Some(Storage { min, max }) = self.temperature else {
            return event;
        };
        let report = json!({
            "type": "Temperature", "minValue": min, "maxValue": max, "uom": "CEL",
        });
        event.with("sensorElementList", json!([{ "sensorReport": [report] }]))
    }

    fn object(
        &self,
        packs: &[Pack],
        step: &str,
        disposition: &str,
        action: Action,
        rng: &mut impl CryptoRng,
    ) -> EventBuilder {
        let (list, named) = name(packs, ["epcList", "quantityList"]);
        self.builder(EventType::Object, rng)
            .action(action)
            .step(step, disposition)
            .with(list, named)
    }

    fn aggregation(
        &self,
        carton: &Pack,
        packs: &[Pack],
        step: &str,
        action: Action,
        rng: &mut impl CryptoRng,
    ) -> EventBuilder {
        let (list, named) = name(packs, ["childEPCs", "childQuantityList"]);
        self.builder(EventType::Aggregation, rng)
            .action(action)
            .step(step, "in_progress")
            .with("parentID", json!(carton.identity().epc()))
            .with(list, named)
    }
}

fn prescribed(event: EventBuilder, prescription: Option<&str>) -> EventBuilder {
    let Some(id) = prescription else {
        return event;
    };
    let transaction = json!({ "type": "urn:x-yilian:btt:prescription", "bizTransaction": id });
    event.with("bizTransactionList", json!([transaction]))
}

/// One pack, or cartons, by what they are; several packs by their classes.
fn name(packs: &[Pack], [one, many]: [&'static str; 2]) -> (&'static str, Value) {
    let named = |pack: &Pack| pack.identity().is_container();
    if packs.len() == 1 || packs.iter().all(named) {
        let epcs: Vec<String> = packs.iter().map(|pack| pack.identity().epc()).collect();
        return (one, json!(epcs));
    }
    let mut classes = BTreeMap::<String, u32>::new();
    for pack in packs {
        *classes.entry(class(pack.identity())).or_default() += 1;
    }
    let quantities: Vec<Value> = classes
        .into_iter()
        .map(|(class, quantity)| json!({ "epcClass": class, "quantity": quantity }))
        .collect();
    (many, json!(quantities))
}

/// What a pack is one of.
pub(super) fn class(identity: &Identity) -> String {
    match identity {
        Identity::Gs1 { gtin, batch, .. } => {
            // A batch may hold characters that an address must not.
            let batch: String = batch.as_str().bytes().map(percent).collect();
            format!("https://id.gs1.org/01/{}/10/{batch}", gtin.as_str())
        }
        Identity::National { code } => format!("urn:x-nmpa:product:{}", code.product()),
        Identity::Container { sscc } => format!("urn:x-yilian:sscc:{}", sscc.as_str()),
    }
}

fn percent(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

/// The carton that an event says its packs went into: its trace, and the key to read it.
pub(super) fn parent(event: &Event) -> Option<(TraceId, ReadingKey)> {
    let text = |name: &str| event.as_value().get(name)?.as_str();
    let trace = text(PARENT_TRACE)?.parse().ok()?;
    let mut key = [0; 32];
    hex::decode_to_slice(text(PARENT_KEY)?, &mut key).ok()?;
    Some((trace, ReadingKey::from_bytes(key)))
}

/// What events may call a pack, in whichever spelling.
pub(super) struct Name {
    object: Option<Epc>,
    class: Option<Epc>,
    batch: Option<String>,
}

/// How an event names a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// Itself.
    Object,
    /// As one of its class.
    Class,
}

impl Name {
    pub(super) fn of(identity: &Identity) -> Self {
        let batch = match identity {
            Identity::Gs1 { batch, .. } => Some(batch.as_str().to_owned()),
            _ => None,
        };
        Self {
            object: Epc::parse(&identity.epc()),
            class: Epc::parse(&class(identity)),
            batch,
        }
    }

    /// Whether it is one of a class.
    pub(super) fn is_of(&self, class: &Epc) -> bool {
        let object = self.object.as_ref();
        self.class.as_ref() == Some(class)
            || object.is_some_and(|object| object.is_of(class, self.batch.as_deref()))
    }

    /// How the event names it; `None` when it is about others.
    pub(super) fn within(&self, event: &Event) -> Option<Named> {
        let parent = event.parent().and_then(Epc::parse);
        let mut objects = event.objects().chain(parent);
        if objects.any(|object| Some(&object) == self.object.as_ref()) {
            return Some(Named::Object);
        }
        let mut classes = event.classes();
        classes
            .any(|(class, _)| self.is_of(&class))
            .then_some(Named::Class)
    }
}

/// Whether two identifiers name one thing.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one == other || Epc::parse(one).is_some_and(|one| Some(one) == Epc::parse(other))
}

/// Why a pack past its last day was dispensed all the same, when the event says so.
pub(super) fn expired_override(event: &Event) -> Option<&str> {
    let reason = event.as_value().get(EXPIRED_OVERRIDE)?.as_str()?;
    (!reason.trim().is_empty()).then_some(reason)
}

/// What the maker's event says otherwise than the label.
pub(super) fn label_difference(event: &Event, identity: &Identity) -> Option<&'static str> {
    let Identity::Gs1 { batch, expiry, .. } = identity else {
        return None;
    };
    let differs =
        |name: &str, printed: &str| event.master_data(name).is_some_and(|said| said != printed);
    if differs(LOT, batch.as_str()) {
        return Some("batch");
    }
    differs(EXPIRY, &expiry.to_string()).then_some("expiry date")
}

fn context() -> Value {
    json!([
        "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
        { "yilian": PREFIX },
    ])
}

/// A random UUID (RFC 9562, version 4).
fn uuid(rng: &mut impl CryptoRng) -> String {
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    let [_, _, _, _, _, _, a, _, b, ..] = &mut bytes;
    *a = *a & 0x0f | 0x40;
    *b = *b & 0x3f | 0x80;
    let digits = hex::encode(bytes);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!(
        "urn:uuid:{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}
