//! What is compared before an append, which cannot be undone: the event with the packs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use yilian_protocol::{TreeHash, trace::TraceAction};
use yilian_record::epcis::{Epc, Event};

use super::{
    Pack,
    business::{action_of, is_expired},
    events::{Name, Named, expired_override, label_difference},
};
use crate::queue::lots;

/// What happened to some packs, not yet on the chain: made at once, or offline and brought in
/// later.
#[derive(Debug)]
pub struct Capture {
    /// The packs, 1 to 4096, each with its whole code.
    pub packs: Vec<Pack>,
    /// What it does to their traces.
    pub action: TraceAction,
    /// What happened, and when.
    pub event: Event,
    /// The prescription that it uses up.
    pub prescription: Option<TreeHash>,
}

/// Why an event is not appended to the packs that were given. Nothing was appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The event is about others.
    #[error("the event does not name {pack}")]
    NotNamed {
        /// The pack.
        pack: String,
    },
    /// A code was given twice.
    #[error("the code of {pack} was given twice")]
    Twice {
        /// The pack.
        pack: String,
    },
    /// The event counts fewer packs of a class than were given.
    #[error("the event counts {counted} packs of the class of {pack}, and {given} were given")]
    TooMany {
        /// One of them.
        pack: String,
        /// How many the event has.
        counted: u64,
        /// How many codes of the class were given.
        given: u64,
    },
    /// The trace would be closed, or left open, against what the event says.
    #[error("the event says {said}, and {done} was to be done to the trace")]
    OtherAction {
        /// What it does to a trace by what it says.
        said: TraceAction,
        /// What was asked.
        done: TraceAction,
    },
    /// The maker's event says another batch or last day than the label.
    #[error("the event's {what} is not that of {pack}")]
    OtherLabel {
        /// The pack.
        pack: String,
        /// What differs.
        what: &'static str,
    },
    /// It is past its last day, and the event gives no reason to dispense it all the same.
    #[error("{pack} is past its last day; it is dispensed only with a reason that the trail keeps")]
    Expired {
        /// The pack.
        pack: String,
    },
}

impl Capture {
    /// Compares the event with the packs.
    ///
    /// # Errors
    /// [`CaptureError`] for the first that does not fit.
    pub fn check(&self) -> Result<(), CaptureError> {
        let said = action_of(&self.event);
        if said != self.action {
            return Err(CaptureError::OtherAction {
                said,
                done: self.action,
            });
        }
        let mut traces = BTreeSet::new();
        for pack in &self.packs {
            let name = || pack.identity().to_string();
            if !traces.insert(pack.trace()) {
                return Err(CaptureError::Twice { pack: name() });
            }
            if Name::of(pack.identity()).within(&self.event).is_none() {
                return Err(CaptureError::NotNamed { pack: name() });
            }
            if let Some(what) = label_difference(&self.event, pack.identity()) {
                return Err(CaptureError::OtherLabel { pack: name(), what });
            }
            let expired = self.dispenses() && is_expired(pack.identity(), self.event.time());
            if expired && expired_override(&self.event).is_none() {
                return Err(CaptureError::Expired { pack: name() });
            }
        }
        self.check_counts()
    }

    const fn dispenses(&self) -> bool {
        matches!(
            self.action,
            TraceAction::Dispense | TraceAction::DispensePart
        )
    }

    /// No more packs of a class than the event counts.
    fn check_counts(&self) -> Result<(), CaptureError> {
        for (class, quantity) in self.event.classes() {
            let Some(quantity) = quantity else { continue };
            let is_one = |pack: &&Pack| {
                let name = Name::of(pack.identity());
                name.within(&self.event) == Some(Named::Class) && name.is_of(&class)
            };
            let mut packs = self.packs.iter().filter(is_one);
            let Some(first) = packs.next() else { continue };
            let given = 1 + packs.count();
            if given as f64 > quantity {
                return Err(CaptureError::TooMany {
                    pack: first.identity().to_string(),
                    counted: quantity as u64,
                    given: given as u64,
                });
            }
        }
        Ok(())
    }
}

/// What is to become of a document of events: every event is in one of the two.
#[derive(Debug, Default)]
pub struct Plan {
    /// What is to be appended, by the events' times; an event of many packs comes in lots.
    pub captures: Vec<Capture>,
    /// What is not, and why.
    pub left_out: Vec<LeftOut>,
    /// Objects that appended events name and whose codes were not given: those traces stay as they
    /// are.
    pub without_code: usize,
}

