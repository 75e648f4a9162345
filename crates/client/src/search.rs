//! Finding records by keyword: the patient seeks, or lets somebody seek what exists now
//! (docs/PROTOCOL.md 7).
//!
//! A patient's entries stand under one key for each writer, hospital and quarter. So a search goes
//! over every author certified at a hospital that was visited, and every quarter of a visit there;
//! one question for each tells where nothing is. Several words are sought together: the rarest by
//! its trapdoor, the others by their cross tags for the records it found.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use yilian_crypto::{
    psk::SearchPsk,
    scope::Quarter,
    search::{
        Address, CrossKey, IndexContext, IndexKey, Keyword, KeywordKey, Lookup, Probe,
        SearchSecret, Trapdoor, WriterPublic,
    },
};
use yilian_protocol::{
    CertificateId, ChainId, MemberId, RecordId,
    call::{RecordEntry, Transport},
    codec::List,
    fixed,
    limits::{CROSSINGS_MAX, LOOKUPS_MAX, RESULTS_MAX, SEARCHES_MAX},
    search::{Crossing, Find, LookupRequest, Pointer},
};
use yilian_record::keyword::LeftOut;

use crate::{ClientError, Session};

mod judged;

pub(crate) use judged::{ProvenIndex, sort};

/// What is sought, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchRequest {
    /// The words; all of them must be in the record.
    pub words: Vec<Keyword>,
    /// At this hospital only.
    pub hospital: Option<MemberId>,
    /// Not before this quarter.
    pub from: Option<Quarter>,
    /// Not after this quarter.
    pub until: Option<Quarter>,
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Hit {
    /// Its entry on the chain.
    pub entry: RecordEntry,
    /// Whose entry led to it: the author, if he told the truth; opening the record shows it.
    pub writer: CertificateId,
}

/// What a search found. A false entry of one author hides no record of another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hits {
    /// The records, oldest first.
    pub hits: Vec<Hit>,
    /// Entries that lead to no record.
    pub false_entries: Vec<FalseEntry>,
}

impl Hits {
    /// Whether a record may be missing: an entry leads nowhere, and that may be the node's doing.
    #[must_use]
    pub fn may_lack(&self) -> bool {
        let mut entries = self.false_entries.iter();
        entries.any(|entry| entry.blame == Blame::AuthorOrNode)
    }
}

/// An entry of the index that leads to no record of its author's hospital.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct FalseEntry {
    /// The author, under whose key it stands.
    pub writer: CertificateId,
    /// His hospital.
    pub hospital: MemberId,
    /// What is wrong with it.
    pub cause: FalsePointer,
    /// Who made it false.
    pub blame: Blame,
}

/// Who made an entry lead nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blame {
    /// Its author: the record that he sealed it with commits to it.
    Author,
    /// Its author, or the node that told of it: nothing is proven of it.
    AuthorOrNode,
}

/// What is wrong with a false entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FalsePointer {
    /// It opens to nothing.
    Unreadable,
    /// It names a record that is proven not to be on the chain.
    NoRecord(RecordId),
    /// It names another hospital's record.
    ForeignRecord(RecordId),
    /// It names a record of the hospital, and none of the patient's records commits to it. Only a
    /// check tells.
    Uncommitted(RecordId),
}

impl FalsePointer {
    const fn record(self) -> Option<RecordId> {
        match self {
            Self::Unreadable => None,
            Self::NoRecord(record) | Self::ForeignRecord(record) | Self::Uncommitted(record) => {
                Some(record)
            }
        }
    }
}

/// A search that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What it found: none of the patient's records that has the words is missing.
    pub hits: Hits,
    /// By which others find the same.
    pub letter: SearchLetter,
    /// Index entries that were looked at.
    pub entries: usize,
    /// Records with words that their index could not hold, as their authors committed to: a search
    /// for one of those does not find them.
    pub left_out: Vec<(RecordId, LeftOut)>,
}

/// Lets its holder find the records that have some words now, and no later ones. Names no word.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SearchLetter {
    /// The chain.
    pub chain: ChainId,
    /// One for each writer, hospital and quarter with results.
    pub parts: Vec<SearchPart>,
}

/// One writer's part of a [`SearchLetter`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SearchPart {
    /// The hospital.
    pub hospital: MemberId,
    /// Whose entries they are.
    pub writer: CertificateId,
    /// Finds the rarest word's entries.
    #[serde(with = "fixed")]
    pub trapdoor: Trapdoor,
    /// The other words' tags for the records that it finds.
    pub crossings: Vec<LetterCrossing>,
}

/// A cross tag in a [`SearchLetter`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LetterCrossing {
    /// The record.
    pub record: RecordId,
    /// The tag.
    #[serde(with = "fixed")]
    pub tag: yilian_crypto::search::CrossTag,
}

