//! The programs that tests run: the host, and guests compiled to WebAssembly.
//!
//! Each is built once in a test process, by the same cargo that runs the tests, which
//! has let go of its build lock by then. It decides nothing about what a test does with
//! them.

mod cargo;

use anyhow::{Context as _, Result};
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

/// What guests are compiled for.
const GUEST_TARGET: &str = "wasm32-wasip2";

/// What is built in one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Batch {
    Host,
    Plugins,
    Examples,
    Hostile,
}

/// The files of a batch by their names, or why it could not be built.
type Built = Result<HashMap<String, PathBuf>, String>;

/// From now on people see on stderr what is being built: for programs that a person runs.
pub fn show_progress() {
    cargo::show_progress();
}

/// The host, compiled as the running test was.
///
/// # Errors
/// When it does not compile; the message is cargo's.
pub fn tidegate() -> Result<PathBuf> {
    file_of(Batch::Host, "tidegate")
}

/// A plugin that ships with the host, by its file name without `.wasm`: `zendesk`.
///
/// # Errors
/// When it does not compile, or there is none of that name.
pub fn plugin(name: &str) -> Result<PathBuf> {
    file_of(Batch::Plugins, name)
}

/// A guest out of `examples`, by its file name without `.wasm`: `minimal`.
///
/// # Errors
/// When it does not compile, or there is none of that name.
pub fn example(name: &str) -> Result<PathBuf> {
    file_of(Batch::Examples, name)
}

/// A guest out of `tests/hostile`, by its file name without `.rs`: `loops-in-describe`.
///
/// # Errors
/// When it does not compile, or there is none of that name.
pub fn hostile(name: &str) -> Result<PathBuf> {
    file_of(Batch::Hostile, name)
}

fn file_of(batch: Batch, name: &str) -> Result<PathBuf> {
    // It stays locked while the batch is built: whoever wants it too waits for it here
    // rather than for cargo's lock.
    static BUILT: Mutex<Option<HashMap<Batch, Built>>> = Mutex::new(None);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let files = built
        .get_or_insert_default()
        .entry(batch)
        .or_insert_with(|| batch.build().map_err(|error| format!("{error:#}")));
    let files = files.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
    // Rust's crates have no hyphens in their names.
    files.get(&name.replace('-', "_")).cloned().with_context(|| {
        let mut names: Vec<_> = files.keys().map(String::as_str).collect();
        names.sort_unstable();
        format!("there is no '{name}' among {names:?}")
    })
}

impl Batch {
    fn build(self) -> Result<HashMap<String, PathBuf>> {
        if self != Self::Host {
            cargo::ensure_target(GUEST_TARGET)?;
        }
        let profile = cargo::running_profile();
        let guest = ["--release", "--target", GUEST_TARGET];
        match self {
            // With this package beside it the program gets the features that its tests had,
            // and nothing is compiled twice.
            Self::Host => cargo::build(
                &[&["-p", "tidegate", "-p", "tests"][..], &["--bin", "tidegate", "--profile", &profile]]
                    .concat(),
            ),
            Self::Plugins => cargo::build(&[&guest[..], &["-p", "plugin-*"]].concat()),
            Self::Examples => cargo::build(&[&guest[..], &["-p", "example-*"]].concat()),
            Self::Hostile => cargo::build(&[&guest[..], &["-p", "hostile", "--examples"]].concat()),
        }
    }
}
