//! The registry contract: who is a member, and who may act for a member in which role, from when until when.
//!
//! | transaction | signed by | refused when |
//! |---|---|---|
//! | admit | consortium CA | the member exists |
//! | certify | the member's CA | the member is unknown, the certificate exists, its validity is no span of time or is over |
//! | revoke | the member's CA or the consortium CA | the certificate is unknown, of another member, or revoked already |

use yilian_crypto::sign::VerifyingKey;
use yilian_protocol::{
    StateKey,
    registry::{
        Admitted, Certificate, CertificateEntry, Genesis, Member, MemberEntry, Revocation, Revoked,
    },
};

use crate::{
    execute::{Verdict, present, require},
    state::{
        Overlay, View,
        tables::{CERTIFICATE, CERTIFICATES, MEMBER, MEMBERS},
    },
};

pub(crate) fn admit_reads(member: &Member) -> Vec<StateKey> {
    vec![
        MEMBER.key(member.id().as_bytes()),
        MEMBERS.counts().key(&[]),
    ]
}

pub(crate) fn admit<V: View>(
    state: &mut Overlay<'_, V>,
    genesis: &Genesis,
    admitted: Admitted,
    signer: &VerifyingKey,
    member: &Member,
) -> Verdict {
    let id = member.id();
    require!(*signer == genesis.ca, WrongSigner);
    require!(state.read(MEMBER, id.as_bytes())?.is_none(), MemberExists);
    let entry = MemberEntry {
        member: member.clone(),
        admitted,
    };
    state.write(MEMBER, id.as_bytes(), &entry);
    state.append(&MEMBERS, &[], &id)?;
    Ok(Ok(()))
}

pub(crate) fn certify_reads(certificate: &Certificate) -> Vec<StateKey> {
    vec![
        MEMBER.key(certificate.member.as_bytes()),
        CERTIFICATE.key(certificate.id().as_bytes()),
        CERTIFICATES.counts().key(certificate.member.as_bytes()),
    ]
}

pub(crate) fn certify<V: View>(
    state: &mut Overlay<'_, V>,
    admitted: Admitted,
    signer: &VerifyingKey,
    certificate: &Certificate,
) -> Verdict {
    let id = certificate.id();
    let member = present!(
        state.read(MEMBER, certificate.member.as_bytes())?,
        MemberUnknown
    );
    require!(*signer == member.member.ca, WrongSigner);
    require!(
        state.read(CERTIFICATE, id.as_bytes())?.is_none(),
        CertificateExists
    );
    require!(certificate.check_validity().is_ok(), CertificateValidity);
    require!(certificate.valid_until > admitted.time, CertificateExpired);
    let entry = CertificateEntry {
        certificate: certificate.clone(),
        admitted,
        revoked: None,
    };
    state.write(CERTIFICATE, id.as_bytes(), &entry);
    state.append(&CERTIFICATES, certificate.member.as_bytes(), &id)?;
    Ok(Ok(()))
}

pub(crate) fn revoke_reads(revocation: &Revocation) -> Vec<StateKey> {
    vec![
        MEMBER.key(revocation.member.as_bytes()),
        CERTIFICATE.key(revocation.certificate.as_bytes()),
    ]
}

pub(crate) fn revoke<V: View>(
    state: &mut Overlay<'_, V>,
    genesis: &Genesis,
    admitted: Admitted,
    signer: &VerifyingKey,
    revocation: &Revocation,
) -> Verdict {
    let name = revocation.certificate.as_bytes();
    let member = present!(
        state.read(MEMBER, revocation.member.as_bytes())?,
        MemberUnknown
    );
    require!(
        *signer == member.member.ca || *signer == genesis.ca,
        WrongSigner
    );
    let mut entry = present!(state.read(CERTIFICATE, name)?, CertificateUnknown);
    require!(entry.certificate.member == revocation.member, ForeignMember);
    require!(entry.revoked.is_none(), CertificateRevoked);
    entry.revoked = Some(Revoked {
        admitted,
        reason: revocation.reason.clone(),
    });
    state.write(CERTIFICATE, name, &entry);
    Ok(Ok(()))
}
