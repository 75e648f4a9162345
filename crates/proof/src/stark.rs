//! The proof system, put together from Plonky3's parts.

use p3_challenger::{HashChallenger, SerializingChallenger64};
use p3_commit::ExtensionMmcs;
use p3_dft::Radix2DitParallel;
use p3_field::{
    ExtensionField, PrimeCharacteristicRing, TwoAdicField,
    extension::{BinomialExtensionField, CubicTrinomialExtensionField},
};
use p3_fri::HidingFriPcs;
use p3_goldilocks::Goldilocks;
use p3_matrix::dense::RowMajorMatrix;
use p3_merkle_tree::MerkleTreeHidingMmcs;
use p3_symmetric::{CompressionFunctionFromHasher, SerializingHasher};
use p3_uni_stark::{Proof, StarkConfig};
use rand::{SeedableRng as _, rngs::StdRng};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    Context, ProveError, VerifyError,
    air::{self, PreimageAir},
    hash::Blake3,
    key::{TraceId, TraceKey},
    parameters::Parameters,
    rescue,
};

pub(crate) type Quadratic = BinomialExtensionField<Goldilocks, 2>;
pub(crate) type Cubic = CubicTrinomialExtensionField<Goldilocks>;

pub(crate) type LeafHash = SerializingHasher<Blake3>;
pub(crate) type NodeHash = CompressionFunctionFromHasher<Blake3, 2, 32>;
pub(crate) type Challenger = SerializingChallenger64<Goldilocks, HashChallenger<u8, Blake3, 32>>;
/// Merkle trees whose leaves are salted with two elements: 128 bits.
type Mmcs = MerkleTreeHidingMmcs<Goldilocks, u8, LeafHash, NodeHash, StdRng, 2, 32, 2>;
type Pcs<E> = HidingFriPcs<
    Goldilocks,
    Radix2DitParallel<Goldilocks>,
    Mmcs,
    ExtensionMmcs<Goldilocks, E, Mmcs>,
    StdRng,
>;
pub(crate) type Config<E, C = Challenger> = StarkConfig<Pcs<E>, E, C>;

/// What the transcript begins with, before the context.
const TRANSCRIPT: &[u8] = b"yilian/v1/trace-proof/transcript";
/// What the masks' seed is derived under.
const MASKS: &str = "yilian/v1/trace-proof/masks";

/// The transcript begins with the context; the library adds the ids.
pub(crate) fn challenger(context: &Context) -> Challenger {
    let seed = [TRANSCRIPT, context.as_bytes()].concat();
    Challenger::from_hasher(seed, Blake3)
}

pub(crate) fn config<E: ExtensionField<Goldilocks> + TwoAdicField, C: Clone>(
    parameters: &Parameters,
    challenger: C,
    mut masks: StdRng,
) -> Config<E, C> {
    let salts = StdRng::from_rng(&mut masks);
    let mmcs = Mmcs::new(LeafHash::new(Blake3), NodeHash::new(Blake3), 0, salts);
    let fri = parameters.fri(ExtensionMmcs::new(mmcs.clone()));
    let pcs = Pcs::new(Radix2DitParallel::default(), mmcs, fri, E::DIMENSION, masks);
    StarkConfig::new(pcs, challenger)
}

/// The generator of a proof's masks and salts: fresh randomness, hedged with the statement and its
/// witness.
pub(crate) fn masks(
    keys: &[&TraceKey],
    context: &Context,
    rng: &mut impl CryptoRng,
) -> Result<StdRng, ProveError> {
    let mut fresh = Zeroizing::new([[0; 32]; 2]);
    for half in fresh.iter_mut() {
        rng.fill_bytes(half);
    }
    let [first, second] = &*fresh;
    if first == second {
        return Err(ProveError::Randomness);
    }
    let mut hasher = blake3::Hasher::new_derive_key(MASKS);
    hasher
        .update(first)
        .update(second)
        .update(context.as_bytes());
    for key in keys {
        for element in key.elements() {
            hasher.update(&element.to_be_bytes());
        }
    }
    Ok(StdRng::from_seed(*hasher.finalize().as_bytes()))
}

pub(crate) fn public_values(ids: &[TraceId]) -> Vec<Goldilocks> {
    let elements = ids.iter().flat_map(TraceId::elements);
    elements
        .map(|&element| Goldilocks::from_u64(element))
        .collect()
}

pub(crate) fn prove<E: ExtensionField<Goldilocks> + TwoAdicField>(
    parameters: &Parameters,
    keys: &[&TraceKey],
    context: &Context,
    masks: StdRng,
) -> Result<Vec<u8>, ProveError> {
    let ids: Vec<TraceId> = keys.iter().map(|key| key.id()).collect();
    let starts: Vec<_> = keys.iter().map(|key| rescue::start(key)).collect();
    let table = air::table(&starts, parameters.slots);
    prove_table::<E>(parameters, &ids, table, context, masks)
}

/// Proves whatever table it is given; only tests give one that is not of the ids' keys.
pub(crate) fn prove_table<E: ExtensionField<Goldilocks> + TwoAdicField>(
    parameters: &Parameters,
    ids: &[TraceId],
    table: RowMajorMatrix<Goldilocks>,
    context: &Context,
    masks: StdRng,
) -> Result<Vec<u8>, ProveError> {
    let air = PreimageAir::new(ids, parameters.slots);
    let config = config::<E, _>(parameters, challenger(context), masks);
    let proof = p3_uni_stark::prove(&config, &air, table, &public_values(ids))
        .map_err(|error| ProveError::Hiding(error.to_string()))?;
    postcard::to_allocvec(&proof).map_err(|error| ProveError::Hiding(error.to_string()))
}

pub(crate) fn verify<E: ExtensionField<Goldilocks> + TwoAdicField>(
    parameters: &Parameters,
    ids: &[TraceId],
    context: &Context,
    bytes: &[u8],
) -> Result<(), VerifyError> {
    let proof: Proof<Config<E>> =
        postcard::from_bytes(bytes).map_err(|_| VerifyError::Malformed)?;
    // One spelling: no trailing bytes, no long forms of numbers, no field element above the order.
    if postcard::to_allocvec(&proof).as_deref() != Ok(bytes) {
        return Err(VerifyError::Malformed);
    }
    if proof.degree_bits != parameters.log_height() {
        return Err(VerifyError::Invalid);
    }
    let air = PreimageAir::new(ids, parameters.slots);
    // A verifier draws nothing.
    let config = config::<E, _>(parameters, challenger(context), StdRng::from_seed([0; 32]));
    p3_uni_stark::verify(&config, &air, &proof, &public_values(ids))
        .map_err(|_| VerifyError::Invalid)
}
