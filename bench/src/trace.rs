//! The trail of medicines: proofs beside winterfell's and a plain signature, in one run; what a
//! node admits; appends on an embedded network.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use yilian_client::{
    ConsortiumCa, MemberCa, Session,
    trace::{Capture, EventMaker, Handler, Pack, PassBook, inspect},
};
use yilian_crypto::{label, seed::Seed, sign::SigningKey, trace::MaskedKey};
use yilian_ledger::{BlockContext, Ledger, state::Fetched};
use yilian_node::{order::ValidatorKey, service::InProcess};
use yilian_proof::{Context, KEY_SEED_SIZE, ParameterSet, TraceId, TraceKey, prove, verify};
use yilian_protocol::{
    BlockId, Height, MemberId, StateKey, TimeMs,
    codec::{Blob, List, Text},
    refusal::Outcome,
    registry::{Admitted, NodeKeys, Role},
    trace::{AuthorPass, HeightWindow, TraceAction, TraceAppend, TracePush, TraceTerms},
    tx::{Body, Transaction},
};
use yilian_record::gs1::{Code20, Expiry, Gtin, Identity, PackCode, PackSecret};

use crate::{
    path::{self, OneHospital, now},
    row::{Row, Unit, time},
    winter,
};

const WINTERFELL: &str = "winterfell 0.13.1, not hiding";
/// Packs a proof is measured with, and how often.
const SIZES: [(usize, usize); 4] = [(1, 60), (16, 40), (256, 12), (4096, 5)];

pub async fn measure() -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (packs, repeats) in SIZES {
        rows.extend(proofs(packs, repeats)?);
    }
    rows.extend(signature());
    rows.extend(admission()?);
    rows.extend(network().await?);
    Ok(rows)
}

fn keys(count: usize) -> Vec<TraceKey> {
    let seed = || std::array::from_fn::<u8, KEY_SEED_SIZE, _>(|_| rand::random());
    (0..count)
        .map(|_| TraceKey::from_uniform_bytes(&seed()))
        .collect()
}

/// Every set and winterfell in turns, so that a busy moment of the machine falls on all.
fn proofs(packs: usize, repeats: usize) -> anyhow::Result<Vec<Row>> {
    let keys = keys(packs);
    let refs: Vec<&TraceKey> = keys.iter().collect();
    let ids: Vec<TraceId> = keys.iter().map(TraceKey::id).collect();
    let peer_keys = winter::keys(packs);
    let mut proving: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let mut verifying: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let mut bytes: BTreeMap<&str, usize> = BTreeMap::new();
    for round in 0..repeats {
        let context = Context::new([round as u8; 32]);
        for set in ParameterSet::ALL {
            if set == ParameterSet::Proven128 && packs > 256 && round > 1 {
                continue;
            }
            let mut proof = Vec::new();
            let mut made = Ok(());
            let took = time(|| match prove(set, &refs, &context, &mut rand::rng()) {
                Ok(bytes) => proof = bytes,
                Err(error) => made = Err(error),
            });
            made?;
            proving.entry(set.name()).or_default().push(took);
            let mut verdict = Ok(());
            let took = time(|| verdict = verify(set, &ids, &context, &proof));
            verdict?;
            verifying.entry(set.name()).or_default().push(took);
            let largest = bytes.entry(set.name()).or_default();
            *largest = proof.len().max(*largest);
        }
        let mut peer = None;
        let took = time(|| peer = Some(winter::prove(&peer_keys, round as u64)));
        proving.entry("peer").or_default().push(took);
        let (statement, proof) = peer.context("winterfell")??;
        let mut verdict = Ok(());
        let took = time(|| verdict = winter::verify(&statement, &proof));
        verdict?;
        verifying.entry("peer").or_default().push(took);
        bytes.insert("peer", proof.len());
    }
    let mut rows = Vec::new();
    let mut of = |times: &mut BTreeMap<&str, Vec<Duration>>, what: &str, unit: Unit| {
        let peer = times.remove("peer").unwrap_or_default();
        for set in ParameterSet::ALL {
            let times = times.remove(set.name()).unwrap_or_default();
            let size = bytes.get(set.name()).copied().unwrap_or_default();
            let name = format!("trace.{what}.{}.{packs}", set.name());
            let row = Row::new(name, unit, times).bytes(size);
            rows.push(match set {
                ParameterSet::Balanced => row.peer(WINTERFELL, unit, peer.clone()),
                _ => row,
            });
        }
        let size = bytes.get("peer").copied().unwrap_or_default();
        let row = Row::new(format!("trace.{what}.winterfell.{packs}"), unit, peer).bytes(size);
        rows.push(row.lacks("hiding: of one pack's proof the verifier computes the key"));
    };
    of(&mut proving, "prove", Unit::Ms);
    of(&mut verifying, "verify", Unit::Ms);
    Ok(rows)
}

