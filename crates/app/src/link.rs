//! The way to a node: over HTTP to one that runs, or inside this process.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context;
use yilian_client::{ClientError, HttpTransport, Session, node_url};
use yilian_node::service::{HostedMembers, InProcess, Node, NodeOptions};
use yilian_protocol::call::{Answered, Call, CallError, Transport};

use zeroize::Zeroizing;

use crate::{
    home::Home,
    output::{trouble, warn},
    pki,
};

/// A transport of either kind.
#[derive(Debug, Clone)]
pub enum Link {
    /// Inside this process.
    Embedded(InProcess),
    /// Over HTTP.
    Http(HttpTransport),
}

impl Transport for Link {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        match self {
            Self::Embedded(node) => node.call(call).await,
            Self::Http(http) => http.call(call).await,
        }
    }
}

/// An open way to a node; the embedded one stops with it, whether the command succeeds or not.
#[derive(Debug)]
pub struct Opened {
    /// The conversation.
    pub session: Session<Link>,
    // Dropped behind the session, which holds the node too.
    _node: Embedded,
}

/// The node inside this process, if there is one.
#[derive(Debug)]
struct Embedded(Option<Arc<Node>>);

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Some(node) = self.0.take().and_then(Arc::into_inner) {
            CLOSING.store(true, Ordering::SeqCst);
            node.shutdown();
        }
    }
}

/// Whether the node inside this process is being stopped.
static CLOSING: AtomicBool = AtomicBool::new(false);

/// Tells of panics, but for those of a node that is being stopped: a part of the chain's library
/// panics when its runtime ends just after it began, and nothing is amiss then.
pub fn tell_panics() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !CLOSING.load(Ordering::SeqCst) {
            tell(panic);
        }
    }));
}

impl Opened {
    /// Opens the way that the arguments name: `--node`, else the node that serves the home, else
    /// one inside this process.
    pub async fn open(home: &Home, url: Option<&str>) -> anyhow::Result<Self> {
        if let Some(url) = url {
            return Self::over_http(home, url).await;
        }
        if let Ok(url) = fs::read_to_string(home.url_file()) {
            match Self::over_http(home, &url).await {
                // A node that was killed could not take its note away.
                Err(error) if is_unreachable(&error) => remove(&home.url_file()),
                opened => return opened,
            }
        }
        Self::embedded(home, Arc::new(home.clone())).await
    }

    async fn over_http(home: &Home, url: &str) -> anyhow::Result<Self> {
        let link = Link::Http(http(home, url)?);
        let session = if home.exists() {
            Session::open(link, home.genesis()?).await?
        } else {
            Session::trust_on_first_use(link).await?
        };
        let _node = Embedded(None);
        Ok(Self { session, _node })
    }

    /// Starts the home's node inside this process.
    pub async fn embedded(home: &Home, identities: Arc<dyn HostedMembers>) -> anyhow::Result<Self> {
        let node = Arc::new(start_node(home, identities)?);
        let link = Link::Embedded(InProcess::new(Arc::clone(&node)));
        let _node = Embedded(Some(node));
        let session = Session::open(link, home.genesis()?).await?;
        Ok(Self { session, _node })
    }

    /// Stops the embedded node in good order.
    pub fn close(self) {
        drop(self);
    }
}

/// The way to a node by HTTP, or by HTTPS when its URL says so: then the home's root is trusted
/// alone, and its certificate shown if it has one.
///
/// An address without a scheme is one of HTTPS where the home has such a root.
pub fn http(home: &Home, address: &str) -> anyhow::Result<HttpTransport> {
    reach(home, address, || pki::shown(home))
}

/// The same without a certificate of one's own, for what everybody may ask: it takes no secret.
pub fn http_as_anybody(home: &Home, address: &str) -> anyhow::Result<HttpTransport> {
    reach(home, address, || Ok(None))
}

fn reach(
    home: &Home,
    address: &str,
    shown: impl FnOnce() -> anyhow::Result<Option<Zeroizing<Vec<u8>>>>,
) -> anyhow::Result<HttpTransport> {
    let root = home.root().join("tls/root.pem");
    let scheme = if root.exists() { "https" } else { "http" };
    let url = &node_url(address, scheme)?;
    if !url.starts_with("https:") {
        return Ok(HttpTransport::new(url)?);
    }
    let read = fs::read(&root).with_context(|| {
        let root = root.display();
        format!("{url} speaks TLS; put the consortium's root certificate at {root}")
    });
    let shown = shown()?;
    let shown = shown.as_ref().map(|shown| shown.as_slice());
    Ok(HttpTransport::trusting(url, &read?, shown)?)
}

/// Starts the home's node.
pub fn start_node(home: &Home, identities: Arc<dyn HostedMembers>) -> anyhow::Result<Node> {
    let options = NodeOptions::alone(
        home.node_directory(),
        home.genesis()?,
        home.validator()?,
        identities,
    );
    let secrets = home.vault()?.within("node").within("secrets");
    let options = NodeOptions { secrets, ..options };
    Node::start(options).map_err(|error| {
        let is_in_use = error.is_in_use();
        let error = anyhow::Error::from(error).context("the node does not start");
        match is_in_use {
            false => error,
            true => trouble(
                format!("{error:#}"),
                "another command has the home's node in hand: try again when it is done, or run \
                 the node for all of them with `yilian serve`",
            ),
        }
    })
}

/// Tells other processes of this home where the node listens, as long as it lives.
#[derive(Debug)]
pub struct UrlFile<'a> {
    path: std::path::PathBuf,
    _home: &'a Home,
}

impl<'a> UrlFile<'a> {
    /// Writes the file.
    pub fn write(home: &'a Home, url: &str) -> anyhow::Result<Self> {
        let path = home.url_file();
        crate::home::write_private(&path, url.as_bytes())?;
        Ok(Self { path, _home: home })
    }
}

impl Drop for UrlFile<'_> {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

fn is_unreachable(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<ClientError>();
    matches!(
        error,
        Some(ClientError::Call(CallError::Unreachable { .. }))
    )
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        warn(format_args!("cannot remove {}: {error}", path.display()));
    }
}
