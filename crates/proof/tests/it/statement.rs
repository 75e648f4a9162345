//! What a proof is bound to.

use yilian_proof::{
    ID_SIZE, IdError, PACKS_MAX, ParameterSet, ProveError, TraceId, TraceKey, VerifyError, prove,
    verify,
};

use crate::{context, ids, keys};

const SET: ParameterSet = ParameterSet::Balanced;
const ORDER: u64 = 0xffff_ffff_0000_0001;

#[test]
fn a_proof_holds_for_its_ids_their_order_their_number_and_its_context_only() {
    let keys = keys(3);
    let ids = ids(&keys);
    let refs: Vec<&TraceKey> = keys.iter().collect();
    let proof = prove(SET, &refs, &context(1), &mut rand::rng()).unwrap();
    assert_eq!(verify(SET, &ids, &context(1), &proof), Ok(()));

    let [a, b, c] = ids[..] else { unreachable!() };
    let invalid = Err(VerifyError::Invalid);
    assert_eq!(verify(SET, &ids, &context(2), &proof), invalid);
    assert_eq!(verify(SET, &[b, a, c], &context(1), &proof), invalid);
    assert_eq!(verify(SET, &[a, b], &context(1), &proof), invalid);
    // Padding repeats the last id, and must not count as another one.
    assert_eq!(verify(SET, &[a, b, c, c], &context(1), &proof), invalid);
    assert_eq!(verify(SET, &[a, b, a], &context(1), &proof), invalid);
    let other = crate::keys(1)[0].id();
    assert_eq!(verify(SET, &[a, b, other], &context(1), &proof), invalid);
}

#[test]
fn every_set_proves_every_size_within_its_bytes() {
    for set in ParameterSet::ALL {
        for count in [1, 2, 5, 17, 40] {
            let keys = keys(count);
            let refs: Vec<&TraceKey> = keys.iter().collect();
            let proof = prove(set, &refs, &context(1), &mut rand::rng()).unwrap();
            println!("{} {count}: {} bytes", set.name(), proof.len());
            assert_eq!(verify(set, &ids(&keys), &context(1), &proof), Ok(()));
            for other in ParameterSet::ALL.into_iter().filter(|other| *other != set) {
                let verdict = verify(other, &ids(&keys), &context(1), &proof);
                let same_parameters = count > 16
                    && set != ParameterSet::Proven128
                    && other != ParameterSet::Proven128;
                assert_eq!(verdict.is_ok(), same_parameters, "{set:?} as {other:?}");
            }
        }
    }
}

#[test]
fn numbers_of_packs_out_of_range_are_refused() {
    let rng = &mut rand::rng();
    let none = prove(SET, &[], &context(1), rng);
    assert_eq!(none, Err(ProveError::Packs { found: 0 }));
    assert_eq!(
        verify(SET, &[], &context(1), &[]),
        Err(VerifyError::Packs { found: 0 })
    );
    let key = &keys(1)[0];
    let many = vec![key; PACKS_MAX + 1];
    let found = PACKS_MAX + 1;
    assert_eq!(
        prove(SET, &many, &context(1), rng),
        Err(ProveError::Packs { found })
    );
    let many = vec![key.id(); PACKS_MAX + 1];
    assert_eq!(
        verify(SET, &many, &context(1), &[0; 100]),
        Err(VerifyError::Packs { found })
    );
}

#[test]
fn two_proofs_of_one_statement_have_nothing_in_common() {
    let key = &keys(1)[0];
    let one = || prove(SET, &[key], &context(1), &mut rand::rng()).unwrap();
    let (first, second) = (one(), one());
    assert_ne!(first, second);
    let chunks = |proof: &[u8]| -> std::collections::BTreeSet<Vec<u8>> {
        proof.windows(16).map(<[u8]>::to_vec).collect()
    };
    let shared = chunks(&first).intersection(&chunks(&second)).count();
    assert_eq!(shared, 0, "runs of sixteen bytes in both");
}

#[test]
fn ids_have_one_spelling() {
    let id = keys(1)[0].id();
    assert_eq!(TraceId::from_bytes(&id.to_bytes()), Ok(id));
    for element in 0..4 {
        for second_spelling in [ORDER, ORDER + 1, u64::MAX] {
            let mut bytes = [0; ID_SIZE];
            bytes[8 * element..8 * element + 8].copy_from_slice(&second_spelling.to_be_bytes());
            assert_eq!(TraceId::from_bytes(&bytes), Err(IdError));
        }
    }
    let mut bytes = [0; ID_SIZE];
    bytes[..8].copy_from_slice(&(ORDER - 1).to_be_bytes());
    assert!(TraceId::from_bytes(&bytes).is_ok());
}

/// Vectors: printed packs outlive the software that made them, so the hash never changes. From the
/// definition: `Rp64_256::merge` of the key and the domain's elements.
#[test]
fn ids_are_the_rescue_prime_hashes_of_their_keys() {
    use winter_crypto::{Hasher as _, hashers::Rp64_256};
    use winter_math::fields::f64::BaseElement;
    for seed in [[0; 64], std::array::from_fn(|i| i as u8), [0xff; 64]] {
        let element = |chunk: &[u8]| {
            let wide = u128::from_be_bytes(chunk.try_into().unwrap()) % u128::from(ORDER);
            BaseElement::new(wide as u64)
        };
        let key: Vec<_> = seed.chunks(16).map(element).collect();
        let domain = [0x7969_2d74_7261_6365, 1, 0, 0].map(BaseElement::new);
        let digest = Rp64_256::merge(&[
            <[BaseElement; 4]>::try_from(key).unwrap().into(),
            domain.into(),
        ]);
        let hashed: Vec<u8> = digest
            .as_elements()
            .iter()
            .flat_map(|element| element.as_int().to_be_bytes())
            .collect();
        let id = TraceKey::from_uniform_bytes(&seed).id().to_bytes();
        assert_eq!(id.to_vec(), hashed);
    }
}