/// The patient's words under one writer's key.
pub(crate) struct Place {
    pub hospital: MemberId,
    pub writer: CertificateId,
    keys: Vec<KeywordKey>,
    /// How many entries each word has, as the node says.
    counts: Vec<u32>,
}

/// A hospital and quarter of a visit, with the patient's search secret there.
pub(crate) struct Visited {
    pub hospital: MemberId,
    pub quarter: Quarter,
    pub secret: SearchSecret,
    /// The quarter's search secret.
    pub psk: SearchPsk,
}

/// Where the patient's words are: places where one of them has no entry are left out.
pub(crate) async fn places<T: Transport>(
    session: &Session<T>,
    visited: &[Visited],
    words: &[Keyword],
) -> Result<Vec<Place>, ClientError> {
    let places = all_places(session, visited, words).await?;
    Ok(places.into_iter().filter(Place::has_all).collect())
}

/// Where the patient's words may be, with their counts: every author of every hospital and quarter
/// visited.
pub(crate) async fn all_places<T: Transport>(
    session: &Session<T>,
    visited: &[Visited],
    words: &[Keyword],
) -> Result<Vec<Place>, ClientError> {
    let keys = index_keys(session, visited).await?;
    let places = keys.into_iter().map(|(hospital, writer, key)| Place {
        hospital,
        writer,
        keys: words.iter().map(|word| key.keyword(word)).collect(),
        counts: Vec::new(),
    });
    let mut places: Vec<Place> = places.collect();
    count_places(session, &mut places).await?;
    Ok(places)
}

/// The keys of the indexes in which the patient's words may stand: of every author of every
/// hospital and quarter visited.
async fn index_keys<T: Transport>(
    session: &Session<T>,
    visited: &[Visited],
) -> Result<Vec<(MemberId, CertificateId, IndexKey)>, ClientError> {
    let chain = session.chain();
    let mut writers = BTreeMap::new();
    let mut keys = Vec::new();
    for visit in visited {
        let here = match writers.entry(visit.hospital) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(authors(session, visit.hospital).await?),
        };
        for (writer, public) in here {
            let context = IndexContext {
                psk: &visit.psk,
                chain: chain.as_bytes(),
                hospital: visit.hospital.as_bytes(),
                quarter: visit.quarter,
            };
            let key = IndexKey::of_patient(&visit.secret, public, &context);
            keys.push((visit.hospital, *writer, key));
        }
    }
    Ok(keys)
}

/// Everybody who may have written entries at `hospital`, revoked or not: what was written stays.
async fn authors<T: Transport>(
    session: &Session<T>,
    hospital: MemberId,
) -> Result<Vec<(CertificateId, WriterPublic)>, ClientError> {
    let certificates = session.certificates(hospital).await?.into_iter();
    let authors = certificates.filter(|entry| entry.certificate.role.signs_records());
    Ok(authors
        .map(|entry| (entry.certificate.id(), entry.certificate.writer))
        .collect())
}

async fn count_places<T: Transport>(
    session: &Session<T>,
    places: &mut [Place],
) -> Result<(), ClientError> {
    let hospitals: BTreeSet<MemberId> = places.iter().map(|place| place.hospital).collect();
    for hospital in hospitals {
        let here = || places.iter().filter(|place| place.hospital == hospital);
        let keys: Vec<&KeywordKey> = here().flat_map(|place| &place.keys).collect();
        let mut counts = count(session, hospital, &keys).await?.into_iter();
        for place in places.iter_mut().filter(|place| place.hospital == hospital) {
            place.counts = counts.by_ref().take(place.keys.len()).collect();
        }
    }
    Ok(())
}

/// How many entries each keyword has: all are asked about together, so the number of calls grows
/// with the logarithm of the largest count alone.
pub(crate) async fn count<T: Transport>(
    session: &Session<T>,
    hospital: MemberId,
    keys: &[&KeywordKey],
) -> Result<Vec<u32>, ClientError> {
    let mut probes = vec![Probe::default(); keys.len()];
    loop {
        let questions = probes.iter().zip(keys).enumerate();
        let open: Vec<(usize, Address)> = questions
            .filter_map(|(place, (probe, key))| Some((place, key.address(probe.question()?))))
            .collect();
        if open.is_empty() {
            return Ok(probes.iter().map(Probe::count).collect());
        }
        for some in open.chunks(LOOKUPS_MAX) {
            let addresses = some.iter().map(|(_, address)| *address).collect();
            let request = LookupRequest {
                hospital,
                addresses: List::new(addresses)?,
            };
            let pointers = session.lookup(request).await?;
            for ((place, _), pointer) in some.iter().zip(pointers) {
                if let Some(probe) = probes.get_mut(*place) {
                    probe.answer(pointer.is_some());
                }
            }
        }
    }
}