/// Those of `stock` that a document of events names, themselves or by their class.
#[must_use]
pub fn named_among(events: &[Event], mut stock: Vec<Pack>) -> Vec<Pack> {
    // A stock may hold a code twice; the pack is one.
    let mut known = BTreeSet::new();
    stock.retain(|pack| epc(pack).is_some_and(|epc| known.insert(epc)));
    let named: BTreeSet<usize> = match Pool::new(&stock) {
        Ok(pool) => events
            .iter()
            .flat_map(|event| pool.named_by(event))
            .collect(),
        Err(_) => return Vec::new(),
    };
    let mut at = 0..;
    stock.retain(|_| at.next().is_some_and(|at| named.contains(&at)));
    stock
}

/// What a document names, as it is written there, each once: of an event
/// its objects, then classes and parent.
#[must_use]
pub fn names_of(events: &[Event]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let names = events.iter().flat_map(|event| {
        let objects = event.epcs().chain(event.class_names());
        objects.chain(event.parent())
    });
    let named = names.filter(|name| seen.insert(*name));
    named.map(str::to_owned).collect()
}

/// An event of a document that is not appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its place in the document, from 1.
    pub event: usize,
    /// Its id, if it has one.
    pub id: Option<String>,
    /// Why.
    pub cause: String,
}

impl Plan {
    /// Finds for each event the packs that it names. Each pack must be named by one at least:
    /// else its code was given by mistake, and nothing is appended.
    ///
    /// # Errors
    /// [`CaptureError::NotNamed`] or [`CaptureError::Twice`].
    pub fn new(events: Vec<Event>, packs: &[Pack]) -> Result<Self, CaptureError> {
        let pool = Pool::new(packs)?;
        let mut events: Vec<(usize, Event)> = (1..).zip(events).collect();
        events.sort_by_key(|(_, event)| event.time());
        let (mut plan, mut named, mut seen) = (Self::default(), BTreeSet::new(), BTreeSet::new());
        for (number, event) in events {
            let found = pool.named_by(&event);
            let added = if seen.insert(event.to_json()) {
                plan.add(&event, found.iter().filter_map(|at| packs.get(*at)))
            } else {
                Err("it stands twice in the document".to_owned())
            };
            named.extend(found);
            plan.left_out.extend(added.err().map(|cause| LeftOut {
                event: number,
                id: event.id().map(str::to_owned),
                cause,
            }));
        }
        let unnamed = (0..).zip(packs).find(|(at, _)| !named.contains(at));
        match unnamed {
            None => Ok(plan),
            Some((_, pack)) => Err(CaptureError::NotNamed {
                pack: pack.identity().to_string(),
            }),
        }
    }

    /// Adds an event with the packs that it names, or says why not.
    fn add<'a>(
        &mut self,
        event: &Event,
        packs: impl Iterator<Item = &'a Pack>,
    ) -> Result<(), String> {
        let whole = Capture {
            packs: packs.map(|pack| Pack::new(pack.code().clone())).collect(),
            action: action_of(event),
            event: event.clone(),
            prescription: None,
        };
        if whole.packs.is_empty() {
            return Err("it names no pack whose code was given".to_owned());
        }
        whole.check().map_err(|error| error.to_string())?;
        let given: BTreeSet<Epc> = whole.packs.iter().filter_map(epc).collect();
        let objects = event.objects();
        self.without_code += objects.filter(|epc| !given.contains(epc)).count();
        self.captures.extend(in_lots(whole));
        Ok(())
    }
}

/// A capture in as many as its packs need.
fn in_lots(whole: Capture) -> impl Iterator<Item = Capture> {
    let lots = lots(whole.packs).into_iter();
    lots.map(move |packs| Capture {
        packs,
        action: whole.action,
        event: whole.event.clone(),
        prescription: whole.prescription,
    })
}

fn epc(pack: &Pack) -> Option<Epc> {
    Epc::parse(&pack.identity().epc())
}

/// The packs whose codes were given, by name.
struct Pool {
    names: Vec<Name>,
    places: BTreeMap<Epc, usize>,
}

impl Pool {
    fn new(packs: &[Pack]) -> Result<Self, CaptureError> {
        let mut places = BTreeMap::new();
        for (at, pack) in packs.iter().enumerate() {
            let before = epc(pack).and_then(|epc| places.insert(epc, at));
            if before.is_some() {
                return Err(CaptureError::Twice {
                    pack: pack.identity().to_string(),
                });
            }
        }
        let names = packs.iter().map(|pack| Name::of(pack.identity()));
        Ok(Self {
            names: names.collect(),
            places,
        })
    }

