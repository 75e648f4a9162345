//! The anchors of hospitals' private chains.
//!
//! | transaction | signed by | refused when |
//! |---|---|---|
//! | anchor | the hospital's node | the chain has not grown, or is not the one anchored before |

use yilian_crypto::sign::VerifyingKey;
use yilian_protocol::{
    StateKey,
    log::{Anchor, AnchorEntry},
    registry::Admitted,
};

use crate::{
    execute::{Verdict, present, require},
    state::{
        Overlay, View,
        tables::{ANCHOR, ANCHORS, MEMBER},
    },
};

pub(crate) fn anchor_reads(anchor: &Anchor) -> Vec<StateKey> {
    let hospital = anchor.header.hospital;
    vec![
        MEMBER.key(hospital.as_bytes()),
        ANCHOR.key(hospital.as_bytes()),
        ANCHORS.counts().key(hospital.as_bytes()),
    ]
}

pub(crate) fn anchor<V: View>(
    state: &mut Overlay<'_, V>,
    admitted: Admitted,
    signer: &VerifyingKey,
    anchor: &Anchor,
) -> Verdict {
    let (header, name) = (&anchor.header, anchor.header.hospital);
    let member = present!(state.read(MEMBER, name.as_bytes())?, MemberUnknown);
    require!(*signer == member.member.node, WrongSigner);
    let (new, before) = (header.size(), state.read(ANCHOR, name.as_bytes())?);
    let old = before.map(|entry: AnchorEntry| entry.header);
    if let Some(old) = &old {
        let grown = header.height > old.height && new > old.size();
        require!(grown, AnchorStale);
    }
    let (old, old_root) = old.map_or((0, header.tree), |old| (old.size(), old.tree));
    let extends = anchor
        .consistency
        .verify((old, &old_root), (new, &header.tree))
        .is_ok();
    require!(extends && header.count > 0, AnchorInconsistent);
    let entry = AnchorEntry {
        header: header.clone(),
        admitted,
    };
    state.write(ANCHOR, name.as_bytes(), &entry);
    state.append(&ANCHORS, name.as_bytes(), &entry)?;
    Ok(Ok(()))
}