impl Place {
    /// Whether each word has an entry.
    pub(crate) fn has_all(&self) -> bool {
        self.counts.iter().all(|count| *count > 0)
    }

    /// The word with the fewest entries, and how many these are.
    fn rarest(&self) -> Option<(usize, &KeywordKey, u32)> {
        let words = self.keys.iter().zip(&self.counts).enumerate();
        let words = words.map(|(place, (key, count))| (place, key, *count));
        words.min_by_key(|(_, _, count)| *count)
    }

    /// Trapdoor of the rarest word.
    fn part(&self) -> Result<Option<SearchPart>, ClientError> {
        let Some((_, key, count)) = self.rarest() else {
            return Ok(None);
        };
        Ok(Some(SearchPart {
            hospital: self.hospital,
            writer: self.writer,
            trapdoor: Trapdoor::of(key, count)?,
            crossings: Vec::new(),
        }))
    }

    /// The other words' tags for `records`.
    fn crossings(&self, records: &[RecordId]) -> Vec<LetterCrossing> {
        let rarest = self.rarest().map(|(place, _, _)| place);
        let others = self.keys.iter().enumerate();
        let others = others.filter(|(place, _)| Some(*place) != rarest);
        let tags = others.flat_map(|(_, key)| {
            let cross = key.cross();
            records.iter().map(move |record| LetterCrossing {
                record: *record,
                tag: cross.tag(record.as_bytes()),
            })
        });
        tags.collect()
    }

    /// Checks the counts against `index`, all that stands in the index for this patient here.
    ///
    /// # Errors
    /// [`ClientError::Withheld`] when there are more than the node said.
    pub(crate) fn check_counts(&self, index: &ProvenIndex) -> Result<(), ClientError> {
        let hospital = self.hospital;
        for (key, count) in self.keys.iter().zip(&self.counts) {
            let next = yilian_crypto::search::Counter::after(*count);
            if next.is_ok_and(|next| index.holds(hospital, key.address(next))) {
                return Err(ClientError::Withheld { hospital });
            }
        }
        Ok(())
    }
}

/// Which records of `index` tell that words were left out of theirs, and how many. Every author of
/// the hospitals visited may have written them.
pub(crate) async fn left_out<T: Transport>(
    session: &Session<T>,
    visited: &[Visited],
    index: &ProvenIndex,
) -> Result<Vec<(RecordId, LeftOut)>, ClientError> {
    let mut found = Vec::new();
    for (hospital, _, key) in index_keys(session, visited).await? {
        let crosses = LeftOut::every_mark().filter_map(|mark| {
            let cross = key.keyword(&Keyword::new(mark.as_str()).ok()?).cross();
            Some((mark, cross))
        });
        let crosses: BTreeMap<String, CrossKey> = crosses.collect();
        for (record, of) in index.records().filter(|(_, of)| of.hospital == hospital) {
            let has = |mark: &str| {
                let cross = crosses.get(mark);
                cross.is_some_and(|cross| of.tags.contains(&cross.tag(record.as_bytes())))
            };
            let left_out = LeftOut::read(has);
            if left_out.total() > 0 {
                found.push((record, left_out));
            }
        }
    }
    Ok(found)
}

/// A letter for `places`, whose records it finds on the way.
pub(crate) async fn letter<T: Transport>(
    session: &Session<T>,
    places: &[Place],
) -> Result<SearchLetter, ClientError> {
    let mut parts = Vec::new();
    for place in places {
        let Some(mut part) = place.part()? else {
            continue;
        };
        if place.keys.len() > 1 {
            let found = find(session, std::slice::from_ref(&part)).await?;
            let records: Vec<RecordId> = found.into_iter().flatten().flatten().collect();
            part.crossings = place.crossings(&records);
        }
        parts.push(part);
    }
    Ok(SearchLetter {
        chain: session.chain(),
        parts,
    })
}

/// What a node told of a letter; nothing of it is proven.
pub(crate) struct Told {
    /// For each part, where each of its entries leads.
    found: Vec<Vec<Option<RecordId>>>,
    /// Parts by their place, with records that lack one of their other words.
    lacking: BTreeSet<(usize, RecordId)>,
}

impl Told {
    fn lacks(&self, place: usize, record: RecordId) -> bool {
        self.lacking.contains(&(place, record))
    }
}

/// Has the node search by a letter.
pub(crate) async fn told<T: Transport>(
    session: &Session<T>,
    letter: &SearchLetter,
) -> Result<Told, ClientError> {
    session.same_chain("search letter", letter.chain)?;
    Ok(Told {
        found: find(session, &letter.parts).await?,
        lacking: lacking(session, &letter.parts).await?,
    })
}

