//! What a node sees of searching: its whole view of two patients, compared. See
//! docs/search-leakage.md.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use yilian_client::{Draft, Keyword};
use yilian_node::service::{InProcess, Node};
use yilian_protocol::{
    Confidentiality,
    call::{Answered, Call, Registry, ServedBy, Transport, register},
    media::MediaType,
};

use crate::{
    clinic::{Clinic, everywhere},
    lying_node::now,
};

/// How this page looks at a call.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Look {
    /// Part of writing and searching: compared between the histories.
    Compared,
    /// No part of it: if it were made, what it tells would be looked at by nobody.
    Apart,
}

/// Every call of a node, as the table has them.
const LOOKS: [(&str, Look); 28] = [
    ("ask", Look::Apart),
    ("block", Look::Apart),
    ("check", Look::Apart),
    ("cross", Look::Compared),
    ("deliver", Look::Apart),
    ("deposit", Look::Apart),
    ("discard", Look::Apart),
    ("fetch", Look::Apart),
    ("head", Look::Apart),
    ("inclusion", Look::Apart),
    ("index", Look::Apart),
    ("log_block", Look::Apart),
    ("lookup", Look::Compared),
    ("object", Look::Apart),
    ("open_entries", Look::Apart),
    ("prove", Look::Compared),
    ("receipt", Look::Apart),
    ("reencapsulate", Look::Apart),
    ("relay", Look::Apart),
    ("seal", Look::Compared),
    ("search", Look::Compared),
    ("stamps", Look::Apart),
    ("status", Look::Compared),
    ("stored", Look::Apart),
    ("submit", Look::Apart),
    ("trace", Look::Apart),
    ("uses", Look::Apart),
    ("vouch", Look::Apart),
];

fn look(name: &str) -> Option<Look> {
    let found = LOOKS.iter().find(|(known, _)| *known == name);
    found.map(|(_, look)| *look)
}