/// What a chain without proofs would do: the author signs.
fn signature() -> Vec<Row> {
    let key = SigningKey::from_seed(&[1; 32]);
    let message = [7; 256];
    let sign = |_| time(|| key.sign(label::TRACE_SIGNATURE, &[&message]));
    let signature = key.sign(label::TRACE_SIGNATURE, &[&message]);
    let public = key.verifying_key();
    let check = |_| time(|| public.verify(label::TRACE_SIGNATURE, &[&message], &signature));
    let lacks = "that the author has the pack's code; the ids can be made up, and one is told from the next by its author";
    vec![
        Row::new(
            "trace.sign.ed25519",
            Unit::Us,
            (0..2_000).map(sign).collect(),
        )
        .bytes(64)
        .lacks(lacks),
        Row::new(
            "trace.verify.ed25519",
            Unit::Us,
            (0..2_000).map(check).collect(),
        )
        .bytes(64)
        .lacks(lacks),
    ]
}

/// A commissioning of these packs, signed.
fn append(ledger: &Ledger, ca: &SigningKey, keys: &[TraceKey]) -> anyhow::Result<Vec<u8>> {
    let pass_key = SigningKey::from_seed(&rand::random());
    let (from, until) = (TimeMs::new(0), TimeMs::new(1_000_000));
    let chain = ledger.chain();
    let push = |key: &TraceKey| TracePush {
        trace: yilian_protocol::TraceId::from_bytes(key.id().to_bytes()),
        length: 0,
        key: MaskedKey::from_bytes(rand::random()),
    };
    let terms = TraceTerms {
        pass: AuthorPass::issue(
            chain,
            pass_key.verifying_key(),
            Role::Maker,
            from,
            until,
            ca,
        ),
        action: TraceAction::Commission,
        window: HeightWindow::after(Height::new(0)),
        pushes: List::new(keys.iter().map(push).collect())?,
        event: Blob::new(vec![9; 1_200])?,
        prescription: None,
    };
    let refs: Vec<&TraceKey> = keys.iter().collect();
    let context = Context::new(terms.context(chain));
    let proof = prove(ParameterSet::ON_CHAIN, &refs, &context, &mut rand::rng())?;
    let body = Body::AppendTrace(TraceAppend {
        terms,
        proof: Blob::new(proof)?,
    });
    Ok(Transaction::sign(chain, body, &pass_key)
        .as_bytes()
        .to_vec())
}

/// What one core admits, at the border (signature, pass, proof) and in a block (all of that again,
/// and the rules over the state).
fn admission() -> anyhow::Result<Vec<Row>> {
    let ca = SigningKey::random(&mut rand::rng());
    let genesis = path::genesis(&ca, &ValidatorKey::generate())?;
    let ledger = Ledger::new(genesis);
    let singles: anyhow::Result<Vec<_>> =
        (0..200).map(|_| append(&ledger, &ca, &keys(1))).collect();
    let singles = singles?;
    let mut times = Vec::with_capacity(singles.len());
    for bytes in &singles {
        let mut admitted = None;
        times.push(time(|| admitted = Some(ledger.admit(bytes).is_ok())));
        ensure!(admitted == Some(true), "an append was not admitted");
    }
    let total: Duration = times.iter().sum();
    let per_second = singles.len() as f64 / total.as_secs_f64();
    let mut rows = vec![
        Row::new("trace.admit.1", Unit::Us, times).bytes(singles.first().map_or(0, Vec::len)),
        Row::value(
            "trace.admit.singles",
            "appends/s/core",
            per_second,
            singles.len(),
        ),
        block(
            &ledger,
            "trace.execute.singles",
            "appends/s/core",
            &singles,
            singles.len(),
        )?,
    ];

    let packs = 4_096;
    let batches: anyhow::Result<Vec<_>> =
        (0..3).map(|_| append(&ledger, &ca, &keys(packs))).collect();
    let batches = batches?;
    let mut times = Vec::new();
    for bytes in batches.iter().cycle().take(15) {
        let mut admitted = None;
        times.push(time(|| admitted = Some(ledger.admit(bytes).is_ok())));
        ensure!(admitted == Some(true), "a batch was not admitted");
    }
    let total: Duration = times.iter().sum();
    let per_second = (times.len() * packs) as f64 / total.as_secs_f64();
    let count = packs * batches.len();
    rows.push(
        Row::new("trace.admit.4096", Unit::Ms, times).bytes(batches.first().map_or(0, Vec::len)),
    );
    rows.push(Row::value(
        "trace.admit.batches",
        "packs/s/core",
        per_second,
        count,
    ));
    rows.push(block(
        &ledger,
        "trace.execute.batches",
        "packs/s/core",
        &batches,
        count,
    )?);
    Ok(rows)
}

