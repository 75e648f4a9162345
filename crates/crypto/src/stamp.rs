//! Stamps: a member signs the serial number of a letter without seeing it, for one day and no
//! other. So whoever takes letters knows that a member answers for each, and nobody can tell for
//! which of the stamps that the member made.
//!
//! docs/PROTOCOL.md 12.3. The scheme is the partially blind signature of Zhang, Safavi-Naini and
//! Susilo ("Efficient Verifiably Encrypted Signature and Partially Blind Signature from Bilinear
//! Pairings", INDOCRYPT 2003); what it rests on is analysed by Tyagi, Celi, Ristenpart, Sullivan,
//! Tessaro and Wood (eprint 2021/864) for the same function without a pairing.
//! ```text
//! key      x = KDFq("seed/node-stamp", seed of the node's signing key), Y = h^x
//! day      t = Hq("stamp/day", Y, day's parts), Y_t = Y h^t
//! serial   M = hash to G1 (RFC 9380, domain "stamp/serial") of Y_t | serial
//! blind    B = M^r for a random r                                           48 bytes
//! sign     S = B^{1/(x + t)}                                                48 bytes
//! unblind  s = S^{1/r}; holds when e(s, Y_t) = e(M, h)                      48 bytes
//! ```
//! `B` is uniform whatever `M` is: the signer learns nothing of the serial, and every serial fits
//! every `B` that he signed.
//!
//! # Deviation
//! A plain blind BLS signature (`M^x`) binds no day, so that serials would have to be kept for
//! ever. A day added to its exponent would bind nothing either: who has `B^{x + t}` divides `B^t`
//! out. In the inverse it does.
//!
//! # Not promised
//! A signer who uses another key for one person would know his stamps. So the key is looked up
//! where all see the same, and the signature is verified under it before it is used.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    Error,
    bls::{G1, G2, Scalar, hash_to_scalar, pairings_equal},
    encoding::{debug_public_values, debug_secret, opaque, point_encoding, secret_bytes},
    label,
    sign::{SigningKey, VerifyingKey},
};

debug_public_values!(StampPublic);

/// The key that a member's stamps verify under.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StampPublic(G2);
point_encoding!(StampPublic, G2, "stamp key (96 bytes)");

impl StampPublic {
    /// The key of one day, which `day` tells from every other.
    fn of_day(&self, day: &[&[u8]]) -> G2 {
        self.0.add(&G2::power_of_generator(&day_scalar(self, day)))
    }

    /// Whether the member signed `serial` for `day`.
    ///
    /// # Errors
    /// [`Error::Signature`] when it did not, or `signature` is no point.
    pub fn verify(
        &self,
        day: &[&[u8]],
        serial: &VerifyingKey,
        signature: &EncodedPoint,
    ) -> Result<(), Error> {
        let signature = signature.decode().map_err(|_| Error::Signature)?;
        let key = self.of_day(day);
        let hashed = serial_point(&key, serial);
        pairings_equal((&signature, &key), (&hashed, &G2::generator()))
            .then_some(())
            .ok_or(Error::Signature)
    }
}

opaque! {
    /// What should be a [`StampPublic`], not looked at yet. A member's entry in the registry is
    /// read with each record that is sealed, its key for stamps with each letter.
    EncodedStampKey, StampPublic::SIZE
}

impl EncodedStampKey {
    /// The key.
    ///
    /// # Errors
    /// [`Error::Encoding`] when it is none: no stamp of that member is good.
    pub fn decode(&self) -> Result<StampPublic, Error> {
        StampPublic::from_bytes(&self.0)
    }
}

impl From<&StampPublic> for EncodedStampKey {
    fn from(key: &StampPublic) -> Self {
        Self(key.to_bytes())
    }
}

/// The secret by which a member's node makes stamps. Zeroised when dropped.
pub struct StampSecret {
    secret: Scalar,
    public: StampPublic,
}

impl StampSecret {
    /// The secret of the node that signs with `node`.
    #[must_use]
    pub fn of_node(node: &SigningKey) -> Self {
        let secret = Scalar::derive(label::NODE_STAMP, node.seed(), &[]);
        let public = StampPublic(G2::power_of_generator(&secret));
        Self { secret, public }
    }

    /// The key that its stamps verify under.
    #[must_use]
    pub const fn public(&self) -> &StampPublic {
        &self.public
    }

