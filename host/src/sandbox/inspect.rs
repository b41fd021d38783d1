//! What a file is, what it asks for and what it offers, found by reading it.
//!
//! It runs none of its code and compiles nothing; function bodies are left for
//! the compiler to check.

use super::{
    Exports, Limits,
    error::{ContractError, Error, FileError},
    imports,
    text::clean_cut,
};
use crate::model::Size;
use sha2::{Digest, Sha256};
use wasmparser::{
    BinaryReaderError, ComponentExportSectionReader, ComponentExternalKind, ComponentImportSectionReader,
    Parser, Payload, Validator, WasmFeatures,
};
use wasmtime::Engine;

/// What every version of the component format begins with.
const MAGIC: &[u8] = b"\0asm";
/// Version and layer of a component, after the magic bytes.
const COMPONENT: &[u8] = &[0x0d, 0, 1, 0];
/// Where the manifest stands in a file.
const MANIFEST_SECTION: &str = "tidegate:manifest";
/// Package of the contract, and the versions of it that the host speaks.
const CONTRACT: &str = "tidegate:connect/";
const CONTRACT_VERSION: &str = "0.1.";

/// What was found.
#[derive(Debug)]
pub(super) struct Inspection {
    /// Digest of the file, in lower-case hex.
    pub(super) sha256: String,
    /// The optional interfaces that it exports.
    pub(super) exports: Exports,
    /// The custom section with the manifest.
    pub(super) manifest: Option<Box<[u8]>>,
}

/// Reads the file.
///
/// # Errors
/// Why it is not a plugin.
pub(super) fn inspect(bytes: &[u8], limits: &Limits, features: WasmFeatures) -> Result<Inspection, Error> {
    recognise(bytes, limits)?;
    let mut outline = Outline::default();
    outline.read(bytes, features)?;
    judge_imports(&outline.imports)?;
    let exports = judge_exports(&outline.exports)?;
    Ok(Inspection { sha256: format!("{:x}", Sha256::digest(bytes)), exports, manifest: outline.manifest })
}

/// Tells a component from everything else that people drop into a folder.
fn recognise(bytes: &[u8], limits: &Limits) -> Result<(), FileError> {
    let (size, limit) = (Size(bytes.len() as u64), limits.component_bytes);
    if bytes.is_empty() {
        return Err(FileError::Empty);
    }
    if size > limit {
        return Err(FileError::Oversized { size, limit });
    }
    if let Some(version) = bytes.strip_prefix(MAGIC) {
        return match version {
            version if version.starts_with(COMPONENT) => Ok(()),
            [1, 0, 0, 0, ..] => Err(FileError::CoreModule),
            [_, _, _, _, ..] => Err(FileError::Damaged("its version of WebAssembly is not known".into())),
            _ => Err(FileError::Damaged("it ends within its first 8 bytes".into())),
        };
    }
    if Engine::detect_precompiled(bytes).is_some() {
        return Err(FileError::Precompiled);
    }
    let beginning = &bytes[..bytes.len().min(4 << 10)];
    let is_text = match std::str::from_utf8(beginning) {
        Ok(text) => !text.contains('\0'),
        // A character that the cut went through does not make it binary.
        Err(error) => error.error_len().is_none() && !beginning.contains(&0),
    };
    Err(if is_text { FileError::Text } else { FileError::Foreign })
}

/// What stands at the outside of a component.
#[derive(Default)]
struct Outline {
    imports: Vec<String>,
    exports: Vec<String>,
    manifest: Option<Box<[u8]>>,
}