/// Executes a block over a state in memory.
fn block(
    ledger: &Ledger,
    name: &str,
    unit: &'static str,
    transactions: &[Vec<u8>],
    count: usize,
) -> anyhow::Result<Row> {
    let keys = transactions.iter().flat_map(|bytes| ledger.reads(bytes));
    let state = Fetched::new(keys.map(|key: StateKey| (key, None)).collect());
    let admitted = Admitted {
        height: Height::new(1),
        time: TimeMs::new(1),
    };
    let context = BlockContext {
        admitted,
        parent: BlockId::from_bytes([0; 32]),
    };
    let mut done = None;
    let took = time(|| {
        done = Some(ledger.execute(context, transactions, &state));
    });
    let execution = done.context("not executed")??;
    let applied = execution
        .outcomes
        .iter()
        .all(|outcome| *outcome == Outcome::Applied);
    ensure!(applied, "an append was refused");
    Ok(Row::value(
        name,
        unit,
        count as f64 / took.as_secs_f64(),
        count,
    ))
}

/// Appends and readings on an embedded network, as a handler and a patient wait for them.
async fn network() -> anyhow::Result<Vec<Row>> {
    let directory = tempfile::tempdir()?;
    let ca = SigningKey::random(&mut rand::rng());
    let nobody = Arc::new(OneHospital(MemberId::from_bytes([0; 32]), [0; 32]));
    let (node, genesis) = path::start(directory.path(), &ca, nobody)?;
    let session = Session::open(InProcess::new(node), genesis).await?;
    let consortium = ConsortiumCa::new(ca);
    let name = Text::new("maker")?;
    let member = MemberCa::new(
        SigningKey::from_seed(&[40; 32]),
        name.clone(),
        NodeKeys::of(&SigningKey::from_seed(&[41; 32])),
    );
    consortium.admit(&session, member.member().clone()).await?;
    let seed = Seed::random(&mut rand::rng());
    let until = now().plus_ms(10 * 24 * 3_600_000);
    let certificate = member.certificate(name, Role::Maker, &seed, now(), until);
    member.certify(&session, certificate.clone()).await?;
    let handler = Handler::new(&seed, &certificate)?;
    let mut book = PassBook::default();
    let request = handler.ask_passes(&session, &mut book, 100, &mut rand::rng());
    book.take_in(
        consortium
            .issue_passes(&session, &request, now(), until)
            .await?,
    );

    let (mut appends, mut reads) = (Vec::new(), Vec::new());
    for serial in 0..40 {
        let identity = Identity::Gs1 {
            gtin: Gtin::parse("09521141012345")?,
            serial: Code20::parse(&serial.to_string(), "serial number")?,
            batch: Code20::parse("L7", "batch")?,
            expiry: Expiry::parse("751231", 2026)?,
        };
        let code = PackCode::new(identity, PackSecret::random(&mut rand::rng()));
        let maker = EventMaker {
            time: jiff::Timestamp::now(),
            place: None,
            temperature: None,
            expired: None,
        };
        let packs = vec![Pack::new(code.clone())];
        let capture = Capture {
            event: maker.commissioning(&packs, None, &mut rand::rng())?,
            packs,
            action: TraceAction::Commission,
            prescription: None,
        };
        let start = std::time::Instant::now();
        handler
            .append(&session, &mut book, &capture, now(), &mut rand::rng())
            .await?;
        appends.push(start.elapsed());
        let start = std::time::Instant::now();
        let trail = inspect(&session, &Pack::new(code), now()).await?;
        reads.push(start.elapsed());
        ensure!(
            trail.is_some_and(|trail| trail.alarms.is_empty()),
            "an alarm"
        );
    }
    Ok(vec![
        Row::new("trace.network.append", Unit::Ms, appends),
        Row::new("trace.network.inspect", Unit::Ms, reads),
    ])
}