    /// Signs a blinded serial for `day`.
    ///
    /// # Errors
    /// [`Error::Encoding`] when it is no point of the subgroup.
    pub fn sign(&self, day: &[&[u8]], blinded: &EncodedPoint) -> Result<EncodedPoint, Error> {
        let blinded = blinded.decode()?;
        let exponent = self.secret.add(&day_scalar(&self.public, day));
        // It is zero once in 2^255 days.
        Ok(EncodedPoint::of(&blinded.mul(&exponent.invert_or_zero())))
    }
}

impl std::fmt::Debug for StampSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "StampSecret", Scalar::SIZE)
    }
}

opaque! {
    /// What should be a point of G1, not looked at yet: a blinded serial, a blind signature, or the
    /// signature. Checking one takes longer than most of what can be checked before.
    EncodedPoint, G1::SIZE
}

impl EncodedPoint {
    fn of(point: &G1) -> Self {
        Self(point.to_bytes())
    }

    fn decode(&self) -> Result<G1, Error> {
        G1::from_bytes(&self.0)
    }
}

secret_bytes! {
    /// What a stamp's serial comes from: the seed of the key that the serial is. Whoever has it can
    /// use the stamp.
    StampSeed;
}

impl StampSeed {
    /// A fresh one.
    #[must_use]
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; Self::SIZE]);
        rng.fill_bytes(bytes.as_mut_slice());
        Self(bytes)
    }

    /// The key that the stamp is used with; its public half is the serial.
    #[must_use]
    pub fn key(&self) -> SigningKey {
        SigningKey::from_seed(&self.0)
    }
}

/// A stamp that was asked for and not signed yet.
#[derive(Debug)]
pub struct Blinding {
    seed: StampSeed,
    factor: Scalar,
}

impl Blinding {
    /// Draws a stamp of `public` for `day`, and blinds its serial.
    pub fn draw(
        public: &StampPublic,
        day: &[&[u8]],
        rng: &mut impl CryptoRng,
    ) -> (Self, EncodedPoint) {
        let seed = StampSeed::random(rng);
        let key = public.of_day(day);
        let parts: [&[u8]; 1] = [&key.to_bytes()];
        let factor = Scalar::hedged(label::STAMP_BLINDING, seed.expose(), &parts, rng);
        let hashed = serial_point(&key, &seed.key().verifying_key());
        let blinded = EncodedPoint::of(&hashed.mul(&factor));
        (Self { seed, factor }, blinded)
    }

    /// The stamp, when `signed` is what the member signs: its seed and the signature of its serial.
    ///
    /// # Errors
    /// [`Error::Signature`] when it signed something else, or with another key.
    pub fn unblind(
        self,
        public: &StampPublic,
        day: &[&[u8]],
        signed: &EncodedPoint,
    ) -> Result<(StampSeed, EncodedPoint), Error> {
        let signed = signed.decode().map_err(|_| Error::Signature)?;
        let signature = EncodedPoint::of(&signed.mul(&self.factor.invert_or_zero()));
        public.verify(day, &self.seed.key().verifying_key(), &signature)?;
        Ok((self.seed, signature))
    }
}

fn day_scalar(public: &StampPublic, day: &[&[u8]]) -> Scalar {
    let public = public.to_bytes();
    let parts: Vec<&[u8]> = std::iter::once(public.as_slice())
        .chain(day.iter().copied())
        .collect();
    hash_to_scalar(label::STAMP_DAY, &parts)
}

