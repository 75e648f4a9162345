//! Anchors of private chains: a hospital cannot take back what it anchored.

use std::convert::Infallible;

use yilian_protocol::{
    Height, MemberId, TimeMs, TreeHash,
    inclusion::{leaf, root},
    private_chain::{Anchor, ConsistencyProof, PrivateHeader, Subtrees},
    refusal::Refusal,
    state::tables::ANCHORS,
    tx::Body,
};

use crate::world::{NORTH, SOUTH, World, member_id};

pub struct Log(Vec<TreeHash>);

impl Log {
    pub fn new(entries: u64) -> Self {
        Self((0..entries).map(|i| leaf(&[&i.to_be_bytes()])).collect())
    }
}

impl Subtrees for Log {
    type Error = Infallible;

    fn perfect(&self, level: u32, index: u64) -> Result<TreeHash, Infallible> {
        let from = (index as usize) << level;
        Ok(root(&self.0[from..from + (1 << level)]))
    }
}

fn header(hospital: MemberId, height: u64, log: &Log, first: u64, size: u64) -> PrivateHeader {
    PrivateHeader {
        hospital,
        height: Height::new(height),
        previous: TreeHash::from_bytes([0; 32]),
        first,
        count: u32::try_from(size - first).unwrap(),
        root: root(&log.0[first as usize..size as usize]),
        tree: root(&log.0[..size as usize]),
        time: TimeMs::new(1),
    }
}

pub fn anchor(hospital: u8, height: u64, log: &Log, anchored: u64, first: u64, size: u64) -> Body {
    Body::Anchor(Anchor {
        header: header(member_id(hospital), height, log, first, size),
        consistency: ConsistencyProof::new(log, anchored, size).unwrap(),
    })
}

#[test]
fn a_chain_grows_from_anchor_to_anchor() {
    let mut world = World::with_hospitals();
    let log = Log::new(40);
    world.applied(NORTH + 1, anchor(NORTH, 1, &log, 0, 0, 3));
    world.applied(NORTH + 1, anchor(NORTH, 2, &log, 3, 3, 8));
    // Several blocks between two anchors.
    world.applied(NORTH + 1, anchor(NORTH, 7, &log, 8, 30, 33));
    world.applied(SOUTH + 1, anchor(SOUTH, 1, &log, 0, 0, 1));
    let stale = world.refused(NORTH + 1, anchor(NORTH, 7, &log, 33, 33, 40));
    assert_eq!(stale, Refusal::AnchorStale);
    let stale = world.refused(NORTH + 1, anchor(NORTH, 8, &log, 33, 30, 33));
    assert_eq!(stale, Refusal::AnchorStale);
    let stale = world.refused(NORTH + 1, anchor(NORTH, 8, &log, 8, 8, 20));
    assert_eq!(stale, Refusal::AnchorStale);
    let foreign = world.refused(SOUTH + 1, anchor(NORTH, 8, &log, 33, 33, 40));
    assert_eq!(foreign, Refusal::WrongSigner);
    let unknown = world.refused(NORTH + 1, anchor(70, 1, &log, 0, 0, 1));
    assert_eq!(unknown, Refusal::MemberUnknown);
    // All of them are kept, in their order.
    let north = member_id(NORTH);
    let count = ANCHORS
        .counts()
        .read(&world.state[&ANCHORS.counts().key(north.as_bytes())]);
    assert_eq!(count.unwrap(), 3);
    let kept = (0..3).map(|place| &world.state[&ANCHORS.item_key(north.as_bytes(), place)]);
    let kept = kept.map(|bytes| ANCHORS.items().read(bytes).unwrap().header.height.get());
    assert_eq!(kept.collect::<Vec<_>>(), [1, 2, 7]);
}

#[test]
fn what_was_anchored_cannot_be_rewritten() {
    for place in 0..9 {
        let mut world = World::with_hospitals();
        let honest = Log::new(20);
        world.applied(NORTH + 1, anchor(NORTH, 1, &honest, 0, 0, 9));
        let mut forged = Log::new(20);
        forged.0[place] = leaf(&[b"rewritten"]);
        let refused = world.refused(NORTH + 1, anchor(NORTH, 2, &forged, 9, 9, 20));
        assert_eq!(refused, Refusal::AnchorInconsistent, "entry {place}");
        // Nor without a proof, nor with that of the honest chain.
        let Body::Anchor(honest) = anchor(NORTH, 2, &honest, 9, 9, 20) else {
            panic!("an anchor")
        };
        for consistency in [ConsistencyProof::default(), honest.consistency] {
            let header = header(member_id(NORTH), 2, &forged, 9, 20);
            let body = Body::Anchor(Anchor {
                header,
                consistency,
            });
            assert_eq!(world.refused(NORTH + 1, body), Refusal::AnchorInconsistent);
        }
    }
}

/// A header of no entries says nothing new, whatever it claims to extend.
#[test]
fn an_empty_block_is_not_anchored() {
    let mut world = World::with_hospitals();
    let log = Log::new(20);
    let empty = |height, anchored: u64, size: u64| {
        let mut header = header(member_id(NORTH), height, &log, size - 1, size);
        (header.first, header.count) = (size, 0);
        Body::Anchor(Anchor {
            header,
            consistency: ConsistencyProof::new(&log, anchored, size).unwrap(),
        })
    };
    let first = world.refused(NORTH + 1, empty(1, 0, 3));
    assert_eq!(first, Refusal::AnchorInconsistent);
    world.applied(NORTH + 1, anchor(NORTH, 1, &log, 0, 0, 3));
    // Grown, by the proof too, but by entries of blocks that nobody shows.
    let later = world.refused(NORTH + 1, empty(2, 3, 9));
    assert_eq!(later, Refusal::AnchorInconsistent);
    world.applied(NORTH + 1, anchor(NORTH, 2, &log, 3, 3, 9));
}
