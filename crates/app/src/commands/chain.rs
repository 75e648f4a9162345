//! What the chain says.

use std::{fmt, path::PathBuf};

use clap::{Args, Subcommand, value_parser};
use serde::Serialize;
use yilian_protocol::{
    Height, RecordId, TransactionId,
    call::{Block, RecordEntry, Status},
    receipt::Receipt,
    refusal::Outcome,
    registry::Genesis,
};

use super::Context;
use crate::{intake::Paper, output::trouble};

pub async fn status(context: &Context) -> anyhow::Result<()> {
    let opened = context.open().await?;
    context
        .output
        .tell(&StatusAnswer(opened.session.status().await?))?;
    opened.close();
    Ok(())
}

/// What to see of blocks.
#[derive(Debug, Subcommand)]
pub enum BlockCommand {
    /// Show a block and its transactions
    Show {
        /// Its height; the latest if left out
        height: Option<Height>,
    },
    /// List blocks, latest first
    List {
        /// How many
        #[arg(long, default_value_t = 20, value_parser = value_parser!(u64).range(1..))]
        count: u64,
    },
}

pub async fn block(context: &Context, command: BlockCommand) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let latest = opened.session.status().await?.latest.height;
    match command {
        BlockCommand::Show { height } => {
            let block = opened.session.block(height.unwrap_or(latest)).await?;
            context.output.tell(&BlockAnswer(block))?;
        }
        BlockCommand::List { count } => {
            let lowest = latest.get().saturating_sub(count.saturating_sub(1));
            let mut blocks = Vec::new();
            for height in (lowest..=latest.get()).rev().take(usize::try_from(count)?) {
                blocks.push(opened.session.block(Height::new(height)).await?);
            }
            context.output.tell(&BlockList { blocks })?;
        }
    }
    opened.close();
    Ok(())
}

/// What to see of records.
#[derive(Debug, Subcommand)]
pub enum RecordCommand {
    /// Show what the chain knows of a record
    Show {
        /// The record
        record: RecordId,
    },
}

pub async fn record(context: &Context, command: RecordCommand) -> anyhow::Result<()> {
    let RecordCommand::Show { record } = command;
    let opened = context.open().await?;
    context
        .output
        .tell(&RecordAnswer(opened.session.record(record).await?))?;
    opened.close();
    Ok(())
}

/// Whose receipt to fetch.
#[derive(Debug, Args)]
pub struct ReceiptOptions {
    /// The transaction
    transaction: TransactionId,
}

pub async fn receipt(context: &Context, options: ReceiptOptions) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let receipt = opened.session.receipt(options.transaction).await?;
    context.output.tell(&ReceiptAnswer(receipt))?;
    opened.close();
    Ok(())
}

/// What to verify, and against what.
#[derive(Debug, Args)]
pub struct VerifyOptions {
    /// What `yilian receipt ... --json FILE` wrote
    receipt: PathBuf,
    /// The genesis of the chain; that of --home if left out
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
}

/// Needs no node, and believes none.
pub fn verify(context: &Context, options: &VerifyOptions) -> anyhow::Result<()> {
    let genesis: Genesis = match &options.genesis {
        Some(file) => Paper::Genesis.read(file)?,
        None => context.home.genesis()?,
    };
    let receipt: Receipt = Paper::Receipt.read(&options.receipt)?;
    receipt
        .verify(genesis.chain(), genesis.group_key.as_slice())
        .map_err(|error| {
            trouble(
                error.to_string(),
                "ask another node for the receipt; the one that gave this is at fault",
            )
        })?;
    context.output.tell(&ReceiptAnswer(receipt))
}

#[derive(Serialize)]
#[serde(transparent)]
struct StatusAnswer(Status);

impl fmt::Display for StatusAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = &self.0;
        writeln!(f, "network  {}", status.genesis.name)?;
        writeln!(f, "chain    {}", status.chain)?;
        let latest = status.latest;
        writeln!(f, "height   {}, {}", latest.height, latest.time.to_text())?;
        writeln!(f, "waiting  {} transactions", status.waiting)?;
        writeln!(
            f,
            "objects  {}, {} bytes",
            status.objects, status.object_bytes
        )?;
        writeln!(f, "version  {}", status.version)
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct BlockAnswer(Block);

impl fmt::Display for BlockAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Block {
            id,
            header,
            finality,
            transactions,
        } = &self.0;
        writeln!(f, "block         {id}")?;
        writeln!(f, "height        {}", header.height)?;
        writeln!(f, "previous      {}", header.parent)?;
        writeln!(f, "time          {}", header.time.to_text())?;
        writeln!(f, "transactions  {} of {} bytes", header.count, header.size)?;
        writeln!(f, "merkle root   {}", header.transactions)?;
        writeln!(f, "state root    {}", header.state)?;
        writeln!(f, "certificate   {}", hex::encode(finality.as_slice()))?;
        for transaction in transactions {
            let (id, name) = (transaction.id, transaction.body.name());
            writeln!(f, "  {id}  {name}  {}", outcome(transaction.outcome))?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct BlockList {
    blocks: Vec<Block>,
}

impl fmt::Display for BlockList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Block { id, header, .. } in &self.blocks {
            let (height, count, size) = (header.height, header.count, header.size);
            let time = header.time.to_text();
            writeln!(
                f,
                "{height:>8}  {}  {time}  {count:>5} tx  {size:>9} B",
                id.short()
            )?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct RecordAnswer(RecordEntry);

impl fmt::Display for RecordAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = &self.0;
        writeln!(f, "record     {}", entry.sealed.record)?;
        writeln!(f, "pseudonym  {}", hex::encode(entry.nym.to_bytes()))?;
        writeln!(f, "hospital   {}", entry.hospital)?;
        writeln!(
            f,
            "capsule    {}",
            hex::encode(entry.sealed.capsule.to_bytes())
        )?;
        let admitted = entry.admitted;
        writeln!(
            f,
            "block      {}, {}",
            admitted.height,
            admitted.time.to_text()
        )
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct ReceiptAnswer(Receipt);

impl fmt::Display for ReceiptAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let receipt = &self.0;
        writeln!(f, "transaction  {}", receipt.transaction)?;
        writeln!(f, "outcome      {}", outcome(receipt.outcome))?;
        let (place, size) = (receipt.inclusion.index, receipt.inclusion.size);
        let height = receipt.header.height;
        writeln!(
            f,
            "place        {} of {size} in block {height}",
            place.saturating_add(1)
        )?;
        writeln!(f, "proof        verified under the network's group key")
    }
}

fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Applied => "applied".to_owned(),
        Outcome::Refused(rule) => format!("refused: {rule}"),
    }
}
