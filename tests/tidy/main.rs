//! The rules of the repository that no compiler checks.

mod docs;
mod floors;
mod metrics;
mod names;
mod tree;
