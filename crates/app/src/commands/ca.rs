//! Who is who.

use std::fmt;

use anyhow::Context as _;
use serde::Serialize;
use yilian_client::{ConsortiumCa, MemberCa, Session};
use yilian_crypto::sign::SigningKey;
use yilian_protocol::{
    CertificateId, MemberId, TimeMs,
    codec::Text,
    limits::PASS_DAYS_MAX,
    registry::{CertificateEntry, MemberEntry, Motion, Role, Standing},
    transport::Transport,
};

use super::{Context, DAY_MS, now};
use crate::{arguments::CaCommand, home::Home, pki};

pub async fn run(context: &Context, command: CaCommand) -> anyhow::Result<()> {
    match command {
        CaCommand::Admit { name } => {
            let opened = context.open().await?;
            let member = admit(&context.home, &opened.session, &name).await?;
            context.output.tell(&Admitted { name, member })?;
            opened.close();
            Ok(())
        }
        CaCommand::Certify {
            member,
            name,
            role,
            from,
            days,
        } => {
            let from = from
                .map(|text| TimeMs::from_text(&text))
                .transpose()?
                .unwrap_or_else(now);
            let opened = context.open().await?;
            let validity = (from, from.plus_ms(days.saturating_mul(DAY_MS)));
            let certificate = certify(
                &context.home,
                &opened.session,
                &member,
                &name,
                role,
                validity,
            )
            .await?;
            context.output.tell(&Certified {
                name,
                member,
                role,
                certificate,
            })?;
            opened.close();
            Ok(())
        }
        CaCommand::Renew { name, days } => renew(context, &name, days).await,
        CaCommand::Revoke {
            certificate,
            reason,
        } => revoke(context, certificate, &reason).await,
        CaCommand::Vote {
            motion,
            subject,
            by,
            withdraw,
        } => vote(context, motion, &subject, &by, !withdraw).await,
        CaCommand::Tls {
            member,
            host,
            out,
            days,
        } => {
            let certified = pki::certify(&context.home, &member, &host, days)?;
            pki::write(&certified, &out)?;
            context.output.tell(&Secured { member, host, out })
        }
        CaCommand::Passes { name, count, days } => {
            let opened = context.open().await?;
            // They begin with this day; `days` more are whole.
            let days = days.clamp(1, PASS_DAYS_MAX - 1) + 1;
            let until = now().plus_ms(days.saturating_mul(DAY_MS));
            let issued = passes(&context.home, &opened.session, &name, count, until).await?;
            context.output.tell(&issued)?;
            opened.close();
            Ok(())
        }
        CaCommand::List => list(context).await,
    }
}

/// Makes a member's keys and has the consortium's CA admit it.
pub async fn admit<T: Transport>(
    home: &Home,
    session: &Session<T>,
    name: &str,
) -> anyhow::Result<MemberId> {
    let ca = home.make_member(&Text::new(name).context("the member's name")?)?;
    admit_member(home, session, &ca).await?;
    Ok(ca.id())
}

/// Has the consortium's CA admit a member whose keys exist.
pub async fn admit_member<T: Transport>(
    home: &Home,
    session: &Session<T>,
    ca: &MemberCa,
) -> anyhow::Result<()> {
    let consortium = ConsortiumCa::new(SigningKey::from_seed(&home.key("keys/consortium")?));
    consortium.admit(session, ca.member().clone()).await?;
    Ok(())
}

/// Makes a person's keys and has the member's CA certify them.
pub async fn certify<T: Transport>(
    home: &Home,
    session: &Session<T>,
    member: &str,
    name: &str,
    role: Role,
    (from, until): (TimeMs, TimeMs),
) -> anyhow::Result<CertificateId> {
    let ca = home.member_ca(member)?;
    let subject = Text::new(name).context("the person's name")?;
    let seed = home.make_person_seed(name)?;
    let certificate = ca.certificate(subject, role, &seed, from, until);
    let id = ca.certify(session, certificate.clone()).await?;
    home.keep_person(name, certificate)?;
    Ok(id)
}

/// Has a person ask for passes and the consortium's CA issue them.
pub async fn passes<T: Transport>(
    home: &Home,
    session: &Session<T>,
    name: &str,
    count: usize,
    until: TimeMs,
) -> anyhow::Result<Passes> {
    let consortium = ConsortiumCa::new(SigningKey::from_seed(&home.key("keys/consortium")?));
    let handler = home.handler(name)?;
    let mut book = home.passes(name)?;
    let request = handler.ask_passes(session, &mut book, count, &mut rand::rng());
    let issued = consortium
        .issue_passes(session, &request, now(), until)
        .await?;
    let issued = book.take_in(issued);
    home.keep_passes(name, &book)?;
    Ok(Passes {
        issued,
        valid: book.valid(now()),
        until,
    })
}

/// What passes a person has.
#[derive(Debug, Serialize)]
pub struct Passes {
    issued: usize,
    valid: usize,
    until: TimeMs,
}

