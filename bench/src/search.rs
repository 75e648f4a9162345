//! Searching by keyword: the index on disk behind the chain at 10^3 to 10^6 records, and the
//! pairing scheme's seven steps beside ours.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use yilian_crypto::{
    pre::Context as CapsuleContext,
    psk::SearchPsk,
    scope::{Confidentiality, Quarter, Scope},
    search::{
        Counter, CrossTag, IndexContext, IndexEntry, IndexKey, Keyword, KeywordKey, MaskedPointer,
        SearchSecret, Trapdoor, WriterSecret,
    },
    seed::{PatientKeys, Seed},
    sign::SigningKey,
};
use yilian_node::order::{
    Chain, ChainOptions, EncodedTransaction, Execution, StateMachine, ValidatorKey,
};
use yilian_protocol::{
    BlockId, MemberId, StateKey, TimeMs, TreeHash,
    codec::{Blob, Decode as _, Encode as _, Text},
    governance::EpochBlocks,
    inclusion::{self, InclusionProof},
    refusal::{Outcome, Refusal},
    registry::{Admitted, Genesis},
    state::{
        StateMap,
        tables::{CROSS, INDEX, index_name},
    },
};

use crate::{
    peks,
    row::{Row, Unit, time},
};

/// Keywords of a record, words of a patient, records of a patient.
const KEYWORDS: usize = 10;
const VOCABULARY: usize = 50;
const RECORDS_EACH: usize = 50;
/// Records in a transaction: under its limit of 512 KiB.
const BATCH: usize = 690;
const QUERIES: usize = 2_000;
const WARM_UP: usize = 200;
const REST: Duration = Duration::from_secs(15);
const HOSPITAL: MemberId = MemberId::from_bytes([7; 32]);
const ENTRY: usize = IndexEntry::SIZE;
const RECORD: usize = 32 + KEYWORDS * ENTRY;

/// Measures everything.
pub async fn measure() -> anyhow::Result<Vec<Row>> {
    let mut rows = writer();
    for count in [10, 50, 100] {
        rows.extend(beside(count)?);
    }
    let directory = tempfile::tempdir()?;
    rows.extend(on_disk(directory.path()).await?);
    Ok(rows)
}

fn quarter() -> Quarter {
    Quarter::new(2026, 4).unwrap_or(Quarter::FIRST)
}

fn word(number: usize) -> Keyword {
    Keyword::new(format!("word:{number}")).expect("a short word")
}

/// The index of one quarter at the hospital.
fn place(psk: &SearchPsk) -> IndexContext<'_> {
    IndexContext {
        psk,
        chain: &[4; 32],
        hospital: HOSPITAL.as_bytes(),
        quarter: quarter(),
    }
}

/// What a writer spends on a record of ten keywords: agreement, entries, cross tags.
fn writer() -> Vec<Row> {
    let secret = WriterSecret::from_seed(&[1; 32]);
    let psk = SearchPsk::from_bytes([6; 32]);
    let times = (0..1_000_u32).map(|number| {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        let patient = SearchSecret::from_seed(&seed).public();
        let took = time(|| {
            let key = IndexKey::of_writer(&secret, &patient, &place(&psk));
            let entry = |number| {
                let counter = Counter::after(5).expect("within the tree");
                IndexEntry::seal(&key.keyword(&word(number)), counter, &seed)
            };
            (0..KEYWORDS).map(entry).collect::<Vec<_>>()
        });
        took / KEYWORDS as u32
    });
    vec![Row::new("search.writer-keyword", Unit::Us, times.collect()).bytes(ENTRY)]
}

