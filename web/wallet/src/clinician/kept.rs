//! What a browser keeps of a clinician. All of it is sealed under the passphrase, in the format of
//! every home: `yilian_crypto::keystore`, docs/PROTOCOL.md 13.
//!
//! | name | content |
//! |---|---|
//! | `keystore` | the keystore |
//! | `seed` | the seed, 32 bytes |
//! | `certificate` | the certificate, JSON |
//! | `seen` | the latest block of which there was a proof, JSON |
//! | `notes` | how many entries of each keyword were written, JSON |
//! | `mail` | stamps in stock, and requests that were sent, JSON |
//! | `known` | what the chain says of records, which does not change, JSON |
//! | `titles` | what records that were read are called, JSON |
//! | `visits/ID` | a visit token, and what the clinician calls its patient, JSON |
//! | `work/ID` | a note: its draft, what is on its way, or what became of it, JSON |
//! | `letters/ID` | a letter, JSON, sealed once more than it came |

use std::{cell::Cell, collections::BTreeMap};

use rand::{CryptoRng, rng};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use yilian_client::{
    Doctor, WriterNotes,
    keys_file::{Handed, Secrets},
    mail::{KeptLetter, MailNotes, StampBook},
};
use yilian_crypto::{
    keystore::{HomeKey, Passphrase},
    seed::Seed,
};
use yilian_protocol::{
    MemberId, RecordId, RequestId, TimeMs,
    grant::Purpose,
    registry::{Admitted, Certificate},
};

use super::ClinicianClient;
use crate::{
    device::{COST, Entry, KEYSTORE, LETTERS, SEEN, damaged, perhaps, sealed, unsealed},
    trouble::Trouble,
};

/// Where the seed lies.
pub(super) const SEED: &str = "seed";
/// Where the certificate lies.
pub(super) const CERTIFICATE: &str = "certificate";
/// Where the notes of the index lie.
pub(super) const NOTES: &str = "notes";
/// Where stamps and requests lie.
pub(super) const MAIL: &str = "mail";
/// Where lies what the chain says of records. Written with letters alone.
pub(super) const KNOWN: &str = "known";
/// Where lies what records that were read are called. Written by who reads alone.
pub(super) const TITLES: &str = "titles";
/// What the names of visits begin with.
pub(super) const VISITS: &str = "visits/";
/// What the names of notes begin with.
pub(super) const WORK: &str = "work/";

/// Stamps in stock, and requests that were sent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Post {
    pub(super) stamps: StampBook,
    /// Requests of this browser.
    pub(super) asked: Vec<AskedNote>,
    /// Requests that are not shown, of which an answer is taken all the same: of before the keys
    /// came here, and those that a node says it refused.
    pub(super) earlier: Vec<RequestId>,
}

impl Post {
    /// All requests: what does not answer one of them answers nothing.
    pub(super) fn requests(&self) -> Vec<RequestId> {
        let asked = self.asked.iter().map(|asked| asked.request);
        asked.chain(self.earlier.iter().copied()).collect()
    }

    /// Shows a request no more, and takes an answer to it all the same.
    pub(super) fn set_aside(&mut self, request: RequestId) {
        let asked = self.asked.len();
        self.asked.retain(|known| known.request != request);
        if self.asked.len() < asked {
            self.earlier.push(request);
        }
    }
}

/// A request that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AskedNote {
    pub(super) request: RequestId,
    /// What the patient is called here.
    pub(super) label: String,
    /// By their names.
    pub(super) levels: Vec<String>,
    pub(super) purpose: Purpose,
    pub(super) until: TimeMs,
    pub(super) at: TimeMs,
}

/// What the chain says of records.
pub(super) type Known = BTreeMap<RecordId, KnownRecord>;
/// What records that were read are called.
pub(super) type Titles = BTreeMap<RecordId, ReadNote>;

/// What the chain says of a record, which does not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KnownRecord {
    pub(super) hospital: MemberId,
    pub(super) admitted: Admitted,
}

/// What a record that was read is called, and found by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadNote {
    pub(super) title: String,
    pub(super) words: String,
    pub(super) level: String,
}

/// What is kept, opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) home: HomeKey,
    pub(super) doctor: Doctor,
    pub(super) certificate: Certificate,
    /// A node that shows an older state than this is behind.
    pub(super) seen: Cell<Option<Admitted>>,
}