impl Outline {
    fn read(&mut self, bytes: &[u8], features: WasmFeatures) -> Result<(), Error> {
        let mut validator = Validator::new_with_features(features);
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(damaged)?;
            validator.payload(&payload).map_err(|error| invalid(&error))?;
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    self.found_imports(section)?;
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    self.found_exports(section)?;
                }
                Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => {
                    self.found_manifest(section.data())?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn found_imports(&mut self, section: ComponentImportSectionReader<'_>) -> Result<(), FileError> {
        for import in section {
            self.imports.push(import.map_err(damaged)?.name.name.into());
        }
        Ok(())
    }

    fn found_exports(&mut self, section: ComponentExportSectionReader<'_>) -> Result<(), FileError> {
        for export in section {
            let export = export.map_err(damaged)?;
            if export.kind == ComponentExternalKind::Instance {
                self.exports.push(export.name.name.into());
            }
        }
        Ok(())
    }

    /// A linker can leave the same section twice; two that differ leave open
    /// which one holds.
    fn found_manifest(&mut self, data: &[u8]) -> Result<(), ContractError> {
        match &self.manifest {
            Some(found) if **found != *data => Err(ContractError::Manifests),
            Some(_) => Ok(()),
            None => {
                self.manifest = Some(data.into());
                Ok(())
            }
        }
    }
}

fn damaged(error: BinaryReaderError) -> FileError {
    FileError::Damaged(format!("{} at byte {}", clean_cut(error.message(), 300), error.offset()))
}

fn invalid(error: &BinaryReaderError) -> Error {
    if error.message().contains("component model async") {
        return ContractError::Async.into();
    }
    FileError::Damaged(format!("{} at byte {}", clean_cut(error.message(), 300), error.offset())).into()
}

fn judge_imports(names: &[String]) -> Result<(), ContractError> {
    let of_standing = |wanted: Standing| {
        let fits = names.iter().filter(|name| standing(name) == wanted);
        fits.map(|name| clean_cut(name, 200).into_owned()).collect::<Vec<String>>()
    };
    let (refused, other_version) = (of_standing(Standing::Refused), of_standing(Standing::OtherVersion));
    if !refused.is_empty() {
        return Err(ContractError::Import { names: refused });
    }
    if !other_version.is_empty() {
        return Err(ContractError::Version { names: other_version });
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Given,
    OtherVersion,
    Refused,
}

/// What the host says to an import of that name, such as
/// `wasi:cli/stdout@0.2.6`.
fn standing(name: &str) -> Standing {
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    if let Some(interface) = interface.strip_prefix(CONTRACT) {
        return match (imports::CONNECT.contains(&interface), is_release(version, CONTRACT_VERSION)) {
            (true, true) => Standing::Given,
            (_, false) => Standing::OtherVersion,
            (false, true) => Standing::Refused,
        };
    }
    let of_wasi =
        interface.strip_prefix("wasi:").is_some_and(|name| imports::wasi::INTERFACES.contains(&name));
    if of_wasi && is_release(version, "0.2.") { Standing::Given } else { Standing::Refused }
}

/// Whether `version` is `prefix` and a number: pre-releases are compatible with
/// nothing.
fn is_release(version: &str, prefix: &str) -> bool {
    version
        .strip_prefix(prefix)
        .is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()))
}

fn judge_exports(names: &[String]) -> Result<Exports, ContractError> {
    let ours = names.iter().filter_map(|name| {
        let (interface, version) = name.strip_prefix(CONTRACT)?.split_once('@')?;
        Some((interface, is_release(version, CONTRACT_VERSION), name))
    });
    let ours: Vec<_> = ours.collect();
    let other: Vec<String> =
        ours.iter().filter(|(_, spoken, _)| !spoken).map(|(_, _, name)| (*name).clone()).collect();
    let has = |wanted: &str| ours.iter().any(|(interface, spoken, _)| *spoken && *interface == wanted);
    if !has("channel-type") {
        return Err(if other.is_empty() {
            ContractError::NoChannelType
        } else {
            ContractError::Version { names: other }
        });
    }
    Ok(Exports {
        transport_check: has("transport-check"),
        connector: has("connector"),
        exporter: has("exporter"),
        operations: has("operations"),
        webhook: has("webhook"),
        lifecycle: has("lifecycle"),
    })
}