    /// The places of those that an event names, themselves or by their class.
    fn named_by(&self, event: &Event) -> BTreeSet<usize> {
        let parent = event.parent().and_then(Epc::parse);
        let objects = event.objects().chain(parent);
        let mut found: BTreeSet<usize> = objects
            .filter_map(|epc| self.places.get(&epc).copied())
            .collect();
        for (class, _) in event.classes() {
            let of_class = (0..)
                .zip(&self.names)
                .filter(|(_, name)| name.is_of(&class));
            found.extend(of_class.map(|(at, _)| at));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use yilian_record::{
        epcis::Document,
        gs1::{Code20, Expiry, Gtin, Identity, PackCode, PackSecret, Sscc},
    };

    use super::*;

    fn gs1(serial: &str, batch: &str) -> Pack {
        let identity = Identity::Gs1 {
            gtin: Gtin::parse("09521141012345").unwrap(),
            serial: Code20::parse(serial, "serial number").unwrap(),
            batch: Code20::parse(batch, "batch").unwrap(),
            expiry: Expiry::parse("280229", 2026).unwrap(),
        };
        Pack::new(PackCode::new(
            identity,
            PackSecret::random(&mut rand::rng()),
        ))
    }

    /// The three packs that the field cases name.
    fn packs() -> Vec<Pack> {
        let serials = ["C9L4TCN7F98H", "TQVKQH76UYHX", "WSJLX6C2N5KN"];
        serials.iter().map(|serial| gs1(serial, "L7")).collect()
    }

    fn text(case: &str) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = root.join("../record/tests/data/field-cases/41-capture");
        fs::read_to_string(folder.join(case)).unwrap()
    }

    fn plan(text: &str, packs: &[Pack]) -> Result<Plan, CaptureError> {
        Plan::new(
            Document::parse(text.as_bytes()).unwrap().into_events(),
            packs,
        )
    }

    /// What each field case does to the traces of its three packs.
    #[test]
    fn each_case_finds_its_packs_and_its_action() {
        let cases = [
            ("c-own.json", TraceAction::Commission),
            ("c-urn.json", TraceAction::Observe),
            ("c-lot.json", TraceAction::Observe),
            ("c-dec.json", TraceAction::Observe),
            ("c-nostep.json", TraceAction::Observe),
            ("c-void.json", TraceAction::Observe),
            ("c-decom.json", TraceAction::Destroy),
        ];
        for (case, action) in cases {
            let plan = plan(&text(case), &packs()).unwrap();
            let [capture] = &plan.captures[..] else {
                panic!("{case}: {plan:?}");
            };
            assert_eq!((capture.action, capture.packs.len()), (action, 3), "{case}");
            assert!(plan.left_out.is_empty() && plan.without_code == 0, "{case}");
        }
        let two = plan(&text("c-two.json"), &packs()).unwrap();
        let steps: Vec<_> = two
            .captures
            .iter()
            .map(|capture| capture.event.biz_step())
            .collect();
        assert_eq!(steps, [Some("shipping"), Some("receiving")]);
    }

    #[test]
    fn a_code_that_no_event_names_stops_everything() {
        for case in ["c-disp0.json", "c-foreign.json"] {
            let found = plan(&text(case), &packs());
            assert!(
                matches!(found, Err(CaptureError::NotNamed { .. })),
                "{case}"
            );
        }
        let alone = plan(&text("c-disp0.json"), &packs()[..1]).unwrap();
        assert_eq!(alone.captures[0].action, TraceAction::Dispense);
        let twice = [gs1("C9L4TCN7F98H", "L7"), gs1("C9L4TCN7F98H", "L7")];
        let found = plan(&text("c-disp0.json"), &twice);
        assert!(matches!(found, Err(CaptureError::Twice { .. })));
    }

    /// Nothing of a document is lost: an event is appended, or told with its number and cause.
    #[test]
    fn every_event_of_a_document_is_in_one_of_the_two() {
        let shipping = text("c-dec.json");
        let mut document: serde_json::Value = serde_json::from_str(&shipping).unwrap();
        let event = document["epcisBody"]["eventList"][0].clone();
        let mut foreign = event.clone();
        foreign["epcList"] = serde_json::json!(["urn:epc:id:sgtin:9521141.001234.OTHER"]);
        foreign["eventID"] = "urn:uuid:1".into();
        let mut earlier = event.clone();
        earlier["eventTime"] = "2026-11-27T03:00:00+08:00".into();
        earlier["epcList"][0] = foreign["epcList"][0].clone();
        document["epcisBody"]["eventList"] = serde_json::json!([event, foreign, event, earlier]);
        let plan = plan(&document.to_string(), &packs()).unwrap();
        let packs: Vec<usize> = plan
            .captures
            .iter()
            .map(|capture| capture.packs.len())
            .collect();
        assert_eq!(packs, [2, 3], "by time: the fourth comes first");
        assert_eq!(plan.without_code, 1);
        let left: Vec<_> = plan
            .left_out
            .iter()
            .map(|left| (left.event, &left.cause[..]))
            .collect();
        assert_eq!(
            left,
            [
                (2, "it names no pack whose code was given"),
                (3, "it stands twice in the document")
            ]
        );
        assert_eq!(plan.left_out[0].id.as_deref(), Some("urn:uuid:1"));
    }

    /// Of a stock, those that the document names and no others; what is missing is told by name.
    #[test]
    fn packs_are_found_in_a_stock() {
        let events = |case: &str| {
            let document = Document::parse(text(case).as_bytes()).unwrap();
            document.into_events()
        };
        let stock = || {
            let mut stock = packs();
            stock.extend([gs1("C9L4TCN7F98H", "L7"), gs1("OTHER", "L8")]);
            stock
        };
        let serials = |packs: &[Pack]| -> Vec<String> {
            let names = packs.iter().map(|pack| pack.identity().epc());
            names
                .map(|epc| epc.rsplit('/').next().unwrap().to_owned())
                .collect()
        };
        let one = named_among(&events("c-disp0.json"), stock());
        assert_eq!(serials(&one), ["C9L4TCN7F98H"]);
        // A lot names all packs of the batch.
        assert_eq!(named_among(&events("c-lot.json"), stock()).len(), 3);
        assert_eq!(named_among(&events("c-dec.json"), stock()).len(), 3);
        assert!(named_among(&events("c-foreign.json"), stock()).is_empty());
        let names = names_of(&events("c-foreign.json"));
        assert!(
            names.iter().any(|name| name.contains("09506000134352")),
            "{names:?}"
        );
        assert_eq!(names_of(&events("c-two.json")).len(), 3, "each once");
    }

    /// What an event counts bounds how many packs it may be appended to; another batch is another
    /// class.
    #[test]
    fn classes_are_counted() {
        let mut many = packs();
        many.push(gs1("FOURTH", "L7"));
        let left = &plan(&text("c-lot.json"), &many).unwrap().left_out;
        assert!(left[0].cause.contains("counts 3 packs"), "{left:?}");
        let other = [gs1("C9L4TCN7F98H", "L8")];
        assert!(plan(&text("c-lot.json"), &other).is_err());
    }

    /// The maker's word on batch and date is compared with the label.
    #[test]
    fn a_label_that_differs_is_refused() {
        for (said, wrong, what) in [
            (
                "\"cbvmda:lotNumber\": \"L7\"",
                "\"cbvmda:lotNumber\": \"L8\"",
                "batch",
            ),
            ("2028-02-29\"", "2028-02-28\"", "expiry date"),
        ] {
            let left = plan(&text("c-own.json").replace(said, wrong), &packs())
                .unwrap()
                .left_out;
            assert!(left[0].cause.contains(what), "{left:?}");
        }
    }

    /// An aggregation names carton and packs; a carton is none of a class.
    #[test]
    fn a_carton_is_named_as_the_parent() {
        let sscc = Sscc::parse("095211410000000014").unwrap();
        let identity = Identity::Container { sscc };
        let carton = Pack::new(PackCode::new(
            identity,
            PackSecret::random(&mut rand::rng()),
        ));
        let plan = plan(&text("e.json"), &[gs1("MZM5Y38L6XLV", "L7"), carton]).unwrap();
        assert_eq!(plan.captures[0].packs.len(), 2);
    }

    #[test]
    fn past_the_last_day_a_reason_is_needed() {
        let late = text("c-disp0.json").replace("2026-11-28T03", "2028-03-02T03");
        let pack = &packs()[..1];
        let left = plan(&late, pack).unwrap().left_out;
        assert!(left[0].cause.contains("past its last day"), "{left:?}");
        let context = "{\"example\": \"https://ns.example.com/epcis/\"}";
        let ours = "{\"yilian\": \"urn:x-yilian:epcis:\"}";
        let reason =
            "\"action\": \"OBSERVE\", \"yilian:expiredOverride\": \"nothing else is left\"";
        let with = late
            .replace(context, ours)
            .replace("\"action\": \"OBSERVE\"", reason);
        assert_eq!(plan(&with, pack).unwrap().captures.len(), 1);
        let blank = with.replace("nothing else is left", " ");
        assert_eq!(plan(&blank, pack).unwrap().captures.len(), 0);
        // The last day itself is a day of use.
        let on_time = late.replace("2028-03-02T03", "2028-02-29T23");
        assert_eq!(plan(&on_time, pack).unwrap().captures.len(), 1);
    }
}
