//! Hospitals' private chains.

use std::{fmt, time::Duration};

use anyhow::Context as _;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use yilian_client::{
    Session, people,
    private_chain::{PrivateChainAudit, audit},
};
use yilian_protocol::{
    Height, MemberId,
    call::{PrivateHead, Transport},
    private_chain::{AnchorEntry, PrivateBlock, PrivateEntry, PrivateInclusion},
};

use super::Context;
use crate::output::trouble;

/// What is done with a hospital's private chain.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Show a block, or how far the chain is
    Show {
        /// The hospital's name
        hospital: String,
        /// The block's height
        height: Option<Height>,
    },
    /// Check every block and entry: against each other, against the anchors, and against the
    /// records on the consortium chain. What was rewritten is placed; fails if anything was
    Verify {
        /// The hospital's name
        hospital: String,
    },
    /// Check the entries that wait, as a person of the hospital who wrote none of them, and close a
    /// block over those that are right
    Check {
        /// The person's name
        name: String,
        /// Go on checking until interrupted
        #[arg(long)]
        watch: bool,
    },
    /// Prove that an entry stands under the latest anchor
    Prove {
        /// The hospital's name
        hospital: String,
        /// The entry's number, from 0
        entry: u64,
    },
}

pub async fn run(context: &Context, command: LogCommand) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let session = &opened.session;
    let told = match command {
        LogCommand::Show { hospital, height } => show(context, session, &hospital, height).await,
        LogCommand::Verify { hospital } => verify(context, session, &hospital).await,
        LogCommand::Check { name, watch } => check(context, session, &name, watch).await,
        LogCommand::Prove { hospital, entry } => prove(context, session, &hospital, entry).await,
    };
    opened.close();
    told
}

async fn show<T: Transport>(
    context: &Context,
    session: &Session<T>,
    hospital: &str,
    height: Option<Height>,
) -> anyhow::Result<()> {
    let hospital = people::member(session, hospital).await?;
    if let Some(height) = height {
        let block = session.log_block(hospital, height).await?;
        return context.output.tell(&Shown(block));
    }
    let head = session.log_head(hospital).await?;
    let anchor = session.anchors(hospital).await?.pop();
    context.output.tell(&Head { head, anchor })
}

async fn verify<T: Transport>(
    context: &Context,
    session: &Session<T>,
    hospital: &str,
) -> anyhow::Result<()> {
    let hospital = people::member(session, hospital).await?;
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} blocks, {eta} left")?;
    let bar = ProgressBar::new(0).with_style(style);
    let found = audit(session, hospital, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    let found = found.await?;
    bar.finish_and_clear();
    let sound = found.faults.is_empty();
    context.output.tell(&Audited(found))?;
    if sound {
        return Ok(());
    }
    Err(trouble(
        "the private chain was rewritten",
        "ask the hospital for a copy of before; the consortium chain shows what was anchored, and when",
    ))
}

/// Between two looks at what waits.
const WATCH: Duration = Duration::from_secs(2);

async fn check<T: Transport>(
    context: &Context,
    session: &Session<T>,
    name: &str,
    watch: bool,
) -> anyhow::Result<()> {
    let person = context.home.doctor(name)?;
    loop {
        let closed = person.check_log(session).await?;
        if closed.is_some() || !watch {
            let block = closed.as_ref().map(|block| block.header.height);
            let entries = closed.map_or(0, |block| block.entries.len());
            context.output.tell(&Checked { block, entries })?;
        }
        if !watch || context.output.is_unheard() {
            return Ok(());
        }
        tokio::time::sleep(WATCH).await;
    }
}

#[derive(Serialize)]
struct Checked {
    block: Option<Height>,
    entries: usize,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.block {
            Some(height) => writeln!(
                f,
                "{} entries are right; block {height} is closed",
                self.entries
            ),
            None => writeln!(f, "nothing waits that others wrote and that is final"),
        }
    }
}