impl fmt::Display for Passes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = self.until.to_text();
        writeln!(
            f,
            "{} pass(es) issued until {until}, {} valid",
            self.issued, self.valid
        )
    }
}

/// The old certificate stays valid to its end, unless it is revoked: what was signed under it can be checked for ever.
async fn renew(context: &Context, name: &str, days: u64) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let session = &opened.session;
    let (seed, old) = context.home.person(name)?;
    let member = session.member(old.member).await?.member;
    let ca = context.home.member_ca(member.name.as_str())?;
    let until = now().plus_ms(days.saturating_mul(DAY_MS));
    let certificate = ca.certificate(old.subject.clone(), old.role, &seed, now(), until);
    let id = ca.certify(session, certificate.clone()).await?;
    context.home.keep_person(name, certificate)?;
    context.output.tell(&Certified {
        name: name.to_owned(),
        member: member.name.to_string(),
        role: old.role,
        certificate: id,
    })?;
    opened.close();
    Ok(())
}

async fn revoke(context: &Context, id: CertificateId, reason: &str) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let session = &opened.session;
    let entry = session.certificate(id).await?;
    let members = session.members().await?;
    let member = members
        .iter()
        .find(|member| member.member.id() == entry.certificate.member)
        .context("the registry does not know the certificate's member")?;
    let ca = context.home.member_ca(member.member.name.as_str())?;
    ca.revoke(session, id, Text::new(reason)?).await?;
    context.output.tell(&Revoked {
        certificate: id,
        subject: entry.certificate.subject.to_string(),
    })?;
    opened.close();
    Ok(())
}

async fn vote(
    context: &Context,
    motion: Motion,
    subject: &str,
    by: &str,
    favour: bool,
) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let session = &opened.session;
    let ca = context.home.member_ca(by)?;
    let members = session.members().await?;
    let about = members
        .iter()
        .find(|entry| entry.member.name.as_str() == subject);
    let about = about
        .with_context(|| format!("no member called `{subject}`"))?
        .member
        .id();
    ca.vote(session, motion, about, favour).await?;
    let standing = session.member(about).await?.standing;
    context.output.tell(&Voted {
        motion,
        subject: subject.to_owned(),
        standing,
    })?;
    opened.close();
    Ok(())
}

async fn list(context: &Context) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let mut members = Vec::new();
    for member in opened.session.members().await? {
        let id = member.member.id();
        let certificates = opened.session.certificates(id).await?;
        members.push(Listed {
            id,
            member,
            certificates,
        });
    }
    context.output.tell(&Registry {
        members,
        now: now(),
    })?;
    opened.close();
    Ok(())
}

#[derive(Serialize)]
struct Admitted {
    name: String,
    member: MemberId,
}

impl fmt::Display for Admitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "admitted {} as member {}", self.name, self.member)
    }
}

#[derive(Serialize)]
struct Certified {
    name: String,
    member: String,
    role: Role,
    certificate: CertificateId,
}

impl fmt::Display for Certified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "certified {} as {} of {}",
            self.name, self.role, self.member
        )?;
        writeln!(f, "certificate {}", self.certificate)
    }
}

#[derive(Serialize)]
struct Revoked {
    certificate: CertificateId,
    subject: String,
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "revoked the certificate {} of {}",
            self.certificate, self.subject
        )
    }
}

#[derive(Serialize)]
struct Secured {
    member: String,
    host: Vec<String>,
    out: std::path::PathBuf,
}

impl fmt::Display for Secured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { member, host, out } = self;
        let (hosts, out) = (host.join(", "), out.display());
        writeln!(
            f,
            "{hosts} of {member} is certified; its files are in {out}"
        )
    }
}

#[derive(Serialize)]
struct Voted {
    motion: Motion,
    subject: String,
    standing: Standing,
}

impl fmt::Display for Voted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            motion,
            subject,
            standing,
        } = self;
        writeln!(
            f,
            "the vote to {motion} {subject} is noted; {subject} is {standing}"
        )
    }
}

#[derive(Serialize)]
struct Registry {
    members: Vec<Listed>,
    #[serde(skip)]
    now: TimeMs,
}

#[derive(Serialize)]
struct Listed {
    id: MemberId,
    #[serde(flatten)]
    member: MemberEntry,
    certificates: Vec<CertificateEntry>,
}

impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for listed in &self.members {
            let (name, standing) = (&listed.member.member.name, listed.member.standing);
            writeln!(f, "{}  {name}  {standing}", listed.id.short())?;
            for entry in &listed.certificates {
                let certificate = &entry.certificate;
                let standing = match entry.standing(self.now) {
                    Ok(()) => format!("until {}", certificate.valid_until.to_text()),
                    Err(rule) => rule.to_string(),
                };
                let (role, subject) = (certificate.role, &certificate.subject);
                writeln!(f, "  {}  {role}  {subject}  {standing}", certificate.id())?;
            }
        }
        writeln!(f, "{} members", self.members.len())
    }
}