fn serial_point(key: &G2, serial: &VerifyingKey) -> G1 {
    let message = [key.to_bytes().as_slice(), &serial.to_bytes()].concat();
    G1::hash_to_curve(&message, label::STAMP_SERIAL.as_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: &[&[u8]] = &[b"chain", b"day 1"];
    const NEXT: &[&[u8]] = &[b"chain", b"day 2"];

    fn secret(byte: u8) -> StampSecret {
        StampSecret::of_node(&SigningKey::from_seed(&[byte; 32]))
    }

    fn stamp(secret: &StampSecret) -> (VerifyingKey, EncodedPoint) {
        let (blinding, blinded) = Blinding::draw(&secret.public, DAY, &mut rand::rng());
        let signed = secret.sign(DAY, &blinded).unwrap();
        let stamp = blinding.unblind(&secret.public, DAY, &signed);
        let (seed, signature) = stamp.unwrap();
        (seed.key().verifying_key(), signature)
    }

    #[test]
    fn a_stamp_is_of_its_member_day_and_serial_only() {
        let (member, other) = (secret(1), secret(2));
        let (serial, signature) = stamp(&member);
        member.public.verify(DAY, &serial, &signature).unwrap();
        let refused = Err(Error::Signature);
        assert_eq!(member.public.verify(NEXT, &serial, &signature), refused);
        assert_eq!(other.public.verify(DAY, &serial, &signature), refused);
        let (second, _) = stamp(&member);
        assert_eq!(member.public.verify(DAY, &second, &signature), refused);
        for bytes in [[0; 48], [0xff; 48], {
            // The identity, which every equation of pairings would take.
            let mut identity = [0; 48];
            identity[0] = 0xc0;
            identity
        }] {
            let none = EncodedPoint::from_bytes(bytes);
            assert_eq!(member.public.verify(DAY, &serial, &none), refused);
            assert!(member.sign(DAY, &none).is_err());
        }
    }

    /// The signature verifies for a serial that the member never saw, and is the same whatever the
    /// factor was: nothing of what was signed is left in it, and whatever was signed could have
    /// become it.
    #[test]
    fn the_signer_cannot_tell_which_stamp_came_of_what_it_signed() {
        let (member, rng) = (secret(1), &mut rand::rng());
        let (first, blinded) = Blinding::draw(&member.public, DAY, rng);
        let key = member.public.of_day(DAY);
        let serial = first.seed.key().verifying_key();
        let hashed = serial_point(&key, &serial);
        let other = Blinding {
            seed: first.seed.clone(),
            factor: Scalar::random(rng),
        };
        let reblinded = EncodedPoint::of(&hashed.mul(&other.factor));
        assert!(blinded != EncodedPoint::of(&hashed) && blinded != reblinded);
        let signed = [blinded, reblinded].map(|blinded| member.sign(DAY, &blinded).unwrap());
        assert_ne!(signed[0], signed[1]);
        let (_, one) = first.unblind(&member.public, DAY, &signed[0]).unwrap();
        let (_, two) = other.unblind(&member.public, DAY, &signed[1]).unwrap();
        assert_eq!(one, two);
        assert!(!signed.contains(&one));
        member.public.verify(DAY, &serial, &one).unwrap();
    }

    /// Adding days to the exponent would let a stamp of one day be made into one of another.
    #[test]
    fn what_is_signed_for_one_day_is_nothing_on_another() {
        let member = secret(1);
        let (blinding, blinded) = Blinding::draw(&member.public, DAY, &mut rand::rng());
        let signed = member.sign(NEXT, &blinded).unwrap();
        // As one would convert a plain signature: by the difference of the days, in any direction.
        let [t, next] = [DAY, NEXT].map(|day| day_scalar(&member.public, day));
        let point = blinded.decode().unwrap();
        let shifted = signed.decode().unwrap();
        for forged in [
            shifted,
            shifted.add(&point.mul(&t.sub(&next))),
            shifted.mul(&t.sub(&next)),
            shifted.mul(&next.mul(&t.invert().unwrap())),
        ] {
            let blinding = Blinding {
                seed: blinding.seed.clone(),
                factor: blinding.factor.clone(),
            };
            let forged = EncodedPoint::of(&forged);
            let made = blinding.unblind(&member.public, DAY, &forged);
            assert_eq!(made.err(), Some(Error::Signature));
        }
    }

    #[test]
    fn a_member_that_signs_with_another_key_for_one_person_is_found_out() {
        let (member, marking) = (secret(1), secret(3));
        let (blinding, blinded) = Blinding::draw(&member.public, DAY, &mut rand::rng());
        let marked = marking.sign(DAY, &blinded).unwrap();
        let stamp = blinding.unblind(&member.public, DAY, &marked);
        assert_eq!(stamp.err(), Some(Error::Signature));
    }

    #[test]
    fn a_generator_that_repeats_itself_draws_nothing_worse_than_one_stamp_twice() {
        use rand::{SeedableRng as _, rngs::StdRng};
        let draw = |day| Blinding::draw(&secret(1).public, day, &mut StdRng::seed_from_u64(1));
        assert_eq!(draw(DAY).1, draw(DAY).1);
        let [one, other] = [DAY, NEXT].map(|day| draw(day).0.factor);
        assert_ne!(one, other);
    }
}
