//! Why a file is not fit to run, in words for an operator.
//!
//! Failures of a step are not here: they are `model::Failure`.

use crate::model::{Fault, Size, Span};
use std::{io, path::PathBuf};

/// Why a component cannot be loaded, or the sandbox not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is no component at all.
    #[error(transparent)]
    File(#[from] FileError),
    /// The component does not keep to the contract.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// The component could not be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The cache folder cannot be used.
    #[error("the cache folder '{}' cannot be used", folder.display())]
    Cache {
        /// Which.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// wasmtime cannot be set up on this machine.
    #[error("the engine for plugins cannot be set up: {0}")]
    Engine(String),
    /// A defect of the host showed while it looked at the file.
    #[error("the host failed while it looked at the file: {0}")]
    Internal(String),
}

impl Error {
    /// A stable dotted name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Contract(error) => error.code(),
            Self::Compile(error) => error.code(),
            Self::Cache { .. } => "sandbox.cache",
            Self::Engine(_) => "sandbox.engine",
            Self::Internal(_) => "internal.panic",
        }
    }

    /// Who has to act, and whether trying again helps.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::File(_) | Self::Contract(_) => Fault::Invalid,
            Self::Compile(CompileError::Start(_)) => Fault::Bug,
            Self::Compile(_) => Fault::Invalid,
            Self::Cache { .. } | Self::Engine(_) | Self::Internal(_) => Fault::Bug,
        }
    }
}

/// The file is no component at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Over the limit.
    #[error("the file has {size}, and at most {limit} are accepted (`sandbox.limits.component-bytes`)")]
    Oversized {
        /// What it has.
        size: Size,
        /// What it may have.
        limit: Size,
    },
    /// Text of any kind.
    #[error(
        "the file is text, not a compiled component; WebAssembly text has to be turned into a binary first, with `wasm-tools parse`"
    )]
    Text,
    /// A core module.
    #[error(
        "the file is a core WebAssembly module, not a component; build it for wasm32-wasip2, or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    /// Output of `wasmtime compile`.
    #[error(
        "the file is a precompiled component: native code, which the host never takes from outside; give it the `.wasm` file instead"
    )]
    Precompiled,
    /// Something else.
    #[error("the file is not a WebAssembly component")]
    Foreign,
    /// A component that ends early or is not valid.
    #[error("the file is damaged or only half there: {0}")]
    Damaged(String),
}

impl FileError {
    fn code(&self) -> &'static str {
        match self {
            Self::Empty => "file.empty",
            Self::Oversized { .. } => "file.oversized",
            Self::Text => "file.text",
            Self::CoreModule => "file.core-module",
            Self::Precompiled => "file.precompiled",
            Self::Foreign => "file.foreign",
            Self::Damaged(_) => "file.damaged",
        }
    }
}

/// The component does not keep to the contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContractError {
    /// Something that is not given to plugins.
    #[error(
        "the component imports {}, which Tidegate does not give to plugins{}",
        quoted(names),
        hint(names)
    )]
    Import {
        /// All of them, as the component names them.
        names: Vec<String>,
    },
    /// An interface of the contract in a version that the host does not speak.
    #[error(
        "the component uses {}, but this host speaks version 0.1 of the contract; take a release of the plugin for that",
        quoted(names)
    )]
    Version {
        /// All of them, as the component names them.
        names: Vec<String>,
    },
    /// The compulsory export is missing.
    #[error("the component does not export `tidegate:connect/channel-type@0.1.0`, which every plugin has to")]
    NoChannelType,
    /// An export has other types than the contract.
    #[error("the component's export `{export}` does not fit the contract: {reason}")]
    Export {
        /// The interface, and the function where it is known.
        export: String,
        /// What differs.
        reason: String,
    },
    /// Functions of the component model's asynchronous part.
    #[error("the component uses async functions, streams or futures, which Tidegate does not run")]
    Async,
    /// An import has other types than the host offers.
    #[error("the component does not fit this host: {0}")]
    Link(String),
    /// Two manifests that differ.
    #[error("the component holds several custom sections `tidegate:manifest` that differ")]
    Manifests,
}

impl ContractError {
    fn code(&self) -> &'static str {
        match self {
            Self::Import { .. } => "component.import",
            Self::Version { .. } => "component.version",
            Self::NoChannelType => "component.no-channel-type",
            Self::Export { .. } => "component.export",
            Self::Async => "component.async",
            Self::Link(_) => "component.link",
            Self::Manifests => "component.manifests",
        }
    }
}

/// The component could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Over the limit of CPU time or of time on the clock.
    #[error("compiling the component took longer than {limit} (`sandbox.{key}`)")]
    Timeout {
        /// The limit, as people write it.
        limit: Span,
        /// The setting.
        key: &'static str,
    },
    /// Over the limit of memory.
    #[error("compiling the component needs more than {0} of memory (`sandbox.compile-memory`)")]
    Memory(Size),
    /// The compiler refused it or broke down over it.
    #[error("the component cannot be compiled: {0}")]
    Failed(String),
    /// The child process cannot be run.
    #[error("the compiler process cannot be run")]
    Start(#[source] io::Error),
}

impl CompileError {
    fn code(&self) -> &'static str {
        match self {
            Self::Timeout { .. } => "compile.timeout",
            Self::Memory(_) => "compile.memory",
            Self::Failed(_) => "compile.failed",
            Self::Start(_) => "compile.start",
        }
    }
}

/// The first few names in quotes; a list of fifty helps nobody.
fn quoted(names: &[String]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What the author can do instead, where that is known.
fn hint(names: &[String]) -> &'static str {
    let any = |package: &str| names.iter().any(|name| name.starts_with(package));
    if any("wasi:sockets") || any("wasi:http") {
        "; requests go through `tidegate:connect/http`"
    } else if any("wasi:filesystem") {
        "; a plugin has no files, what it has to keep goes into the cursor or `tidegate:connect/state`"
    } else {
        ""
    }
}