/// The records that a letter finds, oldest first, for whoever has nothing but the letter.
pub(crate) async fn hits<T: Transport>(
    session: &Session<T>,
    letter: &SearchLetter,
) -> Result<Hits, ClientError> {
    let told = told(session, letter).await?;
    Ok(sort(session, letter, &told).await?.unjudged())
}

/// What a letter of the patient's finds, compared with all that her records commit to.
///
/// # Errors
/// [`ClientError::Withheld`] and [`ClientError::WrongAnswer`] when the node told otherwise.
pub(crate) async fn checked_hits<T: Transport>(
    session: &Session<T>,
    letter: &SearchLetter,
    index: &ProvenIndex,
) -> Result<Hits, ClientError> {
    let told = told(session, letter).await?;
    let proven = index.check(letter, &told)?;
    let sorted = sort(session, letter, &told).await?;
    Ok(sorted.judged(index)?.within(&proven))
}

/// The records that each part's trapdoor finds; `None` for an entry that opens to nothing, as the
/// node says.
async fn find<T: Transport>(
    session: &Session<T>,
    parts: &[SearchPart],
) -> Result<Vec<Vec<Option<RecordId>>>, ClientError> {
    let mut all = Vec::with_capacity(parts.len());
    for some in batches(parts) {
        let finds = some.iter().map(|part| Find {
            hospital: part.hospital,
            trapdoor: part.trapdoor.clone(),
        });
        let found = session.search(List::new(finds.collect())?).await?;
        for (part, found) in some.iter().zip(found) {
            // Every number below the count was in use: what is not there now is withheld.
            let hospital = part.hospital;
            if found.records.len() != part.trapdoor.count() as usize {
                return Err(ClientError::Withheld { hospital });
            }
            are_unreadable(session, part, &found.records).await?;
            all.push(found.records);
        }
    }
    Ok(all)
}

/// Whether an entry stands wherever the node found no record, and opens to nothing, as the node
/// says.
///
/// # Errors
/// [`ClientError::Withheld`] when none stands there, or one that opens: the node contradicts
/// itself.
async fn are_unreadable<T: Transport>(
    session: &Session<T>,
    part: &SearchPart,
    records: &[Option<RecordId>],
) -> Result<(), ClientError> {
    let hospital = part.hospital;
    let pairs = part.trapdoor.lookups().zip(records);
    let unfound = pairs.filter(|(_, record)| record.is_none());
    let unfound: Vec<Lookup> = unfound.map(|(lookup, _)| lookup).collect();
    for some in unfound.chunks(LOOKUPS_MAX) {
        let addresses = some.iter().map(Lookup::address).collect();
        let request = LookupRequest {
            hospital,
            addresses: List::new(addresses)?,
        };
        let pointers = session.lookup(request).await?;
        let mut pairs = some.iter().zip(pointers);
        let is_false = |(lookup, pointer): (&Lookup, Option<Pointer>)| {
            pointer.is_some_and(|pointer| lookup.open(&pointer.0).is_none())
        };
        if !pairs.all(is_false) {
            return Err(ClientError::Withheld { hospital });
        }
    }
    Ok(())
}

/// Parts in groups that one call may search with.
fn batches(parts: &[SearchPart]) -> Vec<&[SearchPart]> {
    let (mut batches, mut rest) = (Vec::new(), parts);
    while !rest.is_empty() {
        let mut covered = 0_u32;
        let fits = rest.iter().take(SEARCHES_MAX).take_while(|part| {
            covered = covered.saturating_add(part.trapdoor.count());
            covered <= RESULTS_MAX
        });
        // One alone that is too large goes by itself, and the node says so.
        let (some, others) = rest.split_at(fits.count().max(1));
        batches.push(some);
        rest = others;
    }
    batches
}

/// Records that lack one of the other words of a part.
async fn lacking<T: Transport>(
    session: &Session<T>,
    parts: &[SearchPart],
) -> Result<BTreeSet<(usize, RecordId)>, ClientError> {
    let parts = parts.iter().enumerate();
    let crossings = parts.flat_map(|(place, part)| {
        let crossings = part.crossings.iter();
        crossings.map(move |LetterCrossing { record, tag }| {
            let (record, tag) = (*record, *tag);
            (place, Crossing { record, tag })
        })
    });
    let crossings: Vec<(usize, Crossing)> = crossings.collect();
    let mut lacking = BTreeSet::new();
    for some in crossings.chunks(CROSSINGS_MAX) {
        let asked = some.iter().map(|(_, crossing)| crossing.clone()).collect();
        let has = session.cross(List::new(asked)?).await?;
        let without = some.iter().zip(has).filter(|(_, has)| !has);
        lacking.extend(without.map(|((place, one), _)| (*place, one.record)));
    }
    Ok(lacking)
}
