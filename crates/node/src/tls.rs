//! TLS 1.3 of the API, and who is at the other end.
//!
//! A consortium's root certifies each member's CA, and that its nodes and desks (X.509, RFC 5280;
//! `yilian ca tls`). A certificate names its member as a DNS name, [`member_name`], which the root
//! constrains the member's CA to (RFC 5280, 4.2.1.10): no member can name another. Whoever calls
//! may show one; what is for members only asks for one, and for a member that may act. Who calls a
//! node and knows whose it is compares the member, too.
//!
//! Keys are agreed on with X25519 and ML-KEM-768 together (draft-ietf-tls-ecdhe-mlkem) when both
//! ends know it, so that what is recorded today stays closed when curves do not hold any more.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, NamedGroup, RootCertStore, ServerConfig,
    SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_rustls::{Accept, TlsAcceptor, server::TlsStream};
use yilian_protocol::MemberId;
use zeroize::Zeroizing;

use crate::vault::{Vault, VaultError};

/// Under which DNS names of members stand; of no use outside certificates.
const MEMBERS: &str = "member.yilian.internal";

/// The name of a member in certificates: its id as two labels of 32 hex digits.
#[must_use]
pub fn member_name(member: MemberId) -> String {
    let digits = member.to_string();
    let (first, second) = digits.split_at(32);
    format!("{first}.{second}.{MEMBERS}")
}

/// The member that a verified certificate names.
fn member_of(certificate: &CertificateDer<'_>) -> Option<MemberId> {
    let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
    let mut members = certificate.valid_dns_names().filter_map(|name| {
        let digits = name.strip_suffix(MEMBERS)?.strip_suffix('.')?;
        let (first, second) = digits.split_once('.')?;
        format!("{first}{second}").parse().ok()
    });
    members.next()
}

/// Files of a node's TLS, in `node.json`; PEM, names relative to its folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The consortium's root certificate.
    pub root: PathBuf,
    /// The node's certificate, and behind it its member's CA's.
    pub chain: PathBuf,
    /// The node's private key (PKCS #8).
    pub key: PathBuf,
}

/// What a node needs to be known by, and to know others.
#[derive(Clone)]
pub struct Tls {
    root: Vec<u8>,
    chain: Vec<u8>,
    key: Arc<Zeroizing<Vec<u8>>>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls(secret)")
    }
}

impl Tls {
    /// Reads the files, from the folder whose secrets are in `vault`. A key with an absolute path
    /// is of no folder, and read as it is.
    ///
    /// # Errors
    /// [`TlsError`] when one cannot be read, or is not what it should be.
    pub fn read(files: &TlsFiles, vault: &Vault) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            let path = vault.folder().join(path);
            fs::read(&path).map_err(|source| TlsError::Read { path, source })
        };
        let key = match files.key.to_str().filter(|_| files.key.is_relative()) {
            Some(name) => vault.read(name)?,
            None => Zeroizing::new(read(&files.key)?),
        };
        let tls = Self {
            root: read(&files.root)?,
            chain: read(&files.chain)?,
            key: Arc::new(key),
        };
        tls.check()?;
        Ok(tls)
    }

    fn check(&self) -> Result<(), TlsError> {
        self.acceptor().map(drop)?;
        self.client(None).map(drop)
    }

    /// A client that trusts the consortium's root only, shows this node's certificate, and speaks
    /// to nodes of `member` only, if it is given.
    ///
    /// # Errors
    /// [`TlsError::Content`] when a file is not what it should be.
    pub fn client(&self, member: Option<MemberId>) -> Result<reqwest::ClientBuilder, TlsError> {
        let provider = Arc::new(provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(self.roots()?, Arc::clone(&provider))
                .build()
                .map_err(|error| content(&error))?;
        let (chain, key) = self.identity()?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| content(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(OfMember { verifier, member }))
            .with_client_auth_cert(chain, key)
            .map_err(|error| content(&error))?;
        let client = reqwest::Client::builder().tls_backend_preconfigured(config);
        Ok(client.https_only(true))
    }

    fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let provider = Arc::new(provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(self.roots()?, Arc::clone(&provider))
                .allow_unauthenticated()
                .build()
                .map_err(|error| content(&error))?;
        let (chain, key) = self.identity()?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| content(&error))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(|error| content(&error))?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn roots(&self) -> Result<Arc<RootCertStore>, TlsError> {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(&self.root).map_err(|error| content(&error))?;
        roots.add(root).map_err(|error| content(&error))?;
        Ok(Arc::new(roots))
    }

    /// What this node shows, and its key.
    fn identity(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
        let chain = CertificateDer::pem_slice_iter(&self.chain).collect::<Result<Vec<_>, _>>();
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| content(&error))?;
        Ok((chain.map_err(|error| content(&error))?, key))
    }
}

