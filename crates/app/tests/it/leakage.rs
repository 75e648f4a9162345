//! What a node sees of searching: its whole view of two patients, compared. See
//! docs/search-leakage.md.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use yilian_client::{Draft, Keyword};
use yilian_node::service::InProcess;
use yilian_protocol::{
    Confidentiality,
    call::{Answered, Call, Seal, Transport},
    codec::Encode as _,
    media::MediaType,
};

use crate::{
    clinic::{Clinic, everywhere},
    lying_node::{now, seen},
};

/// Requests as a node sees them: kind and bytes.
type View = Vec<(&'static str, Vec<u8>)>;

/// Notes every request of writing and searching: its kind and bytes, as the node receives them.
struct Watcher {
    node: InProcess,
    view: Arc<Mutex<View>>,
}

impl Transport for Watcher {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        let noted = if let Some(Seal(request)) = seen(&call) {
            Some(("seal", request.visit.index.to_vec()))
        } else if matches!(C::ROW.name, "lookup" | "search" | "cross") {
            call.body().map(|body| (C::ROW.name, body))
        } else {
            None
        };
        self.view.lock().unwrap().extend(noted);
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

    // The same repetition of words, other words; one patient's words are long, the other's short,
    // and one is of the other's too.
    let first = [["hiv", "gout"], ["hiv", "flu"], ["gout", "hiv"]];
    let long = "a very long name of a rare disease that hardly anybody has";
    let second = [[long, "hiv"], [long, "x ray"], ["hiv", long]];
    let one = view(&clinic, &noted, first).await;
    let other = view(&clinic, &noted, second).await;

    // Kind by kind and size by size the same ...
    let shape = |view: &View| -> Vec<(&'static str, usize)> {
        view.iter()
            .map(|(kind, bytes)| (*kind, bytes.len()))
            .collect()
    };
    assert_eq!(shape(&one), shape(&other));
    assert!(shape(&one).iter().any(|(kind, _)| *kind == "cross"));

    // ... no word in it, and nothing in common: not even for the word that both have.
    let hospital = clinic.hospital.id().to_bytes();
    let pieces = |view: &View| -> BTreeSet<Vec<u8>> {
        let windows = view.iter().flat_map(|(_, bytes)| bytes.windows(12));
        let of_hospital = |piece: &&[u8]| {
            hospital
                .windows(8)
                .any(|part| piece.windows(8).any(|p| p == part))
        };
        windows
            .filter(|piece| !of_hospital(piece))
            .filter(|piece| piece.iter().filter(|byte| **byte == 0).count() < 3)
            .map(<[u8]>::to_vec)
            .collect()
    };
    assert!(pieces(&one).is_disjoint(&pieces(&other)));
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
