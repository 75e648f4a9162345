//! The transport of a program: HTTP over sockets, in the clear or under TLS.

use std::net::Ipv6Addr;

use reqwest::{Client, ClientBuilder, Response, Url};
use yilian_protocol::call::{
    Answered, Call, CallError, Method, Transport,
    http::{Answer, Request},
};

use super::TIMEOUT;

/// The port of a node, unless somebody says otherwise.
const PORT: u16 = 8420;

/// A node's base URL out of an address as people write it: with or without a scheme, port and
/// brackets around IPv6, in any case. `scheme` is the one of an address without: then the port is
/// 8420, unless it is given. Has no slash at its end.
///
/// # Errors
/// [`CallError::Unreachable`] when it is no address of a node.
pub fn node_url(text: &str, scheme: &str) -> Result<String, CallError> {
    let text = text.trim();
    let bare = text.trim_end_matches('/');
    let whole = if text.contains("://") {
        text.to_owned()
    } else if bare.parse::<Ipv6Addr>().is_ok() {
        format!("{scheme}://[{bare}]")
    } else {
        format!("{scheme}://{text}")
    };
    let wrong = || CallError::Unreachable {
        message: format!("`{text}` is no address of a node, such as http://127.0.0.1:{PORT}"),
    };
    let mut url = Url::parse(&whole).map_err(|_| wrong())?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !is_plain || url.host_str().is_none_or(str::is_empty) {
        return Err(wrong());
    }
    if !text.contains("://") && !names_port(bare) {
        url.set_port(Some(PORT)).map_err(|()| wrong())?;
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Whether an address without a scheme names a port, be it the one that its scheme would leave out.
fn names_port(bare: &str) -> bool {
    let authority = bare.split('/').next().unwrap_or(bare);
    let host_end = authority.rfind(']').map_or(0, |end| end + 1);
    let is_ipv6 = bare.parse::<Ipv6Addr>().is_ok();
    !is_ipv6
        && authority
            .get(host_end..)
            .is_some_and(|rest| rest.contains(':'))
}

/// Speaks to the node at one base URL.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    base: String,
    client: Client,
}

impl HttpTransport {
    /// Speaks to the node at `base`, as `http://127.0.0.1:8420`.
    ///
    /// # Errors
    /// [`CallError::Unreachable`] when no client can be made on this machine.
    pub fn new(base: &str) -> Result<Self, CallError> {
        Self::with(base, Client::builder())
    }

    /// Speaks HTTPS to the node at `base`, and trusts the consortium's root certificate only (PEM).
    /// `shown` is a certificate of one's own organisation with its chain and key (PEM), for what is
    /// for members only. A page cannot: its browser trusts whom it trusts.
    ///
    /// # Errors
    /// [`CallError::Unreachable`] when the certificates cannot be used.
    pub fn trusting(base: &str, root: &[u8], shown: Option<&[u8]>) -> Result<Self, CallError> {
        let root = reqwest::Certificate::from_pem(root).map_err(|error| unreachable(&error))?;
        let mut builder = Client::builder().tls_certs_only([root]).https_only(true);
        if let Some(shown) = shown {
            let identity =
                reqwest::Identity::from_pem(shown).map_err(|error| unreachable(&error))?;
            builder = builder.identity(identity);
        }
        Self::with(base, builder)
    }

    fn with(base: &str, builder: ClientBuilder) -> Result<Self, CallError> {
        let client = builder.build().map_err(|error| unreachable(&error))?;
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            client,
        })
    }
}

impl Transport for HttpTransport {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        let Request {
            method,
            target,
            body,
        } = Request::of(&call);
        let url = format!("{}{target}", self.base);
        let mut request = match method {
            Method::Get => self.client.get(url),
            Method::Post => self.client.post(url),
        };
        if let Some(body) = body {
            request = request
                .header("content-type", "application/octet-stream")
                .body(body);
        }
        let sent = request.timeout(TIMEOUT).send().await;
        let response = sent.map_err(|error| unreachable(&error))?;
        let (status, mut answer) = (response.status(), Answer::to::<C>());
        fill(&mut answer, response).await?;
        answer.read::<C>(status.as_u16())
    }
}

/// Reads a body piece by piece, so that a hostile node cannot fill the memory.
async fn fill(answer: &mut Answer, mut response: Response) -> Result<(), CallError> {
    while let Some(piece) = response
        .chunk()
        .await
        .map_err(|error| unreachable(&error))?
    {
        answer.push(&piece)?;
    }
    Ok(())
}

fn unreachable(error: &reqwest::Error) -> CallError {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    CallError::Unreachable {
        message: format!("{error}{}", cause.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_people_write_them() {
        for (text, url) in [
            ("http://127.0.0.1:8420", "http://127.0.0.1:8420"),
            ("http://127.0.0.1:8420/", "http://127.0.0.1:8420"),
            (" 127.0.0.1:9000\n", "http://127.0.0.1:9000"),
            ("localhost", "http://localhost:8420"),
            ("LocalHost:80", "http://localhost"),
            ("HTTPS://Node.Example.ORG/", "https://node.example.org"),
            ("HTTP://LOCALHOST:8420//", "http://localhost:8420"),
            ("::1", "http://[::1]:8420"),
            ("[::1]", "http://[::1]:8420"),
            ("[::1]:9000", "http://[::1]:9000"),
            ("http://[::1]:9000/", "http://[::1]:9000"),
            ("proxy.example/yilian/", "http://proxy.example:8420/yilian"),
            (
                "https://proxy.example/yilian/",
                "https://proxy.example/yilian",
            ),
        ] {
            assert_eq!(node_url(text, "http").unwrap(), url, "{text}");
        }
        let secure = node_url("localhost:8420", "https").unwrap();
        assert_eq!(secure, "https://localhost:8420");
        for text in [
            "",
            "  ",
            "http://",
            "ftp://localhost",
            "localhost:port",
            "localhost:99999",
            "http://user@localhost",
            "localhost/?a",
            "two words",
            "file:///etc/passwd",
        ] {
            let error = node_url(text, "http").unwrap_err().to_string();
            assert!(error.contains("no address of a node"), "{text}: {error}");
        }
    }
}