/// The seven steps of the pairing scheme for a record of `count` keywords, beside ours.
fn beside(count: usize) -> anyhow::Result<Vec<Row>> {
    let mut rng = StdRng::seed_from_u64(count as u64);
    let words: Vec<String> = (0..count).map(|number| format!("word:{number}")).collect();
    let keywords: Vec<Keyword> = (0..count).map(word).collect();
    let patient = PatientKeys::from_seed(&Seed::from_bytes([1; 32]), &[4; 32]);
    let keys = patient.hospital(HOSPITAL.as_bytes());
    let scope = Scope {
        confidentiality: Confidentiality::Clinical,
        period: quarter(),
        tag: None,
    };
    let scope_secret = keys.delegator.scope(&scope);
    let nym = patient.visit(HOSPITAL.as_bytes(), 0).nym;
    let context = CapsuleContext::new(&[4; 32], &scope_secret.key(), &nym, &[2; 32]);
    let search_psk = keys.searches.quarter(quarter());
    let writer = WriterSecret::from_seed(&[3; 32]);
    let signer = SigningKey::from_seed(&[4; 32]);
    let mut times: BTreeMap<&str, (Vec<Duration>, Vec<Duration>)> = BTreeMap::new();
    let (mut sizes, mut attack) = ((0, 0), Vec::new());
    for _ in 0..30 {
        let mut note = |step, paper, ours| {
            let (papers, our) = times.entry(step).or_default();
            papers.push(paper);
            our.push(ours);
        };
        let paper = time(|| peks::Owner::new(&mut rng));
        let ours = time(|| {
            let seed = SearchSecret::from_seed(&[5; 32]);
            seed.public()
        });
        note("1-setup", paper, ours);

        // The record's key is the same capsule in both; the keywords differ.
        let owner = peks::Owner::new(&mut rng);
        let start = Instant::now();
        let made = scope_secret
            .key()
            .encapsulate(&context, scope_secret.psk(), &[], &mut rng);
        let proof = made.1.prove(&[6; 32], &mut rng);
        let capsule = made.0;
        let capsule_time = start.elapsed();
        let start = Instant::now();
        let theirs = owner.encrypt(&words, &mut rng);
        let paper = start.elapsed();
        let start = Instant::now();
        let key = IndexKey::of_writer(&writer, &keys.search.public(), &place(&search_psk));
        let record = [9; 32];
        let first = Counter::after(0)?;
        let entries: Vec<IndexEntry> = keywords
            .iter()
            .map(|keyword| IndexEntry::seal(&key.keyword(keyword), first, &record))
            .collect();
        let ours = start.elapsed();
        note("2-encryption", capsule_time + paper, capsule_time + ours);
        sizes = (96 + theirs.tags.len() * 16, entries.len() * ENTRY);

        // Private chain: the author's signature over the entry, and its place in the block's tree.
        // Consortium chain: the hospital's signature over the block, and its place in the
        // consortium block's tree. The same for both, over their own bytes.
        let paper_bytes: Vec<u8> = theirs.tags.concat();
        let our_bytes: Vec<u8> = entries.iter().flat_map(IndexEntry::to_bytes).collect();
        let private = |bytes: &[u8]| verify_block(&signer, bytes, 64);
        note(
            "3-private-chain",
            private(&paper_bytes)?,
            private(&our_bytes)?,
        );
        let header = [0; 200];
        let consortium = |bytes: &[u8]| verify_block(&signer, bytes, 256);
        note(
            "4-consortium-chain",
            consortium(&header)?,
            consortium(&header)?,
        );

        let paper = time(|| {
            words
                .iter()
                .map(|word| owner.trapdoor(word))
                .collect::<Vec<_>>()
        });
        let ours = time(|| {
            let all = keywords
                .iter()
                .map(|keyword| Trapdoor::of(&key.keyword(keyword), 1));
            all.collect::<Vec<_>>()
        });
        note("5-trapdoor", paper, ours);

        let sought = owner.trapdoor(&words[count / 2]);
        anyhow::ensure!(sought.test(&theirs), "the baseline finds its word");
        let paper = time(|| sought.test(&theirs));
        let index: BTreeMap<_, MaskedPointer> = entries
            .iter()
            .map(|entry| (entry.address, entry.pointer))
            .collect();
        let trapdoor = Trapdoor::of(&key.keyword(&keywords[count / 2]), 1)?;
        let find = || -> Vec<_> {
            let found = trapdoor.lookups().map(|lookup| {
                let pointer = index.get(&lookup.address());
                pointer.and_then(|pointer| lookup.open(pointer))
            });
            found.collect()
        };
        anyhow::ensure!(find() == [Some(record)], "ours finds its word");
        note("6-search", paper, time(find));

        // A dictionary opens the baseline's trapdoor: the last guess is the right one.
        let mut dictionary: Vec<&str> = words.iter().map(String::as_str).collect();
        dictionary.swap(count / 2, count - 1);
        let start = Instant::now();
        let guessed = sought.guess(owner.public(), &dictionary);
        attack.push(start.elapsed() / u32::try_from(count)?);
        anyhow::ensure!(
            guessed == Some(words[count / 2].as_str()),
            "the attack succeeds"
        );

        let proven = capsule.verify(&scope_secret.key(), &context, &[6; 32], &proof)?;
        let opened = time(|| scope_secret.decapsulate(&proven));
        note("7-decryption", opened, opened);
    }
    let rows = times.into_iter().map(|(step, (paper, ours))| {
        let row = Row::new(format!("paper.{step}.n{count}"), Unit::Us, ours);
        let row = row.peer("pairing PEKS, same process", Unit::Us, paper);
        if step.starts_with('2') {
            row.bytes(sizes.1)
        } else {
            row
        }
    });
    let attack = Row::new(format!("paper.attack-guess.n{count}"), Unit::Us, attack).bytes(sizes.0);
    Ok(rows.chain([attack]).collect())
}