impl Opened {
    /// A new home for keys that were handed over as `stem`, and what is to be kept of them.
    pub(super) fn bring(
        handed: Handed,
        stem: &str,
        secrets: &Secrets,
        passphrase: &Passphrase,
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, Vec<Entry>), Trouble> {
        let home = HomeKey::random(rng);
        let mut entries = vec![
            (KEYSTORE.to_owned(), home.keystore(passphrase, COST, rng)?),
            (SEED.to_owned(), home.seal(SEED, handed.seed.expose(), rng)?),
            sealed(&home, CERTIFICATE, &handed.certificate, rng)?,
        ];
        let mut doctor = handed.person()?.doctor()?;
        if let Some(notes) = of::<WriterNotes>(secrets, &format!("{stem}.notes")) {
            entries.push(sealed(&home, NOTES, &notes, rng)?);
            doctor = doctor.with_notes(notes);
        }
        if let Some(notes) = of::<MailNotes>(secrets, &format!("{stem}.mail")) {
            let earlier = notes.requests;
            let post = Post {
                earlier,
                ..Post::default()
            };
            entries.push(sealed(&home, MAIL, &post, rng)?);
        }
        let prefix = format!("{stem}.letters/");
        for name in secrets.keys().filter(|name| name.starts_with(&prefix)) {
            if let Some(letter) = of::<KeptLetter>(secrets, name) {
                let name = format!("{LETTERS}{}", letter.id());
                entries.push(sealed(&home, &name, &letter, rng)?);
            }
        }
        let opened = Self {
            home,
            doctor,
            certificate: handed.certificate,
            seen: Cell::default(),
        };
        Ok((opened, entries))
    }

    /// Opens what was kept: the keystore, and the seed, the certificate and the notes under it.
    pub(super) fn open(
        keystore: &[u8],
        passphrase: &Passphrase,
        (seed, certificate, notes): (&[u8], &[u8], Option<Vec<u8>>),
    ) -> Result<Self, Trouble> {
        let home = HomeKey::open(keystore, passphrase)?;
        let bytes = home.open_secret(SEED, seed)?;
        let bytes: &[u8; Seed::SIZE] = bytes.as_slice().try_into().map_err(|_| damaged())?;
        let certificate: Certificate = unsealed(&home, CERTIFICATE, certificate)?;
        let seed = Seed::from_bytes(*bytes);
        let doctor = Doctor::new(&seed, &certificate).map_err(|_| damaged())?;
        let doctor = match notes {
            Some(notes) => doctor.with_notes(unsealed(&home, NOTES, &notes)?),
            None => doctor,
        };
        Ok(Self {
            home,
            doctor,
            certificate,
            seen: Cell::default(),
        })
    }

    /// Knows from now on what was kept of the latest block, `bytes`.
    pub(super) fn known(&self, bytes: Option<&[u8]>) -> Result<Option<Admitted>, Trouble> {
        let seen = perhaps(&self.home, SEEN, bytes)?;
        self.seen.set(seen);
        Ok(seen)
    }
}

/// A secret of an exported file, when it is there and is what it should be.
fn of<V: DeserializeOwned>(secrets: &Secrets, name: &str) -> Option<V> {
    serde_json::from_slice(secrets.get(name)?).ok()
}

impl ClinicianClient {
    /// Keeps a value under its name.
    pub(super) async fn keep<V: Serialize>(&self, name: &str, value: &V) -> Result<(), Trouble> {
        let entry = sealed(&self.opened()?.home, name, value, &mut rng())?;
        self.shelf.write(&[entry]).await
    }

    /// What is kept under a name.
    pub(super) async fn kept<V: DeserializeOwned>(&self, name: &str) -> Result<Option<V>, Trouble> {
        let opened = self.opened()?;
        let bytes = self.shelf.read(name).await?;
        bytes
            .map(|bytes| unsealed(&opened.home, name, &bytes))
            .transpose()
    }

    /// All that is kept under names that begin with `prefix`, by the rest of the name. What is
    /// damaged hides none of the others.
    pub(super) async fn all<V: DeserializeOwned>(
        &self,
        prefix: &str,
    ) -> Result<Vec<(String, V)>, Trouble> {
        let mut all = Vec::new();
        for name in self.shelf.names(prefix).await? {
            match self.kept(&name).await {
                Ok(Some(value)) => {
                    let id = name.strip_prefix(prefix).unwrap_or_default().to_owned();
                    all.push((id, value));
                }
                Ok(None) => {}
                Err(trouble) if trouble.fault == crate::trouble::Fault::Damaged => {}
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use yilian_client::MemberCa;
    use yilian_crypto::{keystore::Cost, sign::SigningKey};
    use yilian_protocol::{
        Height,
        codec::Text,
        registry::{NodeKeys, Role},
    };
    use zeroize::Zeroizing;

    use super::*;
    use crate::{device::newly_seen, trouble::Fault};

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(text).unwrap()
    }

    fn handed() -> Handed {
        let node = NodeKeys::of(&SigningKey::from_seed(&[2; 32]));
        let ca = SigningKey::from_seed(&[1; 32]);
        let ca = MemberCa::new(ca, Text::new("North").unwrap(), node);
        let seed = Seed::random(&mut rng());
        let (from, until) = (TimeMs::new(0), TimeMs::new(1_000_000_000_000_000));
        let name = Text::new("Dr Li").unwrap();
        let certificate = ca.certificate(name, Role::Doctor, &seed, from, until);
        Handed { seed, certificate }
    }

    fn entry<'a>(entries: &'a [Entry], name: &str) -> &'a [u8] {
        &entries.iter().find(|(known, _)| known == name).unwrap().1
    }

