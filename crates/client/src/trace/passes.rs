//! Passes: what the consortium's CA gives to those who handle medicines, so that the chain sees
//! *that* they are certified and not *who* they are.

use rand_core::CryptoRng;
use yilian_crypto::{
    label,
    sign::{Signature, SigningKey, VerifyingKey},
};
use yilian_protocol::{
    CertificateId, ChainId, TimeMs, codec::Encode as _, fixed, refusal::Refusal, trace::AuthorPass,
};

use crate::ClientError;

/// Asks for passes for some fresh keys. The CA learns whose they are; nobody else does.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PassRequest {
    /// The one who asks.
    pub certificate: CertificateId,
    /// The keys.
    pub keys: Vec<PassKey>,
    /// By the certified key, over chain and keys.
    #[serde(with = "fixed")]
    pub signature: Signature,
}

/// A key that a pass is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct PassKey(#[serde(with = "fixed")] pub VerifyingKey);

impl PassRequest {
    fn message(chain: ChainId, keys: &[PassKey]) -> Vec<u8> {
        let mut message = chain.to_vec();
        for key in keys {
            key.0.encode(&mut message);
        }
        message
    }

    /// Whether the one who asks signed it.
    ///
    /// # Errors
    /// [`Refusal::BadSignature`].
    pub fn verify(&self, chain: ChainId, signing: &VerifyingKey) -> Result<(), Refusal> {
        let message = Self::message(chain, &self.keys);
        signing
            .verify(
                label::CALL_SIGNATURE,
                &[label::call::PASSES, &message],
                &self.signature,
            )
            .map_err(|_| Refusal::BadSignature)
    }
}

/// The passes of one author, with their keys: secret.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct PassBook {
    /// Keys that passes were asked for.
    asked: Vec<PassSeed>,
    /// Passes not used yet.
    passes: Vec<HeldPass>,
}

/// The seed of a pass's key, hex digits in JSON.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
struct PassSeed(String);

impl PassSeed {
    fn key(&self) -> Option<SigningKey> {
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        hex::decode_to_slice(&self.0, seed.as_mut_slice()).ok()?;
        Some(SigningKey::from_seed(&seed))
    }
}

impl std::fmt::Debug for PassSeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PassSeed(..)")
    }
}

/// A pass and its key.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct HeldPass {
    seed: PassSeed,
    pass: AuthorPass,
}

impl PassBook {
    /// Makes `count` fresh keys and asks for passes for them.
    pub fn ask(
        &mut self,
        chain: ChainId,
        certificate: CertificateId,
        signing: &SigningKey,
        count: usize,
        rng: &mut impl CryptoRng,
    ) -> PassRequest {
        let mut keys = Vec::with_capacity(count);
        for _ in 0..count {
            let mut seed = zeroize::Zeroizing::new([0; 32]);
            rng.fill_bytes(seed.as_mut_slice());
            keys.push(PassKey(SigningKey::from_seed(&seed).verifying_key()));
            self.asked.push(PassSeed(hex::encode(seed.as_slice())));
        }
        let message = PassRequest::message(chain, &keys);
        PassRequest {
            certificate,
            keys,
            signature: signing.sign(label::CALL_SIGNATURE, &[label::call::PASSES, &message]),
        }
    }

    /// Takes the passes that were asked for; says how many are new.
    pub fn take_in(&mut self, passes: Vec<AuthorPass>) -> usize {
        let before = self.passes.len();
        for pass in passes {
            let of_pass = |seed: &PassSeed| {
                seed.key()
                    .is_some_and(|key| key.verifying_key() == pass.key)
            };
            if let Some(place) = self.asked.iter().position(of_pass) {
                let seed = self.asked.remove(place);
                self.passes.push(HeldPass { seed, pass });
            }
        }
        self.passes.len() - before
    }

    /// Passes that are valid at `now`.
    #[must_use]
    pub fn valid(&self, now: TimeMs) -> usize {
        let valid = |held: &&HeldPass| held.pass.check_time(now).is_ok();
        self.passes.iter().filter(valid).count()
    }

    /// Takes a pass out of the book, the one that ends first: each is used once.
    ///
    /// # Errors
    /// [`ClientError::NoPass`] when none is valid.
    pub fn next(&mut self, now: TimeMs) -> Result<(AuthorPass, SigningKey), ClientError> {
        self.passes.retain(|held| held.pass.valid_until > now);
        let next = self
            .passes
            .iter()
            .enumerate()
            .filter(|(_, held)| held.pass.check_time(now).is_ok())
            .min_by_key(|(_, held)| held.pass.valid_until)
            .map(|(place, _)| place);
        let held = next.map(|place| self.passes.remove(place));
        let held = held.ok_or(ClientError::NoPass)?;
        let key = held.seed.key().ok_or(ClientError::NoPass)?;
        Ok((held.pass, key))
    }
}