/// The names of all calls.
#[derive(Default)]
struct Names(BTreeSet<&'static str>);

impl<S> Registry<S> for Names {
    fn register<C: ServedBy<S>>(&mut self) {
        self.0.insert(C::ROW.name);
    }
}

/// Who adds a call says here whether it is part of a search. If it is, the histories are compared
/// by it.
#[test]
fn fault_13_the_view_leaves_out_half_of_the_calls() {
    let mut names = Names::default();
    register::<Node>(&mut names);
    let looked: BTreeSet<&str> = LOOKS.iter().map(|(name, _)| *name).collect();
    assert_eq!(looked.len(), LOOKS.len(), "one twice");
    assert_eq!(looked, names.0);
}

/// Requests as a node sees them: kind, and parameters and body.
type View = Vec<(&'static str, Vec<u8>)>;

/// Notes every request, whatever it is, as the node receives it.
struct Watcher {
    node: InProcess,
    view: Arc<Mutex<View>>,
}

impl Transport for Watcher {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        let mut bytes = call.parameters().join("&").into_bytes();
        bytes.extend(call.body().unwrap_or_default());
        self.view.lock().unwrap().push((C::ROW.name, bytes));
        self.node.call(call).await
    }
}

/// Three visits with these words, and two searches: the node's view of it.
async fn view(clinic: &Clinic<Watcher>, noted: &Mutex<View>, words: [[&str; 2]; 3]) -> View {
    let mut rng = rand::rng();
    let (session, doctor) = (&clinic.session, clinic.doctor());
    let mut patient = clinic.patient();
    noted.lock().unwrap().clear();
    for visit in words {
        let token = patient.check_in(session, clinic.visit(), &mut rng);
        let checked = doctor.check_in(session, &token, now()).unwrap();
        let draft = Draft {
            confidentiality: Confidentiality::Clinical,
            media: MediaType::FhirJson,
            content: vec![b'x'; 500],
            keywords: visit.map(|word| Keyword::new(word).unwrap()).to_vec(),
        };
        doctor
            .seal(session, &checked, vec![draft], now(), &mut rng)
            .await
            .unwrap();
    }
    for sought in [&words[0][..1], &words[0][..]] {
        let words = sought.iter().map(|word| Keyword::new(*word).unwrap());
        let request = everywhere(words.collect());
        assert!(
            !patient
                .search(session, &request)
                .await
                .unwrap()
                .hits
                .is_empty()
        );
    }
    noted.lock().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn views_of_two_histories_of_one_shape_are_alike() {
    let noted: Arc<Mutex<View>> = Arc::default();
    let clinic = Clinic::new(|node| Watcher {
        node,
        view: Arc::clone(&noted),
    })
    .await;

    // What any history shows: of the hospital, the doctor, the day. None of its words comes again.
    let third = [["cough", "burn"], ["cough", "sprain"], ["burn", "cough"]];
    let any = view(&clinic, &noted, third).await;
    // The same repetition of words, other words; one patient's words are long, the other's short,
    // and one is of the other's too.
    let first = [["hiv", "gout"], ["hiv", "flu"], ["gout", "hiv"]];
    let long = "a very long name of a rare disease that hardly anybody has";
    let second = [[long, "hiv"], [long, "x ray"], ["hiv", long]];
    let one = view(&clinic, &noted, first).await;
    // And once more what any shows: of the chain, on which one history ends where the next begins.
    let between = view(&clinic, &noted, third).await;
    let other = view(&clinic, &noted, second).await;
    for (kind, _) in any.iter().chain(&one).chain(&between).chain(&other) {
        assert_eq!(
            look(kind),
            Some(Look::Compared),
            "{kind} is looked at by nobody"
        );
    }

    // Kind by kind and size by size the same ...
    let shape = |view: &View| -> Vec<(&'static str, usize)> {
        view.iter()
            .map(|(kind, bytes)| (*kind, bytes.len()))
            .collect()
    };
    assert_eq!(shape(&one), shape(&other));
    for (kind, look) in LOOKS {
        let seen = one.iter().any(|(seen, _)| *seen == kind);
        assert_eq!(seen, look == Look::Compared, "{kind}");
    }

    // ... no word in it, and nothing in common but what any history shows: not even for the word
    // that both have.
    let pieces = |view: &View, length: usize| -> BTreeSet<Vec<u8>> {
        let windows = view.iter().flat_map(|(_, bytes)| bytes.windows(length));
        windows
            .filter(|piece| piece.iter().filter(|byte| **byte == 0).count() < 3)
            .map(<[u8]>::to_vec)
            .collect()
    };
    let (mut of_any, of_one, of_other) = (pieces(&any, 8), pieces(&one, 12), pieces(&other, 12));
    of_any.extend(pieces(&between, 8));
    // Beside what any history shows a byte or two are alike by chance. Four are not.
    let is_of_any = |piece: &[u8]| piece.windows(8).any(|part| of_any.contains(part));
    let mut common = of_one.intersection(&of_other);
    assert_eq!(common.find(|piece| !is_of_any(piece)), None);
    for (kind, bytes) in one.iter().chain(&other) {
        for word in ["gout", "long name", "x ray"] {
            let contains = bytes
                .windows(word.len())
                .any(|part| part == word.as_bytes());
            assert!(!contains, "{word} in a {kind}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_of_one_author_at_once_lose_no_entry() {
    let clinic = Clinic::new(|node| node).await;
    let session = &clinic.session;
    let devices = [0, 1].map(|_| clinic.doctor());
    let mut patient = clinic.patient();
    let word = Keyword::new("word:gout").unwrap();
    for round in 0..4 {
        let tokens = [0, 1].map(|_| patient.check_in(session, clinic.visit(), &mut rand::rng()));
        // Both number from what they know themselves; the chain takes one, and the other counts
        // anew.
        let seals = devices.iter().zip(&tokens).map(|(doctor, token)| {
            let checked = doctor.check_in(session, token, now()).unwrap();
            let draft = Draft {
                confidentiality: Confidentiality::Clinical,
                media: MediaType::FhirJson,
                content: vec![b'0' + round; 50],
                keywords: vec![word.clone()],
            };
            async move {
                let mut rng = rand::rng();
                doctor
                    .seal(session, &checked, vec![draft], now(), &mut rng)
                    .await
            }
        });
        for sealed in futures::future::join_all(seals).await {
            sealed.unwrap();
        }
    }
    let request = everywhere(vec![word]);
    assert_eq!(
        patient.search(session, &request).await.unwrap().hits.len(),
        8
    );
    patient.check_search(session, &request).await.unwrap();
}