async fn prove<T: Transport>(
    context: &Context,
    session: &Session<T>,
    hospital: &str,
    number: u64,
) -> anyhow::Result<()> {
    let hospital = people::member(session, hospital).await?;
    let anchor = session.anchors(hospital).await?.pop();
    let anchor = anchor.context("nothing of this private chain is anchored yet")?;
    let size = anchor.header.size();
    anyhow::ensure!(
        number < size,
        "{size} entries are anchored; {number} is not among them"
    );
    let block = block_of(session, hospital, &anchor, number).await?;
    let place = usize::try_from(number - block.header.first)?;
    let entry = block
        .entries
        .get(place)
        .context("the node gave another block")?;
    let inclusion = session.log_inclusion(hospital, number, size).await?;
    anyhow::ensure!(
        inclusion.index == number && inclusion.size == size,
        "the node gave another proof"
    );
    inclusion.verify(entry.leaf(), &anchor.header.tree)?;
    context.output.tell(&Proven {
        entry: entry.clone(),
        anchor,
        inclusion,
    })
}

/// The block that holds an entry, by halving.
async fn block_of<T: Transport>(
    session: &Session<T>,
    hospital: MemberId,
    anchor: &AnchorEntry,
    number: u64,
) -> anyhow::Result<PrivateBlock> {
    let (mut low, mut high) = (1, anchor.header.height.get());
    loop {
        let middle = low + (high - low) / 2;
        let block = session.log_block(hospital, Height::new(middle)).await?;
        if low >= high || (block.header.first..block.header.size()).contains(&number) {
            return Ok(block);
        }
        if number < block.header.first {
            high = middle - 1;
        } else {
            low = middle + 1;
        }
    }
}

#[derive(Serialize)]
struct Head {
    #[serde(flatten)]
    head: PrivateHead,
    anchor: Option<AnchorEntry>,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "entries   {}", self.head.size)?;
        if let Some(latest) = &self.head.latest {
            writeln!(
                f,
                "blocks    {}, the last at {}",
                latest.height,
                latest.time.to_text()
            )?;
        }
        match &self.anchor {
            Some(AnchorEntry { header, admitted }) => {
                let (size, at) = (header.size(), admitted.height);
                writeln!(
                    f,
                    "anchored  {size} entries, in block {at} of the consortium chain"
                )
            }
            None => writeln!(f, "anchored  nothing yet"),
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Shown(PrivateBlock);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PrivateBlock {
            header, entries, ..
        } = &self.0;
        writeln!(f, "block        {}", header.id())?;
        writeln!(f, "height       {}", header.height)?;
        writeln!(f, "previous     {}", header.previous)?;
        writeln!(f, "time         {}", header.time.to_text())?;
        writeln!(f, "merkle root  {}", header.root)?;
        writeln!(
            f,
            "tree         {} over {} entries",
            header.tree,
            header.size()
        )?;
        for (entry, number) in entries.iter().zip(header.first..) {
            writeln!(
                f,
                "  {number}  record {}  author {}",
                entry.record,
                entry.author.short()
            )?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Audited(PrivateChainAudit);

impl fmt::Display for Audited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PrivateChainAudit {
            blocks,
            entries,
            anchored,
            unconfirmed,
            faults,
        } = &self.0;
        writeln!(
            f,
            "{entries} entries in {blocks} blocks, {anchored} entries anchored"
        )?;
        if *unconfirmed > 0 {
            writeln!(f, "{unconfirmed} entries are not on the consortium chain")?;
        }
        for fault in faults {
            writeln!(f, "  {fault}")?;
        }
        if faults.is_empty() {
            writeln!(f, "nothing was rewritten")?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Proven {
    entry: PrivateEntry,
    anchor: AnchorEntry,
    inclusion: PrivateInclusion,
}

impl fmt::Display for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, size) = (self.inclusion.index, self.inclusion.size);
        writeln!(f, "record    {}", self.entry.record)?;
        writeln!(f, "author    {}", self.entry.author)?;
        writeln!(f, "place     entry {index} of {size}")?;
        let at = self.anchor.admitted.height;
        writeln!(
            f,
            "anchored  in block {at} of the consortium chain; the proof verifies"
        )
    }
}
