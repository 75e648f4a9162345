//! The whole story, played on every visit of every patient: check in, seal, open, share, re-open,
//! grant, read, revoke.

mod figures;
mod stage;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, builder::RangedU64ValueParser};
use indicatif::{ProgressBar, ProgressStyle};
use yilian_client::drafts;
use yilian_record::{fhir::Directory, synthetic::Population};

use self::{figures::Figures, stage::Stage};
use crate::{
    commands::network::{RegulatorOptions, make_network},
    home::Home,
    intake,
    link::Opened,
    output::Output,
    secrecy::SecrecyOptions,
};

/// Synthetic patients when no number is given.
const PATIENTS: usize = 12;

/// What the demonstration plays on.
#[derive(Debug, Args)]
pub struct DemoOptions {
    /// A folder of FHIR R4 bundles: hospital and practitioner bundles first, then patients.
    /// Synthetic patients if left out
    #[arg(long, value_name = "DIR")]
    pub fhir: Option<PathBuf>,
    /// How many patients: all of the folder, or 12 synthetic ones, if left out
    #[arg(long, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    pub patients: Option<usize>,
    /// Seed of the synthetic patients
    #[arg(long, default_value_t = 2026)]
    pub seed: u64,
    /// Keep the network in --home instead of a temporary folder
    #[arg(long)]
    pub keep: bool,
}

/// Plays the story and tells its figures.
pub async fn run(home: &Home, output: &Output, options: DemoOptions) -> anyhow::Result<()> {
    let temporary = tempfile::tempdir().context("cannot make a temporary folder")?;
    let home = if options.keep {
        home.clone()
    } else {
        Home::new(temporary.path().to_owned(), SecrecyOptions::plain())
    };
    let cast = Cast::load(&options)?;
    make_network(&home, "Demonstration", RegulatorOptions::DEFAULT)?;
    let opened = Opened::embedded(&home, std::sync::Arc::new(home.clone())).await?;
    let figures = play(&home, &opened, cast).await?;
    output.tell(&figures)?;
    opened.close();
    figures.check()
}

async fn play(home: &Home, opened: &Opened, cast: Cast) -> anyhow::Result<Figures> {
    let Cast { known, patients } = cast;
    let mut stage = Stage::new(home, &opened.session, &known);
    let bar = progress(patients.len());
    let patients_count = patients.len();
    for source in patients {
        bar.set_message(source.name());
        let bundle = stage.figures.time("import", || source.read(&known))?;
        stage.patient(bundle).await.with_context(|| source.name())?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let mut figures = stage.figures;
    figures.patients = patients_count;
    Ok(figures)
}

fn progress(count: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} patients  {elapsed}  {msg}");
    ProgressBar::new(count as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Who takes part.
struct Cast {
    known: Directory,
    patients: Vec<Source>,
}

/// Where a patient's bundle comes from.
enum Source {
    File(PathBuf),
    Synthetic(usize, Vec<u8>),
}

impl Source {
    fn name(&self) -> String {
        match self {
            Self::File(path) => path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            Self::Synthetic(number, _) => format!("synthetic patient {}", number + 1),
        }
    }

    fn read(&self, known: &Directory) -> anyhow::Result<yilian_record::fhir::Bundle> {
        match self {
            Self::File(path) => intake::read_bundle(path, known),
            Self::Synthetic(_, bytes) => Ok(drafts::checked(bytes, known)?),
        }
    }
}

impl Cast {
    fn load(options: &DemoOptions) -> anyhow::Result<Self> {
        match &options.fhir {
            Some(folder) => Self::imported(folder, options.patients),
            None => Self::synthetic(options.seed, options.patients.unwrap_or(PATIENTS)),
        }
    }

    fn synthetic(seed: u64, count: usize) -> anyhow::Result<Self> {
        let population = Population::new(seed);
        let mut known = Directory::default();
        for bytes in [population.hospitals(), population.practitioners()] {
            known.extend(drafts::checked(&bytes, &known.clone())?.resources());
        }
        let patients = population.patients(count).enumerate();
        let patients = patients
            .map(|(number, bytes)| Source::Synthetic(number, bytes))
            .collect();
        Ok(Self { known, patients })
    }

    /// Hospitals and practitioners stand in files of their own, which are read first.
    fn imported(folder: &Path, count: Option<usize>) -> anyhow::Result<Self> {
        let entries = std::fs::read_dir(folder)
            .with_context(|| format!("cannot list {}", folder.display()))?;
        let mut files = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                files.push(path);
            }
        }
        files.sort();
        let is = |path: &Path, kind: &str| {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .to_lowercase();
            name.starts_with(kind)
        };
        let (hospitals, rest): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|path| is(path, "hospital"));
        let (practitioners, mut patients): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|path| is(path, "practitioner"));
        let known = intake::read_directory(&[hospitals, practitioners].concat())?;
        patients.truncate(count.unwrap_or(usize::MAX));
        anyhow::ensure!(
            !patients.is_empty(),
            "no patient bundle in {}",
            folder.display()
        );
        Ok(Self {
            known,
            patients: patients.into_iter().map(Source::File).collect(),
        })
    }
}