fn content(cause: &dyn std::fmt::Display) -> TlsError {
    TlsError::Content {
        cause: cause.to_string(),
    }
}

/// Believes what the consortium's root certifies for the address, of this member where it is known:
/// members may share a host.
#[derive(Debug)]
struct OfMember {
    verifier: Arc<WebPkiServerVerifier>,
    member: Option<MemberId>,
}

impl ServerCertVerifier for OfMember {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self
            .verifier
            .verify_server_cert(shown, chain, name, ocsp, now)?;
        if self.member.is_some() && member_of(shown) != self.member {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, shown, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, shown, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// The usual algorithms, the hybrid group first.
fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    let hybrid = NamedGroup::X25519MLKEM768;
    provider
        .kx_groups
        .sort_by_key(|group| group.name() != hybrid);
    provider
}

/// Has this process's clients offer the hybrid group first, unless it has chosen its algorithms
/// already.
pub fn prefer_hybrid_keys() {
    // Somebody was first: then that stands, and both ends still know the group.
    let _chosen = provider().install_default();
}

/// What is wrong with a node's TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The key does not open.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A certificate or key is none, or they do not fit each other.
    #[error("certificates or key cannot be used: {cause}")]
    Content {
        /// What is wrong.
        cause: String,
    },
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Nobody can tell: the API speaks plain HTTP, on one machine or behind a proxy that knows whom
    /// it lets in.
    Unknown,
    /// Anybody, under TLS.
    Anybody,
    /// Somebody who showed a certificate of this member.
    Member(MemberId),
}

impl Caller {
    /// Who is at the other end of a connection whose handshake is done.
    pub(crate) fn of(stream: &TlsStream<TcpStream>) -> Self {
        let (_, connection) = stream.get_ref();
        let shown = connection.peer_certificates().and_then(<[_]>::first);
        shown
            .and_then(member_of)
            .map_or(Self::Anybody, Self::Member)
    }
}

/// Makes handshakes with the newest of a node's certificates.
#[derive(Clone)]
pub struct Acceptor(Arc<RwLock<TlsAcceptor>>);

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptor")
    }
}

impl Acceptor {
    /// With these certificates, for a start.
    ///
    /// # Errors
    /// [`TlsError`] when they cannot be used.
    pub fn new(tls: &Tls) -> Result<Self, TlsError> {
        Ok(Self(Arc::new(RwLock::new(tls.acceptor()?))))
    }

    /// From now on with these. Connections that there are go on.
    ///
    /// # Errors
    /// [`TlsError`] when they cannot be used: then those of before stay.
    pub fn renew(&self, tls: &Tls) -> Result<(), TlsError> {
        let acceptor = tls.acceptor()?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
        Ok(())
    }

    /// Makes the handshake of a connection. How long it may take is the caller's to say.
    pub(crate) fn accept(&self, stream: TcpStream) -> Accept<TcpStream> {
        let acceptor = self.0.read().unwrap_or_else(PoisonError::into_inner);
        acceptor.accept(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is offered first gets a key share in the first message; the others stay on offer.
    #[test]
    fn the_hybrid_group_is_preferred_and_the_others_stay() {
        let names: Vec<_> = provider()
            .kx_groups
            .iter()
            .map(|group| group.name())
            .collect();
        assert_eq!(names[0], NamedGroup::X25519MLKEM768);
        assert!(names.contains(&NamedGroup::X25519));
        let usual = aws_lc_rs::default_provider().kx_groups.len();
        assert_eq!(names.len(), usual);
    }

    #[test]
    fn a_members_name_fits_dns() {
        let name = member_name(MemberId::from_bytes([0xab; 32]));
        assert!(name.split('.').all(|label| label.len() <= 63));
        assert!(name.len() <= 253);
        assert!(name.ends_with(MEMBERS));
    }
}