/// One signature over `bytes` and one Merkle path in a tree of `leaves`.
fn verify_block(signer: &SigningKey, bytes: &[u8], leaves: usize) -> anyhow::Result<Duration> {
    let label = yilian_crypto::label::RECORD_SIGNATURE;
    let signature = signer.sign(label, &[bytes]);
    let mut all: Vec<TreeHash> = (0..leaves)
        .map(|number| inclusion::leaf(&[&number.to_be_bytes()]))
        .collect();
    all[leaves / 3] = inclusion::leaf(&[bytes]);
    let root = inclusion::root(&all);
    let proof = InclusionProof::new(&all, leaves / 3).context("a leaf of the tree")?;
    let public = signer.verifying_key();
    let start = Instant::now();
    public.verify(label, &[bytes], &signature)?;
    proof.verify(inclusion::leaf(&[bytes]), &root)?;
    Ok(start.elapsed())
}

/// Puts entries where nothing stands: the search contract without the rest of the ledger. A
/// transaction is records of 32 + 720 bytes.
struct Entries;

/// The records of a transaction: id, and entries.
fn records(bytes: &[u8]) -> impl Iterator<Item = (&[u8], impl Iterator<Item = IndexEntry>)> {
    bytes.chunks_exact(RECORD).map(|record| {
        let (id, entries) = record.split_at(32);
        let (entries, _) = entries.as_chunks::<ENTRY>();
        (id, entries.iter().map(IndexEntry::from_bytes))
    })
}

impl StateMachine for Entries {
    fn check(&self, _: &EncodedTransaction) -> Result<(), Refusal> {
        Ok(())
    }

    fn reads(&self, transaction: &EncodedTransaction, keys: &mut Vec<StateKey>) {
        let entries = records(transaction.bytes()).flat_map(|(_, entries)| entries);
        keys.extend(entries.map(|entry| INDEX.key(&index_name(&HOSPITAL, &entry.address))));
    }

    fn execute(
        &self,
        _: Admitted,
        _: BlockId,
        transactions: &[EncodedTransaction],
        state: StateMap<Option<Vec<u8>>>,
    ) -> Execution {
        let mut execution = Execution {
            writes: StateMap::default(),
            outcomes: Vec::new(),
            strangers: Vec::new(),
        };
        for transaction in transactions {
            let mut keys = Vec::new();
            self.reads(transaction, &mut keys);
            let free = keys.iter().all(|key| {
                state.get(key).is_some_and(Option::is_none) && !execution.writes.contains_key(key)
            });
            execution.outcomes.push(if free {
                Outcome::Applied
            } else {
                Outcome::Refused(Refusal::IndexTaken)
            });
            if !free {
                continue;
            }
            let mut keys = keys.into_iter();
            for (id, entries) in records(transaction.bytes()) {
                let mut tags = (KEYWORDS as u32).to_vec();
                for (entry, key) in entries.zip(&mut keys) {
                    execution.writes.insert(key, entry.pointer.to_vec());
                    tags.extend_from_slice(&entry.cross.to_bytes());
                }
                execution.writes.insert(CROSS.key(id), tags);
            }
        }
        execution
    }
}

