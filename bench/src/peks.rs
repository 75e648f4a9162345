//! The scheme that searchable consortium EMR systems use: public-key encryption with keyword search
//! (Boneh et al. 2004), with one randomness for all keywords of a record. A baseline for
//! comparison; nothing of the product uses it.
//!
//! ```text
//! key       x, X = h^x
//! record    r, R = h^r; for each keyword w: tag = H(R, e(H1(w), X)^r)
//! trapdoor  T_w = H1(w)^x
//! test      H(R, e(T_w, R)) is among the record's tags
//! ```
//! # Why the product does not use it
//! Whoever holds a trapdoor tests a dictionary: T_w and a guess v satisfy e(T_w, h) = e(H1(v), X)
//! exactly when w = v. And every search tests every record.

use rand::CryptoRng;
use yilian_crypto::{
    bls::{G1, G2, PreparedG2, Scalar, pairing, pairings_equal},
    hash, label,
};

const DOMAIN: &[u8] = b"BENCH_PEKS_BLS12381G1_XMD:SHA-256_SSWU_RO_";

/// The one who may search.
pub struct Owner {
    secret: Scalar,
    public: G2,
    prepared: PreparedG2,
}

/// A record's searchable part.
pub struct Record {
    pub randomness: G2,
    pub tags: Vec<[u8; 16]>,
}

/// Finds one keyword in any record, and lets its holder guess which.
pub struct Trapdoor(G1);

impl Owner {
    pub fn new(rng: &mut impl CryptoRng) -> Self {
        let secret = Scalar::random(rng);
        let public = G2::power_of_generator(&secret);
        Self {
            prepared: PreparedG2::new(&public),
            secret,
            public,
        }
    }

    /// Encrypts a record's keywords: needs the public key alone.
    pub fn encrypt(&self, words: &[String], rng: &mut impl CryptoRng) -> Record {
        let r = Scalar::random(rng);
        let randomness = G2::power_of_generator(&r);
        let tags = words.iter().map(|word| {
            let point = hash_word(word).mul(&r);
            tag(&randomness, &self.prepared.pairing(&point))
        });
        Record {
            tags: tags.collect(),
            randomness,
        }
    }

    pub fn trapdoor(&self, word: &str) -> Trapdoor {
        Trapdoor(hash_word(word).mul(&self.secret))
    }

    pub const fn public(&self) -> &G2 {
        &self.public
    }
}

impl Trapdoor {
    pub fn test(&self, record: &Record) -> bool {
        let sought = tag(&record.randomness, &pairing(&self.0, &record.randomness));
        record.tags.contains(&sought)
    }

    /// The offline dictionary attack: which word it is for, from public values alone.
    pub fn guess<'a>(&self, public: &G2, dictionary: &[&'a str]) -> Option<&'a str> {
        let generator = G2::generator();
        let is = |word: &&&str| pairings_equal((&self.0, &generator), (&hash_word(word), public));
        dictionary.iter().find(is).copied()
    }
}

fn hash_word(word: &str) -> G1 {
    G1::hash_to_curve(word.as_bytes(), DOMAIN)
}

fn tag(randomness: &G2, shared: &yilian_crypto::bls::Gt) -> [u8; 16] {
    let parts: [&[u8]; 2] = [&randomness.to_bytes(), &shared.to_bytes()];
    let mut tag = [0; 16];
    tag.copy_from_slice(&hash::hash(label::SEARCH_CROSS, &parts)[..16]);
    tag
}

#[cfg(test)]
mod tests {
    use yilian_crypto::{
        psk::SearchPsk,
        scope::Quarter,
        search::{IndexContext, IndexKey, Keyword, SearchSecret, Trapdoor as Ours, WriterSecret},
    };

    use super::*;

    const DICTIONARY: [&str; 5] = ["hypertension", "hiv", "diabetes", "gout", "pregnancy"];

    #[test]
    fn a_trapdoor_finds_its_word_and_no_other() {
        let mut rng = rand::rng();
        let owner = Owner::new(&mut rng);
        let record = owner.encrypt(&["hiv".to_owned(), "gout".to_owned()], &mut rng);
        for word in DICTIONARY {
            let found = owner.trapdoor(word).test(&record);
            assert_eq!(found, ["hiv", "gout"].contains(&word), "{word}");
        }
    }

    #[test]
    fn a_dictionary_opens_a_captured_trapdoor_of_the_baseline_and_not_of_ours() {
        let mut rng = rand::rng();
        let owner = Owner::new(&mut rng);
        let captured = owner.trapdoor("hiv");
        assert_eq!(captured.guess(owner.public(), &DICTIONARY), Some("hiv"));

        // Ours: the same attacker, with both public keys and the dictionary, can only derive keys
        // with a secret of his own.
        let (writer, patient) = (
            WriterSecret::from_seed(&[1; 32]),
            SearchSecret::from_seed(&[2; 32]),
        );
        // He was even handed the quarter's secret.
        let place = IndexContext {
            psk: &SearchPsk::from_bytes([6; 32]),
            chain: &[4; 32],
            hospital: &[3; 32],
            quarter: Quarter::new(2026, 4).unwrap(),
        };
        let key = |key: IndexKey, word: &str| key.keyword(&Keyword::new(word).unwrap());
        let true_key = IndexKey::of_patient(&patient, &writer.public(), &place);
        let captured = Ours::of(&key(true_key, "hiv"), 5).unwrap();
        let attacker = SearchSecret::from_seed(&[9; 32]);
        for word in DICTIONARY {
            let guess = IndexKey::of_patient(&attacker, &writer.public(), &place);
            assert!(Ours::of(&key(guess, word), 5).unwrap() != captured);
        }
    }
}
