//! A peer that is let in and says what no honest peer says.

use std::{
    num::NonZeroUsize,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use commonware_cryptography::{ChaCha20Poly1305, Signer as _, ed25519};
use commonware_p2p::{
    Address, AddressableManager as _, Recipients, Sender as _, authenticated::lookup,
};
use commonware_runtime::{
    Clock as _, IoBuf, Quota, Runner as _, Supervisor as _, tokio as runtime,
};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{NZU32, ordered::Map};
use rand::RngExt as _;
use yilian_node::order::ValidatorKey;

use crate::network::Committee;

/// How long it goes on.
const LASTS: Duration = Duration::from_secs(4);
/// The channels of a node.
const CHANNELS: u64 = 6;

/// Sends garbage, of all sizes and as much as it is let, to every validator on every channel;
/// returns how many messages were taken.
pub fn flood(committee: &Committee, key: &ValidatorKey) -> JoinHandle<usize> {
    let seed = serde_json::to_value(key).unwrap()["identity"]
        .as_str()
        .map(|text| hex::decode(text).unwrap())
        .unwrap();
    let peers: Vec<([u8; 32], Address)> = committee
        .peers()
        .map(|peer| {
            let mut id = [0; 32];
            hex::decode_to_slice(peer.id.to_string(), &mut id).unwrap();
            (id, Address::from(peer.address))
        })
        .collect();
    let chain = committee.genesis.chain();
    std::thread::spawn(move || {
        let folder = tempfile::tempdir().unwrap();
        let options = runtime::Config::default().with_storage_directory(folder.path());
        runtime::Runner::new(options).start(async |context| {
            let signer: ed25519::PrivateKey =
                commonware_codec::DecodeExt::decode(bytes::Bytes::from(seed)).unwrap();
            let peers = peers.iter().map(|(id, address)| {
                let id = bytes::Bytes::copy_from_slice(id);
                let id: ed25519::PublicKey = commonware_codec::DecodeExt::decode(id).unwrap();
                (id, address.clone())
            });
            let own = signer.public_key();
            let peers = Map::from_iter_dedup(peers.filter(|(peer, _)| *peer != own));
            let handshake = Cups::<_, ChaCha20Poly1305>::new(
                Sake {
                    signer,
                    synchrony_bound: Duration::from_secs(5),
                    max_handshake_age: Duration::from_secs(10),
                    version: sake::Version::V1,
                },
                cups::Version::V1,
            );
            let options = lookup::Config::local(
                handshake,
                &[b"yilian/v1/peers/".as_slice(), chain.as_bytes()].concat(),
                ([127, 0, 0, 1], 0).into(),
                NonZeroUsize::new(8).unwrap(),
                8 * 1024 * 1024,
                NonZeroUsize::new(1000).unwrap(),
            );
            let (mut network, mut oracle) = lookup::Network::new(context.child("network"), options);
            oracle.track(0, peers);
            let quota = Quota::per_second(NZU32!(1000));
            let channels: Vec<_> = (0..CHANNELS)
                .map(|channel| network.register(channel, quota))
                .collect();
            network.start();
            let (mut sent, since) = (0, Instant::now());
            while since.elapsed() < LASTS {
                for (sender, _) in &channels {
                    let size = 1_usize << rand::rng().random_range(0..21);
                    let mut garbage = vec![0_u8; size];
                    rand::RngExt::fill(&mut rand::rng(), &mut garbage[..]);
                    let taken = sender.clone().send(
                        Recipients::All,
                        IoBuf::from(garbage),
                        rand::rng().random(),
                    );
                    sent += taken.len();
                }
                context.sleep(Duration::from_millis(2)).await;
            }
            sent
        })
    })
}