/// A patient's words, and how many entries each has.
struct Patient {
    keys: Vec<KeywordKey>,
    counts: Vec<u32>,
}

impl Patient {
    fn new(number: usize) -> Self {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_be_bytes());
        let writer = WriterSecret::from_seed(&[1; 32]);
        let patient = SearchSecret::from_seed(&seed).public();
        let key = IndexKey::of_writer(&writer, &patient, &place(&SearchPsk::from_bytes([6; 32])));
        Self {
            keys: (0..VOCABULARY)
                .map(|number| key.keyword(&word(number)))
                .collect(),
            counts: vec![0; VOCABULARY],
        }
    }

    /// The next record: ten different words, the earlier ones of the vocabulary oftener.
    fn record(&mut self, rng: &mut StdRng, out: &mut Vec<u8>) {
        let id: [u8; 32] = rng.random();
        out.extend_from_slice(&id);
        let mut chosen = Vec::with_capacity(KEYWORDS);
        while chosen.len() < KEYWORDS {
            let drawn = rng
                .random_range(0..VOCABULARY)
                .min(rng.random_range(0..VOCABULARY));
            if !chosen.contains(&drawn) {
                chosen.push(drawn);
            }
        }
        for number in chosen {
            let counter = Counter::after(self.counts[number]).expect("few records");
            out.extend_from_slice(&IndexEntry::seal(&self.keys[number], counter, &id).to_bytes());
            self.counts[number] += 1;
        }
    }
}

/// The whole way: transactions, consensus of one validator, archive, authenticated write-once
/// state, files; then searches through the running chain.
async fn on_disk(directory: &Path) -> anyhow::Result<Vec<Row>> {
    let validator = ValidatorKey::generate();
    let genesis = Genesis {
        name: Text::new("bench")?,
        created: TimeMs::new(1),
        ca: SigningKey::from_seed(&[1; 32]).verifying_key(),
        regulators: yilian_crypto::pseudonym::RegulatorSecret::from_seed(&[2; 32])
            .public()
            .into(),
        group_key: Blob::new(validator.group_key()?.to_vec())?,
        governance: validator.alone(EpochBlocks::DEFAULT)?,
    };
    let options = ChainOptions::new(directory.to_owned(), genesis, validator);
    let chain = Chain::start(options, Arc::new(Entries))?;
    let mut rng = StdRng::seed_from_u64(1);
    let mut patients: Vec<Patient> = Vec::new();
    let (mut done, mut rows) = (0_usize, Vec::new());
    for goal in [1_000_usize, 10_000, 100_000, 1_000_000] {
        let (begun, mut spent) = (done, Duration::ZERO);
        while done < goal {
            // Eight transactions at a time fill a block; making them is the writers' work and not
            // counted.
            let mut batches = Vec::new();
            while batches.len() < 8 && done < goal {
                let mut batch = Vec::with_capacity(BATCH * RECORD);
                for _ in 0..BATCH.min(goal - done) {
                    if done.is_multiple_of(RECORDS_EACH) {
                        patients.push(Patient::new(patients.len()));
                    }
                    let patient = patients.last_mut().context("just pushed")?;
                    patient.record(&mut rng, &mut batch);
                    done += 1;
                }
                batches.push(bytes::Bytes::from(batch));
            }
            let start = Instant::now();
            let submitted = batches.into_iter().map(|batch| chain.submit(batch));
            for place in futures::future::join_all(submitted).await {
                anyhow::ensure!(
                    place?.outcome == Outcome::Applied,
                    "an entry's place was taken"
                );
            }
            spent += start.elapsed();
        }
        let entries = (done - begun) * KEYWORDS;
        let rate = entries as f64 / spent.as_secs_f64();
        rows.push(Row::value(
            format!("search.insert.{goal}"),
            "entries/s",
            rate,
            entries,
        ));
        // Searching is measured on a node at rest, not while the operating system writes what came
        // in.
        tokio::time::sleep(REST).await;
        rows.extend(queries(&chain, &patients, goal, &mut rng).await?);
        eprintln!("{goal} records: {rate:.0} entries/s");
    }
    chain.shutdown();
    rows.push(Row::value(
        "search.disk",
        "bytes/entry",
        disk(directory)? as f64 / (done * KEYWORDS) as f64,
        done,
    ));
    Ok(rows)
}