    #[test]
    fn what_was_brought_opens_again_and_shows_nothing() {
        let handed = handed();
        let seed = *handed.seed.expose();
        let secrets = Secrets::from([
            (
                "people/Li.notes".to_owned(),
                Zeroizing::new(br#"{"aa":3}"#.to_vec()),
            ),
            (
                "people/Li.mail".to_owned(),
                Zeroizing::new(b"no JSON".to_vec()),
            ),
        ]);
        let brought = Opened::bring(
            handed,
            "people/Li",
            &secrets,
            &passphrase("jade and paper"),
            &mut rng(),
        );
        let (_, entries) = brought.unwrap();
        // What is not what it should be is left where it was.
        assert!(!entries.iter().any(|(name, _)| name == MAIL));
        for (_, bytes) in &entries {
            assert!(!bytes.windows(8).any(|part| part == &seed[..8]));
            assert!(!bytes.windows(5).any(|part| part == b"Dr Li"));
        }
        let open = |text: &str| {
            let parts = (
                entry(&entries, SEED),
                entry(&entries, CERTIFICATE),
                Some(entry(&entries, NOTES).to_vec()),
            );
            Opened::open(entry(&entries, KEYSTORE), &passphrase(text), parts)
        };
        let opened = open("jade and paper").unwrap();
        assert_eq!(opened.certificate.subject.as_str(), "Dr Li");
        let notes = serde_json::to_string(&opened.doctor.notes()).unwrap();
        assert_eq!(notes, r#"{"aa":3}"#);
        // The session of the next day begins with the latest block of this one's.
        assert_eq!(opened.known(None).unwrap(), None);
        let seen = Admitted {
            height: Height::new(7),
            time: TimeMs::new(7),
        };
        let newly = newly_seen(&opened.home, None, Some(seen), &mut rng()).unwrap();
        let (_, (_, bytes)) = newly.unwrap();
        let again = open("jade and paper").unwrap();
        assert_eq!(again.known(Some(&bytes)).unwrap(), Some(seen));
        assert_eq!(again.seen.get(), Some(seen));
        assert_eq!(
            again.known(Some(&bytes[1..])).unwrap_err().fault,
            Fault::Damaged
        );
        let wrong = open("jade and silk").unwrap_err();
        assert_eq!(wrong.fault, Fault::WrongPassphrase);
    }

    #[test]
    fn what_a_node_says_it_refused_may_still_be_answered() {
        let asked = |number| AskedNote {
            request: RequestId::from_bytes([number; 32]),
            label: "bed 7".to_owned(),
            levels: vec!["clinical".to_owned()],
            purpose: Purpose::Treatment,
            until: TimeMs::new(2),
            at: TimeMs::new(1),
        };
        let mut post = Post {
            asked: vec![asked(1), asked(2)],
            ..Post::default()
        };
        let refused = RequestId::from_bytes([2; 32]);
        post.set_aside(refused);
        assert_eq!(post.asked, [asked(1)]);
        assert!(post.requests().contains(&refused));
        // Of one that is none nothing is noted.
        post.set_aside(RequestId::from_bytes([3; 32]));
        assert_eq!(post.requests(), [asked(1).request, refused]);
    }

    #[test]
    fn a_certificate_of_other_keys_is_damage() {
        let home = HomeKey::random(&mut rng());
        let rng = &mut rng();
        let pass = passphrase("jade and paper");
        let keystore = home.keystore(&pass, Cost::LEAST, rng).unwrap();
        let seed = home.seal(SEED, &[7; 32], rng).unwrap();
        let (_, certificate) = sealed(&home, CERTIFICATE, &handed().certificate, rng).unwrap();
        let opened = Opened::open(&keystore, &pass, (&seed, &certificate, None));
        assert_eq!(opened.unwrap_err().fault, Fault::Damaged);
    }
}
