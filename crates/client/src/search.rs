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
    search::{CrossTags, Crossing, Find, LookupRequest, Pointer},
};
use yilian_record::keyword::LeftOut;

use crate::{ClientError, Session};

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
    /// Entries that lead to no record: their authors' fault.
    pub false_entries: Vec<FalseEntry>,
}

/// An entry of the index that its author made to lead to no record of his hospital.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct FalseEntry {
    /// The author, under whose key it stands.
    pub writer: CertificateId,
    /// His hospital.
    pub hospital: MemberId,
    /// What is wrong with it.
    pub cause: FalsePointer,
}

/// What is wrong with a false entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FalsePointer {
    /// It opens to nothing, as the node says: entries are not proven one by one.
    Unreadable,
    /// It names a record that is proven not to be on the chain.
    NoRecord(RecordId),
    /// It names another hospital's record.
    ForeignRecord(RecordId),
}

/// What a check of a search found right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
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
    let mut places = all_places(session, visited, words).await?;
    places.retain(|place| place.counts.iter().all(|count| *count > 0));
    Ok(places)
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

    /// Checks the counts against `addresses`, all that stands in the index for this patient here.
    ///
    /// # Errors
    /// [`ClientError::Withheld`] when there are more than the node said.
    pub(crate) fn check_counts(&self, addresses: &BTreeSet<Address>) -> Result<(), ClientError> {
        for (key, count) in self.keys.iter().zip(&self.counts) {
            let next = yilian_crypto::search::Counter::after(*count);
            if next.is_ok_and(|next| addresses.contains(&key.address(next))) {
                return Err(ClientError::Withheld {
                    hospital: self.hospital,
                });
            }
        }
        Ok(())
    }
}

/// The cross tags of a record's index, and where it was made.
pub(crate) struct Tagged {
    pub hospital: MemberId,
    pub record: RecordId,
    pub tags: CrossTags,
}

/// Which of `records` tell that words were left out of their index, and how many. Every author of
/// the hospitals visited may have written them.
pub(crate) async fn left_out<T: Transport>(
    session: &Session<T>,
    visited: &[Visited],
    records: &[Tagged],
) -> Result<Vec<(RecordId, LeftOut)>, ClientError> {
    let mut found = Vec::new();
    for (hospital, _, key) in index_keys(session, visited).await? {
        let crosses = LeftOut::every_mark().filter_map(|mark| {
            let cross = key.keyword(&Keyword::new(mark.as_str()).ok()?).cross();
            Some((mark, cross))
        });
        let crosses: BTreeMap<String, CrossKey> = crosses.collect();
        for of in records.iter().filter(|of| of.hospital == hospital) {
            let has = |mark: &str| {
                let cross = crosses.get(mark);
                cross.is_some_and(|cross| of.tags.contains(&cross.tag(of.record.as_bytes())))
            };
            let left_out = LeftOut::read(has);
            if left_out.total() > 0 {
                found.push((of.record, left_out));
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

/// The records that a letter finds, oldest first.
pub(crate) async fn hits<T: Transport>(
    session: &Session<T>,
    letter: &SearchLetter,
) -> Result<Hits, ClientError> {
    session.same_chain("search letter", letter.chain)?;
    let found = find(session, &letter.parts).await?;
    let lacking = lacking(session, &letter.parts).await?;
    let mut hits: BTreeMap<RecordId, Hit> = BTreeMap::new();
    let mut false_entries = BTreeSet::new();
    for (part, records) in letter.parts.iter().zip(found) {
        let (writer, hospital) = (part.writer, part.hospital);
        let mut blame = |cause| {
            false_entries.insert(FalseEntry {
                writer,
                hospital,
                cause,
            })
        };
        for record in records {
            let Some(record) = record else {
                blame(FalsePointer::Unreadable);
                continue;
            };
            if hits.contains_key(&record) {
                continue;
            }
            // That it is not there is proven: who made the entry lied, and not the node.
            let Some(entry) = session.find_record(record).await? else {
                blame(FalsePointer::NoRecord(record));
                continue;
            };
            if entry.hospital != hospital {
                blame(FalsePointer::ForeignRecord(record));
            } else if !lacking.contains(&record) {
                hits.insert(record, Hit { entry, writer });
            }
        }
    }
    let mut hits: Vec<Hit> = hits.into_values().collect();
    hits.sort_by_key(|hit| (hit.entry.admitted.height, hit.entry.sealed.record));
    Ok(Hits {
        hits,
        false_entries: false_entries.into_iter().collect(),
    })
}

/// The records that each part's trapdoor finds; `None` for an entry that its author made so that it
/// opens to nothing.
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

/// Whether an entry stands wherever the node found no record, and opens to nothing: then its author
/// is at fault.
///
/// # Errors
/// [`ClientError::Withheld`] when none stands there, or one that opens: then the node is.
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

/// Records that lack one of the other words.
async fn lacking<T: Transport>(
    session: &Session<T>,
    parts: &[SearchPart],
) -> Result<BTreeSet<RecordId>, ClientError> {
    let crossings: Vec<Crossing> = parts
        .iter()
        .flat_map(|part| &part.crossings)
        .map(|crossing| Crossing {
            record: crossing.record,
            tag: crossing.tag,
        })
        .collect();
    let mut lacking = BTreeSet::new();
    for some in crossings.chunks(CROSSINGS_MAX) {
        let has = session.cross(List::new(some.to_vec())?).await?;
        let pairs = some.iter().zip(has);
        lacking.extend(pairs.filter(|(_, has)| !has).map(|(one, _)| one.record));
    }
    Ok(lacking)
}