/// Each search is asked twice: first, when its pages are in the operating system's memory at best,
/// and warm, when the node has just read them.
async fn queries(
    chain: &Chain,
    patients: &[Patient],
    goal: usize,
    rng: &mut StdRng,
) -> anyhow::Result<Vec<Row>> {
    let mut times: [Vec<Duration>; 4] = Default::default();
    let mut found = 0;
    for round in 0..WARM_UP + QUERIES {
        if round == WARM_UP {
            (times, found) = (Default::default(), 0);
        }
        let patient = &patients[rng.random_range(0..patients.len())];
        let mut words = [
            rng.random_range(0..VOCABULARY),
            rng.random_range(0..VOCABULARY),
        ];
        words.sort_by_key(|word| patient.counts[*word]);
        let [rare, common] = words;
        let trapdoor = Trapdoor::of(&patient.keys[rare], patient.counts[rare])?;
        for warm in [0, 1] {
            let start = Instant::now();
            let records = resolve(chain, &trapdoor).await?;
            let resolved = start.elapsed();
            anyhow::ensure!(
                records.len() as u32 == trapdoor.count(),
                "every entry is found"
            );
            let crossed = cross(chain, &patient.keys[common], &records).await?;
            times[warm].push(resolved);
            times[2 + warm].push(resolved + crossed);
            found += records.len();
        }
    }
    let mean = found as f64 / (2 * QUERIES) as f64;
    let [first, warm, and_first, and_warm] = times;
    let row = |name: &str, times| Row::new(format!("search.{name}.{goal}"), Unit::Us, times);
    Ok(vec![
        row("query", warm),
        row("query-first", first),
        row("and", and_warm),
        row("and-first", and_first),
        Row::value(
            format!("search.results.{goal}"),
            "records/query",
            mean,
            QUERIES,
        ),
    ])
}

/// How long a node takes to say which of `records` have the word of `key`.
async fn cross(chain: &Chain, key: &KeywordKey, records: &[[u8; 32]]) -> anyhow::Result<Duration> {
    let cross = key.cross();
    let tags: Vec<CrossTag> = records.iter().map(|record| cross.tag(record)).collect();
    let start = Instant::now();
    let keys: Vec<StateKey> = records.iter().map(|record| CROSS.key(record)).collect();
    let rows = chain.state(&keys).await?;
    let matches = rows.iter().zip(&tags).filter(|(row, tag)| {
        let tags = row.as_ref().and_then(|row| CROSS.read(row).ok());
        tags.is_some_and(|tags| tags.contains(tag))
    });
    std::hint::black_box(matches.count());
    Ok(start.elapsed())
}

/// What a node does with a trapdoor.
async fn resolve(chain: &Chain, trapdoor: &Trapdoor) -> anyhow::Result<Vec<[u8; 32]>> {
    let lookups: Vec<_> = trapdoor.lookups().collect();
    let keys: Vec<StateKey> = lookups
        .iter()
        .map(|lookup| INDEX.key(&index_name(&HOSPITAL, &lookup.address())))
        .collect();
    let pointers = chain.state(&keys).await?;
    let found = lookups
        .iter()
        .zip(pointers)
        .filter_map(|(lookup, pointer)| {
            let pointer = MaskedPointer::from_slice(&pointer?).ok()?;
            lookup.open(&pointer)
        });
    Ok(found.collect())
}

fn disk(directory: &Path) -> anyhow::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        sum += if metadata.is_dir() {
            disk(&entry.path())?
        } else {
            metadata.len()
        };
    }
    Ok(sum)
}
