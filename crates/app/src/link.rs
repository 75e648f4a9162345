//! The way to a node: over HTTP to one that runs, or inside this process.

use std::{fs, path::Path, sync::Arc};

use anyhow::Context;
use yilian_client::{ClientError, HttpTransport, Session};
use yilian_node::service::{HostedMembers, InProcess, Node, NodeOptions};
use yilian_protocol::call::{Answered, Call, CallError, Transport};

use crate::home::Home;

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

/// An open way to a node; the embedded one stops with it.
#[derive(Debug)]
pub struct Opened {
    /// The conversation.
    pub session: Session<Link>,
    node: Option<Arc<Node>>,
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
        let link = Link::Http(http(home, url.trim())?);
        let session = if home.exists() {
            Session::open(link, home.genesis()?).await?
        } else {
            Session::trust_on_first_use(link).await?
        };
        Ok(Self {
            session,
            node: None,
        })
    }

    /// Starts the home's node inside this process.
    pub async fn embedded(home: &Home, identities: Arc<dyn HostedMembers>) -> anyhow::Result<Self> {
        let node = Arc::new(start_node(home, identities)?);
        let link = Link::Embedded(InProcess::new(Arc::clone(&node)));
        let session = Session::open(link, home.genesis()?).await?;
        Ok(Self {
            session,
            node: Some(node),
        })
    }

    /// Stops the embedded node in good order.
    pub fn close(self) {
        let Self { session, node } = self;
        drop(session);
        if let Some(node) = node.and_then(Arc::into_inner) {
            node.shutdown();
        }
    }
}

/// The way to a node by HTTP, or by HTTPS when its URL says so: then the home's root is trusted
/// alone, and its certificate shown if it has one.
pub fn http(home: &Home, url: &str) -> anyhow::Result<HttpTransport> {
    if !url.starts_with("https:") {
        return Ok(HttpTransport::new(url)?);
    }
    let root = home.root().join("tls/root.pem");
    let read = fs::read(&root).with_context(|| {
        let root = root.display();
        format!("{url} speaks TLS; put the consortium's root certificate at {root}")
    });
    let shown = fs::read(home.root().join("tls/client.pem")).ok();
    Ok(HttpTransport::trusting(url, &read?, shown.as_deref())?)
}

/// Starts the home's node.
pub fn start_node(home: &Home, identities: Arc<dyn HostedMembers>) -> anyhow::Result<Node> {
    let options = NodeOptions::alone(
        home.node_directory(),
        home.genesis()?,
        home.validator()?,
        identities,
    );
    Node::start(options).context("the node does not start")
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
        eprintln!("cannot remove {}: {error}", path.display());
    }
}
