//! Strangers with sockets against four validators while hospitals seal: ten thousand silent
//! sockets, half bodies, slow heads and junk, from eighty addresses.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::ensure;
use rand::RngExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use yilian_node::connections::{ConnectionOptions, OpenFiles};

use crate::{
    chain::Net,
    row::{Row, Unit},
};

/// Records a second that the hospitals seal, one in each transaction. Few: the hospitals are
/// strangers here as well, and an address with many connections gives way to those with fewer.
const RATE: f64 = 4.0;
/// Sockets that say nothing, on all nodes together.
const SILENT: usize = 10_000;
/// Of each kind that says something.
const LOUD: usize = 200;
/// Addresses that they come from.
const ADDRESSES: usize = 80;
/// Before one whose connection was closed opens another: each second ten thousand in all.
const PAUSE: Duration = Duration::from_secs(1);

/// What one of them does.
#[derive(Clone, Copy)]
enum Stranger {
    Silent,
    HalfHead,
    HalfBody,
    JunkTransaction,
    JunkTls,
}

/// Measures everything.
pub async fn measure() -> anyhow::Result<Vec<Row>> {
    let files = OpenFiles::raise()?;
    eprintln!("{files}");
    let folder = tempfile::tempdir()?;
    // All of them come from this machine, and shall be strangers.
    let connections = ConnectionOptions {
        loopback_apart: false,
        ..ConnectionOptions::default()
    };
    let mut net = Net::create(folder.path(), connections)?;
    net.begin().await?;
    let alone = net.load("alone", 1, Some(RATE)).await?;
    let mut strangers = besiege(&net.addresses()?);
    let honest = net.load("besieged", 1, Some(RATE)).await?;
    net.all_run()?;
    ensure!(!strangers.is_empty(), "nobody was there");
    strangers.abort_all();
    while strangers.join_next().await.is_some() {}
    let memory = net.memory()?;
    Ok(vec![
        Row::new("siege.alone", Unit::Ms, alone.times),
        Row::new("siege.honest", Unit::Ms, honest.times)
            .lacks("handshakes: these nodes speak plain HTTP"),
        Row::value("siege.memory", "MB", memory, SILENT + 4 * LOUD),
    ])
}

fn besiege(nodes: &[SocketAddr]) -> JoinSet<()> {
    let kinds = [
        (Stranger::Silent, SILENT),
        (Stranger::HalfHead, LOUD),
        (Stranger::HalfBody, LOUD),
        (Stranger::JunkTransaction, LOUD),
        (Stranger::JunkTls, LOUD),
    ];
    let all = kinds
        .into_iter()
        .flat_map(|(kind, count)| std::iter::repeat_n(kind, count));
    let mut strangers = JoinSet::new();
    for ((number, kind), node) in all.enumerate().zip(nodes.iter().cycle()) {
        let host = u8::try_from(number / nodes.len() % ADDRESSES).unwrap_or_default();
        let from = Ipv4Addr::new(127, 0, 1, host);
        strangers.spawn(goes_on(kind, from, *node));
    }
    strangers
}

async fn goes_on(kind: Stranger, from: Ipv4Addr, node: SocketAddr) {
    loop {
        if let Ok(mut socket) = connect(from, node).await {
            // Whatever it ends with, the next follows.
            let _ended = says(kind, &mut socket).await;
        }
        sleep(PAUSE).await;
    }
}

async fn connect(from: Ipv4Addr, node: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(node).await
}

async fn says(kind: Stranger, socket: &mut TcpStream) -> std::io::Result<()> {
    let head = |path: &str, length: usize| {
        format!("POST /v1/{path} HTTP/1.1\r\nhost: node\r\ncontent-length: {length}\r\n\r\n")
    };
    match kind {
        Stranger::Silent => {}
        Stranger::HalfHead => socket.write_all(b"GET /v1/status HTTP/1.1\r\nho").await?,
        Stranger::HalfBody => {
            socket
                .write_all(head("visits", 40_000_000).as_bytes())
                .await?;
            socket.write_all(&vec![7; 20_000_000]).await?;
        }
        Stranger::JunkTransaction => {
            let mut junk = vec![0; 10_000];
            rand::rng().fill(&mut junk[..]);
            socket
                .write_all(head("transactions", junk.len()).as_bytes())
                .await?;
            socket.write_all(&junk).await?;
        }
        Stranger::JunkTls => {
            let mut junk = [0; 512];
            rand::rng().fill(&mut junk[5..]);
            junk[..5].copy_from_slice(&[22, 3, 1, 2, 0]);
            socket.write_all(&junk).await?;
        }
    }
    // Until it is closed from there.
    let mut piece = [0; 1_024];
    while timeout(Duration::from_secs(60), socket.read(&mut piece)).await?? > 0 {}
    Ok(())
}
